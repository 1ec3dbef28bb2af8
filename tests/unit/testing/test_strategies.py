"""What the strategies build is valid, and as varied as they say."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import TypeVar

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.model import Clinic, PatientCountSettings, ShareCode
from clinic_domain.clinics.rules import with_patient_count_settings
from clinic_domain.clinics.sites import site_key, site_name
from clinic_domain.clinics.tags import tag_key, tag_name
from clinic_domain.patients.model import MAX_REVIEWS, Patient
from clinic_domain.testing import strategies as our
from clinic_domain.testing.examples import a_clinic, a_site, a_tag
from clinic_domain.text import collation_key
from clinic_domain.values import ClinicId, UserId, whole_milliseconds

T = TypeVar("T")

_ID = re.compile("[0-9a-f]{24}")
# The patterns of the API document.
_TAG_NAME = regex.compile(r"[\p{L}\p{N}_+><-]{1}[\p{L}\p{N} \t\n\f\r_+><-]*")
_SITE_NAME = regex.compile(r"[!-~\p{L}\p{N}][!-~\p{L}\p{N} ]*")
_FEW_USERS = st.sampled_from([UserId(text) for text in "abc"])
_FEW_CLINICS = st.sampled_from([ClinicId(digit * 24) for digit in "12"])


@given(our.texts())
def test_texts_can_be_stored_anywhere(text: str) -> None:
    assert "\0" not in text
    assert text.encode().decode() == text


@given(our.latin_names().flatmap(lambda name: st.tuples(st.just(name), our.spellings(name))))
def test_spellings_are_the_same_for_the_collation(name_and_spelling: tuple[str, str]) -> None:
    name, spelling = name_and_spelling

    assert collation_key(spelling) == collation_key(name)


def test_spellings_differ_in_case_accents_and_normal_form() -> None:
    assert {*_drawn(our.spellings("Zoë"))} >= {"ZOË", "zoë", "zOË", "Zoe\u0308", "Zoe", "ZOE"}


@given(our.times())
def test_times_are_kept_as_they_are(time: datetime) -> None:
    assert whole_milliseconds(time) == time
    assert time.tzinfo is UTC


@given(our.share_codes())
def test_share_codes_are_share_codes(code: ShareCode) -> None:
    assert ShareCode(str(code)) == code


@given(our.tag_names())
def test_tag_names_are_valid_and_stay_as_they_are(name: str) -> None:
    assert _TAG_NAME.fullmatch(name)
    assert 1 <= len(name) <= 20
    assert tag_name(name) == name


@given(our.site_names())
def test_site_names_are_valid_and_stay_as_they_are(name: str) -> None:
    assert _SITE_NAME.fullmatch(name)
    assert 1 <= len(name) <= 200
    assert site_name(name) == name


def test_names_come_from_all_over_the_world() -> None:
    for names in (our.tag_names(), our.site_names()):
        letters = "".join(_drawn(names))
        assert any(ord(letter) > 0xFFFF for letter in letters)
        assert {unicodedata.category(letter)[0] for letter in letters} >= {"L", "N"}


@given(our.patient_count_settings())
def test_limits_do_not_end_before_they_start(settings: PatientCountSettings) -> None:
    with_patient_count_settings(a_clinic(), settings)


def test_limits_may_start_and_end() -> None:
    limits = _drawn(our.patient_count_limits())

    has = {(limit.start_date is not None, limit.end_date is not None) for limit in limits}
    assert has == {(False, False), (True, False), (False, True), (True, True)}


@given(our.clinics(users=_FEW_USERS))
def test_clinics_are_valid(clinic: Clinic) -> None:
    tags, sites = clinic.tags or (), clinic.sites

    assert _ID.fullmatch(clinic.id)
    assert clinic.share_code == clinic.share_codes[0]
    assert len(set(clinic.share_codes)) == len(clinic.share_codes)
    assert clinic.created_time <= clinic.updated_time
    assert len({tag_key(tag.name) for tag in tags}) == len({tag.id for tag in tags}) == len(tags)
    assert len({site_key(site.name) for site in sites}) == len(sites)
    assert len({site.id for site in sites}) == len(sites)
    assert len(set(clinic.admins)) == len(clinic.admins)
    assert set(clinic.admins) <= set("abc")


@given(our.clinicians(clinics=_FEW_CLINICS, users=_FEW_USERS))
def test_clinicians_are_members_invites_or_programs(clinician: Clinician) -> None:
    assert _ID.fullmatch(clinician.id)
    assert clinician.clinic_id in (24 * "1", 24 * "2")
    assert (clinician.user_id is None) != (clinician.invite_id is None)
    assert (clinician.email is None) == clinician.is_service_account
    assert clinician.email == (clinician.email and clinician.email.lower())
    assert {*(clinician.roles or ())} <= {*Role}


_TAG, _SITE = a_tag(), a_site()


@given(
    our.patients(
        clinics=_FEW_CLINICS, users=_FEW_USERS, tags=st.just(_TAG.id), sites=st.just(_SITE)
    )
)
def test_patients_are_valid(patient: Patient) -> None:
    assert _ID.fullmatch(patient.id)
    assert patient.user_id in "abc"
    assert patient.tags in (None, (), (_TAG.id,))
    assert [site.id for site in patient.sites or ()] in ([], [_SITE.id])
    assert patient.created_time <= patient.updated_time
    assert len(patient.reviews or ()) <= MAX_REVIEWS
    for provider, requests in (patient.connection_requests or {}).items():
        assert {request.provider_name for request in requests} <= {provider}
    ranges = patient.glycemic_ranges
    assert ranges is None or (ranges.preset is None) != (ranges.custom is None)


def test_every_field_of_a_patient_is_met_with_and_without_a_value() -> None:
    drawn = _drawn(our.patients())

    for field in ("full_name", "mrn", "tags", "sites", "data_sources", "permissions", "reviews"):
        values = [getattr(patient, field) for patient in drawn]
        assert any(value is None for value in values)
        assert any(values)
    for field in ("tags", "sites", "data_sources", "permissions", "reviews", "target_devices"):
        values = [getattr(patient, field) for patient in drawn]
        assert any(value is not None and not value for value in values)


def _drawn(strategy: st.SearchStrategy[T]) -> list[T]:
    values: list[T] = []

    @given(strategy)
    @settings(max_examples=150, database=None)
    def draw(value: T) -> None:
        values.append(value)

    draw()
    return values
