"""The roll of a clinic: what lists ask about its patients, in memory."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest, nsmallest
from itertools import compress, repeat
from operator import eq, ne
from typing import Any, Final

import attrs
from bson import ObjectId

from adapters.mongo.documents import Document
from adapters.mongo.patient_columns import (
    FLAGS,
    Key,
    Values,
    column_of,
    conditions_of,
    flag_key,
)
from clinic_domain.patients.queries import (
    BY_NAME,
    Absent,
    Attribute,
    Order,
    PatientMatches,
    PatientQuery,
)
from clinic_domain.values import RecordId

_FEW: Final = 8
"""The share of a clinic up to which picking the first is quicker than putting all in order."""


@attrs.define(eq=False)
class Roll:
    """
    Who is in a clinic, in the order of ids, and columns of what is known of them.

    What a query means is what `clinic_domain.patients.queries` says.
    """

    _ids: list[bytes] = attrs.field(factory=list)
    _columns: dict[Key, Values] = attrs.field(factory=dict)
    _by_name: list[int] | None = None

    @classmethod
    def of(cls, keys: Sequence[Key], documents: Iterable[Document]) -> "Roll":
        """Return the roll of all patients that a `projection` of *keys* found."""
        found = dict(_rows(keys, documents))
        roll = cls(sorted(found))
        roll._fill(keys, found)
        return roll

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, record_id: ObjectId) -> bool:
        return self._place(record_id.binary)[1]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The columns that are there."""
        return tuple(self._columns)

    @property
    def cells(self) -> int:
        """How much memory it takes."""
        return len(self._ids) * (1 + len(self._columns))

    def add(self, keys: Sequence[Key], documents: Iterable[Document]) -> list[ObjectId]:
        """Add columns; return who was not found for them, and is taken off."""
        found = dict(_rows(keys, documents))
        missing = [ObjectId(id_) for id_ in self._ids if id_ not in found]
        self.remove(missing)
        self._fill(keys, found)
        return missing

    def _fill(self, keys: Sequence[Key], found: Mapping[bytes, Sequence[Any]]) -> None:
        for number, key in enumerate(keys):
            values = column_of(key).empty()
            values.extend(found[id_][number] for id_ in self._ids)
            self._columns[key] = values

    def keep(self, keys: Iterable[Key]) -> None:
        """Drop all other columns."""
        self._columns = {key: self._columns[key] for key in keys}

    def put(self, documents: Iterable[Document]) -> None:
        """Enter anew, or for the first time, what a `projection` of all columns found."""
        for id_, row in _rows(self.keys, documents):
            place, is_there = self._place(id_)
            if not is_there:
                self._ids.insert(place, id_)
                self._by_name = None
            for (key, values), value in zip(self._columns.items(), row, strict=True):
                if not is_there:
                    values.insert(place, value)
                elif values[place] != value:
                    values[place] = value
                    if key is Attribute.FULL_NAME:
                        self._by_name = None

    def remove(self, record_ids: Iterable[ObjectId]) -> None:
        """Take off who is no patient any more."""
        for record_id in record_ids:
            place, is_there = self._place(record_id.binary)
            if is_there:
                del self._ids[place]
                for values in self._columns.values():
                    del values[place]
                self._by_name = None

    def _place(self, id_: bytes) -> tuple[int, bool]:
        place = bisect_left(self._ids, id_)
        return place, place < len(self._ids) and self._ids[place] == id_

    # Answers

    def matches(self, query: PatientQuery) -> PatientMatches:
        """Return who matches; the columns of `keys_of` have to be there."""
        rows = self._matching(query)
        start, limit = query.page.offset, query.page.limit
        end = len(rows) if limit is None else min(start + limit, len(rows))
        ordered = self._ordered(rows, query, end) if start < end else ()
        ids = tuple(RecordId(self._ids[row].hex()) for row in ordered[start:end])
        return PatientMatches(ids, len(rows), len(self._ids))

    def _matching(self, query: PatientQuery) -> Sequence[int]:
        """Return the places of who matches, in their order."""
        rows: Sequence[int] = range(len(self._ids))
        for condition in conditions_of(query):
            values = map(self._columns[condition.key].__getitem__, rows)
            rows = list(compress(rows, map(condition.test, values, repeat(condition.limit))))
        if query.excluded:
            rows = [row for row in rows if self._ids[row].hex() not in query.excluded]
        return rows

    def _ordered(self, rows: Sequence[int], query: PatientQuery, end: int) -> Sequence[int]:
        """Return the first *end* of some places, in the order of a list."""
        if query.order == BY_NAME and len(rows) == len(self._ids):
            if self._by_name is None:
                self._by_name = self._first(rows, BY_NAME, len(rows))
            return self._by_name
        flag = flag_key(query)
        if flag is None:
            return self._first(rows, query.order, end)
        ordered: list[int] = []
        flags = self._columns[flag]
        for rank in FLAGS:
            if len(ordered) < end:
                group = [row for row in rows if flags[row] == rank]
                ordered += self._first(group, query.order, end - len(ordered))
        return ordered

    def _first(self, rows: Sequence[int], order: Order, number: int) -> list[int]:
        """Return the first of some places by their values; equal ones stay as they are."""
        values = self._columns[order.by]
        own = [values[row] for row in rows]
        present = list(compress(rows, map(eq, own, own)))
        absent = list(compress(rows, map(ne, own, own))) if len(present) < len(rows) else []
        if order.descending or order.absent is Absent.LAST:
            return (_sorted(present, values, order, number) + absent)[:number]
        return (absent + _sorted(present, values, order, number - len(absent)))[:number]


def _sorted(rows: list[int], values: Values, order: Order, number: int) -> list[int]:
    """Return at least the first *number*, if there are as many."""
    if number <= 0:
        return []
    if number * _FEW > len(rows):
        return sorted(rows, key=values.__getitem__, reverse=order.descending)
    return (nlargest if order.descending else nsmallest)(number, rows, key=values.__getitem__)


# Documents


def projection(keys: Sequence[Key]) -> Document:
    """Return what the server projects documents to, for the columns of *keys*."""
    return {str(number): column_of(key).expression for number, key in enumerate(keys)}


def _rows(keys: Sequence[Key], documents: Iterable[Document]) -> Iterator[tuple[bytes, list[Any]]]:
    readers = [(str(number), column_of(key).read) for number, key in enumerate(keys)]
    for document in documents:
        # No patient has an id of another kind.
        if isinstance(id_ := document["_id"], ObjectId):
            yield id_.binary, [read(document.get(name)) for name, read in readers]
