"""Who may act for a patient, which the permission service knows."""

from typing import Any, Final

import attrs

from adapters.tidepool.peer import Peer
from adapters.tidepool.urls import is_segment
from clinic_domain.access.ports import Representatives
from clinic_domain.values import UserId

_ACTING: Final = ("root", "custodian")


@attrs.frozen
class TidepoolRepresentatives(Representatives):
    _gatekeeper: Peer

    async def may_act_for(self, patient_id: UserId, user_id: UserId) -> bool:
        if not is_segment(patient_id) or not is_segment(user_id):
            return False
        answer = await self._gatekeeper.get("access", patient_id, user_id)
        match answer.status_code:
            case 200:
                granted = self._gatekeeper.decoded(answer, dict[str, Any])
                # A permission with anything in it is one on conditions.
                return any(granted.get(name) == {} for name in _ACTING)
            case 404:
                return False
            case _:
                raise self._gatekeeper.unexpected(answer)
