"""The TIDE report: the worked examples of the chapter (section 9.5), rule by rule."""

from datetime import timedelta
from typing import Any, Final

import pytest

from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.patients.summaries import Period, Stats, StatsDates, Summary
from clinic_domain.patients.tide import DEFAULT_CATEGORIES, Category, TideQuery
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import RecordId, TagId
from support.world import World

CLINIC: Final = a_clinic()
TAG, OTHER = TagId("a" * 24), TagId("b" * 24)
NOW = A_MORNING
CUTOFF = NOW - timedelta(days=7)
RECENT = NOW - timedelta(hours=1)


def stats(age: timedelta | None = NOW - RECENT, **metrics: Any) -> Stats:
    last_data = None if age is None else NOW - age
    return Stats("c", dates=StatsDates(last_data=last_data), periods={"7d": metrics})


def patient(number: int, cgm: Stats | None = None, **changes: Any) -> Patient:
    values = {"tags": (TAG,), "summary": None if cgm is None else Summary(cgm)} | changes
    return a_patient(CLINIC, id=RecordId(f"{number:024x}"), **values)


EXAMPLES: Final = [
    patient(1, stats(timeInVeryLowPercent=0.02, timeInAnyLowPercent=0.10)),
    patient(2, stats(timeInVeryLowPercent=0.05)),
    patient(3, stats(timeInVeryLowPercent=0.01, timeInAnyLowPercent=0.05)),
    patient(4, stats(timeInVeryHighPercent=0.05, timeInAnyHighPercent=0.26)),
    patient(
        5,
        stats(timeInTargetPercent=0.70, timeCGMUsePercent=0.70, timeInExtremeHighPercent=0.0099),
    ),
    patient(
        6,
        stats(timeInTargetPercent=0.80, timeCGMUsePercent=0.70, timeInExtremeHighPercent=0.01),
    ),
    patient(
        7,
        stats(timedelta(hours=10), timeInTargetPercent=0.9, timeCGMUsePercent=0.9),
        data_sources=(DataSource("dexcom", "error"),),
    ),
    patient(
        8,
        stats(timedelta(hours=10), timeInTargetPercent=0.9, timeCGMUsePercent=0.9),
        data_sources=(DataSource("twiist", "error"),),
    ),
    patient(9, stats(timedelta(days=100), timeInTargetPercent=0.9)),
    patient(10),
    patient(11, summary=Summary(bgm=stats(timeInVeryLowPercent=0.5))),
    patient(12, stats(timeInTargetPercentDelta=-0.16)),
    patient(13, stats(timeCGMUsePercent=0.69)),
    patient(14, stats(timeInTargetPercent=0.69)),
    patient(15, stats(timeInVeryLowPercent=0.02, timeInAnyLowPercent=0.10), tags=(OTHER,)),
]


def query(**changes: Any) -> TideQuery:
    values: dict[str, Any] = {"period": Period.WEEK, "tags": (TAG,), "last_data_cutoff": CUTOFF}
    return TideQuery(CLINIC.id, **(values | changes))


async def report(world: World, **changes: Any) -> dict[str, list[int]]:
    """Return the numbers of the patients by category."""
    world.clock.time = NOW
    made = await world.app.tide.report(query(**changes))
    found = {str(name): _numbers(patients) for name, patients in made.categories.items()}
    return found | ({} if made.without_data is None else {"noData": _numbers(made.without_data)})


def _numbers(patients: tuple[Patient, ...]) -> list[int]:
    return [int(each.id, 16) for each in patients]


@pytest.fixture
async def examples(world: World) -> World:
    await world.has(CLINIC, *EXAMPLES)
    return world


async def test_the_default_report(examples: World) -> None:
    """Everybody is in the first category that fits (TIDE-1, TIDE-2, TIDE-5, TIDE-6)."""
    found = await report(examples)

    assert list(found) == [*DEFAULT_CATEGORIES, "noData"]
    assert found == {
        "timeInVeryLowPercent": [2, 1],
        "timeInAnyLowPercent": [3],
        "timeInVeryHighPercent": [],
        "timeInAnyHighPercent": [4],
        "dropInTimeInTargetPercent": [12],
        "timeCGMUsePercent": [13],
        "meetingTargets": [7, 8, 5],
        "noData": [10, 11, 9, 7],
    }


async def test_categories_are_gone_through_as_they_were_asked_for(examples: World) -> None:
    """Each once, at its first place (TIDE-1)."""
    lows = (Category.ANY_LOW, Category.VERY_LOW, Category.ANY_LOW)
    rare = (Category.TARGET, Category.EXTREME_HIGH)

    assert await report(examples, categories=lows, exclude_no_data=True) == {
        "timeInAnyLowPercent": [1, 3],
        "timeInVeryLowPercent": [2],
    }
    assert await report(examples, categories=rare, exclude_no_data=True) == {
        "timeInTargetPercent": [14],
        "timeInExtremeHighPercent": [6],
    }


async def test_a_period_without_data(examples: World) -> None:
    found = await report(examples, period=Period.TWO_WEEKS)

    assert found.pop("noData") == [10, 11, 9, 7]
    assert found == {str(category): [] for category in DEFAULT_CATEGORIES}


@pytest.mark.parametrize(
    ("metrics", "category"),
    [
        ({"timeInTargetPercentDelta": -0.15}, None),
        ({"timeInVeryLowPercent": 0.01}, None),
        ({"timeInAnyLowPercent": 0.04}, None),
        ({"timeInVeryHighPercent": 0.05}, None),
        ({"timeInVeryHighPercent": 0.0501}, "timeInVeryHighPercent"),
        ({"timeInAnyHighPercent": 0.25}, None),
        ({"timeCGMUsePercent": 0.7}, None),
        ({"timeInTargetPercent": 0.7}, None),
        ({"timeInTargetPercent": 0.7, "timeCGMUsePercent": 0.7}, "meetingTargets"),
    ],
    ids=str,
)
async def test_limits(world: World, metrics: dict[str, Any], category: str | None) -> None:
    """TIDE-7."""
    await world.has(CLINIC, patient(1, stats(**metrics)))

    found = await report(world, exclude_no_data=True)

    assert [name for name, numbers in found.items() if numbers] == ([category] if category else [])


async def test_all_categories_share_a_hundred_places(world: World) -> None:
    """Those for which none is left are not there; noData has its own (TIDE-3, TIDE-4)."""
    groups = (
        [stats(timeInVeryLowPercent=0.02)] * 60
        + [stats(timeInAnyLowPercent=0.05)] * 60
        + [stats(timeInVeryHighPercent=0.06)] * 10
        + [None] * 70
    )
    await world.has(CLINIC, *(patient(number, cgm) for number, cgm in enumerate(groups)))

    def sizes(found: dict[str, list[int]]) -> dict[str, int]:
        return {name: len(numbers) for name, numbers in found.items()}

    assert sizes(await report(world)) == {
        "timeInVeryLowPercent": 60,
        "timeInAnyLowPercent": 40,
        "noData": 50,
    }
    other = (Category.VERY_HIGH, Category.ANY_LOW, Category.VERY_LOW)
    assert sizes(await report(world, categories=other)) == {
        "timeInVeryHighPercent": 10,
        "timeInAnyLowPercent": 60,
        "timeInVeryLowPercent": 30,
        "noData": 50,
    }
    only = (Category.ANY_LOW,)
    assert sizes(await report(world, categories=only, exclude_no_data=True)) == {
        "timeInAnyLowPercent": 60
    }


async def test_equal_values_go_by_id(world: World) -> None:
    """TIDE-9; and every patient is looked at as any other (TIDE-8, TIDE-10)."""
    equal = [patient(number, stats(timeInVeryLowPercent=0.02)) for number in (3, 1, 2)]
    await world.has(CLINIC, *equal)

    assert (await report(world))["timeInVeryLowPercent"] == [1, 2, 3]


async def test_all_tags_are_needed(examples: World) -> None:
    found = await report(examples, tags=(TAG, OTHER))

    assert not any(found.values())
