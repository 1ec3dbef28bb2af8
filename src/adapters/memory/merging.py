"""What is kept of merges, in memory."""

from collections.abc import Sequence

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from clinic_domain.merging.model import MergeRecord, PlanId
from clinic_domain.merging.ports import MergeRecordRepository


@attrs.frozen
class MemoryMergeRecordRepository(MergeRecordRepository):
    """A cell per execution."""

    _cells: Cells

    async def add(self, records: Sequence[MergeRecord]) -> None:
        for plan_id in dict.fromkeys(record.plan_id for record in records):
            cell = layout.merge_records(plan_id)
            own = (record for record in records if record.plan_id == plan_id)
            self._cells.write(cell, (*self._cells.read(cell), *own))

    async def of_plan(self, plan_id: PlanId) -> tuple[MergeRecord, ...]:
        records = self._cells.read(layout.merge_records(plan_id))
        return tuple(sorted(records, key=lambda record: record.id))
