"""Glucose summaries: what is in them, and how they are kept."""

from datetime import timedelta

import pytest

from clinic_domain.patients.summaries import (
    ALWAYS_KNOWN,
    FLAGS,
    MEASURES,
    EncodedPeriods,
    Metrics,
    Stats,
    StatsDates,
    Summary,
    SummaryKind,
    flag_of,
    is_whole,
)
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import UserId
from support.world import World

LATER = A_MORNING + timedelta(days=1)
CGM = Stats("c1", periods={"7d": {"min": 3.5}})
BGM = Stats("b1", periods={"7d": {"max": 9.5}})


@pytest.mark.parametrize(
    ("kind", "members", "required"), [(SummaryKind.CGM, 105, 43), (SummaryKind.BGM, 67, 25)]
)
def test_a_period_has_so_many_members(kind: SummaryKind, members: int, required: int) -> None:
    assert len(MEASURES[kind]) + len(FLAGS[kind]) == members
    assert len(FLAGS[kind]) + 2 * len(ALWAYS_KNOWN[kind]) == required


def test_some_metrics_are_whole_numbers() -> None:
    whole = {"timeInLowMinutes", "totalRecords", "daysWithData", "timeCGMUseRecordsDelta"}
    broken = {"min", "timeInLowPercent", "averageDailyRecords", "averageDailyRecordsDelta"}

    assert all(map(is_whole, whole))
    assert not any(map(is_whole, broken))
    assert flag_of("timeCGMUsePercent") == "hasTimeCGMUsePercent"


def test_the_later_of_both_dates_counts() -> None:
    def stats(day: int) -> Stats:
        moment = A_MORNING + timedelta(days=day)
        return Stats(
            "",
            dates=StatsDates(last_upload_date=moment, last_updated_date=moment, last_data=moment),
        )

    summary = Summary(stats(2), stats(1))

    assert summary.last_upload_date == summary.last_updated_date == summary.last_data
    assert summary.last_data == A_MORNING + timedelta(days=2)
    assert Summary(Stats(""), stats(0)).last_data == A_MORNING
    assert Summary(Stats("")).last_upload_date is None
    assert Summary().last_updated_date is None


async def test_a_summary_is_replaced_part_by_part_in_all_clinics(world: World) -> None:
    """SUMMARY-3, SUMMARY-4 and SUMMARY-5."""
    user_id = UserId("user")
    one = a_patient(a_clinic(), user_id=user_id, summary=Summary(CGM, BGM))
    two = a_patient(a_clinic(), user_id=user_id)
    await world.has(one, two)
    new = Stats("c2")
    world.clock.time = LATER

    assert await world.app.summaries.replace(user_id, new, None) == 2

    assert (await world.patient(one)).summary == Summary(new, BGM)
    assert (await world.patient(two)).summary == Summary(new)
    assert (await world.patient(two)).updated_time == LATER


async def test_without_a_part_only_the_time_changes(world: World) -> None:
    """SUMMARY-2, and nobody is changed where nobody is there (SUMMARY-6, SUMMARY-7)."""
    patient = a_patient(a_clinic(), summary=Summary(CGM))
    await world.has(patient)
    world.clock.time = LATER

    assert await world.app.summaries.replace(patient.user_id, None, None) == 1
    assert await world.app.summaries.replace(UserId("nobody"), CGM, None) == 0

    now = await world.patient(patient)
    assert (now.summary, now.updated_time) == (Summary(CGM), LATER)


async def test_a_whole_summary_goes(world: World) -> None:
    """SUMMARY-1."""
    patient = a_patient(a_clinic(), summary=Summary(CGM, BGM))
    await world.has(patient)

    assert await world.app.summaries.remove(patient.user_id) == 1

    assert (await world.patient(patient)).summary is None


async def test_a_part_goes_by_its_id_and_leaves_the_time(world: World) -> None:
    """SUMMARY-8, SUMMARY-9 and SUMMARY-10."""
    patient = a_patient(a_clinic(), summary=Summary(CGM))
    await world.has(patient)
    world.clock.time = LATER

    assert await world.app.summaries.remove_stats("c1") == 1
    assert await world.app.summaries.remove_stats("c1") == 0

    now = await world.patient(patient)
    assert (now.summary, now.updated_time) == (Summary(), patient.updated_time)


@pytest.mark.parametrize(("remembers", "times"), [(True, 1), (False, 3)])
def test_encoded_periods_are_decoded_once_or_by_who_keeps_many_each_time(
    remembers: bool, times: int
) -> None:
    decoded: list[bytes] = []

    def decode(text: bytes) -> dict[str, Metrics]:
        decoded.append(text)
        return {"7d": {"min": 2.5}}

    periods = EncodedPeriods(b"{...}", decode, is_complete=False, remembers=remembers)

    assert periods["7d"] == {"min": 2.5}
    assert dict(periods.items()) == {"7d": {"min": 2.5}}
    assert len(periods) == 1
    assert decoded == [b"{...}"] * times
