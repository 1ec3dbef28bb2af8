"""What is kept of merges, in SQL."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import Inserts, following, insert_into
from adapters.sql.documents import reader_of, writer_of
from adapters.sql.statements import Row, Session, Statement
from adapters.sql.tables import merge_records
from clinic_domain.merging.model import (
    ClinicianPlan,
    ClinicsPlan,
    MergeRecord,
    MergeRecordKind,
    PatientPlan,
    PlanId,
    SitePlan,
    TagPlan,
)
from clinic_domain.merging.ports import MergeRecordRepository

_PLANS: Final[dict[MergeRecordKind, Any]] = {
    MergeRecordKind.TAG: TagPlan,
    MergeRecordKind.PATIENT: PatientPlan,
    MergeRecordKind.SITE: SitePlan,
    MergeRecordKind.CLINICIAN: ClinicianPlan,
    MergeRecordKind.CLINIC: ClinicsPlan,
}
_READ: Final[dict[str, Callable[[str | None], Any]]] = {
    kind: reader_of(plan) for kind, plan in _PLANS.items()
}
_WRITE: Final = {kind: writer_of(plan) for kind, plan in _PLANS.items()}

_FIELDS: Final = [merge_records.c[name] for name in ("id", "plan_id", "kind", "plan")]
_INSERT: Final = insert_into(merge_records)
_OF_PLAN: Final = Statement(
    sa.select(*_FIELDS)
    .where(merge_records.c.plan_id == sa.bindparam("which_plan"))
    .order_by(merge_records.c.id)
)
FOLLOWING: Final = following(sa.select(*_FIELDS), merge_records.c.id)


def record_of(row: Row) -> MergeRecord:
    """Return the record that a row stands for."""
    id_, plan_id, kind, plan = row
    return MergeRecord(id_, plan_id, _READ[kind](plan))


def row_of(record: MergeRecord) -> dict[str, Any]:
    kind = record.kind
    return {
        "id": record.id,
        "plan_id": record.plan_id,
        "kind": str(kind),
        "plan": _WRITE[kind](record.plan),
    }


INSERTS: Final[Inserts] = ((_INSERT, lambda record: [row_of(record)]),)


@attrs.frozen
class SqlMergeRecordRepository(MergeRecordRepository):
    """A row per record, whose plan is a document: nobody looks for what is in it."""

    _session: Session

    async def add(self, records: Sequence[MergeRecord]) -> None:
        await self._session.insert(_INSERT, map(row_of, records))

    async def of_plan(self, plan_id: PlanId) -> tuple[MergeRecord, ...]:
        rows = await self._session.all(_OF_PLAN, {"which_plan": plan_id})
        return tuple(map(record_of, rows))
