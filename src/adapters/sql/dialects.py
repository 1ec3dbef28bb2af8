"""Where SQLite and PostgreSQL differ: words of SQL that each of them spells in its own way."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

EVERYTHING: Final = 2**62
"""A LIMIT that none of them reaches."""


class json_row(GenericFunction[Any]):  # noqa: N801 - functions of SQL are lower case
    """One JSON array of the arguments."""

    inherit_cache = True


class json_rows(GenericFunction[Any]):  # noqa: N801
    """A JSON array of the argument of all rows, in the order of an ordered subquery, or `[]`."""

    inherit_cache = True


class json_elements(GenericFunction[Any]):  # noqa: N801
    """A table of the texts in a JSON array, whose column is `value`."""

    inherit_cache = True


class occurs_in(GenericFunction[Any]):  # noqa: N801
    """Where in the first text the second one occurs, from 1 on; 0 where it does not."""

    inherit_cache = True


class by_code_points(GenericFunction[Any]):  # noqa: N801
    """A text that is compared code point by code point."""

    inherit_cache = True


_SPELLING: Final[dict[type[GenericFunction[Any]], tuple[str, str]]] = {
    json_row: ("json_array({})", "json_build_array({})"),
    json_rows: ("json_group_array({})", "coalesce(json_agg({}), '[]')"),
    json_elements: ("json_each({})", "jsonb_array_elements_text({})"),
    occurs_in: ("instr({})", "strpos({})"),
    by_code_points: ("({})", '({} COLLATE "C")'),
}


def _spelled(call: str) -> Any:
    def compiled(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
        return call.format(compiler.process(element.clause_expr.element, **kw))

    return compiled


for _word, (_sqlite, _postgresql) in _SPELLING.items():
    compiles(_word, "sqlite")(_spelled(_sqlite))
    compiles(_word, "postgresql")(_spelled(_postgresql))


def aggregated(rows: sa.Select[Any], *names: str) -> sa.ScalarSelect[Any]:
    """Return the rows of an ordered SELECT as JSON: an array of a column, or of arrays."""
    table = rows.subquery()
    columns = [table.c[name] for name in names]
    value = columns[0] if len(columns) == 1 else json_row(*columns)
    return sa.select(json_rows(value)).select_from(table).scalar_subquery()


def texts_in(array: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return a SELECT of the texts in a JSON array."""
    # The name of the table is that of its column: PostgreSQL goes by the one, SQLite by the other.
    elements = json_elements(array).table_valued("value", name="value")
    return sa.select(elements.c.value)
