"""Use cases on the outbox: owe mails, and send what is owed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.errors import Unavailable
from clinic_domain.notifications.model import DeliveryState, Notification, Subject
from clinic_domain.notifications.ports import Bell, Mailer, MailNotTaken
from clinic_domain.notifications.rules import LEASE, claimed, failed, is_held, owed, tried_anew
from clinic_domain.ports import Clock, IdGenerator, Journal
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Users
from clinic_domain.values import RecordId, UserId

_AN_ADMIN: Final = "Clinic administrator"
_AT_ONCE: Final = 1000


class NoBell(Bell):
    """Wakes nobody: what is owed is sent when somebody looks."""

    async def ring(self) -> None:
        pass


SILENT: Final = NoBell()


@attrs.frozen
class Announcements:
    """
    Owes the mails that tell of changes.

    Where *is_on* is false, somebody else watches the storage and sends them.
    """

    _ids: IdGenerator
    _bell: Bell = SILENT
    is_on: bool = True

    async def clinic_created(self, tx: Transaction, clinic: Clinic, admin: Clinician) -> None:
        """Tell the first admin, unless the clinic has no name yet."""
        if clinic.details.name and admin.email:
            facts = {"clinic_name": clinic.details.name}
            await self._owe(
                tx, Subject.CLINIC_CREATED, facts, clinic.created_time, addresses=[admin.email]
            )

    async def roles_changed(self, tx: Transaction, clinic: Clinic, member: Clinician) -> None:
        """Tell a member whose roles somebody changed, and who that was."""
        by = UserId(member.roles_updates[-1].updated_by)
        somebody = await tx.clinicians.find(clinic.id, by)
        facts = {
            "clinic_name": clinic.details.name or "",
            "clinician_name": (somebody.name if somebody else None) or _AN_ADMIN,
        }
        await self._owe(
            tx, Subject.ROLES_CHANGED, facts, member.updated_time, user_id=member.user_id
        )

    async def clinics_merged(
        self,
        tx: Transaction,
        source: Clinic,
        target: Clinic,
        now: datetime,
        *,
        patients: Iterable[UserId],
        clinicians: Iterable[UserId],
        admins: Iterable[UserId],
    ) -> None:
        """
        Tell everybody of a merge, in its transaction.

        *patients* and *clinicians* were those of the source, whether they moved or were at the
        target already; *admins* are those that the target had before.
        """
        facts = {
            "source_clinic_name": source.details.name or "",
            "target_clinic_name": target.details.name or "",
        }
        told = (
            (Subject.CLINIC_MERGED_PATIENT, patients),
            (Subject.CLINIC_MERGED_CLINICIAN, clinicians),
            (Subject.CLINIC_MERGED_ADMIN, admins),
        )
        for subject, users in told:
            for user_id in dict.fromkeys(users):
                await self._owe(tx, subject, facts, now, user_id=user_id)

    async def made(self) -> None:
        """Have sent what was owed, once the transaction is over."""
        if self.is_on:
            await self._bell.ring()

    async def _owe(
        self,
        tx: Transaction,
        subject: Subject,
        facts: dict[str, str],
        now: datetime,
        *,
        addresses: Iterable[str] = (),
        user_id: UserId | None = None,
    ) -> None:
        if self.is_on:
            id_ = RecordId(self._ids.new_id())
            await tx.outbox.add(
                owed(id_, subject, facts, now, addresses=addresses, user_id=user_id)
            )


@attrs.frozen
class OutboxService:
    """
    Sends what is owed: at least once, and once unless a process dies in the middle of it.

    Any number of processes may do so at once. Whoever sends a mail claims it first, for as long as
    the lease says; so one whose sender died is sent by another one later.
    """

    _storage: Storage
    _clock: Clock
    _users: Users
    _mailer: Mailer
    _journal: Journal
    _lease: timedelta = LEASE

    async def deliver(self) -> int:
        """Send all that is due now, and return how many mails were tried."""
        tried = 0
        while await self.deliver_one():
            tried += 1
        return tried

    async def deliver_one(self) -> bool:
        """Try that which has been due longest; return False where nothing is due."""
        claim = await self._claim()
        if claim is None:
            return False
        if claim.state is DeliveryState.PENDING:
            await self._try(claim)
        else:
            self._tell_given_up(claim)
        return True

    async def undeliverable(self) -> tuple[Notification, ...]:
        """Return what was given up, oldest first."""
        return await self._storage.read(
            lambda tx: tx.outbox.in_state(DeliveryState.UNDELIVERABLE, _AT_ONCE)
        )

    async def try_anew(self, notification_id: RecordId) -> bool:
        """Make due what was given up; return whether it is there."""
        now = self._clock.now()

        async def work(tx: Transaction) -> bool:
            stored = await tx.outbox.find(notification_id)
            if stored is None or stored.state is not DeliveryState.UNDELIVERABLE:
                return False
            await tx.outbox.save(tried_anew(stored, now))
            return True

        return await self._storage.transaction(work)

    async def _claim(self) -> Notification | None:
        now = self._clock.now()
        # Looking costs less than a transaction, and mostly there is nothing.
        if await self._storage.read(lambda tx: tx.outbox.next_due(now)) is None:
            return None

        async def work(tx: Transaction) -> Notification | None:
            due = await tx.outbox.next_due(now)
            if due is None:
                return None
            claim = claimed(due, now, self._lease)
            await tx.outbox.save(claim)
            return claim

        return await self._storage.transaction(work)

    async def _try(self, claim: Notification) -> None:
        try:
            if recipients := await self._recipients(claim):
                await self._mailer.send(claim, recipients)
        except Unavailable as reason:
            await self._put_off(claim, reason)
        else:
            await self._storage.transaction(lambda tx: tx.outbox.remove(claim.id))

    async def _recipients(self, claim: Notification) -> tuple[str, ...]:
        """Return whom to send it; nobody at all is no failure."""
        if claim.user_id is None:
            return claim.addresses
        user = await self._users.find(claim.user_id)
        return (user.email,) if user and user.email else ()

    async def _put_off(self, claim: Notification, reason: Unavailable) -> None:
        changed = failed(claim, self._clock.now())
        if changed.state is DeliveryState.UNDELIVERABLE:
            self._tell_given_up(changed)
        elif isinstance(reason, MailNotTaken):
            self._journal.warning("a mail was not taken", notification=claim.id)

        async def work(tx: Transaction) -> None:
            stored = await tx.outbox.find(claim.id)
            # Somebody else may try already, where this took longer than the lease.
            if stored is not None and is_held(stored, claim):
                await tx.outbox.save(changed)

        await self._storage.transaction(work)

    def _tell_given_up(self, notification: Notification) -> None:
        self._journal.warning("a mail is undeliverable", notification=notification.id)
