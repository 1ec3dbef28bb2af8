"""Use cases on a clinic as a whole."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.rules import creator_of_clinic, new_clinician
from clinic_domain.clinics.errors import ClinicNotFound, DuplicateShareCode
from clinic_domain.clinics.model import Clinic, ClinicDetails, ClinicQuery, ClinicView, ShareCode
from clinic_domain.clinics.rules import (
    new_clinic,
    refuse_blank_name,
    refuse_unless_empty,
    with_details,
)
from clinic_domain.clinics.share_codes import MAX_ATTEMPTS
from clinic_domain.deletions import Deletion
from clinic_domain.errors import NotFound
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.rules import demo_patient
from clinic_domain.ports import Clock, IdGenerator, Journal, ShareCodeGenerator
from clinic_domain.storage import Storage, Transaction, Work
from clinic_domain.users import Profile, Profiles, User, UserNotFound, Users
from clinic_domain.values import ClinicId, Page, RecordId

T = TypeVar("T")


async def changed_clinic(
    storage: Storage, clinic_id: ClinicId, change: Callable[[Clinic], Clinic]
) -> Clinic:
    """
    Apply a rule to a clinic in a transaction of its own, and return the result.

    Raises:
        ClinicNotFound: there is no such clinic; and what the rule raises.
    """

    async def work(tx: Transaction) -> Clinic:
        clinic = await tx.clinics.get(clinic_id)
        changed = change(clinic)
        await tx.clinics.save(changed, was=clinic)
        return changed

    return await storage.transaction(work)


async def with_a_free_code(storage: Storage, work: Work[T]) -> T:
    """
    Run *work*, which draws a share code for a clinic, until its code is free.

    Raises:
        DuplicateShareCode: a hundred codes in a row were taken (SHARE-3).
    """
    for _ in range(MAX_ATTEMPTS - 1):
        with suppress(DuplicateShareCode):
            return await storage.transaction(work)
    return await storage.transaction(work)


@attrs.frozen
class ClinicService:
    """Opens, shows, describes and closes clinics."""

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _share_codes: ShareCodeGenerator
    _users: Users
    _profiles: Profiles
    _counter: PatientCounter
    _journal: Journal
    _announcements: Announcements

    async def create(self, details: ClinicDetails, by: Principal) -> ClinicView:
        """
        Open a clinic with the caller as its first admin, and with the demo patient (CREATE-3).

        Raises:
            BlankName: the name has no visible character.
            UserNotFound: the caller has no account.
            DuplicateShareCode: a hundred codes in a row were taken (SHARE-3).
        """
        # What can be refused is, before another service is asked.
        refuse_blank_name(details)
        clinic_id, now = ClinicId(self._ids.new_id()), self._clock.now()
        creator = await self._users.find(by.subject)
        if creator is None:
            raise UserNotFound(by.subject)
        profile = await self._profiles.find(creator.id)
        demo = await self._demo_user()

        async def work(tx: Transaction) -> ClinicView:
            code = ShareCode(self._share_codes.new_code())
            clinic = new_clinic(clinic_id, code, by.subject, details, now)
            await tx.clinics.add(clinic)
            new = creator_of_clinic(creator, profile)
            admin = new_clinician(self._new_record_id(), clinic_id, new, now)
            await tx.clinicians.add(admin)
            await self._announcements.clinic_created(tx, clinic, admin)
            if demo:
                patient = demo_patient(self._new_record_id(), clinic_id, *demo, now)
                await tx.patients.add(patient)
                await self._counter.refresh(tx, clinic, now)
            return ClinicView(clinic, {}, {})

        view = await with_a_free_code(self._storage, work)
        await self._announcements.made()
        return view

    async def get(self, clinic_id: ClinicId) -> ClinicView:
        """Return a clinic as it is shown. Raises ClinicNotFound."""
        return await self._storage.read(lambda tx: _view(tx, clinic_id))

    async def get_by_share_code(self, code: str) -> ClinicView:
        """Return the clinic that any of its codes names (SHARE-2). Raises NotFound."""
        views = await self.list(ClinicQuery(share_code=code, page=Page(limit=1)))
        if not views:
            raise NotFound
        return views[0]

    async def list(self, query: ClinicQuery) -> tuple[ClinicView, ...]:
        """Return the clinics that match."""
        return await self._storage.read(lambda tx: tx.clinics.views(query))

    async def update(self, clinic_id: ClinicId, details: ClinicDetails) -> ClinicView:
        """Describe a clinic anew (UPD-1). Raises ClinicNotFound, BlankName."""
        now = self._clock.now()

        async def work(tx: Transaction) -> ClinicView:
            clinic = await tx.clinics.get(clinic_id)
            await tx.clinics.save(with_details(clinic, details, now), was=clinic)
            # Here, not afterwards: whoever is told that it failed may rely on it.
            return await _view(tx, clinic_id)

        return await self._storage.transaction(work)

    async def delete(self, clinic_id: ClinicId, by: Principal) -> None:
        """
        Close a clinic that has no patients but the demo patient (DEL-1 to DEL-5).

        Raises:
            ClinicNotFound: there is no such clinic.
            ClinicNotEmpty: it has patients.
        """
        deletion = Deletion(self._clock.now(), by.user_id)

        async def work(tx: Transaction) -> None:
            clinic = await tx.clinics.get(clinic_id)
            patients = await tx.patients.some_of_clinic(clinic_id, limit=2)
            users = [patient.user_id for patient in patients]
            refuse_unless_empty(clinic_id, users, self._counter.demo_patient)
            for patient in patients:
                await tx.patients.remove(patient, deletion)
            await tx.clinicians.remove_of_clinic(clinic_id, deletion)
            await tx.invites.cancel_of_clinic(clinic_id, deletion.time)
            await tx.clinics.remove(clinic, deletion)

        await self._storage.transaction(work)

    async def _demo_user(self) -> tuple[User, Profile | None] | None:
        if not self._counter.demo_patient:
            return None
        user = await self._users.find(self._counter.demo_patient)
        if user is None:
            self._journal.warning(
                "the demo patient has no account", user=self._counter.demo_patient
            )
            return None
        return user, await self._profiles.find(user.id)

    def _new_record_id(self) -> RecordId:
        return RecordId(self._ids.new_id())


async def _view(tx: Transaction, clinic_id: ClinicId) -> ClinicView:
    view = await tx.clinics.find_view(clinic_id)
    if view is None:
        raise ClinicNotFound(clinic_id)
    return view
