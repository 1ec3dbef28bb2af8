"""Everything that is kept in memory, to be copied."""

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from operator import itemgetter
from typing import Any, Final

import attrs

from adapters.memory import layout
from adapters.memory.accounts import MemoryAccountRepository
from adapters.memory.cells import Cell, Cells, Committed
from adapters.memory.clinicians import MemoryClinicianRepository
from adapters.memory.clinics import MemoryClinicRepository
from adapters.memory.deletions import keep
from adapters.memory.enrollments import MemoryEnrollmentRepository
from adapters.memory.invites import MemoryInviteRepository
from adapters.memory.merging import MemoryMergeRecordRepository
from adapters.memory.messages import MemoryMessageRepository
from adapters.memory.migrations import MemoryMigrationRepository
from adapters.memory.outbox import MemoryOutboxRepository
from adapters.memory.patients import MemoryPatientRepository
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.copying import Archive, Kind, NotKept, Record, SigningKey, id_of
from clinic_domain.deletions import DeletionRecord
from clinic_domain.ehr.model import (
    EnrollmentOrder,
    Message,
    ReportOrder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.errors import BadRequest, ConstraintViolation, Duplicate
from clinic_domain.invites.model import Invite
from clinic_domain.merging.model import MergeRecord, PlanId
from clinic_domain.migrations.model import Migration
from clinic_domain.notifications.model import Notification
from clinic_domain.patients.model import Patient
from clinic_domain.users import Account, IssuedToken
from clinic_domain.values import ClinicId, RecordId, UserId

Within = Callable[[Callable[[Cells], Awaitable[None]]], Awaitable[None]]
"""Runs work in a transaction."""

_ANY: Final = ClinicId("")
_NO_PLAN: Final = PlanId("")
_REMOVED: Final = {
    Kind.CLINIC_DELETIONS: layout.removed_clinics(_ANY).kind,
    Kind.CLINICIAN_DELETIONS: layout.removed_clinicians(_ANY).kind,
    Kind.PATIENT_DELETIONS: layout.removed_patients(_ANY).kind,
}

_ALONE: Final = {
    Kind.MIGRATIONS: layout.migration_of(UserId("")).kind,
    Kind.MESSAGES: layout.message(RecordId("")).kind,
    Kind.PREORDERS: layout.preorder("").kind,
    Kind.ENROLLMENT_ORDERS: layout.enrollment_order(RecordId("")).kind,
}
"""Kinds of which each record has a cell of its own."""
_TOGETHER: Final = {
    Kind.REPORT_ORDERS: layout.reports_of(_ANY).kind,
    Kind.REPORT_VIEWS: layout.views_by("").kind,
    Kind.MERGE_RECORDS: layout.merge_records(_NO_PLAN).kind,
}
_BY_KEY: Final[Mapping[Kind, Cell[Any]]] = {
    Kind.INVITES: layout.INVITES,
    Kind.NOTIFICATIONS: layout.OUTBOX,
}


@attrs.frozen
class MemoryArchive(Archive[Record]):
    _committed: Committed
    _within: Within

    async def count(self, kind: Kind) -> int:
        return len(list(self._records(kind)))

    async def scan(self, kind: Kind) -> AsyncGenerator[Record]:
        for record in list(self._records(kind)):
            yield record

    def _records(self, kind: Kind) -> Iterable[Record]:
        match kind:
            case Kind.ACCOUNTS:
                return self._committed.read(layout.ACCOUNTS).values()
            case Kind.TOKENS:
                return self._committed.read(layout.TOKENS).values()
            case Kind.SIGNING_KEY:
                key = self._committed.read(layout.SIGNING_KEY)
                return () if key is None else (SigningKey(key),)
            case Kind.CLINICS:
                return filter(None, self._committed.all_of(layout.clinic(_ANY).kind))
            case Kind.CLINICIANS:
                members = self._committed.all_of(layout.clinicians(_ANY).kind)
                return _by_id(one for of_clinic in members for one in of_clinic.values())
            case Kind.PATIENTS:
                patients = self._committed.all_of(layout.patients(_ANY).kind)
                return _by_id(one for of_clinic in patients for one in of_clinic.values())
            case _ if kind in _BY_KEY:
                return _by_id(self._committed.read(_BY_KEY[kind]).values())
            case _ if kind in _ALONE:
                return _by_id(filter(None, self._committed.all_of(_ALONE[kind])))
            case _ if kind in _TOGETHER:
                cells = self._committed.all_of(_TOGETHER[kind])
                return _by_id(each for of_one in cells for each in of_one)
            case _:
                cells = self._committed.all_of(_REMOVED[kind])
                numbered = (each for of_clinic in cells for each in of_clinic)
                return (record for _, record in sorted(numbered, key=itemgetter(0)))

    async def store(self, kind: Kind, records: Sequence[Record]) -> None:
        async def work(cells: Cells) -> None:
            for record in records:
                await _store(cells, record)

        try:
            await self._within(work)
        except (BadRequest, ConstraintViolation, Duplicate) as refusal:
            raise NotKept(f"it clashes with another one ({type(refusal).__name__})") from None


def _by_id(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=id_of)


async def _store(cells: Cells, record: Record) -> None:
    if isinstance(record, DeletionRecord):
        _store_removed(cells, record)
    elif isinstance(record, SigningKey):
        cells.write(layout.SIGNING_KEY, record.value)
    else:
        await _ADD[type(record)](cells, record)


async def _order_report(cells: Cells, order: ReportOrder) -> None:
    await MemoryMessageRepository(cells).order_reports([order])


_ADD: Final[Mapping[type, Callable[[Cells, Any], Awaitable[None]]]] = {
    Account: lambda cells, record: MemoryAccountRepository(cells).add(record),
    IssuedToken: lambda cells, record: MemoryAccountRepository(cells).add_token(record),
    Clinic: lambda cells, record: MemoryClinicRepository(cells).add(record),
    Clinician: lambda cells, record: MemoryClinicianRepository(cells).add(record),
    Patient: lambda cells, record: MemoryPatientRepository(cells).add(record),
    Invite: lambda cells, record: MemoryInviteRepository(cells).put(record),
    Notification: lambda cells, record: MemoryOutboxRepository(cells).add(record),
    MergeRecord: lambda cells, record: MemoryMergeRecordRepository(cells).add([record]),
    Migration: lambda cells, record: MemoryMigrationRepository(cells).add(record),
    Message: lambda cells, record: MemoryMessageRepository(cells).add(record),
    ReportOrder: _order_report,
    StoredPreorder: lambda cells, record: MemoryEnrollmentRepository(cells).add_preorder(record),
    EnrollmentOrder: lambda cells, record: MemoryEnrollmentRepository(cells).add_order(record),
    ReportView: lambda cells, record: MemoryEnrollmentRepository(cells).add_view(record),
}


def _store_removed(
    cells: Cells,
    record: DeletionRecord[Clinic] | DeletionRecord[Clinician] | DeletionRecord[Patient],
) -> None:
    match record.removed:
        case Clinic() as clinic:
            records = [DeletionRecord(clinic, record.deletion)]
            keep(cells, layout.removed_clinics(clinic.id), records)
        case Clinician() as clinician:
            keep(
                cells,
                layout.removed_clinicians(clinician.clinic_id),
                [DeletionRecord(clinician, record.deletion)],
            )
        case Patient() as patient:
            keep(
                cells,
                layout.removed_patients(patient.clinic_id),
                [DeletionRecord(patient, record.deletion)],
            )
