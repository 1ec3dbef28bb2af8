"""Messages of Redox in SQL, and the orders of reports."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import Inserts, following, insert_into
from adapters.sql.dialects import texts_in
from adapters.sql.documents import (
    json_of,
    moment_of,
    number_of,
    reader_of,
    text_of,
    value_of,
    writer_of,
)
from adapters.sql.statements import Row, Session, Statement
from adapters.sql.tables import messages, report_orders
from clinic_domain.ehr.model import Message, MessageMeta, PrecedingOrder, ReportOrder
from clinic_domain.ehr.ports import MessageRepository
from clinic_domain.values import ClinicId, RecordId

_read_meta = reader_of(MessageMeta)
_write_meta = writer_of(MessageMeta)


def message_of(row: Row) -> Message:
    id_, meta, content = row
    return Message(id_, _read_meta(meta), value_of(content))


def message_row(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "meta": _write_meta(message.meta),
        "content": json_of(message.content),
    }


def report_order_of(row: Row) -> ReportOrder:
    id_, clinic_id, user_id, created_time, message_id, preceding_id, preceding_time = row
    preceding = None
    if preceding_id is not None:
        preceding = PrecedingOrder(preceding_id, moment_of(preceding_time))
    return ReportOrder(id_, clinic_id, user_id, moment_of(created_time), message_id, preceding)


def report_order_row(order: ReportOrder) -> dict[str, Any]:
    preceding = order.preceding
    return {
        "id": order.id,
        "clinic_id": order.clinic_id,
        "user_id": order.user_id,
        "created_time": number_of(order.created_time),
        "message_id": order.message_id,
        "preceding_id": preceding.id if preceding else None,
        "preceding_time": number_of(preceding.created_time) if preceding else None,
    }


_FIND: Final = Statement(sa.select(messages).where(messages.c.id == sa.bindparam("which_id")))
_INSERT: Final = insert_into(messages)
INSERTS: Final[Inserts] = ((_INSERT, lambda message: [message_row(message)]),)
FOLLOWING: Final = following(sa.select(messages), messages.c.id)
_some: Final = texts_in(sa.bindparam("some"))
_STORED: Final = Statement(sa.select(messages.c.id).where(messages.c.id.in_(_some)))

_INSERT_ORDER: Final = insert_into(report_orders)
ORDER_INSERTS: Final[Inserts] = ((_INSERT_ORDER, lambda order: [report_order_row(order)]),)
FOLLOWING_ORDERS: Final = following(sa.select(report_orders), report_orders.c.id)
_ORDERS: Final = Statement(
    sa.select(report_orders)
    .where(report_orders.c.clinic_id == sa.bindparam("which_clinic"))
    .order_by(report_orders.c.id)
)
_LAST: Final = Statement(
    sa.select(report_orders.c.id, report_orders.c.created_time)
    .where(report_orders.c.message_id == sa.bindparam("which_message"))
    .order_by(report_orders.c.created_time.desc(), report_orders.c.id.desc())
    .limit(sa.literal_column("1"))
)
_FORGET: Final = Statement(
    sa.delete(report_orders).where(report_orders.c.created_time < sa.bindparam("before"))
)


@attrs.frozen
class SqlMessageRepository(MessageRepository):
    """A row per message, and per report order."""

    _session: Session

    async def find(self, message_id: RecordId) -> Message | None:
        row = await self._session.first(_FIND, {"which_id": message_id})
        return None if row is None else message_of(row)

    async def add(self, message: Message) -> None:
        await self._session.run(_INSERT, message_row(message))

    async def stored(self, message_ids: Collection[RecordId]) -> frozenset[RecordId]:
        rows = await self._session.all(_STORED, {"some": text_of(sorted(message_ids))})
        return frozenset(row[0] for row in rows)

    async def order_reports(self, orders: Iterable[ReportOrder]) -> None:
        await self._session.insert(_INSERT_ORDER, map(report_order_row, orders))

    async def last_ordered(
        self, message_ids: Collection[RecordId]
    ) -> Mapping[RecordId, PrecedingOrder]:
        found = {}
        for message_id in sorted(message_ids):
            row = await self._session.first(_LAST, {"which_message": message_id})
            if row is not None:
                found[message_id] = PrecedingOrder(row[0], moment_of(row[1]))
        return found

    async def reports_ordered(self, clinic_id: ClinicId) -> tuple[ReportOrder, ...]:
        rows = await self._session.all(_ORDERS, {"which_clinic": clinic_id})
        return tuple(map(report_order_of, rows))

    async def forget_reports(self, before: datetime) -> None:
        await self._session.run(_FORGET, {"before": number_of(before)})
