"""
PostgreSQL: whoever changes anything of a clinic holds its row, and the others wait.

Every call on a repository within a transaction first holds (`FOR NO KEY UPDATE`) the clinics that
it is about, in the order of their ids; statements run in READ COMMITTED. So each statement sees all
that holders before have committed, and nobody commits anything that belongs to a clinic which the
transaction holds: transactions on one clinic run one after another from their first look at it, the
counts that triggers keep included, and those on different clinics never meet, nor are they undone.
SERIALIZABLE would promise the same at the price of retries, also between clinics whose rows share
a page of an index; REPEATABLE READ would undo whoever waited. Deadlocks remain possible, where a
transaction comes to several clinics one by one: one of the two runs again.

The driver is asyncpg, and statements go to it directly. With psycopg 3 the same read took half as
long again, the same transaction up to twice as long.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import asyncpg
import attrs
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.statements import (
    Database,
    Interrupted,
    Parameters,
    Row,
    Session,
    Statement,
    UniqueViolation,
)
from clinic_domain.errors import BadRequest, StorageBusy, Unavailable

T = TypeVar("T")

READERS: Final = 4
LISTERS: Final = 4
WRITERS: Final = 8
PATIENCE: Final = 10.0
"""Seconds in which a transaction gets a connection, and each clinic, or does not."""
ANSWER: Final = 60.0
"""Seconds after which a statement is given up: the way to the server may be gone without a word."""

_SETTINGS: Final = (
    # Statements are short; to compile them, or to divide them, takes longer than to run them.
    "SET jit = off; SET max_parallel_workers_per_gather = 0; "
    # What is asked for lies in memory, or on something that has no arm to move.
    "SET random_page_cost = 1.1; "
    # The rest of a transaction that nobody goes on with would keep its clinics for ever.
    "SET idle_in_transaction_session_timeout = '60s'; "
    "SET lock_timeout = {patience:.0f}"
)
# By itself the server would settle on one plan after a few times, and judge it by averages.
_PLANNING_ANEW: Final = "; SET plan_cache_mode = force_custom_plan"
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"
_HOLD: Final = "SELECT id FROM clinics WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE"
_SETTLING: Final = 5.0

_CONFLICTS: Final = frozenset({"40001", "40P01"})
_LOCK_NOT_AVAILABLE: Final = "55P03"
_TOO_LONG: Final = "54000"
_NUL: Final = frozenset({"22021", "22P05"})  # in a text, and in JSON
# Connection, authorization, catalogue, resources, intervention, system; a standby cannot write.
_UNAVAILABLE: Final = ("08", "25006", "25P03", "28", "3D", "53", "57", "58")


# No such role, wrong password, no such database, no such setting, and not allowed to make tables.
_REFUSALS: Final = frozenset({"28000", "28P01", "3D000", "42501", "42704"})

ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class UnfitText(BadRequest):
    """The server does not keep such a text."""


class TextTooLong(UnfitText):
    """A text that has to be found again is longer than an index takes."""

    message = "bad request: a text is too long to be kept"


class TextWithNul(UnfitText):
    message = "bad request: a text contains NUL"


def is_refusal(error: BaseException | None) -> bool:
    """Tell whether it takes another URL, or other rights, to get on."""
    if isinstance(error, asyncpg.ClientConfigurationError):
        return True
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _REFUSALS


def translated(error: BaseException) -> BaseException:
    """Return our error for one of the driver; what must be a bug stays what it is."""
    match error:
        case asyncpg.UniqueViolationError():
            return UniqueViolation(error.constraint_name or "")
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            if state in _CONFLICTS:
                return Interrupted()
            if state == _LOCK_NOT_AVAILABLE:
                return StorageBusy()
            if state == _TOO_LONG:
                return TextTooLong()
            if state in _NUL:
                return TextWithNul()
            return Unavailable(str(error)) if state.startswith(_UNAVAILABLE) else error
        case asyncpg.InterfaceError() if "closed" in str(error):
            return Unavailable(str(error))
        case OSError():
            return Unavailable(str(error))
        case _:
            return error


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except ERRORS as error:
        ours = translated(error)
        if ours is error:
            raise
        raise ours from error


@attrs.define(eq=False)
class Connection:
    """A connection of the engine, held for good."""

    _held: AsyncConnection
    driver: "asyncpg.Connection[Any]"

    @classmethod
    async def opened(cls, engine: AsyncEngine, settings: str) -> "Connection":
        try:
            held = await _asked(engine.connect())
        except DBAPIError as error:
            raise translated(error.driver_exception) from error
        driver = (await held.get_raw_connection()).driver_connection
        if not isinstance(driver, asyncpg.Connection):
            await held.close()
            raise TypeError("this storage needs an engine of its own `create_engine`")
        connection = cls(held, driver)
        try:
            await _asked(driver.execute(settings))
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        # Nobody is to take it out of the pool again, in whatever state it is.
        with suppress(Exception):
            await self._held.invalidate()
            await self._held.close()


@attrs.define(eq=False)
class Pool:
    """A bounded number of connections, opened as they are needed."""

    _engine: AsyncEngine
    _size: int
    _patience: float
    _plans_anew: bool = attrs.field(default=False, kw_only=True)
    _free: list[Connection] = attrs.field(init=False, factory=list)
    _is_closed: bool = attrs.field(init=False, default=False)
    _room: asyncio.Semaphore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._room = asyncio.Semaphore(self._size)

    async def take(self) -> Connection:
        """Return a connection that nobody else uses."""
        await self._wait_for_room()
        try:
            return await self._sound_one()
        except BaseException:
            self._room.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Let others have a connection on which nothing is under way."""
        self._free.append(connection)
        self._room.release()

    async def settle(self, connection: Connection, statement: str) -> None:
        """Bring a connection to rest on which something failed or was cancelled, or close it."""
        try:
            async with asyncio.timeout(_SETTLING):
                await connection.driver.execute(statement)
        except ERRORS:
            connection.driver.terminate()
            await connection.close()
        else:
            self._free.append(connection)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Close all connections, once their users are done with them."""
        self._is_closed = True
        for _ in range(self._size):
            await self._room.acquire()
        for connection in self._free:
            await connection.close()
        self._free.clear()
        for _ in range(self._size):
            self._room.release()

    async def _sound_one(self) -> Connection:
        if self._is_closed:
            raise Unavailable("the storage was closed")
        while self._free:
            connection = self._free.pop()
            if not connection.driver.is_closed():
                return connection
            # The server has gone meanwhile, and perhaps come back.
            await connection.close()
        settings = _SETTINGS.format(patience=self._patience * 1000)
        return await Connection.opened(
            self._engine, settings + _PLANNING_ANEW if self._plans_anew else settings
        )

    async def _wait_for_room(self) -> None:
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._room.acquire()
        except TimeoutError:
            raise StorageBusy from None


@attrs.define(eq=False)
class Reading(Session):
    """Each call is a transaction of its own, on any connection."""

    _readers: Pool
    _listers: Pool
    _dialect: sa.Dialect

    async def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        compiled = statement.compiled(self._dialect)
        values = compiled.values(parameters)
        pool = self._listers if statement.varies else self._readers
        connection = await pool.take()
        try:
            rows: list[Row] = await _asked(
                connection.driver.fetch(compiled.sql, *values, timeout=ANSWER)
            )
        except BaseException:
            await asyncio.shield(pool.settle(connection, "SELECT 1"))
            raise
        pool.give_back(connection)
        return rows

    async def run(self, statement: Statement, parameters: Parameters) -> int:
        raise TypeError("work that only reads cannot write")

    async def run_for_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        raise TypeError("work that only reads cannot write")


@attrs.define(eq=False)
class Writing(Session):
    """One transaction, and the clinics that it holds."""

    _driver: "asyncpg.Connection[Any]"
    _dialect: sa.Dialect
    _holding: set[str] = attrs.field(init=False, factory=set)
    _failure: BaseException | None = attrs.field(init=False, default=None)

    async def hold(self, clinic_ids: Collection[str]) -> bool:
        new = [clinic_id for clinic_id in clinic_ids if clinic_id not in self._holding]
        if not new:
            return False
        await self._asked(self._driver.fetch(_HOLD, new))
        self._holding.update(new)
        return True

    async def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        compiled = (statement.to_change or statement).compiled(self._dialect)
        values = compiled.values(parameters)
        rows: list[Row] = await self._asked(
            self._driver.fetch(compiled.sql, *values, timeout=ANSWER)
        )
        return rows

    async def run(self, statement: Statement, parameters: Parameters) -> int:
        compiled = statement.compiled(self._dialect)
        values = compiled.values(parameters)
        done = await self._asked(self._driver.execute(compiled.sql, *values, timeout=ANSWER))
        return int(done.rpartition(" ")[2])

    async def run_for_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        compiled = statement.compiled(self._dialect)
        values = [compiled.values(row) for row in rows]
        if len(values) == 1:
            await self._asked(self._driver.execute(compiled.sql, *values[0], timeout=ANSWER))
        elif values:
            await self._asked(self._driver.executemany(compiled.sql, values, timeout=ANSWER))

    async def insert(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        # One statement, so triggers count all rows at once.
        if not isinstance(statement.element, sa.Insert):
            raise TypeError("only an INSERT stores rows")
        compiled = statement.compiled(self._dialect)
        if values := [compiled.values(row) for row in rows]:
            table, columns = statement.element.table.name, compiled.names
            copied = self._driver.copy_records_to_table(
                table, records=values, columns=columns, timeout=ANSWER
            )
            await self._asked(copied)

    async def begin(self) -> None:
        await self._asked(self._driver.execute(_BEGIN, timeout=ANSWER))

    async def commit(self) -> None:
        """Keep all changes; where a statement failed there are none, whatever was made of it."""
        if self._failure is not None:
            raise self._failure
        await self._asked(self._driver.execute("COMMIT", timeout=ANSWER))

    async def _asked(self, answer: Awaitable[T]) -> T:
        try:
            return await _asked(answer)
        except Exception as failure:
            self._failure = self._failure or failure
            raise


@attrs.define(eq=False)
class PostgresqlDatabase(Database):
    """A database on a server, with connections for those who read and for those who write."""

    _engine: AsyncEngine
    _patience: float = PATIENCE
    _readers: Pool = attrs.field(init=False)
    _listers: Pool = attrs.field(init=False)
    _writers: Pool = attrs.field(init=False)
    _reading: Reading = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        # Whoever waits for a clinic waits with a connection; readers wait for nobody.
        self._readers = Pool(self._engine, READERS, self._patience)
        self._listers = Pool(self._engine, LISTERS, self._patience, plans_anew=True)
        self._writers = Pool(self._engine, WRITERS, self._patience)
        self._reading = Reading(self._readers, self._listers, self._engine.dialect)

    async def reading(self) -> Session:
        return self._reading

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        connection = await self._writers.take()
        session = Writing(connection.driver, self._engine.dialect)
        try:
            await session.begin()
            yield session
            await session.commit()
        except BaseException:
            # A second cancellation stops waiting for it, not the thing itself.
            await asyncio.shield(self._writers.settle(connection, "ROLLBACK"))
            raise
        self._writers.give_back(connection)

    async def close(self) -> None:
        for pool in (self._readers, self._listers, self._writers):
            await pool.close()
        await self._engine.dispose()
