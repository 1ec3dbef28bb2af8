"""Summaries as documents, as the chapter on queries has them."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from bson import Int64, decode, encode
from bson.codec_options import CodecOptions
from hypothesis import given

from adapters.mongo.documents import Unreadable
from adapters.mongo.summary_documents import SUMMARY
from clinic_domain.patients.summaries import Metrics, Stats, StatsConfig, StatsDates, Summary
from clinic_domain.testing.strategies.summaries import summaries

TIME: Final = datetime(2024, 1, 2, 3, 4, 5, 6_000, tzinfo=UTC)
_CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)


@given(summaries())
def test_any_summary_is_read_as_it_was_written(summary: Summary) -> None:
    stored = decode(encode({"summary": SUMMARY.encode(summary)}), _CODEC)["summary"]

    read = SUMMARY.decode(stored)

    assert read == summary
    assert _types(read) == _types(SUMMARY.decode(SUMMARY.encode(summary)))


def _types(summary: Summary) -> list[type]:
    parts = [stats for stats in (summary.cgm, summary.bgm) if stats]
    periods = [period for stats in parts for period in stats.periods.values()]
    return [type(value) for period in periods for value in period.values()]


def test_a_part_has_config_and_flags_at_least() -> None:
    assert SUMMARY.encode(Summary(cgm=Stats("abc"))) == {
        "cgmStats": {
            "id": "abc",
            "config": {
                "schemaVersion": 0,
                "veryLowGlucoseThreshold": 0.0,
                "lowGlucoseThreshold": 0.0,
                "highGlucoseThreshold": 0.0,
                "veryHighGlucoseThreshold": 0.0,
            },
            "dates": {
                "hasFirstData": False,
                "hasLastData": False,
                "hasLastUploadDate": False,
                "hasOutdatedSince": False,
            },
        }
    }
    assert SUMMARY.encode(Summary()) == {}


def test_members_have_the_types_of_the_chapter() -> None:
    metrics: Metrics = {"min": 3, "totalRecords": 7.0, "hasTotalRecords": True, "new": 7}
    stats = Stats(
        "abc",
        StatsConfig(5, 3, 3.9, 10, 13.9),
        StatsDates(has_last_data=True, last_data=TIME, last_updated_reason=("a",)),
        {"7d": metrics},
    )

    document = SUMMARY.encode(Summary(cgm=stats))["cgmStats"]

    assert [type(value) for value in document["config"].values()] == [int, *[float] * 4]
    assert document["dates"]["lastData"] == TIME
    assert document["dates"]["lastUpdatedReason"] == ["a"]
    assert [type(value) for value in document["periods"]["7d"].values()] == [float, int, bool, int]


def test_four_metrics_of_a_meter_are_null_where_others_are_left_out() -> None:
    stats = Stats("b", periods={"7d": {"min": 3.5, "standardDeviation": 1.5}, "1d": {}})

    summary = SUMMARY.encode(Summary(cgm=stats, bgm=stats))

    null = {
        "standardDeviationDelta": None,
        "coefficientOfVariation": None,
        "coefficientOfVariationDelta": None,
    }
    assert summary["cgmStats"]["periods"] == {
        "7d": {"min": 3.5, "standardDeviation": 1.5},
        "1d": {},
    }
    assert summary["bgmStats"]["periods"] == {
        "7d": {"min": 3.5, "standardDeviation": 1.5, **null},
        "1d": {"standardDeviation": None, **null},
    }
    assert SUMMARY.decode(summary) == Summary(cgm=stats, bgm=stats)


def read(**metrics: Any) -> Metrics:
    summary = SUMMARY.decode({"cgmStats": {"periods": {"7d": metrics}}})
    assert isinstance(summary, Summary)
    assert summary.cgm is not None
    return summary.cgm.periods["7d"]


@pytest.mark.parametrize("value", [10, 10.0, Int64(10)], ids=lambda v: type(v).__name__)
def test_whole_numbers_may_be_of_any_type_that_is_whole(value: float) -> None:
    found = read(totalRecords=value, hoursWithDataDelta=value, min=2.5)

    assert found == {"totalRecords": 10, "hoursWithDataDelta": 10, "min": 2.5}
    assert [type(each) for each in found.values()] == [int, int, float]


def test_metrics_that_nobody_knows_are_numbers_and_booleans() -> None:
    nan = float("nan")
    found = read(
        new=1.5, newRecords=0.5, count=Int64(2**40), isNew=True, text="x", nothing=None, nan=nan
    )

    assert found == {"new": 1.5, "newRecords": 0.5, "count": 2**40, "isNew": True}
    assert type(found["count"]) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("totalRecords", 10.5),
        ("totalRecords", float("nan")),
        ("totalRecords", True),
        ("min", "3"),
        ("min", float("inf")),
        ("min", float("nan")),
        ("hasTotalRecords", 1),
    ],
)
def test_a_value_that_cannot_be_is_unreadable(name: str, value: object) -> None:
    with pytest.raises(Unreadable):
        read(**{name: value})


@pytest.mark.parametrize(
    "part",
    [
        7,
        {"id": 7},
        {"config": {"schemaVersion": 1.5}},
        {"config": {"lowGlucoseThreshold": float("nan")}},
        {"dates": {"lastData": "2024-01-01"}},
        {"dates": {"hasLastData": 1}},
        {"periods": []},
        {"periods": {"7d": 7}},
    ],
)
def test_parts_of_another_kind_are_unreadable(part: object) -> None:
    with pytest.raises(Unreadable):
        SUMMARY.decode({"bgmStats": part})


def test_what_is_null_or_missing_has_no_value() -> None:
    nothing = {"config": None, "dates": {"hasLastData": None}, "periods": {"7d": None}}

    assert SUMMARY.decode({"cgmStats": nothing, "bgmStats": None}) == Summary(cgm=Stats(""))
