"""From what is owed to what is read: subject, text and page of a mail."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from typing import Any, Final, Protocol

import attrs
import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from clinic_domain.notifications.model import Notification, Subject
from clinic_domain.notifications.ports import Mailer, MailNotTaken

_SUBJECTS: Final[Mapping[Subject, str]] = {
    Subject.CLINICIAN_INVITED: "Invitation to join {clinic_name}",
    Subject.PATIENT_INVITES: "New Tidepool share invitation received",
    Subject.CLINIC_CREATED: "Your clinic {clinic_name} is ready",
    Subject.ROLES_CHANGED: "Your access to {clinic_name} has changed",
    Subject.CLINIC_MERGED_PATIENT: "{source_clinic_name} is now part of {target_clinic_name}",
    Subject.CLINIC_MERGED_CLINICIAN: "{source_clinic_name} is now part of {target_clinic_name}",
    Subject.CLINIC_MERGED_ADMIN: "{source_clinic_name} is now part of {target_clinic_name}",
}

# What a header takes without quotes, and no mail server for several addresses.
_ADDRESS: Final = re.compile(r"""(?P<name>[^\s@<>()[\],;:\\"]+)@(?P<domain>[^\s@<>()[\],;:\\"]+)""")

_log = structlog.get_logger("clinic.mail")


@attrs.frozen
class Letter:
    """A mail as it is sent."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str

    def message(self) -> EmailMessage:
        """Return it in the form of RFC 5322. Raises ValueError where a recipient has no form."""
        is_ascii = all(map(str.isascii, self.recipients))
        message = EmailMessage(policy=SMTP if is_ascii else SMTPUTF8)
        _, address = parseaddr(self.sender)
        message["Message-ID"] = f"<{self.id}@{address.rpartition('@')[2] or 'localhost'}>"
        message["From"] = self.sender
        message["To"] = tuple(map(_address, self.recipients))
        message["Subject"] = self.subject
        # Nobody is there to read what vacation programs answer (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        return message


def _address(text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError("a recipient is no address")
    return Address(username=found["name"], domain=found["domain"])


class Carrier(Protocol):
    """Hands letters over."""

    @abstractmethod
    async def carry(self, letter: Letter) -> None:
        """Hand a letter over. Raises MailNotTaken."""


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("adapters.mail"),
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _without_slash(url: str) -> str:
    return url.rstrip("/")


@attrs.frozen
class Writer:
    """
    Writes letters.

    Args:
        sender: whose name they bear.
        web_url: the web application that their buttons lead to.
        asset_url: where its logo is; without it letters have none.
    """

    _sender: str
    _web_url: str = attrs.field(converter=_without_slash)
    _asset_url: str = attrs.field(default="", converter=_without_slash)
    _environment: Environment = attrs.field(factory=_environment, init=False)

    def letter(self, notification: Notification, recipients: Sequence[str]) -> Letter:
        """Return what a notification says."""
        facts: dict[str, Any] = {
            **notification.facts,
            "web_url": self._web_url,
            "asset_url": self._asset_url,
        }
        subject = _SUBJECTS[notification.subject].format_map(facts)
        facts["subject"] = subject
        return Letter(
            notification.id,
            self._sender,
            tuple(recipient.strip() for recipient in recipients),
            # What has a line break in it would be several headers.
            " ".join(subject.split()),
            self._render(f"{notification.subject}.txt.jinja", facts),
            self._render(f"{notification.subject}.html.jinja", facts),
        )

    def _render(self, name: str, facts: Mapping[str, Any]) -> str:
        return self._environment.get_template(name).render(facts)


@attrs.frozen
class LetterMailer(Mailer):
    """Writes a letter and gives it to a carrier."""

    _writer: Writer
    _carrier: Carrier

    async def send(self, notification: Notification, recipients: Sequence[str]) -> None:
        try:
            await self._carrier.carry(self._writer.letter(notification, recipients))
        except MailNotTaken as error:
            _log.warning("mail not taken", notification=notification.id, reason=_reason(error))
            raise
        except Exception as error:  # noqa: BLE001 - others are sent all the same
            # What it says may have names in it.
            kind = type(error).__name__
            _log.warning("mail cannot be sent", notification=notification.id, reason=kind)
            raise MailNotTaken(kind) from None


def _reason(error: MailNotTaken) -> str:
    return ", ".join(map(str, error.args)) or "unknown"
