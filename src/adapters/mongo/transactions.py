"""Running work in transactions of the server: until it succeeds, and not for ever."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import attrs
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.documents import Document
from clinic_domain.errors import StorageBusy, StorageUnusable, Unavailable

T = TypeVar("T")

MAJORITY: Final = WriteConcern("majority")
SNAPSHOT: Final = ReadConcern("snapshot")

_TRANSIENT: Final = "TransientTransactionError"
_UNKNOWN: Final = "UnknownTransactionCommitResult"
_NO_ROOM: Final = 388
_FIRST_PAUSE: Final = 0.004
_LONGEST_PAUSE: Final = 0.25
_LONGEST_COMMIT_MS: Final = 10_000
_LONGEST_ABORT: Final = 5.0


class ServerError(StorageUnusable):
    """
    The server refused what it should not have refused.

    The message of the driver is not in it: that holds what was to be written.
    """

    def __str__(self) -> str:
        """Return what the driver calls it."""
        return f"MongoDB says {' '.join(map(str, self.args))}"


@contextmanager
def told() -> Iterator[None]:
    """
    Tell why the servers did not do what they were asked for.

    Raises:
        Unavailable: they cannot be reached, or do not answer in time.
        StorageBusy: their cache has no room at this time for all that a transaction writes.
    """
    try:
        yield
    except PyMongoError as error:
        if _is_of_the_connection(error):
            raise Unavailable from error
        if _NO_ROOM in codes_of(error):
            raise StorageBusy from None
        raise ServerError(*_named(error)) from None


def codes_of(error: PyMongoError) -> frozenset[int | None]:
    """Return the codes under which the server lists what an error says."""
    if not isinstance(error, OperationFailure):
        return frozenset()
    details: Mapping[str, Any] = error.details or {}
    return frozenset((error.code, *(each["code"] for each in details.get("writeErrors", ()))))


def _named(error: PyMongoError) -> Iterator[str]:
    yield type(error).__name__
    if isinstance(error, OperationFailure):
        details: Mapping[str, Any] = error.details or {}
        for failure in (details, *details.get("writeErrors", ())):
            yield from (str(failure[key]) for key in ("codeName", "code") if key in failure)


def _is_of_the_connection(error: PyMongoError) -> bool:
    if isinstance(error, InvalidOperation):
        return "after close" in str(error)
    return isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError)


def is_transient(error: PyMongoError) -> bool:
    # The driver takes its own end for a failover.
    return error.has_error_label(_TRANSIENT) and not isinstance(error, InvalidOperation)


def _exhausted(error: PyMongoError) -> Unavailable:
    return Unavailable() if _is_of_the_connection(error) else StorageBusy()


@attrs.frozen
class Transactions:
    """
    Runs work in transactions.

    All of it again on a conflict or a failover, the commit alone where nobody knows what came of
    it.
    """

    _client: AsyncMongoClient[Document]
    _patience: float
    """Seconds after which no attempt begins any more."""

    async def run(self, work: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
        """
        Run *work* and commit.

        Raises:
            StorageBusy: there were conflicts for as long as there was patience.
            Unavailable: the servers cannot be reached.
        """
        deadline = asyncio.get_running_loop().time() + self._patience
        pause = _FIRST_PAUSE
        with told():
            async with self._client.start_session() as session:
                while True:
                    try:
                        return await _attempt(session, work, deadline)
                    except PyMongoError as error:
                        if not is_transient(error):
                            raise
                        if asyncio.get_running_loop().time() >= deadline:
                            raise _exhausted(error) from error
                    # Rivals that met must not meet again.
                    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
                    pause = min(2 * pause, _LONGEST_PAUSE)


async def _attempt(
    session: AsyncClientSession,
    work: Callable[[AsyncClientSession], Awaitable[T]],
    deadline: float,
) -> T:
    await session.start_transaction(
        SNAPSHOT, MAJORITY, ReadPreference.PRIMARY, max_commit_time_ms=_LONGEST_COMMIT_MS
    )
    try:
        result = await work(session)
    except BaseException:
        await to_the_end(abort(session))
        raise
    await to_the_end(commit(session, deadline))
    return result


async def abort(session: AsyncClientSession) -> None:
    if session.in_transaction:
        # A server that cannot be told ends the transaction by itself, in a minute.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_ABORT):
                await session.abort_transaction()


async def commit(session: AsyncClientSession, deadline: float) -> None:
    while True:
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            is_over = asyncio.get_running_loop().time() >= deadline
            if is_over or not error.has_error_label(_UNKNOWN):
                raise
        await asyncio.sleep(_FIRST_PAUSE)
