"""The use case that comes before every other: may the caller do this."""

from collections.abc import Mapping

import attrs

from clinic_domain.access.model import Principal
from clinic_domain.access.policy import Rule, is_allowed
from clinic_domain.clinicians.model import Clinician
from clinic_domain.errors import NotPermitted
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId


@attrs.frozen
class AccessService:
    """Evaluates the policy with the caller's membership."""

    _storage: Storage

    async def check(self, rule: Rule, principal: Principal, path: Mapping[str, str]) -> None:
        """
        Return when the policy allows it.

        Raises:
            NotPermitted: it does not (AUTHZ-7).
        """
        membership: Clinician | None = None
        if rule.needs_membership and (clinic_id := path.get("clinicId")):

            async def find(tx: Transaction) -> Clinician | None:
                return await tx.clinicians.find(ClinicId(clinic_id), principal.subject)

            membership = await self._storage.read(find)
        if not is_allowed(rule, principal, path, membership):
            raise NotPermitted(principal.subject)
