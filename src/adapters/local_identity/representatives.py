"""Who may act for a patient of this installation."""

import attrs

from clinic_domain.access.ports import Representatives
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import UserId


@attrs.frozen
class LocalRepresentatives(Representatives):
    """
    Whoever works with patients in the clinic that holds the patient's account.

    A patient who has claimed the account acts alone.
    """

    _storage: Storage

    async def may_act_for(self, patient_id: UserId, user_id: UserId) -> bool:
        async def work(tx: Transaction) -> bool:
            account = await tx.accounts.find(patient_id)
            if account is None or account.custodian is None:
                return False
            clinician = await tx.clinicians.find(account.custodian, user_id)
            return clinician is not None and clinician.may_read

        return await self._storage.read(work)
