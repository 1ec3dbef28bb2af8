"""The storage in MongoDB."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, Final, TypeVar

import attrs
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError
from pymongo.read_concern import ReadConcern

from adapters.mongo.accounts import MongoAccountRepository
from adapters.mongo.archive import DocumentArchive, MongoArchive, RawDocument
from adapters.mongo.clinicians import MongoClinicianRepository
from adapters.mongo.clinics import MongoClinicRepository
from adapters.mongo.connection import DATABASE, database_of, new_client
from adapters.mongo.deletions import MongoDeletionRepository
from adapters.mongo.documents import Document, object_id
from adapters.mongo.enrollments import MongoEnrollmentRepository
from adapters.mongo.indexes import PATIENTS, create_indexes
from adapters.mongo.invites import MongoInviteRepository
from adapters.mongo.locks import LEASE, NOTICE, Locks, Overtaken, Watch
from adapters.mongo.memory import Memory
from adapters.mongo.merging import MongoMergeRecordRepository
from adapters.mongo.messages import MongoMessageRepository
from adapters.mongo.migrations import MongoMigrationRepository
from adapters.mongo.outbox import MongoOutboxRepository
from adapters.mongo.patients import MongoPatientRepository
from adapters.mongo.scope import Scope
from adapters.mongo.steps import Finisher, Steps
from adapters.mongo.transactions import MAJORITY, Transactions, told
from adapters.mongo.turns import Turn, Turns
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.copying import Archive, Record
from clinic_domain.ehr.ports import EnrollmentRepository, MessageRepository
from clinic_domain.errors import StorageUnusable, Unavailable
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.merging.ports import MergeRecordRepository
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.storage import DeletionRepository, Storage, Transaction, Work
from clinic_domain.users import AccountRepository
from clinic_domain.values import ClinicId

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds in which a transaction gets through, or does not."""

AT_ONCE: Final = 4_000
"""Patients of the clinics of one transaction; more of them would not get through in a minute."""

_LONGEST_PING: Final = 5.0
# One document with a time that Python cannot express, or with broken text, must not break a list.
_CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


class UnusableServer(StorageUnusable):
    """The server at this address cannot do what is needed."""


class UnfinishedMerge(StorageUnusable):
    """A process ended before its merge was done: nobody can tell yet what there is."""

    def __init__(self) -> None:
        super().__init__("a merge is not finished: start the service on it once, which does that")


@attrs.frozen
class MongoTransaction(Transaction):
    _scope: Scope

    @property
    def clinics(self) -> ClinicRepository:
        return MongoClinicRepository(self._scope)

    @property
    def clinicians(self) -> ClinicianRepository:
        return MongoClinicianRepository(self._scope)

    @property
    def patients(self) -> PatientRepository:
        return MongoPatientRepository(self._scope)

    @property
    def invites(self) -> InviteRepository:
        return MongoInviteRepository(self._scope)

    @property
    def outbox(self) -> OutboxRepository:
        return MongoOutboxRepository(self._scope)

    @property
    def deletions(self) -> DeletionRepository:
        return MongoDeletionRepository(self._scope)

    @property
    def merge_records(self) -> MergeRecordRepository:
        return MongoMergeRecordRepository(self._scope)

    @property
    def migrations(self) -> MigrationRepository:
        return MongoMigrationRepository(self._scope)

    @property
    def messages(self) -> MessageRepository:
        return MongoMessageRepository(self._scope)

    @property
    def enrollments(self) -> EnrollmentRepository:
        return MongoEnrollmentRepository(self._scope)

    @property
    def accounts(self) -> AccountRepository:
        return MongoAccountRepository(self._scope)


@attrs.frozen(eq=False)
class MongoStorage(Storage):
    """
    A database of the reference service, which may run on it at the same time.

    A transaction is one of the server: it sees one state, and of two that write the same document
    one begins again. A commit is acknowledged by a majority of the servers, so it outlives the loss
    of any one of them. Should they be lost while a commit is under way, Unavailable may also mean
    that nobody knows whether it was kept.
    """

    _client: AsyncMongoClient[Document]
    _name: str = DATABASE
    _patience: float = PATIENCE
    _at_once: int = attrs.field(default=AT_ONCE, kw_only=True)
    _notice: float = attrs.field(default=NOTICE, kw_only=True)
    _lease: float = attrs.field(default=LEASE, kw_only=True)
    _turns: Turns = attrs.field(factory=Turns, init=False)
    _memory: Memory = attrs.field(
        default=attrs.Factory(lambda self: Memory.of(self.database), takes_self=True), init=False
    )
    _locks: Locks = attrs.field(init=False)

    @_locks.default
    def _of_this_process(self) -> Locks:
        return Locks(self.database, self._lease)

    _finisher: Finisher = attrs.field(init=False)

    @_finisher.default
    def _of_its_locks(self) -> Finisher:
        return Finisher(self._steps)

    @classmethod
    def at(cls, url: str, database: str | None = None) -> "MongoStorage":
        """
        Return a storage on the servers of a URL; it connects when it is first used.

        The database is the one that is given, or the one in the URL, or `clinic`.

        Raises:
            UnusableUrl: the URL is none of MongoDB, or names files that cannot be read.
        """
        return cls(new_client(url), database or database_of(url))

    async def start(self) -> None:
        """
        Make the database ready: create what indexes it lacks, finish what was left half done.

        Raises:
            UnusableServer: the server is no member of a replica set, or cannot be looked up.
            IncompatibleIndex: another index has the name of one that is needed.
            Unavailable: the server does not answer.
        """
        try:
            with told():
                await self._prepare()
        except Unavailable as error:
            raise Unavailable("there is no server that takes writes") from error

    async def _prepare(self) -> None:
        try:
            hello = await self._client.admin.command("hello")
        except ConfigurationError as error:
            raise UnusableServer(str(error)) from None
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise UnusableServer(
                "MongoDB has to run as a replica set, which may have a single member, because"
                " transactions need one: start mongod with --replSet and call rs.initiate()"
            )
        await create_indexes(self.database)
        await self._steps.finish()

    async def refuse_unfinished(self) -> None:
        """
        Return where nothing is half done; nothing is changed.

        Raises:
            UnfinishedMerge: a merge was committed, but not all that it writes is written.
            Unavailable: the server does not answer.
        """
        with told():
            if any(lock.is_committed for lock in await self._locks.current()):
                raise UnfinishedMerge

    async def transaction(self, work: Work[T]) -> T:
        return await self._within(lambda scope: work(MongoTransaction(scope)))

    async def _within(self, work: Callable[[Scope], Awaitable[T]]) -> T:
        async def attempt(watch: Watch) -> T:
            with Turn(self._turns) as turn:

                async def within(session: AsyncClientSession) -> T:
                    scope = Scope(self.database, session, turn, watch=watch)
                    result = await work(scope)
                    await scope.ended()
                    await scope.touch_clinics()
                    return result

                return await Transactions(self._client, self._patience).run(within)

        return await self._watched(attempt, is_writing=True)

    async def _watched(self, attempt: Callable[[Watch], Awaitable[T]], *, is_writing: bool) -> T:
        """Run an attempt; again with what is known now, where a lock was in the way."""
        with told():
            with suppress(Overtaken):
                known = await self._locks.known()
                return await attempt(Watch(self._locks, known, is_writing))
            self._locks.look_again()
            try:
                return await attempt(Watch(self._locks, await self._locks.known(), is_writing))
            except Overtaken:
                self._finisher.begin()
                raise

    async def exclusively(self, clinic_ids: Collection[ClinicId], work: Work[T]) -> T:
        """Run *work* in one transaction, or in steps where the clinics have too many patients."""
        ids = [id_ for id_ in map(object_id, clinic_ids) if id_ is not None]
        with told():
            number = await self.database[PATIENTS].count_documents({"clinicId": {"$in": ids}})
            if number <= self._at_once:
                return await self.transaction(work)
            return await self._steps.run(ids, lambda scope: work(MongoTransaction(scope)))

    @property
    def _steps(self) -> Steps:
        return Steps(self.database, self._locks, self._notice)

    async def read(self, work: Work[T]) -> T:
        async def attempt(watch: Watch) -> T:
            scope = Scope(self.database, memory=self._memory, watch=watch)
            result = await work(MongoTransaction(scope))
            await scope.ended()
            return result

        return await self._watched(attempt, is_writing=False)

    @property
    def archive(self) -> Archive[Record]:
        """All that the storage keeps, to be copied."""
        return MongoArchive(self.database, self._within)

    @property
    def documents(self) -> Archive[RawDocument]:
        """The same as it is in the database, with all that only other programs understand."""
        return DocumentArchive(self.database, self._within)

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_PING):
                with told():
                    await self._client.admin.command("ping")
        except TimeoutError:
            raise Unavailable from None

    async def close(self) -> None:
        await self._finisher.close()
        await self._memory.changes.close()
        await self._client.close()

    @property
    def database(self) -> AsyncDatabase[Document]:
        """The database as the repositories use it."""
        return self._client.get_database(
            self._name, _CODEC, ReadPreference.PRIMARY, MAJORITY, ReadConcern("majority")
        )
