"""
Which records of patients have changed, whoever changed them.

What is kept in memory of patients is true for as long as a change stream names no change. It is
read up to now before every answer. A change stream reads what a majority of the servers has, so all
is seen that was acknowledged before the question.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Protocol

import attrs
from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.documents import Document
from adapters.mongo.indexes import PATIENTS

LONGEST_PAUSE: Final = 300.0
"""Seconds after which it takes longer to read what has changed than all that is asked for."""
MOST_CHANGES: Final = 20_000
"""Changes between two answers, likewise."""

_WAIT_MS: Final = 1
_RECORD_CHANGES: Final = frozenset({"insert", "update", "replace", "delete"})
_CLINIC_ID: Final = {
    "$ifNull": ["$fullDocument.clinicId", "$updateDescription.updatedFields.clinicId"]
}
FOLLOWING: Final[list[Document]] = [
    {"$changeStream": {}},
    {"$project": {"operationType": 1, "documentKey": 1, "clinicId": _CLINIC_ID}},
]


class Lost(Exception):
    """Nobody knows what has changed."""


class Follower(Protocol):
    """Somebody who keeps what changes may make untrue."""

    def note(self, record_id: ObjectId, clinic_id: ObjectId | None) -> None:
        """Note that a record has changed, and its clinic if that is new."""

    def forget(self) -> None:
        """Forget all: nobody knows what changes from now on."""


@attrs.define(eq=False)
class Noted:
    """What has changed while something was read."""

    ids: set[ObjectId] = attrs.field(factory=set)
    is_lost: bool = False
    """Whether there may be more."""

    def note(self, record_id: ObjectId, _clinic_id: ObjectId | None) -> None:
        self.ids.add(record_id)

    def forget(self) -> None:
        self.is_lost = True


@attrs.define(eq=False)
class Changes:
    """The changes of a database's patients, from the first question on, or after they were lost."""

    _database: AsyncDatabase[Document]
    _followers: list[Follower] = attrs.field(factory=list, init=False)
    _stream: AsyncCommandCursor[Document] | None = attrs.field(default=None, init=False)
    _session: AsyncClientSession | None = attrs.field(default=None, init=False)
    _read_at: float = attrs.field(default=0.0, init=False)
    _begun: int = attrs.field(default=0, init=False)
    _done: int = attrs.field(default=0, init=False)
    _lock: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    @property
    def are_followed(self) -> bool:
        """Whether every change is told."""
        return self._stream is not None

    def tell(self, follower: Follower) -> None:
        """Tell somebody of all changes from now on."""
        self._followers.append(follower)

    @contextmanager
    def noted(self) -> Iterator[Noted]:
        """Note what changes while the block runs."""
        noted = Noted(is_lost=not self.are_followed)
        self._followers.append(noted)
        try:
            yield noted
        finally:
            self._followers.remove(noted)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncClientSession]:
        """Yield a session in which no server answers with what was before the known changes."""
        async with self._database.client.start_session() as session:
            if self._session is not None and self._session.operation_time is not None:
                session.advance_operation_time(self._session.operation_time)
            yield session

    async def follow(self, *, is_caught_up: bool) -> None:
        """
        Tell all changes until now, or to who *is_caught_up* already, until the last question.

        Raises:
            Lost: they cannot be followed. Where data are spread over several servers, none says
                that there are no more changes.
        """
        if await self._database.client.is_mongos:
            raise Lost
        if not is_caught_up or not self.are_followed:
            await self.catch_up()

    async def catch_up(self) -> None:
        """
        Tell all changes until now; who waits for another's turn may share the next.

        Raises:
            Lost: they cannot be followed; all is forgotten.
        """
        asked = self._begun
        async with self._lock:
            if self._done > asked:
                return
            # Who is cancelled meanwhile takes nothing from the others.
            await to_the_end(self._follow())

    async def close(self) -> None:
        """Stop following."""
        async with self._lock:
            await self._forget()

    async def _follow(self) -> None:
        self._begun += 1
        try:
            await self._tell_changes()
        except BaseException:
            await self._forget()
            raise
        self._done = self._begun

    async def _tell_changes(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._read_at > LONGEST_PAUSE:
            await self._forget()
        self._read_at = now
        stream = self._stream or await self._open()
        number = 0
        while (event := await _next(stream)) is not None:
            number += 1
            if event["operationType"] not in _RECORD_CHANGES or number > MOST_CHANGES:
                raise Lost
            record_id, clinic_id = event["documentKey"]["_id"], event.get("clinicId")
            if isinstance(record_id, ObjectId):
                for follower in self._followers:
                    follower.note(record_id, clinic_id)

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
            raise Lost from error
        return self._stream

    async def _forget(self) -> None:
        for follower in self._followers:
            follower.forget()
        stream, session, self._stream, self._session = self._stream, self._session, None, None
        with suppress(PyMongoError):
            if stream is not None:
                await stream.close()
            if session is not None:
                await session.end_session()


async def _next(stream: AsyncCommandCursor[Document]) -> Document | None:
    """Return the next change, or None after the last one until now. Raises Lost."""
    try:
        event = await stream.try_next()
    except PyMongoError as error:
        raise Lost from error
    if event is None and not stream.alive:
        raise Lost
    return event
