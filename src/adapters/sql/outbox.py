"""The outbox in SQL."""

from datetime import datetime
from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import Inserts, following, insert_into, put_into
from adapters.sql.documents import moment_of, number_of, text_of, value_of
from adapters.sql.statements import Row, Session, Statement
from adapters.sql.tables import outbox
from clinic_domain.notifications.model import DeliveryState, Notification, Subject
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.values import RecordId


def notification_of(row: Row) -> Notification:
    """Return the notification that a row stands for."""
    id_, subject, created_time, due_time, addresses, user_id, facts, attempts, state = row
    return Notification(
        id_,
        Subject(subject),
        moment_of(created_time),
        moment_of(due_time),
        tuple(value_of(addresses)),
        user_id,
        value_of(facts),
        attempts,
        DeliveryState(state),
    )


def row_of(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.id,
        "subject": notification.subject,
        "created_time": number_of(notification.created_time),
        "due_time": number_of(notification.due_time),
        "addresses": text_of(notification.addresses),
        "user_id": notification.user_id,
        "facts": text_of(notification.facts),
        "attempts": notification.attempts,
        "state": notification.state,
    }


_by_id: Final = outbox.c.id == sa.bindparam("which_id")
_in_state: Final = outbox.c.state == sa.bindparam("which_state")

_find: Final = sa.select(outbox).where(_by_id)
_FIND: Final = Statement(_find, to_change=Statement(_find.with_for_update()))
_next: Final = (
    sa.select(outbox)
    .where(_in_state, outbox.c.due_time <= sa.bindparam("now"))
    .order_by(outbox.c.due_time, outbox.c.id)
    .limit(1)
)
# Those that others try at the moment are passed over, not waited for.
_NEXT: Final = Statement(_next, to_change=Statement(_next.with_for_update(skip_locked=True)))
_IN_STATE: Final = Statement(
    sa.select(outbox)
    .where(_in_state)
    .order_by(outbox.c.created_time, outbox.c.id)
    .limit(sa.bindparam("limit"))
)
_INSERT: Final = insert_into(outbox)
INSERTS: Final[Inserts] = ((_INSERT, lambda notification: [row_of(notification)]),)
FOLLOWING: Final = following(sa.select(outbox), outbox.c.id)
_PUT: Final = put_into(outbox)
_REMOVE: Final = Statement(sa.delete(outbox).where(_by_id))


@attrs.frozen
class SqlOutboxRepository(OutboxRepository):
    """A row per mail that is owed."""

    _session: Session

    async def add(self, notification: Notification) -> None:
        await self._session.run(_INSERT, row_of(notification))

    async def find(self, notification_id: RecordId) -> Notification | None:
        row = await self._session.first(_FIND, {"which_id": notification_id})
        return None if row is None else notification_of(row)

    async def next_due(self, now: datetime) -> Notification | None:
        which = {"which_state": DeliveryState.PENDING, "now": number_of(now)}
        row = await self._session.first(_NEXT, which)
        return None if row is None else notification_of(row)

    async def in_state(self, state: DeliveryState, limit: int) -> tuple[Notification, ...]:
        rows = await self._session.all(_IN_STATE, {"which_state": state, "limit": limit})
        return tuple(map(notification_of, rows))

    async def save(self, notification: Notification) -> None:
        await self._session.run(_PUT, row_of(notification))

    async def remove(self, notification_id: RecordId) -> None:
        await self._session.run(_REMOVE, {"which_id": notification_id})
