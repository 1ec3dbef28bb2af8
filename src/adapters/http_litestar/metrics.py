"""Parameters of the list of patients that are about glucose metrics and orders."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from adapters.http_litestar.query import Query, bound
from adapters.http_litestar.wire.fields import DateTimeText, Shaped
from clinic_domain.errors import BadRequest
from clinic_domain.patients.queries import (
    BY_NAME,
    Attribute,
    Comparison,
    DateName,
    LastDataFilter,
    Measure,
    MetricFilter,
    Order,
    SortKey,
    SummaryDate,
    order_by,
)
from clinic_domain.patients.summaries import (
    MINUTES,
    PERCENTS,
    RECORDS,
    Period,
    SummaryKind,
    delta_of,
    is_whole,
)


class _Filter(Shaped):
    """A comparison with a number."""

    def on(self, measure: Measure) -> MetricFilter:
        sign = self.rstrip("+-.0123456789")
        return MetricFilter(measure, Comparison(sign), float(self[len(sign) :]))


class FloatFilter(_Filter):
    pattern = r"^(>=|>|<=|<)[+-]?((\d+(\.\d*)?)|(\.\d+))$"
    expected = "a comparison with a number, like >=5.5"


class IntFilter(_Filter):
    pattern = r"^(>=|>|<=|<)[+-]?\d+$"
    expected = "a comparison with a whole number, like >=7"


class SortText(Shaped):
    pattern = r"(?:-|\+)(?:[a-zA-Z]|_)+"
    expected = "a direction and an attribute, like +fullName"


class KindText(Shaped):
    pattern = "^(cgm|bgm)$"
    expected = "cgm or bgm"


class PeriodText(Shaped):
    pattern = "^(1d|7d|14d|30d)$"
    expected = "1d, 7d, 14d or 30d"


# By what the list can be narrowed (section 5.4) and sorted (section 5.7)

_COMMON: Final = ("min", "max", "averageGlucoseMmol", "averageDailyRecords", *PERCENTS)
_VARIATION: Final = ("standardDeviation", "coefficientOfVariation")
_USE: Final = ("timeCGMUsePercent", "glucoseManagementIndicator")
_WITH_DATA: Final = ("hoursWithData", "daysWithData")
_UNFILTERED: Final = "timeInExtremeHighRecords"
_FILTERED: Final = {
    SummaryKind.CGM: (
        *(*_COMMON, *_VARIATION, *_USE, "timeCGMUseMinutes", "timeCGMUseRecords"),
        *(*MINUTES, *RECORDS, "totalRecords", *_WITH_DATA),
    ),
    SummaryKind.BGM: (*_COMMON, *RECORDS, "totalRecords"),
}
_SORTED: Final = {
    SummaryKind.CGM: (
        *(*_COMMON, *_VARIATION, *_USE, *MINUTES),
        *(*RECORDS, "totalRecords", *_WITH_DATA),
    ),
    SummaryKind.BGM: (*_COMMON, *_VARIATION, *RECORDS, "totalRecords"),
}
_ATTRIBUTES: Final[dict[str, Attribute]] = {str(each): each for each in Attribute}
_DATES: Final[dict[str, DateName]] = {str(each): each for each in DateName}
_MEASURES: Final = {
    kind: frozenset(each for name in names for each in (name, delta_of(name)))
    for kind, names in _SORTED.items()
}


def _filters() -> Iterator[tuple[SummaryKind, str, type[Shaped]]]:
    """Yield kind, name and form of every filter."""
    for kind, names in _FILTERED.items():
        for name in names:
            if name == _UNFILTERED:
                continue
            form = IntFilter if is_whole(name) else FloatFilter
            yield kind, name, form
            # The document has one delta in another form than its field.
            is_odd = (kind, name) == (SummaryKind.BGM, "averageDailyRecords")
            yield kind, delta_of(name), IntFilter if is_odd else form
        yield kind, "lastDataFrom", DateTimeText
        yield kind, "lastDataTo", DateTimeText


_NAMES: Final = {f"{kind}_{name}": f"{kind}.{name}" for kind, name, _ in _filters()}
"""Name of a field -> name of a filter."""
_OF_METRICS: Final = [
    (f"{kind}_{name}", kind, name) for kind, name, form in _filters() if form is not DateTimeText
]
MetricsQuery: Final[type[Query]] = msgspec.defstruct(  # type: ignore[assignment]  # that it has these bases mypy cannot see
    "MetricsQuery",
    [
        ("sort", SortText | None, None),
        ("sort_type", KindText | None, None),
        ("period", PeriodText | None, None),
        *((f"{kind}_{name}", form | None, None) for kind, name, form in _filters()),
    ],
    bases=(Query,),
    rename={**_NAMES, "sort_type": "sortType"},
)


class InvalidSort(BadRequest):
    """The order of the list makes no sense; the reason is the last word of the message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"bad request: invalid sort parameter, {self.reason}"


def conditions_of(query: Any) -> dict[str, Any]:
    """
    Return what a MetricsQuery says, as members of a PatientQuery.

    Raises:
        InvalidSort: the order makes no sense.
    """
    period = Period(str(query.period or Period.TWO_WEEKS))
    return {
        "metrics": tuple(
            value.on(Measure(kind, period, name))
            for field, kind, name in _OF_METRICS
            if (value := getattr(query, field)) is not None
        ),
        "last_data": tuple(_last_data(query)),
        "order": _order(query.sort, query.sort_type, period),
    }


def _last_data(query: Any) -> Iterator[LastDataFilter]:
    for kind in SummaryKind:
        since = bound(getattr(query, f"{kind}_lastDataFrom"))
        before = bound(getattr(query, f"{kind}_lastDataTo"))
        if since or before:
            yield LastDataFilter(kind, since, before)


def _order(sort: str | None, kind: str | None, period: Period) -> Order:
    if sort is None:
        return BY_NAME
    if kind is None:
        raise InvalidSort("missing type")
    if sort[0] not in "+-":
        raise InvalidSort("missing sort order")
    key = _sort_key(sort[1:], SummaryKind(str(kind)), period)
    if key is None:
        raise InvalidSort("invalid sort attribute")
    return order_by(key, descending=sort[0] == "-")


def _sort_key(name: str, kind: SummaryKind, period: Period) -> SortKey | None:
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name]
    if name in _DATES:
        return SummaryDate(kind, _DATES[name])
    return Measure(kind, period, name) if name in _MEASURES[kind] else None
