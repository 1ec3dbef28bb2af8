"""Who may act for a patient of an installation of its own."""

import pytest

from adapters.local_identity import LocalRepresentatives
from adapters.memory import MemoryStorage
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_clinician, an_account
from clinic_domain.values import UserId

pytestmark = pytest.mark.anyio


async def test_the_clinic_that_holds_an_account_acts_for_the_patient(
    storage: MemoryStorage,
) -> None:
    """Its prescribers do not, nor do other clinics, nor anybody once the account is claimed."""
    clinic, other = a_clinic(), a_clinic()
    held, claimed = an_account(custodian=clinic.id), an_account()
    member, outsider = a_clinician(clinic), a_clinician(other)
    prescriber = a_clinician(clinic, roles=("PRESCRIBER",))
    await keep(storage, clinic, other, held, claimed, member, prescriber, outsider)
    representatives = LocalRepresentatives(storage)

    async def may(who: UserId | None, account: str) -> bool:
        return await representatives.may_act_for(UserId(account), who or UserId(""))

    assert await may(member.user_id, held.user.id)
    assert not await may(member.user_id, claimed.user.id)
    assert not await may(prescriber.user_id, held.user.id)
    assert not await may(outsider.user_id, held.user.id)
    assert not await may(member.user_id, "nobody")
