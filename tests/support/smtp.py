"""A mail server on the loopback, which keeps what it takes."""

import asyncio
import email.policy
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any, Final, cast

import attrs
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER: Final = "clinic@example.com"
PASSWORD: Final = "p@ss:wörd"


@attrs.frozen
class Taken:
    """A mail as the server took it."""

    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        content: str = part.get_content()
        return content


@attrs.define
class MailServer:
    """What the server took, and whom it refuses."""

    port: int = 0
    taken: list[Taken] = attrs.field(factory=list)
    refused: set[str] = attrs.field(factory=set)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks for this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - likewise
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = cast("bytes", envelope.content)
        message = message_from_bytes(content, policy=email.policy.default)
        self.taken.append(Taken(tuple(envelope.rcpt_tos), message))
        return "250 OK"


def _authenticated(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right)


@asynccontextmanager
async def mail_server(
    server: MailServer | None = None,
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    needs_login: bool = False,
) -> AsyncIterator[MailServer]:
    """Run a mail server in this event loop."""
    server = server or MailServer()
    options: dict[str, Any] = {"hostname": "localhost", "enable_SMTPUTF8": True}
    if starttls:
        options |= {"tls_context": starttls, "require_starttls": True}
    if needs_login:
        options |= {
            "authenticator": _authenticated,
            "auth_required": True,
            "auth_require_tls": tls is None,
        }

    def made() -> SMTP:
        with warnings.catch_warnings():
            # That TLS is there from the start is beyond what it knows.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            return SMTP(server, **options)

    listening = await asyncio.get_running_loop().create_server(made, "127.0.0.1", port, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()
