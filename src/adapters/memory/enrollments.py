"""What Xealth said, in memory."""

from datetime import datetime

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from clinic_domain.ehr.errors import DuplicatePreorder
from clinic_domain.ehr.model import EnrollmentOrder, Preorder, ReportView, StoredPreorder
from clinic_domain.ehr.ports import EnrollmentRepository
from clinic_domain.values import RecordId


@attrs.frozen
class MemoryEnrollmentRepository(EnrollmentRepository):
    """A cell per record; the views of a viewer share one."""

    _cells: Cells

    async def find_preorder(self, tracking_id: str) -> Preorder | None:
        stored = self._cells.read(layout.preorder(tracking_id))
        return stored.preorder if stored else None

    async def add_preorder(self, stored: StoredPreorder) -> None:
        cell = layout.preorder(stored.preorder.tracking_id)
        if self._cells.read(cell):
            raise DuplicatePreorder(stored.preorder.tracking_id)
        self._cells.write(cell, stored)

    async def find_order(self, order_id: RecordId) -> EnrollmentOrder | None:
        return self._cells.read(layout.enrollment_order(order_id))

    async def add_order(self, order: EnrollmentOrder) -> None:
        self._cells.write(layout.enrollment_order(order.id), order)

    async def add_view(self, view: ReportView) -> None:
        cell = layout.views_by(view.viewer_id)
        self._cells.write(cell, (*self._cells.read(cell), view))

    async def last_view(self, like: ReportView) -> datetime | None:
        views = self._cells.read(layout.views_by(like.viewer_id))
        return max(
            (view.created_time for view in views if _report_of(view) == _report_of(like)),
            default=None,
        )


def _report_of(view: ReportView) -> tuple[str, ...]:
    return view.deployment, view.patient_id, view.program_id, view.clinic_id
