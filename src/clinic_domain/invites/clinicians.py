"""Use cases on the invites of clinics to clinicians."""

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.errors import DuplicateClinician
from clinic_domain.clinicians.model import Clinician, NewClinician
from clinic_domain.clinicians.rules import joined, new_clinician, with_admins_of
from clinic_domain.clinics.errors import ClinicNotFound
from clinic_domain.clinics.model import Clinic
from clinic_domain.clinics.rules import refuse_unmigrated
from clinic_domain.invites.errors import (
    AlreadyMember,
    InviteNotFound,
    InvitingClinicNotFound,
    NotInvolved,
)
from clinic_domain.invites.model import Invite, InviteKind, InviteStatus, InviteView
from clinic_domain.invites.ports import InviteKeyGenerator
from clinic_domain.invites.rules import (
    admission,
    answered,
    clinician_invite,
    concerns,
    linked,
    name_of,
    owner_of,
    refuse_outsider,
    sent_again,
)
from clinic_domain.invites.views import creator_of, with_creators
from clinic_domain.notifications.model import Notification, Subject
from clinic_domain.notifications.ports import Bell
from clinic_domain.notifications.rules import owed
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Profile, Profiles, User, Users
from clinic_domain.values import ClinicId, InviteId, RecordId, UserId


@attrs.frozen
class ClinicianInviteService:
    """
    Invites clinicians, and lets them join or not.

    An invite, the pending clinician that goes with it, and the mail that is owed are written in one
    transaction; the mail is sent afterwards.
    """

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _keys: InviteKeyGenerator
    _users: Users
    _profiles: Profiles
    _bell: Bell

    # What the clinic does

    async def invite(
        self, clinic_id: ClinicId, email: str, roles: tuple[str, ...], by: Principal
    ) -> Clinician:
        """
        Invite whoever has an address, and return the pending clinician.

        Raises:
            InvitingClinicNotFound, ClinicNotMigrated: in this order.
            DuplicateClinician: the address, or the account behind it, has a record in the clinic.
        """
        await self._storage.read(lambda tx: _inviting(tx, clinic_id))
        invitee = owner_of(email, await self._users.find(email))
        sender = name_of(await self._profile_of(by))
        key, record_id, now = self._keys.new_key(), self._new_record_id(), self._clock.now()

        async def work(tx: Transaction) -> Clinician:
            clinic = await _inviting(tx, clinic_id)
            if invitee and await tx.clinicians.find(clinic_id, invitee.id):
                raise DuplicateClinician(clinic_id)
            new = NewClinician(email, roles, invite_id=key)
            clinician = new_clinician(record_id, clinic_id, new, now)
            await tx.clinicians.add(clinician)
            invite = clinician_invite(
                key, clinic, email, creator=by.subject, invitee=invitee, now=now
            )
            await tx.invites.put(invite)
            await tx.outbox.add(self._mail(invite, sender))
            return clinician

        clinician = await self._storage.transaction(work)
        await self._bell.ring()
        return clinician

    async def resend(self, clinic_id: ClinicId, key: InviteId, by: Principal) -> InviteView:
        """
        Send an invite again, to the pending clinician's address (INVITE-11).

        One that is lost comes back under its key, sent by the caller.

        Raises:
            InvitingClinicNotFound: there is no such clinic.
            ClinicianNotFound: no such clinician is pending.
        """

        async def find(tx: Transaction) -> tuple[str, UserId]:
            await _known(tx, clinic_id)
            clinician = await tx.clinicians.get_invited(clinic_id, key)
            invite = await _pending(tx, clinic_id, key)
            return clinician.email or "", invite.creator_id if invite else by.subject

        email, creator_id = await self._storage.read(find)
        invitee = owner_of(email, await self._users.find(email)) if email else None
        creator = await creator_of(creator_id, self._profiles)
        now = self._clock.now()

        async def work(tx: Transaction) -> Invite:
            clinic = await _known(tx, clinic_id)
            await tx.clinicians.get_invited(clinic_id, key)
            invite = await _pending(tx, clinic_id, key)
            if invite is None:
                again = clinician_invite(
                    key, clinic, email, creator=by.subject, invitee=invitee, now=now
                )
            else:
                again = sent_again(invite, clinic, email, invitee, now)
            await tx.invites.put(again)
            await tx.outbox.add(self._mail(again, name_of(creator.profile)))
            return again

        invite = await self._storage.transaction(work)
        await self._bell.ring()
        return InviteView(invite, creator)

    async def get(self, clinic_id: ClinicId, key: InviteId) -> InviteView:
        """Return a pending invite. Raises ClinicianNotFound, InviteNotFound."""

        async def work(tx: Transaction) -> InviteView:
            await tx.clinicians.get_invited(clinic_id, key)
            invite = await _pending(tx, clinic_id, key)
            if invite is None:
                raise InviteNotFound(key)
            return InviteView(invite)

        return await self._storage.read(work)

    async def withdraw(self, clinic_id: ClinicId, key: InviteId) -> None:
        """Take an invite back; where none is pending there is nothing to do."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            await tx.clinics.find(clinic_id)
            await _forget_clinician(tx, clinic_id, key)
            invite = await _pending(tx, clinic_id, key)
            if invite:
                await tx.invites.put(answered(invite, InviteStatus.CANCELED, now))

        await self._storage.transaction(work)

    # What the invited clinician does

    async def of_invitee(self, user_id: UserId, by: Principal) -> tuple[InviteView, ...]:
        """
        Return the pending invites of a user, newest first, and whether each can be accepted.

        Invites to the first address of the account that are not linked yet are linked before
        (INVITE-3). Those of clinics that are gone are left out.

        Raises:
            NotInvolved: the user has no account.
        """
        user = await self._account_of(user_id)
        await self._link(user)

        async def find(tx: Transaction) -> list[InviteView]:
            found = []
            clinics: dict[ClinicId, Clinic | None] = {}
            for invite in await tx.invites.of_invitee(user_id):
                if invite.clinic_id not in clinics:
                    clinics[invite.clinic_id] = await tx.clinics.find(invite.clinic_id)
                clinic = clinics[invite.clinic_id]
                if clinic:
                    allowed = admission(
                        clinic.membership_restrictions, user.username, by.identity_provider
                    )
                    found.append(InviteView(invite, admission=allowed))
            return found

        return await with_creators(await self._storage.read(find), self._profiles)

    async def accept(self, user_id: UserId, key: InviteId, by: Principal) -> Clinician:
        """
        Make the invited clinician a member.

        Raises:
            NotInvolved: the user has no account.
            InviteNotFound: no such invite is pending for the user, or its clinic is gone.
            MayNotJoin: the clinic lets only others join.
            ClinicNotMigrated, AlreadyMember, LastAdmin: it does not go together with the clinic.
        """
        user = await self._account_of(user_id)
        profile = await self._profiles.find(user_id)
        now = self._clock.now()

        async def work(tx: Transaction) -> Clinician:
            invite = await _own(tx, user, key)
            clinic = await tx.clinics.find(invite.clinic_id) if invite else None
            if invite is None or clinic is None:
                raise InviteNotFound(key)
            refuse_outsider(clinic, user.username, by.identity_provider)
            refuse_unmigrated(clinic)
            if await tx.clinicians.find(clinic.id, user_id):
                raise AlreadyMember(clinic.id)
            invited = await tx.clinicians.find_invited(clinic.id, key)
            if invited is None:
                raise InviteNotFound(key)
            member = joined(invited, user_id, profile, now)
            await tx.clinicians.save(member, was=invited)
            await tx.clinics.save(with_admins_of(clinic, member, now), was=clinic)
            await tx.invites.put(answered(invite, InviteStatus.COMPLETED, now))
            return member

        return await self._storage.transaction(work)

    async def dismiss(self, user_id: UserId, key: InviteId) -> None:
        """
        Turn an invite down; where none is pending for the user there is nothing to do.

        Raises:
            NotInvolved: the user has no account.
        """
        user = await self._account_of(user_id)
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            invite = await _own(tx, user, key)
            if invite:
                await tx.clinics.find(invite.clinic_id)
                await _forget_clinician(tx, invite.clinic_id, key)
                await tx.invites.put(answered(invite, InviteStatus.DECLINED, now))

        await self._storage.transaction(work)

    # Accounts

    async def _account_of(self, user_id: UserId) -> User:
        user = await self._users.find(user_id)
        if user is None:
            raise NotInvolved(user_id)
        return attrs.evolve(user, id=user_id)

    async def _profile_of(self, by: Principal) -> Profile | None:
        return None if by.user_id is None else await self._profiles.find(by.user_id)

    async def _link(self, user: User) -> None:
        email = user.email
        if email is None or not await self._storage.read(lambda tx: tx.invites.unlinked(email)):
            return

        async def work(tx: Transaction) -> None:
            for invite in await tx.invites.unlinked(email):
                await tx.clinics.find(invite.clinic_id)
                await tx.invites.put(linked(invite, user.id))

        await self._storage.transaction(work)

    def _mail(self, invite: Invite, sender: str) -> Notification:
        facts = {
            "clinic_name": invite.clinic_name or "",
            "creator_name": sender,
            "email": invite.email,
            "has_account": "" if invite.invitee_id is None else "yes",
        }
        return owed(
            self._new_record_id(),
            Subject.CLINICIAN_INVITED,
            facts,
            self._clock.now(),
            addresses=[invite.email],
        )

    def _new_record_id(self) -> RecordId:
        return RecordId(self._ids.new_id())


async def _known(tx: Transaction, clinic_id: ClinicId) -> Clinic:
    try:
        return await tx.clinics.get(clinic_id)
    except ClinicNotFound:
        raise InvitingClinicNotFound(clinic_id) from None


async def _inviting(tx: Transaction, clinic_id: ClinicId) -> Clinic:
    clinic = await _known(tx, clinic_id)
    refuse_unmigrated(clinic)
    return clinic


async def _pending(tx: Transaction, clinic_id: ClinicId, key: InviteId) -> Invite | None:
    """Return a clinic's invite of a clinician while it is pending."""
    invite = await tx.invites.find(key)
    if invite is None or invite.kind is not InviteKind.CLINICIAN or not invite.is_pending:
        return None
    return invite if invite.clinic_id == clinic_id else None


async def _own(tx: Transaction, user: User, key: InviteId) -> Invite | None:
    """Return a user's invite while it is pending, linked (INVITE-3)."""
    invite = await tx.invites.find(key)
    if invite is None or invite.kind is not InviteKind.CLINICIAN or not invite.is_pending:
        return None
    if concerns(invite, user):
        return linked(invite, user.id)
    return invite if invite.invitee_id == user.id else None


async def _forget_clinician(tx: Transaction, clinic_id: ClinicId, key: InviteId) -> None:
    clinician = await tx.clinicians.find_invited(clinic_id, key)
    if clinician:
        await tx.clinicians.remove(clinician, None)
