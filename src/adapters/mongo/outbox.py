"""The outbox in MongoDB: a collection that no other program knows."""

from datetime import datetime
from typing import Any, Final

import attrs

from adapters.mongo.cursors import listed
from adapters.mongo.documents import (
    MOMENT,
    OBJECT_ID,
    TEXT,
    WHOLE_NUMBER,
    Codec,
    Document,
    Member,
    Presence,
    Shape,
    Unreadable,
    array_of,
    equal_to,
    mapping_of,
)
from adapters.mongo.indexes import OUTBOX
from adapters.mongo.scope import Scope
from clinic_domain.notifications.model import DeliveryState, Notification, Subject
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.values import Page, RecordId


def _one_of(kind: type[Subject] | type[DeliveryState]) -> Codec:
    def decode(stored: Any) -> Any:
        try:
            return kind(TEXT.decode(stored))
        except ValueError:
            raise Unreadable(kind.__name__) from None

    return Codec(lambda value: value.value, decode)


_SHAPE: Final = Shape(
    Notification,
    (
        Member("id", "_id", OBJECT_ID),
        Member("subject", "subject", _one_of(Subject)),
        Member("created_time", "createdTime", MOMENT),
        Member("due_time", "dueTime", MOMENT),
        Member("addresses", "addresses", array_of(TEXT), Presence.FILLED),
        Member("user_id", "userId", TEXT),
        Member("facts", "facts", mapping_of(TEXT), Presence.FILLED),
        Member("attempts", "attempts", WHOLE_NUMBER),
        Member("state", "state", _one_of(DeliveryState)),
    ),
)


def notification_document(notification: Notification) -> Document:
    """Return the document of a notification."""
    return _SHAPE.encode(notification)


def notification_of(document: Document) -> Notification:
    """Return the notification of a document. Raises Unreadable."""
    return _SHAPE.read(document)


@attrs.frozen
class MongoOutboxRepository(OutboxRepository):
    """Whoever tries a mail writes its document, so no two transactions claim one."""

    _scope: Scope

    async def add(self, notification: Notification) -> None:
        await self._scope.insert(OUTBOX, notification_document(notification))

    async def find(self, notification_id: RecordId) -> Notification | None:
        return await self._scope.one(OUTBOX, {"_id": equal_to(notification_id)}, notification_of)

    async def next_due(self, now: datetime) -> Notification | None:
        condition = {"state": DeliveryState.PENDING.value, "dueTime": {"$lte": now}}
        cursor = self._scope.find(OUTBOX, condition).sort([("dueTime", 1), ("_id", 1)])
        found = await listed(cursor, Page(limit=1), notification_of)
        return found[0] if found else None

    async def in_state(self, state: DeliveryState, limit: int) -> tuple[Notification, ...]:
        cursor = self._scope.find(OUTBOX, {"state": state.value})
        order = [("createdTime", 1), ("_id", 1)]
        return await listed(cursor.sort(order), Page(limit=limit), notification_of)

    async def save(self, notification: Notification) -> None:
        document = notification_document(notification)
        await self._scope.store(OUTBOX, document, ("addresses", "facts", "userId"))

    async def remove(self, notification_id: RecordId) -> None:
        await self._scope.delete(OUTBOX, {"_id": equal_to(notification_id)})
