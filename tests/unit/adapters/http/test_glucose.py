"""Summaries, lists by their metrics, and the TIDE report over HTTP."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import attrs
import httpx
import pytest
from litestar.exceptions import LitestarException

from adapters.http_litestar import Options, create_app
from adapters.http_litestar.response import StreamedList
from adapters.memory import MemoryStorage
from adapters.spreadsheet import XlsxWorkbooks
from clinic_domain.errors import Unavailable
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import (
    ALWAYS_KNOWN,
    FLAGS,
    Stats,
    StatsDates,
    Summary,
    SummaryKind,
    delta_of,
)
from clinic_domain.storage import Storage, Work
from clinic_domain.testing.examples import a_clinic, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import UserId
from support.world import World
from unit.adapters.http.conftest import SpelledSessions, message

T = TypeVar("T")

USER: Final = "aaaaaaaaaa"
SUMMARY: Final = f"/v1/patients/{USER}/summary"
CONFIG: Final = {
    "schemaVersion": 5,
    "veryLowGlucoseThreshold": 3,
    "lowGlucoseThreshold": 3.9,
    "highGlucoseThreshold": 10,
    "veryHighGlucoseThreshold": 13.9,
}
DATES: Final = {
    "hasFirstData": False,
    "hasLastData": True,
    "hasLastUploadDate": False,
    "hasOutdatedSince": False,
    "lastData": "2024-01-10T01:00:00.1239+01:00",
    "lastUpdatedReason": [],
}


def period(kind: SummaryKind, **metrics: Any) -> dict[str, Any]:
    """Return the least that a period needs, and more."""
    known = ((name, delta_of(name)) for name in ALWAYS_KNOWN[kind])
    return {
        **dict.fromkeys(FLAGS[kind], False),
        **{name: 1 for pair in known for name in pair},
        **metrics,
    }


def body(**metrics: Any) -> dict[str, Any]:
    periods = {"7d": period(SummaryKind.CGM, **metrics)}
    return {"cgmStats": {"id": "abc", "config": CONFIG, "dates": DATES, "periods": periods}}


@pytest.fixture
def options() -> Options:
    return Options(max_body_size=100_000)


@pytest.fixture
async def patient(call: Any) -> Patient:
    patient = a_patient(a_clinic(), user_id=UserId(USER))
    await call.world.has(patient)
    return patient


async def shown(call: Any, patient: Patient) -> Any:
    answer = await call("GET", f"/v1/clinics/{patient.clinic_id}/patients/{patient.user_id}")
    return answer.json().get("summary")


async def test_a_summary_is_shown_as_it_was_sent(call: Any, patient: Patient) -> None:
    """Metrics that nobody knows included; what is no metric is left out."""
    sent = body(timeInTargetPercent=0.123456789012345, totalRecords=12, newMetric=7.25, isNew=True)
    sent["cgmStats"]["periods"]["7d"]["newText"] = "no metric"
    sent["cgmStats"]["offsetPeriods"] = {}
    sent["more"] = 1

    answer = await call("POST", SUMMARY, body=sent)

    assert (answer.status_code, answer.content) == (200, b"")
    del (
        sent["cgmStats"]["periods"]["7d"]["newText"],
        sent["cgmStats"]["offsetPeriods"],
        sent["more"],
    )
    sent["cgmStats"]["dates"] = {**DATES, "lastData": "2024-01-10T00:00:00.123Z"}
    assert await shown(call, patient) == sent


async def test_a_large_number_of_a_metric_that_nobody_knows_is_no_whole_one(
    call: Any, patient: Patient
) -> None:
    """Databases keep whole numbers of 64 bits; what is too large for all is left out."""
    sent = body(large=2**63 - 1, larger=2**63, largest=10**400)

    assert (await call("POST", SUMMARY, body=sent)).status_code == 200

    metrics = (await shown(call, patient))["cgmStats"]["periods"]["7d"]
    assert (metrics["large"], metrics["larger"]) == (2**63 - 1, 2.0**63)
    assert isinstance(metrics["larger"], float)
    assert "largest" not in metrics


async def test_both_parts_together_and_one_after_the_other(call: Any, patient: Patient) -> None:
    bgm = {"id": "b", "periods": {"other": period(SummaryKind.BGM, standardDeviation=1.5)}}

    await call("POST", SUMMARY, body={**body(), "bgmStats": bgm})
    await call("POST", SUMMARY, body={"cgmStats": {"id": ""}})

    found = await shown(call, patient)
    assert found["bgmStats"]["periods"] == bgm["periods"]
    assert found["cgmStats"] == {
        "id": "",
        "config": dict.fromkeys(CONFIG, 0),
        "dates": {name: False for name in DATES if name.startswith("has")},
    }


async def test_what_is_not_there_is_zero_or_false(call: Any) -> None:
    clinic = a_clinic()
    stored = a_patient(
        clinic,
        user_id=UserId(USER),
        summary=Summary(bgm=Stats("b", periods={"1d": {"max": 9.5}})),
    )
    await call.world.has(clinic, stored)

    found = (await shown(call, stored))["bgmStats"]["periods"]["1d"]

    assert found == {**period(SummaryKind.BGM), **dict.fromkeys(found, 0), "max": 9.5}


async def test_an_empty_body_removes_the_summary(call: Any, patient: Patient) -> None:
    await call("POST", SUMMARY, body=body())

    answer = await call("POST", SUMMARY, content=b"")

    assert answer.status_code == 200
    assert await shown(call, patient) is None


async def test_nothing_to_change(call: Any) -> None:
    """SUMMARY-6 and SUMMARY-10."""
    for answer in (
        await call("POST", SUMMARY, body=body()),
        await call("POST", SUMMARY, content=b""),
        await call("DELETE", "/v1/summaries/abc/clinics"),
    ):
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["content-type"] == "application/json"


async def test_a_part_is_removed_by_its_id(call: Any, patient: Patient) -> None:
    await call("POST", SUMMARY, body=body())

    answer = await call("DELETE", "/v1/summaries/abc/clinics")

    assert (answer.status_code, answer.content) == (200, b"")
    assert await shown(call, patient) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min": "1"}, ("`float`", "`$.cgmStats.periods[...].min`")),
        ({"min": None}, ("`float`", ".min`")),
        ({"totalRecords": 10.5}, ("`int`", ".totalRecords`")),
        ({"totalRecords": 2**63}, ("<= 9223372036854775807", ".totalRecords`")),
        ({"hasTotalRecords": 1}, ("`bool`", ".hasTotalRecords`")),
        ({"timeInLowPercent": 1e400}, ("out of range", ".timeInLowPercent`")),
    ],
    ids=str,
)
async def test_a_wrong_metric_is_named(
    call: Any, patient: Patient, changes: dict[str, Any], words: tuple[str, str]
) -> None:
    content = json.dumps(body(**changes)).replace("Infinity", "1e400").encode()

    answer = await call("POST", SUMMARY, content=content)

    assert answer.status_code == 400
    assert all(word in answer.json()["message"] for word in words), answer.text
    assert await shown(call, patient) is None


@pytest.mark.parametrize("number", [b"10.0", b"1e1", b"10"])
async def test_a_whole_number_may_be_written_in_other_ways(
    call: Any, patient: Patient, number: bytes
) -> None:
    content = json.dumps(body(totalRecords="?")).encode().replace(b'"?"', number)

    await call("POST", SUMMARY, content=content)

    found = (await shown(call, patient))["cgmStats"]["periods"]["7d"]["totalRecords"]
    assert (found, type(found)) == (10, int)


# Lists


@pytest.fixture
async def three(call: Any) -> tuple[Patient, ...]:
    clinic = a_clinic()
    patients = tuple(
        a_patient(
            clinic,
            full_name=name,
            user_id=UserId(name),
            summary=Summary(
                Stats(
                    "c",
                    dates=StatsDates(last_data=A_MORNING + timedelta(days=value)),
                    periods={"14d": {"max": value, "totalRecords": 2 * value, "maxDelta": -value}},
                ),
            ),
        )
        for name, value in (("a", 7), ("b", 13), ("c", 9))
    )
    await call.world.has(clinic, *patients, a_patient(clinic, full_name="d", user_id=UserId("d")))
    return patients


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcd"),
        ("sort=-fullName&sortType=bgm", "dcba"),
        ("sort=%2Bmax&sortType=cgm", "dacb"),
        ("sort=-max&sortType=cgm", "bcad"),
        ("sort=-max&sortType=cgm&period=7d", "abcd"),
        ("cgm.max=%3E8", "bc"),
        ("cgm.max=%3E%3D13.0", "b"),
        ("cgm.max=%3C13.000", "ac"),
        ("cgm.max=%3E%2B12.75", "b"),
        ("cgm.maxDelta=%3C-8", "bc"),
        ("cgm.maxDelta=%3C%3D-8.999", "bc"),
        ("cgm.totalRecords=%3E%3D18", "bc"),
        ("bgm.max=%3E0", ""),
        ("cgm.max=%3E8&cgm.totalRecords=%3C20", "c"),
        ("cgm.lastDataFrom=2026-03-23T09:26:53.589Z", "bc"),
        ("cgm.lastDataTo=2026-03-23T09:26:53.589Z", "a"),
        ("cgm.lastDataFrom=0001-01-01T00:00:00Z", "abcd"),
    ],
)
async def test_a_list_is_narrowed_and_ordered(
    call: Any, three: tuple[Patient, ...], query: str, expected: str
) -> None:
    answer = await call("GET", f"/v1/clinics/{three[0].clinic_id}/patients?{query}")

    assert "".join(each["id"] for each in answer.json()["data"]) == expected
    assert answer.json()["meta"] == {"count": len(expected), "totalCount": 4}


async def test_a_long_page_is_sent_in_parts(call: Any) -> None:
    """It says the same as one that is sent as a whole."""
    clinic = a_clinic()
    await call.world.has(clinic, *(a_patient(clinic, full_name=f"{n:03}") for n in range(120)))
    path = f"/v1/clinics/{clinic.id}/patients"

    pages = [await call("GET", f"{path}?limit=40&offset={offset}") for offset in (0, 40, 80)]
    whole = await call("GET", f"{path}?limit=1000")

    assert [each for page in pages for each in page.json()["data"]] == whole.json()["data"]
    assert whole.json()["meta"] == {"count": 120, "totalCount": 120}
    assert whole.headers["content-type"] == "application/json"
    assert "content-length" not in whole.headers
    assert whole.content.endswith(b"}\n")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([[1], [2]], [1, 2]),
        ([[], [2]], [2]),
        ([[1], []], [1]),
        ([[], []], []),
        ([[1, 2]], [1, 2]),
        ([], []),
    ],
)
async def test_parts_of_which_nothing_is_left(found: list[list[int]], expected: list[int]) -> None:
    async def read(part: Sequence[int]) -> list[int]:
        return list(part)

    response: StreamedList[Any] = StreamedList(found, read, {"meta": {"count": 3}})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await response.to_asgi_response(None)({}, None, send)  # type: ignore[arg-type]  # not looked at

    text = b"".join(each.get("body", b"") for each in sent)
    assert json.loads(text) == {"data": expected, "meta": {"count": 3}}
    assert [each.get("more_body") for each in sent][-1] is False


@attrs.define
class BreakingStorage(Storage):
    """A storage that answers a number of reads, and then no more."""

    reads: int | None = None
    _storage: Storage = attrs.field(factory=MemoryStorage)

    async def transaction(self, work: Work[T]) -> T:
        return await self._storage.transaction(work)

    async def read(self, work: Work[T]) -> T:
        if self.reads == 0:
            raise Unavailable
        self.reads = None if self.reads is None else self.reads - 1
        return await self._storage.read(work)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize("reads", [0, 1, 2])
async def test_a_page_that_fails_at_once_is_refused(reads: int) -> None:
    answer = await _a_page_over(reads)

    assert answer.status_code == 503
    assert message(answer).startswith("a service that is needed is not available")


async def test_a_page_that_breaks_off_is_no_complete_answer() -> None:
    """The server that runs the app cuts the connection, so that nobody takes it for the list."""
    with pytest.raises(LitestarException):
        await _a_page_over(3)


async def _a_page_over(reads: int) -> httpx.Response:
    """Ask for a page of two parts; before them is read who calls, and who is on the page."""
    storage, clinic = BreakingStorage(), a_clinic()
    world = World(storage=storage)
    await world.has(clinic, *(a_patient(clinic) for _ in range(100)))
    storage.reads = reads
    app = create_app(world.app, SpelledSessions(), XlsxWorkbooks(), readiness=storage.ping)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # two names for one protocol
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get(
            f"http://api/v1/clinics/{clinic.id}/patients?limit=100",
            headers={"x-tidepool-session-token": "server"},
        )


# The report


async def test_a_report(call: Any) -> None:
    clinic, tag = a_clinic(), a_tag().id
    metrics = {"timeInVeryLowPercent": 0.02, "timeCGMUseMinutes": 9000, "min": 2.5}
    stats = Stats("c", dates=StatsDates(last_data=A_MORNING), periods={"7d": metrics})
    patient = a_patient(clinic, tags=(tag,), summary=Summary(stats), email=None)
    await call.world.has(clinic, patient)

    answer = await call(
        "GET",
        f"/v1/clinics/{clinic.id}/tide_report?period=7d&tags={tag},{tag}"
        "&lastDataCutoff=2026-03-01T00:00:00.1200%2B02:00&categories=timeInVeryLowPercent"
        "&excludeNoData=true",
    )

    assert answer.json()["results"] == {
        "timeInVeryLowPercent": [
            {
                "timeInVeryLowPercent": 0.02,
                "timeCGMUseMinutes": 9000,
                "lastData": "2026-03-14T09:26:53.589Z",
                "patient": {
                    "id": patient.user_id,
                    "fullName": "Alice Example",
                    "tags": [tag],
                    "reviews": [],
                    "dataSources": None,
                },
            }
        ]
    }
    config = answer.json()["config"]
    assert config["lastDataCutoff"] == "2026-03-01T00:00:00.12+02:00"
    assert config["tags"] == [tag, tag]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("tags=T&lastDataCutoff=M", 'parameter "period" in query has an error: value is required'),
        ("period=7d&lastDataCutoff=M", 'parameter "tags" in query has an error: value is required'),
        ("period=7d&tags=T", 'parameter "lastDataCutoff" in query has an error: value is required'),
        ("period=8d&tags=T&lastDataCutoff=M", 'parameter "period" in query has an error'),
        ("period=7d&tags=x&lastDataCutoff=M", 'parameter "tags" in query has an error'),
        ("period=7d&tags=&lastDataCutoff=M", 'parameter "tags" in query has an error'),
        (
            "period=7d&tags=T&lastDataCutoff=0001-01-01T00:00:00Z",
            "bad request: no lastDataCutoff provided",
        ),
        (
            "period=7d&tags=T&lastDataCutoff=M&categories=noData",
            'parameter "categories" in query has an error',
        ),
        (
            "period=7d&tags=T&lastDataCutoff=M&excludeNoData=x",
            'parameter "excludeNoData" in query has an error',
        ),
    ],
)
async def test_what_a_report_needs(call: Any, query: str, text: str) -> None:
    spelled = query.replace("=T", f"={'a' * 24}").replace("=M", "=2024-01-01T00:00:00Z")
    answer = await call("GET", f"/v1/clinics/{'c' * 24}/tide_report?{spelled}")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(text)
