"""What carries mails, and who writes and sends them."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.settings import MailServer, Settings
from adapters.system import at_work, nothing
from clinic_domain.notifications.ports import Mailer

if TYPE_CHECKING:
    import httpx

    from adapters.mail import Carrier, Doorbell, Postman


def new_mail_http(settings: Settings) -> "httpx.AsyncClient":
    from adapters.tidepool import new_client  # noqa: PLC0415 - httpx is not for everybody

    return new_client(timeout=settings.variables.peer_timeout.total_seconds())


def new_carrier(settings: Settings, client: Callable[[], "httpx.AsyncClient"]) -> "Carrier":
    from adapters.mail import (  # noqa: PLC0415 - a command seldom sends mails
        ConsoleCarrier,
        FileCarrier,
        NoCarrier,
    )

    match settings.mail.kind:
        case "console":
            return ConsoleCarrier()
        case "file":
            return FileCarrier(settings.mail.folder or Path())
        case "ses":
            return _ses(settings, client())
        case "smtp" if settings.mail.server:
            return _smtp(settings, settings.mail.server)
        case _:
            return NoCarrier()


def _ses(settings: Settings, client: "httpx.AsyncClient") -> "Carrier":
    from adapters.mail.ses import Credentials, SesCarrier  # noqa: PLC0415 - as above

    variables = settings.variables
    credentials = None
    if variables.aws_key_id and variables.aws_key:
        credentials = Credentials(variables.aws_key_id, variables.aws_key, variables.aws_session)
    return SesCarrier(client, variables.ses_region, variables.ses_endpoint, credentials)


def _smtp(settings: Settings, server: MailServer) -> "Carrier":
    from adapters.mail.smtp import SmtpCarrier  # noqa: PLC0415 - as above

    return SmtpCarrier(
        server.host,
        server.port,
        server.username,
        server.password,
        use_tls=server.use_tls,
        start_tls=server.start_tls,
        # A mail server is given up well before others think that we are dead.
        timeout=settings.variables.mail_lease.total_seconds() / 2,
    )


def new_mailer(settings: Settings, carrier: "Carrier") -> Mailer:
    from adapters.mail import LetterMailer, Writer  # noqa: PLC0415 - as above

    variables = settings.variables
    writer = Writer(variables.sender, variables.web_url, variables.asset_url or "")
    return LetterMailer(writer, carrier)


def new_bell() -> "Doorbell":
    from adapters.mail import Doorbell  # noqa: PLC0415 - as above

    return Doorbell()


def new_postman(
    settings: Settings, deliver_one: Callable[[], Awaitable[bool]], bell: "Doorbell"
) -> "Postman":
    from adapters.mail import Postman  # noqa: PLC0415 - as above

    return Postman(deliver_one, bell, settings.variables.mail_interval.total_seconds())


def opened_mail(
    settings: Settings, postman: "Postman", client: Callable[[], "httpx.AsyncClient"]
) -> AbstractAsyncContextManager[None]:
    """Send what is owed, and close the client where there is one."""
    has_client = settings.mail.kind == "ses"
    return at_work(postman.work, client().aclose if has_client else nothing)
