"""What Xealth calls: tokens, forms of requests and of answers."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import attrs
import pytest

from adapters.xealth import XealthWebhook
from adapters.xealth.forms import form_json
from adapters.xealth.pages import page_of, report_link
from adapters.xealth.requests import EventBody, PreorderBody, UnreadableRequest, read_request
from clinic_domain.clinics.model import Clinic, ClinicDetails
from clinic_domain.ehr.errors import (
    BearerRequired,
    InvalidBearer,
    InvalidEventContext,
    InvalidRestrictedToken,
    UnexpectedEventType,
)
from clinic_domain.ehr.model import (
    Applicant,
    FormKind,
    FormProblem,
    Preorder,
    PreorderForm,
    ReportAccess,
)
from clinic_domain.patients.summaries import Stats, StatsDates, Summary
from clinic_domain.testing.examples import a_clinic, a_patient, a_tag, ehr_settings
from clinic_domain.testing.fakes import A_MORNING
from support.world import World

REQUEST = {
    "deployment": "harbor",
    "patientIdentity": {"ids": [{"id": "7", "type": "MR"}]},
    "datasets": {
        "demographicsV1": {
            "name": {"given": ["Ada"], "family": ["Coast"]},
            "birthDate": "1990-01-01",
            "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "a@b.c"}],
        }
    },
}
PREORDER = {**REQUEST, "eventType": "preorder", "eventContext": "initial"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def xealth(world: World) -> XealthWebhook:
    return XealthWebhook(world.app.enrollments, "https://app.example.com", "secret")


def encoded(**changes: Any) -> bytes:
    return json.dumps({**PREORDER, **changes}).encode()


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, BearerRequired),
        ("", BearerRequired),
        ("Bearer ", BearerRequired),
        ("bearer secret", BearerRequired),
        ("Basic secret", BearerRequired),
        ("Bearer  secret", InvalidBearer),
        ("Bearer Secret", InvalidBearer),
        ("Bearer é", InvalidBearer),
    ],
)
def test_only_the_token_lets_requests_in(
    xealth: XealthWebhook, header: str | None, error: type[Exception]
) -> None:
    """XEALTH-1."""
    xealth.admit("Bearer secret")

    with pytest.raises(error):
        xealth.admit(header)


@pytest.mark.parametrize("change", [{"token": None}, {"token": ""}, {"is_enabled": False}])
async def test_where_xealth_is_not_connected_everything_is_refused(
    xealth: XealthWebhook, change: dict[str, Any]
) -> None:
    """CFG-2."""
    off = attrs.evolve(xealth, **change)

    with pytest.raises(InvalidBearer):
        off.admit("Bearer secret")
    with pytest.raises(InvalidRestrictedToken):
        await off.report_page("x", "y", "")
    assert "secret" not in repr(xealth)


async def test_a_preorder_says_what_it_is(xealth: XealthWebhook) -> None:
    """XEALTH-6."""
    for type_ in (None, "order", "Preorder"):
        with pytest.raises(UnexpectedEventType, match=f"got {type_ or ''}$"):
            await xealth.preorder(encoded(eventType=type_, eventContext="x"))
    for context in (None, "final", "INITIAL"):
        with pytest.raises(InvalidEventContext, match=f"invalid event context {context or ''}$"):
            await xealth.preorder(encoded(eventContext=context))


@pytest.mark.parametrize(
    "broken",
    [
        *(b"", b"{", b"[]", b"5", b"\xff", b"[" * 100_000),
        encoded(deployment=5),
        encoded(datasets={"demographicsV1": {"birthDate": "1990-13-01"}}),
        encoded(datasets={"demographicsV1": {"birthDate": ""}}),
        encoded(datasets={"demographicsV1": {"name": {"given": "Ada"}}}),
        encoded(patientIdentity={"ids": [5]}),
        encoded(formData={"userInput": []}),
        encoded(deployment="\0"),
        encoded(**{"x\0": 1}),
    ],
)
async def test_what_is_no_request_is_refused(xealth: XealthWebhook, broken: bytes) -> None:
    with pytest.raises(UnreadableRequest, match=r"^bad request: "):
        await xealth.preorder(broken)


@pytest.mark.parametrize("time", ["yesterday", "2025-01-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_the_time_of_an_event_is_one(time: str) -> None:
    with pytest.raises(UnreadableRequest):
        read_request(json.dumps({"eventTimeStamp": time}).encode(), EventBody).event()


@pytest.mark.parametrize(
    ("kind", "entered", "expected"),
    [
        (FormKind.PATIENT, None, Preorder("", patient=Applicant())),
        (FormKind.PATIENT, {}, Preorder("", patient=Applicant())),
        (
            FormKind.PATIENT,
            {"PATIENT": {"Email": "a@b.c", "connectdexcom": True, "firstName": 5}, "x": 1},
            Preorder("", patient=Applicant("a@b.c", connect_dexcom=True)),
        ),
        (
            FormKind.GUARDIAN,
            {"guardian": {"firstName": " A ", "lastName": None}, "tags": {"ids": []}},
            Preorder("", guardian=Applicant(first_name=" A "), tag_ids=()),
        ),
        (
            FormKind.PATIENT,
            {"tags": {"ids": ["a", "a"]}},
            Preorder("", Applicant(), None, ("a", "a")),
        ),
    ],
)
def test_what_was_entered_is_understood(kind: FormKind, entered: Any, expected: Preorder) -> None:
    body = read_request(encoded(formData={"userInput": entered}), PreorderBody)

    assert body.entry(kind) == expected


@pytest.mark.parametrize(
    "entered",
    [
        {"patient": []},
        {"patient": {"email": 5}},
        {"patient": {"connectAbbott": "yes"}},
        {"tags": []},
        {"tags": {"ids": "x"}},
        {"tags": {"ids": [5]}},
    ],
)
def test_entries_of_another_type_are_refused(entered: Any) -> None:
    body = read_request(encoded(formData={"userInput": entered}), PreorderBody)

    with pytest.raises(UnreadableRequest):
        body.entry(FormKind.PATIENT)


# Answers


def a_form(clinic: Clinic, **changes: Any) -> PreorderForm:
    preorder = Preorder("id", patient=Applicant("a@b.c"))
    return attrs.evolve(PreorderForm(FormKind.PATIENT, preorder, "Ada Coast", clinic), **changes)


def test_tags_are_offered_by_name_or_hidden() -> None:
    """XEALTH-13."""
    tags = (a_tag("beta"), a_tag("Zeta"), a_tag("Älpha"))
    info = form_json(a_form(a_clinic(tags=tags)))["preorderFormInfo"]
    hidden = form_json(a_form(a_clinic(tags=())))["preorderFormInfo"]

    offered = info["formSchema"]["definitions"]["tags"]
    assert offered["enumNames"] == ["Zeta", "beta", "Älpha"]
    assert offered["enum"] == [tags[1].id, tags[0].id, tags[2].id]
    assert info["uiSchema"]["tags"]["ui:widget"] == "object"
    assert hidden["formSchema"]["definitions"] == {"tags": {}}
    assert hidden["formSchema"]["properties"]["tags"]["type"] == "null"
    assert hidden["uiSchema"]["tags"]["ui:widget"] == "hidden"


@pytest.mark.parametrize(("problem", "paragraphs"), [*zip(FormProblem, (1, 4, 4), strict=True)])
def test_a_problem_is_told_in_paragraphs(problem: FormProblem, paragraphs: int) -> None:
    answer = form_json(a_form(a_clinic(), problems=(problem,)))

    info = answer["preorderFormInfo"]
    assert (answer["notOrderable"], info["formId"]) == (True, "error_form")
    assert list(info["formSchema"]["properties"]) == info["uiSchema"]["ui:order"]
    assert len(info["uiSchema"]["ui:order"]) == paragraphs
    assert info["formData"] == {"patient": {"email": "a@b.c"}}
    assert form_json(None) == {}


async def test_no_body_is_an_empty_request(xealth: XealthWebhook) -> None:
    assert await xealth.programs(b"") == {"present": False}
    await xealth.notification(b"")


def test_the_page_is_told_where_the_report_is() -> None:
    """As the recorded page has it, letter by letter (XEALTH-22, XEALTH-23)."""
    end = A_MORNING.replace(2024, 1, 17, 6, 38, 22, 958_000)
    clinic = a_clinic(
        details=ClinicDetails(preferred_bg_units="mg/dL", timezone="US/Pacific"),
        ehr_settings=ehr_settings("xealth"),
    )
    patient = a_patient(
        clinic,
        user_id="1234567891",
        full_name="FirstName First LastName Last",
        birth_date="1985-01-11",
        mrn="e987655",
        summary=Summary(cgm=Stats("1", dates=StatsDates(last_data=end))),
    )
    access = ReportAccess(clinic, patient, "1234567890abcdef1234567890abcdef")

    page = page_of("https://integration.test.app.url.com", access)

    assert (
        r"https:\/\/integration.test.app.url.com\/export\/report\/1234567891?bgUnits=mg%2FdL"
        r"\u0026dob=1985-01-11\u0026endDate=2024-01-17T06%3A38%3A22Z\u0026fullName=FirstName"
        r"\u002bFirst\u002bLastName\u002bLast\u0026inline=true\u0026mrn=e987655\u0026reports=all"
        r"\u0026restricted_token=1234567890abcdef1234567890abcdef\u0026startDate=2024-01-03T06"
        r"%3A38%3A22Z\u0026tzName=US%2FPacific\u0026userId=1234567891"
    ) in page.html
    assert page.origin == "https://integration.test.app.url.com"
    assert report_link("https://app/", access) == (
        f"https://app/v1/xealth/report/web/viewer.html?clinicId={clinic.id}"
        "&patientId=1234567891&restricted_token=1234567890abcdef1234567890abcdef"
    )


@pytest.mark.parametrize(
    ("last_data", "start", "end"),
    [
        (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        (datetime(1, 1, 10, 7, tzinfo=UTC), "0001-01-01T00:00:00Z", "0001-01-10T07:00:00Z"),
        (datetime(1, 1, 15, 7, tzinfo=UTC), "0001-01-01T07:00:00Z", "0001-01-15T07:00:00Z"),
        (datetime(999, 1, 10, tzinfo=UTC), "0998-12-27T00:00:00Z", "0999-01-10T00:00:00Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-17T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_reports_are_of_any_time(last_data: datetime, start: str, end: str) -> None:
    clinic = a_clinic(ehr_settings=ehr_settings("xealth"))
    dates = StatsDates(last_data=last_data)
    patient = a_patient(clinic, summary=Summary(cgm=Stats("1", dates=dates)))

    page = page_of("https://app", ReportAccess(clinic, patient, "1"))

    shown = dict(re.findall(r"(startDate|endDate)=([\w%-]+)", page.html))
    assert {name: unquote(value) for name, value in shown.items()} == {
        "startDate": start,
        "endDate": end,
    }
