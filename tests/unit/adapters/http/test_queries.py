"""What query parameters may look like."""

from typing import Any

import pytest

from adapters.http_litestar.errors import Refusal
from adapters.http_litestar.patients import PatientsQuery
from clinic_domain.testing.examples import a_clinic, a_patient

C = "0123456789abcdef01234567"
PATIENTS = f"/v1/clinics/{C}/patients"


@pytest.mark.parametrize(
    "query",
    [
        "limit=1000000&offset=3",
        "limit=010",
        "other=1&other=2&other=",
        "broken=%zz&limit=1",
        "limit=%zz",
        "limit=1;offset=x",
        "ehrEnabled=t",
        "ehrEnabled=FALSE",
        "createdTimeStart=2024-01-01T00:00:00%2B02:00",
        "createdTimeEnd=0001-01-01T00:00:00Z",
        "shareCode=none",
    ],
)
async def test_understood(call: Any, query: str) -> None:
    answer = await call("GET", f"/v1/clinics?{query}")

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=", "limit"),
        ("limit", "limit"),
        ("limit=1&limit=1", "limit"),
        ("limit=abc", "limit"),
        ("limit=1.0", "limit"),
        ("limit=1e2", "limit"),
        ("limit=0x10", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("offset=-1", "offset"),
        ("offset=+1", "offset"),
        ("ehrEnabled=yes", "ehrEnabled"),
        ("createdTimeStart=2020", "createdTimeStart"),
        ("createdTimeStart=2020-01-01T00:00:00", "createdTimeStart"),
        ("createdTimeStart=2020-02-30T00:00:00Z", "createdTimeStart"),
        ("createdTimeStart=2020-01-01T00:00:00+02:00", "createdTimeStart"),
        ("shareCode=", "shareCode"),
        ("shareCode=%00", "shareCode"),
        ("shareCode=%ff", "shareCode"),
        ("share%43ode=a&shareCode=b", "shareCode"),
    ],
)
async def test_refused(call: Any, query: str, name: str) -> None:
    answer = await call("GET", f"/v1/clinics?{query}")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f'parameter "{name}" in query has an error: ')


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("sort=name", 400, 'parameter "sort" in query'),
        ("sort=%2Bname", 400, "bad request: invalid sort parameter, missing type"),
        (
            "sort=x-name&sortType=cgm",
            400,
            "bad request: invalid sort parameter, missing sort order",
        ),
        (
            "sort=%2Bname&sortType=cgm",
            400,
            "bad request: invalid sort parameter, invalid sort attribute",
        ),
        (
            "sort=-daysWithData&sortType=bgm",
            400,
            "bad request: invalid sort parameter, invalid sort attribute",
        ),
        ("sortType=xyz", 400, 'parameter "sortType" in query'),
        ("period=99d", 400, 'parameter "period" in query'),
        ("cgm.timeInLowRecords=%3C1.5", 400, 'parameter "cgm.timeInLowRecords" in query'),
        ("bgm.max=13.9", 400, 'parameter "bgm.max" in query'),
        ("cgm.lastDataFrom=2024-01-01", 400, 'parameter "cgm.lastDataFrom" in query'),
        ("cgm.max=%3E1&cgm.max=%3E2", 400, 'parameter "cgm.max" in query'),
        ("bgm.max=%3E1%0A", 400, 'parameter "bgm.max" in query'),
        ("cgm.max=%3E%D9%A3", 400, 'parameter "cgm.max" in query'),
        ("cgm.max=%3E=%D9%A3.%D9%A3", 400, 'parameter "cgm.max" in query'),
        ("cgm.totalRecords=%3C%EF%BC%91", 400, 'parameter "cgm.totalRecords" in query'),
        # All parameters are read before anything is made of them.
        ("sort=%2Bmin&limit=0", 400, 'parameter "limit" in query'),
        ("cgm.max=bad&offset=-1", 400, 'parameter "offset" in query'),
        ("tags=a&tags=b", 400, 'parameter "tags" in query'),
        ("tags=a,", 400, 'parameter "tags" in query'),
        ("sites=", 400, 'parameter "sites" in query'),
        ("omitNonStandardRanges=x", 400, 'parameter "omitNonStandardRanges" in query'),
    ],
)
async def test_parameters_of_patients(call: Any, query: str, status: int, text: str) -> None:
    answer = await call("GET", f"{PATIENTS}?{query}")

    assert (answer.status_code, answer.json()["message"][: len(text)]) == (status, text)


@pytest.mark.parametrize(
    "query",
    [
        "sort=%2BfullName&sortType=bgm",
        "sortType=cgm&period=7d",
        "cgm.lastDataFrom=0001-01-01T00:00:00Z",
        "offsetPeriods=true",
    ],
)
async def test_what_does_not_change_the_list_of_patients(call: Any, query: str) -> None:
    assert (await call("GET", f"{PATIENTS}?{query}")).status_code == 200


@pytest.mark.parametrize(
    "sent", [b"search=%C3%81lv+arez", b"search=\xc3\x81lv%20arez", b"se%61rch=%C3\x81lv+arez"]
)
def test_texts_may_come_as_they_are(sent: bytes) -> None:
    """Programs that encode nothing send bytes of UTF-8."""
    assert PatientsQuery.read(b"limit=1&" + sent).search == "Álv arez"


@pytest.mark.parametrize("text", [b"\xff", b"%C3a", b"\xc3", b"%ED%A0%80"])
def test_what_is_not_utf8_is_refused(text: bytes) -> None:
    with pytest.raises(Refusal, match='"search" in query has an error: it is not UTF-8'):
        PatientsQuery.read(b"search=" + text)


async def test_words_ask_for_patients_without_tags(call: Any) -> None:
    """FILTER-10 and FILTER-13."""
    clinic = a_clinic()
    tagged = a_patient(clinic, tags=(C,), full_name="A")
    plain = a_patient(clinic, full_name="B")
    await call.world.has(clinic, tagged, plain)

    async def found(tags: str) -> list[str]:
        answer = await call("GET", f"/v1/clinics/{clinic.id}/patients?tags={tags}")
        return [each["id"] for each in answer.json()["data"]]

    assert await found("none") == [plain.user_id]
    assert await found(C.upper()) == [tagged.user_id]
    assert await found(f"{C}%2Cnone") == [tagged.user_id]
