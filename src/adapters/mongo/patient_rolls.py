"""
The rolls of the clinics that are being listed, kept true while anybody writes the collection.

A server that looks through all documents of a large clinic for every list takes many times as long
as the list may. So what lists ask about is kept in memory, for the clinics and the columns that
were asked for lately; a change stream says which records have changed since, whoever changed them.
Before every answer it is read up to now, and the records that it names are read again. A change
stream reads what a majority of the servers has, so all is seen that was acknowledged before the
question.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import attrs
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ASCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.documents import Document, object_id
from adapters.mongo.indexes import PATIENTS
from adapters.mongo.patient_columns import Key, keys_of
from adapters.mongo.patient_roll import Roll, projection
from clinic_domain.patients.queries import PatientMatches, PatientQuery

CAPACITY: Final = 5_000_000
"""How many values are kept in memory, about; those of names and tags take some 100 bytes each."""
LONGEST_PAUSE: Final = 300.0
"""Seconds after which it takes longer to read what has changed than all that is asked for."""
MOST_CHANGES: Final = 20_000
"""Changes between two answers, likewise."""

_ATTEMPTS: Final = 3
_BATCH: Final = 1000
_FEW: Final = 500
_SHARE: Final = 4
_WAIT_MS: Final = 1

_MS: Final[CodecOptions[Document]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS, unicode_decode_error_handler="replace"
)
_RECORD_CHANGES: Final = frozenset({"insert", "update", "replace", "delete"})
_CLINIC_ID: Final = {
    "$ifNull": ["$fullDocument.clinicId", "$updateDescription.updatedFields.clinicId"]
}
FOLLOWING: Final[list[Document]] = [
    {"$changeStream": {}},
    {"$project": {"operationType": 1, "documentKey": 1, "clinicId": _CLINIC_ID}},
]


class _Lost(Exception):
    """Nobody knows what has changed."""


async def matches_in(
    database: AsyncDatabase[Document], query: PatientQuery, session: AsyncClientSession | None
) -> PatientMatches:
    """Answer from what the server says now, within a transaction what that has written too."""
    clinic_id, keys = object_id(query.clinic_id), tuple(keys_of(query))
    if clinic_id is None:
        return PatientMatches((), 0, 0)
    found = _documents(database[PATIENTS], {"clinicId": clinic_id}, keys, session)
    return Roll.of(keys, await to_the_end(found)).matches(query)


async def _documents(
    collection: AsyncCollection[Document],
    condition: Document,
    keys: Sequence[Key],
    session: AsyncClientSession | None,
) -> list[Document]:
    pipeline = [{"$match": condition}, {"$project": projection(keys)}]
    # The server would try out a dozen indexes that begin with the clinic.
    hint = {"hint": {"_id": ASCENDING}} if "_id" in condition else {}
    cursor = await collection.with_options(_MS).aggregate(
        pipeline, session=session, batchSize=_BATCH, **hint
    )
    return await cursor.to_list()


@attrs.define(eq=False)
class _Clinic:
    """A clinic whose roll is kept."""

    id: ObjectId
    roll: Roll = attrs.field(factory=Roll)
    is_loaded: bool = False
    changed: set[ObjectId] = attrs.field(factory=set)
    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)

    def note(self, record_id: ObjectId, clinic_id: ObjectId | None) -> None:
        """Note a change, if it may concern the clinic."""
        if clinic_id == self.id or not self.is_loaded or record_id in self.roll:
            self.changed.add(record_id)

    @property
    def is_outdated(self) -> bool:
        """Whether it takes longer to read all changes than all that is there."""
        return len(self.changed) > max(_FEW, len(self.roll) // _SHARE)


@attrs.define(eq=False)
class Rolls:
    """
    The rolls of a database; those used least lately go when there are too many.

    All is forgotten, and read again when it is asked for, whenever the stream breaks off.
    """

    _database: AsyncDatabase[Document]
    _capacity: int = CAPACITY
    _clinics: OrderedDict[ObjectId, _Clinic] = attrs.field(factory=OrderedDict, init=False)
    _stream: AsyncCommandCursor[Document] | None = attrs.field(default=None, init=False)
    _session: AsyncClientSession | None = attrs.field(default=None, init=False)
    _read_at: float = attrs.field(default=0.0, init=False)
    _begun: int = attrs.field(default=0, init=False)
    _done: int = attrs.field(default=0, init=False)
    _lock: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def matches(self, query: PatientQuery, *, is_caught_up: bool = False) -> PatientMatches:
        """
        Answer with all that was acknowledged before.

        Or, to who *is_caught_up* already, before the last question.
        """
        clinic_id = object_id(query.clinic_id)
        if clinic_id is None:
            return PatientMatches((), 0, 0)
        # Where data are spread over several servers, none says that there are no more changes.
        if not await self._database.client.is_mongos:
            for _ in range(_ATTEMPTS):
                with suppress(_Lost):
                    if not is_caught_up or self._stream is None:
                        await self._catch_up()
                    return await self._answer(clinic_id, query)
        return await matches_in(self._database, query, None)

    async def close(self) -> None:
        """Stop following changes."""
        async with self._lock:
            await self._forget()

    # Answers

    async def _answer(self, clinic_id: ObjectId, query: PatientQuery) -> PatientMatches:
        clinic = self._clinic(clinic_id)
        async with clinic.lock:
            self._check(clinic)
            keys = keys_of(query)
            if not clinic.is_loaded or not keys.issubset(clinic.roll.keys):
                await self._load(clinic, keys)
                # What changed meanwhile may be there in part.
                await self._catch_up()
                self._check(clinic)
            if clinic.changed:
                await self._read_again(clinic)
            self._make_room(clinic, keys)
            return clinic.roll.matches(query)

    def _clinic(self, clinic_id: ObjectId) -> _Clinic:
        if self._stream is None:
            # Another question has lost it since.
            raise _Lost
        clinic = self._clinics.get(clinic_id)
        if clinic is None or clinic.is_outdated:
            clinic = self._clinics[clinic_id] = _Clinic(clinic_id)
        self._clinics.move_to_end(clinic_id)
        return clinic

    def _check(self, clinic: _Clinic) -> None:
        """Raise _Lost where changes of the clinic are not noted any more."""
        if self._clinics.get(clinic.id) is not clinic:
            raise _Lost

    async def _load(self, clinic: _Clinic, wanted: frozenset[Key]) -> None:
        keys = tuple(wanted.difference(clinic.roll.keys))
        try:
            found = await self._find(clinic, {}, keys)
        except BaseException:
            if not clinic.is_loaded:
                self._drop(clinic)
            raise
        if clinic.is_loaded:
            clinic.changed.update(clinic.roll.add(keys, found))
        else:
            clinic.roll, clinic.is_loaded = Roll.of(keys, found), True

    async def _read_again(self, clinic: _Clinic) -> None:
        changed, clinic.changed = clinic.changed, set()
        try:
            found = await self._find(clinic, {"_id": {"$in": list(changed)}}, clinic.roll.keys)
        except BaseException:
            clinic.changed |= changed
            raise
        clinic.roll.put(found)
        clinic.roll.remove(changed.difference(document["_id"] for document in found))

    async def _find(
        self, clinic: _Clinic, condition: Document, keys: Sequence[Key]
    ) -> list[Document]:
        async with self._database.client.start_session() as session:
            # No server may answer with what was before the changes that are known.
            if self._session is not None and self._session.operation_time is not None:
                session.advance_operation_time(self._session.operation_time)
            condition = {**condition, "clinicId": clinic.id}
            return await to_the_end(_documents(self._database[PATIENTS], condition, keys, session))

    def _make_room(self, clinic: _Clinic, keys: frozenset[Key]) -> None:
        cells = sum(each.roll.cells for each in self._clinics.values())
        for other in list(self._clinics.values()):
            if cells <= self._capacity:
                return
            if other is not clinic:
                cells -= other.roll.cells
                self._drop(other)
        if cells > self._capacity:
            clinic.roll.keep(keys)

    def _drop(self, clinic: _Clinic) -> None:
        if self._clinics.get(clinic.id) is clinic:
            del self._clinics[clinic.id]

    # Changes

    async def _catch_up(self) -> None:
        """Note all changes until now; who waits for another's turn may share the next."""
        asked = self._begun
        async with self._lock:
            if self._done > asked:
                return
            # Who is cancelled meanwhile takes nothing from the others.
            await to_the_end(self._follow())

    async def _follow(self) -> None:
        self._begun += 1
        try:
            await self._note_changes()
        except BaseException:
            await self._forget()
            raise
        self._done = self._begun

    async def _note_changes(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._read_at > LONGEST_PAUSE:
            await self._forget()
        self._read_at = now
        stream = self._stream or await self._open()
        number = 0
        while (event := await _next(stream)) is not None:
            number += 1
            if event["operationType"] not in _RECORD_CHANGES or number > MOST_CHANGES:
                raise _Lost
            record_id, clinic_id = event["documentKey"]["_id"], event.get("clinicId")
            if isinstance(record_id, ObjectId):
                for clinic in self._clinics.values():
                    clinic.note(record_id, clinic_id)

    async def _open(self) -> AsyncCommandCursor[Document]:
        """
        Begin to follow changes.

        Not with `watch`, whose streams resume by themselves: then nobody knows whether they have
        said everything, nor may there be so much that it would be quicker to begin anew.
        """
        self._session = self._database.client.start_session()
        try:
            self._stream = await self._database[PATIENTS].aggregate(
                FOLLOWING,
                session=self._session,
                maxAwaitTimeMS=_WAIT_MS,
            )
        except OperationFailure as error:
            raise _Lost from error
        return self._stream

    async def _forget(self) -> None:
        self._clinics.clear()
        stream, session, self._stream, self._session = self._stream, self._session, None, None
        with suppress(PyMongoError):
            if stream is not None:
                await stream.close()
            if session is not None:
                await session.end_session()


async def _next(stream: AsyncCommandCursor[Document]) -> Document | None:
    """Return the next change, or None after the last one until now. Raises _Lost."""
    try:
        event = await stream.try_next()
    except PyMongoError as error:
        raise _Lost from error
    if event is None and not stream.alive:
        raise _Lost
    return event
