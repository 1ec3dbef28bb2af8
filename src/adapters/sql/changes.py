"""What saving and removing need: the least to write, and the way to the deletion records."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.dialects import EVERYTHING
from adapters.sql.documents import number_of
from adapters.sql.statements import Parameters, Row, Session, Statement
from clinic_domain.deletions import Deletion
from clinic_domain.values import Page

K = TypeVar("K", bound=Hashable)

BY_ID: Final = "which_id"

Inserts = Sequence[tuple[Statement, Callable[[Any], Iterable[Parameters]]]]
"""What stores a record: statements, and for how many rows each of them runs."""


def changed(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of *new* that differ from *old*."""
    return {name: value for name, value in new.items() if value != old[name]}


async def update(session: Session, table: sa.Table, id_: str, columns: Mapping[str, Any]) -> bool:
    """Write some columns of the record with this id; return False where there is none."""
    if not columns:
        return True
    statement = _update_of(table, tuple(sorted(columns)))
    return await session.run(statement, {**columns, BY_ID: id_}) > 0


@lru_cache(maxsize=256)
def _update_of(table: sa.Table, columns: tuple[str, ...]) -> Statement:
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    return Statement(sa.update(table).values(values).where(table.c.id == sa.bindparam(BY_ID)))


async def settled(
    session: Session, statement: Statement, parameters: Parameters, *, clinic: int
) -> list[Row]:
    """Return the rows that a statement yields, all of whose clinics the transaction then holds."""
    while True:
        rows = await session.all(statement, parameters)
        if not await session.hold({row[clinic] for row in rows}):
            return rows


def insert_into(table: sa.Table, *, but: Iterable[str] = ()) -> Statement:
    """Return a statement that stores a row, whose parameters are the columns."""
    names = [column.name for column in table.columns if column.name not in set(but)]
    values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
    # Inline: nobody asks for the number that the database gives.
    return Statement(sa.insert(table).values(values).inline())


def put_into(table: sa.Table) -> Statement:
    """Return a statement that stores a row, in the place of one that has the same id."""
    values: dict[str, Any] = {column.name: sa.bindparam(column.name) for column in table.columns}

    def upsert(insert: Any) -> Any:
        statement = insert(table).values(values).inline()
        others = {name: statement.excluded[name] for name in values if name != "id"}
        return statement.on_conflict_do_update(index_elements=["id"], set_=others)

    return Statement(upsert(sqlite.insert), postgresql=upsert(postgresql.insert))


def following(records: sa.Select[Any], key: sa.Column[Any]) -> Statement:
    """Return a SELECT of the records behind a key, in order; the last column is the key of each."""
    return Statement(
        records.add_columns(key.label("key"))
        .where(key > sa.bindparam("behind"))
        .order_by(key)
        .limit(sa.bindparam("limit"))
    )


def difference(was: Sequence[K], now: Sequence[K]) -> tuple[list[K], list[K]]:
    """
    Return what to take out of a stored list and what to put at its end, in this order.

    Where that alone does not lead from the one to the other, everything goes and comes again.
    """
    kept = [item for item in was if item in set(now)]
    if list(now[: len(kept)]) == kept:
        return [item for item in was if item not in set(now)], list(now[len(kept) :])
    return list(was), list(now)


def appended_to(
    table: sa.Table,
    owner: str,
    owners: sa.Select[Any],
    values: Mapping[str, str | sa.Column[Any]],
) -> Statement:
    """
    Return a statement that puts a row behind those that each of some owners has.

    Args:
        table: where the rows have a `position`.
        owner: the column of *table* that names the owner.
        owners: a SELECT of owners, whose first column is the id.
        values: the other columns; each the name of a parameter, or a column of *owners*.
    """
    id_ = owners.selected_columns[0]
    # A parameter that stands elsewhere too needs the same type in both places.
    given = [
        sa.bindparam(value, type_=table.c[name].type) if isinstance(value, str) else value
        for name, value in values.items()
    ]
    others = table.alias("others")
    next_position = (
        sa.select(sa.func.coalesce(sa.func.max(others.c.position) + 1, 0))
        .where(others.c[owner] == id_)
        .scalar_subquery()
    )
    selected = owners.add_columns(next_position, *given)
    return Statement(sa.insert(table).from_select([owner, "position", *values], selected))


def circumstances() -> list[sa.ColumnElement[Any]]:
    """Return the first columns of a deletion record, which `values_of` fills."""
    return [sa.bindparam("deleted_time"), sa.bindparam("deleted_by")]


def values_of(deletion: Deletion) -> Parameters:
    """Return the parameters that say when something was removed and by whom."""
    return {"deleted_time": number_of(deletion.time), "deleted_by": deletion.by}


def moved(deletions: sa.Table, fields: sa.Select[Any]) -> Statement:
    """Return a statement that copies what *fields* selects to the deletion records."""
    names = [column.name for column in deletions.columns if column.name != "number"]
    return Statement(sa.insert(deletions).from_select(names, fields))


def cut(page: Page) -> dict[str, int]:
    """Return the parameters of LIMIT and OFFSET."""
    return {
        "limit": EVERYTHING if page.limit is None else page.limit,
        "offset": page.offset,
    }
