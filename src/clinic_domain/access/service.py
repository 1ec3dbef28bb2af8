"""The use case that comes before every other: may the caller do this."""

from collections.abc import Mapping

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.access.policy import Rule, is_allowed
from clinic_domain.access.ports import Representatives
from clinic_domain.clinicians.model import Clinician
from clinic_domain.errors import NotPermitted
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId, UserId


@attrs.frozen
class AccessService:
    """Evaluates the policy with the caller's membership."""

    _storage: Storage
    _representatives: Representatives

    async def check(self, rule: Rule, principal: Principal, path: Mapping[str, str]) -> None:
        """
        Return when the policy allows it.

        Raises:
            NotPermitted: it does not (AUTHZ-7).
            Unavailable: nobody can say.
        """
        membership: Clinician | None = None
        if rule.needs_membership and (clinic_id := path.get("clinicId")):

            async def find(tx: Transaction) -> Clinician | None:
                return await tx.clinicians.find(ClinicId(clinic_id), principal.subject)

            membership = await self._storage.read(find)
        represents = False
        if rule.needs_representation(principal, path):
            patient_id = UserId(path[rule.self_parameter])
            represents = await self._representatives.may_act_for(patient_id, principal.subject)
        if not is_allowed(rule, principal, path, membership, represents=represents):
            raise NotPermitted(principal.subject)
