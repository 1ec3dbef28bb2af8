"""Transactions on an SQL database."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.accounts import SqlAccountRepository
from adapters.sql.archive import SqlArchive
from adapters.sql.clinicians import SqlClinicianRepository
from adapters.sql.clinics import SqlClinicRepository
from adapters.sql.deletions import SqlDeletionRepository
from adapters.sql.engines import create_engine
from adapters.sql.enrollments import SqlEnrollmentRepository
from adapters.sql.invites import SqlInviteRepository
from adapters.sql.merging import SqlMergeRecordRepository
from adapters.sql.messages import SqlMessageRepository
from adapters.sql.migration_records import SqlMigrationRepository
from adapters.sql.outbox import SqlOutboxRepository
from adapters.sql.patients import SqlPatientRepository
from adapters.sql.postgresql import PostgresqlDatabase
from adapters.sql.schema import upgrade
from adapters.sql.sqlite import SqliteDatabase
from adapters.sql.statements import Database, Interrupted, Session, Statement
from adapters.sql.summaries import KnownSummaries
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.copying import Archive, Record
from clinic_domain.ehr.ports import EnrollmentRepository, MessageRepository
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.merging.ports import MergeRecordRepository
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.storage import DeletionRepository, Storage, Transaction, Work
from clinic_domain.users import AccountRepository

T = TypeVar("T")

ATTEMPTS: Final = 8
"""How often a transaction runs that others keep interrupting."""

_PING: Final = Statement(sa.select(sa.literal_column("1")))


@attrs.frozen
class SqlTransaction(Transaction):
    _session: Session
    _summaries: KnownSummaries = attrs.field(factory=KnownSummaries)

    @property
    def clinics(self) -> ClinicRepository:
        return SqlClinicRepository(self._session)

    @property
    def clinicians(self) -> ClinicianRepository:
        return SqlClinicianRepository(self._session)

    @property
    def patients(self) -> PatientRepository:
        return SqlPatientRepository(self._session, self._summaries)

    @property
    def invites(self) -> InviteRepository:
        return SqlInviteRepository(self._session)

    @property
    def outbox(self) -> OutboxRepository:
        return SqlOutboxRepository(self._session)

    @property
    def deletions(self) -> DeletionRepository:
        return SqlDeletionRepository(self._session)

    @property
    def merge_records(self) -> MergeRecordRepository:
        return SqlMergeRecordRepository(self._session)

    @property
    def migrations(self) -> MigrationRepository:
        return SqlMigrationRepository(self._session)

    @property
    def messages(self) -> MessageRepository:
        return SqlMessageRepository(self._session)

    @property
    def enrollments(self) -> EnrollmentRepository:
        return SqlEnrollmentRepository(self._session)

    @property
    def accounts(self) -> AccountRepository:
        return SqlAccountRepository(self._session)


def _database(engine: AsyncEngine) -> Database:
    return SqliteDatabase(engine) if engine.dialect.name == "sqlite" else PostgresqlDatabase(engine)


@attrs.frozen
class SqlStorage(Storage):
    """
    A use case is one transaction of the database.

    The engine comes from `create_engine`, and `upgrade` has been there; the storage disposes of it
    when it is closed.
    """

    _database: Database = attrs.field(converter=_database, alias="engine")
    _summaries: KnownSummaries = attrs.field(init=False, factory=KnownSummaries)

    async def transaction(self, work: Work[T]) -> T:
        return await self._transaction(
            lambda session: work(SqlTransaction(session, self._summaries))
        )

    async def _transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._attempt(work)
            except Interrupted:
                # Whoever was in the way gets ahead, and not all come back at the same moment.
                await asyncio.sleep(attempt * random.uniform(0.001, 0.01))  # noqa: S311 - no secret
        return await self._attempt(work)

    async def read(self, work: Work[T]) -> T:
        return await work(SqlTransaction(await self._database.reading(), self._summaries))

    async def _attempt(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async with self._database.writing() as session:
            return await work(session)

    @property
    def archive(self) -> Archive[Record]:
        """All that the storage keeps, to be copied."""
        return SqlArchive(self._database, self._transaction)

    async def ping(self) -> None:
        session = await self._database.reading()
        await session.all(_PING, {})

    async def close(self) -> None:
        await self._database.close()


async def open_storage(url: str | URL) -> SqlStorage:
    """
    Return the storage at *url*, with the tables of this version.

    Raises:
        UnusableUrl: there cannot be a database at this URL.
        NewerSchema: a later version has been at work on the database.
        Unavailable: the database does not answer.
    """
    engine = create_engine(url)
    try:
        await upgrade(engine)
    except BaseException:
        await engine.dispose()
        raise
    return SqlStorage(engine)
