"""
The rolls of the clinics that are being listed, kept true while anybody writes the collection.

A server that looks through all documents of a large clinic for every list takes many times as long
as the list may. So what lists ask about is kept in memory, for the clinics and the columns that
were asked for lately; records that have changed since are read again before the next answer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import attrs
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.documents import Document, object_id
from adapters.mongo.indexes import BY_ID, PATIENTS
from adapters.mongo.patient_changes import Changes, Lost
from adapters.mongo.patient_columns import Key, keys_of
from adapters.mongo.patient_roll import Roll, projection
from clinic_domain.patients.queries import PatientMatches, PatientQuery

CAPACITY: Final = 5_000_000
"""How many values are kept in memory, about; those of names and tags take some 100 bytes each."""

_ATTEMPTS: Final = 3
_BATCH: Final = 1000
_FEW: Final = 500
_SHARE: Final = 4

_MS: Final[CodecOptions[Document]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS, unicode_decode_error_handler="replace"
)


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
    hint = {"hint": BY_ID} if "_id" in condition else {}
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

    All is forgotten, and read again when it is asked for, whenever changes cannot be followed.
    """

    _database: AsyncDatabase[Document]
    _changes: Changes
    _capacity: int = CAPACITY
    _clinics: OrderedDict[ObjectId, _Clinic] = attrs.field(factory=OrderedDict, init=False)

    def __attrs_post_init__(self) -> None:
        self._changes.tell(self)

    def note(self, record_id: ObjectId, clinic_id: ObjectId | None) -> None:
        for clinic in self._clinics.values():
            clinic.note(record_id, clinic_id)

    def forget(self) -> None:
        self._clinics.clear()

    async def matches(self, query: PatientQuery, *, is_caught_up: bool = False) -> PatientMatches:
        """
        Answer with all that was acknowledged before.

        Or, to who *is_caught_up* already, before the last question.
        """
        clinic_id = object_id(query.clinic_id)
        if clinic_id is None:
            return PatientMatches((), 0, 0)
        for _ in range(_ATTEMPTS):
            with suppress(Lost):
                await self._changes.follow(is_caught_up=is_caught_up)
                return await self._answer(clinic_id, query)
        return await matches_in(self._database, query, None)

    # Answers

    async def _answer(self, clinic_id: ObjectId, query: PatientQuery) -> PatientMatches:
        clinic = self._clinic(clinic_id)
        async with clinic.lock:
            self._check(clinic)
            keys = keys_of(query)
            if not clinic.is_loaded or not keys.issubset(clinic.roll.keys):
                await self._load(clinic, keys)
                # What changed meanwhile may be there in part.
                await self._changes.catch_up()
                self._check(clinic)
            if clinic.changed:
                await self._read_again(clinic)
            self._make_room(clinic, keys)
            return clinic.roll.matches(query)

    def _clinic(self, clinic_id: ObjectId) -> _Clinic:
        if not self._changes.are_followed:
            # Another question has lost them since.
            raise Lost
        clinic = self._clinics.get(clinic_id)
        if clinic is None or clinic.is_outdated:
            clinic = self._clinics[clinic_id] = _Clinic(clinic_id)
        self._clinics.move_to_end(clinic_id)
        return clinic

    def _check(self, clinic: _Clinic) -> None:
        """Raise Lost where changes of the clinic are not noted any more."""
        if self._clinics.get(clinic.id) is not clinic:
            raise Lost

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
        async with self._changes.session() as session:
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
