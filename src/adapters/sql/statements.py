"""Statements that are compiled once, and what runs them."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import attrs
import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from clinic_domain.errors import StorageBusy

Element = sa.Select[Any] | sa.Insert | sa.Update | sa.Delete
Row = Sequence[Any]
Parameters = Mapping[str, Any]


@attrs.frozen
class Compiled:
    """The text of a statement in one dialect, and which parameter stands where."""

    sql: str
    names: tuple[str, ...]
    _constants: Parameters

    def values(self, parameters: Parameters) -> list[Any]:
        """Return *parameters* by position."""
        known = {**self._constants, **parameters} if self._constants else parameters
        return [known[name] for name in self.names]


@attrs.frozen(eq=False)
class Statement:
    """
    A statement with named parameters, compiled when it first runs.

    Values go in and come out as the driver has them, without conversion by SQLAlchemy: texts,
    numbers, truth, and JSON as text.

    Args:
        element: what it says.
        postgresql: how PostgreSQL has to be told, where that is not the same.
        to_change: the same for whoever changes afterwards what it found: it waits for others who
            do, and keeps them waiting.
        varies: how it is best run depends on what it compares with: most have a common tag, few a
            rare one.
    """

    element: Element
    postgresql: Element | None = None
    to_change: "Statement | None" = None
    varies: bool = attrs.field(default=False, kw_only=True)
    _compiled: dict[type[sa.Dialect], Compiled] = attrs.field(init=False, factory=dict)

    def compiled(self, dialect: sa.Dialect) -> Compiled:
        """Return the statement as a driver takes it."""
        # Drivers of one database differ in how parameters stand in a text.
        kind = type(dialect)
        compiled = self._compiled.get(kind)
        if compiled is None:
            compiled = self._compiled[kind] = self._compile(dialect)
        return compiled

    def _compile(self, dialect: sa.Dialect) -> Compiled:
        is_special = self.postgresql is not None and dialect.name == "postgresql"
        element = self.postgresql if is_special and self.postgresql is not None else self.element
        compiled = element.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("only statements on data can be compiled once")
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return Compiled(str(compiled), tuple(compiled.positiontup or ()), constants)


class UniqueViolation(Exception):
    """A record clashes with another; the name is that of the constraint or unique index."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Interrupted(StorageBusy):
    """The transaction and another one were in each other's way; run again, it may succeed."""


class Session(Protocol):
    """
    Runs statements; in a transaction, all of them on one connection.

    Raises:
        UniqueViolation: a unique constraint stands in the way. The statement did nothing, and the
            transaction cannot go on.
        Interrupted: the transaction was undone for the sake of another one.
        Unavailable, StorageBusy: the database does not answer.
    """

    async def hold(self, _clinic_ids: Collection[str]) -> bool:
        """
        Keep others from changing what belongs to these clinics until the transaction ends.

        Return whether they could until now: then what was read before may be out of date.
        """
        return False  # as where only one writes at a time

    @abstractmethod
    async def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        """Return all rows that a statement yields."""

    async def first(self, statement: Statement, parameters: Parameters) -> Row | None:
        """Return the first row that a statement yields."""
        rows = await self.all(statement, parameters)
        return rows[0] if rows else None

    @abstractmethod
    async def run(self, statement: Statement, parameters: Parameters) -> int:
        """Run a statement that changes rows; return how many."""

    @abstractmethod
    async def run_for_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        """Run a statement with one set of parameters after the other."""

    async def insert(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        """Store many rows with a statement of `insert_into`, in their order."""
        await self.run_for_each(statement, rows)


class Database(Protocol):
    """What one kind of database does in its own way: reads beside writes, and transactions."""

    @abstractmethod
    async def reading(self) -> Session:
        """Return a session in which each call sees a committed state."""

    @abstractmethod
    def writing(self) -> AbstractAsyncContextManager[Session]:
        """
        Open a session whose changes are kept when the block ends, and undone when it fails.

        Raises:
            Interrupted: another transaction was in the way.
            StorageBusy: others were in the way for too long.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of all connections."""
