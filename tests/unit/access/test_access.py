"""Access as a use case: the policy together with the records of a clinic."""

from collections.abc import Mapping

import pytest

from clinic_domain.access.model import Principal
from clinic_domain.access.policy import POLICY
from clinic_domain.clinicians.errors import LastAdmin
from clinic_domain.clinics.model import Clinic
from clinic_domain.errors import NotPermitted
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient
from clinic_domain.values import UserId
from support.world import SERVER, World, user

ADMIN, MEMBER, PRESCRIBER, PATIENT = map(user, ("a", "m", "p", "x"))


@pytest.fixture
async def clinic(world: World) -> Clinic:
    """Return a clinic with an admin, a member, a prescriber and a patient."""
    clinic = a_clinic(id="c" * 24, admins=("a",))
    await world.has(
        clinic,
        a_clinician(clinic, user_id="a", roles=("CLINIC_ADMIN",)),
        a_clinician(clinic, user_id="m", roles=("CLINIC_MEMBER",)),
        a_clinician(clinic, user_id="p", roles=("PRESCRIBER",)),
        a_patient(clinic, user_id="x"),
    )
    return clinic


async def may(world: World, operation: str, caller: Principal, path: Mapping[str, str]) -> bool:
    try:
        await world.app.access.check(POLICY[operation], caller, path)
    except NotPermitted:
        return False
    return True


@pytest.mark.parametrize(
    ("operation", "caller", "names", "allowed"),
    [
        ("ListClinics", ADMIN, {}, False),
        ("GetClinic", user("stranger"), {}, True),
        ("UpdateClinic", MEMBER, {}, False),
        ("UpdateClinic", ADMIN, {}, True),
        ("ListPatients", PRESCRIBER, {}, False),
        ("CreatePatientTag", MEMBER, {}, True),
        ("DeletePatientTag", MEMBER, {"patientTagId": "t"}, False),
        ("DeleteClinician", MEMBER, {"clinicianId": "m"}, True),
        ("DeleteClinician", PRESCRIBER, {"clinicianId": "p"}, False),
        ("DeleteClinician", MEMBER, {"clinicianId": "a"}, False),
        ("DeleteClinician", ADMIN, {"clinicianId": "a"}, True),
        ("DeletePatient", PATIENT, {"patientId": "x"}, True),
        ("DeletePatient", SERVER, {"patientId": "x"}, False),
        ("DeletePatientPermission", SERVER, {"patientId": "x", "permission": "upload"}, False),
        ("DeletePatientPermission", PATIENT, {"patientId": "x", "permission": "upload"}, True),
        ("DeletePatientPermission", SERVER, {"patientId": "x", "permission": "custodian"}, True),
        ("UpdatePatientPermissions", ADMIN, {"patientId": "x"}, False),
        ("UpdatePatientPermissions", PATIENT, {"patientId": "x"}, True),
        ("ListClinicsForClinician", ADMIN, {"userId": "m"}, False),
        ("ListClinicsForClinician", MEMBER, {"userId": "m"}, True),
        ("ListClinicsForClinician", SERVER, {"userId": "m"}, True),
        ("CreateClinic", SERVER, {}, False),
        ("GetPatient", PATIENT, {"patientId": "x"}, False),
        ("SendUploadReminder", SERVER, {"patientId": "x"}, False),
    ],
)
async def test_people_of_a_clinic_may_what_their_place_in_it_gives(
    world: World,
    clinic: Clinic,
    *,
    operation: str,
    caller: Principal,
    names: dict[str, str],
    allowed: bool,
) -> None:
    """Records are looked up in the clinic of the path, by the caller's id (AUTHZ-2)."""
    assert await may(world, operation, caller, {"clinicId": clinic.id, **names}) == allowed


async def test_a_refusal_says_the_same_to_everybody(world: World, clinic: Clinic) -> None:
    """The text does not tell what is missing (AUTHZ-7)."""
    with pytest.raises(NotPermitted) as refusal:
        await world.app.access.check(POLICY["UpdateClinic"], MEMBER, {"clinicId": clinic.id})

    assert str(refusal.value) == (
        "security requirements failed: the subject is not authorized for the requested action"
    )


async def test_the_only_admin_passes_the_policy_and_fails_the_rule(
    world: World, clinic: Clinic
) -> None:
    """What the policy allows may still break a rule; use cases check nothing else (AUTHZ-11)."""
    path = {"clinicId": clinic.id, "clinicianId": "a"}
    await world.app.access.check(POLICY["DeleteClinician"], ADMIN, path)

    with pytest.raises(LastAdmin):
        await world.app.clinicians.delete(clinic.id, UserId("a"), ADMIN)


async def test_a_service_with_a_record_has_its_rights_as_well(world: World, clinic: Clinic) -> None:
    """A service that is an admin may what is closed to other services (AUTHZ-5)."""
    path = {"clinicId": clinic.id}
    refused = await may(world, "TriggerInitialMigration", SERVER, path)
    await world.has(a_clinician(clinic, user_id=SERVER.subject, roles=("CLINIC_ADMIN",)))

    assert not refused
    assert await may(world, "TriggerInitialMigration", SERVER, path)


async def test_a_service_account_is_a_member_like_others(world: World, clinic: Clinic) -> None:
    """A program signs in with a user token and has the rights of its record (AUTHZ-3)."""
    program = a_clinician(clinic, user_id="program", email=None, is_service_account=True)
    await world.has(program)

    assert await may(world, "ListPatients", user("program"), {"clinicId": clinic.id})
    assert not await may(world, "UpdateClinic", user("program"), {"clinicId": clinic.id})


@pytest.mark.parametrize("clinic_id", ["f" * 24, "no id at all", ""])
async def test_nobody_is_a_member_of_a_clinic_that_does_not_exist(
    world: World, clinic: Clinic, clinic_id: str
) -> None:
    """An unknown clinic is refused like a strange one, a malformed one too (AUTHZ-2)."""
    assert not await may(world, "ListPatients", ADMIN, {"clinicId": clinic_id})
    assert await may(world, "ListPatients", SERVER, {"clinicId": clinic_id})


async def test_a_record_in_one_clinic_opens_no_other(world: World, clinic: Clinic) -> None:
    """An admin is nobody elsewhere (AUTHZ-2)."""
    elsewhere = a_clinic(admins=("b",))
    await world.has(elsewhere)

    assert not await may(world, "ListPatients", ADMIN, {"clinicId": elsewhere.id})


async def test_a_pending_invite_opens_nothing(world: World, clinic: Clinic) -> None:
    """Who is invited has no record under his user id yet (AUTHZ-3)."""
    await world.has(a_clinician(clinic, user_id=None, invite_id="guest", roles=("CLINIC_ADMIN",)))

    assert not await may(world, "ListPatients", user("guest"), {"clinicId": clinic.id})


async def test_who_is_removed_is_out_at_once(world: World, clinic: Clinic) -> None:
    """Records are read anew for every request (AUTHZ-2)."""
    await world.app.clinicians.delete(clinic.id, UserId("m"), ADMIN)

    assert not await may(world, "ListPatients", MEMBER, {"clinicId": clinic.id})
