"""
Which patients of a clinic a list shows, and in which order.

The functions at the end say what a query means, one patient at a time; whatever a storage does to
be faster returns the same patients in the same order.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import attrs

from clinic_domain.patients.model import DataSourceState, Patient, Provider, RangesPreset
from clinic_domain.patients.summaries import (
    FLAGGED,
    Metric,
    Period,
    StatsDates,
    Summary,
    SummaryKind,
    flag_of,
)
from clinic_domain.text import collation_key, folded
from clinic_domain.values import ClinicId, Page, RecordId, SiteId, TagId


class Comparison(StrEnum):
    """How a number has to stand to a limit."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    def holds(self, value: float, limit: float) -> bool:
        """Tell whether *value* stands so to *limit*; both count as doubles (FILTER-3)."""
        return _HOLDS[self](value, limit)


_HOLDS: Final[dict[Comparison, Callable[[float, float], bool]]] = {
    Comparison.ABOVE: float.__gt__,
    Comparison.AT_LEAST: float.__ge__,
    Comparison.BELOW: float.__lt__,
    Comparison.AT_MOST: float.__le__,
}


# What can be asked about and sorted by


class Attribute(StrEnum):
    """What every patient may have."""

    FULL_NAME = "fullName"
    BIRTH_DATE = "birthDate"
    LAST_REVIEWED = "lastReviewed"


class DateName(StrEnum):
    """Dates of a summary that come with a flag."""

    LAST_UPLOAD = "lastUploadDate"
    LAST_DATA = "lastData"
    FIRST_DATA = "firstData"
    OUTDATED_SINCE = "outdatedSince"


@attrs.frozen
class SummaryDate:
    """A date of a patient's summary."""

    kind: SummaryKind
    name: DateName


@attrs.frozen
class Measure:
    """A number in one period of a patient's summary, by the name of a metric or delta."""

    kind: SummaryKind
    period: Period
    name: str


SortKey = Attribute | SummaryDate | Measure


class Absent(StrEnum):
    """Where those come who lack what a list is ordered by."""

    LOWEST = "lowest"
    """As if theirs was below all: first when ascending, last when descending (SORT-4)."""
    LAST = "last"
    """Last in both directions (SORT-6)."""
    BY_FLAG = "by flag"
    """First who has the flag, then who has it not set, then who lacks it (SORT-3)."""


@attrs.frozen
class Order:
    """An order of a list; equal ones go by id, ascending in both directions (SORT-2)."""

    by: SortKey = Attribute.FULL_NAME
    descending: bool = False
    absent: Absent = Absent.LOWEST


BY_NAME: Final = Order()


def order_by(key: SortKey, *, descending: bool) -> Order:
    """Return the order of a list by *key*, with the absent where they belong (SORT-3, 4, 6)."""
    absent = Absent.LOWEST
    if isinstance(key, SummaryDate):
        absent = Absent.BY_FLAG
    elif isinstance(key, Measure):
        if key.name in FLAGGED[key.kind]:
            absent = Absent.BY_FLAG
        elif key.name.endswith("Delta") and key.name not in _LOWEST_DELTAS:
            absent = Absent.LAST
    return Order(key, descending, absent)


_LOWEST_DELTAS: Final = ("minDelta", "maxDelta")


@attrs.frozen
class MetricFilter:
    """
    A number of a summary stands so to a limit (FILTER-1).

    Who has no such number does not match (FILTER-2), unless `or_absent`.
    """

    measure: Measure
    comparison: Comparison
    limit: float
    or_absent: bool = False


@attrs.frozen
class LastDataFilter:
    """The last value of a summary is from this time on and before that one (FILTER-7)."""

    kind: SummaryKind
    since: datetime | None = None
    before: datetime | None = None


@attrs.frozen
class WithoutData:
    """
    There are no recent data of a continuous monitor (TIDE-5).

    None at all; or the last is before `stale_before`, and before `cutoff` or a connection to Dexcom
    is broken.
    """

    cutoff: datetime
    stale_before: datetime


@attrs.frozen
class PatientQuery:
    """
    Which patients of a clinic to list, and in which order: by default by name (PAGE-2, SORT-1).

    Conditions that are given must all hold (FILTER-4). `tags=()` asks for patients without any tag,
    `sites=()` without any site (FILTER-13).
    """

    clinic_id: ClinicId
    search: str | None = None
    """Text that occurs, ignoring case, in name, address, MRN or birth date (FILTER-5)."""
    tags: tuple[TagId, ...] | None = None
    """The patient has all of them (FILTER-11)."""
    sites: tuple[SiteId, ...] | None = None
    """The patient has at least one of them (FILTER-12)."""
    last_reviewed: datetime | None = None
    """The newest review is at or before this time (FILTER-6)."""
    omit_non_standard_ranges: bool = False
    """Only patients with the standard preset or without ranges (FILTER-8)."""
    metrics: tuple[MetricFilter, ...] = ()
    last_data: tuple[LastDataFilter, ...] = ()
    without_data: WithoutData | None = None
    excluded: frozenset[RecordId] = frozenset()
    """Who is not asked for."""
    order: Order = BY_NAME
    page: Page = Page()


@attrs.frozen
class PatientMatches:
    """A page of what a query found: ids in order, how many match, how many the clinic has."""

    ids: tuple[RecordId, ...]
    matching: int
    total: int


@attrs.frozen
class PatientPage:
    """A page of patients, how many match the query, and how many the clinic has."""

    patients: tuple[Patient, ...]
    matching: int
    total: int


# What a query means


def matches(patient: Patient, query: PatientQuery) -> bool:
    """Tell whether a patient of the clinic is asked for."""
    return (
        patient.id not in query.excluded
        and (query.search is None or _contains(patient, folded(query.search)))
        and (query.tags is None or _has_tags(patient, query.tags))
        and (query.sites is None or _has_any_site(patient, query.sites))
        and (query.last_reviewed is None or _was_reviewed(patient, query.last_reviewed))
        and not (query.omit_non_standard_ranges and has_own_ranges(patient))
        and all(_passes(patient, each) for each in query.metrics)
        and all(_is_between(patient, each) for each in query.last_data)
        and (query.without_data is None or _lacks_data(patient, query.without_data))
    )


def arranged(patients: Iterable[Patient], order: Order) -> list[Patient]:
    """Return patients in an order."""
    found = sorted(patients, key=lambda patient: patient.id)
    keys = {patient.id: _rank(patient, order) for patient in found}
    # Sorting keeps the order of equal ones, also when it goes downwards.
    found.sort(key=lambda patient: keys[patient.id][1], reverse=order.descending)
    found.sort(key=lambda patient: keys[patient.id][0])
    return found


def _rank(patient: Patient, order: Order) -> tuple[int, Any]:
    """Return the group of a patient, in ascending order, and what counts within it."""
    value = _value(patient, order.by)
    # In every kind of value nothing is lower than something.
    within = (value is not None, value) if value is not None else (False,)
    if order.absent is Absent.LAST:
        return int(value is None), within
    if order.absent is Absent.BY_FLAG:
        flag = _flag(patient, order.by)
        return 2 if flag is None else int(not flag), within
    return 0, within


def _value(patient: Patient, key: SortKey) -> Any:
    match key:
        case Measure():
            metric = metric_of(patient, key)
            return None if metric is None else float(metric)
        case SummaryDate(kind, name):
            dates = _dates(patient, kind)
            return None if dates is None else _DATES[name][0](dates)
        case Attribute.FULL_NAME:
            return collation_key(patient.full_name or "")
        case Attribute.BIRTH_DATE:
            return patient.birth_date
        case Attribute.LAST_REVIEWED:
            return patient.reviews[0].time if patient.reviews else None


def _flag(patient: Patient, key: SortKey) -> bool | None:
    match key:
        case Measure():
            flag = metric_of(patient, attrs.evolve(key, name=flag_of(key.name)))
            return None if flag is None else bool(flag)
        case SummaryDate(kind, name):
            dates = _dates(patient, kind)
            return None if dates is None else _DATES[name][1](dates)
        case Attribute():
            return None


_DATES: Final[
    dict[DateName, tuple[Callable[[StatsDates], datetime | None], Callable[[StatsDates], bool]]]
] = {
    DateName.LAST_UPLOAD: (
        lambda dates: dates.last_upload_date,
        lambda dates: dates.has_last_upload_date,
    ),
    DateName.LAST_DATA: (lambda dates: dates.last_data, lambda dates: dates.has_last_data),
    DateName.FIRST_DATA: (lambda dates: dates.first_data, lambda dates: dates.has_first_data),
    DateName.OUTDATED_SINCE: (
        lambda dates: dates.outdated_since,
        lambda dates: dates.has_outdated_since,
    ),
}


def metric_of(patient: Patient, measure: Measure) -> Metric | None:
    """Return a metric of a patient's summary, or None where there is none."""
    stats = (patient.summary or _NO_SUMMARY).of(measure.kind)
    return None if stats is None else stats.periods.get(measure.period, {}).get(measure.name)


def _dates(patient: Patient, kind: SummaryKind) -> StatsDates | None:
    stats = (patient.summary or _NO_SUMMARY).of(kind)
    return None if stats is None else stats.dates


_NO_SUMMARY: Final = Summary()


def _contains(patient: Patient, wanted: str) -> bool:
    texts = (patient.full_name, patient.email, patient.mrn, patient.birth_date)
    return any(text is not None and wanted in folded(text) for text in texts)


def _has_tags(patient: Patient, wanted: tuple[TagId, ...]) -> bool:
    return set(wanted) <= set(patient.tags or ()) if wanted else not patient.tags


def _has_any_site(patient: Patient, wanted: tuple[SiteId, ...]) -> bool:
    sites = {site.id for site in patient.sites or ()}
    return not sites.isdisjoint(wanted) if wanted else not sites


def _was_reviewed(patient: Patient, until: datetime) -> bool:
    reviews = patient.reviews or ()
    return any(review.time <= until for review in reviews[:1])


def has_own_ranges(patient: Patient) -> bool:
    """Tell whether other glycemic ranges than the standard apply (FILTER-8)."""
    ranges = patient.glycemic_ranges
    return ranges is not None and ranges.preset != RangesPreset.ADA_STANDARD


def _passes(patient: Patient, wanted: MetricFilter) -> bool:
    metric = metric_of(patient, wanted.measure)
    if metric is None:
        return wanted.or_absent
    return wanted.comparison.holds(float(metric), wanted.limit)


def _is_between(patient: Patient, wanted: LastDataFilter) -> bool:
    dates = _dates(patient, wanted.kind) or StatsDates()
    last_data = dates.last_data
    return (
        last_data is not None
        and (wanted.since is None or last_data >= wanted.since)
        and (wanted.before is None or last_data < wanted.before)
    )


def _lacks_data(patient: Patient, wanted: WithoutData) -> bool:
    dates = _dates(patient, SummaryKind.CGM)
    if dates is None or dates.last_data is None:
        return True
    return dates.last_data < wanted.stale_before and (
        dates.last_data < wanted.cutoff or has_broken_dexcom(patient)
    )


def has_broken_dexcom(patient: Patient) -> bool:
    """Tell whether some data source of Dexcom is not connected (TIDE-5)."""
    return any(
        source.provider_name == Provider.DEXCOM and source.state != DataSourceState.CONNECTED
        for source in patient.data_sources or ()
    )
