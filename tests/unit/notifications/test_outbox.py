"""Mails that are owed are sent, at least once and as a rule once."""

from collections.abc import Sequence
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import ClinicDetails
from clinic_domain.notifications.model import DeliveryState, Notification, Subject
from clinic_domain.notifications.ports import Mailer
from clinic_domain.notifications.rules import (
    LEASE,
    MAX_ATTEMPTS,
    claimed,
    failed,
    is_due,
    is_held,
    owed,
    pause_after,
    tried_anew,
)
from clinic_domain.notifications.service import Announcements
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_clinician, a_notification
from clinic_domain.testing.fakes import A_MORNING, SequentialIds
from clinic_domain.values import RecordId, UserId
from support.world import World, user


async def owe(world: World, *notifications: Notification) -> None:
    async def work(tx: Transaction) -> None:
        for notification in notifications:
            await tx.outbox.add(notification)

    await world.storage.transaction(work)


def subjects(world: World) -> list[str]:
    return [notification.facts["clinic_name"] for notification, _ in world.mailer.sent]


# Rules


@given(st.lists(st.sampled_from(["a@b.cd", "", " ", "e@f.gh"])))
def test_everybody_is_owed_one_mail_once(addresses: list[str]) -> None:
    notification = owed(RecordId("1"), Subject.CLINIC_CREATED, {}, A_MORNING, addresses=addresses)

    assert list(notification.addresses) == [
        each for each in dict.fromkeys(addresses) if each.strip()
    ]
    assert is_due(notification, A_MORNING)


def test_who_claims_a_mail_has_it_for_a_while() -> None:
    notification = a_notification()
    claim = claimed(notification, A_MORNING)

    assert not is_due(claim, A_MORNING + LEASE - timedelta(milliseconds=1))
    assert is_due(claim, A_MORNING + LEASE)
    assert is_held(claim, claim)
    assert not is_held(claimed(claim, A_MORNING + LEASE), claim)


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, 100)]

    assert pauses[:3] == [timedelta(seconds=15), timedelta(seconds=30), timedelta(minutes=1)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=4)


@given(st.integers(0, 30), st.booleans())
def test_somebody_tries_so_often_and_no_more(ends: int, dies: bool) -> None:
    """Whether mails are refused or their senders die in the middle of it."""
    notification, now = attrs.evolve(a_notification(), attempts=min(ends, MAX_ATTEMPTS)), A_MORNING
    for _ in range(2 * MAX_ATTEMPTS):
        if not is_due(notification, now):
            break
        claim = claimed(notification, now)
        notification = claim if dies or not is_due(claim, now + LEASE) else failed(claim, now)
        now = max(notification.due_time, now)

    assert notification.state is DeliveryState.UNDELIVERABLE
    assert notification.attempts == MAX_ATTEMPTS
    anew = tried_anew(notification, now)
    assert is_due(anew, now)
    assert anew.attempts == 0


# Sending


async def test_what_is_owed_is_sent_in_its_order_and_forgotten(world: World) -> None:
    mails = [
        a_notification(facts={"clinic_name": name}, due_time=A_MORNING - timedelta(seconds=back))
        for name, back in (("second", 1), ("first", 2))
    ]
    await owe(world, *mails, a_notification(due_time=A_MORNING + timedelta(seconds=1)))

    assert await world.app.outbox.deliver() == 2
    assert subjects(world) == ["first", "second"]
    assert len(await world.owed()) == 1
    assert await world.app.outbox.deliver() == 0


async def test_a_user_gets_mail_at_the_address_that_he_has_now(world: World) -> None:
    """Who has none, or is gone, gets none, and nobody tries again."""
    world.users.add("jane", "jane@example.com")
    world.users.add("joe")
    await owe(
        world,
        *(a_notification(addresses=(), user_id=UserId(name)) for name in ("jane", "joe", "nobody")),
    )

    await world.app.outbox.deliver()

    assert [recipients for _, recipients in world.mailer.sent] == [("jane@example.com",)]
    assert await world.owed() == ()


async def test_a_mail_that_nobody_takes_is_tried_again_and_then_given_up(world: World) -> None:
    await owe(world, a_notification(addresses=("bad@example.com",)), a_notification())
    world.mailer.refused = {"bad@example.com"}

    await world.app.outbox.deliver()
    assert len(world.mailer.sent) == 1
    for attempt in range(1, MAX_ATTEMPTS):
        world.clock.advance(pause_after(attempt) - timedelta(milliseconds=1))
        assert await world.app.outbox.deliver() == 0
        world.clock.advance()
        assert await world.app.outbox.deliver() == 1
    [given_up] = await world.app.outbox.undeliverable()
    assert given_up.attempts == MAX_ATTEMPTS
    assert world.journal.warnings[-1] == ("a mail is undeliverable", {"notification": given_up.id})

    world.clock.advance(timedelta(days=30))
    assert await world.app.outbox.deliver() == 0
    world.mailer.refused.clear()
    assert await world.app.outbox.try_anew(given_up.id)
    assert not await world.app.outbox.try_anew(given_up.id)
    await world.app.outbox.deliver()
    assert len(world.mailer.sent) == 2


async def test_a_mail_waits_while_accounts_cannot_be_looked_up(world: World) -> None:
    world.users.add("jane", "jane@example.com")
    await owe(world, a_notification(addresses=(), user_id=UserId("jane")))
    world.users.is_available = False

    await world.app.outbox.deliver()
    assert len(await world.owed()) == 1
    world.users.is_available = True
    world.clock.advance(timedelta(minutes=1))
    await world.app.outbox.deliver()

    assert len(world.mailer.sent) == 1


class Death(BaseException):
    """Ends a process in the middle of something."""


@attrs.define
class DyingMailer(Mailer):
    """Takes mails, and dies before or after it did."""

    is_late: bool
    sent: list[str] = attrs.field(factory=list)
    lives: int = 0

    async def send(self, notification: Notification, recipients: Sequence[str]) -> None:
        self.lives += 1
        if self.lives == 1 and not self.is_late:
            raise Death
        self.sent.append(notification.id)
        if self.lives == 1:
            raise Death


@pytest.mark.parametrize(("is_late", "times"), [(False, 1), (True, 2)])
async def test_a_mail_outlives_its_sender(world: World, is_late: bool, times: int) -> None:
    """It is sent again when the lease is over, though perhaps it was sent already."""
    mailer = DyingMailer(is_late)
    outbox = attrs.evolve(world.app.outbox, mailer=mailer)
    notification = a_notification()
    await owe(world, notification)

    with pytest.raises(Death):
        await outbox.deliver()
    assert await outbox.deliver() == 0
    world.clock.advance(LEASE)
    assert await outbox.deliver() == 1

    assert mailer.sent == [notification.id] * times
    assert await world.owed() == ()


async def test_who_took_too_long_does_not_undo_what_others_did(world: World) -> None:
    """A failure that comes after the lease changes nothing for whoever has the mail now."""
    outbox = world.app.outbox
    notification = a_notification(addresses=("bad@example.com",))
    await owe(world, notification)
    world.mailer.refused = {"bad@example.com"}

    @attrs.define
    class Slow(Mailer):
        async def send(self, notification: Notification, recipients: Sequence[str]) -> None:
            world.clock.advance(LEASE)
            await outbox.deliver()
            await world.mailer.send(notification, recipients)

    await attrs.evolve(outbox, mailer=Slow()).deliver_one()

    [left] = await world.owed()
    assert left.attempts == 2
    assert left.due_time == world.clock.now() + pause_after(2)


async def test_a_mail_whose_senders_keep_dying_is_given_up(world: World) -> None:
    await owe(world, a_notification(attempts=MAX_ATTEMPTS))

    assert await world.app.outbox.deliver() == 1
    assert world.mailer.sent == []
    assert len(await world.app.outbox.undeliverable()) == 1


# What is told


async def test_the_first_admin_hears_of_a_new_clinic(world: World) -> None:
    world.users.add("ada", "Ada@example.com")
    await world.app.clinics.create(ClinicDetails("Saint Vitus", "mg/dL"), user("ada"))
    [mail] = await world.owed()

    assert (mail.subject, mail.addresses) == (Subject.CLINIC_CREATED, ("ada@example.com",))
    assert mail.facts == {"clinic_name": "Saint Vitus"}
    assert world.bell.rings == 1


async def test_every_change_of_roles_is_told(world: World) -> None:
    """By whom, where that is somebody with a name in the clinic; other changes are not told."""
    clinic = a_clinic(admins=("ada",))
    admin = (Role.CLINIC_ADMIN,)
    await world.has(
        clinic,
        a_clinician(clinic, user_id="ada", name="Ada Admin", roles=admin),
        a_clinician(clinic, user_id="max", roles=(Role.CLINIC_MEMBER,)),
    )
    world.users.add("max", "max@example.com")

    async def update(roles: tuple[str, ...], by: str) -> None:
        await world.app.clinicians.update(clinic.id, UserId("max"), "Max", roles, user(by))

    await update((Role.PRESCRIBER,), "ada")
    await update((Role.PRESCRIBER,), "ada")
    await update((Role.CLINIC_MEMBER,), "somebody else")
    await world.app.outbox.deliver()

    assert [notification.facts for notification, _ in world.mailer.sent] == [
        {"clinic_name": "Saint Vitus", "clinician_name": "Ada Admin"},
        {"clinic_name": "Saint Vitus", "clinician_name": "Clinic administrator"},
    ]
    assert {recipients for _, recipients in world.mailer.sent} == {("max@example.com",)}


async def test_nothing_is_told_where_somebody_else_does() -> None:
    world = World(announces=False)
    world.users.add("ada", "ada@example.com")
    await world.app.clinics.create(ClinicDetails("Saint Vitus", "mg/dL"), user("ada"))

    assert await world.owed() == ()
    assert world.bell.rings == 0


async def test_everybody_hears_of_a_merge(world: World) -> None:
    source = a_clinic(details=ClinicDetails("Source"))
    target = a_clinic(details=ClinicDetails("Target"))
    announcements = Announcements(SequentialIds())

    async def work(tx: Transaction) -> None:
        await announcements.clinics_merged(
            tx,
            source,
            target,
            A_MORNING,
            patients=[UserId("p")],
            clinicians=[UserId("c"), UserId("c")],
            admins=[UserId("a")],
        )

    await world.storage.transaction(work)

    told = {mail.user_id: mail.subject for mail in await world.owed()}
    assert told == {
        "p": Subject.CLINIC_MERGED_PATIENT,
        "c": Subject.CLINIC_MERGED_CLINICIAN,
        "a": Subject.CLINIC_MERGED_ADMIN,
    }
    facts = {"source_clinic_name": "Source", "target_clinic_name": "Target"}
    assert all(mail.facts == facts for mail in await world.owed())
