"""What patients let a clinic do."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.model import Clinic, PatientCount
from clinic_domain.deletions import Deletion
from clinic_domain.patients.errors import PatientNotFound, PermissionNotFound
from clinic_domain.patients.model import Patient, Permission, Permissions
from clinic_domain.patients.rules import with_permissions, without_permission
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, UserId
from support.world import World

LATER = A_MORNING + timedelta(minutes=1)
CLINIC = ClinicId("c" * 24)
NOBODY = UserId("nobody")
CUSTODIAN, VIEW, UPLOAD, NOTE = Permission
permissions = st.frozensets(st.sampled_from(Permission))


def permitting(*given_: Permission) -> Patient:
    return a_patient(CLINIC, permissions=frozenset(given_))


# Rules


@given(permissions, permissions)
def test_permissions_are_replaced_without_custodian(
    stored: Permissions, wanted: Permissions
) -> None:
    """It cannot be given, and is lost with the rest of the old ones (PAT-PERM-1)."""
    patient = permitting(*stored)

    changed = with_permissions(patient, wanted, LATER)

    assert changed == attrs.evolve(patient, permissions=wanted - {CUSTODIAN}, updated_time=LATER)
    assert not changed.is_custodial
    assert with_permissions(changed, wanted, LATER) == changed


@given(permissions, st.sampled_from(Permission))
def test_one_permission_is_taken_once(stored: Permissions, permission: Permission) -> None:
    """The others stay, and what was not given cannot be taken (PAT-PERM-4, PAT-PERM-5)."""
    patient = permitting(*stored)
    if permission not in stored:
        with pytest.raises(PermissionNotFound):
            without_permission(patient, permission, LATER)
        return

    changed = without_permission(patient, permission, LATER)

    assert changed == attrs.evolve(patient, permissions=stored - {permission}, updated_time=LATER)
    with pytest.raises(PermissionNotFound):
        without_permission(changed, permission, LATER)


@given(permissions.filter(bool), st.randoms(use_true_random=False))
def test_the_order_of_taking_does_not_matter(stored: Permissions, order: st.DrawFn) -> None:
    """Whatever goes first, in the end nothing is left (PAT-PERM-5)."""
    patient = permitting(*stored)
    for permission in sorted(stored, key=lambda _: order.random()):  # type: ignore[attr-defined]
        patient = without_permission(patient, permission, LATER)

    assert patient.permissions == frozenset()


@pytest.mark.parametrize("patient", [None, a_patient(CLINIC, permissions=None), permitting()])
def test_nobody_takes_what_was_never_given(patient: Patient | None) -> None:
    """A patient who is not there gave nothing either (PAT-PERM-4)."""
    with pytest.raises(PermissionNotFound) as refusal:
        without_permission(patient, VIEW, LATER)

    assert str(refusal.value) == "permission not found"


@pytest.mark.parametrize(
    ("stored", "is_custodial"), [(None, False), ((), False), ((VIEW,), False), ((CUSTODIAN,), True)]
)
def test_who_gave_custodian_is_custodial(
    stored: tuple[Permission, ...] | None, *, is_custodial: bool
) -> None:
    patient = a_patient(CLINIC, permissions=stored if stored is None else frozenset(stored))

    assert patient.is_custodial == is_custodial


# Use cases


@pytest.fixture
async def clinic(world: World) -> Clinic:
    """Return a clinic that was not counted yet."""
    clinic = a_clinic()
    await world.has(clinic)
    return clinic


async def a_patient_with(world: World, clinic: Clinic, *given_: Permission) -> Patient:
    patient = a_patient(clinic, permissions=frozenset(given_))
    await world.has(patient)
    world.clock.advance()
    return patient


async def test_what_remains_is_the_answer(world: World, clinic: Clinic) -> None:
    """The patient stays with what he gives now (PAT-PERM-1, PAT-PERM-3)."""
    patient = await a_patient_with(world, clinic, CUSTODIAN, VIEW)
    given_ = frozenset({VIEW, UPLOAD, CUSTODIAN})

    remaining = await world.app.patients.set_permissions(clinic.id, patient.user_id, given_)

    assert remaining == {VIEW, UPLOAD}
    assert await world.patient(patient) == attrs.evolve(
        patient, permissions=remaining, updated_time=world.clock.now()
    )
    assert await world.removed_patients(clinic) == ()


@pytest.mark.parametrize("wanted", [(), (CUSTODIAN,)])
async def test_who_lets_a_clinic_do_nothing_leaves_it(
    world: World, clinic: Clinic, wanted: tuple[Permission, ...]
) -> None:
    """The patient is noted as the one who did it, and counts no more (PAT-PERM-2, PAT-DEL-3)."""
    patient = await a_patient_with(world, clinic, VIEW)

    remaining = await world.app.patients.set_permissions(
        clinic.id, patient.user_id, frozenset(wanted)
    )

    (record,) = await world.removed_patients(clinic)
    assert remaining == frozenset()
    assert await world.patients(clinic) == ()
    assert record.removed == patient
    assert record.deletion == Deletion(world.clock.now(), by=patient.user_id)
    assert (await world.clinic(clinic)).patient_count == PatientCount()


async def test_one_permission_goes_and_the_others_stay(world: World, clinic: Clinic) -> None:
    """Without `custodian` the patient holds his account himself (PAT-PERM-5, PAT-PERM-7)."""
    patient = await a_patient_with(world, clinic, CUSTODIAN, VIEW)

    await world.app.patients.remove_permission(clinic.id, patient.user_id, CUSTODIAN)

    assert await world.patient(patient) == attrs.evolve(
        patient, permissions=frozenset({VIEW}), updated_time=world.clock.now()
    )


@pytest.mark.parametrize("last", [VIEW, CUSTODIAN])
async def test_the_last_permission_takes_the_patient_along(
    world: World, clinic: Clinic, last: Permission
) -> None:
    """The deletion record has no permission any more (PAT-PERM-5, PAT-DEL-3)."""
    patient = await a_patient_with(world, clinic, last)

    await world.app.patients.remove_permission(clinic.id, patient.user_id, last)

    (record,) = await world.removed_patients(clinic)
    assert await world.patients(clinic) == ()
    assert record.removed == attrs.evolve(
        patient, permissions=frozenset(), updated_time=world.clock.now()
    )
    assert record.deletion == Deletion(world.clock.now(), by=patient.user_id)
    assert (await world.clinic(clinic)).patient_count == PatientCount()


async def test_permissions_of_nobody_cannot_be_changed(world: World, clinic: Clinic) -> None:
    """Replacing finds no patient, taking finds no permission (PAT-PERM-3, PAT-PERM-4)."""
    patient = await a_patient_with(world, clinic, VIEW)
    patients = world.app.patients

    for wanted in (frozenset({VIEW}), frozenset[Permission]()):
        with pytest.raises(PatientNotFound) as no_patient:
            await patients.set_permissions(clinic.id, NOBODY, wanted)
        assert str(no_patient.value) == "patient not found"
    for user_id, permission in ((NOBODY, VIEW), (patient.user_id, NOTE)):
        with pytest.raises(PermissionNotFound) as no_permission:
            await patients.remove_permission(clinic.id, user_id, permission)
        assert str(no_permission.value) == "permission not found"
    assert await world.patients(clinic) == (patient,)
