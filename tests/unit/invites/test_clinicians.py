"""Clinics invite clinicians, who join or do not."""

import asyncio

import attrs
import pytest

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.errors import ClinicianNotFound, DuplicateClinician, LastAdmin
from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.errors import ClinicNotMigrated
from clinic_domain.clinics.model import Clinic, MembershipRestriction
from clinic_domain.invites.errors import (
    AlreadyMember,
    InviteNotFound,
    InvitingClinicNotFound,
    MayNotJoin,
    NotInvolved,
)
from clinic_domain.invites.model import InviteStatus
from clinic_domain.notifications.model import Subject
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import together
from clinic_domain.testing.examples import a_clinic, a_clinician, a_clinician_invite
from clinic_domain.users import Profile, UsersUnavailable
from clinic_domain.values import ClinicId, InviteId, UserId
from support.world import SERVER, HesitantStorage, World, user

ADMIN, JANE = user("admin"), user("jane")
MEMBER = (Role.CLINIC_MEMBER,)
EMAIL = "Jane@Example.com"


@pytest.fixture
async def clinic(world: World) -> Clinic:
    return await a_clinic_with_admin(world)


async def a_clinic_with_admin(world: World) -> Clinic:
    clinic = a_clinic(admins=("admin",))
    await world.has(clinic, a_clinician(clinic, user_id="admin", roles=(Role.CLINIC_ADMIN,)))
    world.users.add("admin", "admin@example.com")
    world.profiles.profiles[UserId("admin")] = Profile("Ada Admin")
    return clinic


def with_jane(world: World) -> None:
    world.users.add("jane", "jane@example.com")
    world.profiles.profiles[UserId("jane")] = Profile("Jane Doe")


async def invited(world: World, clinic: Clinic, email: str = EMAIL) -> Clinician:
    return await world.app.clinician_invites.invite(clinic.id, email, MEMBER, ADMIN)


def key_of(clinician: Clinician) -> InviteId:
    assert clinician.invite_id is not None
    return clinician.invite_id


async def test_an_invite_is_two_records_and_a_mail(world: World, clinic: Clinic) -> None:
    """Roles are with the pending clinician, the address as typed with the invite (INVITE-2)."""
    pending = await invited(world, clinic)
    invite = await world.invite(key_of(pending))
    [mail] = await world.owed()

    assert (pending.email, pending.roles, pending.user_id) == ("jane@example.com", MEMBER, None)
    assert (invite.email, invite.creator_id, invite.invitee_id) == (EMAIL, "admin", None)
    assert (invite.clinic_name, invite.expires_time) == ("Saint Vitus", None)
    assert (mail.subject, mail.addresses) == (Subject.CLINICIAN_INVITED, (EMAIL,))
    assert mail.facts == {
        "clinic_name": "Saint Vitus",
        "creator_name": "Ada Admin",
        "email": EMAIL,
        "has_account": "",
    }
    assert world.bell.rings == 1


async def test_an_account_with_the_address_is_linked_at_once(world: World, clinic: Clinic) -> None:
    """INVITE-3."""
    with_jane(world)
    pending = await invited(world, clinic)

    assert (await world.invite(key_of(pending))).invitee_id == "jane"
    assert (await world.owed())[0].facts["has_account"]


async def test_a_second_invite_to_an_address_is_a_duplicate(world: World, clinic: Clinic) -> None:
    """Until the first is dismissed or withdrawn; then there is a new key (INVITE-6)."""
    with_jane(world)
    first = await invited(world, clinic)

    with pytest.raises(DuplicateClinician):
        await invited(world, clinic, "jane@EXAMPLE.com")
    await world.app.clinician_invites.dismiss(UserId("jane"), key_of(first))
    second = await invited(world, clinic)
    await world.app.clinician_invites.withdraw(clinic.id, key_of(second))

    assert (await world.invite(key_of(first))).status is InviteStatus.DECLINED
    assert (await world.invite(key_of(second))).status is InviteStatus.CANCELED
    assert (await invited(world, clinic)).invite_id not in (first.invite_id, second.invite_id)
    assert len(await world.owed()) == 3


async def test_a_member_is_not_invited_under_another_address(world: World, clinic: Clinic) -> None:
    with_jane(world)
    await world.has(a_clinician(clinic, user_id="jane", email="old@example.com"))

    with pytest.raises(DuplicateClinician):
        await invited(world, clinic)

    assert await world.owed() == ()


async def test_a_service_or_somebody_without_a_name_invites_as_nobody_in_particular(
    world: World, clinic: Clinic
) -> None:
    world.profiles.profiles.clear()
    await world.app.clinician_invites.invite(clinic.id, EMAIL, MEMBER, SERVER)
    await world.app.clinician_invites.invite(clinic.id, "other@example.com", MEMBER, ADMIN)

    assert [mail.facts["creator_name"] for mail in await world.owed()] == ["Tidepool User"] * 2


async def test_only_clinics_that_are_there_and_migrated_invite(world: World) -> None:
    legacy = a_clinic(is_migrated=False)
    await world.has(legacy)

    with pytest.raises(InvitingClinicNotFound):
        await world.app.clinician_invites.invite(ClinicId("f" * 24), EMAIL, MEMBER, SERVER)
    with pytest.raises(ClinicNotMigrated):
        await world.app.clinician_invites.invite(legacy.id, EMAIL, MEMBER, SERVER)


async def test_nothing_is_stored_where_accounts_cannot_be_looked_up(
    world: World, clinic: Clinic
) -> None:
    world.users.is_available = False

    with pytest.raises(UsersUnavailable):
        await invited(world, clinic)

    assert len(await world.clinicians(clinic)) == 1
    assert await world.owed() == ()


async def test_no_limit_is_on_invites_and_lists(world: World, clinic: Clinic) -> None:
    """INVITE-12."""
    with_jane(world)
    for _ in range(30):
        await invited(world, await a_clinic_with_admin(world))

    assert len(await world.app.clinician_invites.of_invitee(UserId("jane"), JANE)) == 30


# Sent again


async def test_an_invite_is_sent_again_to_the_pending_clinician(
    world: World, clinic: Clinic
) -> None:
    """In the name of who invited first, under the key and with the age that it has (INVITE-11)."""
    pending = await invited(world, clinic)
    with_jane(world)
    first, now = await world.invite(key_of(pending)), world.clock.advance()
    view = await world.app.clinician_invites.resend(clinic.id, key_of(pending), user("other"))

    assert view.invite == attrs.evolve(
        first, modified_time=now, email="jane@example.com", invitee_id=UserId("jane")
    )
    assert view.creator
    assert view.creator.profile == Profile("Ada Admin")
    mails = await world.owed()
    assert [mail.addresses[0] for mail in mails] == [EMAIL, "jane@example.com"]
    assert mails[1].facts["creator_name"] == "Ada Admin"


async def test_a_lost_invite_comes_back_under_its_key(world: World, clinic: Clinic) -> None:
    """With whoever sends it as its creator, as after the invitee's account was removed."""
    with_jane(world)
    pending = await invited(world, clinic)
    await world.app.accounts.remove_everywhere(UserId("jane"), SERVER)
    view = await world.app.clinician_invites.resend(clinic.id, key_of(pending), user("other"))

    assert (view.invite.id, view.invite.creator_id) == (pending.invite_id, "other")
    assert view.invite == await world.invite(key_of(pending))


async def test_what_is_not_pending_is_not_sent_again(world: World, clinic: Clinic) -> None:
    with_jane(world)
    pending = await invited(world, clinic)
    await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE)

    for key in (key_of(pending), InviteId("unknown")):
        with pytest.raises(ClinicianNotFound):
            await world.app.clinician_invites.resend(clinic.id, key, ADMIN)
    with pytest.raises(InvitingClinicNotFound):
        await world.app.clinician_invites.resend(ClinicId("f" * 24), key_of(pending), SERVER)


async def test_a_clinic_sees_its_own_pending_invites(world: World, clinic: Clinic) -> None:
    """Neither those of others nor pending clinicians without one (INVITE-4)."""
    pending = await invited(world, clinic)
    other = await a_clinic_with_admin(world)
    await world.has(a_clinician(clinic, user_id=None, invite_id="lonely"))

    view = await world.app.clinician_invites.get(clinic.id, key_of(pending))
    assert (view.invite.id, view.creator, view.admission) == (pending.invite_id, None, None)
    with pytest.raises(ClinicianNotFound):
        await world.app.clinician_invites.get(other.id, key_of(pending))
    with pytest.raises(InviteNotFound):
        await world.app.clinician_invites.get(clinic.id, InviteId("lonely"))


async def test_withdrawing_is_no_error_where_nothing_is_pending(
    world: World, clinic: Clinic
) -> None:
    pending = await invited(world, clinic)
    other = await a_clinic_with_admin(world)
    for clinic_id, key in ((other.id, key_of(pending)), (clinic.id, InviteId("unknown"))):
        await world.app.clinician_invites.withdraw(clinic_id, key)

    assert (await world.invite(key_of(pending))).is_pending
    assert len(await world.clinicians(clinic)) == 2


# The invited clinician


async def test_an_invitee_sees_invites_to_the_address_linked(world: World, clinic: Clinic) -> None:
    """Newest first, with who sent them and whether they can be accepted (INVITE-3)."""
    first = await invited(world, clinic)
    world.clock.advance()
    other = await a_clinic_with_admin(world)
    second = await invited(world, other, "JANE@example.com")
    restricted = attrs.evolve(
        other, membership_restrictions=(MembershipRestriction("example.com", "okta"),)
    )
    await world.storage.transaction(lambda tx: tx.clinics.save(restricted, was=other))
    with_jane(world)

    views = await world.app.clinician_invites.of_invitee(UserId("jane"), JANE)

    assert [view.invite.id for view in views] == [second.invite_id, first.invite_id]
    assert [view.admission and view.admission.can_accept for view in views] == [False, True]
    assert {view.creator and view.creator.user_id for view in views} == {"admin"}
    stored = await world.invite(key_of(first))
    assert (stored.invitee_id, stored.modified_time) == ("jane", stored.created_time)
    okta = attrs.evolve(JANE, identity_provider="okta")
    views = await world.app.clinician_invites.of_invitee(UserId("jane"), okta)
    assert all(view.admission and view.admission.can_accept for view in views)


async def test_an_account_without_an_address_has_no_invites(world: World, clinic: Clinic) -> None:
    await invited(world, clinic)
    world.users.add("jane")

    assert await world.app.clinician_invites.of_invitee(UserId("jane"), JANE) == ()


async def test_who_has_no_account_has_nothing_to_do_with_invites(world: World) -> None:
    service = world.app.clinician_invites
    for call in (
        service.of_invitee(UserId("jane"), JANE),
        service.accept(UserId("jane"), InviteId("key"), JANE),
        service.dismiss(UserId("jane"), InviteId("key")),
    ):
        with pytest.raises(NotInvolved):
            await call


async def test_invites_of_a_clinic_that_is_gone_are_left_out(world: World) -> None:
    """As the reference leaves them; accepting one finds nothing."""
    with_jane(world)
    invite = a_clinician_invite(a_clinic(), invitee_id="jane")
    await world.has(invite)

    assert await world.app.clinician_invites.of_invitee(UserId("jane"), JANE) == ()
    with pytest.raises(InviteNotFound):
        await world.app.clinician_invites.accept(UserId("jane"), invite.id, JANE)


async def test_an_invitee_becomes_what_was_invited(world: World, clinic: Clinic) -> None:
    """Also where the invite was not linked yet."""
    pending = await world.app.clinician_invites.invite(
        clinic.id, EMAIL, (Role.CLINIC_ADMIN,), ADMIN
    )
    with_jane(world)
    now = world.clock.advance()
    member = await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE)
    invite = await world.invite(key_of(pending))

    assert (member.user_id, member.invite_id, member.name) == ("jane", None, "Jane Doe")
    assert member in await world.clinicians(clinic)
    assert (await world.clinic(clinic)).admins == ("admin", "jane")
    assert (invite.status, invite.modified_time) == (InviteStatus.COMPLETED, now)
    assert invite.invitee_id == "jane"
    for refused in (pending.invite_id, InviteId("unknown")):
        with pytest.raises(InviteNotFound):
            await world.app.clinician_invites.accept(UserId("jane"), refused or InviteId(""), JANE)


async def test_somebody_elses_invite_is_none(world: World, clinic: Clinic) -> None:
    pending = await invited(world, clinic)
    with_jane(world)
    world.users.add("joe", "joe@example.com")

    with pytest.raises(InviteNotFound):
        await world.app.clinician_invites.accept(UserId("joe"), key_of(pending), user("joe"))
    await world.app.clinician_invites.dismiss(UserId("joe"), key_of(pending))
    assert (await world.invite(key_of(pending))).is_pending
    await world.app.clinician_invites.dismiss(UserId("jane"), key_of(pending))
    dismissed = await world.invite(key_of(pending))
    assert (dismissed.status, dismissed.invitee_id) == (InviteStatus.DECLINED, "jane")


async def test_an_outsider_does_not_join(world: World, clinic: Clinic) -> None:
    """INVITE-10."""
    with_jane(world)
    pending = await invited(world, clinic)
    stored = await world.clinic(clinic)
    closed = attrs.evolve(
        stored, membership_restrictions=(MembershipRestriction("example.com", "okta"),)
    )
    await world.storage.transaction(lambda tx: tx.clinics.save(closed, was=stored))

    with pytest.raises(MayNotJoin):
        await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE)
    okta = Principal(UserId("jane"), identity_provider="Okta")
    member = await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), okta)
    assert member.user_id == "jane"


async def test_who_is_a_member_already_stays_one(world: World, clinic: Clinic) -> None:
    """Under another address; neither record nor invite changes."""
    pending = await invited(world, clinic)
    with_jane(world)
    await world.has(a_clinician(clinic, user_id="jane", email="old@example.com"))

    with pytest.raises(AlreadyMember):
        await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE)

    assert (await world.invite(key_of(pending))).is_pending
    assert len(await world.clinicians(clinic)) == 3


async def test_an_invite_whose_clinician_is_gone_is_none(world: World, clinic: Clinic) -> None:
    with_jane(world)
    pending = await invited(world, clinic)
    await world.app.clinicians.delete_invited(clinic.id, key_of(pending))

    with pytest.raises(InviteNotFound):
        await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE)


async def test_a_clinic_without_admins_gets_no_plain_members(world: World, clinic: Clinic) -> None:
    with_jane(world)
    pending = await invited(world, clinic)
    await world.app.accounts.remove_everywhere(UserId("admin"), SERVER)

    with pytest.raises(LastAdmin):
        await world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE)
    assert (await world.invite(key_of(pending))).is_pending


async def test_of_accepting_and_withdrawing_at_once_one_counts(world: World) -> None:
    """Invite and pending clinician never come apart."""
    storage: Storage = HesitantStorage()
    world = World(storage=storage)
    with_jane(world)
    for _ in range(5):
        clinic = await a_clinic_with_admin(world)
        pending = await invited(world, clinic)
        await together(
            world.app.clinician_invites.accept(UserId("jane"), key_of(pending), JANE),
            _returning(world.app.clinician_invites.withdraw(clinic.id, key_of(pending))),
        )

        invite = await world.invite(key_of(pending))
        members = {one.user_id for one in await world.clinicians(clinic)}
        assert invite.status in (InviteStatus.COMPLETED, InviteStatus.CANCELED)
        assert members == {"admin"} | (
            {"jane"} if invite.status is InviteStatus.COMPLETED else set()
        )
        await asyncio.sleep(0)


async def _returning(call: object) -> Clinician | None:
    await call  # type: ignore[misc]  # a coroutine without a result
    return None


# What happens elsewhere


async def test_a_removed_account_takes_its_invites_along(world: World, clinic: Clinic) -> None:
    """The pending clinician stays, and what the user sent to others."""
    with_jane(world)
    pending, other = await invited(world, clinic), await invited(world, clinic, "joe@example.com")
    await world.app.accounts.remove_everywhere(UserId("jane"), SERVER)
    await world.app.accounts.remove_everywhere(UserId("admin"), SERVER)

    assert await world.storage.read(lambda tx: tx.invites.find(key_of(pending))) is None
    assert (await world.invite(key_of(other))).is_pending
    assert {one.invite_id for one in await world.clinicians(clinic)} == {
        pending.invite_id,
        other.invite_id,
    }


async def test_a_deleted_clinic_takes_its_invites_back(world: World, clinic: Clinic) -> None:
    with_jane(world)
    pending = await invited(world, clinic)
    await world.app.clinics.delete(clinic.id, ADMIN)

    assert (await world.invite(key_of(pending))).status is InviteStatus.CANCELED
    assert await world.app.clinician_invites.of_invitee(UserId("jane"), JANE) == ()
