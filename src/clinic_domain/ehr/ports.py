"""Where messages and orders are kept, and what partners are asked."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from clinic_domain.ehr.model import (
    EnrollmentOrder,
    Json,
    Message,
    Order,
    PlacedOrder,
    PrecedingOrder,
    Preorder,
    ReportOrder,
    ReportView,
    RestrictedToken,
    StoredPreorder,
)
from clinic_domain.values import ClinicId, RecordId, UserId


class MessageRepository(Protocol):
    """The messages of Redox, and the orders of reports that go back there."""

    @abstractmethod
    async def find(self, message_id: RecordId) -> Message | None:
        """Return a message, whole."""

    @abstractmethod
    async def add(self, message: Message) -> None:
        """Store a message. Raises UnstorableMessage."""

    @abstractmethod
    async def stored(self, message_ids: Collection[RecordId]) -> frozenset[RecordId]:
        """Return which of these messages are there."""

    @abstractmethod
    async def order_reports(self, orders: Iterable[ReportOrder]) -> None:
        """Store orders of reports, which a worker will see."""

    @abstractmethod
    async def last_ordered(
        self, message_ids: Collection[RecordId]
    ) -> Mapping[RecordId, PrecedingOrder]:
        """Return the newest order of reports for each of these messages that has one."""

    @abstractmethod
    async def reports_ordered(self, clinic_id: ClinicId) -> tuple[ReportOrder, ...]:
        """Return the orders of reports of a clinic, oldest first."""

    @abstractmethod
    async def forget_reports(self, before: datetime) -> None:
        """Remove orders of reports that are older; a storage may do so by itself."""


class EnrollmentRepository(Protocol):
    """What was entered before orders of Xealth, the orders, and who looked at reports."""

    @abstractmethod
    async def find_preorder(self, tracking_id: str) -> Preorder | None:
        """Return what was entered."""

    @abstractmethod
    async def add_preorder(self, stored: StoredPreorder) -> None:
        """Store what was entered. Raises DuplicatePreorder."""

    @abstractmethod
    async def find_order(self, order_id: RecordId) -> EnrollmentOrder | None:
        """Return an order."""

    @abstractmethod
    async def add_order(self, order: EnrollmentOrder) -> None:
        """Store an order. Raises UnstorableMessage."""

    @abstractmethod
    async def add_view(self, view: ReportView) -> None:
        """Store that a report was looked at."""

    @abstractmethod
    async def last_view(self, like: ReportView) -> datetime | None:
        """Return when the same viewer looked last at the same report, ids and logins aside."""


class OrderReader(Protocol):
    """Understands what Redox sends."""

    @abstractmethod
    def read(self, content: Json) -> Order:
        """Return what an order is about. Raises UnreadableOrder."""


class XealthOrders(Protocol):
    """The orders that Xealth keeps."""

    @abstractmethod
    async def find(self, deployment: str, order_id: str) -> PlacedOrder | None:
        """Return an order, or None where Xealth knows none. Raises XealthUnavailable."""


class RestrictedTokens(Protocol):
    """
    Tokens that open a patient's data to somebody without an account.

    Both methods raise TokensUnavailable where nobody gives any out.
    """

    @abstractmethod
    async def create(self, user_id: UserId) -> RestrictedToken:
        """Return a new token for the data of a user."""

    @abstractmethod
    async def find(self, token_id: str) -> RestrictedToken | None:
        """Return a token that was given out."""
