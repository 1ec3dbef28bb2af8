"""Strategies for glucose summaries, and for what can be asked about them."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from hypothesis import strategies as st

from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import (
    Absent,
    Attribute,
    Comparison,
    DateName,
    LastDataFilter,
    Measure,
    MetricFilter,
    Order,
    PatientQuery,
    SortKey,
    SummaryDate,
    WithoutData,
    metric_of,
    order_by,
)
from clinic_domain.patients.summaries import (
    FLAGS,
    MEASURES,
    Metric,
    Metrics,
    Period,
    Stats,
    StatsConfig,
    StatsDates,
    Summary,
    SummaryKind,
    is_whole,
)
from clinic_domain.testing.strategies.values import (
    PLAIN_LETTERS,
    record_ids,
    tag_ids,
    texts,
    times,
    tuples_of,
)
from clinic_domain.values import ClinicId, Page, TagId

_FINITE: Final = st.floats(-1e6, 1e6)
_WHOLE: Final = st.integers(-(2**31), 2**40)
_PERIODS: Final = st.sampled_from((*Period, "other"))


def metrics(kind: SummaryKind) -> st.SearchStrategy[Metrics]:
    """Some metrics of a period; now and then one that nobody knows."""
    known: dict[str, st.SearchStrategy[Metric]] = {
        **{name: _WHOLE if is_whole(name) else _FINITE for name in MEASURES[kind]},
        **{flag: st.booleans() for flag in FLAGS[kind]},
    }
    names = st.lists(st.sampled_from(sorted(known)), max_size=6, unique=True)
    unknown = st.dictionaries(
        st.text(PLAIN_LETTERS, min_size=1, max_size=5).map("new{}".format),
        _FINITE | _WHOLE | st.booleans(),
        max_size=1,
    )
    chosen = names.flatmap(lambda own: st.fixed_dictionaries({name: known[name] for name in own}))
    return st.builds(lambda one, other: {**one, **other}, chosen, unknown)


def stats_dates() -> st.SearchStrategy[StatsDates]:
    """Any dates and flags, also those that contradict each other."""
    optional = st.none() | times()
    reasons = st.none() | tuples_of(texts())
    return st.builds(
        StatsDates,
        *(each for _ in range(4) for each in (st.booleans(), optional)),
        optional,
        optional,
        reasons,
        reasons,
    )


def stats(kind: SummaryKind) -> st.SearchStrategy[Stats]:
    """Summaries of one kind of data."""
    ids = st.text("0123456789abcdef", max_size=24)
    config = st.builds(
        StatsConfig, st.integers(0, 9), *(st.floats(0, 30, allow_subnormal=False),) * 4
    )
    return st.builds(
        Stats,
        ids,
        config,
        stats_dates(),
        st.dictionaries(_PERIODS, metrics(kind), max_size=2).map(_as_plain),
    )


def _as_plain(periods: Mapping[str, Metrics]) -> dict[str, Metrics]:
    return {str(name): each for name, each in periods.items()}


def summaries() -> st.SearchStrategy[Summary]:
    """Summaries with both kinds of data, one, or none."""
    return st.builds(
        Summary,
        cgm=st.none() | stats(SummaryKind.CGM),
        bgm=st.none() | stats(SummaryKind.BGM),
    )


def similar_summaries() -> st.SearchStrategy[Summary]:
    """Summaries that often have the same metrics, with values that are often equal."""
    return st.builds(
        Summary,
        cgm=st.none() | _similar_stats(SummaryKind.CGM),
        bgm=st.none() | _similar_stats(SummaryKind.BGM),
    )


_SIMILAR: Final = {
    SummaryKind.CGM: (
        *("timeInTargetPercent", "timeInTargetPercentDelta", "timeInVeryLowMinutes", "min"),
        *("maxDelta", "totalRecords", "standardDeviation", "hoursWithData", "daysWithDataDelta"),
    ),
    SummaryKind.BGM: (
        *("timeInTargetPercent", "averageDailyRecordsDelta", "timeInHighRecords", "max"),
        *("minDelta", "totalRecordsDelta", "coefficientOfVariation"),
    ),
}
_SIMILAR_FLAGS: Final = {
    SummaryKind.CGM: ("hasTimeInTargetPercent", "hasTimeInVeryLowMinutes", "hasTotalRecords"),
    SummaryKind.BGM: ("hasTimeInTargetPercent", "hasTimeInHighRecords"),
}


def _similar_stats(kind: SummaryKind) -> st.SearchStrategy[Stats]:
    values: dict[str, st.SearchStrategy[Metric]] = {
        **{name: st.integers(-2, 2) for name in _SIMILAR[kind]},
        **{flag: st.booleans() for flag in _SIMILAR_FLAGS[kind]},
    }
    few = st.fixed_dictionaries({}, optional=values)
    periods = st.dictionaries(
        st.sampled_from((Period.TWO_WEEKS, Period.DAY)).map(str), few, max_size=2
    )
    return st.builds(Stats, st.just("abc"), dates=stats_dates(), periods=periods)


# Questions


def sort_keys() -> st.SearchStrategy[SortKey]:
    """What lists can be ordered by."""
    return (
        st.sampled_from(Attribute)
        | st.builds(SummaryDate, st.sampled_from(SummaryKind), st.sampled_from(DateName))
        | measures()
    )


def measures() -> st.SearchStrategy[Measure]:
    """Metrics and deltas of the periods that can be asked for."""
    kinds = st.sampled_from(SummaryKind)
    return kinds.flatmap(
        lambda kind: st.builds(
            Measure,
            st.just(kind),
            st.sampled_from((Period.TWO_WEEKS, Period.DAY, *Period)),
            st.sampled_from((*_SIMILAR[kind] * 4, *MEASURES[kind])),
        )
    )


def orders() -> st.SearchStrategy[Order]:
    """Orders as they come through the API, and with the absent last."""
    usual = st.builds(
        lambda key, descending: order_by(key, descending=descending), sort_keys(), st.booleans()
    )
    return usual | st.builds(Order, measures(), st.booleans(), st.just(Absent.LAST))


_TAGS: Final = tag_ids()


def patient_queries(
    clinic_id: ClinicId, patients: Sequence[Patient], tags: st.SearchStrategy[TagId] = _TAGS
) -> st.SearchStrategy[PatientQuery]:
    """Questions about a clinic, most of them with limits that some of its patients are at."""
    known_times = [
        time
        for patient in patients
        for one in (patient.summary and (patient.summary.cgm, patient.summary.bgm)) or ()
        if one and (time := one.dates.last_data)
    ]
    moments = st.sampled_from(known_times) if known_times else times()
    filters = measures().flatmap(
        lambda measure: st.builds(
            MetricFilter,
            st.just(measure),
            st.sampled_from(Comparison),
            _limits(measure, patients),
            st.booleans(),
        )
    )
    spans = st.builds(
        LastDataFilter, st.sampled_from(SummaryKind), st.none() | moments, st.none() | moments
    )
    ids = [patient.id for patient in patients]
    return st.builds(
        PatientQuery,
        st.just(clinic_id),
        search=st.none() | st.sampled_from(("", "a", "1")),
        tags=st.none() | st.lists(tags, max_size=2).map(tuple),
        last_reviewed=st.none() | times(),
        omit_non_standard_ranges=st.booleans(),
        metrics=st.lists(filters, max_size=2).map(tuple),
        last_data=st.lists(spans, max_size=1).map(tuple),
        without_data=st.none() | st.builds(WithoutData, moments, moments),
        excluded=st.frozensets(st.sampled_from(ids) if ids else record_ids(), max_size=2),
        order=orders(),
        page=st.builds(Page, st.integers(0, 3), st.none() | st.integers(0, 4)),
    )


def _limits(measure: Measure, patients: Sequence[Patient]) -> st.SearchStrategy[float]:
    values = [float(value) for each in patients if (value := metric_of(each, measure)) is not None]
    own = st.sampled_from(values) if values else st.nothing()
    return own | st.integers(-2, 2).map(float) | _FINITE


def with_similar_summary(patient: Patient) -> st.SearchStrategy[Patient]:
    """Return a patient whose summary is like those of others, or who has none."""
    return st.builds(
        lambda summary: attrs.evolve(patient, summary=summary), st.none() | similar_summaries()
    )
