"""Clinics as a whole: created, shown, described, closed."""

from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.errors import BlankName, ClinicNotEmpty, ClinicNotFound
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    ClinicQuery,
    EhrProcedureCodes,
    EhrSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    PhoneNumber,
    ScheduledReports,
    Tag,
)
from clinic_domain.clinics.rules import (
    can_migrate,
    refuse_unless_empty,
    unmigrated_clinic,
    with_details,
)
from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import Patient, Permission
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_patient,
    a_share_code,
    a_site,
    a_tag,
    at,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import PatientProfile, Profile, User, UserNotFound, UsersUnavailable
from clinic_domain.values import ClinicId, Page, RecordId, TagId, UserId
from support.world import SERVER, World, user

ALICE = UserId("alice")
DEMO = UserId("demo")
NOWHERE = ClinicId("f" * 24)
A_MOMENT = timedelta(milliseconds=1)
LATER = A_MORNING + timedelta(minutes=1)
SAINT_VITUS = ClinicDetails(name="Saint Vitus", preferred_bg_units="mmol/L")
EVERYTHING_SAID = ClinicDetails(
    name="Saint Vitus",
    preferred_bg_units="mg/dL",
    address="1 Main Street",
    city="Springfield",
    state="OR",
    postal_code="97403",
    country="US",
    website="",
    clinic_type="other",
    clinic_size="0-249",
    phone_numbers=(PhoneNumber("555-0100", "Office"),),
    timezone="America/Los_Angeles",
)
details = st.builds(
    ClinicDetails,
    name=st.sampled_from(["A", "B"]),
    phone_numbers=st.none() | st.lists(st.builds(PhoneNumber, st.text())).map(tuple),
    **{
        field.name: st.none() | st.text(max_size=3)
        for field in attrs.fields(ClinicDetails)
        if field.name not in {"name", "phone_numbers"}
    },
)


# Creation


async def test_a_new_clinic_has_its_creator_and_the_defaults(world: World) -> None:
    """Nothing else is set, and what is said of it is kept as it is (CREATE-2)."""
    world.users.add(ALICE, "alice@example.com")

    view = await world.app.clinics.create(EVERYTHING_SAID, user(ALICE))

    (clinic,) = await world.clinics()
    assert view.clinic == clinic
    assert clinic == Clinic(
        id=clinic.id,
        share_code=clinic.share_code,
        share_codes=(clinic.share_code,),
        created_time=A_MORNING,
        updated_time=A_MORNING,
        details=EVERYTHING_SAID,
        admins=(ALICE,),
        is_migrated=True,
        patient_count=PatientCount(total=0, demo=0, plan=0),
        patient_count_settings=PatientCountSettings(PatientCountLimit(250)),
    )


async def test_the_creator_is_the_first_admin(world: World) -> None:
    """He has his first address, in lower case, and the name of his profile (CLINICIAN-3)."""
    alice = User(ALICE, "login", ("Alice@Example.COM", "second@example.com"))
    world.users.accounts[ALICE] = alice
    world.profiles.profiles[ALICE] = Profile("Alice Example", PatientProfile("Somebody Else"))

    clinic = (await world.app.clinics.create(SAINT_VITUS, user(ALICE))).clinic

    (admin,) = await world.clinicians(clinic)
    assert admin == Clinician(
        id=admin.id,
        clinic_id=clinic.id,
        created_time=A_MORNING,
        updated_time=A_MORNING,
        user_id=ALICE,
        email="alice@example.com",
        name="Alice Example",
        roles=(Role.CLINIC_ADMIN,),
    )


async def test_a_creator_needs_neither_address_nor_profile(world: World) -> None:
    """What an account does not say is left out."""
    world.users.add(ALICE)

    clinic = (await world.app.clinics.create(SAINT_VITUS, user(ALICE))).clinic

    (admin,) = await world.clinicians(clinic)
    assert (admin.email, admin.name) == (None, None)


async def test_only_who_has_an_account_opens_a_clinic(world: World) -> None:
    """A caller whom nobody knows is not found, and nothing is stored (CREATE-1)."""
    with pytest.raises(UserNotFound) as refusal:
        await world.app.clinics.create(SAINT_VITUS, user("nobody"))

    assert str(refusal.value) == "not found"
    assert await world.clinics() == ()


@pytest.mark.parametrize("silent", ["users", "profiles"])
async def test_nothing_is_stored_while_users_cannot_be_asked(world: World, silent: str) -> None:
    world.users.add(ALICE)
    getattr(world, silent).is_available = False

    with pytest.raises(UsersUnavailable):
        await world.app.clinics.create(SAINT_VITUS, user(ALICE))
    assert await world.clinics() == ()


@pytest.mark.parametrize("name", [None, "", " ", "\t\n"])
async def test_a_clinic_has_a_name(world: World, name: str | None) -> None:
    """A name that nobody can read is refused, also in a change."""
    world.users.add(ALICE)
    clinic = a_clinic()
    await world.has(clinic)

    with pytest.raises(BlankName):
        await world.app.clinics.create(ClinicDetails(name=name), user(ALICE))
    with pytest.raises(BlankName):
        await world.app.clinics.update(clinic.id, ClinicDetails(name=name))
    assert await world.clinics() == (clinic,)


async def test_the_demo_patient_joins_every_new_clinic() -> None:
    """His record comes from account and profile, and nobody mails him (CREATE-3, PAT-DEMO-1)."""
    world = World(demo_patient=DEMO)
    world.users.add(ALICE, "alice@example.com")
    world.users.add(DEMO, "Demo@Example.COM")
    world.profiles.profiles[DEMO] = Profile(
        "Owner", PatientProfile("Demo Patient", "1970-01-01", "demo-1", ("pump",))
    )

    view = await world.app.clinics.create(SAINT_VITUS, user(ALICE))

    (patient,) = await world.patients(view.clinic)
    assert patient == Patient(
        id=patient.id,
        clinic_id=view.clinic.id,
        user_id=DEMO,
        created_time=A_MORNING,
        updated_time=A_MORNING,
        full_name="Demo Patient",
        birth_date="1970-01-01",
        email="demo@example.com",
        mrn="demo-1",
        target_devices=("pump",),
        permissions=frozenset({Permission.VIEW}),
        is_migrated=True,
        require_unique_mrn=False,
    )
    assert (await world.clinic(view.clinic)).patient_count == PatientCount(1, 1, 0)
    assert view.clinic.patient_count == PatientCount()


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        (None, None),
        (Profile(), None),
        (Profile("Owner"), "Owner"),
        (Profile("O", PatientProfile("P")), "P"),
    ],
)
async def test_a_demo_patient_may_say_little_of_himself(
    profile: Profile | None, name: str | None
) -> None:
    """Without a birthday the record has an empty one, without an address none (CREATE-3)."""
    world = World(demo_patient=DEMO)
    for user_id in (ALICE, DEMO):
        world.users.add(user_id)
    if profile:
        world.profiles.profiles[DEMO] = profile

    clinic = (await world.app.clinics.create(SAINT_VITUS, user(ALICE))).clinic

    (patient,) = await world.patients(clinic)
    assert (patient.full_name, patient.birth_date) == (name, "")
    assert (patient.email, patient.mrn, patient.target_devices) == (None, None, None)


async def test_without_a_demo_patient_a_new_clinic_is_empty(world: World) -> None:
    """Nobody joins, and the count says so (CREATE-4)."""
    world.users.add(ALICE)

    clinic = (await world.app.clinics.create(SAINT_VITUS, user(ALICE))).clinic

    assert await world.patients(clinic) == ()
    assert (await world.clinic(clinic)).patient_count == PatientCount()
    assert world.journal.warnings == []


async def test_a_demo_patient_without_an_account_is_left_out() -> None:
    """The operators are told, and the clinic is opened (PAT-DEMO-1)."""
    world = World(demo_patient=DEMO)
    world.users.add(ALICE)

    clinic = (await world.app.clinics.create(SAINT_VITUS, user(ALICE))).clinic

    assert await world.patients(clinic) == ()
    assert [ids for _, ids in world.journal.warnings] == [{"user": DEMO}]


def test_the_clinic_of_a_legacy_account_says_nothing_yet() -> None:
    """It has an admin and the default plan, and awaits its migration (CREATE-5)."""
    code = a_share_code()

    clinic = unmigrated_clinic(NOWHERE, code, ALICE, A_MORNING)

    assert clinic == Clinic(
        id=NOWHERE,
        share_code=code,
        created_time=A_MORNING,
        updated_time=A_MORNING,
        details=ClinicDetails(),
        admins=(ALICE,),
        is_migrated=False,
        patient_count=PatientCount(),
        patient_count_settings=PatientCountSettings(PatientCountLimit(250)),
    )


# What is shown


async def test_tags_and_sites_are_shown_with_their_patients(world: World) -> None:
    """Counted when asked, over all patients, and nothing where there is nobody (CLINIC-1)."""
    tag, unused, site = a_tag("A"), a_tag("B"), a_site("North")
    clinic, other = a_clinic(tags=(tag, unused), sites=(site,)), a_clinic(tags=(tag,))
    patient = a_patient(clinic, tags=(tag.id,), sites=at(site))
    await world.has(clinic, other, patient, a_patient(clinic, tags=(tag.id, a_tag().id)))
    await world.has(a_patient(other))

    shown = await world.app.clinics.get(clinic.id)
    listed = await world.app.clinics.list(ClinicQuery())

    assert dict(shown.tag_patients) == {tag.id: 2, unused.id: 0}
    assert dict(shown.site_patients) == {site.id: 1}
    assert listed[0] == shown
    assert dict(listed[1].tag_patients) == {tag.id: 0}


async def test_defaults_are_shown_and_not_stored(world: World) -> None:
    """A clinic that never said its tier or units has none in storage (CLINIC-2)."""
    clinic = a_clinic(details=ClinicDetails(name="n"))
    await world.has(clinic)

    await world.app.clinics.update(clinic.id, ClinicDetails(name="N"))

    stored = await world.clinic(clinic)
    assert (stored.tier, stored.details.preferred_bg_units) == (None, None)


LEGACY = a_clinic(details=EVERYTHING_SAID, admins=(ALICE,), is_migrated=False)


@pytest.mark.parametrize("optional", ["clinic_size", "phone_numbers", "website", "timezone"])
def test_a_described_legacy_clinic_can_migrate(optional: str) -> None:
    """Some details are not needed (CLINIC-3)."""
    said = attrs.evolve(EVERYTHING_SAID, **{optional: None})

    assert can_migrate(attrs.evolve(LEGACY, details=said))
    assert can_migrate(attrs.evolve(LEGACY, details=said, tags=(a_tag(),)))


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize(
    "needed",
    [
        "address",
        "city",
        "clinic_type",
        "country",
        "name",
        "postal_code",
        "state",
        "preferred_bg_units",
    ],
)
def test_a_legacy_clinic_that_lacks_a_detail_cannot_migrate(needed: str, empty: str | None) -> None:
    """Units that are merely shown do not count as said (CLINIC-3)."""
    said = attrs.evolve(EVERYTHING_SAID, **{needed: empty})  # type: ignore[arg-type]

    assert not can_migrate(attrs.evolve(LEGACY, details=said))


@pytest.mark.parametrize(
    "change",
    [
        {"is_migrated": True},
        {"admins": ()},
        {"tags": (Tag(TagId(""), "A"),)},
        {"tags": (a_tag("A"), a_tag(""))},
    ],
)
def test_nothing_else_can_migrate(change: dict[str, Any]) -> None:
    """Neither who did so already, nor without admin or with a broken tag (CLINIC-3)."""
    assert not can_migrate(attrs.evolve(LEGACY, **change))


async def test_a_clinic_of_today_never_migrates(world: World) -> None:
    """Who opens a clinic here has nothing to migrate (CLINIC-3)."""
    world.users.add(ALICE)

    view = await world.app.clinics.create(EVERYTHING_SAID, user(ALICE))

    assert not can_migrate(view.clinic)


async def test_an_unknown_clinic_is_not_found(world: World) -> None:
    """Neither shown nor described nor closed (UPD-2)."""
    clinics = world.app.clinics
    for call in (
        clinics.get(NOWHERE),
        clinics.update(NOWHERE, SAINT_VITUS),
        clinics.delete(NOWHERE, SERVER),
    ):
        with pytest.raises(ClinicNotFound) as refusal:
            await call
        assert str(refusal.value) == "clinic not found"


# Lists


async def test_clinics_are_listed_by_id(world: World) -> None:
    """The order is that of ids, and pages are cut out of it (LIST-1)."""
    first, second, third = (a_clinic(id=digit * 24) for digit in "123")
    await world.has(third, first, second)

    async def ids(page: Page) -> list[str]:
        return [view.clinic.id[0] for view in await world.app.clinics.list(ClinicQuery(page=page))]

    assert await ids(Page()) == ["1", "2", "3"]
    assert await ids(Page(offset=1, limit=1)) == ["2"]
    assert await ids(Page(offset=2, limit=5)) == ["3"]
    assert await ids(Page(offset=3)) == []


def connected(*, enabled: bool) -> EhrSettings:
    return EhrSettings(
        enabled=enabled,
        provider="redox",
        source_id="source",
        mrn_id_type="MRN",
        procedure_codes=EhrProcedureCodes(),
        scheduled_reports=ScheduledReports("14d", on_upload_enabled=False),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (ClinicQuery(), "1234"),
        (ClinicQuery(created_from=A_MORNING), "1234"),
        (ClinicQuery(created_from=A_MORNING + A_MOMENT), "34"),
        (ClinicQuery(created_before=A_MORNING + A_MOMENT), "12"),
        (ClinicQuery(created_before=A_MORNING), ""),
        (ClinicQuery(ehr_enabled=True), "13"),
        (ClinicQuery(ehr_enabled=False), "2"),
        (ClinicQuery(ehr_source_id="source"), "123"),
        (ClinicQuery(ehr_source_id="other"), ""),
        (ClinicQuery(ehr_enabled=True, created_from=A_MORNING + A_MOMENT), "3"),
        (ClinicQuery(ids=(ClinicId("2" * 24), ClinicId("x"), ClinicId("1" * 24))), "12"),
        (ClinicQuery(ids=()), ""),
    ],
)
async def test_clinics_are_listed_by_what_all_conditions_ask(
    world: World, query: ClinicQuery, found: str
) -> None:
    """Times include their start and not their end; who never set anything matches no setting."""
    later = {"created_time": A_MORNING + A_MOMENT}
    await world.has(
        a_clinic(id="1" * 24, ehr_settings=connected(enabled=True)),
        a_clinic(id="2" * 24, ehr_settings=connected(enabled=False)),
        a_clinic(id="3" * 24, ehr_settings=connected(enabled=True), **later),
        a_clinic(id="4" * 24, **later),
    )

    views = await world.app.clinics.list(query)

    assert "".join(view.clinic.id[0] for view in views) == found


# Changes


def test_phone_numbers_and_time_zone_are_cleared_when_left_out() -> None:
    """Everything else that is left out stays (UPD-1)."""
    clinic = a_clinic(details=EVERYTHING_SAID)

    changed = with_details(clinic, SAINT_VITUS, LATER)

    assert changed == attrs.evolve(
        clinic,
        details=attrs.evolve(
            EVERYTHING_SAID, preferred_bg_units="mmol/L", phone_numbers=None, timezone=None
        ),
        updated_time=LATER,
    )


@given(details, details)
def test_what_is_said_anew_replaces_what_was_said(
    before: ClinicDetails, said: ClinicDetails
) -> None:
    """Given values are kept, two fields are replaced in any case, the rest stays (UPD-1)."""
    changed = with_details(a_clinic(details=before), said, LATER).details

    for name in attrs.asdict(said):
        old, new, result = (getattr(source, name) for source in (before, said, changed))
        replaced = new is not None or name in {"phone_numbers", "timezone"}
        assert result == (new if replaced else old)


async def test_a_change_of_details_changes_nothing_else(world: World) -> None:
    """Tags, sites, settings, admins and counts have operations of their own (UPD-1)."""
    clinic = a_clinic(
        admins=("a",),
        tier="tier0200",
        tags=(a_tag(),),
        sites=(a_site(),),
        ehr_settings=connected(enabled=True),
        patient_count=PatientCount(7, 0, 7),
    )
    await world.has(clinic)
    now = world.clock.advance()

    view = await world.app.clinics.update(clinic.id, EVERYTHING_SAID)

    assert view.clinic == attrs.evolve(clinic, details=EVERYTHING_SAID, updated_time=now)
    assert await world.clinic(clinic) == view.clinic


# Deletion


@pytest.mark.parametrize(
    ("patients", "demo", "empty"),
    [
        ([], None, True),
        ([], "demo", True),
        (["demo"], "demo", True),
        (["demo"], None, False),
        (["x"], "demo", False),
        (["x", "demo"], "demo", False),
        (["demo", "x"], "demo", False),
    ],
)
def test_a_clinic_is_empty_with_nobody_but_the_demo_patient(
    patients: list[UserId], demo: UserId | None, *, empty: bool
) -> None:
    """Without a demo patient there is nobody who may be there (DEL-1, DEL-4, PAT-BULK-5)."""
    if empty:
        refuse_unless_empty(NOWHERE, patients, demo)
    else:
        with pytest.raises(ClinicNotEmpty) as refusal:
            refuse_unless_empty(NOWHERE, patients, demo)
        assert str(refusal.value) == ("bad request: deletion of non-empty clinics is not allowed")


async def test_a_clinic_goes_with_all_its_records() -> None:
    """The demo patient, members and invites are kept among the deletions (DEL-1, CLINICIAN-10)."""
    world = World(demo_patient=DEMO)
    clinic = a_clinic(admins=(ALICE,), tags=(a_tag(),))
    admin = a_clinician(clinic, user_id=ALICE, roles=("CLINIC_ADMIN",))
    invite = a_clinician(clinic, user_id=None, invite_id="key")
    patient = a_patient(clinic, user_id=DEMO)
    elsewhere = a_clinic()
    stays = a_clinician(elsewhere, user_id=ALICE)
    await world.has(clinic, admin, invite, patient, elsewhere, stays)
    deletion = Deletion(world.clock.advance(), by=ALICE)

    await world.app.clinics.delete(clinic.id, user(ALICE))

    assert await world.clinics() == (elsewhere,)
    assert await world.clinicians(clinic) == ()
    assert await world.patients(clinic) == ()
    assert await world.clinicians(elsewhere) == (stays,)
    (gone,) = await world.removed_clinics(clinic)
    assert (gone.removed, gone.deletion) == (clinic, deletion)
    members = await world.removed_clinicians(clinic)
    assert {record.removed for record in members} == {admin, invite}
    assert {record.deletion for record in members} == {deletion}
    (demo,) = await world.removed_patients(clinic)
    assert (demo.removed.user_id, demo.deletion) == (DEMO, deletion)


async def test_the_only_admin_may_close_his_clinic(world: World) -> None:
    """A clinic that is gone needs no admin (DEL-2)."""
    clinic = a_clinic(admins=(ALICE,))
    await world.has(clinic, a_clinician(clinic, user_id=ALICE, roles=("CLINIC_ADMIN",)))

    await world.app.clinics.delete(clinic.id, user(ALICE))

    assert await world.clinics() == ()


async def test_what_a_service_closes_names_nobody(world: World) -> None:
    """Only users are noted as those who deleted something (DEL-3, PAT-DEL-3)."""
    world = World(demo_patient=DEMO)
    clinic = a_clinic()
    await world.has(clinic, a_clinician(clinic), a_patient(clinic, user_id=DEMO))

    await world.app.clinics.delete(clinic.id, SERVER)

    records = [
        *await world.removed_clinics(clinic),
        *await world.removed_clinicians(clinic),
        *await world.removed_patients(clinic),
    ]
    assert [record.deletion for record in records] == 3 * [Deletion(A_MORNING, by=None)]
    with pytest.raises(ClinicNotFound):
        await world.app.clinics.delete(clinic.id, SERVER)


async def test_a_clinic_with_patients_stays(world: World) -> None:
    """The refusal leaves everything as it was (DEL-1)."""
    clinic = a_clinic(admins=(ALICE,))
    member, patient = a_clinician(clinic, user_id=ALICE), a_patient(clinic)
    await world.has(clinic, member, patient)

    with pytest.raises(ClinicNotEmpty):
        await world.app.clinics.delete(clinic.id, user(ALICE))

    assert await world.clinics() == (clinic,)
    assert await world.clinicians(clinic) == (member,)
    assert await world.patients(clinic) == (patient,)
    assert await world.removed_clinicians(clinic) == ()


async def test_records_elsewhere_have_nothing_to_do_with_it(world: World) -> None:
    """Patients of other clinics neither keep a clinic open nor go with it (DEL-5)."""
    clinic, elsewhere = a_clinic(), a_clinic()
    patient = a_patient(elsewhere, id=RecordId("9" * 24))
    await world.has(clinic, elsewhere, patient)

    await world.app.clinics.delete(clinic.id, SERVER)

    assert await world.clinics() == (elsewhere,)
    assert await world.patients(elsewhere) == (patient,)
