"""Use cases on the members of clinics, invites and service accounts."""

from collections.abc import Iterable

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.errors import EmptyUserId
from clinic_domain.clinicians.model import (
    AllCliniciansQuery,
    Clinician,
    ClinicianInClinic,
    ClinicianQuery,
    NewClinician,
)
from clinic_domain.clinicians.rules import (
    joined,
    new_clinician,
    service_account,
    with_admins_of,
    with_roles,
)
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.clinics.rules import refuse_unmigrated, without_admin
from clinic_domain.deletions import Deletion
from clinic_domain.notifications.service import Announcements
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Profiles, ServiceAccounts
from clinic_domain.values import ClinicId, InviteId, Page, RecordId, UserId


@attrs.frozen
class ClinicianService:
    """
    Adds, shows, changes and removes clinicians.

    Whatever changes one of a clinic raises ClinicNotFound and ClinicNotMigrated, and keeps the
    clinic's admins in line in the same transaction (CLINICIAN-6, CLINICIAN-7).
    """

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _profiles: Profiles
    _service_accounts: ServiceAccounts
    _announcements: Announcements

    async def list(self, query: ClinicianQuery) -> tuple[Clinician, ...]:
        """Return the clinicians of a clinic that match; nobody in a clinic that does not exist."""
        return await self._storage.read(lambda tx: tx.clinicians.of_clinic(query))

    async def get(self, clinic_id: ClinicId, user_id: UserId) -> Clinician:
        """Return a member. Raises ClinicianNotFound."""
        return await self._storage.read(lambda tx: tx.clinicians.get(clinic_id, user_id))

    async def create(self, clinic_id: ClinicId, new: NewClinician) -> Clinician:
        """Add a member or an invite. Raises EmptyInviteId, DuplicateClinician, LastAdmin."""
        now = self._clock.now()
        clinician = new_clinician(RecordId(self._ids.new_id()), clinic_id, new, now)

        async def work(tx: Transaction) -> Clinician:
            clinic = await _migrated_clinic(tx, clinic_id)
            await tx.clinicians.add(clinician)
            await tx.clinics.save(with_admins_of(clinic, clinician, now), was=clinic)
            return clinician

        return await self._storage.transaction(work)

    async def update(
        self,
        clinic_id: ClinicId,
        user_id: UserId,
        name: str | None,
        roles: tuple[str, ...],
        by: Principal,
    ) -> Clinician:
        """Replace the name and the roles of a member. Raises ClinicianNotFound, LastAdmin."""
        now = self._clock.now()

        async def work(tx: Transaction) -> Clinician:
            clinic = await _migrated_clinic(tx, clinic_id)
            clinician = await tx.clinicians.get(clinic_id, user_id)
            changed = with_roles(clinician, name, roles, by.subject, now)
            await tx.clinicians.save(changed, was=clinician)
            await tx.clinics.save(with_admins_of(clinic, changed, now), was=clinic)
            if changed.roles_updates != clinician.roles_updates:
                await self._announcements.roles_changed(tx, clinic, changed)
            return changed

        changed = await self._storage.transaction(work)
        await self._announcements.made()
        return changed

    async def delete(self, clinic_id: ClinicId, user_id: UserId, by: Principal) -> None:
        """Remove a member. Raises ClinicianNotFound, LastAdmin."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            clinic = await _migrated_clinic(tx, clinic_id)
            clinician = await tx.clinicians.get(clinic_id, user_id)
            await tx.clinicians.remove(clinician, Deletion(now, by.user_id))
            await tx.clinics.save(without_admin(clinic, user_id, now), was=clinic)

        await self._storage.transaction(work)

    async def get_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> Clinician:
        """Return a pending invite. Raises ClinicianNotFound."""
        return await self._storage.read(lambda tx: tx.clinicians.get_invited(clinic_id, invite_id))

    async def delete_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> None:
        """Withdraw a pending invite; it leaves no deletion record. Raises ClinicianNotFound."""

        async def work(tx: Transaction) -> None:
            await _migrated_clinic(tx, clinic_id)
            invited = await tx.clinicians.get_invited(clinic_id, invite_id)
            await tx.clinicians.remove(invited, None)

        await self._storage.transaction(work)

    async def associate(
        self, clinic_id: ClinicId, invite_id: InviteId, user_id: UserId
    ) -> Clinician:
        """
        Make a pending invite the membership of the user who accepted it.

        Raises:
            EmptyUserId: nobody accepted.
            ClinicianNotFound: no such invite is pending.
            DuplicateClinician: the user has a record in the clinic; the invite stays.
            LastAdmin: a clinic without admins gets no plain members.
        """
        if not user_id:
            raise EmptyUserId(clinic_id)
        await self._storage.read(lambda tx: _migrated_clinic(tx, clinic_id))
        profile = await self._profiles.find(user_id)
        now = self._clock.now()

        async def work(tx: Transaction) -> Clinician:
            clinic = await _migrated_clinic(tx, clinic_id)
            invited = await tx.clinicians.get_invited(clinic_id, invite_id)
            member = joined(invited, user_id, profile, now)
            await tx.clinicians.save(member, was=invited)
            await tx.clinics.save(with_admins_of(clinic, member, now), was=clinic)
            return member

        return await self._storage.transaction(work)

    async def add_service_account(
        self, clinic_id: ClinicId, name: str, client_id: str, client_secret: str
    ) -> Clinician:
        """
        Add the program behind some credentials as a member.

        Raises CredentialsRefused, DuplicateClinician.
        """
        await self._storage.read(lambda tx: _migrated_clinic(tx, clinic_id))
        user_id = await self._service_accounts.user_id_of(client_id, client_secret)
        return await self.create(clinic_id, service_account(user_id, name))

    async def clinics_of(self, user_id: UserId, page: Page) -> tuple[ClinicianInClinic, ...]:
        """Return a user's memberships with their clinics, newest first."""

        async def work(tx: Transaction) -> tuple[ClinicianInClinic, ...]:
            return await _with_clinics(tx, await tx.clinicians.of_user(user_id, page))

        return await self._storage.read(work)

    async def list_all(self, query: AllCliniciansQuery) -> tuple[ClinicianInClinic, ...]:
        """Return all records that match with their clinics, newest first."""

        async def work(tx: Transaction) -> tuple[ClinicianInClinic, ...]:
            return await _with_clinics(tx, await tx.clinicians.all(query))

        return await self._storage.read(work)


async def _migrated_clinic(tx: Transaction, clinic_id: ClinicId) -> Clinic:
    clinic = await tx.clinics.get(clinic_id)
    refuse_unmigrated(clinic)
    return clinic


async def _with_clinics(
    tx: Transaction, clinicians: Iterable[Clinician]
) -> tuple[ClinicianInClinic, ...]:
    clinicians = tuple(clinicians)
    ids = tuple(dict.fromkeys(clinician.clinic_id for clinician in clinicians))
    views = {view.clinic.id: view for view in await tx.clinics.views(ClinicQuery(ids=ids))}
    # A record whose clinic is gone is left out.
    return tuple(
        ClinicianInClinic(clinician, views[clinician.clinic_id])
        for clinician in clinicians
        if clinician.clinic_id in views
    )
