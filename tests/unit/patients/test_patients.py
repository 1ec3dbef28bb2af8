"""Patients of a clinic: the use cases."""

import asyncio
from typing import Final

import attrs
import pytest

from clinic_domain.clinics.errors import ClinicNotFound, PatientCountExceeded, UnknownSite
from clinic_domain.clinics.model import (
    Clinic,
    MrnSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
)
from clinic_domain.deletions import Deletion
from clinic_domain.errors import DomainError
from clinic_domain.patients.errors import (
    DuplicatePatient,
    MrnNotUnique,
    MrnRequired,
    PatientNotFound,
)
from clinic_domain.patients.model import (
    ALL_PERMISSIONS,
    EhrSubscription,
    JoiningDetails,
    Patient,
    PatientDetails,
    Permission,
)
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, at
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import (
    CustodialEmailTaken,
    EmailTaken,
    PatientProfile,
    Profile,
    User,
    UserNotFound,
    UsersUnavailable,
)
from clinic_domain.values import ClinicId, Page, SiteId, UserId
from support.world import SERVER, HesitantStorage, World, user

ANN, NOBODY = UserId("ann"), UserId("nobody")
NOWHERE: Final = ClinicId("f" * 24)
STRAY: Final = SiteId("f" * 24)
ALICE: Final = PatientDetails("Alice Example", "1984-02-29", "Alice@Example.com", "A-17")
STRICT: Final = MrnSettings(required=True, unique=True)
NO_ROOM: Final = PatientCountSettings(PatientCountLimit(0))


def without_address(details: PatientDetails = ALICE) -> PatientDetails:
    return attrs.evolve(details, email=None)


# Custodial patients


async def test_a_custodial_patient_gets_an_account(world: World) -> None:
    """With the address in lower case, which the record has too (PAT-CRE-5, PAT-CUST-1)."""
    clinic = a_clinic()
    await world.has(clinic)

    patient = await world.app.patients.create_custodial(clinic.id, ALICE, user(ANN))

    account = world.users.accounts[patient.user_id]
    assert (account.username, account.emails) == ("alice@example.com", ("alice@example.com",))
    assert patient.email == "alice@example.com"
    assert patient.permissions == ALL_PERMISSIONS
    assert patient.invited_by == ANN
    assert await world.patients(clinic) == (patient,)
    assert patient.created_time == patient.updated_time == A_MORNING


async def test_a_service_invites_nobody(world: World) -> None:
    """Who created an account is noted for users alone (PAT-CRE-2)."""
    clinic = a_clinic()
    await world.has(clinic)

    patient = await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)

    assert patient.invited_by is None


@pytest.mark.parametrize("email", [None, ""])
async def test_an_account_needs_no_address(world: World, email: str | None) -> None:
    """The record keeps what was said, the account has none (PAT-MAIL-2, PAT-CUST-1)."""
    clinic = a_clinic()
    await world.has(clinic)
    patients = [
        await world.app.patients.create_custodial(
            clinic.id, attrs.evolve(ALICE, email=email), SERVER
        )
        for _ in range(2)
    ]

    assert [patient.email for patient in patients] == [email, email]
    assert [account.emails for account in world.users.accounts.values()] == [(), ()]


async def test_a_taken_address_makes_no_patient(world: World) -> None:
    """Whose account it is does not matter: it is never attached (PAT-CUST-2, PAT-MAIL-4)."""
    clinic = a_clinic()
    await world.has(clinic)
    world.users.add("somebody", "alice@example.com")

    with pytest.raises(EmailTaken) as refusal:
        await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)

    assert str(refusal.value) == "duplicate: email address is already taken"
    assert await world.patients(clinic) == ()
    assert await world.clinic(clinic) == clinic


@pytest.mark.parametrize(
    ("settings", "details", "error"),
    [
        ({}, attrs.evolve(ALICE, mrn=None, site_ids=(STRAY,)), MrnRequired),
        (
            {"mrn_settings": STRICT},
            attrs.evolve(ALICE, mrn="Á-17", site_ids=(STRAY,)),
            MrnNotUnique,
        ),
        ({"mrn_settings": None}, attrs.evolve(ALICE, site_ids=(STRAY,)), PatientCountExceeded),
        (
            {"patient_count_settings": None},
            attrs.evolve(ALICE, mrn="new", site_ids=(STRAY,)),
            UnknownSite,
        ),
    ],
)
async def test_what_is_refused_opens_no_account(
    world: World,
    settings: dict[str, object],
    details: PatientDetails,
    error: type[DomainError],
) -> None:
    """Number, plan and sites, in this order (PAT-CRE-3, PAT-CRE-4, PAT-CRE-6, PAT-SITE-5)."""
    clinic = a_clinic(**({"mrn_settings": STRICT, "patient_count_settings": NO_ROOM} | settings))
    other = a_patient(clinic, mrn="a-17")
    await world.has(clinic, other)

    with pytest.raises(error):
        await world.app.patients.create_custodial(clinic.id, details, SERVER)

    assert world.users.accounts == {}
    assert await world.patients(clinic) == (other,)
    assert await world.clinic(clinic) == clinic


async def test_a_custodial_patient_needs_a_clinic(world: World) -> None:
    """The clinic is looked for first (PAT-MRN-1, PAT-CRE-3)."""
    with pytest.raises(ClinicNotFound):
        await world.app.patients.create_custodial(NOWHERE, ALICE, SERVER)
    assert world.users.accounts == {}


async def test_nobody_is_a_patient_twice(world: World) -> None:
    """Even the account that was just opened may be there already (PAT-CRE-7, PAT-DOC-1)."""
    clinic = a_clinic()
    patient = a_patient(clinic, user_id="custodial-1")
    await world.has(clinic, patient)

    with pytest.raises(DuplicatePatient) as refusal:
        await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)

    assert str(refusal.value) == "duplicate: patient is already a member of the clinic"
    assert await world.patients(clinic) == (patient,)


async def test_nothing_is_stored_while_accounts_cannot_be_opened(world: World) -> None:
    clinic = a_clinic()
    held = a_patient(clinic, permissions=ALL_PERMISSIONS)
    await world.has(clinic, held)
    world.users.is_available = False

    with pytest.raises(UsersUnavailable):
        await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)
    with pytest.raises(UsersUnavailable):
        await world.app.patients.update(clinic.id, held.user_id, ALICE)
    assert await world.patients(clinic) == (held,)


async def test_of_two_at_once_one_keeps_a_unique_number() -> None:
    """The check and the record are one step, also where transactions overlap (PAT-MRN-7)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic(mrn_settings=STRICT)
    await world.has(clinic)

    outcomes = await asyncio.gather(
        *(
            world.app.patients.create_custodial(
                clinic.id, attrs.evolve(ALICE, email=None, mrn=mrn), SERVER
            )
            for mrn in ("A-17", "á-17")
        ),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], MrnNotUnique)
    assert await world.patients(clinic) == (outcomes[0],)


# Existing users


async def test_a_user_joins(world: World) -> None:
    """Account and profile say who he is; no account is opened (PAT-USR-5, PAT-USR-7)."""
    clinic = a_clinic()
    await world.has(clinic)
    world.users.add("u", "User@Example.com")
    world.profiles.profiles[UserId("u")] = Profile("Parent", PatientProfile("Kid", "2001-02-03"))
    accounts = dict(world.users.accounts)
    view = JoiningDetails(permissions=frozenset({Permission.VIEW}))

    patient = await world.app.patients.add_existing(clinic.id, UserId("u"), view)

    assert await world.patients(clinic) == (patient,)
    assert (patient.full_name, patient.email) == ("Kid", "user@example.com")
    assert patient.permissions == view.permissions
    assert patient.invited_by is None
    assert world.users.accounts == accounts
    assert (await world.clinic(clinic)).patient_count == PatientCount(total=1, plan=1)


async def test_a_user_who_cannot_be_looked_up_does_not_join(world: World) -> None:
    """The clinic is looked for first, then the user (PAT-USR-1, PAT-USR-2)."""
    clinic = a_clinic()
    await world.has(clinic)
    world.users.add("u")
    join = world.app.patients.add_existing

    with pytest.raises(ClinicNotFound):
        await join(NOWHERE, NOBODY, JoiningDetails())
    with pytest.raises(UserNotFound) as unknown:
        await join(clinic.id, NOBODY, JoiningDetails())
    world.profiles.is_available = False
    with pytest.raises(UsersUnavailable):
        await join(clinic.id, UserId("u"), JoiningDetails())

    assert str(unknown.value) == "not found"
    assert await world.patients(clinic) == ()


@pytest.mark.parametrize("mrn", [None, ""])
async def test_an_empty_number_of_a_profile_is_none(world: World, mrn: str | None) -> None:
    """Two who have none do not clash, and a clinic that wants one is not content (PAT-MRN-6)."""
    unique = a_clinic(mrn_settings=MrnSettings(required=False, unique=True))
    required = a_clinic(mrn_settings=MrnSettings(required=True, unique=False))
    await world.has(unique, required)
    for name in ("u", "v"):
        world.users.add(name)
        world.profiles.profiles[UserId(name)] = Profile("N", PatientProfile(mrn=mrn))
        patient = await world.app.patients.add_existing(unique.id, UserId(name), JoiningDetails())
        assert patient.mrn is None

    with pytest.raises(MrnRequired):
        await world.app.patients.add_existing(required.id, UserId("u"), JoiningDetails())


@pytest.mark.parametrize(
    ("mrn", "permissions", "error"),
    [
        (None, ALL_PERMISSIONS, MrnRequired),
        ("taken", ALL_PERMISSIONS, MrnNotUnique),
        ("free", ALL_PERMISSIONS, PatientCountExceeded),
        ("free", frozenset({Permission.VIEW}), DuplicatePatient),
    ],
)
async def test_joining_is_refused_for_the_first_reason(
    world: World,
    mrn: str | None,
    permissions: frozenset[Permission],
    error: type[DomainError],
) -> None:
    """Number, plan, and only then the record that is there already (PAT-USR-5, PAT-USR-6)."""
    clinic = a_clinic(mrn_settings=STRICT, patient_count_settings=NO_ROOM)
    stored = (a_patient(clinic, user_id="u"), a_patient(clinic, mrn="TAKEN"))
    await world.has(clinic, *stored)
    world.users.add("u")

    with pytest.raises(error):
        await world.app.patients.add_existing(
            clinic.id, UserId("u"), JoiningDetails(permissions, mrn=mrn)
        )
    assert set(await world.patients(clinic)) == set(stored)


async def test_a_patient_of_several_legacy_clinicians_is_noted(world: World) -> None:
    """Nothing else that is said changes the record or the count (PAT-USR-6)."""
    clinic = a_clinic()
    patient = a_patient(clinic, user_id="u", legacy_clinician_ids=("old",))
    await world.has(clinic, patient)
    world.users.add("u")
    now = world.clock.advance()
    details = JoiningDetails(
        permissions=ALL_PERMISSIONS, legacy_clinician_id=UserId("new"), full_name="Other"
    )
    first, second = [
        await world.app.patients.add_existing(clinic.id, UserId("u"), details) for _ in range(2)
    ]

    noted = attrs.evolve(
        patient, legacy_clinician_ids=(UserId("old"), UserId("new")), updated_time=now
    )
    assert first == second == noted
    assert await world.patients(clinic) == (noted,)
    assert await world.clinic(clinic) == clinic


async def test_of_two_who_join_at_once_one_is_a_duplicate() -> None:
    """The second is refused like any later one (PAT-DOC-1, PAT-MRN-7)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic()
    await world.has(clinic)
    world.users.add("u")

    outcomes = await asyncio.gather(
        *(
            world.app.patients.add_existing(clinic.id, UserId("u"), JoiningDetails())
            for _ in range(2)
        ),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], DuplicatePatient)
    assert await world.patients(clinic) == (outcomes[0],)


# One patient


async def test_a_patient_is_shown_by_his_clinic(world: World) -> None:
    """Elsewhere, and elsewhere than in a clinic, he is not found (PAT-GET-1)."""
    clinic, other = a_clinic(), a_clinic()
    patient = a_patient(clinic)
    await world.has(clinic, other, patient)
    get = world.app.patients.get

    assert await get(clinic.id, patient.user_id) == patient
    for clinic_id, user_id in (
        (other.id, patient.user_id),
        (clinic.id, NOBODY),
        (NOWHERE, patient.user_id),
    ):
        with pytest.raises(PatientNotFound) as refusal:
            await get(clinic_id, user_id)
        assert str(refusal.value) == "patient not found"


@pytest.mark.parametrize("clinic_id", [NOWHERE, None])
async def test_who_is_not_there_is_neither_changed_nor_removed(
    world: World, clinic_id: ClinicId | None
) -> None:
    """Whether or not the clinic is (PAT-UPD-1, PAT-DEL-2)."""
    clinic = a_clinic(mrn_settings=STRICT)
    await world.has(clinic)
    patients = world.app.patients

    for call in (
        patients.update(clinic_id or clinic.id, NOBODY, attrs.evolve(ALICE, mrn=None)),
        patients.delete(clinic_id or clinic.id, NOBODY, user(ANN)),
    ):
        with pytest.raises(PatientNotFound) as refusal:
            await call
        assert str(refusal.value) == "patient not found"


async def test_the_worked_example_of_a_change(world: World) -> None:
    """A short body empties address, number, devices and keeps the rest (PAT-UPD-5, PAT-MRN-8)."""
    tag = a_tag().id
    subscription = EhrSubscription(True, "redox", A_MORNING, A_MORNING)
    clinic = a_clinic()
    patient = a_patient(
        clinic,
        email="a@x.y",
        mrn="1",
        target_devices=("pump",),
        tags=(tag,),
        ehr_subscriptions={"summaryAndReports": subscription},
    )
    await world.has(clinic, patient)
    now = world.clock.advance()

    changed = await world.app.patients.update(
        clinic.id, patient.user_id, PatientDetails("N", "2010-01-02")
    )

    assert changed == await world.patient(patient)
    assert changed == attrs.evolve(
        patient,
        full_name="N",
        birth_date="2010-01-02",
        email=None,
        mrn=None,
        target_devices=None,
        ehr_subscriptions={"summaryAndReports": attrs.evolve(subscription, active=False)},
        updated_time=now,
    )
    emptied = await world.app.patients.update(
        clinic.id, patient.user_id, PatientDetails("N", "2010-01-02", tags=())
    )
    assert emptied.tags == ()


async def test_numbers_are_compared_without_case_and_accents(world: World) -> None:
    """The worked example: one's own record is none of the others (PAT-MRN-3, PAT-MRN-4)."""
    clinic = a_clinic(mrn_settings=MrnSettings(required=False, unique=True))
    await world.has(clinic)

    async def create(mrn: str) -> Patient:
        details = attrs.evolve(ALICE, email=None, mrn=mrn)
        return await world.app.patients.create_custodial(clinic.id, details, SERVER)

    first = await create("ABC-é1")
    with pytest.raises(MrnNotUnique):
        await create("abc-E1")
    await create("abcE1")
    changed = await world.app.patients.update(
        clinic.id, first.user_id, attrs.evolve(ALICE, mrn="abc-E1")
    )

    assert changed.mrn == "abc-E1"
    assert changed.require_unique_mrn


async def test_records_from_before_the_setting_count(world: World) -> None:
    """Two who had one number all the time both keep the next one off (PAT-MRN-4, PAT-MRN-5)."""
    clinic = a_clinic(mrn_settings=MrnSettings(required=False, unique=True))
    first, second = (a_patient(clinic, mrn=mrn) for mrn in ("A", "a"))
    await world.has(clinic, first, second)
    update = world.app.patients.update

    for user_id in (first.user_id, second.user_id):
        with pytest.raises(MrnNotUnique):
            await update(clinic.id, user_id, attrs.evolve(ALICE, mrn="A"))
    await update(clinic.id, second.user_id, attrs.evolve(ALICE, mrn="B"))
    kept = await update(clinic.id, first.user_id, attrs.evolve(ALICE, mrn="A"))

    assert kept.mrn == "A"


async def test_a_clinic_without_settings_does_not_compare(world: World) -> None:
    """Equal numbers and none at all are fine (PAT-MRN-2, PAT-MRN-3)."""
    clinic = a_clinic()
    await world.has(clinic)
    for mrn in ("A", "A", None):
        details = attrs.evolve(ALICE, email=None, mrn=mrn)
        patient = await world.app.patients.create_custodial(clinic.id, details, SERVER)

        assert (patient.mrn, patient.require_unique_mrn) == (mrn, False)


async def test_the_account_follows_the_address_of_a_custodial_patient(world: World) -> None:
    """With every change, also to none (PAT-UPD-3, PAT-CUST-3)."""
    clinic = a_clinic()
    await world.has(clinic)
    patient = await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)
    accounts = world.users.accounts
    accounts[patient.user_id] = User(patient.user_id, "out of step", ("out@of.step",))

    async def change(email: str | None) -> tuple[str, ...]:
        await world.app.patients.update(
            clinic.id, patient.user_id, attrs.evolve(ALICE, email=email)
        )
        return accounts[patient.user_id].emails

    assert await change("ALICE@example.com") == ("alice@example.com",)
    assert await change("New@Example.com") == ("new@example.com",)
    assert await change(None) == ()


async def test_a_taken_address_changes_no_custodial_patient(world: World) -> None:
    """The refusal says what could not be done (PAT-CUST-3, PAT-UPD-9)."""
    clinic = a_clinic()
    await world.has(clinic)
    patient = await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)
    world.users.add("other", "taken@example.com")
    world.clock.advance()

    with pytest.raises(CustodialEmailTaken) as refusal:
        await world.app.patients.update(
            clinic.id, patient.user_id, attrs.evolve(ALICE, email="Taken@example.com")
        )

    assert str(refusal.value) == (
        "unable to update custodial user: duplicate: email address is already taken"
    )
    assert await world.patient(patient) == patient


@pytest.mark.parametrize(
    "refused", [attrs.evolve(ALICE, mrn=None), attrs.evolve(ALICE, site_ids=(STRAY,))]
)
async def test_a_refused_change_does_not_reach_the_account(
    world: World, refused: PatientDetails
) -> None:
    """Number and sites are looked at before (PAT-UPD-2, PAT-UPD-4, PAT-SITE-5)."""
    clinic = a_clinic(mrn_settings=STRICT)
    await world.has(clinic)
    patient = await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)
    before = dict(world.users.accounts)

    with pytest.raises((MrnRequired, UnknownSite)):
        await world.app.patients.update(
            clinic.id, patient.user_id, attrs.evolve(refused, email="new@example.com")
        )

    assert world.users.accounts == before
    assert await world.patient(patient) == patient


async def test_a_patient_who_holds_his_account_keeps_it(world: World) -> None:
    """The clinic writes into its own record alone (PAT-MAIL-5)."""
    clinic = a_clinic()
    patient = a_patient(clinic, email="own@example.com")
    await world.has(clinic, patient)
    world.users.is_available = False
    update = world.app.patients.update

    changed = await update(clinic.id, patient.user_id, ALICE)
    emptied = await update(clinic.id, patient.user_id, without_address())

    assert (changed.email, emptied.email) == ("alice@example.com", None)


async def test_sites_are_written_under_the_clinics_names(world: World) -> None:
    """Given twice they are held once, left out they stay (PAT-SITE-1, PAT-SITE-3, PAT-SITE-4)."""
    north, south = a_site("North"), a_site("South")
    clinic = a_clinic(sites=(north, south))
    await world.has(clinic)
    details = attrs.evolve(ALICE, site_ids=(south.id, north.id, south.id))

    patient = await world.app.patients.create_custodial(clinic.id, details, SERVER)
    kept = await world.app.patients.update(clinic.id, patient.user_id, ALICE)
    emptied = await world.app.patients.update(
        clinic.id, patient.user_id, attrs.evolve(ALICE, site_ids=())
    )

    assert patient.sites == kept.sites == at(south, north)
    assert emptied.sites == ()


async def test_a_removed_patient_is_kept_in_full(world: World) -> None:
    """With who removed him; account and other clinics keep him (PAT-DEL-1, PAT-DEL-5)."""
    clinic, other = a_clinic(), a_clinic()
    patient = a_patient(clinic, tags=(a_tag().id,), mrn="1")
    same_user = a_patient(other, user_id=patient.user_id)
    await world.has(clinic, other, patient, same_user)
    world.users.add(patient.user_id)
    now = world.clock.advance()

    await world.app.patients.delete(clinic.id, patient.user_id, user(ANN))

    (record,) = await world.removed_patients(clinic)
    assert (record.removed, record.deletion) == (patient, Deletion(now, by=ANN))
    assert await world.patients(clinic) == ()
    assert await world.patients(other) == (same_user,)
    assert patient.user_id in world.users.accounts


async def test_a_removed_patient_leaves_his_number(world: World) -> None:
    """Somebody else may have it, or himself again (PAT-DEL-1, PAT-MRN-3)."""
    clinic = a_clinic(mrn_settings=STRICT)
    await world.has(clinic)
    first = await world.app.patients.create_custodial(clinic.id, ALICE, SERVER)
    await world.app.patients.delete(clinic.id, first.user_id, user(ANN))

    second = await world.app.patients.create_custodial(clinic.id, without_address(), SERVER)

    assert second.mrn == first.mrn


# Tags in bulk


async def a_clinic_of_three(world: World) -> tuple[Clinic, list[Patient]]:
    clinic = a_clinic()
    patients = [a_patient(clinic, tags=tags) for tags in (None, (OLD,), (TAG, OLD))]
    await world.has(clinic, *patients)
    world.clock.advance()
    return clinic, patients


OLD, TAG = a_tag("old").id, a_tag("new").id


@pytest.mark.parametrize(
    ("targets", "tagged"), [(None, [0, 1]), ([0, 2], [0]), ([1], [1]), ([2], []), ([], [])]
)
async def test_a_tag_is_given_to_those_who_lack_it(
    world: World, targets: list[int] | None, tagged: list[int]
) -> None:
    """To some or to all of a clinic; who has it stays untouched (PAT-TAG-3, PAT-TAG-4)."""
    clinic, patients = await a_clinic_of_three(world)
    stranger = a_patient(a_clinic())
    await world.has(stranger)
    users = None if targets is None else [patients[index].user_id for index in targets]

    await world.app.patients.assign_tag(
        clinic.id, TAG, users if users is None else [*users, NOBODY, stranger.user_id]
    )

    for index, patient in enumerate(patients):
        tags = (*(patient.tags or ()), TAG)
        assert await world.patient(patient) == (
            attrs.evolve(patient, tags=tags, updated_time=world.clock.now())
            if index in tagged
            else patient
        )
    assert await world.patient(stranger) == stranger


@pytest.mark.parametrize(
    ("targets", "untagged"), [(None, [1, 2]), ([0, 1], [1]), ([2], [2]), ([], [])]
)
async def test_a_tag_is_taken_from_those_who_have_it(
    world: World, targets: list[int] | None, untagged: list[int]
) -> None:
    """The last tag leaves an empty list, never a missing one (PAT-TAG-3, PAT-TAG-5)."""
    clinic, patients = await a_clinic_of_three(world)
    users = None if targets is None else [patients[index].user_id for index in targets]

    await world.app.patients.unassign_tag(clinic.id, OLD, users)

    for index, patient in enumerate(patients):
        tags = tuple(tag for tag in patient.tags or () if tag != OLD)
        assert await world.patient(patient) == (
            attrs.evolve(patient, tags=tags, updated_time=world.clock.now())
            if index in untagged
            else patient
        )


async def test_tags_in_bulk_ask_for_nothing(world: World) -> None:
    """Unknown clinics, tags and users are no error (PAT-TAG-6)."""
    clinic, patients = await a_clinic_of_three(world)

    await world.app.patients.assign_tag(NOWHERE, TAG, None)
    await world.app.patients.unassign_tag(NOWHERE, OLD, [patients[1].user_id])
    await world.app.patients.unassign_tag(clinic.id, a_tag("unknown").id, None)

    assert [await world.patient(patient) for patient in patients] == patients


async def test_a_deleted_tag_leaves_all_patients(world: World) -> None:
    """What happens after a clinic deleted a tag: no list of users means all (PAT-TAG-2, TAG-7)."""
    tag = a_tag()
    clinic = a_clinic(tags=(tag,))
    patients = [a_patient(clinic, tags=(tag.id,)) for _ in range(2)]
    await world.has(clinic, *patients)

    await world.app.tags.delete(clinic.id, tag.id)
    await world.app.patients.unassign_tag(clinic.id, tag.id, None)

    assert [(await world.patient(patient)).tags for patient in patients] == [(), ()]


# Lists


async def test_patients_are_listed_by_name(world: World) -> None:
    """Case and accents aside, then by id; with how many match and how many there are (PAGE-2)."""
    clinic = a_clinic()
    names = ["Zoe", "ärna", "Arne", "arna", None, "Bob"]
    patients = [
        a_patient(clinic, id=f"{number:024}", full_name=name) for number, name in enumerate(names)
    ]
    await world.has(clinic, *reversed(patients), a_patient(a_clinic()))

    everybody = await world.app.patients.list(PatientQuery(clinic.id))
    some = await world.app.patients.list(PatientQuery(clinic.id, search="AR", page=Page(1, 1)))
    nobody = await world.app.patients.list(PatientQuery(NOWHERE))

    assert [patient.full_name for patient in everybody.patients] == [
        None,
        "ärna",
        "arna",
        "Arne",
        "Bob",
        "Zoe",
    ]
    assert (everybody.matching, everybody.total) == (6, 6)
    assert [patient.full_name for patient in some.patients] == ["Arne"]
    assert (some.matching, some.total) == (2, 6)
    assert (nobody.patients, nobody.matching, nobody.total) == ((), 0, 0)
