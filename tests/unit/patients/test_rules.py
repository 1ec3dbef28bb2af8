"""The record of a patient: how it comes about and how it changes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.errors import UnknownSite
from clinic_domain.clinics.model import MrnSettings, Site
from clinic_domain.errors import BadRequest
from clinic_domain.patients.errors import MrnNotUnique, MrnRequired
from clinic_domain.patients.model import (
    CustomRanges,
    DataSource,
    EhrSubscription,
    GlycemicRanges,
    JoiningDetails,
    MatchedMessage,
    Patient,
    PatientDetails,
    Permission,
    Review,
    Threshold,
)
from clinic_domain.patients.rules import (
    custodial_patient,
    joining_patient,
    known_sites,
    refuse_missing_mrn,
    refuse_taken_mrn,
    with_details,
    with_legacy_clinician,
    with_reminder,
)
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, at
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import PatientProfile, Profile, User
from clinic_domain.values import RecordId, SiteId, UserId

LATER: Final = A_MORNING + timedelta(minutes=1)
RECORD: Final = RecordId("d" * 24)
NORTH, SOUTH = a_site("North"), a_site("South")
CLINIC: Final = a_clinic(sites=(NORTH, SOUTH))
UNIQUE: Final = a_clinic(mrn_settings=MrnSettings(required=False, unique=True))
TAGS: Final = (a_tag("A").id, a_tag("B").id)
STANDARD: Final = GlycemicRanges("preset", "adaStandard")
DEXCOM: Final = DataSource("dexcom", "connected", modified_time=A_MORNING)
SUBSCRIPTION: Final = EhrSubscription(
    active=True,
    provider="redox",
    created_at=A_MORNING,
    updated_at=A_MORNING,
    matched_messages=(MatchedMessage("1" * 24, "Order", "New"),),
)
FULL: Final = a_patient(
    CLINIC,
    full_name="Alice Example",
    birth_date="1984-02-29",
    email="alice@example.com",
    mrn="A-17",
    target_devices=("pump",),
    tags=TAGS,
    sites=at(NORTH),
    data_sources=(DEXCOM,),
    glycemic_ranges=STANDARD,
    diagnosis_type="type1",
    reviews=(Review(UserId("ann"), A_MORNING),),
    invited_by="ann",
    ehr_subscriptions={"summaryAndReports": SUBSCRIPTION},
    last_upload_reminder_time=A_MORNING,
    is_migrated=True,
    legacy_clinician_ids=("old",),
)
NEXT: Final = PatientDetails("Alice Next", "1984-02-28", mrn="A-17")


# Custodial patients


def test_a_clinic_holds_everything_about_a_custodial_patient() -> None:
    """
    All permissions are given, and who created the account is noted (PAT-CRE-2, PAT-CRE-8).

    The address is spelled as the account has it.
    """
    account = "Alice@example.com"
    details = PatientDetails(
        "Alice Example",
        "1984-02-29",
        "Alice@Example.COM",
        "A-17",
        ("pump",),
        TAGS,
        (SOUTH.id, NORTH.id),
        (DEXCOM,),
        STANDARD,
        "type1",
    )

    patient = custodial_patient(
        RECORD, CLINIC, UserId("u"), details, email=account, invited_by=UserId("ann"), now=LATER
    )

    assert patient == Patient(
        id=RECORD,
        clinic_id=CLINIC.id,
        user_id=UserId("u"),
        created_time=LATER,
        updated_time=LATER,
        full_name="Alice Example",
        birth_date="1984-02-29",
        email=account,
        mrn="A-17",
        target_devices=("pump",),
        tags=TAGS,
        sites=at(SOUTH, NORTH),
        data_sources=(DEXCOM,),
        permissions=frozenset(Permission),
        invited_by=UserId("ann"),
        glycemic_ranges=STANDARD,
        diagnosis_type="type1",
    )
    assert patient.is_custodial


def test_little_is_enough_for_a_custodial_patient() -> None:
    """What is not said was never set (PAT-DOC-2)."""
    patient = custodial_patient(
        RECORD,
        CLINIC,
        UserId("u"),
        PatientDetails("A", "2000-01-01"),
        email=None,
        invited_by=None,
        now=LATER,
    )

    assert patient == Patient(
        RECORD,
        CLINIC.id,
        UserId("u"),
        LATER,
        LATER,
        full_name="A",
        birth_date="2000-01-01",
        permissions=frozenset(Permission),
    )


# Users who join


KID: Final = Profile("Parent", PatientProfile("Kid", "2001-02-03", "P1", ("devA",)))
ACCOUNT: Final = User(UserId("abcdef0001"), "ABCDEF0001@Example.COM", ("other@example.com",))


def join(details: JoiningDetails, profile: Profile | None = KID, user: User = ACCOUNT) -> Patient:
    return joining_patient(RECORD, CLINIC, user, profile, details, now=LATER)


def test_a_user_brings_his_profile() -> None:
    """The worked example: what is not said comes from account and profile (PAT-USR-4)."""
    view = frozenset({Permission.VIEW})

    assert join(JoiningDetails(permissions=view)) == Patient(
        RECORD,
        CLINIC.id,
        ACCOUNT.id,
        LATER,
        LATER,
        full_name="Kid",
        birth_date="2001-02-03",
        email="abcdef0001@example.com",
        mrn="P1",
        target_devices=("devA",),
        permissions=view,
    )


def test_what_is_said_of_a_user_counts_more() -> None:
    """Devices and address alone always come from the account (PAT-USR-4, PAT-USR-7)."""
    details = JoiningDetails(
        is_migrated=True,
        legacy_clinician_id=UserId("old"),
        full_name="Said",
        birth_date="1999-09-09",
        mrn="S1",
        tags=TAGS,
        site_ids=(NORTH.id,),
        glycemic_ranges=STANDARD,
        diagnosis_type="type2",
    )

    assert join(details) == Patient(
        RECORD,
        CLINIC.id,
        ACCOUNT.id,
        LATER,
        LATER,
        full_name="Said",
        birth_date="1999-09-09",
        email="abcdef0001@example.com",
        mrn="S1",
        target_devices=("devA",),
        tags=TAGS,
        sites=at(NORTH),
        permissions=None,
        is_migrated=True,
        legacy_clinician_ids=(UserId("old"),),
        invited_by=None,
        glycemic_ranges=STANDARD,
        diagnosis_type="type2",
    )


@pytest.mark.parametrize(
    ("said", "of_patient", "of_owner", "name"),
    [
        ("S", "P", "O", "S"),
        ("", "P", "O", "P"),
        (None, "P", "O", "P"),
        (None, "", "O", "O"),
        (None, None, "O", "O"),
        (None, None, None, None),
    ],
)
def test_the_first_name_that_is_not_empty_is_taken(
    said: str | None, of_patient: str | None, of_owner: str | None, name: str | None
) -> None:
    """What was said, then what the profile calls the patient, then its owner (PAT-USR-4)."""
    profile = Profile(of_owner, PatientProfile(of_patient))

    assert join(JoiningDetails(full_name=said), profile).full_name == name


@pytest.mark.parametrize("profile", [None, Profile(), Profile("", PatientProfile("", "", ""))])
def test_a_user_may_say_nothing_of_himself(profile: Profile | None) -> None:
    """A birth date is then empty, and an empty MRN or address is none (PAT-USR-3, PAT-MRN-6)."""
    patient = join(JoiningDetails(), profile, User(ACCOUNT.id, username=""))

    assert (patient.birth_date, patient.mrn, patient.email) == ("", None, None)
    assert join(JoiningDetails(), None, User(ACCOUNT.id)).email is None


def test_sites_that_a_clinic_lacks_are_dropped_when_a_user_joins() -> None:
    """Without any left none is set; one given twice is kept once (PAT-SITE-2, PAT-SITE-3)."""
    stray = SiteId("f" * 24)

    assert join(JoiningDetails(site_ids=(stray,))).sites is None
    assert join(JoiningDetails(site_ids=())).sites is None
    assert join(JoiningDetails(site_ids=(SOUTH.id, stray, SOUTH.id, NORTH.id))).sites == at(
        SOUTH, NORTH
    )


def test_another_legacy_clinician_is_noted_once() -> None:
    """Nothing else of the record changes but its time (PAT-USR-6)."""
    noted = with_legacy_clinician(FULL, UserId("new"), LATER)

    assert noted == attrs.evolve(
        FULL, legacy_clinician_ids=(UserId("old"), UserId("new")), updated_time=LATER
    )
    assert with_legacy_clinician(noted, UserId("old"), LATER) == noted


# New details


@pytest.mark.parametrize(
    ("details", "change"),
    [
        (NEXT, {}),
        (attrs.evolve(NEXT, email="Next@Example.com"), {"email": "next@example.com"}),
        (attrs.evolve(NEXT, email=""), {"email": ""}),
        (attrs.evolve(NEXT, target_devices=()), {"target_devices": ()}),
        (attrs.evolve(NEXT, tags=TAGS[:1]), {"tags": TAGS[:1]}),
        (attrs.evolve(NEXT, tags=()), {"tags": ()}),
        (attrs.evolve(NEXT, site_ids=(SOUTH.id,)), {"sites": at(SOUTH)}),
        (attrs.evolve(NEXT, site_ids=()), {"sites": ()}),
        (attrs.evolve(NEXT, data_sources=()), {"data_sources": None}),
        (
            attrs.evolve(NEXT, data_sources=(DataSource("abbott", "pending"),)),
            {"data_sources": (DataSource("abbott", "pending"),)},
        ),
        (attrs.evolve(NEXT, diagnosis_type=""), {"diagnosis_type": ""}),
        (attrs.evolve(NEXT, diagnosis_type="lada"), {"diagnosis_type": "lada"}),
        (
            attrs.evolve(NEXT, glycemic_ranges=GlycemicRanges("custom")),
            {"glycemic_ranges": GlycemicRanges("custom")},
        ),
    ],
)
def test_what_is_left_out_of_new_details_stays_or_goes(
    details: PatientDetails, change: Mapping[str, Any]
) -> None:
    """
    Address, MRN and devices go; all else stays, and an empty value is a value.

    PAT-DOC-2, PAT-UPD-5, PAT-UPD-6, PAT-SITE-4, PAT-DX-1, PAT-GLY-5; reviews and who invited are
    none of the details (PAT-UPD-7, PAT-UPD-8).
    """
    replaced: dict[str, Any] = {
        "full_name": "Alice Next",
        "birth_date": "1984-02-28",
        "email": None,
        "target_devices": None,
        "updated_time": LATER,
        **change,
    }

    assert with_details(FULL, CLINIC, details, LATER) == attrs.evolve(FULL, **replaced)


texts = st.none() | st.text(max_size=4)
details = st.builds(
    PatientDetails,
    full_name=texts,
    birth_date=texts,
    email=texts,
    mrn=texts,
    target_devices=st.none() | st.just(("pump",)),
    tags=st.none() | st.lists(st.sampled_from(TAGS), unique=True).map(tuple),
    site_ids=st.none() | st.lists(st.sampled_from([NORTH.id, SOUTH.id])).map(tuple),
    data_sources=st.none() | st.lists(st.just(DEXCOM), max_size=2).map(tuple),
    glycemic_ranges=st.none() | st.just(STANDARD),
    diagnosis_type=st.none() | st.sampled_from(["", "type1", "mody"]),
)
KEPT_BY_DETAILS: Final = {
    "id",
    "clinic_id",
    "user_id",
    "created_time",
    "permissions",
    "is_migrated",
    "legacy_clinician_ids",
    "invited_by",
    "reviews",
    "last_upload_reminder_time",
    "connection_requests",
}


@given(details, details)
def test_details_are_a_value(first: PatientDetails, second: PatientDetails) -> None:
    """
    The same details twice are as good as once, and no details touch anything else (PAT-UPD-5).

    The time of creation is among what stays (PAT-DOC-4).
    """
    patient = with_details(FULL, CLINIC, first, LATER)
    changed = with_details(patient, CLINIC, second, LATER)

    assert with_details(changed, CLINIC, second, LATER) == changed
    for name in KEPT_BY_DETAILS:
        assert getattr(changed, name) == getattr(FULL, name)
    for given_, name in (
        (second.tags, "tags"),
        (second.site_ids, "sites"),
        (second.glycemic_ranges, "glycemic_ranges"),
        (second.diagnosis_type, "diagnosis_type"),
        (second.data_sources, "data_sources"),
    ):
        if given_ is None:
            assert getattr(changed, name) == getattr(patient, name)


@given(st.text(), st.text(), st.text(min_size=1), st.lists(st.text()).map(tuple))
def test_texts_are_kept_as_they_were_typed(
    name: str, birth_date: str, mrn: str, devices: tuple[str, ...]
) -> None:
    """Nothing is trimmed, and only addresses change their case (PAT-VAL-3)."""
    said = PatientDetails(name, birth_date, "  A@B.C ", mrn, devices)

    patient = with_details(FULL, CLINIC, said, LATER)

    assert (patient.full_name, patient.birth_date, patient.mrn) == (name, birth_date, mrn)
    assert patient.target_devices == devices
    assert patient.email == "  a@b.c "


def test_tags_are_not_looked_up() -> None:
    """A tag may have been deleted meanwhile (PAT-TAG-1)."""
    stray = a_tag("stray").id

    changed = with_details(FULL, CLINIC, attrs.evolve(NEXT, tags=(stray,)), LATER)

    assert changed.tags == (stray,)


def test_thresholds_are_as_many_and_in_any_order() -> None:
    """No number and no order is asked for (PAT-GLY-4)."""
    thresholds = tuple(
        Threshold(f"t{number}", value=10.0 * (number % 3), units="mg/dL") for number in range(9)
    )
    for some in ((), thresholds):
        ranges = GlycemicRanges("custom", custom=CustomRanges("own", some))

        changed = with_details(FULL, CLINIC, attrs.evolve(NEXT, glycemic_ranges=ranges), LATER)

        assert changed.glycemic_ranges == ranges


@pytest.mark.parametrize(
    ("value", "kept"),
    [(70.2, 70.19999694824219), (180, 180.0), (3.9, 3.9000000953674316)],
)
def test_thresholds_have_single_precision(value: float, kept: float) -> None:
    """What is kept is kept again as it is."""
    threshold = Threshold("low", value, "mg/dL")

    assert threshold.value == kept
    assert attrs.evolve(threshold) == threshold


# Sites


def test_a_patient_gets_the_clinics_names_of_sites() -> None:
    """Each once, in the order given (PAT-SITE-1, PAT-SITE-3)."""
    assert known_sites(CLINIC, [SOUTH.id, NORTH.id, SOUTH.id]) == at(SOUTH, NORTH)
    assert known_sites(CLINIC, []) == ()


def test_a_site_that_the_clinic_lacks_is_refused() -> None:
    """Also among others that it has (PAT-SITE-1)."""
    with pytest.raises(UnknownSite) as refusal:
        known_sites(CLINIC, [NORTH.id, SiteId("f" * 24)])

    assert str(refusal.value) == ("constraint violation: the clinic has no site with that name")
    with pytest.raises(UnknownSite):
        with_details(FULL, a_clinic(), attrs.evolve(NEXT, site_ids=(NORTH.id,)), LATER)


@given(st.lists(st.sampled_from([NORTH, SOUTH, a_site("East")])))
def test_sites_of_a_patient_are_a_set_in_order(sites: list[Site]) -> None:
    """No site twice, none lost, first come first (PAT-SITE-3)."""
    clinic = a_clinic(sites=tuple(dict.fromkeys(reversed(sites))))

    assert known_sites(clinic, [site.id for site in sites]) == at(*dict.fromkeys(sites))


# Medical record numbers


@pytest.mark.parametrize(
    ("settings", "mrn", "refused"),
    [
        (None, None, False),
        (MrnSettings(required=False, unique=True), None, False),
        (MrnSettings(required=True, unique=False), None, True),
        (MrnSettings(required=True, unique=False), "", True),
        (MrnSettings(required=True, unique=False), "   ", False),
        (MrnSettings(required=True, unique=True), "1", False),
    ],
)
def test_a_clinic_may_require_a_number(
    settings: MrnSettings | None, mrn: str | None, *, refused: bool
) -> None:
    """An empty one is none, a blank one is one (PAT-MRN-2, MRN-1)."""
    clinic = a_clinic(mrn_settings=settings)

    if refused:
        with pytest.raises(MrnRequired) as refusal:
            refuse_missing_mrn(clinic, mrn)
        assert str(refusal.value) == "bad request: mrn is required"
    else:
        refuse_missing_mrn(clinic, mrn)


@pytest.mark.parametrize(
    ("holders", "user_id", "refused"),
    [
        ([], "me", False),
        (["me"], "me", False),
        (["other"], "me", True),
        (["me", "other"], "me", True),
        (["other"], None, True),
        ([], None, False),
    ],
)
def test_a_clinic_may_want_a_number_once(
    holders: list[UserId], user_id: UserId | None, *, refused: bool
) -> None:
    """One's own record is no conflict, two records always are (PAT-MRN-3, PAT-MRN-4)."""
    patients = [a_patient(UNIQUE, user_id=holder, mrn="1") for holder in holders]
    refuse_taken_mrn(CLINIC, user_id, patients)

    if refused:
        with pytest.raises(MrnNotUnique) as refusal:
            refuse_taken_mrn(UNIQUE, user_id, patients)
        assert str(refusal.value) == "bad request: mrn must be unique"
    else:
        refuse_taken_mrn(UNIQUE, user_id, patients)


@pytest.mark.parametrize(
    ("settings", "flag"),
    [(None, False), (MrnSettings(True, False), False), (MrnSettings(False, True), True)],
)
def test_a_record_notes_whether_its_number_is_unique(
    settings: MrnSettings | None, *, flag: bool
) -> None:
    """At its creation and at every change (PAT-MRN-3)."""
    clinic = a_clinic(mrn_settings=settings)
    joining = joining_patient(RECORD, clinic, ACCOUNT, KID, JoiningDetails(), now=LATER)
    changed = with_details(attrs.evolve(FULL, require_unique_mrn=not flag), clinic, NEXT, LATER)

    assert joining.require_unique_mrn == flag
    assert changed.require_unique_mrn == flag


@pytest.mark.parametrize(
    ("before", "after", "active"),
    [
        ("A-17", "A-17", True),
        ("A-17", "a-17", False),
        ("A-17", "B", False),
        ("A-17", None, False),
        (None, "A-17", False),
        (None, None, True),
        (None, "", True),
    ],
)
def test_a_subscription_belongs_to_a_number(
    before: str | None, after: str | None, *, active: bool
) -> None:
    """Another number, in another case too, ends it and leaves it as it was (PAT-MRN-8)."""
    patient = attrs.evolve(FULL, mrn=before)

    changed = with_details(patient, CLINIC, attrs.evolve(NEXT, mrn=after), LATER)

    assert changed.ehr_subscriptions == {
        "summaryAndReports": attrs.evolve(SUBSCRIPTION, active=active)
    }
    assert (
        with_details(
            attrs.evolve(patient, ehr_subscriptions=None), CLINIC, NEXT, LATER
        ).ehr_subscriptions
        is None
    )


def test_a_reminder_is_a_time() -> None:
    """Whoever follows the storage sends the mail (PAT-REM-1)."""
    assert with_reminder(FULL, LATER) == attrs.evolve(
        FULL, last_upload_reminder_time=LATER, updated_time=LATER
    )


def test_a_threshold_beyond_single_precision_is_refused() -> None:
    """A number that cannot be kept is no reason to crash (PAT-GLY-1)."""
    with pytest.raises(BadRequest, match="out of range"):
        Threshold("huge", 1e39, "mg/dL")
