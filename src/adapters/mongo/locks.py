"""
Clinics that are worked on in steps, because one transaction of the server cannot take it all.

A lock is a document. While it is held its clinics are as they were, and only whoever writes is
turned away. Once it is committed they are neither as before nor as they will be, so whoever reads
is turned away as well, until the last step is done and the document goes.

Nobody asks the server about locks for each call: processes look every second, and a lock is held
for longer than that before it is committed. Only who asks about a clinic that is locked looks again
afterwards, whether it was committed meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import attrs
from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from adapters.mongo.documents import Document
from adapters.mongo.indexes import CLINICIANS, CLINICS, LOCKS, PATIENTS
from clinic_domain.errors import StorageBusy

FRESH: Final = 1.0
"""Seconds for which a process believes what it knows of locks."""
NOTICE: Final = 2.5
"""Seconds after which everybody knows of a lock, and is through with what was begun before."""
LEASE: Final = 10.0
"""Seconds, by the clock of the server, for which a lock is its owner's who does not prolong it."""

_LOOKS: Final = 6
_EXPIRED: Final = {"$expr": {"$lt": ["$until", "$$NOW"]}}
_CLINIC_IN: Final = {CLINICS: "_id", CLINICIANS: "clinicId", PATIENTS: "clinicId"}


class Overtaken(StorageBusy):
    """A lock was in the way, as far as is known; it may be gone by now."""


@attrs.frozen
class Lock:
    """Work in steps on some clinics."""

    id: ObjectId
    clinics: frozenset[ObjectId]
    is_committed: bool

    @classmethod
    def of(cls, document: Document) -> "Lock":
        return cls(document["_id"], frozenset(document["clinics"]), "steps" in document)


@attrs.define(eq=False)
class Locks:
    """The locks of a database, as this process knows them."""

    _database: AsyncDatabase[Document]
    _lease: float = LEASE
    _known: tuple[Lock, ...] = attrs.field(default=(), init=False)
    _looked: float = attrs.field(default=-FRESH, init=False)

    @property
    def _locks(self) -> AsyncCollection[Document]:
        return self._database[LOCKS]

    async def known(self) -> tuple[Lock, ...]:
        """Return the locks of a second ago, or of now."""
        now = asyncio.get_running_loop().time()
        if not now - FRESH < self._looked <= now:
            # Those who come meanwhile go on with what is known, for as long as it is good.
            self._known = await self.current()
            self._looked = now
        return self._known

    def look_again(self) -> None:
        """Believe nothing that is known."""
        self._looked = -FRESH

    async def current(self) -> tuple[Lock, ...]:
        """Return the locks of now, without those that nobody prolongs and nobody committed."""
        in_force = {"$or": [{"steps": {"$exists": True}}, {"$nor": [_EXPIRED]}]}
        return tuple(map(Lock.of, await self._locks.find(in_force).to_list()))

    async def take(self, clinic_ids: Collection[ObjectId]) -> Lock:
        """Lock clinics. Raises StorageBusy where one of them is locked."""
        # What a process left that ended before it committed.
        await self._locks.delete_many({**_EXPIRED, "steps": {"$exists": False}})
        id_ = ObjectId()
        start = {"clinics": {"$literal": list(clinic_ids)}, "done": {"$literal": 0}}
        try:
            await self._locks.update_one({"_id": id_}, self._prolonged(**start), upsert=True)
        except DuplicateKeyError:
            raise StorageBusy from None
        return Lock(id_, frozenset(clinic_ids), is_committed=False)

    async def gone(self, ids: Collection[ObjectId]) -> list[ObjectId]:
        """Return which of these locks are there no more."""
        found = await self._locks.find({"_id": {"$in": list(ids)}}, {"_id": 1}).to_list()
        there = {document["_id"] for document in found}
        return [id_ for id_ in ids if id_ not in there]

    async def take_over(self, lock: Lock) -> bool:
        """Own a lock that somebody committed and does not prolong; return whether there is one."""
        expired = {"_id": lock.id, "steps": {"$exists": True}, **_EXPIRED}
        for _ in range(_LOOKS):
            if (await self._locks.update_one(expired, self._prolonged())).matched_count:
                return True
            await asyncio.sleep(self._lease / 4)
        return False

    @asynccontextmanager
    async def owned(self, lock: Lock) -> AsyncIterator[None]:
        """Prolong a lock for as long as the context lasts."""
        prolonging = asyncio.create_task(self._prolong(lock))
        try:
            yield
        finally:
            prolonging.cancel()

    async def _prolong(self, lock: Lock) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            with suppress(PyMongoError):
                await self._locks.update_one({"_id": lock.id}, self._prolonged())

    def _prolonged(self, **others: Any) -> list[Document]:
        end = {"$add": ["$$NOW", round(self._lease * 1000)]}
        return [{"$set": {"until": end, **others}}]

    async def give_back(self, lock: Lock) -> bool:
        """Unlock clinics, unless it is too late for that; return whether it was not."""
        held = {"_id": lock.id, "steps": {"$exists": False}}
        return (await self._locks.delete_one(held)).deleted_count > 0


@attrs.define(eq=False)
class Watch:
    """What one piece of work asks about clinics that are locked."""

    _locks: Locks
    _known: tuple[Lock, ...]
    _is_writing: bool
    _asked: set[Lock] = attrs.field(factory=set, init=False)
    _open: list[tuple[str, Mapping[str, Any]]] = attrs.field(factory=list, init=False)

    def asked(self, collection: str, condition: Mapping[str, Any]) -> None:
        """Note a question. Raises StorageBusy where it must not be answered."""
        if not self._known or collection not in _CLINIC_IN:
            return
        named = _named(condition.get(_CLINIC_IN[collection]))
        if named is None:
            self._open.append((collection, condition))
            return
        for lock in self._known:
            if not lock.clinics.isdisjoint(named):
                self._concerns(lock)

    async def ended(self, database: AsyncDatabase[Document]) -> None:
        """Return if the answers were good. Raises StorageBusy."""
        for lock in self._known:
            for collection, condition in self._open:
                in_lock = {_CLINIC_IN[collection]: {"$in": [*lock.clinics]}}
                both = {"$and": [condition, in_lock]}
                if await database[collection].find_one(both, ["_id"]) is not None:
                    self._concerns(lock)
        if self._asked and not self._asked <= set(await self._locks.current()):
            raise Overtaken
        if self._is_writing and not self._ids(await self._locks.known()) <= self._ids(self._known):
            # It took longer than others wait for who has not noticed them.
            raise Overtaken

    @staticmethod
    def _ids(locks: Iterable[Lock]) -> frozenset[ObjectId]:
        return frozenset(lock.id for lock in locks)

    def _concerns(self, lock: Lock) -> None:
        if lock.is_committed or self._is_writing:
            raise Overtaken
        self._asked.add(lock)


def _named(value: Any) -> frozenset[ObjectId] | None:
    """Return the clinics that a condition names, or None where it may be any."""
    if isinstance(value, ObjectId):
        return frozenset({value})
    if isinstance(value, dict) and set(value) == {"$in"}:
        return frozenset(value["$in"])
    return None
