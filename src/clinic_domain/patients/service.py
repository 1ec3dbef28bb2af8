"""Use cases on a clinic's patients."""

import builtins
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.clinics.rules import refuse_beyond_plan, workspace_query
from clinic_domain.deletions import Deletion
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.errors import (
    DuplicatePatient,
    PatientToConnectNotFound,
    UserTokenRequired,
    WorkspaceTypeRequired,
)
from clinic_domain.patients.model import (
    DataSource,
    JoiningDetails,
    Patient,
    PatientDetails,
    PatientInClinic,
    PatientSearch,
    Permission,
    Permissions,
    Review,
)
from clinic_domain.patients.queries import PatientMatches, PatientPage, PatientQuery
from clinic_domain.patients.rules import (
    custodial_patient,
    joining_patient,
    lower_case_email,
    refuse_missing_mrn,
    refuse_taken_mrn,
    with_connection_request,
    with_details,
    with_legacy_clinician,
    with_permissions,
    with_reminder,
    with_review,
    without_permission,
    without_review,
)
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Profiles, UserNotFound, Users
from clinic_domain.values import ClinicId, Page, RecordId, TagId, UserId

_MAX_CLINICS_OF_A_CALLER = 1000


def _unchanged(patient: Patient) -> Patient:
    return patient


@attrs.frozen
class PatientService:
    """
    Adds, shows, changes, finds and removes patients.

    Calls to the user service come after everything that can be refused is checked and before the
    transaction that writes, which checks again: nothing of a refused or failed use case is kept.
    """

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _users: Users
    _profiles: Profiles
    _counter: PatientCounter

    async def create_custodial(
        self, clinic_id: ClinicId, details: PatientDetails, by: Principal
    ) -> Patient:
        """
        Open an account that the clinic holds for a patient, and add the patient (PAT-CRE).

        Raises:
            ClinicNotFound, MrnRequired, MrnNotUnique, PatientCountExceeded, UnknownSite,
                EmailTaken: in this order.
        """
        email = lower_case_email(details.email)
        return await self.add_custodial(clinic_id, details, email=email, invited_by=by.user_id)

    async def add_custodial(
        self,
        clinic_id: ClinicId,
        details: PatientDetails,
        *,
        email: str | None,
        invited_by: UserId | None = None,
        finish: Callable[[Patient], Patient] = _unchanged,
    ) -> Patient:
        """
        Open an account of this *email*, spelled like that, and add the patient that *finish* makes.

        Raises:
            ClinicNotFound, MrnRequired, MrnNotUnique, PatientCountExceeded, UnknownSite,
                EmailTaken: in this order.
        """
        record_id, now = RecordId(self._ids.new_id()), self._clock.now()

        async def checked(tx: Transaction, user_id: UserId) -> tuple[Clinic, Patient]:
            clinic = await tx.clinics.get(clinic_id)
            await _check_mrn(tx, clinic, user_id, details.mrn)
            refuse_beyond_plan(clinic, await self._counter.known(tx, clinic), now)
            patient = custodial_patient(
                record_id, clinic, user_id, details, email=email, invited_by=invited_by, now=now
            )
            return clinic, finish(patient)

        await self._storage.read(lambda tx: checked(tx, UserId("")))
        user_id = await self._users.create_custodial(clinic_id, email or None)

        async def work(tx: Transaction) -> Patient:
            clinic, patient = await checked(tx, user_id)
            await tx.patients.add(patient)
            await self._counter.refresh(tx, clinic, now)
            return patient

        return await self._storage.transaction(work)

    async def add_existing(
        self, clinic_id: ClinicId, user_id: UserId, details: JoiningDetails
    ) -> Patient:
        """
        Add a user who has an account (PAT-USR).

        A user who is a patient already is a duplicate, unless a legacy clinician is named: then
        only that is noted.

        Raises:
            ClinicNotFound, UserNotFound, MrnRequired, MrnNotUnique, PatientCountExceeded,
                DuplicatePatient: in this
            order.
        """
        await self._storage.read(lambda tx: tx.clinics.get(clinic_id))
        user = await self._users.find(user_id)
        if user is None:
            raise UserNotFound(user_id)
        profile = await self._profiles.find(user_id)
        record_id, now = RecordId(self._ids.new_id()), self._clock.now()

        async def work(tx: Transaction) -> Patient:
            clinic = await tx.clinics.get(clinic_id)
            patient = joining_patient(
                record_id, clinic, attrs.evolve(user, id=user_id), profile, details, now=now
            )
            known = await tx.patients.find(clinic_id, user_id)
            if known is None:
                await admit(tx, self._counter, clinic, patient, now)
                return patient
            await _check_admission(tx, self._counter, clinic, patient, now)
            if details.legacy_clinician_id is None:
                raise DuplicatePatient(clinic_id, user_id)
            noted = with_legacy_clinician(known, details.legacy_clinician_id, now)
            await tx.patients.save(noted, was=known)
            return noted

        return await self._storage.transaction(work)

    async def get(self, clinic_id: ClinicId, user_id: UserId) -> Patient:
        """Return a patient of a clinic. Raises PatientNotFound."""
        return await self._storage.read(lambda tx: tx.patients.get(clinic_id, user_id))

    async def list(self, query: PatientQuery) -> PatientPage:
        """Return the patients of a clinic that match; nobody in a clinic that does not exist."""
        return await self._storage.read(lambda tx: tx.patients.page(query))

    async def matches(self, query: PatientQuery) -> PatientMatches:
        """Return the ids of a page of the list, for those who read it in parts."""
        return await self._storage.read(lambda tx: tx.patients.matches(query))

    async def some(
        self, clinic_id: ClinicId, ids: Sequence[RecordId]
    ) -> builtins.tuple[Patient, ...]:
        """Return a part of a list in the order of *ids*, without patients that are gone."""
        return await self._storage.read(lambda tx: tx.patients.with_ids(clinic_id, ids))

    async def update(
        self, clinic_id: ClinicId, user_id: UserId, details: PatientDetails
    ) -> Patient:
        """
        Describe a patient anew; the address of a custodial account changes with it (PAT-UPD).

        Raises:
            PatientNotFound, MrnRequired, MrnNotUnique, UnknownSite, CustodialEmailTaken: in this
                order.
        """
        now = self._clock.now()

        async def checked(tx: Transaction) -> tuple[Clinic, Patient, Patient]:
            patient = await tx.patients.get(clinic_id, user_id)
            clinic = await tx.clinics.get(clinic_id)
            await _check_mrn(tx, clinic, user_id, details.mrn)
            return clinic, patient, with_details(patient, clinic, details, now)

        _, patient, _ = await self._storage.read(checked)
        if patient.is_custodial:
            await self._users.update_custodial(user_id, lower_case_email(details.email))

        async def work(tx: Transaction) -> Patient:
            clinic, patient, changed = await checked(tx)
            await tx.patients.save(changed, was=patient)
            if user_id != self._counter.demo_patient:
                await self._counter.refresh(tx, clinic, now)
            return changed

        return await self._storage.transaction(work)

    async def delete(self, clinic_id: ClinicId, user_id: UserId, by: Principal) -> None:
        """Remove a patient from a clinic (PAT-DEL). Raises PatientNotFound."""
        deletion = Deletion(self._clock.now(), by.user_id)

        async def work(tx: Transaction) -> None:
            patient = await tx.patients.get(clinic_id, user_id)
            await self._remove(tx, patient, deletion)

        await self._storage.transaction(work)

    async def set_permissions(
        self, clinic_id: ClinicId, user_id: UserId, permissions: Permissions
    ) -> Permissions:
        """
        Replace what a patient lets the clinic do, and return it.

        With nothing left the patient is removed.

        Raises:
            PatientNotFound: the clinic has no such patient (PAT-PERM-2, PAT-PERM-3).
        """
        now = self._clock.now()

        async def work(tx: Transaction) -> Permissions:
            patient = await tx.patients.get(clinic_id, user_id)
            changed = with_permissions(patient, permissions, now)
            if changed.permissions:
                await tx.patients.save(changed, was=patient)
            else:
                await self._remove(tx, patient, Deletion(now, by=user_id))
            return changed.permissions or frozenset()

        return await self._storage.transaction(work)

    async def remove_permission(
        self, clinic_id: ClinicId, user_id: UserId, permission: Permission
    ) -> None:
        """
        Take one permission away; with nothing left the patient is removed.

        Raises PermissionNotFound.
        """
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            patient = await tx.patients.find(clinic_id, user_id)
            changed = without_permission(patient, permission, now)
            await tx.patients.save(changed, was=patient or changed)
            if not changed.permissions:
                await self._remove(tx, changed, Deletion(now, by=user_id))

        await self._storage.transaction(work)

    async def add_review(
        self, clinic_id: ClinicId, user_id: UserId, by: Principal
    ) -> tuple[Review, ...]:
        """
        Note that the caller looked at the patient's data.

        Raises PatientNotFound, UserTokenRequired.
        """
        review = Review(_user(by), self._clock.now())

        async def work(tx: Transaction) -> tuple[Review, ...]:
            patient = await tx.patients.get(clinic_id, user_id)
            changed = with_review(patient, review)
            await tx.patients.save(changed, was=patient)
            return changed.reviews or ()

        return await self._storage.transaction(work)

    async def revert_review(
        self, clinic_id: ClinicId, user_id: UserId, by: Principal
    ) -> tuple[Review, ...]:
        """
        Take the caller's newest review back.

        Raises:
            PatientNotFound, ReviewNotFound, ReviewOfSomebodyElse, UserTokenRequired: see the rules.
        """
        clinician_id = _user(by)

        async def work(tx: Transaction) -> tuple[Review, ...]:
            patient = await tx.patients.get(clinic_id, user_id)
            changed = without_review(patient, clinician_id)
            await tx.patients.save(changed, was=patient)
            return changed.reviews or ()

        return await self._storage.transaction(work)

    async def send_upload_reminder(
        self, clinic_id: ClinicId, user_id: UserId, by: Principal
    ) -> Patient:
        """Ask the patient to upload data (PAT-REM-1). Raises PatientNotFound, UserTokenRequired."""
        _user(by)
        now = self._clock.now()

        async def work(tx: Transaction) -> Patient:
            patient = await tx.patients.get(clinic_id, user_id)
            changed = with_reminder(patient, now)
            await tx.patients.save(changed, was=patient)
            return changed

        return await self._storage.transaction(work)

    async def request_connection(self, clinic_id: ClinicId, user_id: UserId, provider: str) -> None:
        """Ask the patient to connect a provider (PAT-CONN). Raises PatientNotFound."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            patient = await tx.patients.find(clinic_id, user_id)
            if patient is None:
                raise PatientToConnectNotFound(clinic_id, user_id)
            await tx.patients.save(with_connection_request(patient, provider, now), was=patient)
            if user_id != self._counter.demo_patient:
                await self._counter.refresh(tx, await tx.clinics.get(clinic_id), now)

        await self._storage.transaction(work)

    async def assign_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None
    ) -> None:
        """Give a tag to some patients of a clinic, or with None to all (PAT-TAG-4)."""
        now = self._clock.now()
        await self._storage.transaction(
            lambda tx: tx.patients.add_tag(clinic_id, tag_id, user_ids, now)
        )

    async def unassign_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None
    ) -> None:
        """Take a tag from some patients of a clinic, or with None from all (PAT-TAG-5)."""
        now = self._clock.now()
        await self._storage.transaction(
            lambda tx: tx.patients.remove_tag(clinic_id, tag_id, user_ids, now)
        )

    async def set_data_sources(self, user_id: UserId, data_sources: tuple[DataSource, ...]) -> None:
        """Replace the data sources of a user in all clinics (PAT-DS-1)."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            clinics = await tx.patients.set_data_sources(user_id, data_sources, now)
            if user_id == self._counter.demo_patient:
                return
            for clinic_id in clinics:
                clinic = await tx.clinics.find(clinic_id)
                if clinic:
                    await self._counter.refresh(tx, clinic, now)

        await self._storage.transaction(work)

    async def find(
        self,
        by: Principal,
        *,
        mrn: str | None = None,
        birth_date: str | None = None,
        workspace_id: str | None = None,
        workspace_type: str | None = None,
        page: Page,
    ) -> builtins.tuple[PatientInClinic, ...]:
        """
        Return the patients of the clinics whose patients the caller may read (PAT-FIND).

        Raises:
            WorkspaceTypeRequired, UnknownWorkspaceType: the workspace is not named properly.
        """
        if workspace_id and not workspace_type:
            raise WorkspaceTypeRequired

        async def work(tx: Transaction) -> tuple[PatientInClinic, ...]:
            memberships = await tx.clinicians.of_user(
                by.subject, Page(limit=_MAX_CLINICS_OF_A_CALLER)
            )
            ids = tuple(member.clinic_id for member in memberships if member.may_read)
            if workspace_id and workspace_type:
                query = workspace_query(ids, workspace_id, workspace_type)
                ids = tuple(view.clinic.id for view in await tx.clinics.views(query))
            search = PatientSearch(ids, mrn, birth_date, page)
            return await _with_clinics(tx, await tx.patients.search(search))

        return await self._storage.read(work)

    async def clinics_of(self, user_id: UserId, page: Page) -> tuple[PatientInClinic, ...]:
        """Return a user's patient records with their clinics, by name (PAT-LOC)."""

        async def work(tx: Transaction) -> tuple[PatientInClinic, ...]:
            return await _with_clinics(tx, await tx.patients.of_user(user_id, page))

        return await self._storage.read(work)

    async def _remove(self, tx: Transaction, patient: Patient, deletion: Deletion) -> None:
        await tx.patients.remove(patient, deletion)
        clinic = await tx.clinics.find(patient.clinic_id)
        if clinic:
            await self._counter.refresh(tx, clinic, deletion.time)


async def admit(
    tx: Transaction, counter: PatientCounter, clinic: Clinic, patient: Patient, now: datetime
) -> None:
    """
    Add a user who has an account to the patients of a clinic.

    Raises:
        MrnRequired, MrnNotUnique, PatientCountExceeded: in this order.
        DuplicatePatient: the user is a patient of the clinic already.
    """
    await _check_admission(tx, counter, clinic, patient, now)
    await tx.patients.add(patient)
    await counter.refresh(tx, clinic, now)


async def _check_admission(
    tx: Transaction, counter: PatientCounter, clinic: Clinic, patient: Patient, now: datetime
) -> None:
    await _check_mrn(tx, clinic, patient.user_id, patient.mrn)
    if patient.is_custodial:
        refuse_beyond_plan(clinic, await counter.known(tx, clinic), now)


async def _check_mrn(tx: Transaction, clinic: Clinic, user_id: UserId, mrn: str | None) -> None:
    refuse_missing_mrn(clinic, mrn)
    if mrn and clinic.mrn_settings and clinic.mrn_settings.unique:
        refuse_taken_mrn(clinic, user_id, await tx.patients.with_mrn(clinic.id, mrn))


async def _with_clinics(
    tx: Transaction, patients: tuple[Patient, ...]
) -> tuple[PatientInClinic, ...]:
    ids = tuple(dict.fromkeys(patient.clinic_id for patient in patients))
    views = {view.clinic.id: view for view in await tx.clinics.views(ClinicQuery(ids=ids))}
    # A record whose clinic is gone is left out.
    return tuple(
        PatientInClinic(patient, views[patient.clinic_id])
        for patient in patients
        if patient.clinic_id in views
    )


def _user(by: Principal) -> UserId:
    if by.is_server:
        raise UserTokenRequired(by.subject)
    return by.subject
