"""Messages of Redox in memory."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from clinic_domain.ehr.model import Message, PrecedingOrder, ReportOrder
from clinic_domain.ehr.ports import MessageRepository
from clinic_domain.values import ClinicId, RecordId


@attrs.frozen
class MemoryMessageRepository(MessageRepository):
    """A cell per message; the report orders of a clinic share one."""

    _cells: Cells

    async def find(self, message_id: RecordId) -> Message | None:
        return self._cells.read(layout.message(message_id))

    async def add(self, message: Message) -> None:
        self._cells.write(layout.message(message.id), message)

    async def stored(self, message_ids: Collection[RecordId]) -> frozenset[RecordId]:
        return frozenset(id_ for id_ in message_ids if self._cells.read(layout.message(id_)))

    async def order_reports(self, orders: Iterable[ReportOrder]) -> None:
        for order in orders:
            cell = layout.reports_of(order.clinic_id)
            self._cells.write(cell, (*self._cells.read(cell), order))
            clinics = self._cells.read(layout.CLINICS_WITH_REPORTS)
            self._cells.write(layout.CLINICS_WITH_REPORTS, clinics | {order.clinic_id})
            if order.message_id is not None:
                self._note_newest(order.message_id, order)

    async def last_ordered(
        self, message_ids: Collection[RecordId]
    ) -> Mapping[RecordId, PrecedingOrder]:
        newest = {id_: self._cells.read(layout.reports_by(id_)) for id_ in message_ids}
        return {
            id_: PrecedingOrder(order.id, order.created_time)
            for id_, order in newest.items()
            if order
        }

    async def reports_ordered(self, clinic_id: ClinicId) -> tuple[ReportOrder, ...]:
        orders = self._cells.read(layout.reports_of(clinic_id))
        return tuple(sorted(orders, key=lambda order: order.id))

    async def forget_reports(self, before: datetime) -> None:
        for clinic_id in self._cells.read(layout.CLINICS_WITH_REPORTS):
            cell = layout.reports_of(clinic_id)
            orders = self._cells.read(cell)
            old = [order for order in orders if order.created_time < before]
            if old:
                self._cells.write(cell, tuple(order for order in orders if order not in old))
            for order in old:
                if order.message_id is not None:
                    self._forget_newest(order.message_id, order)

    def _note_newest(self, message_id: RecordId, order: ReportOrder) -> None:
        cell = layout.reports_by(message_id)
        newest = self._cells.read(cell)
        if newest is None or _age(newest) < _age(order):
            self._cells.write(cell, order)

    def _forget_newest(self, message_id: RecordId, order: ReportOrder) -> None:
        cell = layout.reports_by(message_id)
        if self._cells.read(cell) == order:
            self._cells.write(cell, None)


def _age(order: ReportOrder) -> tuple[datetime, RecordId]:
    return order.created_time, order.id
