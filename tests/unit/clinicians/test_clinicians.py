"""Members, invites and service accounts: the use cases."""

import asyncio
from datetime import timedelta

import attrs
import pytest

from clinic_domain.clinicians.errors import (
    ClinicianNotFound,
    DuplicateClinician,
    EmptyInviteId,
    EmptyUserId,
)
from clinic_domain.clinicians.model import (
    AllCliniciansQuery,
    ClinicianQuery,
    NewClinician,
    Role,
    RolesUpdate,
)
from clinic_domain.clinics.errors import ClinicNotFound, ClinicNotMigrated
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import Deletion
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import CredentialsRefused, Profile, UsersUnavailable
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, Page, UserId
from support.world import SERVER, HesitantStorage, World, user

ADMIN, MEMBER, PRESCRIBER = Role.CLINIC_ADMIN, Role.CLINIC_MEMBER, Role.PRESCRIBER
BOSS, ANN, BEA = UserId("boss"), UserId("ann"), UserId("bea")
KEY = InviteId("a/key+with=signs")
NOWHERE = ClinicId("f" * 24)
A_MOMENT = timedelta(milliseconds=1)
NEWCOMER = NewClinician("New@Example.com", (MEMBER,), user_id=ANN, name="Ann")
INVITED = NewClinician("New@Example.com", (ADMIN,), invite_id=KEY)


@pytest.fixture
async def clinic(world: World) -> Clinic:
    """Return a clinic with one admin."""
    clinic = a_clinic(admins=(BOSS,))
    await world.has(clinic, a_clinician(clinic, user_id=BOSS, roles=(ADMIN,)))
    return clinic


# Creation


async def test_a_member_and_an_invite_are_found_by_their_own_names(
    world: World, clinic: Clinic
) -> None:
    """A member by user, an invite by key, and neither by the other's (CLINICIAN-1)."""
    clinicians = world.app.clinicians
    member = await clinicians.create(clinic.id, NEWCOMER)
    invite = await clinicians.create(clinic.id, attrs.evolve(INVITED, email="other@example.com"))

    assert await clinicians.get(clinic.id, ANN) == member
    assert await clinicians.get_invited(clinic.id, KEY) == invite
    for wrong in (
        clinicians.get(clinic.id, UserId(KEY)),
        clinicians.get_invited(clinic.id, InviteId(ANN)),
        clinicians.get(NOWHERE, ANN),
        clinicians.update(clinic.id, UserId(KEY), None, (MEMBER,), SERVER),
        clinicians.delete(clinic.id, UserId(KEY), SERVER),
        clinicians.delete_invited(clinic.id, InviteId(ANN)),
        clinicians.associate(clinic.id, InviteId(ANN), BEA),
    ):
        with pytest.raises(ClinicianNotFound) as refusal:
            await wrong
        assert str(refusal.value) == "clinician not found"


@pytest.mark.parametrize(
    "existing",
    [
        {"user_id": ANN},
        {"email": "new@example.com"},
        {"user_id": None, "invite_id": "x", "email": "new@example.com"},
    ],
)
async def test_user_and_address_are_unique_in_a_clinic(
    world: World, clinic: Clinic, existing: dict[str, str]
) -> None:
    """In whatever record the other has them, and whatever case was typed (CLINICIAN-2)."""
    await world.has(a_clinician(clinic, **existing))

    with pytest.raises(DuplicateClinician) as refusal:
        await world.app.clinicians.create(clinic.id, NEWCOMER)

    assert str(refusal.value) == "duplicate: clinician is already a member of the clinic"
    assert len(await world.clinicians(clinic)) == 2


async def test_a_key_is_unique_in_a_clinic(world: World, clinic: Clinic) -> None:
    """One key is one invite (CLINICIAN-2)."""
    await world.app.clinicians.create(clinic.id, INVITED)

    with pytest.raises(DuplicateClinician):
        await world.app.clinicians.create(clinic.id, attrs.evolve(INVITED, email="x@y.z"))


async def test_clinics_do_not_care_for_each_other(world: World, clinic: Clinic) -> None:
    """The same user, key and address may be in another clinic (CLINICIAN-2)."""
    elsewhere = a_clinic(admins=(BOSS,))
    await world.has(elsewhere)
    for new in (NEWCOMER, attrs.evolve(INVITED, email="second@example.com")):
        await world.app.clinicians.create(clinic.id, new)
        await world.app.clinicians.create(elsewhere.id, new)

    assert len(await world.clinicians(elsewhere)) == 2


async def test_records_without_address_are_not_the_same(world: World, clinic: Clinic) -> None:
    """Nothing is not equal to nothing (CLINICIAN-2)."""
    for client, user_id in (("one", ANN), ("two", BEA)):
        world.service_accounts.accounts[client, "secret"] = user_id
        await world.app.clinicians.add_service_account(clinic.id, client, client, "secret")

    assert {one.user_id for one in await world.clinicians(clinic)} == {BOSS, ANN, BEA}


async def test_an_invite_without_key_is_refused(world: World, clinic: Clinic) -> None:
    with pytest.raises(EmptyInviteId):
        await world.app.clinicians.create(
            clinic.id, NewClinician("a@b.c", (MEMBER,), invite_id=InviteId(""))
        )
    assert len(await world.clinicians(clinic)) == 1


async def test_of_two_at_once_one_is_a_duplicate() -> None:
    """The second of two overlapping creations is refused like any later one (CLINICIAN-2)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic(admins=(BOSS,))
    await world.has(clinic)

    outcomes = await asyncio.gather(
        world.app.clinicians.create(clinic.id, NEWCOMER),
        world.app.clinicians.create(clinic.id, attrs.evolve(NEWCOMER, email="x@y.z")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], DuplicateClinician)
    assert await world.clinicians(clinic) == (outcomes[0],)


# Changes and removals


async def test_name_and_roles_are_replaced_and_noted(world: World, clinic: Clinic) -> None:
    """Who changed the roles is part of the history, a service by its name (CLINICIAN-8)."""
    member = a_clinician(clinic, user_id=ANN, name="Ann", roles=(MEMBER,))
    await world.has(member)
    update = world.app.clinicians.update
    now = world.clock.advance()

    first = await update(clinic.id, ANN, "Ann Lee", (PRESCRIBER, MEMBER), user(BOSS))
    second = await update(clinic.id, ANN, None, (ADMIN,), SERVER)

    noted = (
        RolesUpdate((PRESCRIBER, MEMBER), BOSS),
        RolesUpdate((ADMIN,), SERVER.subject),
    )
    assert first.name == "Ann Lee"
    assert second == attrs.evolve(
        member, name=None, roles=(ADMIN,), roles_updates=noted, updated_time=now
    )
    assert await world.app.clinicians.get(clinic.id, ANN) == second


async def test_what_is_deleted_names_the_user_who_did_it(world: World, clinic: Clinic) -> None:
    """A service is not named (CLINICIAN-10)."""
    ann, bea = a_clinician(clinic, user_id=ANN), a_clinician(clinic, user_id=BEA)
    patient = a_patient(clinic)
    await world.has(ann, bea, patient)

    await world.app.clinicians.delete(clinic.id, ANN, user(BOSS))
    await world.app.clinicians.delete(clinic.id, BEA, SERVER)

    records = await world.removed_clinicians(clinic)
    assert [(record.removed, record.deletion) for record in records] == [
        (ann, Deletion(A_MORNING, by=BOSS)),
        (bea, Deletion(A_MORNING, by=None)),
    ]
    assert await world.patient(patient) == patient


async def test_a_withdrawn_invite_leaves_no_trace(world: World, clinic: Clinic) -> None:
    """Neither a deletion record nor a newer clinic (CLINICIAN-10)."""
    await world.has(a_clinician(clinic, user_id=None, invite_id=KEY))
    world.clock.advance()

    await world.app.clinicians.delete_invited(clinic.id, KEY)

    assert len(await world.clinicians(clinic)) == 1
    assert await world.removed_clinicians(clinic) == ()
    assert await world.clinic(clinic) == clinic


@pytest.mark.parametrize("is_known", [True, False])
async def test_members_of_a_clinic_that_awaits_its_migration_stay(
    world: World, *, is_known: bool
) -> None:
    """Every change is refused, whoever it is about, and one of an unknown clinic as such."""
    clinic = a_clinic(is_migrated=False, admins=(BOSS,))
    members = (
        a_clinician(clinic, user_id=BOSS, roles=(ADMIN,)),
        a_clinician(clinic, user_id=None, invite_id=KEY),
    )
    await world.has(clinic, *members)
    world.service_accounts.accounts["id", "secret"] = BEA
    clinic_id = clinic.id if is_known else NOWHERE
    error, message = (
        (ClinicNotMigrated, "constraint violation: clinic is not migrated")
        if is_known
        else (ClinicNotFound, "clinic not found")
    )

    clinicians = world.app.clinicians
    for change in (
        clinicians.create(clinic_id, NEWCOMER),
        clinicians.create(clinic_id, INVITED),
        clinicians.update(clinic_id, BOSS, None, (ADMIN,), SERVER),
        clinicians.update(clinic_id, ANN, None, (ADMIN,), SERVER),
        clinicians.delete(clinic_id, BOSS, SERVER),
        clinicians.delete_invited(clinic_id, KEY),
        clinicians.associate(clinic_id, KEY, ANN),
        clinicians.add_service_account(clinic_id, "Program", "id", "secret"),
        clinicians.add_service_account(clinic_id, "Program", "id", "wrong"),
    ):
        with pytest.raises(error) as refusal:
            await change
        assert str(refusal.value) == message
    assert set(await world.clinicians(clinic)) == set(members)


# Invites


async def test_who_accepts_becomes_a_member(world: World, clinic: Clinic) -> None:
    """Under the invited address and roles, with the name of the profile (CLINICIAN-1)."""
    invite = await world.app.clinicians.create(clinic.id, INVITED)
    world.profiles.profiles[ANN] = Profile("Ann Lee")
    now = world.clock.advance()

    member = await world.app.clinicians.associate(clinic.id, KEY, ANN)

    assert member == attrs.evolve(
        invite, user_id=ANN, invite_id=None, name="Ann Lee", updated_time=now
    )
    assert member.roles_updates == ()
    assert await world.app.clinicians.get(clinic.id, ANN) == member
    with pytest.raises(ClinicianNotFound):
        await world.app.clinicians.get_invited(clinic.id, KEY)


async def test_a_member_accepts_no_second_record(world: World, clinic: Clinic) -> None:
    """The invite stays as it is (CLINICIAN-2)."""
    invite = await world.app.clinicians.create(clinic.id, INVITED)

    with pytest.raises(DuplicateClinician) as refusal:
        await world.app.clinicians.associate(clinic.id, KEY, BOSS)

    assert str(refusal.value) == "duplicate: clinician is already a member of the clinic"
    assert await world.app.clinicians.get_invited(clinic.id, KEY) == invite


async def test_a_record_of_another_user_is_not_accepted(world: World, clinic: Clinic) -> None:
    """Neither the record nor the admins change."""
    taken = a_clinician(clinic, user_id=ANN, invite_id=KEY, roles=(ADMIN,))
    await world.has(taken)

    with pytest.raises(DuplicateClinician):
        await world.app.clinicians.associate(clinic.id, KEY, BEA)

    assert await world.app.clinicians.get(clinic.id, ANN) == taken
    assert await world.clinic(clinic) == clinic


async def test_nobody_cannot_accept(world: World, clinic: Clinic) -> None:
    invite = await world.app.clinicians.create(clinic.id, INVITED)

    with pytest.raises(EmptyUserId):
        await world.app.clinicians.associate(clinic.id, KEY, UserId(""))
    assert await world.app.clinicians.get_invited(clinic.id, KEY) == invite


async def test_an_invite_stays_while_profiles_cannot_be_asked(world: World, clinic: Clinic) -> None:
    invite = await world.app.clinicians.create(clinic.id, INVITED)
    world.profiles.is_available = False

    with pytest.raises(UsersUnavailable):
        await world.app.clinicians.associate(clinic.id, KEY, ANN)
    assert await world.app.clinicians.get_invited(clinic.id, KEY) == invite


# Service accounts


async def test_the_user_behind_credentials_becomes_a_member(world: World, clinic: Clinic) -> None:
    world.service_accounts.accounts["id", "secret"] = BEA
    now = world.clock.advance()

    account = await world.app.clinicians.add_service_account(clinic.id, "Program", "id", "secret")

    stored = await world.app.clinicians.get(clinic.id, BEA)
    assert account == stored
    assert (stored.name, stored.email, stored.roles) == ("Program", None, (MEMBER,))
    assert (stored.is_service_account, stored.created_time) == (True, now)
    with pytest.raises(DuplicateClinician):
        await world.app.clinicians.add_service_account(clinic.id, "Again", "id", "secret")


async def test_wrong_credentials_add_nobody(world: World, clinic: Clinic) -> None:
    world.service_accounts.accounts["id", "secret"] = BEA
    add = world.app.clinicians.add_service_account

    with pytest.raises(CredentialsRefused) as refusal:
        await add(clinic.id, "Program", "id", "wrong")
    world.service_accounts.is_available = False
    with pytest.raises(UsersUnavailable):
        await add(clinic.id, "Program", "id", "secret")

    assert str(refusal.value) == (
        "bad request: the credentials of the service account were refused"
    )
    assert len(await world.clinicians(clinic)) == 1


# Lists


async def test_clinicians_are_listed_newest_first(world: World) -> None:
    """Invites and programs are among them, filters must all hold, and pages are cut (PAGE-1)."""
    clinic = a_clinic()
    ann = a_clinician(clinic, name="Ann", email="ann@example.com", roles=(ADMIN, PRESCRIBER))
    invite = a_clinician(
        clinic,
        user_id=None,
        invite_id=KEY,
        email="i@example.com",
        roles=(ADMIN,),
        created_time=A_MORNING + A_MOMENT,
    )
    program = a_clinician(
        clinic,
        name="Ann Program",
        email=None,
        is_service_account=True,
        created_time=A_MORNING + 2 * A_MOMENT,
    )
    await world.has(clinic, ann, invite, program, a_clinician(a_clinic()))

    for query, found in (
        (ClinicianQuery(clinic.id), (program, invite, ann)),
        (ClinicianQuery(clinic.id, page=Page(offset=1, limit=1)), (invite,)),
        (ClinicianQuery(clinic.id, role="CLINIC_ADMIN"), (invite, ann)),
        (ClinicianQuery(clinic.id, role="ADMIN"), ()),
        (ClinicianQuery(clinic.id, email="ANN@Example.com"), (ann,)),
        (ClinicianQuery(clinic.id, email="ann"), ()),
        (ClinicianQuery(clinic.id, email="ann@example.com", role="CLINIC_MEMBER"), ()),
        (ClinicianQuery(clinic.id, search="example"), (invite, ann)),
        (ClinicianQuery(clinic.id, search="ann", role="CLINIC_MEMBER"), (program,)),
        (ClinicianQuery(clinic.id, search="example", page=Page(limit=1)), (invite,)),
        (ClinicianQuery(NOWHERE), ()),
    ):
        assert await world.app.clinicians.list(query) == found


async def test_an_address_is_found_however_it_was_typed(world: World, clinic: Clinic) -> None:
    """It was put into lower case on its way in, and is on its way to the list (CLINICIAN-3)."""
    added = await world.app.clinicians.create(clinic.id, NEWCOMER)

    found = await world.app.clinicians.list(ClinicianQuery(clinic.id, email="NEW@example.COM"))

    assert found == (added,)


async def test_a_user_sees_his_clinics(world: World) -> None:
    """Newest membership first; a clinic that is gone is left out, an invite is nobody's."""
    tag = a_tag()
    one, other = a_clinic(tags=(tag,)), a_clinic()
    old = a_clinician(one, user_id=ANN)
    new = a_clinician(other, user_id=ANN, created_time=A_MORNING + A_MOMENT)
    stray = a_clinician(NOWHERE, user_id=ANN)
    await world.has(one, other, old, new, stray, a_clinician(one, user_id=BEA))
    await world.has(a_patient(one, tags=(tag.id,)))

    shown = await world.app.clinicians.clinics_of(ANN, EVERYTHING)

    assert [(pair.clinician, pair.clinic.clinic) for pair in shown] == [(new, other), (old, one)]
    assert dict(shown[1].clinic.tag_patients) == {tag.id: 1}
    assert await world.app.clinicians.clinics_of(ANN, Page(limit=1)) == shown[:1]
    assert await world.app.clinicians.clinics_of(UserId("nobody"), Page()) == ()


async def test_all_records_are_listed(world: World) -> None:
    """Those of all clinics, invites too, within times that include their start alone."""
    one, other = a_clinic(), a_clinic()
    first = a_clinician(one, roles=(ADMIN,))
    second = a_clinician(other, user_id=None, invite_id=KEY, created_time=A_MORNING + A_MOMENT)
    third = a_clinician(one, created_time=A_MORNING + 2 * A_MOMENT)
    await world.has(one, other, first, second, third, a_clinician(NOWHERE))

    for query, found in (
        (AllCliniciansQuery(), (third, second, first)),
        (AllCliniciansQuery(created_from=A_MORNING + A_MOMENT), (third, second)),
        (AllCliniciansQuery(created_before=A_MORNING + A_MOMENT), (first,)),
        (AllCliniciansQuery(role="CLINIC_ADMIN"), (first,)),
        (AllCliniciansQuery(page=Page(offset=1, limit=1)), (second,)),
    ):
        listed = await world.app.clinicians.list_all(query)
        assert tuple(pair.clinician for pair in listed) == found
