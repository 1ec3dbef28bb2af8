"""Lists of patients: the examples of the chapter (sections 6.1 and 6.2), rule by rule."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.patients.model import (
    CustomRanges,
    GlycemicRanges,
    Patient,
    PatientSite,
    RangesPreset,
    RangesType,
    Review,
)
from clinic_domain.patients.queries import (
    Absent,
    Attribute,
    Comparison,
    DateName,
    LastDataFilter,
    Measure,
    MetricFilter,
    PatientQuery,
    SortKey,
    SummaryDate,
    arranged,
    matches,
    order_by,
)
from clinic_domain.patients.summaries import Period, Stats, StatsDates, Summary, SummaryKind
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.strategies import patient_queries
from clinic_domain.testing.strategies.summaries import orders, with_similar_summary
from clinic_domain.values import RecordId, SiteId, TagId, UserId
from support.world import World

CLINIC: Final = a_clinic()
T1, T2 = TagId("1" * 24), TagId("2" * 24)
S1, S2 = PatientSite(SiteId("1" * 24), "One"), PatientSite(SiteId("2" * 24), "Two")
CGM, BGM = SummaryKind.CGM, SummaryKind.BGM
FORTNIGHT: Final = Period.TWO_WEEKS


def january(day: int) -> datetime:
    return datetime(2024, 1, day, tzinfo=UTC)


def number(id_: int, **changes: Any) -> Patient:
    plain = {"full_name": None, "birth_date": None, "email": None}
    return a_patient(CLINIC, id=RecordId(f"{id_:024x}"), **(plain | changes))


def cgm(period: Period = FORTNIGHT, **metrics: Any) -> Stats:
    return Stats("c", periods={str(period): metrics})


PATIENTS: Final = [
    number(
        1,
        full_name="bob",
        birth_date="1990-01-01",
        tags=(T1,),
        sites=(S1,),
        reviews=(Review(UserId("r"), january(5)),),
        summary=Summary(
            cgm(
                timeInTargetPercent=0.7,
                hasTimeInTargetPercent=True,
                timeInVeryHighPercent=0.06,
            )
        ),
    ),
    number(
        2,
        full_name="Alice",
        birth_date="1980-01-02",
        tags=(T1, T2),
        sites=(S1, S2),
        reviews=(Review(UserId("r"), january(3)),),
        summary=Summary(cgm(timeInTargetPercent=0.9, hasTimeInTargetPercent=True)),
    ),
    number(
        3,
        full_name="Zoë",
        tags=(),
        sites=(),
        glycemic_ranges=GlycemicRanges(RangesType.PRESET, RangesPreset.ADA_STANDARD),
        summary=Summary(cgm(hasTimeInTargetPercent=False)),
    ),
    number(
        4,
        full_name="zoe B",
        glycemic_ranges=GlycemicRanges(RangesType.PRESET, RangesPreset.ADA_PREGNANCY_TYPE_1),
        summary=Summary(cgm(Period.WEEK, timeInTargetPercent=0.99, hasTimeInTargetPercent=True)),
    ),
    number(
        5,
        full_name="álvaro",
        glycemic_ranges=GlycemicRanges(RangesType.CUSTOM, custom=CustomRanges("own", ())),
    ),
    number(6),
    number(
        7,
        full_name="ALICE",
        summary=Summary(
            Stats(
                "c",
                dates=StatsDates(has_last_data=True, last_data=january(10)),
                periods={"14d": {"timeInTargetPercent": 0.7, "hasTimeInTargetPercent": True}},
            ),
            Stats("b", periods={"14d": {"timeInVeryHighPercent": 0.06}}),
        ),
    ),
]


def found(**conditions: Any) -> list[int]:
    query = PatientQuery(CLINIC.id, **conditions)
    listed = arranged((each for each in PATIENTS if matches(each, query)), query.order)
    return [int(patient.id, 16) for patient in listed]


def metric(name: str, comparison: str, limit: float, kind: SummaryKind = CGM) -> MetricFilter:
    return MetricFilter(Measure(kind, FORTNIGHT, name), Comparison(comparison), limit)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([metric("timeInTargetPercent", ">=", 0.7)], [2, 7, 1]),
        ([metric("timeInTargetPercent", ">", 0.7)], [2]),
        ([metric("timeInTargetPercent", "<", 0.8)], [7, 1]),
        (
            [
                metric("timeInTargetPercent", "<=", 0.7),
                metric("timeInVeryHighPercent", ">", 0.05),
            ],
            [1],
        ),
        ([metric("timeInVeryHighPercent", ">", 0.05, BGM)], [7]),
    ],
    ids=str,
)
def test_numbers(filters: list[MetricFilter], expected: list[int]) -> None:
    """Who has no value never matches; all filters hold (FILTER-1, FILTER-2, FILTER-4)."""
    assert found(metrics=tuple(filters)) == expected


def test_whole_numbers_and_fractions_are_compared_as_doubles() -> None:
    """FILTER-3."""
    assert Comparison.ABOVE.holds(float(7), 6.99)
    assert not Comparison.BELOW.holds(float(2**53 + 1), float(2**53))
    assert Comparison.AT_MOST.holds(0.1 + 0.2, 0.30000000000000004)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [6, 2, 7, 5, 1, 3, 4]),  # SORT-1
        ({"search": "alice"}, [2, 7]),  # FILTER-5
        ({"search": "alice "}, []),
        ({"search": "alv"}, []),
        ({"search": "ÁLV"}, [5]),
        ({"search": "1990-01"}, [1]),
        ({"last_reviewed": january(4)}, [2]),  # FILTER-6
        ({"last_reviewed": january(3)}, [2]),
        ({"last_reviewed": datetime(1, 1, 1, tzinfo=UTC)}, []),
        ({"last_data": (LastDataFilter(CGM, since=january(10)),)}, [7]),  # FILTER-7
        ({"last_data": (LastDataFilter(CGM, before=january(10)),)}, []),
        ({"last_data": (LastDataFilter(BGM, since=january(10)),)}, []),
        ({"omit_non_standard_ranges": True}, [6, 2, 7, 1, 3]),  # FILTER-8, but none is none
        ({"tags": (T1,)}, [2, 1]),  # FILTER-11
        ({"tags": (T1, T2)}, [2]),
        ({"tags": ()}, [6, 7, 5, 3, 4]),  # FILTER-13
        ({"sites": (S1.id, S2.id)}, [2, 1]),  # FILTER-12
        ({"sites": (S2.id,)}, [2]),
        ({"sites": ()}, [6, 7, 5, 3, 4]),
        ({"omit_non_standard_ranges": True, "tags": (), "search": "z"}, [3]),
    ],
    ids=str,
)
def test_other_conditions(conditions: dict[str, Any], expected: list[int]) -> None:
    assert found(**conditions) == expected


@pytest.mark.parametrize(
    ("key", "ascending", "descending"),
    [
        (Attribute.FULL_NAME, [6, 2, 7, 5, 1, 3, 4], [4, 3, 1, 5, 2, 7, 6]),
        (Attribute.BIRTH_DATE, [3, 4, 5, 6, 7, 2, 1], [1, 2, 3, 4, 5, 6, 7]),
        (Attribute.LAST_REVIEWED, [3, 4, 5, 6, 7, 2, 1], [1, 2, 3, 4, 5, 6, 7]),
        (
            Measure(CGM, FORTNIGHT, "timeInTargetPercent"),
            [1, 7, 2, 3, 4, 5, 6],
            [2, 1, 7, 3, 4, 5, 6],
        ),
        (
            Measure(CGM, Period.WEEK, "timeInTargetPercent"),
            [4, 1, 2, 3, 5, 6, 7],
            [4, 1, 2, 3, 5, 6, 7],
        ),
        (SummaryDate(CGM, DateName.LAST_DATA), [7, 1, 2, 3, 4, 5, 6], [7, 1, 2, 3, 4, 5, 6]),
    ],
    ids=str,
)
def test_orders(key: SortKey, ascending: list[int], descending: list[int]) -> None:
    """Ties go by id in both directions (SORT-2, SORT-3, SORT-5)."""
    assert found(order=order_by(key, descending=False)) == ascending
    assert found(order=order_by(key, descending=True)) == descending


@pytest.mark.parametrize(
    ("kind", "name", "absent"),
    [
        (CGM, "timeInTargetPercent", Absent.BY_FLAG),
        (CGM, "averageDailyRecords", Absent.BY_FLAG),
        (BGM, "timeInHighRecords", Absent.BY_FLAG),
        (CGM, "min", Absent.LOWEST),
        (CGM, "maxDelta", Absent.LOWEST),
        (BGM, "minDelta", Absent.LOWEST),
        (BGM, "standardDeviation", Absent.LOWEST),
        (CGM, "hoursWithData", Absent.LOWEST),
        (CGM, "timeInTargetPercentDelta", Absent.LAST),
        (CGM, "standardDeviationDelta", Absent.LAST),
        (CGM, "daysWithDataDelta", Absent.LAST),
        (BGM, "totalRecordsDelta", Absent.LAST),
    ],
)
def test_where_those_without_a_value_come(kind: SummaryKind, name: str, absent: Absent) -> None:
    """SORT-3, SORT-4 and SORT-6."""
    assert order_by(Measure(kind, FORTNIGHT, name), descending=True).absent is absent


def test_nothing_is_lower_than_something_where_no_flag_counts() -> None:
    """SORT-4: one patient has the value 1.0, one has a block without it, two have nothing."""
    four = [number(1), number(2)]
    four += [
        number(3, summary=Summary(bgm=Stats("b", periods={"14d": {"standardDeviation": 1.0}}))),
        number(4, summary=Summary(bgm=Stats("b", periods={"14d": {}}))),
    ]
    key = Measure(BGM, FORTNIGHT, "standardDeviation")

    def ids(*, descending: bool) -> list[int]:
        listed = arranged(four, order_by(key, descending=descending))
        return [int(patient.id, 16) for patient in listed]

    assert ids(descending=False) == [1, 2, 4, 3]
    assert ids(descending=True) == [3, 1, 2, 4]


async def test_a_page_and_its_counts(world: World) -> None:
    """LIST-1, LIST-2, LIST-3, LIST-4; the demo patient is like any other (FILTER-9)."""
    await world.has(CLINIC, *PATIENTS)

    page = await world.app.patients.matches(PatientQuery(CLINIC.id, search="alice"))
    beyond = await world.app.patients.matches(PatientQuery(a_clinic().id))

    assert (page.matching, page.total, len(page.ids)) == (2, 7, 2)
    assert (beyond.matching, beyond.total, beyond.ids) == (0, 0, ())


async def test_a_page_can_be_read_in_parts(world: World) -> None:
    await world.has(CLINIC, *PATIENTS)
    query = PatientQuery(CLINIC.id)

    found = await world.app.patients.matches(query)
    parts = [await world.app.patients.some(CLINIC.id, found.ids[at : at + 3]) for at in (0, 3, 6)]

    assert sum(parts, ()) == (await world.app.patients.list(query)).patients


def some_patients() -> st.SearchStrategy[list[Patient]]:
    """Patients who differ in what lists ask about, and are often alike."""
    one = st.builds(
        number,
        st.integers(0, 9),
        full_name=st.none() | st.sampled_from(("alice", "ALICE", "bob")),
        tags=st.none() | st.sampled_from(((), (T1,), (T1, T2))),
    )
    patients = st.lists(one, max_size=5, unique_by=lambda patient: patient.id)
    return patients.flatmap(lambda each: st.tuples(*map(with_similar_summary, each))).map(list)


@given(some_patients(), orders())
def test_an_order_keeps_everybody_and_does_not_depend_on_the_input(
    listed: list[Patient], order: Any
) -> None:
    once = arranged(listed, order)

    assert sorted(each.id for each in once) == sorted(each.id for each in listed)
    assert arranged(reversed(listed), order) == once


@given(st.data())
def test_a_further_condition_never_adds_anybody(data: st.DataObject) -> None:
    listed = data.draw(some_patients())
    query = data.draw(patient_queries(CLINIC.id, listed))
    wider = PatientQuery(CLINIC.id, tags=query.tags, metrics=query.metrics)

    assert all(matches(each, wider) for each in listed if matches(each, query))
