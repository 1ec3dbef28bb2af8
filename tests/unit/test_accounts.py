"""What happens in all clinics when an account changes or goes."""

import asyncio
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.accounts import InvalidEmail
from clinic_domain.clinicians.errors import DuplicateEmail
from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import PatientCount
from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import ALL_PERMISSIONS
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient
from clinic_domain.values import ClinicId, UserId
from support.world import SERVER, HesitantStorage, World, user

ME, OTHER = UserId("me"), UserId("other")
NOWHERE: Final = ClinicId("f" * 24)
ADMIN, MEMBER = Role.CLINIC_ADMIN, Role.CLINIC_MEMBER


# A new address


async def test_a_new_address_reaches_all_records_of_a_user(world: World) -> None:
    """As typed on patients, in lower case on clinicians (PAT-MAIL-1, PAT-MAIL-7, CLINICIAN-3)."""
    one, other = a_clinic(), a_clinic()
    members = [a_clinician(clinic, user_id=ME) for clinic in (one, other)]
    patients = [a_patient(clinic, user_id=ME, email="old@x.y") for clinic in (one, other)]
    strangers = (a_clinician(one), a_patient(one, email="old@x.y"))
    await world.has(one, other, *members, *patients, *strangers)
    now = world.clock.advance()

    await world.app.accounts.change_email(ME, "New@Example.COM")

    for member in members:
        assert await world.app.clinicians.get(member.clinic_id, ME) == attrs.evolve(
            member, email="new@example.com", updated_time=now
        )
    for patient in patients:
        assert await world.patient(patient) == attrs.evolve(
            patient, email="New@Example.COM", updated_time=now
        )
    assert strangers[0] in await world.clinicians(one)
    assert strangers[1] in await world.patients(one)


async def test_a_lost_address_leaves_clinicians_alone(world: World) -> None:
    """Only patients' records lose it (PAT-MAIL-8)."""
    clinic = a_clinic()
    member, patient = a_clinician(clinic, user_id=ME), a_patient(clinic, user_id=ME, email="a@b.c")
    await world.has(clinic, member, patient)
    now = world.clock.advance()

    await world.app.accounts.change_email(ME, None)

    assert await world.clinicians(clinic) == (member,)
    assert await world.patient(patient) == attrs.evolve(patient, email=None, updated_time=now)


async def test_a_user_without_records_has_nothing_to_change(world: World) -> None:
    """That is no error, and a pending invite is nobody's record (PAT-MAIL-9)."""
    clinic = a_clinic()
    invite = a_clinician(clinic, user_id=None, invite_id=ME, email="old@x.y")
    await world.has(clinic, invite)

    await world.app.accounts.change_email(ME, "new@x.y")
    await world.app.accounts.change_email(ME, None)

    assert await world.clinicians(clinic) == (invite,)


async def test_an_address_of_a_colleague_changes_nothing_anywhere(world: World) -> None:
    """Neither in the clinic where it collides, in others nor on patients (CLINICIAN-2)."""
    one, other = a_clinic(), a_clinic()
    members = [a_clinician(clinic, user_id=ME) for clinic in (one, other)]
    colleague = a_clinician(other, email="taken@x.y")
    patient = a_patient(one, user_id=ME, email="old@x.y")
    await world.has(one, other, *members, colleague, patient)
    world.clock.advance()

    with pytest.raises(DuplicateEmail) as refusal:
        await world.app.accounts.change_email(ME, "Taken@x.y")

    assert str(refusal.value) == "constraint violation: duplicate email"
    assert await world.clinicians(one) == (members[0],)
    assert set(await world.clinicians(other)) == {members[1], colleague}
    assert await world.patient(patient) == patient


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "foo",
        "foo@",
        "@foo.org",
        "a@b",
        "a b@c.de",
        "a@b..de",
        "a@b.de ",
        "a@-b.de",
        "a@b.de\n",
    ],
)
async def test_what_is_no_address_is_refused(world: World, text: str) -> None:
    """And changes nothing (PAT-MAIL-6)."""
    clinic = a_clinic()
    patient = a_patient(clinic, user_id=ME, email="old@x.y")
    await world.has(clinic, patient)

    with pytest.raises(InvalidEmail) as refusal:
        await world.app.accounts.change_email(ME, text)

    assert str(refusal.value) == "email: failed to pass regex validation"
    assert await world.patient(patient) == patient


@given(st.emails())
async def test_common_addresses_are_accepted(email: str) -> None:
    """Whatever the standard allows and people have (PAT-MAIL-6)."""
    await World().app.accounts.change_email(ME, email)


# A removed account


async def test_a_removed_user_is_nowhere_any_more(world: World) -> None:
    """Neither patient nor clinician, in any clinic; his records are kept (PAT-BULK-1)."""
    one, other = a_clinic(admins=(OTHER,)), a_clinic(admins=(OTHER,))
    mine = (
        a_clinician(one, user_id=ME, roles=(MEMBER,)),
        a_patient(one, user_id=ME, permissions=ALL_PERMISSIONS),
        a_patient(other, user_id=ME),
    )
    theirs = (a_clinician(one, user_id=OTHER, roles=(ADMIN,)), a_patient(one), a_patient(other))
    await world.has(one, other, *mine, *theirs)
    now = world.clock.advance()

    await world.app.accounts.remove_everywhere(ME, SERVER)

    assert await world.clinicians(one) == theirs[:1]
    assert await world.patients(one) == theirs[1:2]
    assert await world.patients(other) == theirs[2:]
    records = [
        *await world.removed_clinicians(one),
        *await world.removed_patients(one),
        *await world.removed_patients(other),
    ]
    assert tuple(record.removed for record in records) == mine
    assert {record.deletion for record in records} == {Deletion(now, by=None)}
    for clinic in (one, other):
        assert (await world.clinic(clinic)).patient_count == PatientCount(1, 0, 1)


async def test_removing_nobody_is_no_error(world: World) -> None:
    """There was nothing to remove (PAT-BULK-2)."""
    clinic = a_clinic()
    await world.has(clinic, member := a_clinician(clinic))

    await world.app.accounts.remove_everywhere(ME, SERVER)

    assert await world.clinics() == (clinic,)
    assert await world.clinicians(clinic) == (member,)


@pytest.mark.parametrize(
    ("admins", "roles", "others", "patients_stay"),
    [
        # The only admin: alone, with a member, an invite, a program.
        ((ME,), (ADMIN,), [], False),
        ((ME,), (ADMIN,), [{"roles": (MEMBER,)}], False),
        ((ME,), (ADMIN,), [{"user_id": None, "invite_id": "key", "roles": (ADMIN,)}], False),
        ((ME,), (ADMIN,), [{"is_service_account": True, "email": None}], False),
        # One of two admins, and members who leave an admin, nobody, or each other.
        ((ME, OTHER), (ADMIN,), [{"user_id": OTHER, "roles": (ADMIN,)}], True),
        ((OTHER,), (MEMBER,), [{"user_id": OTHER, "roles": (ADMIN,)}], True),
        ((), (MEMBER,), [], True),
        ((), (MEMBER,), [{"roles": (MEMBER,)}], True),
    ],
)
async def test_a_clinic_without_its_only_admin_keeps_custodial_patients_alone(
    world: World,
    admins: tuple[UserId, ...],
    roles: tuple[Role, ...],
    others: list[dict[str, object]],
    *,
    patients_stay: bool,
) -> None:
    """Also where others stay; nobody is removed for a plain member (CLINICIAN-11, PAT-BULK-4)."""
    clinic = a_clinic(admins=admins)
    remaining = [a_clinician(clinic, **record) for record in others]
    held = a_patient(clinic, permissions=ALL_PERMISSIONS)
    free = [a_patient(clinic, permissions=None), a_patient(clinic, permissions=frozenset())]
    await world.has(clinic, *remaining, a_clinician(clinic, user_id=ME, roles=roles), held, *free)
    now = world.clock.advance()

    await world.app.accounts.remove_everywhere(ME, SERVER)

    stored = await world.clinic(clinic)
    removed = await world.removed_patients(clinic)
    assert stored.admins == tuple(admin for admin in admins if admin != ME)
    assert stored.updated_time == now
    assert set(await world.clinicians(clinic)) == set(remaining)
    if patients_stay:
        assert set(await world.patients(clinic)) == {held, *free}
        assert removed == ()
    else:
        assert await world.patients(clinic) == (held,)
        assert {record.removed for record in removed} == {*free}
        assert {record.deletion for record in removed} == {Deletion(now, by=None)}
        assert stored.patient_count == PatientCount(1, 0, 1)


async def test_the_patients_of_an_orphaned_clinic_are_nobodys_deletion(world: World) -> None:
    """Whoever asked for the account's removal did not ask for theirs (PAT-DEL-3, CLINICIAN-10)."""
    clinic = a_clinic(admins=(ME,))
    own = a_patient(clinic, user_id=ME)
    await world.has(clinic, a_clinician(clinic, user_id=ME, roles=(ADMIN,)), own, a_patient(clinic))

    await world.app.accounts.remove_everywhere(ME, user(OTHER))

    first, second = await world.removed_patients(clinic)
    (member,) = await world.removed_clinicians(clinic)
    assert (first.removed, first.deletion.by) == (own, OTHER)
    assert second.deletion.by is None
    assert member.deletion.by == OTHER


async def test_records_of_a_clinic_that_is_gone_do_not_hold_a_user(world: World) -> None:
    """There is nothing to bring in line, and the rest goes on (CLINICIAN-6)."""
    clinic = a_clinic(admins=(OTHER,))
    await world.has(
        clinic,
        a_clinician(clinic, user_id=ME),
        a_clinician(NOWHERE, user_id=ME),
        a_patient(NOWHERE, user_id=ME),
    )

    await world.app.accounts.remove_everywhere(ME, SERVER)

    assert await world.clinicians(clinic) == await world.clinicians(NOWHERE) == ()
    assert await world.patients(NOWHERE) == ()
    assert len(await world.removed_clinicians(NOWHERE)) == 1


async def test_an_interrupted_removal_removes_nothing() -> None:
    """Patients and clinicians go together or not at all (PAT-BULK-3, PAT-DEL-4)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic(admins=(OTHER,))
    member, patient = a_clinician(clinic, user_id=ME), a_patient(clinic, user_id=ME)
    await world.has(clinic, member, patient)

    removal = asyncio.ensure_future(world.app.accounts.remove_everywhere(ME, SERVER))
    # Its work is done then, and waits to be kept.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    removal.cancel()
    with pytest.raises(asyncio.CancelledError):
        await removal

    assert await world.clinicians(clinic) == (member,)
    assert await world.patients(clinic) == (patient,)
    assert await world.removed_patients(clinic) == ()
