"""Queries in the words of the server."""

from typing import Any

import pytest
from bson import ObjectId

from adapters.mongo.patient_conditions import condition_of, search_condition
from clinic_domain.patients.model import PatientQuery, PatientSearch
from clinic_domain.testing.examples import a_clinic, a_tag
from clinic_domain.values import ClinicId, SiteId, TagId

CLINIC = a_clinic().id


def condition(**conditions: Any) -> dict[str, Any]:
    return condition_of(PatientQuery(CLINIC, **conditions))


def test_everybody_is_of_the_clinic() -> None:
    assert condition() == {"clinicId": ObjectId(CLINIC)}


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("a.b*", r"a\.b\*"), ("a\0b", r"a\x00b"), ("Ä é", r"Ä\ é"), ("", "")],
)
def test_a_search_is_taken_literally(text: str, pattern: str) -> None:
    (group,) = condition(search=text)["$and"]

    assert group["$or"][0] == {"fullName": {"$regex": pattern, "$options": "i"}}
    assert [*map(list, group["$or"])] == [["fullName"], ["email"], ["mrn"], ["birthDate"]]


def test_several_alternatives_do_not_push_each_other_out() -> None:
    assert len(condition(search="a", omit_non_standard_ranges=True)["$and"]) == 2


def test_what_is_no_id_is_nobodys() -> None:
    """So nobody has all of several, but somebody may have one of them."""
    tag = a_tag().id

    assert condition(tags=(tag, TagId("x")))["tags"] == {"$in": []}
    assert condition(tags=(tag, tag))["tags"] == {"$all": [ObjectId(tag)]}
    assert condition(sites=(SiteId(tag), SiteId("x")))["sites.id"] == {"$in": [ObjectId(tag)]}
    assert condition_of(PatientQuery(ClinicId("x"))) == {"clinicId": {"$in": []}}


def test_a_search_of_several_clinics_asks_for_what_is_given() -> None:
    search = PatientSearch((CLINIC, ClinicId("x"), CLINIC), birth_date="2000-01-01")

    assert search_condition(search) == {
        "clinicId": {"$in": [ObjectId(CLINIC)]},
        "birthDate": "2000-01-01",
    }
