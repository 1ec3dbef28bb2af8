"""The outbox in memory."""

from datetime import datetime

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells, without
from clinic_domain.notifications.model import DeliveryState, Notification
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.notifications.rules import is_due
from clinic_domain.values import RecordId


@attrs.frozen
class MemoryOutboxRepository(OutboxRepository):
    """All notifications share a cell."""

    _cells: Cells

    async def add(self, notification: Notification) -> None:
        self._put(notification)

    async def find(self, notification_id: RecordId) -> Notification | None:
        return self._cells.read(layout.OUTBOX).get(notification_id)

    async def next_due(self, now: datetime) -> Notification | None:
        due = (one for one in self._cells.read(layout.OUTBOX).values() if is_due(one, now))
        return min(due, key=lambda one: (one.due_time, one.id), default=None)

    async def in_state(self, state: DeliveryState, limit: int) -> tuple[Notification, ...]:
        found = (one for one in self._cells.read(layout.OUTBOX).values() if one.state is state)
        return tuple(sorted(found, key=lambda one: (one.created_time, one.id))[:limit])

    async def save(self, notification: Notification) -> None:
        self._put(notification)

    async def remove(self, notification_id: RecordId) -> None:
        self._cells.write(layout.OUTBOX, without(self._cells.read(layout.OUTBOX), notification_id))

    def _put(self, notification: Notification) -> None:
        stored = self._cells.read(layout.OUTBOX)
        self._cells.write(layout.OUTBOX, {**stored, notification.id: notification})
