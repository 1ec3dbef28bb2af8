"""
Work that writes more than one transaction of the server takes.

The work runs under a lock on its clinics. What it changes of many documents is written down first,
where nobody looks. All the rest is one transaction, with which the lock is committed: from then on
the steps that were written down will be done, by its owner or, when that one has ended, by whoever
starts next. Steps are no transactions, for the server keeps what those have written from others
for a minute after their client was killed; a step that is done twice changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Any, Final, TypeVar

import attrs
import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, ReadPreference, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, InvalidOperation, PyMongoError

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

_LARGEST: Final = 8 * 2**20
"""Bytes of what is written down for a step; a document has 16 MiB at most."""
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.1
_DUPLICATE: Final = 11000

_LOG: Final = logging.getLogger(__name__)


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
        await self._write_down(collection, "insert", documents)

    async def update_each(self, collection: str, changes: Iterable[tuple[Document, Update]]) -> int:
        changes = list(changes)
        if collection != PATIENTS:
            return await super().update_each(collection, changes)
        updates = ([each, _repeatable(update), update.filters] for each, update in changes)
        await self._write_down(collection, "update", updates)
        return len(changes)

    async def forget(self, collection: str, clinics: list[ObjectId], ids: list[ObjectId]) -> int:
        conditions = ({"_id": id_, "clinicId": {"$in": clinics}} for id_ in ids)
        await self._write_down(collection, "delete", conditions)
        return len(ids)

    async def _write_down(self, collection: str, kind: str, what: Iterable[Any]) -> None:
        for content in _contents(what):
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
        deadline = asyncio.get_running_loop().time() + _PATIENCE
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
                if not is_transient(error) or asyncio.get_running_loop().time() > deadline:
                    raise
                # It was just being prolonged.
                await asyncio.sleep(_PAUSE)
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
        # A lock is there before its steps, and none that is gone comes back. One that has expired
        # is still there: its owner may only have slept, and commit it.
        with_steps = await self._database[STEPS].distinct("_id.lock")
        await self._forget_steps(*await self._locks.gone(with_steps))

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
        else:
            # It was committed although nobody said so, or taken away.
            await self._finish(lock)

    async def _finish(self, lock: Lock) -> None:
        """Do what is left of the steps, and wait for a server in trouble: nobody else will."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            try:
                return await self._do_steps(lock)
            except InvalidOperation:
                raise  # the client was closed
            except PyMongoError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _do_steps(self, lock: Lock) -> None:
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

    async def _forget_steps(self, *lock_ids: ObjectId) -> None:
        await self._database[STEPS].delete_many({"_id.lock": {"$in": lock_ids}})

    async def _apply(self, step: Document) -> None:
        writes = [_WRITES[step["kind"]](each["what"]) for each in bson.decode_all(step["content"])]
        try:
            await self._database[step["collection"]].bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            _note_duplicates(error)


@attrs.define(eq=False)
class Finisher:
    """Finishes beside all else what a process has left that ended, or met too much trouble."""

    _steps: Steps
    _task: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    def begin(self) -> None:
        """Begin, unless it is at it; what somebody is working on is left alone."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._finish())

    async def close(self) -> None:
        """Stop; whoever starts next goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _finish(self) -> None:
        try:
            await self._steps.finish()
        except PyMongoError as error:
            # Whoever is turned away next begins again.
            _LOG.warning("work in steps could not be finished: %s", type(error).__name__)


_WRITES: Final[dict[str, Callable[[Any], Any]]] = {
    "insert": lambda document: ReplaceOne({"_id": document["_id"]}, document, upsert=True),
    "update": lambda of: UpdateOne(of[0], of[1], array_filters=of[2] or None),
    "delete": DeleteOne,
}


def _note_duplicates(error: BulkWriteError) -> None:
    """
    Leave out what cannot be written because another program, which knows no locks, was faster.

    A step that failed for good would keep the clinics locked, and every process from starting.
    """
    details = error.details or {}
    refused = details.get("writeErrors") or ()
    if details.get("writeConcernErrors") or {each["code"] for each in refused} != {_DUPLICATE}:
        raise error
    for each in refused:
        _LOG.error("left out document %s: there is another one like it", _id_in(each["op"]))


def _id_in(operation: Document) -> Any:
    return operation.get("q", operation).get("_id")


def _contents(items: Iterable[Any]) -> Iterator[bytes]:
    """Return items as bytes, for they have members that no document may have; some at once."""
    batch, size = list[bytes](), 0
    for item in items:
        encoded = bson.encode({"what": item})
        if batch and (len(batch) == AT_ONCE or size + len(encoded) > _LARGEST):
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded)
    if batch:
        yield b"".join(batch)


def _repeatable(update: Update) -> dict[str, Document]:
    """Return a change that adds to arrays what it adds, but once."""
    return {
        "$addToSet" if operator == "$push" else operator: values
        for operator, values in update.change.items()
    }
