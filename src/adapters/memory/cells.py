"""Values that change together or not at all: copy on write, and the first to commit wins."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import attrs

K = TypeVar("K")
V = TypeVar("V")


@attrs.frozen
class Cell(Generic[V]):
    """The place of one immutable value. Transactions meet, or do not meet, cell by cell."""

    kind: str
    key: tuple[str, ...] = ()
    empty: V = attrs.field(kw_only=True, eq=False)
    """What is there before anything was written."""


class Stale(Exception):
    """A cell changed after the transaction began; what was read does not hold any more."""


class Cells(Protocol):
    """What repositories read and write."""

    @abstractmethod
    def read(self, cell: Cell[V]) -> V: ...

    @abstractmethod
    def write(self, cell: Cell[V], value: V) -> None: ...


@attrs.define
class Committed(Cells):
    """What everybody sees; it changes by whole commits alone."""

    _values: dict[Cell[Any], Any] = attrs.field(factory=dict, init=False)
    _last_changes: dict[Cell[Any], int] = attrs.field(factory=dict, init=False)
    commits: int = attrs.field(default=0, init=False)

    def read(self, cell: Cell[V]) -> V:
        value: V = self._values.get(cell, cell.empty)
        return value

    def write(self, cell: Cell[V], value: V) -> None:
        raise TypeError(f"{cell.kind}: work that only reads cannot write")

    def all_of(self, kind: str) -> Iterator[Any]:
        """Yield what the cells of a kind hold now."""
        cells = [(cell, value) for cell, value in self._values.items() if cell.kind == kind]
        return (value for _, value in sorted(cells, key=lambda pair: pair[0].key))

    def last_change(self, cell: Cell[Any]) -> int:
        """Return the number of the commit that wrote the cell last."""
        return self._last_changes.get(cell, 0)

    def commit(self, written: dict[Cell[Any], Any]) -> None:
        self.commits += 1
        self._values.update(written)
        self._last_changes.update(dict.fromkeys(written, self.commits))


@attrs.define
class Draft(Cells):
    """One transaction's view: everything as it was at the beginning, and its own changes."""

    _committed: Committed
    _began: int = attrs.field(
        init=False, default=attrs.Factory(lambda self: self._committed.commits, takes_self=True)
    )
    _seen: set[Cell[Any]] = attrs.field(factory=set, init=False)
    _written: dict[Cell[Any], Any] = attrs.field(factory=dict, init=False)
    _is_stale: bool = attrs.field(default=False, init=False)

    def read(self, cell: Cell[V]) -> V:
        """Return the value. Raises Stale where it is not the one from the beginning any more."""
        if cell in self._written:
            own: V = self._written[cell]
            return own
        self._refuse_changed(cell)
        self._seen.add(cell)
        return self._committed.read(cell)

    def write(self, cell: Cell[V], value: V) -> None:
        self.read(cell)
        self._written[cell] = value

    def commit(self) -> None:
        """Let everybody see the changes. Raises Stale where what they rest on has changed."""
        if self._is_stale:
            # Somebody caught the error that `read` raised: what was written is not to be trusted.
            raise Stale
        if self._written:
            for cell in self._seen:
                self._refuse_changed(cell)
            self._committed.commit(self._written)

    def _refuse_changed(self, cell: Cell[Any]) -> None:
        if self._committed.last_change(cell) > self._began:
            self._is_stale = True
            raise Stale(cell)


def without(values: Mapping[K, V], key: K) -> Mapping[K, V]:
    """Return a copy of *values* that lacks *key*."""
    return {other: value for other, value in values.items() if other != key}
