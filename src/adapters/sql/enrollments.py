"""What Xealth said, in SQL."""

from datetime import datetime
from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import Inserts, following, insert_into
from adapters.sql.documents import (
    json_of,
    moment_of,
    moment_or_none,
    number_of,
    reader_of,
    value_of,
    writer_of,
)
from adapters.sql.statements import Row, Session, Statement, UniqueViolation
from adapters.sql.tables import enrollment_orders, preorders, report_views
from clinic_domain.ehr.errors import DuplicatePreorder
from clinic_domain.ehr.model import (
    EnrollmentOrder,
    OrderEvent,
    Preorder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.ehr.ports import EnrollmentRepository
from clinic_domain.values import RecordId

_read_preorder = reader_of(Preorder)
_read_event = reader_of(OrderEvent)
_write_preorder = writer_of(Preorder)
_write_event = writer_of(OrderEvent)


def preorder_of(row: Row) -> StoredPreorder:
    id_, _, entry = row
    return StoredPreorder(id_, _read_preorder(entry))


def preorder_row(stored: StoredPreorder) -> dict[str, Any]:
    return {
        "id": stored.id,
        "tracking_id": stored.preorder.tracking_id,
        "entry": _write_preorder(stored.preorder),
    }


def order_of(row: Row) -> EnrollmentOrder:
    id_, event, data = row
    return EnrollmentOrder(id_, _read_event(event), value_of(data))


def order_row(order: EnrollmentOrder) -> dict[str, Any]:
    return {"id": order.id, "event": _write_event(order.event), "data": json_of(order.data)}


def view_of(row: Row) -> ReportView:
    id_, viewer_id, deployment, patient_id, program_id, clinic_id, created_time, login = row
    report = deployment, patient_id, program_id, clinic_id
    return ReportView(id_, viewer_id, *report, moment_of(created_time), login)


def view_row(view: ReportView) -> dict[str, Any]:
    return {
        "id": view.id,
        "viewer_id": view.viewer_id,
        "deployment": view.deployment,
        "patient_id": view.patient_id,
        "program_id": view.program_id,
        "clinic_id": view.clinic_id,
        "created_time": number_of(view.created_time),
        "login": view.login,
    }


_FIND_PREORDER: Final = Statement(
    sa.select(preorders).where(preorders.c.tracking_id == sa.bindparam("which_tracking_id"))
)
_INSERT_PREORDER: Final = insert_into(preorders)
PREORDER_INSERTS: Final[Inserts] = ((_INSERT_PREORDER, lambda stored: [preorder_row(stored)]),)
FOLLOWING_PREORDERS: Final = following(sa.select(preorders), preorders.c.id)

_FIND_ORDER: Final = Statement(
    sa.select(enrollment_orders).where(enrollment_orders.c.id == sa.bindparam("which_id"))
)
_INSERT_ORDER: Final = insert_into(enrollment_orders)
ORDER_INSERTS: Final[Inserts] = ((_INSERT_ORDER, lambda order: [order_row(order)]),)
FOLLOWING_ORDERS: Final = following(sa.select(enrollment_orders), enrollment_orders.c.id)

_INSERT_VIEW: Final = insert_into(report_views)
VIEW_INSERTS: Final[Inserts] = ((_INSERT_VIEW, lambda view: [view_row(view)]),)
FOLLOWING_VIEWS: Final = following(sa.select(report_views), report_views.c.id)
_REPORT: Final = ("viewer_id", "deployment", "patient_id", "program_id", "clinic_id")
_LAST_VIEW: Final = Statement(
    sa.select(sa.func.max(report_views.c.created_time)).where(
        *(report_views.c[name] == sa.bindparam(name) for name in _REPORT)
    )
)


@attrs.frozen
class SqlEnrollmentRepository(EnrollmentRepository):
    """A row per record."""

    _session: Session

    async def find_preorder(self, tracking_id: str) -> Preorder | None:
        row = await self._session.first(_FIND_PREORDER, {"which_tracking_id": tracking_id})
        return None if row is None else preorder_of(row).preorder

    async def add_preorder(self, stored: StoredPreorder) -> None:
        try:
            await self._session.run(_INSERT_PREORDER, preorder_row(stored))
        except UniqueViolation:
            raise DuplicatePreorder(stored.preorder.tracking_id) from None

    async def find_order(self, order_id: RecordId) -> EnrollmentOrder | None:
        row = await self._session.first(_FIND_ORDER, {"which_id": order_id})
        return None if row is None else order_of(row)

    async def add_order(self, order: EnrollmentOrder) -> None:
        await self._session.run(_INSERT_ORDER, order_row(order))

    async def add_view(self, view: ReportView) -> None:
        await self._session.run(_INSERT_VIEW, view_row(view))

    async def last_view(self, like: ReportView) -> datetime | None:
        row = await self._session.first(_LAST_VIEW, view_row(like))
        return moment_or_none(row[0]) if row else None
