"""Deletion records in SQL; the repositories of what they are about write them."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs
import sqlalchemy as sa

from adapters.sql.changes import following
from adapters.sql.clinicians import clinician_of
from adapters.sql.clinics import clinic_of
from adapters.sql.documents import moment_of
from adapters.sql.patient_rows import patient_of
from adapters.sql.statements import Row, Session, Statement
from adapters.sql.tables import (
    CLINIC_FIELDS,
    CLINICIAN_FIELDS,
    PATIENT_FIELDS,
    clinic_deletions,
    clinician_deletions,
    patient_deletions,
)
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.patients.model import Patient
from clinic_domain.storage import DeletionRepository
from clinic_domain.values import ClinicId

R = TypeVar("R")


def _select(table: sa.Table, fields: tuple[str, ...]) -> sa.Select[Any]:
    columns = table.c
    return sa.select(columns.deleted_time, columns.deleted_by, *(columns[name] for name in fields))


def _of_clinic(table: sa.Table, fields: tuple[str, ...], clinic_id: sa.Column[Any]) -> Statement:
    records = _select(table, fields).where(clinic_id == sa.bindparam("which_clinic"))
    return Statement(records.order_by(table.c.number))


_CLINICS: Final = _of_clinic(clinic_deletions, CLINIC_FIELDS, clinic_deletions.c.id)
_CLINICIANS: Final = _of_clinic(
    clinician_deletions, CLINICIAN_FIELDS, clinician_deletions.c.clinic_id
)
_PATIENTS: Final = _of_clinic(patient_deletions, PATIENT_FIELDS, patient_deletions.c.clinic_id)

FOLLOWING_CLINICS: Final = following(
    _select(clinic_deletions, CLINIC_FIELDS), clinic_deletions.c.number
)
FOLLOWING_CLINICIANS: Final = following(
    _select(clinician_deletions, CLINICIAN_FIELDS), clinician_deletions.c.number
)
FOLLOWING_PATIENTS: Final = following(
    _select(patient_deletions, PATIENT_FIELDS), patient_deletions.c.number
)


def record_of(removed: Callable[[Row], R], row: Row) -> DeletionRecord[R]:
    """Return the deletion record of a row, of which *removed* understands all but its beginning."""
    return DeletionRecord(removed(row[2:]), Deletion(moment_of(row[0]), row[1]))


@attrs.frozen
class SqlDeletionRepository(DeletionRepository):
    _session: Session

    async def clinics(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinic], ...]:
        return await self._records(_CLINICS, clinic_id, clinic_of)

    async def clinicians(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinician], ...]:
        return await self._records(_CLINICIANS, clinic_id, clinician_of)

    async def patients(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Patient], ...]:
        return await self._records(_PATIENTS, clinic_id, patient_of)

    async def _records(
        self, statement: Statement, clinic_id: ClinicId, removed: Callable[[Row], R]
    ) -> tuple[DeletionRecord[R], ...]:
        await self._session.hold((clinic_id,))
        rows = await self._session.all(statement, {"which_clinic": clinic_id})
        return tuple(record_of(removed, row) for row in rows)
