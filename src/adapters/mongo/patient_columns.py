"""What lists ask about patients, as columns: where it is in a document, and how it is kept."""

from array import array
from collections.abc import Callable, Iterator, MutableSequence
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from operator import contains, eq, ge, gt, le, lt
from typing import Any, Final

import attrs
from bson import ObjectId
from bson.datetime_ms import DatetimeMS

from adapters.mongo.documents import Document
from clinic_domain.patients.model import DataSourceState, Provider, RangesPreset
from clinic_domain.patients.queries import (
    Absent,
    Attribute,
    Comparison,
    DateName,
    Measure,
    PatientQuery,
    SortKey,
    SummaryDate,
)
from clinic_domain.patients.summaries import SummaryKind, flag_of
from clinic_domain.text import collation_key, folded

Values = MutableSequence[Any]
"""A value for each patient of a clinic; ABSENT for who has none."""

ABSENT: Final = float("nan")
"""Not even equal to itself, so no comparison holds for it."""


class Trait(Enum):
    """What is asked about, but no list is ordered by."""

    TEXTS = auto()
    TAGS = auto()
    SITES = auto()
    OWN_RANGES = auto()
    SOUND_DATA = auto()
    """When the last value was measured, of those whose Dexcom is not broken (TIDE-5)."""


@attrs.frozen
class Flag:
    """Whether there is something that a list is ordered by (SORT-3)."""

    of: Measure | SummaryDate


Key = Trait | Flag | SortKey


@attrs.frozen
class Column:
    """One thing that is known of each patient."""

    expression: Any
    """Where the server finds it; whatever the documents hold, it can be evaluated."""
    read: Callable[[Any], Any]
    """What is kept of it. What is of another kind than it should be counts as absent."""
    empty: Callable[[], Values]


def column_of(key: Key) -> Column:
    """Return how the values of a key are found and kept."""
    match key:
        case Measure():
            return Column(f"${_period(key)}.{key.name}", _number, _numbers)
        case SummaryDate(kind, name):
            return Column(f"${_stats(kind)}.dates.{name}", _moment, _numbers)
        case Flag(Measure() as measure):
            return Column(f"${_period(measure)}.{flag_of(measure.name)}", _rank, _small_numbers)
        case Flag(SummaryDate(kind, name)):
            return Column(_flag_of_date(kind, name), _rank, _small_numbers)
        case _:
            return _COLUMNS[key]


def _numbers() -> Values:
    return array("d")


def _small_numbers() -> Values:
    return array("b")


def _stats(kind: SummaryKind) -> str:
    return f"summary.{kind}Stats"


def _period(measure: Measure) -> str:
    return f"{_stats(measure.kind)}.periods.{measure.period}"


def _flag_of_date(kind: SummaryKind, name: DateName) -> Document:
    # A summary always says so; where it does not, the answer is no.
    stats = f"${_stats(kind)}"
    flag = f"{stats}.dates.has{name[0].upper()}{name[1:]}"
    has_stats = {"$eq": [{"$type": stats}, "object"]}
    return {"$cond": [has_stats, {"$ifNull": [flag, False]}, None]}


# Values


def _number(stored: Any) -> float:
    return float(stored) if isinstance(stored, int | float) else ABSENT


def _moment(stored: Any) -> float:
    return float(int(stored)) if isinstance(stored, DatetimeMS) else ABSENT


def _rank(stored: Any) -> int:
    return int(not stored) if isinstance(stored, bool) else _UNFLAGGED


_UNFLAGGED: Final = 2
FLAGS: Final = range(_UNFLAGGED + 1)
"""What flags are kept as, in the order of lists."""


def _name(stored: Any) -> str:
    return collation_key(stored) if isinstance(stored, str) else ""


def _date_text(stored: Any) -> Any:
    return stored if isinstance(stored, str) else ABSENT


def _texts(stored: list[Any]) -> str:
    return _BETWEEN.join(_folded(text) for text in stored if isinstance(text, str))


def _folded(text: str) -> str:
    # The same, many times faster.
    return text.lower() if text.isascii() else folded(text)


# They stand in no text that a database can hold.
_BETWEEN: Final = "\ud800"
_NOWHERE: Final = "\ud801"


def _ids(stored: Any) -> frozenset[str]:
    if not isinstance(stored, list):
        return frozenset()
    return _one_of(frozenset(str(each) for each in stored if isinstance(each, ObjectId)))


@lru_cache(maxsize=10_000)
def _one_of(ids: frozenset[str]) -> frozenset[str]:
    """Return the same set for equal ones: thousands of patients have the same few tags."""
    return ids


def _newest(stored: Any) -> float:
    first = stored[0] if isinstance(stored, list) and stored else None
    if not isinstance(first, dict):
        return ABSENT
    time = first.get("time")
    return _BEGINNING if time is None else _moment(time)


def _sound(stored: list[Any]) -> float:
    last_data, sources = stored
    is_broken = any(
        source.get("providerName") == Provider.DEXCOM
        and source.get("state") != DataSourceState.CONNECTED
        for source in (sources if isinstance(sources, list) else ())
        if isinstance(source, dict)
    )
    return ABSENT if is_broken else _moment(last_data)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> float:
    """Return a time as columns keep it."""
    return (moment - _EPOCH) / timedelta(milliseconds=1)


_BEGINNING: Final = milliseconds(datetime.min.replace(tzinfo=UTC))

_LAST_DATA: Final = SummaryDate(SummaryKind.CGM, DateName.LAST_DATA)
_COLUMNS: Final[dict[Key, Column]] = {
    Attribute.FULL_NAME: Column("$fullName", _name, list),
    Attribute.BIRTH_DATE: Column("$birthDate", _date_text, list),
    Attribute.LAST_REVIEWED: Column("$reviews", _newest, _numbers),
    Trait.TEXTS: Column(["$fullName", "$email", "$mrn", "$birthDate"], _texts, list),
    Trait.TAGS: Column("$tags", _ids, list),
    Trait.SITES: Column("$sites.id", _ids, list),
    Trait.OWN_RANGES: Column(
        {
            "$and": [
                {"$ne": [{"$type": "$glycemicRanges"}, "missing"]},
                {"$ne": ["$glycemicRanges.preset", str(RangesPreset.ADA_STANDARD)]},
            ]
        },
        int,
        _small_numbers,
    ),
    Trait.SOUND_DATA: Column([column_of(_LAST_DATA).expression, "$dataSources"], _sound, _numbers),
}


# Questions


@attrs.frozen
class Condition:
    """A test that the value of a column passes, together with a limit."""

    key: Key
    test: Callable[[Any, Any], bool]
    limit: Any


def conditions_of(query: PatientQuery) -> Iterator[Condition]:
    """Yield what patients have to pass, without who is excluded; what is quick to test first."""
    for wanted in query.metrics:
        tests = _OR_ABSENT if wanted.or_absent else _PRESENT
        yield Condition(wanted.measure, tests[wanted.comparison], wanted.limit)
    for span in query.last_data:
        key = SummaryDate(span.kind, DateName.LAST_DATA)
        since = float("-inf") if span.since is None else milliseconds(span.since)
        yield Condition(key, ge, since)
        if span.before is not None:
            yield Condition(key, lt, milliseconds(span.before))
    if query.without_data is not None:
        yield Condition(_LAST_DATA, _is_not_from, milliseconds(query.without_data.stale_before))
        yield Condition(Trait.SOUND_DATA, _is_not_from, milliseconds(query.without_data.cutoff))
    if query.last_reviewed is not None:
        yield Condition(Attribute.LAST_REVIEWED, le, milliseconds(query.last_reviewed))
    if query.omit_non_standard_ranges:
        yield Condition(Trait.OWN_RANGES, eq, 0)
    if query.tags is not None:
        yield Condition(Trait.TAGS, ge if query.tags else eq, frozenset(query.tags))
    if query.sites is not None:
        sites = frozenset(query.sites)
        yield Condition(Trait.SITES, _has_any if sites else eq, sites)
    if query.search is not None:
        yield Condition(Trait.TEXTS, contains, _wanted(query.search))


_PRESENT: Final = {
    Comparison.ABOVE: gt,
    Comparison.AT_LEAST: ge,
    Comparison.BELOW: lt,
    Comparison.AT_MOST: le,
}
_OR_ABSENT: Final[dict[Comparison, Callable[[Any, Any], bool]]] = {
    Comparison.ABOVE: lambda value, limit: not value <= limit,
    Comparison.AT_LEAST: lambda value, limit: not value < limit,
    Comparison.BELOW: lambda value, limit: not value >= limit,
    Comparison.AT_MOST: lambda value, limit: not value > limit,
}


def _is_not_from(value: float, limit: float) -> bool:
    return not value >= limit


def _has_any(own: frozenset[str], wanted: frozenset[str]) -> bool:
    return not own.isdisjoint(wanted)


def _wanted(search: str) -> str:
    # It may not reach from one text into the next.
    return _NOWHERE if _BETWEEN in search else _folded(search)


def flag_key(query: PatientQuery) -> Flag | None:
    """Return by which flag a list is ordered first, if by any."""
    order = query.order
    if order.absent is Absent.BY_FLAG and not isinstance(order.by, Attribute):
        return Flag(order.by)
    return None


def keys_of(query: PatientQuery) -> frozenset[Key]:
    """Return the columns that a query needs."""
    flag = flag_key(query)
    order = (query.order.by,) if flag is None else (query.order.by, flag)
    return frozenset((*order, *(condition.key for condition in conditions_of(query))))
