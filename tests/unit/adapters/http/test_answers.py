"""What answers look like."""

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from adapters.http_litestar.errors import STATUS, answer_to
from adapters.http_litestar.operations import ADDED, CONFIRMATIONS, TEMPLATES
from adapters.http_litestar.wire.clinics import clinic_json
from adapters.http_litestar.wire.fields import rfc3339, single
from adapters.http_litestar.wire.patients import patient_json
from clinic_domain import errors
from clinic_domain.access.policy import POLICY
from clinic_domain.clinicians.errors import LastAdmin
from clinic_domain.clinics.model import ClinicView, SuppressedNotifications
from clinic_domain.patients.model import GlycemicRanges
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_site, a_tag
from clinic_domain.values import UserId


def kinds() -> list[type[errors.DomainError]]:
    return [
        each
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, errors.DomainError)
        and each is not errors.DomainError
    ]


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_of_refusal_has_a_status(kind: type[errors.DomainError]) -> None:
    status, message, _ = answer_to(kind())

    assert 400 <= status < 500 or status == 503
    assert message == kind.message


def test_a_refusal_has_the_status_of_its_kind_and_its_own_words() -> None:
    text = "constraint violation: the clinic must have at least one admin"

    assert answer_to(LastAdmin("c")) == (422, text, {})
    assert STATUS[errors.Unavailable] == 503


def test_an_error_of_no_kind_says_nothing() -> None:
    assert answer_to(ValueError("Jill")) == (500, "Internal Server Error", {})


def test_every_operation_has_a_rule_and_one_place() -> None:
    ids = [id_ for methods in TEMPLATES.values() for id_ in methods.values()]

    assert len(ids) == 86 + len(ADDED)
    assert set(ids) == set(POLICY)
    assert set(ids) > CONFIRMATIONS


@pytest.mark.parametrize(
    ("microsecond", "expected"),
    [(0, "05Z"), (980_000, "05.98Z"), (100_000, "05.1Z"), (7_000, "05.007Z")],
)
def test_moments_have_no_trailing_zeros(microsecond: int, expected: str) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, microsecond, UTC)

    assert rfc3339(moment) == f"2024-01-02T03:04:{expected}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(70.19999694824219, "70.2"), (180.0, "180"), (0.0, "0"), (-3.9000000953674316, "-3.9")],
)
def test_numbers_of_single_precision_are_short(value: float, expected: str) -> None:
    assert str(single(value)) == expected


async def test_json_ends_with_a_newline(call: Any) -> None:
    answer = await call("GET", "/v1/clinics")

    assert answer.content == b"[]\n"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == "3"


async def test_no_content_has_no_type(call: Any) -> None:
    clinic = a_clinic()
    member = a_clinician(clinic, user_id="bbbbbbbbbb")
    await call.world.has(attrs.evolve(clinic, admins=(UserId("aaaaaaaaaa"),)), member)

    emptied = await call("DELETE", f"/v1/clinics/{clinic.id}/clinicians/bbbbbbbbbb")
    deleted = await call("DELETE", f"/v1/clinics/{clinic.id}")

    assert (emptied.status_code, emptied.headers["content-length"]) == (200, "0")
    assert deleted.status_code == 204
    assert "content-length" not in deleted.headers
    for answer in (emptied, deleted):
        assert answer.content == b""
        assert "content-type" not in answer.headers


def test_a_clinic_leaves_out_what_it_never_had() -> None:
    shown = clinic_json(ClinicView(a_clinic(tags=None, sites=()), {}, {}))
    emptied = clinic_json(ClinicView(a_clinic(tags=()), {}, {}))

    assert not isinstance(shown.patient_tags, list)
    assert not isinstance(shown.sites, list)
    assert emptied.patient_tags == []
    assert (shown.tier, shown.tier_description) == ("tier0100", "Free")


async def test_counts_of_nobody_are_left_out(call: Any) -> None:
    tag, site, empty = a_tag(), a_site(), a_site("Other")
    suppressed = SuppressedNotifications()
    clinic = a_clinic(tags=(tag,), sites=(site, empty), suppressed_notifications=suppressed)
    await call.world.has(clinic, a_patient(clinic, tags=(tag.id,)))
    shown = (await call("GET", f"/v1/clinics/{clinic.id}")).json()

    assert shown["patientTags"] == [{"id": tag.id, "name": tag.name, "numPatients": 1}]
    assert shown["sites"] == [{"id": each.id, "name": each.name} for each in (site, empty)]
    assert shown["suppressedNotifications"] == {}


@pytest.mark.parametrize("text", [None, "", "1/2/2010", "2010-02-30", "0000-01-01"])
def test_a_birth_date_that_is_none_is_the_first_day(text: str | None) -> None:
    assert patient_json(a_patient(a_clinic(), birth_date=text)).birth_date == "0001-01-01"


@pytest.mark.parametrize(
    "ranges", [GlycemicRanges("other"), GlycemicRanges("preset", preset="other")]
)
def test_unknown_ranges_are_not_shown(ranges: GlycemicRanges) -> None:
    shown = patient_json(a_patient(a_clinic(), glycemic_ranges=ranges, diagnosis_type=""))

    assert not shown.glycemic_ranges
    assert not shown.diagnosis_type
