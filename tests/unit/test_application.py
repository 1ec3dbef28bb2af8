"""All use cases together: a clinic from its opening to its end."""

from clinic_domain.clinicians.model import NewClinician, Role
from clinic_domain.clinics.model import ClinicDetails, PatientCount
from clinic_domain.patients.model import PatientDetails, Permission
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.values import InviteId, UserId
from support.world import SERVER, World, user


async def test_a_clinic_lives_and_ends() -> None:
    """What one use case leaves is what the next one finds."""
    world = World(demo_patient=UserId("demo"))
    app, alice = world.app, user("alice")
    for name in ("alice", "demo"):
        world.users.add(name, f"{name}@example.com")

    clinic = (await app.clinics.create(ClinicDetails(name="Saint Vitus"), alice)).clinic
    key = InviteId("key")
    invite = NewClinician("bob@example.com", (Role.CLINIC_ADMIN,), invite_id=key)
    await app.clinicians.create(clinic.id, invite)
    await app.clinicians.associate(clinic.id, key, UserId("bob"))
    await app.clinicians.delete(clinic.id, alice.subject, user("bob"))
    tag = await app.tags.create(clinic.id, "North")
    details = PatientDetails("Alice Example", "1984-02-29", tags=(tag.id,))
    patient = await app.patients.create_custodial(clinic.id, details, user("bob"))
    site = (await app.tags.convert_to_site(clinic.id, tag.id)).site

    listed = await app.patients.list(PatientQuery(clinic.id, sites=(site.id,)))
    assert [one.user_id for one in listed.patients] == [patient.user_id]
    assert (listed.matching, listed.total) == (1, 2)
    assert await app.patient_counts.get(clinic.id) == PatientCount(total=2, demo=1, plan=1)

    await app.patients.remove_permission(clinic.id, patient.user_id, Permission.CUSTODIAN)
    await app.accounts.remove_everywhere(UserId("bob"), SERVER)

    assert await world.patients(clinic) == ()
    assert (await world.clinic(clinic)).admins == ()

    await app.clinics.delete(clinic.id, SERVER)

    assert await world.clinics() == ()
