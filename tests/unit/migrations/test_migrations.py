"""Migrations of legacy accounts: opening a clinic, ordering and following them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from clinic_domain.clinicians.errors import ClinicianNotFound
from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.errors import ClinicNotFound, ClinicNotMigrated, DuplicateShareCode
from clinic_domain.clinics.model import Clinic, ClinicDetails, PatientCount
from clinic_domain.clinics.share_codes import MAX_ATTEMPTS
from clinic_domain.migrations.errors import (
    AlreadyMigrated,
    DuplicateMigration,
    IncompleteProfile,
    InitialMigrationMissing,
    MigrationNotFound,
    NoEmailAddress,
    NoLegacyClinician,
    SeveralAdmins,
)
from clinic_domain.migrations.model import Migration, MigrationStatus
from clinic_domain.migrations.rules import account_to_migrate, with_status
from clinic_domain.patients.model import JoiningDetails
from clinic_domain.testing.examples import a_clinic, a_clinician, a_migration, a_patient
from clinic_domain.testing.fakes import A_MORNING, SequentialShareCodes
from clinic_domain.users import Profile, User, UserNotFound
from clinic_domain.values import ClinicId, UserId
from support.world import SERVER, World

LEGACY = UserId("1234567890")
DESCRIBED = ClinicDetails(
    name="Saint Vitus",
    preferred_bg_units="mg/dL",
    address="1 Main St",
    city="Boston",
    clinic_type="other",
    country="US",
    postal_code="02110",
    state="MA",
)


@pytest.fixture
def world() -> World:
    world = World()
    account = User(LEGACY, "Legacy@x.org", ("Legacy@x.org", "second@x.org"), ("clinic", "other"))
    world.users.accounts[LEGACY] = account
    world.profiles.profiles[LEGACY] = Profile("Doctor Legacy")
    return world


def a_legacy_clinic(**changes: Any) -> Clinic:
    legacy: dict[str, Any] = {"details": DESCRIBED, "admins": (LEGACY,), "is_migrated": False}
    return a_clinic(**{**legacy, **changes})


# Opening


async def test_a_legacy_account_gets_an_empty_clinic(world: World) -> None:
    """Not described, without patients, awaiting its migration (MIG-2, MIG-4)."""
    view = await world.app.migrations.open_clinic(LEGACY)

    [clinic] = await world.clinics()
    assert view.clinic == clinic
    assert (clinic.is_migrated, clinic.details, clinic.tier) == (False, ClinicDetails(), None)
    assert clinic.admins == (LEGACY,)
    assert clinic.patient_count == PatientCount()
    assert clinic.patient_count_settings is not None
    assert clinic.patient_count_settings.hard_limit is not None
    assert clinic.patient_count_settings.hard_limit.plan == 250
    assert await world.patients(clinic) == ()


async def test_the_account_is_the_admin(world: World) -> None:
    """With its first address and the name of its profile (MIG-6)."""
    view = await world.app.migrations.open_clinic(LEGACY)

    [admin] = await world.clinicians(view.clinic)
    assert (admin.user_id, admin.email, admin.name) == (LEGACY, "legacy@x.org", "Doctor Legacy")
    assert admin.roles == (Role.CLINIC_ADMIN,)


async def test_an_account_without_a_profile_has_no_name(world: World) -> None:
    world.profiles.profiles.clear()

    view = await world.app.migrations.open_clinic(LEGACY)

    [admin] = await world.clinicians(view.clinic)
    assert admin.name is None


async def test_each_call_opens_another_clinic(world: World) -> None:
    """MIG-3."""
    views = [await world.app.migrations.open_clinic(LEGACY) for _ in range(2)]

    assert [view.clinic.admins for view in views] == [(LEGACY,)] * 2
    assert len({view.clinic.id for view in views}) == 2


@pytest.mark.parametrize("roles", [(), ("clinician",), ("migrated_clinic",), ("Clinic",)])
async def test_other_accounts_get_no_clinic(world: World, roles: tuple[str, ...]) -> None:
    world.users.accounts[LEGACY] = User(LEGACY, emails=("legacy@x.org",), roles=roles)

    with pytest.raises(NoLegacyClinician, match=f"user {LEGACY} is not clinician"):
        await world.app.migrations.open_clinic(LEGACY)

    assert await world.clinics() == ()


async def test_nobody_gets_no_clinic(world: World) -> None:
    with pytest.raises(UserNotFound):
        await world.app.migrations.open_clinic(UserId("nobody"))


async def test_an_account_without_an_address_gets_no_clinic(world: World) -> None:
    world.users.accounts[LEGACY] = User(LEGACY, roles=("clinic",))

    with pytest.raises(NoEmailAddress):
        await world.app.migrations.open_clinic(LEGACY)

    assert await world.clinics() == ()


async def test_a_taken_share_code_is_drawn_again(world: World) -> None:
    """MIG-5."""
    taken = a_clinic()
    await world.has(taken)
    codes = SequentialShareCodes([str(taken.share_code)] * (MAX_ATTEMPTS - 1))
    lucky = World(storage=world.storage, share_codes=codes, users=world.users)

    view = await lucky.app.migrations.open_clinic(LEGACY)

    assert view.clinic.share_code != taken.share_code
    assert view.clinic.admins == (LEGACY,)
    unlucky = SequentialShareCodes([str(taken.share_code)] * MAX_ATTEMPTS)
    with pytest.raises(DuplicateShareCode):
        await World(
            storage=world.storage, share_codes=unlucky, users=world.users
        ).app.migrations.open_clinic(LEGACY)


# The initial migration


async def test_the_initial_migration_waits_for_a_worker(world: World) -> None:
    """The account of the only admin is migrated, and the clinic is open (MIG-7 to MIG-9)."""
    clinic = a_legacy_clinic()
    await world.has(clinic)
    now = world.clock.advance()

    migration = await world.app.migrations.start(clinic.id)

    assert migration == Migration(migration.id, clinic.id, LEGACY, now, now)
    assert migration.status == MigrationStatus.PENDING
    assert await world.migrations(clinic) == (migration,)
    assert await world.clinic(clinic) == attrs.evolve(clinic, is_migrated=True, updated_time=now)


async def test_it_is_triggered_once(world: World) -> None:
    clinic = a_legacy_clinic()
    await world.has(clinic)
    await world.app.migrations.start(clinic.id)

    with pytest.raises(AlreadyMigrated):
        await world.app.migrations.start(clinic.id)

    assert len(await world.migrations(clinic)) == 1


async def test_an_account_is_migrated_into_one_clinic(world: World) -> None:
    """The second clinic stays as it was (MIG-8)."""
    first, second = a_legacy_clinic(), a_legacy_clinic()
    await world.has(first, second)
    await world.app.migrations.start(first.id)

    with pytest.raises(DuplicateMigration):
        await world.app.migrations.start(second.id)

    assert await world.clinic(second) == second
    assert await world.migrations(second) == ()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"is_migrated": True, "details": ClinicDetails()}, AlreadyMigrated),
        ({"details": attrs.evolve(DESCRIBED, city=None)}, IncompleteProfile),
        ({"details": attrs.evolve(DESCRIBED, preferred_bg_units=None)}, IncompleteProfile),
        ({"admins": ()}, IncompleteProfile),
        ({"admins": (LEGACY, UserId("another"))}, SeveralAdmins),
    ],
)
def test_not_every_clinic_can_be_migrated(change: dict[str, Any], error: type[Exception]) -> None:
    """MIG-1, MIG-7."""
    with pytest.raises(error):
        account_to_migrate(a_legacy_clinic(**change))


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda accounts: accounts.clear(), UserNotFound),
        (lambda accounts: accounts.update({LEGACY: User(LEGACY)}), NoLegacyClinician),
    ],
)
async def test_the_admin_has_to_be_a_legacy_clinician(
    world: World, prepare: Callable[[dict[UserId, User]], None], error: type[Exception]
) -> None:
    clinic = a_legacy_clinic()
    await world.has(clinic)
    prepare(world.users.accounts)

    with pytest.raises(error):
        await world.app.migrations.start(clinic.id)

    assert await world.migrations(clinic) == ()
    assert await world.clinic(clinic) == clinic


async def test_an_unknown_clinic_has_no_migration(world: World) -> None:
    with pytest.raises(ClinicNotFound):
        await world.app.migrations.start(ClinicId("nowhere"))


async def test_until_then_its_members_stay_as_they_are(world: World) -> None:
    """MIG-13."""
    clinic = a_legacy_clinic()
    member = a_clinician(clinic, user_id=LEGACY, roles=(Role.CLINIC_ADMIN,))
    await world.has(clinic, member)

    with pytest.raises(ClinicNotMigrated):
        await world.app.clinicians.delete(clinic.id, LEGACY, SERVER)

    await world.app.migrations.start(clinic.id)
    await world.has(a_clinician(clinic, roles=(Role.CLINIC_MEMBER,)))


# Further migrations


async def test_a_clinician_of_the_clinic_is_migrated(world: World) -> None:
    """Whatever the roles (MIG-10)."""
    clinic = a_clinic()
    member = a_clinician(clinic)
    await world.has(clinic, member)
    assert member.user_id

    migration = await world.app.migrations.add(clinic.id, member.user_id)

    assert (migration.user_id, migration.status) == (member.user_id, "PENDING")
    assert await world.app.migrations.list(clinic.id) == (migration,)
    assert await world.app.migrations.get(clinic.id, member.user_id) == migration
    with pytest.raises(DuplicateMigration):
        await world.app.migrations.add(clinic.id, member.user_id)


async def test_nobody_else_is_migrated(world: World) -> None:
    clinic = a_clinic()
    stranger = a_clinician(a_clinic())
    await world.has(clinic)

    for user_id in (stranger.user_id or UserId(""), UserId("")):
        with pytest.raises(ClinicianNotFound):
            await world.app.migrations.add(clinic.id, user_id)
    with pytest.raises(ClinicianNotFound):
        await world.app.migrations.add(ClinicId("nowhere"), LEGACY)


async def test_the_initial_migration_comes_first(world: World) -> None:
    clinic = a_legacy_clinic()
    await world.has(clinic, a_clinician(clinic, user_id=LEGACY))

    with pytest.raises(InitialMigrationMissing):
        await world.app.migrations.add(clinic.id, LEGACY)

    assert await world.migrations(clinic) == ()


async def test_a_clinic_without_migrations_has_none(world: World) -> None:
    """MIG-11."""
    assert await world.app.migrations.list(a_clinic().id) == ()


# What the worker says


@pytest.mark.parametrize("status", MigrationStatus)
@pytest.mark.parametrize("before", ["", *MigrationStatus])
def test_any_status_may_follow_any_other(before: str, status: MigrationStatus) -> None:
    """MIG-12."""
    later = A_MORNING + timedelta(seconds=1)
    migration = a_migration(a_clinic(), status=before)

    reported = with_status(migration, status, later)

    assert reported == attrs.evolve(migration, status=status, updated_time=later)


async def test_a_status_can_be_reported_again(world: World) -> None:
    """Also within the same millisecond (MIGW-5)."""
    migration = a_migration(a_clinic())
    await world.has(migration)
    which = migration.clinic_id, migration.user_id

    for _ in range(2):
        await world.app.migrations.report(*which, MigrationStatus.RUNNING)

    [found] = await world.migrations(migration.clinic_id)
    assert found.status == "RUNNING"
    with pytest.raises(MigrationNotFound):
        await world.app.migrations.report(a_clinic().id, LEGACY, MigrationStatus.RUNNING)


async def test_the_worker_notes_each_legacy_clinician_of_a_patient(world: World) -> None:
    """MIGW-3, MIGW-4."""
    clinic = a_clinic()
    patient = a_patient(clinic)
    world.users.add(patient.user_id)
    await world.has(clinic, patient)

    for clinician_id in ("first", "second", "first"):
        details = JoiningDetails(is_migrated=True, legacy_clinician_id=UserId(clinician_id))
        await world.app.patients.add_existing(clinic.id, patient.user_id, details)

    found = await world.patient(patient)
    assert found.legacy_clinician_ids == ("first", "second")
    assert found.permissions == patient.permissions
