"""Lists by glucose metrics: what they hold, and in which order."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_domain.patients.model import DataSource, Patient, Review
from clinic_domain.patients.queries import (
    Absent,
    Attribute,
    Comparison,
    DateName,
    LastDataFilter,
    Measure,
    MetricFilter,
    Order,
    PatientMatches,
    PatientQuery,
    SummaryDate,
    WithoutData,
    arranged,
    matches,
    order_by,
)
from clinic_domain.patients.summaries import Period, Stats, StatsDates, Summary, SummaryKind
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import patient_queries, patients
from clinic_domain.testing.strategies.summaries import with_similar_summary
from clinic_domain.values import EVERYTHING, ClinicId, RecordId, TagId, UserId

_CGM, _BGM = SummaryKind.CGM, SummaryKind.BGM
_TARGET: Final = Measure(_CGM, Period.TWO_WEEKS, "timeInTargetPercent")
_EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _cgm(**metrics: float) -> Summary:
    return Summary(cgm=Stats("a", periods={"14d": metrics}))


def _dated(**dates: Any) -> Summary:
    return Summary(cgm=Stats("a", dates=StatsDates(**dates)))


_TAGS: Final = st.sampled_from([TagId(f"{number:024x}") for number in range(3)])
_NUMBERS: Final = count(1)


@st.composite
def _asked(draw: st.DrawFn) -> tuple[list[Patient], list[PatientQuery]]:
    """Return some patients, and questions about them."""
    drawn = draw(st.lists(patients(tags=_TAGS), max_size=5))
    known = [
        attrs.evolve(draw(with_similar_summary(patient)), id=RecordId(f"{number:024x}"))
        for number, patient in enumerate(drawn)
    ]
    queries = patient_queries(ClinicId(""), known, _TAGS)
    return known, draw(st.lists(queries, min_size=3, max_size=3))


def _placed(patient: Patient, clinic_id: ClinicId) -> Patient:
    """Return a patient of the clinic whom nobody else can be mistaken for."""
    fresh = a_patient(clinic_id)
    mrn = f"{next(_NUMBERS)}"
    return attrs.evolve(patient, id=fresh.id, clinic_id=clinic_id, user_id=fresh.user_id, mrn=mrn)


class PatientQueryContract:
    """A storage lists those whom the plain functions of the core find, in their order."""

    async def test_numbers_are_compared_and_who_has_none_never_matches(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        low, middle, high = (
            a_patient(clinic, full_name="same", summary=_cgm(timeInTargetPercent=value))
            for value in (-0.2, 0.7, 13.75)
        )
        others = (
            a_patient(clinic),
            a_patient(clinic, summary=Summary()),
            a_patient(clinic, summary=_cgm()),
            a_patient(
                clinic,
                summary=Summary(
                    cgm=Stats("a", periods={"7d": {"timeInTargetPercent": 0.7}}),
                    bgm=Stats("b", periods={"14d": {"timeInTargetPercent": 0.7}}),
                ),
            ),
        )
        await keep(storage, clinic, low, middle, high, *others)

        async def found(sign: str, limit: float) -> list[Patient]:
            wanted = MetricFilter(_TARGET, Comparison(sign), limit)
            return await _listed(storage, clinic.id, metrics=(wanted,))

        assert await found(">", 0.7) == [high]
        assert await found(">=", 0.7) == [middle, high]
        assert await found("<", 0.7) == [low]
        assert await found("<=", 0.7) == [low, middle]
        assert await found("<", -0.2) == []
        assert await found(">", 13.74) == [high]

    async def test_all_conditions_hold_at_once(self, storage: Storage) -> None:
        clinic, tag = a_clinic(), a_tag().id
        summary = Summary(
            cgm=Stats("a", periods={"14d": {"timeInTargetPercent": 0.5, "totalRecords": 10}}),
            bgm=Stats("b", periods={"14d": {"totalRecords": 7}}),
        )
        both = a_patient(clinic, summary=summary, tags=(tag,))
        untagged = a_patient(clinic, summary=summary)
        lacking = a_patient(clinic, summary=Summary(cgm=summary.cgm), tags=(tag,))
        await keep(storage, clinic, both, untagged, lacking)

        wanted = (
            MetricFilter(_TARGET, Comparison.BELOW, 0.6),
            MetricFilter(Measure(_BGM, Period.TWO_WEEKS, "totalRecords"), Comparison.AT_LEAST, 7.0),
        )

        assert await _listed(storage, clinic.id, metrics=wanted, tags=(tag,)) == [both]

    async def test_data_are_from_a_time_on_and_before_another(self, storage: Storage) -> None:
        clinic = a_clinic()
        first, second, third = (
            a_patient(
                clinic,
                full_name="same",
                summary=_dated(last_data=A_MORNING + timedelta(hours=hour)),
            )
            for hour in range(3)
        )
        await keep(storage, clinic, first, second, third, a_patient(clinic))
        since, before = (A_MORNING + timedelta(hours=hour) for hour in (1, 2))

        async def found(**bounds: datetime) -> list[Patient]:
            return await _listed(storage, clinic.id, last_data=(LastDataFilter(_CGM, **bounds),))

        assert await found(since=since) == [second, third]
        assert await found(before=before) == [first, second]
        assert await found(since=since, before=before) == [second]

    async def test_who_has_a_value_comes_first_in_both_directions(self, storage: Storage) -> None:
        """Then who is said to have none, then of whom nothing is said (SORT-3)."""
        clinic = a_clinic()
        high, low, none, nothing, unsummarised = (
            a_patient(clinic, summary=summary)
            for summary in (
                _cgm(timeInTargetPercent=0.9, hasTimeInTargetPercent=True),
                _cgm(timeInTargetPercent=0.2, hasTimeInTargetPercent=True),
                _cgm(hasTimeInTargetPercent=False),
                _cgm(),
                None,
            )
        )
        await keep(storage, clinic, unsummarised, nothing, none, low, high)

        ascending, descending = (order_by(_TARGET, descending=down) for down in (False, True))

        rest = [none, nothing, unsummarised]
        assert await _listed(storage, clinic.id, order=ascending) == [low, high, *rest]
        assert await _listed(storage, clinic.id, order=descending) == [high, low, *rest]

    @pytest.mark.parametrize(
        ("name", "value"),
        [("min", 2.5), ("maxDelta", -1.0), ("standardDeviation", 0.0), ("daysWithData", 3)],
    )
    async def test_without_a_flag_nothing_is_lower_than_something(
        self, storage: Storage, name: str, value: float
    ) -> None:
        """Equal ones go by id in both directions (SORT-2, SORT-4)."""
        clinic = a_clinic()
        summaries = (_cgm(**{name: value}), _cgm(**{name: value}), _cgm(), None)
        one, two, three, four = (a_patient(clinic, summary=each) for each in summaries)
        await keep(storage, clinic, four, three, two, one)
        key = Measure(_CGM, Period.TWO_WEEKS, name)

        ascending, descending = (order_by(key, descending=down) for down in (False, True))

        assert await _listed(storage, clinic.id, order=ascending) == [three, four, one, two]
        assert await _listed(storage, clinic.id, order=descending) == [one, two, three, four]

    async def test_who_has_no_delta_comes_last_in_both_directions(self, storage: Storage) -> None:
        """SORT-6."""
        clinic = a_clinic()
        low, high, none, unsummarised = (
            a_patient(clinic, summary=summary)
            for summary in (
                _cgm(timeInTargetPercentDelta=-0.5),
                _cgm(timeInTargetPercentDelta=0.5),
                _cgm(),
                None,
            )
        )
        await keep(storage, clinic, unsummarised, none, high, low)
        key = Measure(_CGM, Period.TWO_WEEKS, "timeInTargetPercentDelta")

        ascending, descending = (order_by(key, descending=down) for down in (False, True))

        assert await _listed(storage, clinic.id, order=ascending) == [low, high, none, unsummarised]
        assert await _listed(storage, clinic.id, order=descending) == [
            high,
            low,
            none,
            unsummarised,
        ]

    async def test_dates_order_a_list(self, storage: Storage) -> None:
        clinic = a_clinic()
        later = A_MORNING + timedelta(days=1)
        one = a_patient(
            clinic,
            birth_date="2001-01-01",
            reviews=(Review(UserId("r"), later),),
            summary=_dated(has_last_data=True, last_data=later),
        )
        two = a_patient(
            clinic,
            birth_date="2000-12-31",
            reviews=(Review(UserId("r"), A_MORNING),),
            summary=_dated(has_last_data=True, last_data=A_MORNING),
        )
        none = a_patient(clinic, birth_date=None, summary=_cgm())
        await keep(storage, clinic, one, two, none)

        async def by(key: Attribute | SummaryDate, *, down: bool) -> list[Patient]:
            return await _listed(storage, clinic.id, order=order_by(key, descending=down))

        for attribute in (Attribute.BIRTH_DATE, Attribute.LAST_REVIEWED):
            assert await by(attribute, down=False) == [none, two, one]
            assert await by(attribute, down=True) == [one, two, none]
        last_data = SummaryDate(_CGM, DateName.LAST_DATA)
        assert await by(last_data, down=False) == [two, one, none]
        assert await by(last_data, down=True) == [one, two, none]

    async def test_names_order_a_list_downwards(self, storage: Storage) -> None:
        clinic = a_clinic()
        names = (None, "", "alice", "ÁLICE", "bob")
        none, empty, alice, same, bob = (a_patient(clinic, full_name=name) for name in names)
        await keep(storage, clinic, bob, same, alice, empty, none)

        order = order_by(Attribute.FULL_NAME, descending=True)

        assert await _listed(storage, clinic.id, order=order) == [bob, alice, same, none, empty]

    async def test_patients_without_recent_data_are_found(self, storage: Storage) -> None:
        """TIDE-5."""
        clinic = a_clinic()
        now = A_MORNING
        cutoff, stale = now - timedelta(days=7), now - timedelta(hours=8)
        broken = (DataSource("dexcom", "error"),)

        def patient(last_data: datetime | None, sources: tuple[DataSource, ...] = ()) -> Patient:
            return a_patient(clinic, summary=_dated(last_data=last_data), data_sources=sources)

        none, old = patient(None), patient(cutoff - timedelta(days=1))
        silent = patient(stale - timedelta(hours=1), broken)
        patients = [
            none,
            old,
            silent,
            patient(stale - timedelta(hours=1)),
            patient(stale - timedelta(hours=1), (DataSource("twiist", "error"),)),
            patient(stale - timedelta(hours=1), (DataSource("dexcom", "connected"),)),
            patient(now, broken),
        ]
        unsummarised = a_patient(clinic, summary=None)
        await keep(storage, clinic, *patients, unsummarised)

        order = Order(SummaryDate(_CGM, DateName.LAST_DATA), absent=Absent.LOWEST)
        found = await _listed(
            storage, clinic.id, without_data=WithoutData(cutoff, stale), order=order
        )

        assert found == [none, unsummarised, old, silent]

    async def test_some_are_not_asked_for(self, storage: Storage) -> None:
        clinic = a_clinic()
        one, two = a_patient(clinic), a_patient(clinic)
        await keep(storage, clinic, one, two)

        assert await _listed(storage, clinic.id, excluded=frozenset({one.id})) == [two]

    async def test_records_come_in_the_order_of_their_ids(self, storage: Storage) -> None:
        """Those of other clinics, and those that are gone, are left out."""
        clinic = a_clinic()
        one, two, elsewhere = a_patient(clinic), a_patient(clinic), a_patient(a_clinic())
        await keep(storage, clinic, one, two, elsewhere)
        ids = [two.id, elsewhere.id, a_patient(clinic).id, one.id]

        found = await storage.read(lambda tx: tx.patients.with_ids(clinic.id, ids))

        assert found == (two, one)

    @given(asked=_asked())
    @_EXAMPLES
    async def test_any_query_finds_what_the_plain_functions_find(
        self, storage: Storage, asked: tuple[list[Patient], list[PatientQuery]]
    ) -> None:
        clinic, (drawn, queries) = a_clinic(), asked
        known = [_placed(patient, clinic.id) for patient in drawn]
        new_ids = {old.id: new.id for old, new in zip(drawn, known, strict=True)}
        await keep(storage, clinic, *reversed(known))

        for drawn_query in queries:
            excluded = frozenset(new_ids.get(each, each) for each in drawn_query.excluded)
            query = attrs.evolve(drawn_query, clinic_id=clinic.id, excluded=excluded)
            found = await _found(storage, query)

            expected = arranged([each for each in known if matches(each, query)], query.order)
            end = None if query.page.limit is None else query.page.offset + query.page.limit
            ids = tuple(patient.id for patient in expected)[query.page.offset : end]
            assert found.ids == ids
            assert (found.matching, found.total) == (len(expected), len(known))


async def _found(storage: Storage, query: PatientQuery) -> PatientMatches:
    return await storage.read(lambda tx: tx.patients.matches(query))


async def _listed(storage: Storage, clinic_id: ClinicId, **conditions: Any) -> list[Patient]:
    query = PatientQuery(clinic_id, **({"page": EVERYTHING} | conditions))
    page = await storage.read(lambda tx: tx.patients.page(query))
    assert page.matching == len(page.patients)
    return list(page.patients)
