"""Use cases on the invites of patients to clinics."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.model import ClinicianQuery, Role
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.errors import BadRequest
from clinic_domain.invites.errors import (
    AlreadyInvited,
    AlreadyPatient,
    InviteClosed,
    InviteNeedsMrn,
    InviteNotFound,
    InviteOutOfReach,
    InviteRefusal,
    InvitingClinicNotFound,
    InvitingPatientNotFound,
    NotInvolved,
    PatientNotAccepted,
)
from clinic_domain.invites.model import Creator, Invite, InviteKind, InviteStatus, InviteView
from clinic_domain.invites.ports import InviteKeyGenerator
from clinic_domain.invites.rules import (
    answered,
    blocks,
    granted,
    moved,
    name_of_patient,
    patient_invite,
)
from clinic_domain.invites.views import creator_of, with_creators
from clinic_domain.notifications.model import Subject
from clinic_domain.notifications.ports import Bell
from clinic_domain.notifications.rules import owed
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.model import JoiningDetails, Patient
from clinic_domain.patients.rules import joining_patient
from clinic_domain.patients.service import admit
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Profiles, Users
from clinic_domain.values import ClinicId, InviteId, Page, RecordId, UserId

_MAX_ADMINS: Final = 100
_SHOWN_TO_PATIENTS: Final = (InviteStatus.PENDING, InviteStatus.DECLINED)


@attrs.frozen
class PatientInviteService:
    """Lets patients invite clinics, and clinics take them in or not."""

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _keys: InviteKeyGenerator
    _users: Users
    _profiles: Profiles
    _counter: PatientCounter
    _bell: Bell

    # What the patient does

    async def send(
        self, patient_id: UserId, share_code: str, offer: Mapping[str, Any]
    ) -> InviteView:
        """
        Invite the clinic that a share code names (exactly), and tell its admins.

        Raises:
            InvitingClinicNotFound, AlreadyPatient, AlreadyInvited: in this order.
            InvitingPatientNotFound: the patient has no account.
        """
        now = self._clock.now()

        async def invitable(tx: Transaction) -> Clinic:
            query = ClinicQuery(share_code=share_code, page=Page(limit=1))
            found = await tx.clinics.views(query)
            clinic = await tx.clinics.find(found[0].clinic.id) if found else None
            if clinic is None:
                raise InvitingClinicNotFound
            if await tx.patients.find(clinic.id, patient_id):
                raise AlreadyPatient(clinic.id, patient_id)
            sent = await tx.invites.of_creator(patient_id, [InviteStatus.PENDING])
            if any(invite.clinic_id == clinic.id and blocks(invite, now) for invite in sent):
                raise AlreadyInvited(clinic.id, patient_id)
            return clinic

        await self._storage.read(invitable)
        if await self._users.find(patient_id) is None:
            raise InvitingPatientNotFound(patient_id)
        creator = await creator_of(patient_id, self._profiles)
        key, mail_id = self._keys.new_key(), RecordId(self._ids.new_id())

        async def work(tx: Transaction) -> Invite:
            clinic = await invitable(tx)
            invite = patient_invite(key, clinic.id, patient_id, offer, now)
            await tx.invites.put(invite)
            await self._tell_admins(tx, clinic, creator, mail_id)
            return invite

        invite = await self._storage.transaction(work)
        await self._bell.ring()
        return InviteView(invite, creator)

    async def of_patient(self, patient_id: UserId) -> tuple[InviteView, ...]:
        """Return what a patient sent and may still matter: pending and declined, newest first."""

        async def find(tx: Transaction) -> list[InviteView]:
            sent = await tx.invites.of_creator(patient_id, _SHOWN_TO_PATIENTS)
            ids = tuple(dict.fromkeys(invite.clinic_id for invite in sent))
            known = {view.clinic.id for view in await tx.clinics.views(ClinicQuery(ids=ids))}
            return [InviteView(invite) for invite in sent if invite.clinic_id in known]

        return await with_creators(await self._storage.read(find), self._profiles)

    async def close(self, clinic_id: ClinicId, key: InviteId, by: Principal) -> InviteView:
        """
        Take an invite back as its patient, or turn it down as the clinic.

        Raises:
            InviteOutOfReach: there is no such invite.
            NotInvolved: the caller neither sent it nor belongs to the clinic.
            InviteClosed: it was answered already, and that stands.
        """
        now = self._clock.now()

        async def work(tx: Transaction) -> InviteView:
            await tx.clinics.find(clinic_id)
            invite = await tx.invites.find(key)
            if invite is None or invite.clinic_id != clinic_id:
                raise InviteOutOfReach(key)
            status = InviteStatus.DECLINED
            if by.user_id == invite.creator_id:
                status = InviteStatus.CANCELED
            elif not by.is_server and not await tx.clinicians.find(clinic_id, by.subject):
                raise NotInvolved(by.subject)
            if invite.kind is not InviteKind.PATIENT:
                raise InviteClosed(key)
            closed = answered(invite, status, now)
            await tx.invites.put(closed)
            return InviteView(closed)

        return await self._storage.transaction(work)

    # What the clinic does

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[InviteView, ...]:
        """Return the pending invites to a clinic, newest first, expired ones too (INVITE-8)."""

        async def find(tx: Transaction) -> list[InviteView]:
            if await tx.clinics.find(clinic_id) is None:
                return []
            pending = await tx.invites.of_clinic(
                clinic_id, InviteKind.PATIENT, InviteStatus.PENDING
            )
            return [InviteView(invite) for invite in pending]

        return await with_creators(await self._storage.read(find), self._profiles)

    async def accept(self, clinic_id: ClinicId, key: InviteId, details: JoiningDetails) -> Patient:
        """
        Make the patient one of the clinic's; who is one already stays as he is.

        *details* come before what the profile says, and the permissions are those of the invite.

        Raises:
            InviteNotFound: there is no such invite, or no such clinic.
            InviteClosed: it was answered already, or is none of a patient.
            InviteNeedsMrn: the clinic wants a number, and *details* have none.
            InvitingPatientNotFound: the patient has no account any more.
            PatientNotAccepted: what the clinic says of the patient breaks a rule.
        """

        async def acceptable(tx: Transaction) -> tuple[Clinic, Invite]:
            clinic = await tx.clinics.find(clinic_id)
            invite = await tx.invites.find(key)
            if clinic is None or invite is None or invite.clinic_id != clinic_id:
                raise InviteNotFound(key)
            if invite.kind is not InviteKind.PATIENT or not invite.is_pending:
                raise InviteClosed(key)
            settings = clinic.mrn_settings
            if settings and settings.required and not (details.mrn or "").strip():
                raise InviteNeedsMrn(clinic_id)
            return clinic, invite

        _, found = await self._storage.read(acceptable)
        patient_id = found.creator_id
        user = await self._users.find(patient_id)
        if user is None:
            raise InvitingPatientNotFound(patient_id)
        user = attrs.evolve(user, id=patient_id)
        profile = await self._profiles.find(patient_id)
        record_id, now = RecordId(self._ids.new_id()), self._clock.now()

        async def work(tx: Transaction) -> Patient:
            clinic, invite = await acceptable(tx)
            patient = await tx.patients.find(clinic_id, patient_id)
            if patient is None:
                given = attrs.evolve(details, permissions=granted(invite))
                patient = joining_patient(record_id, clinic, user, profile, given, now=now)
                await admit(tx, self._counter, clinic, patient, now)
            await tx.invites.put(answered(invite, InviteStatus.COMPLETED, now))
            return patient

        try:
            return await self._storage.transaction(work)
        except InviteRefusal:
            raise
        except BadRequest as refusal:
            raise PatientNotAccepted(str(refusal)) from None

    async def _tell_admins(
        self, tx: Transaction, clinic: Clinic, creator: Creator, mail_id: RecordId
    ) -> None:
        """Owe one mail to all admins who have joined, unless the clinic wants none."""
        suppressed = clinic.suppressed_notifications
        if suppressed and suppressed.patient_clinic_invitation:
            return
        query = ClinicianQuery(clinic.id, role=Role.CLINIC_ADMIN, page=Page(limit=_MAX_ADMINS))
        admins = await tx.clinicians.of_clinic(query)
        addresses = [admin.email for admin in admins if admin.user_id and admin.email]
        if addresses:
            facts = {
                "clinic_name": clinic.details.name or "",
                "patient_name": name_of_patient(creator.profile),
            }
            await tx.outbox.add(
                owed(
                    mail_id, Subject.PATIENT_INVITES, facts, self._clock.now(), addresses=addresses
                )
            )


async def move_pending(tx: Transaction, source: ClinicId, target: ClinicId, clock: Clock) -> None:
    """
    Let patients' pending invites to a clinic be for another one, in the transaction of a merge.

    The transaction has read both clinics.
    """
    pending = await tx.invites.of_clinic(source, InviteKind.PATIENT, InviteStatus.PENDING)
    there = await tx.invites.of_clinic(target, InviteKind.PATIENT, InviteStatus.PENDING)
    for invite in moved(pending, there, target, clock.now()):
        await tx.invites.put(invite)
