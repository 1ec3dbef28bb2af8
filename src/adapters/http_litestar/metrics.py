"""
Parameters of the list of patients that are about glucose metrics.

They are checked as the API document says. Answering them needs the summaries of patients, which
this version does not keep: whoever asks for them is told so, instead of getting another list.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from adapters.http_litestar.errors import Refusal
from adapters.http_litestar.query import Query
from adapters.http_litestar.wire.fields import DateTimeText, Shaped
from clinic_domain.errors import BadRequest


class FloatFilter(Shaped):
    pattern = r"^(>=|>|<=|<)[+-]?((\d+(\.\d*)?)|(\.\d+))$"
    expected = "a comparison with a number, like >=5.5"


class IntFilter(Shaped):
    pattern = r"^(>=|>|<=|<)[+-]?\d+$"
    expected = "a comparison with a whole number, like >=7"


class Sort(Shaped):
    pattern = r"(?:-|\+)(?:[a-zA-Z]|_)+"
    expected = "a direction and an attribute, like +fullName"


class SummaryKind(Shaped):
    pattern = "^(cgm|bgm)$"
    expected = "cgm or bgm"


class Period(Shaped):
    pattern = "^(1d|7d|14d|30d)$"
    expected = "1d, 7d, 14d or 30d"


_RANGES: Final = (
    "VeryLow",
    "Low",
    "AnyLow",
    "Target",
    "High",
    "VeryHigh",
    "ExtremeHigh",
    "AnyHigh",
)
_PERCENTS: Final = tuple(f"timeIn{range_}Percent" for range_ in _RANGES)
_MINUTES: Final = tuple(f"timeIn{range_}Minutes" for range_ in _RANGES)
_RECORDS: Final = tuple(f"timeIn{range_}Records" for range_ in _RANGES)
_FILTERED_RECORDS: Final = tuple(name for name in _RECORDS if "Extreme" not in name)
_BOTH_FLOATS: Final = ("max", "min", "averageGlucoseMmol", *_PERCENTS, "averageDailyRecords")
_CGM_FLOATS: Final = (
    *_BOTH_FLOATS,
    "glucoseManagementIndicator",
    "timeCGMUsePercent",
    "standardDeviation",
    "coefficientOfVariation",
)
_CGM_INTS: Final = (
    "timeCGMUseMinutes",
    *_MINUTES,
    "timeCGMUseRecords",
    *_FILTERED_RECORDS,
    "totalRecords",
    "hoursWithData",
    "daysWithData",
)
_BGM_INTS: Final = (*_FILTERED_RECORDS, "totalRecords")

_DATES: Final = ("lastUploadDate", "lastData", "firstData", "outdatedSince")
_PLAIN: Final = ("fullName", "birthDate", "lastReviewed")
_BOTH_SORTED: Final = (
    *("min", "max", "averageGlucoseMmol", "totalRecords", "averageDailyRecords"),
    *("standardDeviation", "coefficientOfVariation"),
    *_PERCENTS,
    *_RECORDS,
)
_CGM_SORTED: Final = (
    *_BOTH_SORTED,
    *_MINUTES,
    *("timeCGMUsePercent", "glucoseManagementIndicator", "hoursWithData", "daysWithData"),
)
ATTRIBUTES: Final = {
    kind: frozenset((*_PLAIN, *_DATES, *names, *(f"{name}Delta" for name in names)))
    for kind, names in (("cgm", _CGM_SORTED), ("bgm", _BOTH_SORTED))
}
"""Summary type -> attributes by which the list can be sorted (section 5.7)."""


def _filters() -> Iterator[tuple[str, type[Shaped]]]:
    """Yield the name and the form of every filter."""
    kinds = (
        ("cgm", FloatFilter, _CGM_FLOATS),
        ("cgm", IntFilter, _CGM_INTS),
        ("bgm", FloatFilter, _BOTH_FLOATS),
        ("bgm", IntFilter, _BGM_INTS),
    )
    for summary, form, names in kinds:
        for name in names:
            yield f"{summary}.{name}", form
            # The document has one delta in another form than its field.
            is_odd = (summary, name) == ("bgm", "averageDailyRecords")
            yield f"{summary}.{name}Delta", IntFilter if is_odd else form
        if form is IntFilter:
            yield f"{summary}.lastDataFrom", DateTimeText
            yield f"{summary}.lastDataTo", DateTimeText


_NAMES: Final = {name.replace(".", "_"): name for name, _ in _filters()}
"""Name of a field -> name of a filter."""
MetricsQuery: Final[type[Query]] = msgspec.defstruct(  # type: ignore[assignment]  # that it has these bases mypy cannot see
    "MetricsQuery",
    [
        ("sort", Sort | None, None),
        ("sort_type", SummaryKind | None, None),
        ("period", Period | None, None),
        *((name.replace(".", "_"), form | None, None) for name, form in _filters()),
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


def refuse_metrics(query: Any) -> None:
    """
    Raise where the list would depend on metrics.

    Raises:
        InvalidSort: the order makes no sense.
        Refusal: it does, and is not served.
    """
    if query.sort is not None:
        _refuse_sort(query.sort, query.sort_type)
    for field, name in _NAMES.items():
        value = getattr(query, field)
        if value is not None and not (isinstance(value, DateTimeText) and value.is_no_bound):
            raise _not_served(name)


def _refuse_sort(sort: str, kind: str | None) -> None:
    if kind is None:
        raise InvalidSort("missing type")
    if sort[0] not in "+-":
        raise InvalidSort("missing sort order")
    if sort[1:] not in ATTRIBUTES[kind]:
        raise InvalidSort("invalid sort attribute")
    # By name is how the list is sorted anyway.
    if sort != "+fullName":
        raise _not_served("sort")


def _not_served(name: str) -> Refusal:
    return Refusal(501, f'parameter "{name}" in query is not available in this version')
