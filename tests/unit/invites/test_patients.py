"""Patients invite clinics, which take them in or do not."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import Clinic, MrnSettings, SuppressedNotifications
from clinic_domain.invites.errors import (
    AlreadyInvited,
    AlreadyPatient,
    InviteClosed,
    InviteNeedsMrn,
    InviteNotFound,
    InviteOutOfReach,
    InvitingClinicNotFound,
    InvitingPatientNotFound,
    NotInvolved,
    PatientNotAccepted,
)
from clinic_domain.invites.model import Invite, InviteStatus
from clinic_domain.invites.patients import move_pending
from clinic_domain.notifications.model import Subject
from clinic_domain.patients.model import GlycemicRanges, JoiningDetails, Permission
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.support import together
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_clinician_invite,
    a_patient,
    a_patient_invite,
)
from clinic_domain.users import PatientProfile, Profile
from clinic_domain.values import ClinicId, InviteId, UserId
from support.world import SERVER, HesitantStorage, World, user

PAT, MEMBER = UserId("pat"), user("member")


@pytest.fixture
async def clinic(world: World) -> Clinic:
    return await a_clinic_with_people(world)


async def a_clinic_with_people(world: World) -> Clinic:
    """Return a clinic with two admins, one of them just invited, and a member."""
    clinic = a_clinic(admins=("admin",))
    admin = (Role.CLINIC_ADMIN,)
    await world.has(
        clinic,
        a_clinician(clinic, user_id="admin", email="admin@example.com", roles=admin),
        a_clinician(clinic, user_id=None, invite_id="key", roles=admin),
        a_clinician(clinic, user_id="robot", email=None, roles=admin),
        a_clinician(clinic, user_id="member", roles=(Role.PRESCRIBER,)),
    )
    world.users.add(PAT, "Pat@example.com")
    world.profiles.profiles[PAT] = Profile("Pat Doe", PatientProfile(birthday="1990-01-31"))
    return clinic


async def sent(world: World, clinic: Clinic, **offer: object) -> Invite:
    offered = {name: {} if value is True else value for name, value in offer.items()}
    view = await world.app.patient_invites.send(PAT, clinic.share_code.value, offered)
    return view.invite


async def changed(world: World, clinic: Clinic, **changes: Any) -> None:
    stored = await world.clinic(clinic)
    new = attrs.evolve(stored, **changes)
    await world.storage.transaction(lambda tx: tx.clinics.save(new, was=stored))


async def test_a_patient_invites_by_share_code(world: World, clinic: Clinic) -> None:
    """Admins who have joined hear of it, in one mail."""
    view = await world.app.patient_invites.send(PAT, clinic.share_code.value, {"view": {}})
    [mail] = await world.owed()

    assert view.invite == await world.invite(view.invite.id)
    assert view.invite.expires_time == world.clock.now() + timedelta(days=7)
    assert (view.invite.creator_id, view.invite.modified_time) == (PAT, None)
    assert view.creator
    assert view.creator.profile == world.profiles.profiles[PAT]
    assert (mail.subject, mail.addresses) == (Subject.PATIENT_INVITES, ("admin@example.com",))
    assert mail.facts == {"clinic_name": "Saint Vitus", "patient_name": "Pat Doe"}
    assert world.bell.rings == 1


async def test_a_clinic_that_wants_no_mail_gets_none(world: World, clinic: Clinic) -> None:
    await changed(world, clinic, suppressed_notifications=SuppressedNotifications(True))
    invite = await sent(world, clinic, view=True)

    assert invite.is_pending
    assert await world.owed() == ()


async def test_a_patient_without_a_profile_is_nobody_in_particular(
    world: World, clinic: Clinic
) -> None:
    world.profiles.profiles.clear()
    view = await world.app.patient_invites.send(PAT, clinic.share_code.value, {})

    assert view.creator
    assert view.creator.profile is None
    assert (await world.owed())[0].facts["patient_name"] == "Tidepool User"


async def test_a_share_code_is_exact(world: World, clinic: Clinic) -> None:
    for code in (clinic.share_code.value.lower(), clinic.share_code.value.replace("-", ""), "x"):
        with pytest.raises(InvitingClinicNotFound):
            await world.app.patient_invites.send(PAT, code, {})


async def test_only_somebody_with_an_account_invites(world: World, clinic: Clinic) -> None:
    with pytest.raises(InvitingPatientNotFound):
        await world.app.patient_invites.send(UserId("ghost"), clinic.share_code.value, {})


async def test_one_open_invite_to_a_clinic_is_enough(world: World, clinic: Clinic) -> None:
    """A declined, withdrawn or expired one keeps nobody from sending another (INVITE-7)."""
    other = await a_clinic_with_people(world)
    first = await sent(world, clinic)
    await sent(world, other)

    with pytest.raises(AlreadyInvited):
        await sent(world, clinic)
    await world.app.patient_invites.close(clinic.id, first.id, MEMBER)
    second = await sent(world, clinic)
    await world.app.patient_invites.close(clinic.id, second.id, user(PAT))
    await sent(world, clinic)
    world.clock.advance(timedelta(days=7))
    await sent(world, clinic)

    assert len(await world.app.patient_invites.of_clinic(clinic.id)) == 2
    await world.has(a_patient(clinic, user_id=PAT))
    with pytest.raises(AlreadyPatient):
        await sent(world, clinic)


async def test_of_two_invites_at_once_one_is_sent(world: World) -> None:
    """INVITE-7 holds where two meet."""
    world = World(storage=HesitantStorage())
    clinic = await a_clinic_with_people(world)

    results, refusals = await together(*(sent(world, clinic) for _ in range(5)))

    assert len(results) == 1
    assert {type(refusal) for refusal in refusals} == {AlreadyInvited}
    assert len(await world.owed()) == 1


async def test_an_accepted_patient_has_what_was_offered(world: World, clinic: Clinic) -> None:
    """Three permissions at most, by their names alone (INVITE-9)."""
    invite = await sent(world, clinic, view={"until": "2030"}, custodian=True, note=True)
    patient = await world.app.patient_invites.accept(clinic.id, invite.id, JoiningDetails())

    assert patient.permissions == frozenset({Permission.VIEW, Permission.NOTE})
    assert (patient.full_name, patient.birth_date) == ("Pat Doe", "1990-01-31")
    assert patient == (await world.patients(clinic))[0]
    assert (await world.invite(invite.id)).status is InviteStatus.COMPLETED
    count = (await world.clinic(clinic)).patient_count
    assert count
    assert count.total == 1


async def test_what_the_clinic_says_comes_before_the_profile(world: World, clinic: Clinic) -> None:
    ranges = GlycemicRanges("preset", preset="adaHighRisk")
    invite = await sent(world, clinic)
    patient = await world.app.patient_invites.accept(
        clinic.id,
        invite.id,
        JoiningDetails(
            full_name="Other", mrn=" 7 ", glycemic_ranges=ranges, diagnosis_type="type1"
        ),
    )

    assert (patient.full_name, patient.mrn, patient.diagnosis_type) == ("Other", " 7 ", "type1")
    assert patient.glycemic_ranges == ranges
    assert patient.birth_date == "1990-01-31"


async def test_expired_invites_are_shown_and_can_be_accepted(world: World, clinic: Clinic) -> None:
    """The second of two finds the patient there, and leaves him as he is (INVITE-8)."""
    first = await sent(world, clinic, view=True)
    world.clock.advance(timedelta(days=8))
    second = await sent(world, clinic, note=True)
    views = await world.app.patient_invites.of_clinic(clinic.id)
    patient = await world.app.patient_invites.accept(clinic.id, first.id, JoiningDetails())
    again = await world.app.patient_invites.accept(
        clinic.id, second.id, JoiningDetails(full_name="Other")
    )

    assert [view.invite.id for view in views] == [second.id, first.id]
    assert again == patient
    assert await world.app.patient_invites.of_clinic(clinic.id) == ()


async def test_a_required_number_comes_from_the_clinic(world: World, clinic: Clinic) -> None:
    """The profile's is not asked for, and blanks are none."""
    world.profiles.profiles[PAT] = Profile("Pat", PatientProfile(mrn="1"))
    await changed(world, clinic, mrn_settings=MrnSettings(required=True, unique=True))
    await world.has(a_patient(clinic, mrn="7", require_unique_mrn=True))
    invite = await sent(world, clinic)

    for mrn in (None, "", "  "):
        with pytest.raises(InviteNeedsMrn):
            await world.app.patient_invites.accept(clinic.id, invite.id, JoiningDetails(mrn=mrn))
    with pytest.raises(PatientNotAccepted) as refusal:
        await world.app.patient_invites.accept(clinic.id, invite.id, JoiningDetails(mrn="7"))
    assert refusal.value.detail == "bad request: mrn must be unique"
    assert (await world.invite(invite.id)).is_pending
    patient = await world.app.patient_invites.accept(clinic.id, invite.id, JoiningDetails(mrn="8"))
    assert patient.mrn == "8"


async def test_what_was_answered_is_not_accepted(world: World, clinic: Clinic) -> None:
    """INVITE-5."""
    invite = await sent(world, clinic)
    await world.has(a_clinician_invite(clinic, id="of a clinician"))
    await world.app.patient_invites.close(clinic.id, invite.id, MEMBER)

    for key in (invite.id, InviteId("of a clinician")):
        with pytest.raises(InviteClosed):
            await world.app.patient_invites.accept(clinic.id, key, JoiningDetails())
    other = await a_clinic_with_people(world)
    for clinic_id, key in ((other.id, invite.id), (clinic.id, InviteId("unknown"))):
        with pytest.raises(InviteNotFound):
            await world.app.patient_invites.accept(clinic_id, key, JoiningDetails())


async def test_a_patient_whose_account_is_gone_is_not_accepted(
    world: World, clinic: Clinic
) -> None:
    invite = await sent(world, clinic)
    world.users.accounts.clear()

    with pytest.raises(InvitingPatientNotFound):
        await world.app.patient_invites.accept(clinic.id, invite.id, JoiningDetails())


async def test_invites_to_a_clinic_that_is_gone_are_left_out(world: World, clinic: Clinic) -> None:
    gone = a_patient_invite(a_clinic(), creator_id=PAT)
    await world.has(gone)

    assert await world.app.patient_invites.of_clinic(gone.clinic_id) == ()
    assert await world.app.patient_invites.of_patient(PAT) == ()
    with pytest.raises(InviteNotFound):
        await world.app.patient_invites.accept(gone.clinic_id, gone.id, JoiningDetails())


async def test_patients_withdraw_and_clinics_decline(world: World, clinic: Clinic) -> None:
    """A declined invite may be declined again or withdrawn, which is the end (INVITE-5)."""
    invite = await sent(world, clinic)

    async def close(by: str) -> InviteStatus:
        caller = SERVER if by == "server" else user(by)
        view = await world.app.patient_invites.close(clinic.id, invite.id, caller)
        return view.invite.status

    for by in ("member", "admin", "server"):
        assert await close(by) is InviteStatus.DECLINED
    shown = await world.app.patient_invites.of_patient(PAT)
    assert [view.invite.id for view in shown] == [invite.id]
    with pytest.raises(NotInvolved):
        await close("stranger")
    assert await close(PAT) is InviteStatus.CANCELED
    assert await world.app.patient_invites.of_patient(PAT) == ()
    for by in (PAT, "member"):
        with pytest.raises(InviteClosed):
            await close(by)


async def test_what_is_no_patients_invite_is_not_closed(world: World, clinic: Clinic) -> None:
    await world.has(a_clinician_invite(clinic, id="of a clinician", creator_id="admin"))
    other = await a_clinic_with_people(world)
    invite = await sent(world, clinic)

    with pytest.raises(InviteClosed):
        await world.app.patient_invites.close(clinic.id, InviteId("of a clinician"), MEMBER)
    for clinic_id, key in ((other.id, invite.id), (clinic.id, InviteId("unknown"))):
        with pytest.raises(InviteOutOfReach):
            await world.app.patient_invites.close(clinic_id, key, user("stranger"))


async def test_removed_patients_and_clinics_leave_no_open_invites(
    world: World, clinic: Clinic
) -> None:
    other = await a_clinic_with_people(world)
    first, second = await sent(world, clinic), await sent(world, other)
    await world.app.clinics.delete(other.id, SERVER)

    assert (await world.invite(second.id)).status is InviteStatus.CANCELED
    assert (await world.invite(first.id)).is_pending
    await world.app.accounts.remove_everywhere(PAT, SERVER)
    assert (await world.invite(first.id)).status is InviteStatus.CANCELED


async def test_open_invites_move_with_a_merge(world: World, clinic: Clinic) -> None:
    """Unless one is open at the target already; answered ones stay where they are."""
    target = a_clinic()
    moving = a_patient_invite(clinic, creator_id="a")
    double = a_patient_invite(clinic, creator_id="b")
    there = a_patient_invite(target, creator_id="b")
    old = a_patient_invite(clinic, creator_id="c", status=InviteStatus.DECLINED)
    await world.has(target, moving, double, there, old)

    async def work(tx: Transaction) -> None:
        await tx.clinics.get(clinic.id)
        await tx.clinics.get(target.id)
        await move_pending(tx, clinic.id, target.id, world.clock)

    await world.storage.transaction(work)

    assert await world.invite(moving.id) == attrs.evolve(moving, clinic_id=ClinicId(target.id))
    assert (await world.invite(double.id)).status is InviteStatus.CANCELED
    assert await world.invite(there.id) == there
    assert await world.invite(old.id) == old
