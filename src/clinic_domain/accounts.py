"""What happens in all clinics when a user's account changes or goes."""

import re
from typing import Final

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.model import Clinician, ClinicianQuery
from clinic_domain.clinicians.rules import leaves_no_admin, normalised_email
from clinic_domain.clinics.rules import orphaned
from clinic_domain.deletions import Deletion
from clinic_domain.errors import BadRequest
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import UserId

# A local part, an @ and at least two labels of a domain.
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[^\W_]([\w-]*)(\.[^\W_]([\w-]*))+")


class InvalidEmail(BadRequest):
    """The text is no e-mail address (PAT-MAIL-6)."""

    message = "email: failed to pass regex validation"


@attrs.frozen
class AccountService:
    """Follows changes of user accounts."""

    _storage: Storage
    _clock: Clock
    _counter: PatientCounter

    async def change_email(self, user_id: UserId, email: str | None) -> None:
        """
        Set a user's address on all records, or remove it from the patient records (PAT-MAIL-7).

        None removes it; clinicians' records then stay as they are (PAT-MAIL-8).

        Raises:
            InvalidEmail: it is no address.
            DuplicateEmail: a clinic has another clinician with it; nothing changes anywhere.
        """
        if email is not None and not _ADDRESS.fullmatch(email):
            raise InvalidEmail
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            if email is not None:
                await tx.clinicians.set_email(user_id, normalised_email(email), now)
            await tx.patients.set_email(user_id, email, now)

        await self._storage.transaction(work)

    async def remove_everywhere(self, user_id: UserId, by: Principal) -> None:
        """
        Remove a user from all clinics, as patient and as clinician (PAT-BULK-1, CLINICIAN-11).

        A clinic that loses its only admin this way stays, with its custodial patients; the others
        leave it. Invites to the user are gone, those of the user to clinics are cancelled; pending
        clinicians stay, and their invites can be sent again.
        """
        deletion = Deletion(self._clock.now(), by.user_id)

        async def work(tx: Transaction) -> None:
            for clinic_id in await tx.patients.remove_of_user(user_id, deletion):
                clinic = await tx.clinics.find(clinic_id)
                if clinic:
                    await self._counter.refresh(tx, clinic, deletion.time)
            await tx.invites.remove_of_invitee(user_id)
            await tx.invites.cancel_of_creator(user_id, deletion.time)
            for clinician in await tx.clinicians.of_user(user_id):
                await self._remove_clinician(tx, clinician, deletion)

        await self._storage.transaction(work)

    async def _remove_clinician(
        self, tx: Transaction, clinician: Clinician, deletion: Deletion
    ) -> None:
        await tx.clinicians.remove(clinician, deletion)
        clinic = await tx.clinics.find(clinician.clinic_id)
        if clinic is None or clinician.user_id is None:
            return
        remaining = await tx.clinicians.of_clinic(ClinicianQuery(clinic.id))
        without = orphaned(clinic, clinician.user_id, deletion.time)
        await tx.clinics.save(without, was=clinic)
        if leaves_no_admin(clinic, clinician, remaining):
            await tx.patients.remove_non_custodial(clinic.id, Deletion(deletion.time))
            await self._counter.refresh(tx, without, deletion.time)
