"""
SQLite: one connection writes, a few read.

Statements go to the driver itself, a thread per connection: the way through all layers of
SQLAlchemy changes threads four times, and one change costs more than a query. In WAL mode readers
see the last commit and never wait for the writer. The writer takes the lock of the file before it
reads anything, so transactions of all processes on the file run one after another.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import aiosqlite
import attrs
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.statements import (
    Database,
    Parameters,
    Row,
    Session,
    Statement,
    UniqueViolation,
)
from adapters.sql.tables import metadata
from clinic_domain.errors import StorageBusy, Unavailable

T = TypeVar("T")

READERS: Final = 4
PATIENCE: Final = 10.0
"""Seconds in which a transaction gets the lock of the file, or does not."""

_SHORT_WAIT: Final = "PRAGMA busy_timeout = 100"  # the rest of the patience can be cancelled
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNIQUE: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})


def _unique_names() -> dict[str, str]:
    """Return the names of unique constraints by what SQLite says: `table.column, ...`."""
    names = {}
    for table in metadata.tables.values():
        unique: list[Any] = [index for index in table.indexes if index.unique]
        unique += [
            constraint
            for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
        ]
        for constraint in unique:
            columns = ", ".join(f"{table.name}.{column.name}" for column in constraint.columns)
            names[columns] = str(constraint.name)
    return names


_UNIQUE_NAMES: Final = _unique_names()


def translated(error: Exception) -> Exception:
    """Return our error for one of the driver; what must be a bug stays what it is."""
    if isinstance(error, sqlite3.Error):
        # Errors of the Python module itself have no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code in _UNIQUE:
            columns = str(error).removeprefix("UNIQUE constraint failed: ")
            return UniqueViolation(_UNIQUE_NAMES.get(columns, columns))
        if code & 0xFF in _BUSY:
            return StorageBusy()
        if isinstance(error, sqlite3.IntegrityError) or code == sqlite3.SQLITE_ERROR:
            return error
        return Unavailable(str(error)) if isinstance(error, sqlite3.DatabaseError) else error
    if isinstance(error, ValueError):
        # The driver's word for a connection that was closed.
        return Unavailable(str(error))
    return error


async def _asked(answer: Coroutine[Any, Any, T]) -> T:
    try:
        return await answer
    except (sqlite3.Error, ValueError) as error:
        ours = translated(error)
        if ours is error:
            raise
        raise ours from error


@attrs.define(eq=False)
class Connection(Session):
    """A connection of the pool, held for good, with the number of calls under way on it."""

    _held: AsyncConnection
    _driver: aiosqlite.Connection
    _dialect: sa.Dialect
    pending: int = 0

    @classmethod
    async def opened(cls, engine: AsyncEngine, *pragmas: str) -> "Connection":
        try:
            held = await engine.connect()
        except DBAPIError as error:
            raise translated(error.orig or error) from error
        driver = (await held.get_raw_connection()).driver_connection
        if not isinstance(driver, aiosqlite.Connection):
            await held.close()
            raise TypeError("this storage needs an engine of its own `create_engine`")
        connection = cls(held, driver, engine.dialect)
        try:
            for pragma in pragmas:
                await _asked(driver.execute_fetchall(pragma))
        except BaseException:
            await connection.close()
            raise
        return connection

    async def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        compiled = statement.compiled(self._dialect)
        values = compiled.values(parameters)
        self.pending += 1
        try:
            return list(await _asked(self._driver.execute_fetchall(compiled.sql, values)))
        finally:
            self.pending -= 1

    async def run(self, statement: Statement, parameters: Parameters) -> int:
        compiled = statement.compiled(self._dialect)
        cursor = await _asked(self._driver.execute(compiled.sql, compiled.values(parameters)))
        return cursor.rowcount

    async def run_for_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        compiled = statement.compiled(self._dialect)
        if values := [compiled.values(row) for row in rows]:
            await _asked(self._driver.executemany(compiled.sql, values))

    async def begin(self) -> None:
        await _asked(self._driver.execute_fetchall("BEGIN IMMEDIATE"))

    async def commit(self) -> None:
        await _asked(self._driver.commit())

    async def roll_back(self) -> None:
        """Undo what is open, if anything is; it comes after whatever the thread still has to do."""
        await _asked(self._driver.rollback())

    async def close(self) -> None:
        # Nobody is to take it out of the pool again with the settings that it has.
        await self._held.invalidate()
        await self._held.close()


@attrs.define(eq=False)
class Readers(Session):
    """Connections of which the one with the least to do answers, each call by itself."""

    _connections: list[Connection]

    @classmethod
    async def opened(cls, engine: AsyncEngine) -> "Readers":
        readers = cls([])
        try:
            for _ in range(READERS):
                connection = await Connection.opened(engine, "PRAGMA query_only = ON")
                readers._connections.append(connection)
        except BaseException:
            await readers.close()
            raise
        return readers

    async def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        connection = min(self._connections, key=lambda one: one.pending)
        return await connection.all(statement, parameters)

    async def run(self, statement: Statement, parameters: Parameters) -> int:
        raise TypeError("work that only reads cannot write")

    async def run_for_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        raise TypeError("work that only reads cannot write")

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()


@attrs.define(eq=False)
class SqliteDatabase(Database):
    """A file, and who takes turns at writing to it."""

    _engine: AsyncEngine
    _patience: float = PATIENCE
    _readers: Readers | None = attrs.field(init=False, default=None)
    _writer: Connection | None = attrs.field(init=False, default=None)
    _is_closed: bool = attrs.field(init=False, default=False)
    _opening: asyncio.Lock = attrs.field(init=False, factory=asyncio.Lock)
    _turn: asyncio.Lock = attrs.field(init=False, factory=asyncio.Lock)

    async def reading(self) -> Session:
        return self._readers or await self._open_readers()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        deadline = asyncio.get_running_loop().time() + self._patience
        await self._wait_for_turn(deadline)
        try:
            writer = self._writer or await self._open_writer()
            try:
                await self._begin(writer, deadline)
                yield writer
                await writer.commit()
            except BaseException:
                # A second cancellation cannot stop it, and the thread works in order.
                await asyncio.shield(self._undo(writer))
                raise
        finally:
            self._turn.release()

    async def close(self) -> None:
        async with self._turn, self._opening:
            self._is_closed = True
            for session in (self._readers, self._writer):
                if session is not None:
                    await session.close()
            self._readers = self._writer = None
            await self._engine.dispose()

    async def _wait_for_turn(self, deadline: float) -> None:
        """Wait for the other transactions of this process."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise StorageBusy from None

    async def _begin(self, writer: Connection, deadline: float) -> None:
        """Take the lock of the file, for which other processes may be ahead of us."""
        while True:
            try:
                return await writer.begin()
            except StorageBusy:
                if asyncio.get_running_loop().time() >= deadline:
                    raise

    async def _undo(self, writer: Connection) -> None:
        try:
            await writer.roll_back()
        except (sqlite3.Error, Unavailable):
            # Nobody knows in which state it is; the file knows what was committed.
            self._writer = None
            await writer.close()

    async def _open_readers(self) -> Readers:
        async with self._opening:
            if self._readers is None:
                self._refuse_if_closed()
                self._readers = await Readers.opened(self._engine)
            return self._readers

    async def _open_writer(self) -> Connection:
        async with self._opening:
            if self._writer is None:
                self._refuse_if_closed()
                self._writer = await Connection.opened(self._engine, _SHORT_WAIT)
            return self._writer

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise Unavailable("the storage was closed")
