"""Where notifications wait, and who carries them."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from clinic_domain.errors import Unavailable
from clinic_domain.notifications.model import DeliveryState, Notification
from clinic_domain.values import RecordId


class MailNotTaken(Unavailable):
    """The mail service is down, or refuses a mail or one of its recipients."""

    message = "the mail was not taken"


class Mailer(Protocol):
    """Writes a notification and hands it to a mail service."""

    @abstractmethod
    async def send(self, notification: Notification, recipients: Sequence[str]) -> None:
        """
        Send one mail to all *recipients* that the mail service takes.

        It answers well within the lease of the outbox. What is sent twice has the same Message-ID,
        where the service lets one choose it.

        Raises:
            MailNotTaken: nobody got it, as far as one can know.
        """


class Bell(Protocol):
    """Wakes whoever sends what is owed."""

    @abstractmethod
    async def ring(self) -> None:
        """
        Tell that something is due, and give it a moment to be sent.

        Nothing depends on it: what is due is found anyhow. Never raises.
        """


class OutboxRepository(Protocol):
    """The notifications of one transaction that are not sent, oldest first."""

    @abstractmethod
    async def add(self, notification: Notification) -> None:
        """Owe a mail."""

    @abstractmethod
    async def find(self, notification_id: RecordId) -> Notification | None:
        """Return a notification that is still there."""

    @abstractmethod
    async def next_due(self, now: datetime) -> Notification | None:
        """Return that which has been due longest; it may pass over what somebody else holds."""

    @abstractmethod
    async def in_state(self, state: DeliveryState, limit: int) -> tuple[Notification, ...]:
        """Return the first so many in a state, by `created_time`, then by id."""

    @abstractmethod
    async def save(self, notification: Notification) -> None:
        """Store a changed notification."""

    @abstractmethod
    async def remove(self, notification_id: RecordId) -> None:
        """Forget a notification, if it is there."""
