"""What bodies may look like."""

import json
from typing import Any

import pytest

from clinic_domain.clinics.model import PatientCountLimit, PatientCountSettings
from clinic_domain.testing.examples import a_clinic, a_patient, a_site
from clinic_domain.values import UserId

USER = "user aaaaaaaaaa"
CLINIC = {"name": "Saint Vitus", "preferredBgUnits": "mg/dL"}
PATIENT = {"fullName": "Jill", "birthDate": "2010-01-02"}
C = "0123456789abcdef01234567"


async def status(call: Any, method: str, path: str, **options: Any) -> int:
    answer = await call(method, path, **options)
    if answer.status_code >= 400:
        assert list(answer.json()) == ["message"]
    found: int = answer.status_code
    return found


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{name: 1}",
        b'{"name":"x","preferredBgUnits":"mg/dL"} x',
        b'{"name":"x","preferredBgUnits":"mg/dL"}{}',
        b'\xef\xbb\xbf{"name":"x","preferredBgUnits":"mg/dL"}',
        b'{"name":"\xff","preferredBgUnits":"mg/dL"}',
        b'{"name":"\\ud800","preferredBgUnits":"mg/dL"}',
        b'{"name":"a\\u0000b","preferredBgUnits":"mg/dL"}',
        b'{"name":"x","preferredBgUnits":"mg/dL","other":{"a\\u0000":1}}',
        b"[" * 5_000,
        b'{"a":' * 1_500,
        b'{"name":"x","preferredBgUnits":"mg/dL","other":' + b"9" * 5_000 + b"}",
        b'{"name":"x","preferredBgUnits":"mg/dL","other":1e999}',
        b'{"NAME":"x","preferredBgUnits":"mg/dL"}',
    ],
)
async def test_what_is_no_body_is_refused(call: Any, content: bytes) -> None:
    call.world.users.add("aaaaaaaaaa", "a@example.com")

    assert await status(call, "POST", "/v1/clinics", token=USER, content=content) == 400
    assert await call.world.clinics() == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": 5},
        {"name": " "},
        {"preferredBgUnits": "mg/dl"},
        {"address": ""},
        {"address": None},
        {"clinicType": "hospital"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "europe/zurich"},
        {"phoneNumbers": []},
        {"phoneNumbers": [{"number": "1"}, {"number": "1"}]},
        {"phoneNumbers": [{"type": "Office"}]},
        {"id": C + "0"},
        {"shareCode": "ABCD-ABCD-ABC1"},
        {"createdTime": "2024-01-01T00:00:00"},
        {"patientTags": [{"id": C}]},
        {"sites": [{"name": "A"}]},
        {"suppressedNotifications": {"other": True}},
    ],
)
async def test_a_clinic_has_the_form_of_the_document(call: Any, changes: dict[str, Any]) -> None:
    call.world.users.add("aaaaaaaaaa", "a@example.com")

    assert await status(call, "POST", "/v1/clinics", token=USER, body=CLINIC | changes) == 400


async def test_a_refusal_names_the_place(call: Any) -> None:
    body = CLINIC | {"phoneNumbers": [{"number": "1"}, {"number": ""}]}
    answer = await call("POST", "/v1/clinics", token=USER, body=body)

    assert answer.json()["message"] == (
        "request body has an error: Expected `str` of length >= 1 - at `$.phoneNumbers[1].number`"
    )


async def test_members_that_nobody_asked_for_are_ignored(call: Any) -> None:
    call.world.users.add("aaaaaaaaaa", "a@example.com")
    body = CLINIC | {"tier": "tier0400", "id": C, "other": [1, {}], "canMigrate": True}
    answer = await call("POST", "/v1/clinics", token=USER, body=body)

    assert answer.json()["tier"] == "tier0100"
    assert answer.json()["id"] != C


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", 200),
        ("application/json;charset=utf-8", 200),
        ("application/json ; charset=utf-8", 400),
        ("Application/JSON", 400),
        ("text/plain", 400),
        ("application/xml", 400),
        ("", 400),
    ],
)
async def test_a_body_says_that_it_is_json(call: Any, content_type: str, expected: int) -> None:
    call.world.users.add("aaaaaaaaaa", "a@example.com")
    headers = {"content-type": content_type}
    content = json.dumps(CLINIC).encode()

    assert (
        await status(call, "POST", "/v1/clinics", token=USER, content=content, headers=headers)
        == expected
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/v1/clinics/{C}/patient_tags"),
        ("POST", f"/v1/clinics/{C}/sites"),
        ("PUT", f"/v1/clinics/{C}/sites/{C}"),
        ("POST", f"/v1/clinics/{C}/sites/{C}/merge"),
        ("POST", f"/v1/clinics/{C}/tier"),
        ("PUT", f"/v1/clinics/{C}/settings/mrn"),
        ("PUT", f"/v1/clinics/{C}/settings/ehr"),
        ("PUT", f"/v1/clinics/{C}/settings/patient_count"),
        ("PUT", f"/v1/clinics/{C}/membership_restrictions"),
        ("POST", f"/v1/clinics/{C}/clinicians"),
        ("PUT", f"/v1/clinics/{C}/clinicians/aaaaaaaaaa"),
        ("PATCH", f"/v1/clinics/{C}/invites/clinicians/key/clinician"),
        ("POST", f"/v1/clinics/{C}/service_accounts"),
        ("POST", f"/v1/clinics/{C}/patients"),
        ("PUT", f"/v1/clinics/{C}/patients/aaaaaaaaaa"),
        ("PUT", "/v1/patients/aaaaaaaaaa/data_sources"),
    ],
)
async def test_a_body_has_to_be_there(call: Any, method: str, path: str) -> None:
    answer = await call(method, path)

    assert answer.status_code == 400
    assert answer.json()["message"] == ("request body has an error: value is required but missing")


async def test_where_a_body_may_be_missing(call: Any) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    call.world.users.add("aaaaaaaaaa", "a@example.com")

    assert await status(call, "POST", f"/v1/clinics/{clinic.id}/patients/aaaaaaaaaa") == 200
    assert await status(call, "POST", "/v1/users/aaaaaaaaaa/clinics") == 200
    for word in ("assign_tag", "delete_tag"):
        path = f"/v1/clinics/{clinic.id}/patients/{word}/{C}"
        assert await status(call, "POST", path) == 200
        assert await status(call, "POST", path, content=b"null") == 200
        assert await status(call, "POST", path, content=b"[]") == 400
        assert await status(call, "POST", path, content=b'["bbbbbbbbbb","bbbbbbbbbb"]') == 400
    assert await status(call, "POST", "/v1/users/aaaaaaaaaa/clinics", content=b"null") == 400


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (b"5", 5),
        (b"10.0", 10),
        (b"1e2", 100),
        (b"0", 0),
        (b"-1", None),
        (b"1.5", None),
        (b'"5"', None),
        (b"true", None),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", None),
        (b"1e30", None),
    ],
)
async def test_whole_numbers_in_all_their_spellings(
    call: Any, plan: bytes, expected: int | None
) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    path = f"/v1/clinics/{clinic.id}/settings/patient_count"
    answer = await call("PUT", path, content=b'{"hardLimit":{"plan":' + plan + b"}}")

    if expected is None:
        assert answer.status_code == 400
    else:
        assert answer.json() == {"hardLimit": {"plan": expected}}
        kept = (await call.world.clinic(clinic)).patient_count_settings
        assert kept == PatientCountSettings(PatientCountLimit(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T00:00:00.120+02:00", "2023-12-31T22:00:00.12Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.123Z"),
        ("2024-01-01T00:00:00", None),
        ("2024-01-01T00:00:60Z", None),
        ("2024-02-30T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2024-01-01T00:00:00+24:00", None),
        ("2024-01-01 00:00:00Z", None),
        ("2024-01-01T00:00:00z", None),
        ("2024-01-01", None),
        ("2024-01-01T00:00:00Z\n", None),
    ],
)
async def test_moments_have_an_offset_and_exist(call: Any, text: str, expected: str | None) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    path = f"/v1/clinics/{clinic.id}/settings/patient_count"
    answer = await call("PUT", path, body={"hardLimit": {"plan": 1, "startDate": text}})

    found = answer.json().get("hardLimit", {}).get("startDate")
    assert (answer.status_code, found) == (200 if expected else 400, expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"birthDate": "2010-02-30"},
        {"birthDate": "0000-01-01"},
        {"birthDate": "2010-1-2"},
        {"birthDate": "2010-01-02\n"},
        {"fullName": ""},
        {"mrn": ""},
        {"email": None},
        {"tags": [C, C]},
        {"tags": ["x"]},
        {"sites": None},
        {"sites": [{"id": C}]},
        {"dataSources": [{"providerName": "dexcom"}]},
        {"dataSources": [{"providerName": "x" * 101, "state": "error"}]},
        {"dataSources": [{"providerName": "x", "state": "error", "modifiedTime": "2024-01-01"}]},
        {"diagnosisType": "type4"},
        {"glycemicRanges": None},
        {"glycemicRanges": "adaStandard"},
        {"glycemicRanges": {"preset": "other"}},
        {"glycemicRanges": {"type": "custom", "custom": {"name": "x"}}},
        {"permissions": {"view": True}},
        {"connectionRequests": {"dexcom": []}},
        {"summary": 5},
        {"reviews": [{"clinicianId": "x"}]},
        {"id": "AAAAAAAAAA"},
    ],
)
async def test_a_patient_has_the_form_of_the_document(call: Any, changes: dict[str, Any]) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    path = f"/v1/clinics/{clinic.id}/patients"

    assert await status(call, "POST", path, body=PATIENT | changes) == 400
    assert await call.world.patients(clinic) == ()


@pytest.mark.parametrize(
    ("ranges", "shown"),
    [
        ({}, {"type": "preset", "preset": "adaStandard"}),
        ({"type": None, "preset": None}, {"type": "preset", "preset": "adaStandard"}),
        ({"preset": "adaHighRisk"}, {"type": "preset", "preset": "adaHighRisk"}),
        ({"type": "custom"}, {"type": "custom", "custom": {"name": "", "thresholds": []}}),
        (
            {"custom": {"name": "x", "thresholds": []}},
            {"type": "preset", "preset": "adaStandard"},
        ),
    ],
)
async def test_ranges_have_defaults(call: Any, ranges: Any, shown: Any) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    body = PATIENT | {"glycemicRanges": ranges}
    answer = await call("POST", f"/v1/clinics/{clinic.id}/patients", body=body)

    assert answer.json()["glycemicRanges"] == shown


async def test_thresholds_keep_the_text_of_single_precision(call: Any) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    bounds = [{"value": value, "units": "mg/dL"} for value in (70.2, 180, 3.9, 1e-7)]
    thresholds = [{"name": "x", "upperBound": bound, "inclusive": False} for bound in bounds]
    custom = {"name": "x", "thresholds": thresholds}
    body = PATIENT | {"glycemicRanges": {"type": "custom", "custom": custom}}
    answer = await call("POST", f"/v1/clinics/{clinic.id}/patients", body=body)

    assert '"value":70.2,' in answer.text
    assert '"value":180,' in answer.text
    assert '"value":3.9,' in answer.text
    assert '"value":1e-7,' in answer.text
    assert "inclusive" not in answer.text


async def test_a_threshold_beyond_single_precision_is_refused(call: Any) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    threshold = {"name": "x", "upperBound": {"value": 1e300, "units": "mg/dL"}}
    ranges = {"type": "custom", "custom": {"name": "x", "thresholds": [threshold]}}
    path = f"/v1/clinics/{clinic.id}/patients"

    assert await status(call, "POST", path, body=PATIENT | {"glycemicRanges": ranges}) == 400


async def test_what_is_null_and_what_is_left_alone(call: Any) -> None:
    site = a_site()
    clinic = a_clinic(sites=(site,))
    patient = a_patient(clinic, user_id=UserId("bbbbbbbbbb"), tags=(C,))
    await call.world.has(clinic, patient)
    path = f"/v1/clinics/{clinic.id}/patients/bbbbbbbbbb"

    kept = (await call("PUT", path, body=PATIENT | {"tags": None, "dataSources": None})).json()
    assert (kept["tags"], kept["dataSources"]) == ([C], None)
    cleared = (await call("PUT", path, body=PATIENT | {"tags": []})).json()
    assert (cleared["tags"], cleared["sites"], cleared["reviews"]) == (None, [], [])
    assert cleared["connectionRequests"] == {"abbott": [], "dexcom": [], "twiist": []}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Type 1", 200),
        ("Größe_+><-", 200),
        ("x" * 20, 200),
        ("x" * 21, 400),
        ("", 400),
        (" x", 400),
        ("a!", 400),
        ("e\u0301", 400),
        ("a\u00a0b", 400),
        ("a\vb", 400),
        ("a\tb", 200),
        ("x ", 200),
    ],
)
async def test_names_of_tags(call: Any, name: str, expected: int) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)
    path = f"/v1/clinics/{clinic.id}/patient_tags"

    assert await status(call, "POST", path, body={"name": name}) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("St. John's (2)", 200), ("Zürich", 200), ("x\ty", 400), ("\u2003x", 400), ("€", 400)],
)
async def test_names_of_sites(call: Any, name: str, expected: int) -> None:
    clinic = a_clinic()
    await call.world.has(clinic)

    assert await status(call, "POST", f"/v1/clinics/{clinic.id}/sites", body={"name": name}) == (
        expected
    )
