"""
Work that writes more than one transaction of the server takes.

The work runs under a lock on its clinics. What it changes of many documents is written down first,
where nobody looks. All the rest is one transaction, with which the lock is committed: from then on
the steps that were written down will be done, by its owner or, when that one has ended, by whoever
starts next. Steps are no transactions, for the server keeps what those have written from others
for a minute after their client was killed; a step that is done twice changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Final, TypeVar

import attrs
import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteMany, ReadPreference, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.changes import Update
from adapters.mongo.documents import Document
from adapters.mongo.indexes import CLINICS, LOCKS, MERGE_PLANS, PATIENTS, STEPS
from adapters.mongo.locks import Lock, Locks
from adapters.mongo.scope import Scope
from adapters.mongo.transactions import (
    MAJORITY,
    SNAPSHOT,
    abort,
    commit,
    is_transient,
)
from clinic_domain.errors import StorageBusy

T = TypeVar("T")

AT_ONCE: Final = 250
"""Documents that a step changes."""
_PATIENCE: Final = 60.0


@attrs.define(eq=False)
class SteppingScope(Scope):
    """Reads without a transaction until it writes; bulk changes are written down for later."""

    _lock: Lock = attrs.field(kw_only=True)
    _waiting: AsyncClientSession = attrs.field(kw_only=True)
    """The session whose transaction begins with the first write."""
    _read_clinics: dict[ObjectId, Document] = attrs.field(factory=dict, init=False)
    _steps: int = attrs.field(default=0, init=False)

    async def one(
        self, collection: str, condition: Document, decode: Callable[[Document], T]
    ) -> T | None:
        def kept(document: Document) -> T:
            if collection == CLINICS and self._session is None:
                self._read_clinics[document["_id"]] = document
            return decode(document)

        return await super().one(collection, condition, kept)

    async def insert(self, collection: str, *documents: Document | RawBSONDocument) -> None:
        if collection != MERGE_PLANS:
            await super().insert(collection, *documents)
            return
        for some in _batches(documents):
            await self._write_down(collection, "insert", some)

    async def update_each(self, collection: str, changes: Iterable[tuple[Document, Update]]) -> int:
        changes = list(changes)
        if collection != PATIENTS:
            return await super().update_each(collection, changes)
        for some in _batches(changes):
            updates = [[each, _repeatable(update), update.filters] for each, update in some]
            await self._write_down(collection, "update", updates)
        return len(changes)

    async def forget(self, collection: str, clinics: list[ObjectId], ids: list[ObjectId]) -> int:
        for some in _batches(ids):
            await self._write_down(collection, "delete", [[clinics, some]])
        return len(ids)

    async def _write_down(self, collection: str, kind: str, what: Sequence[Any]) -> None:
        # As bytes, for conditions and changes have members that no document may have.
        content = bson.encode({"what": list(what)})
        step = {"lock": self._lock.id, "number": self._steps}
        self._steps += 1
        await to_the_end(
            self._collection(STEPS).insert_one(
                {"_id": step, "collection": collection, "kind": kind, "content": content}
            )
        )

    async def _writing(self) -> AsyncClientSession:
        if self._session is None:
            await self._begin()
            self._session = self._waiting
            for clinic_id, read in self._read_clinics.items():
                now = await self._collection(CLINICS).find_one(
                    {"_id": clinic_id}, session=self._session
                )
                if now != read:
                    # Somebody who knows nothing of locks, such as another program.
                    raise StorageBusy
        return await super()._writing()

    async def _begin(self) -> None:
        """Begin the transaction by writing the lock, which from now on nobody prolongs."""
        held = {"_id": self._lock.id, "steps": {"$exists": False}}
        while True:
            await self._waiting.start_transaction(SNAPSHOT, MAJORITY, ReadPreference.PRIMARY)
            try:
                found = await to_the_end(
                    self._collection(LOCKS).update_one(
                        held, {"$set": {"done": 0, "isCommitting": True}}, session=self._waiting
                    )
                )
            except PyMongoError as error:
                await to_the_end(abort(self._waiting))
                if not is_transient(error):
                    raise
                # Its owner was just prolonging it.
                continue
            if not found.matched_count:
                raise StorageBusy
            return

    async def commit_lock(self) -> None:
        """Make this transaction the one after which there is no way back."""
        await self.update(LOCKS, {"_id": self._lock.id}, [Update({"$set": {"steps": self._steps}})])


@attrs.frozen
class Steps:
    """Runs work in steps, and finishes what others have left."""

    _database: AsyncDatabase[Document]
    _locks: Locks
    _notice: float
    """Seconds until everybody knows of a new lock."""

    async def run(
        self, clinic_ids: Collection[ObjectId], work: Callable[[Scope], Awaitable[T]]
    ) -> T:
        """
        Run *work* and all its steps.

        Raises:
            StorageBusy: somebody else works on one of the clinics; nothing is kept.
        """
        lock = await self._locks.take(clinic_ids)
        async with self._locks.owned(lock):
            try:
                await asyncio.sleep(self._notice)
                result = await self._committed(lock, work)
            except BaseException:
                await asyncio.shield(self._give_up(lock))
                raise
            await asyncio.shield(self._finish(lock))
        return result

    async def finish(self) -> None:
        """Do what is left of work whose process has ended."""
        for lock in await self._locks.current():
            if lock.is_committed and await self._locks.take_over(lock):
                async with self._locks.owned(lock):
                    await self._finish(lock)
        locked = [lock.id for lock in await self._locks.current()]
        await self._database[STEPS].delete_many({"_id.lock": {"$nin": locked}})

    async def _committed(self, lock: Lock, work: Callable[[Scope], Awaitable[T]]) -> T:
        async with self._database.client.start_session() as session:
            scope = SteppingScope(self._database, lock=lock, waiting=session)
            try:
                result = await work(scope)
                await scope.commit_lock()
            except BaseException as error:
                await to_the_end(abort(session))
                if isinstance(error, PyMongoError) and is_transient(error):
                    raise StorageBusy from error
                raise
            deadline = asyncio.get_running_loop().time() + _PATIENCE
            await to_the_end(commit(session, deadline))
            return result

    async def _give_up(self, lock: Lock) -> None:
        if await self._locks.give_back(lock):
            await self._forget_steps(lock.id)

    async def _finish(self, lock: Lock) -> None:
        locks = self._database[LOCKS]
        while (state := await locks.find_one({"_id": lock.id})) is not None:
            if state["done"] >= state["steps"]:
                await locks.delete_one({"_id": lock.id})
                break
            number = {"lock": lock.id, "number": state["done"]}
            step = await self._database[STEPS].find_one({"_id": number})
            if step is not None:
                await self._apply(step)
            await locks.update_one({"_id": lock.id, "done": state["done"]}, {"$inc": {"done": 1}})
        await self._forget_steps(lock.id)

    async def _forget_steps(self, lock_id: ObjectId) -> None:
        await self._database[STEPS].delete_many({"_id.lock": lock_id})

    async def _apply(self, step: Document) -> None:
        what = bson.decode(step["content"])["what"]
        collection = self._database[step["collection"]]
        if step["kind"] == "insert":
            writes: list[Any] = [
                ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in what
            ]
        elif step["kind"] == "update":
            writes = [
                UpdateOne(condition, change, array_filters=filters or None)
                for condition, change, filters in what
            ]
        else:
            writes = [
                DeleteMany({"_id": {"$in": ids}, "clinicId": {"$in": clinics}})
                for clinics, ids in what
            ]
        await collection.bulk_write(writes, ordered=False)


def _repeatable(update: Update) -> dict[str, Document]:
    """Return a change that adds to arrays what it adds, but once."""
    return {
        "$addToSet" if operator == "$push" else operator: values
        for operator, values in update.change.items()
    }


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
