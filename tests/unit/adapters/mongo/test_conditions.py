"""Queries in the words of the server."""

from bson import ObjectId

from adapters.mongo.patient_conditions import search_condition
from clinic_domain.patients.model import PatientSearch
from clinic_domain.testing.examples import a_clinic
from clinic_domain.values import ClinicId

CLINIC = a_clinic().id


def test_a_search_of_several_clinics_asks_for_what_is_given() -> None:
    search = PatientSearch((CLINIC, ClinicId("x"), CLINIC), birth_date="2000-01-01")

    assert search_condition(search) == {
        "clinicId": {"$in": [ObjectId(CLINIC)]},
        "birthDate": "2000-01-01",
    }
