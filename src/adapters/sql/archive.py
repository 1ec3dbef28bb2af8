"""Everything that an SQL database keeps, read page by page and stored many at once."""

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import cache, partial
from typing import Any, Final

import asyncpg
import attrs
import sqlalchemy as sa

from adapters.sql import (
    accounts,
    clinicians,
    clinics,
    deletions,
    enrollments,
    invites,
    merging,
    messages,
    migration_records,
    outbox,
    patient_statements,
    patients,
)
from adapters.sql.changes import Inserts, insert_into, values_of
from adapters.sql.documents import text_of, text_or_none
from adapters.sql.patient_rows import data_source_row, patient_of
from adapters.sql.patient_rows import row_of as patient_row
from adapters.sql.postgresql import UnfitText
from adapters.sql.statements import Database, Row, Session, Statement, UniqueViolation
from adapters.sql.summaries import document_of
from adapters.sql.tables import metadata
from clinic_domain.clinics.model import Clinic
from clinic_domain.copying import AT_ONCE, Archive, Kind, NotKept, Record, SigningKey
from clinic_domain.deletions import DeletionRecord
from clinic_domain.patients.model import Patient

Within = Callable[[Callable[[Session], Awaitable[None]]], Awaitable[None]]
"""Runs work in a transaction."""

_MISSING: Final = "what it belongs to is not there"
_UNFIT: Final = "it holds a text or a number that the database does not take"


def _insert(name: str, row_of: Callable[[Any], dict[str, Any]]) -> Inserts:
    statement = insert_into(metadata.tables[name], but=["number"])
    return ((statement, lambda record: [row_of(record)]),)


def _labels(labels: Sequence[Any] | None) -> str | None:
    return None if labels is None else text_of([[label.id, label.name] for label in labels])


def _removed_clinic(clinic: Clinic) -> dict[str, Any]:
    return clinics.row_of(clinic) | {
        "share_codes": text_of([code.value for code in clinic.share_codes]),
        "tags": _labels(clinic.tags),
        "sites": _labels(clinic.sites),
    }


def _removed_patient(patient: Patient) -> dict[str, Any]:
    sources = patient.data_sources
    return patient_row(patient) | {
        "tags": text_or_none(patient.tags),
        "sites": _labels(patient.sites),
        "data_sources": None
        if sources is None
        else text_of([[*data_source_row(source).values()] for source in sources]),
        "summary": patient.summary and document_of(patient.summary),
    }


def _deletion_row(
    row_of: Callable[[Any], dict[str, Any]], record: DeletionRecord[Any]
) -> dict[str, Any]:
    return {**row_of(record.removed), **values_of(record.deletion)}


@attrs.frozen
class _Shelf:
    """Where records of a kind are kept, and how."""

    table: str
    following: Statement
    record_of: Callable[[Row], Record]
    inserts: Inserts
    start: str | int = 0
    """A key that comes before all others."""


@cache
def _number_of(table: str) -> Statement:
    return Statement(sa.select(sa.func.count()).select_from(metadata.tables[table]))


def _deletions(
    table: str,
    following: Statement,
    removed: Callable[[Row], Any],
    row_of: Callable[[Any], dict[str, Any]],
) -> _Shelf:
    inserts = _insert(table, partial(_deletion_row, row_of))
    return _Shelf(table, following, partial(deletions.record_of, removed), inserts)


_SHELVES: Final[dict[Kind, _Shelf]] = {
    Kind.ACCOUNTS: _Shelf(
        "accounts",
        accounts.FOLLOWING,
        accounts.account_of,
        ((accounts.INSERT, lambda account: [accounts.account_row(account)]),),
    ),
    Kind.TOKENS: _Shelf(
        "issued_tokens",
        accounts.FOLLOWING_TOKENS,
        accounts.token_of,
        ((accounts.INSERT_TOKEN, lambda token: [accounts.token_row(token)]),),
    ),
    Kind.SIGNING_KEY: _Shelf(
        "installation",
        accounts.FOLLOWING_KEYS,
        lambda row: SigningKey(row[0]),
        _insert("installation", lambda key: {"id": 1, "signing_key": key.value}),
    ),
    Kind.CLINICS: _Shelf(
        "clinics", clinics.FOLLOWING, clinics.clinic_of, clinics.INSERTS, start=""
    ),
    Kind.CLINICIANS: _Shelf(
        "clinicians", clinicians.FOLLOWING, clinicians.clinician_of, clinicians.INSERTS, start=""
    ),
    Kind.PATIENTS: _Shelf(
        "patients", patient_statements.FOLLOWING, patient_of, patients.INSERTS, start=""
    ),
    Kind.INVITES: _Shelf(
        "invites", invites.FOLLOWING, invites.invite_of, invites.INSERTS, start=""
    ),
    Kind.NOTIFICATIONS: _Shelf(
        "outbox", outbox.FOLLOWING, outbox.notification_of, outbox.INSERTS, start=""
    ),
    Kind.MIGRATIONS: _Shelf(
        "migrations",
        migration_records.FOLLOWING,
        migration_records.migration_of,
        migration_records.INSERTS,
        start="",
    ),
    Kind.MESSAGES: _Shelf(
        "messages", messages.FOLLOWING, messages.message_of, messages.INSERTS, start=""
    ),
    Kind.REPORT_ORDERS: _Shelf(
        "report_orders",
        messages.FOLLOWING_ORDERS,
        messages.report_order_of,
        messages.ORDER_INSERTS,
        start="",
    ),
    Kind.PREORDERS: _Shelf(
        "preorders",
        enrollments.FOLLOWING_PREORDERS,
        enrollments.preorder_of,
        enrollments.PREORDER_INSERTS,
        start="",
    ),
    Kind.ENROLLMENT_ORDERS: _Shelf(
        "enrollment_orders",
        enrollments.FOLLOWING_ORDERS,
        enrollments.order_of,
        enrollments.ORDER_INSERTS,
        start="",
    ),
    Kind.REPORT_VIEWS: _Shelf(
        "report_views",
        enrollments.FOLLOWING_VIEWS,
        enrollments.view_of,
        enrollments.VIEW_INSERTS,
        start="",
    ),
    Kind.CLINIC_DELETIONS: _deletions(
        "clinic_deletions", deletions.FOLLOWING_CLINICS, clinics.clinic_of, _removed_clinic
    ),
    Kind.CLINICIAN_DELETIONS: _deletions(
        "clinician_deletions",
        deletions.FOLLOWING_CLINICIANS,
        clinicians.clinician_of,
        clinicians.row_of,
    ),
    Kind.PATIENT_DELETIONS: _deletions(
        "patient_deletions", deletions.FOLLOWING_PATIENTS, patient_of, _removed_patient
    ),
    Kind.MERGE_RECORDS: _Shelf(
        "merge_records", merging.FOLLOWING, merging.record_of, merging.INSERTS, start=""
    ),
}


@attrs.frozen
class SqlArchive(Archive[Record]):
    """
    Pages by key, each as fast as the first.

    Foreign keys and unique constraints are what a record may have no place for.
    """

    _database: Database
    _within: Within

    async def count(self, kind: Kind) -> int:
        session = await self._database.reading()
        row = await session.first(_number_of(_SHELVES[kind].table), {})
        return int(row[0]) if row else 0

    async def scan(self, kind: Kind) -> AsyncGenerator[Record]:
        shelf = _SHELVES[kind]
        session = await self._database.reading()
        behind: Any = shelf.start
        while rows := await session.all(shelf.following, {"behind": behind, "limit": AT_ONCE}):
            for row in rows:
                yield shelf.record_of(row[:-1])
            behind = rows[-1][-1]

    async def store(self, kind: Kind, records: Sequence[Record]) -> None:
        async def work(session: Session) -> None:
            for statement, rows_of in _SHELVES[kind].inserts:
                rows = (row for record in records for row in rows_of(record))
                await session.insert(statement, rows)

        try:
            await self._within(work)
        except UniqueViolation as violation:
            raise NotKept(f"it clashes with another one ({violation.name})") from None
        except (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError):
            raise NotKept(_MISSING) from None
        except (asyncpg.DataError, UnfitText):
            raise NotKept(_UNFIT) from None
