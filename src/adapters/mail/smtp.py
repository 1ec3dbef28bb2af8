"""Mail servers that speak SMTP."""

import asyncio
from typing import Final

import aiosmtplib
import attrs
import structlog

from adapters.mail.letters import Carrier, Letter
from clinic_domain.notifications.ports import MailNotTaken

TIMEOUT: Final = 60.0
"""Seconds for a conversation with the server."""

_log = structlog.get_logger("clinic.mail")


@attrs.frozen
class SmtpCarrier(Carrier):
    """
    A conversation per letter.

    Over TLS, from the start (*use_tls*) or from STARTTLS on (*start_tls*); where the server does
    not offer what is asked for, no letter leaves.
    """

    _host: str
    _port: int
    _username: str | None = None
    _password: str | None = attrs.field(default=None, repr=False)
    _use_tls: bool = attrs.field(default=False, kw_only=True)
    _start_tls: bool = attrs.field(default=True, kw_only=True)
    _timeout: float = attrs.field(default=TIMEOUT, kw_only=True)

    async def carry(self, letter: Letter) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                refused, _ = await aiosmtplib.send(
                    letter.message(),
                    recipients=list(letter.recipients),
                    hostname=self._host,
                    port=self._port,
                    username=self._username,
                    password=self._password,
                    use_tls=self._use_tls,
                    start_tls=self._start_tls,
                    timeout=self._timeout,
                )
        except aiosmtplib.SMTPResponseException as error:
            # Not what the server says, which may repeat an address.
            raise MailNotTaken(f"{type(error).__name__} {error.code}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailNotTaken(type(error).__name__) from None
        if refused:
            _log.warning("some recipients refused", notification=letter.id, number=len(refused))
