"""The TIDE report: whom a clinic should call first (section 9 of the chapter on queries)."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import (
    Absent,
    Comparison,
    DateName,
    LastDataFilter,
    Measure,
    MetricFilter,
    Order,
    PatientQuery,
    SummaryDate,
    WithoutData,
)
from clinic_domain.patients.summaries import Period, SummaryKind, delta_of
from clinic_domain.values import ClinicId, Page, RecordId, TagId

MAX_SELECTED: Final = 100
"""Patients in all categories together (TIDE-3)."""
MAX_WITHOUT_DATA: Final = 50
"""Patients without data (TIDE-4)."""
STALE_AFTER: Final = timedelta(hours=8)
"""Older data are looked at more closely (TIDE-5)."""

_USE: Final = "timeCGMUsePercent"
_TARGET: Final = "timeInTargetPercent"
_VERY_LOW: Final = "timeInVeryLowPercent"
_ANY_LOW: Final = "timeInAnyLowPercent"
_VERY_HIGH: Final = "timeInVeryHighPercent"
_ANY_HIGH: Final = "timeInAnyHighPercent"
_EXTREME_HIGH: Final = "timeInExtremeHighPercent"
_DROP: Final = delta_of(_TARGET)


class Category(StrEnum):
    """Why a patient is in the report."""

    VERY_LOW = _VERY_LOW
    ANY_LOW = _ANY_LOW
    EXTREME_HIGH = _EXTREME_HIGH
    VERY_HIGH = _VERY_HIGH
    ANY_HIGH = _ANY_HIGH
    DROP_IN_TARGET = "dropInTimeInTargetPercent"
    TARGET = _TARGET
    CGM_USE = _USE
    MEETING_TARGETS = "meetingTargets"


NO_DATA: Final = "noData"
"""Beside the categories: who has no recent data."""

DEFAULT_CATEGORIES: Final = (
    Category.VERY_LOW,
    Category.ANY_LOW,
    Category.VERY_HIGH,
    Category.ANY_HIGH,
    Category.DROP_IN_TARGET,
    Category.CGM_USE,
    Category.MEETING_TARGETS,
)


@attrs.frozen
class _Condition:
    """A comparison of a metric; or, negated, that it does not hold or there is no such metric."""

    metric: str
    comparison: Comparison
    limit: float
    or_absent: bool = False


_ABOVE, _AT_LEAST, _BELOW, _AT_MOST = (
    Comparison.ABOVE,
    Comparison.AT_LEAST,
    Comparison.BELOW,
    Comparison.AT_MOST,
)
_CONDITIONS: Final = {
    Category.VERY_LOW: (_Condition(_VERY_LOW, _ABOVE, 0.01),),
    Category.ANY_LOW: (_Condition(_ANY_LOW, _ABOVE, 0.04),),
    Category.EXTREME_HIGH: (_Condition(_EXTREME_HIGH, _AT_LEAST, 0.01),),
    Category.VERY_HIGH: (_Condition(_VERY_HIGH, _ABOVE, 0.05),),
    Category.ANY_HIGH: (_Condition(_ANY_HIGH, _ABOVE, 0.25),),
    Category.DROP_IN_TARGET: (_Condition(_DROP, _BELOW, -0.15),),
    Category.TARGET: (_Condition(_TARGET, _BELOW, 0.7),),
    Category.CGM_USE: (_Condition(_USE, _BELOW, 0.7),),
    Category.MEETING_TARGETS: (
        _Condition(_TARGET, _AT_LEAST, 0.7),
        _Condition(_USE, _AT_LEAST, 0.7),
        _Condition(_ANY_LOW, _AT_MOST, 0.04, or_absent=True),
        _Condition(_VERY_LOW, _AT_MOST, 0.01, or_absent=True),
        _Condition(_ANY_HIGH, _AT_MOST, 0.25, or_absent=True),
        _Condition(_VERY_HIGH, _AT_MOST, 0.05, or_absent=True),
        _Condition(_EXTREME_HIGH, _BELOW, 0.01, or_absent=True),
    ),
}
"""What puts a patient into a category; the first metric is what the category is ordered by."""

_LARGEST_FIRST: Final = frozenset(
    {
        Category.VERY_LOW,
        Category.ANY_LOW,
        Category.EXTREME_HIGH,
        Category.VERY_HIGH,
        Category.ANY_HIGH,
        Category.MEETING_TARGETS,
    }
)


@attrs.frozen
class TideQuery:
    """
    What a report is about: patients with all tags and data from the cutoff on.

    `categories` are gone through in their order, each once; without, those of the default.
    """

    clinic_id: ClinicId
    period: Period
    tags: tuple[TagId, ...]
    last_data_cutoff: datetime
    categories: tuple[Category, ...] = DEFAULT_CATEGORIES
    exclude_no_data: bool = False


@attrs.frozen
class TideReport:
    """
    Patients by category, in its order; every patient with all that is known.

    Categories that were not reached because the report was full are not there. `without_data` is
    None where it was not asked for.
    """

    categories: dict[Category, tuple[Patient, ...]]
    without_data: tuple[Patient, ...] | None


def category_query(
    query: TideQuery, category: Category, selected: Iterable[RecordId], room: int
) -> PatientQuery:
    """Return who belongs into a category of which *room* places are left (TIDE-2, TIDE-3)."""
    conditions = _CONDITIONS[category]
    measure = _measure(query.period)
    return PatientQuery(
        query.clinic_id,
        tags=query.tags,
        metrics=tuple(
            MetricFilter(measure(each.metric), each.comparison, each.limit, each.or_absent)
            for each in conditions
        ),
        last_data=(LastDataFilter(SummaryKind.CGM, since=query.last_data_cutoff),),
        excluded=frozenset(selected),
        order=Order(
            measure(conditions[0].metric), descending=category in _LARGEST_FIRST, absent=Absent.LAST
        ),
        page=Page(limit=room),
    )


def _measure(period: Period) -> Callable[[str], Measure]:
    return lambda name: Measure(SummaryKind.CGM, period, name)


def no_data_query(query: TideQuery, now: datetime) -> PatientQuery:
    """Return who has no recent data; who is in a category may be here as well (TIDE-5, TIDE-6)."""
    return PatientQuery(
        query.clinic_id,
        tags=query.tags,
        without_data=WithoutData(query.last_data_cutoff, now - STALE_AFTER),
        order=Order(SummaryDate(SummaryKind.CGM, DateName.LAST_DATA), absent=Absent.LOWEST),
        page=Page(limit=MAX_WITHOUT_DATA),
    )
