"""Documents as the chapters describe them, and what other programs have left in them."""

from datetime import UTC, datetime
from typing import Any, Final

import attrs
import pytest
from bson import Int64, ObjectId
from hypothesis import given

from adapters.mongo.changes import updates_between
from adapters.mongo.clinic_documents import CLINIC_LAYOUT, clinic_document, clinic_of
from adapters.mongo.clinician_documents import clinician_document, clinician_of
from adapters.mongo.documents import NEVER, Unreadable
from adapters.mongo.patient_documents import PATIENT_LAYOUT, patient_document, patient_of
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    ProviderCount,
)
from clinic_domain.patients.model import (
    ConnectionRequest,
    GlycemicRanges,
    Patient,
    PatientSite,
    Permission,
)
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import clinicians, clinics, patients

TIME: Final = datetime(2024, 1, 2, 3, 4, 5, 6_000, tzinfo=UTC)


@given(clinics())
def test_any_clinic_is_read_as_it_was_written(clinic: Clinic) -> None:
    assert clinic_of(clinic_document(clinic)) == clinic


@given(clinicians())
def test_any_clinician_is_read_as_it_was_written(clinician: Clinician) -> None:
    assert clinician_of(clinician_document(clinician)) == clinician


@given(patients())
def test_any_patient_is_read_as_it_was_written(patient: Patient) -> None:
    assert patient_of(patient_document(patient)) == patient


# Clinics


def test_a_new_clinic_has_null_for_numbers_and_time_zone_and_lacks_what_was_never_set() -> None:
    clinic = a_clinic(
        details=ClinicDetails(name="Acme", preferred_bg_units="mmol/L"),
        admins=("1111111111",),
        patient_count=PatientCount(),
        patient_count_settings=PatientCountSettings(hard_limit=PatientCountLimit(250)),
    )

    assert clinic_document(clinic) == {
        "_id": ObjectId(clinic.id),
        "name": "Acme",
        "PreferredBgUnits": "mmol/L",
        "phoneNumbers": None,
        "timezone": None,
        "canonicalShareCode": clinic.share_code.value,
        "shareCodes": [clinic.share_code.value],
        "admins": ["1111111111"],
        "isMigrated": True,
        "patientCount": {"total": 0, "demo": 0, "plan": 0},
        "patientCountSettings": {"hardLimit": {"plan": 250}},
        "createdTime": A_MORNING,
        "updatedTime": A_MORNING,
    }


def test_a_clinic_of_a_legacy_account_lacks_name_and_numbers() -> None:
    document = clinic_document(a_clinic(details=ClinicDetails(), is_migrated=False))

    assert document.keys().isdisjoint({"name", "phoneNumbers", "PreferredBgUnits", "isMigrated"})
    assert document["timezone"] is None


def test_restrictions_that_were_removed_are_null() -> None:
    clinic = a_clinic()
    restricted = clinic_document(clinic) | {"membershipRestrictions": [{"emailDomain": "a.com"}]}

    (update,) = updates_between(
        clinic_document(clinic_of(restricted)), clinic_document(clinic), CLINIC_LAYOUT
    )

    assert update.change == {"$set": {"membershipRestrictions": None}}


def read_clinic(**members: Any) -> Clinic:
    return clinic_of(clinic_document(a_clinic()) | members)


def test_counts_of_a_time_without_plans_are_no_counts() -> None:
    """And a limit of that time is the plan."""
    settings = {
        "hardLimit": {"patientCount": 7, "startDate": TIME},
        "softLimit": {"plan": 3, "patientCount": 7},
    }

    clinic = read_clinic(patientCount={"patientCount": 7}, patientCountSettings=settings)

    assert clinic.patient_count is None
    assert clinic.patient_count_settings == PatientCountSettings(
        PatientCountLimit(7, TIME), PatientCountLimit(3)
    )


def test_a_limit_is_replaced_with_what_it_was_in_the_time_without_plans() -> None:
    was = read_clinic(patientCountSettings={"hardLimit": {"patientCount": 7}})
    new = attrs.evolve(was, patient_count_settings=PatientCountSettings(PatientCountLimit(0)))

    (update,) = updates_between(clinic_document(was), clinic_document(new), CLINIC_LAYOUT)

    assert update.change == {"$set": {"patientCountSettings.hardLimit": {"plan": 0}}}


def test_numbers_may_be_of_any_type_that_is_whole() -> None:
    providers = {"x": {"total": 2.0, "states": {"a": Int64(2)}}, "y": {"total": 1, "states": None}}

    clinic = read_clinic(patientCount={"total": 3.0, "demo": Int64(1), "providers": providers})

    assert clinic.patient_count == PatientCount(
        3, 1, 0, {"x": ProviderCount(2, {"a": 2}), "y": ProviderCount(1, {})}
    )


def test_counts_beside_names_of_tags_and_sites_are_not_read() -> None:
    tag, site = ObjectId(), ObjectId()

    clinic = read_clinic(
        patientTags=[{"_id": tag, "name": "a", "patients": 9}, {"_id": site}],
        sites=[{"id": site, "name": "b", "patients": 9}],
    )

    assert [(each.id, each.name) for each in clinic.tags or ()] == [
        (str(tag), "a"),
        (str(site), ""),
    ]
    assert [(each.id, each.name) for each in clinic.sites] == [(str(site), "b")]


@pytest.mark.parametrize(
    "member",
    [
        "admins", "createdTime", "ehrSettings", "isMigrated", "lastDeletedPatientTag",
        "membershipRestrictions", "mrnSettings", "name", "patientCount", "patientCountSettings",
        "patientTags", "phoneNumbers", "shareCodes", "sites", "suppressedNotifications", "tier",
        "timezone", "updatedTime",
    ],
)  # fmt: skip
def test_null_is_nothing(member: str) -> None:
    document = clinic_document(a_clinic()) | {member: None}
    without = {key: value for key, value in document.items() if key != member}

    assert clinic_of(document) == clinic_of(without)


def test_settings_of_an_ehr_need_not_be_complete() -> None:
    clinic = read_clinic(ehrSettings={"enabled": True, "destinationIds": None, "notes": None})

    settings = clinic.ehr_settings
    assert settings is not None
    assert (settings.enabled, settings.mrn_id_type, settings.scheduled_reports.cadence) == (
        True,
        "",
        "",
    )
    assert settings.destination_ids is None
    assert not settings.include_gmi_in_notes


def test_a_time_that_is_missing_is_the_zero_time() -> None:
    document = clinic_document(a_clinic())
    del document["createdTime"]

    assert clinic_of(document).created_time == NEVER


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("canonicalShareCode", None),
        ("canonicalShareCode", "lower-case-code"),
        ("name", 7),
        ("admins", "u1"),
        ("patientTags", [None]),
        ("patientTags", [{"name": "no id"}]),
        ("patientCount", {"total": 1.5}),
        ("patientCount", {"total": True}),
        ("patientCount", {"total": float("nan")}),
        ("createdTime", "2024-01-01"),
        ("mrnSettings", []),
    ],
)
def test_values_of_another_kind_are_not_understood(member: str, value: object) -> None:
    with pytest.raises(Unreadable):
        read_clinic(**{member: value})


# Clinicians


def test_name_and_roles_of_a_clinician_are_always_there() -> None:
    clinician = a_clinician(a_clinic(), name=None, roles=None, email=None)

    assert clinician_document(clinician) == {
        "_id": ObjectId(clinician.id),
        "clinicId": ObjectId(clinician.clinic_id),
        "userId": clinician.user_id,
        "name": None,
        "roles": None,
        "createdTime": A_MORNING,
        "updatedTime": A_MORNING,
    }


def test_a_history_of_roles_may_hold_null() -> None:
    document = clinician_document(a_clinician(a_clinic()))
    document["rolesUpdates"] = [{"roles": None, "updatedBy": "b"}]

    (update,) = clinician_of(document).roles_updates

    assert (update.roles, update.updated_by) == ((), "b")


# Patients


def test_a_patient_has_null_for_what_every_request_writes() -> None:
    patient = a_patient(a_clinic(), full_name=None, birth_date=None, permissions=None)

    assert patient_document(patient) == {
        "_id": ObjectId(patient.id),
        "clinicId": ObjectId(patient.clinic_id),
        "userId": patient.user_id,
        "birthDate": None,
        "email": None,
        "fullName": None,
        "mrn": None,
        "targetDevices": None,
        "createdTime": A_MORNING,
        "updatedTime": A_MORNING,
        "requireUniqueMrn": False,
    }


def read_patient(**members: Any) -> Patient:
    return patient_of(patient_document(a_patient(a_clinic())) | members)


def test_permissions_are_empty_documents() -> None:
    patient = a_patient(a_clinic(), permissions=frozenset({Permission.NOTE, Permission.VIEW}))

    assert patient_document(patient)["permissions"] == {"view": {}, "note": {}}


def test_a_permission_that_is_false_or_null_was_not_given() -> None:
    permissions = {"custodian": False, "view": {}, "upload": None, "note": {"since": TIME}, "x": {}}

    patient = read_patient(permissions=permissions)

    assert patient.permissions == frozenset({Permission.VIEW, Permission.NOTE})
    assert read_patient(permissions=None).permissions is None


def test_a_stored_count_of_a_site_is_not_read() -> None:
    site = ObjectId()

    patient = read_patient(sites=[{"id": site, "name": "North", "patients": 12}])

    assert [PatientSite(each.id, each.name) for each in patient.sites or ()] == list(
        patient.sites or ()
    )


def test_an_upper_bound_is_a_document_of_its_own() -> None:
    threshold = {
        "name": "low",
        "upperBound": {"value": 70.19999694824219, "units": "mg/dL"},
        "inclusive": True,
    }
    ranges = {"type": "custom", "custom": {"name": "own", "thresholds": [threshold]}}

    patient = read_patient(glycemicRanges=ranges)

    assert patient_document(patient)["glycemicRanges"] == ranges
    assert read_patient(glycemicRanges={"type": "custom"}).glycemic_ranges == GlycemicRanges(
        "custom"
    )


def test_the_request_of_a_time_without_a_history_is_the_history() -> None:
    """Unless there is one by now (PAT-DTO-6)."""
    alone = read_patient(lastRequestedDexcomConnectTime=TIME)
    other = {"abbott": [{"providerName": "abbott", "createdTime": A_MORNING}], "dexcom": []}
    beside = read_patient(lastRequestedDexcomConnectTime=TIME, providerConnectionRequests=other)
    history = {"dexcom": [{"providerName": "dexcom", "createdTime": A_MORNING}]}
    later = read_patient(lastRequestedDexcomConnectTime=TIME, providerConnectionRequests=history)

    assert alone.connection_requests == {"dexcom": (ConnectionRequest("dexcom", TIME),)}
    assert beside.connection_requests == {
        "abbott": (ConnectionRequest("abbott", A_MORNING),),
        "dexcom": (ConnectionRequest("dexcom", TIME),),
    }
    assert later.connection_requests == {"dexcom": (ConnectionRequest("dexcom", A_MORNING),)}


@pytest.mark.parametrize("history", [(), (ConnectionRequest("dexcom", A_MORNING),)])
def test_a_request_is_written_with_the_whole_history_of_its_provider(
    history: tuple[ConnectionRequest, ...],
) -> None:
    """Also where the newest equals those before it."""
    was = a_patient(a_clinic(), connection_requests={"dexcom": history, "abbott": history})
    requests = (ConnectionRequest("dexcom", A_MORNING), *history)
    new = attrs.evolve(was, connection_requests={"dexcom": requests, "abbott": history})

    (update,) = updates_between(patient_document(was), patient_document(new), PATIENT_LAYOUT)

    written = [{"providerName": "dexcom", "createdTime": A_MORNING} for _ in requests]
    assert update.change == {"$set": {"providerConnectionRequests.dexcom": written}}


def test_an_id_of_another_system_is_an_object_id_where_it_looks_like_one() -> None:
    id_ = ObjectId()

    patient = read_patient(dataSources=[{"providerName": "x", "state": "y", "dataSourceId": id_}])

    assert [source.data_source_id for source in patient.data_sources or ()] == [str(id_)]
    assert patient_document(patient)["dataSources"][0]["dataSourceId"] == id_


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("userId", None),
        ("clinicId", "0" * 24),
        ("fullName", 7),
        ("tags", [a_tag().id]),
        ("permissions", ["view"]),
        ("dataSources", ["x"]),
        ("glycemicRanges", {"type": "custom", "custom": {"name": "x", "thresholds": [7]}}),
    ],
)
def test_patients_with_values_of_another_kind_are_not_understood(
    member: str, value: object
) -> None:
    with pytest.raises(Unreadable):
        read_patient(**{member: value})
