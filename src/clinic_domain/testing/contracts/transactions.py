"""All or nothing, and nothing to see before it is all."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

import attrs
import pytest

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic, ClinicDetails, ClinicQuery
from clinic_domain.deletions import Deletion
from clinic_domain.errors import Conflict
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import all_clinicians, clinic_of, keep, patients_of
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_patient,
    a_site,
    a_tag,
    a_token,
    an_account,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import Account

LATER: Final = A_MORNING + timedelta(hours=1)
_PATIENCE: Final = 10
"""Seconds after which nobody waits any more; a storage that gets here hangs."""


@attrs.frozen
class Household:
    """A clinic with somebody of every kind, and an account."""

    clinic: Clinic
    clinician: Clinician
    patient: Patient
    account: Account

    async def change_everything(self, tx: Transaction) -> None:
        """Add, save and remove in all repositories, one by one and in bulk."""
        clinic, patient = self.clinic, self.patient
        details = ClinicDetails(name="Changed")
        await tx.clinics.save(attrs.evolve(clinic, details=details, tags=(a_tag(),)), was=clinic)
        await tx.clinics.add(a_clinic())
        await tx.clinicians.set_email(self.clinician.user_id or _nobody(), "x@example.com", LATER)
        await tx.clinicians.add(a_clinician(clinic))
        await tx.clinicians.remove_of_clinic(clinic.id, Deletion(LATER))
        await tx.patients.save(attrs.evolve(patient, mrn="1"), was=patient)
        await tx.patients.add(a_patient(clinic))
        await tx.patients.add_tag(clinic.id, a_tag().id, None, LATER)
        await tx.patients.set_data_sources(patient.user_id, (DataSource("x", "y"),), LATER)
        await tx.patients.remove_of_user(patient.user_id, Deletion(LATER))
        await tx.accounts.save(attrs.evolve(self.account, is_server=True))
        await tx.accounts.add(an_account())
        await tx.accounts.add_token(a_token(self.account))
        await tx.accounts.signing_key("candidate")

    async def expect_unchanged(self, storage: Storage) -> None:
        """Assert that everything is as it was kept, and that nothing else is there."""
        clinic_id, user_id = self.clinic.id, self.account.user.id
        views = await storage.read(lambda tx: tx.clinics.views(ClinicQuery()))
        assert [view.clinic for view in views] == [self.clinic]
        assert await all_clinicians(storage) == (self.clinician,)
        assert await patients_of(storage, clinic_id) == {self.patient.user_id: self.patient}
        assert (await storage.read(lambda tx: tx.patients.tally(clinic_id))).total == 1
        assert await storage.read(lambda tx: tx.patients.with_mrn(clinic_id, "1")) == ()
        assert await storage.read(lambda tx: tx.deletions.clinicians(clinic_id)) == ()
        assert await storage.read(lambda tx: tx.deletions.patients(clinic_id)) == ()
        assert await storage.read(lambda tx: tx.accounts.all()) == (self.account,)
        assert await storage.read(lambda tx: tx.accounts.tokens_of(user_id)) == ()


async def a_household(storage: Storage) -> Household:
    """Return a household that is stored."""
    clinic = a_clinic()
    household = Household(clinic, a_clinician(clinic), a_patient(clinic), an_account())
    await keep(storage, *attrs.astuple(household, recurse=False))
    return household


class TransactionContract:
    """A transaction is kept whole or not at all; until then nobody sees any of it."""

    async def test_the_storage_answers(self, storage: Storage) -> None:
        await storage.ping()

    async def test_a_transaction_returns_what_its_work_returns(self, storage: Storage) -> None:
        async def work(_: Transaction) -> str:
            return "done"

        assert await storage.transaction(work) == "done"
        assert await storage.read(work) == "done"

    # An error

    @pytest.mark.parametrize(
        "error", [Conflict("facts"), ValueError("wrong"), TimeoutError()], ids=repr
    )
    async def test_an_error_undoes_everything_and_passes_through(
        self, storage: Storage, error: Exception
    ) -> None:
        household = await a_household(storage)

        async def work(tx: Transaction) -> None:
            await household.change_everything(tx)
            raise error

        with pytest.raises(type(error)) as raised:
            await storage.transaction(work)

        assert raised.value is error
        await household.expect_unchanged(storage)
        assert await storage.transaction(lambda tx: tx.accounts.signing_key("own")) == "own"

    async def test_an_error_undoes_a_removal(self, storage: Storage) -> None:
        household = await a_household(storage)
        clinic = household.clinic

        async def work(tx: Transaction) -> None:
            await tx.patients.remove(household.patient, Deletion(LATER))
            await tx.clinicians.remove(household.clinician, Deletion(LATER))
            await tx.clinics.remove(clinic, Deletion(LATER))
            await tx.accounts.remove(household.account.user.id)
            raise TimeoutError

        with pytest.raises(TimeoutError):
            await storage.transaction(work)

        await household.expect_unchanged(storage)
        assert await storage.read(lambda tx: tx.deletions.clinics(clinic.id)) == ()

    async def test_a_refusal_of_the_storage_undoes_what_came_before(self, storage: Storage) -> None:
        household = await a_household(storage)
        other = a_clinic(
            share_code=household.clinic.share_code, share_codes=household.clinic.share_codes
        )

        async def work(tx: Transaction) -> None:
            await household.change_everything(tx)
            await tx.clinics.add(other)

        with pytest.raises(Exception, match="duplicate share code"):
            await storage.transaction(work)

        await household.expect_unchanged(storage)

    async def test_after_an_error_the_same_work_succeeds(self, storage: Storage) -> None:
        household = await a_household(storage)

        async def failing(tx: Transaction) -> None:
            await household.change_everything(tx)
            raise TimeoutError

        with pytest.raises(TimeoutError):
            await storage.transaction(failing)
        await storage.transaction(household.change_everything)

        assert (await clinic_of(storage, household.clinic.id)).details.name == "Changed"

    # Cancellation

    async def test_a_cancelled_transaction_leaves_no_trace(self, storage: Storage) -> None:
        household = await a_household(storage)
        has_written = asyncio.Event()

        async def work(tx: Transaction) -> None:
            await household.change_everything(tx)
            has_written.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(storage.transaction(work))
        async with asyncio.timeout(_PATIENCE):
            await has_written.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        async with asyncio.timeout(_PATIENCE):
            await household.expect_unchanged(storage)
            await storage.transaction(household.change_everything)

    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 13, 21])
    async def test_a_transaction_that_is_cancelled_at_any_point_is_whole_or_nothing(
        self, storage: Storage, steps: int
    ) -> None:
        """Also while the storage itself is at work, perhaps committing."""
        household = await a_household(storage)
        task = asyncio.ensure_future(storage.transaction(household.change_everything))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=_PATIENCE)

        async with asyncio.timeout(_PATIENCE):
            name = (await clinic_of(storage, household.clinic.id)).details.name
            if name == "Changed":
                assert await patients_of(storage, household.clinic.id) != {}
                assert len(await storage.read(lambda tx: tx.accounts.all())) == 2
            else:
                await household.expect_unchanged(storage)

    # Isolation

    async def test_nobody_sees_what_is_not_committed(self, storage: Storage) -> None:
        household = await a_household(storage)

        async def look() -> None:
            await household.expect_unchanged(storage)

        async def work(tx: Transaction) -> None:
            await household.change_everything(tx)
            await _meanwhile(look)

        await storage.transaction(work)

        assert (await clinic_of(storage, household.clinic.id)).details.name == "Changed"

    async def test_what_a_transaction_reads_belongs_together(self, storage: Storage) -> None:
        """Two clinics always change their names together; no transaction finds them different."""
        one, two = a_clinic(), a_clinic()
        await keep(storage, one, two)
        is_over = asyncio.Event()

        async def rename(name: str, tx: Transaction) -> None:
            for clinic_id in (one.id, two.id):
                clinic = await tx.clinics.get(clinic_id)
                named = attrs.evolve(clinic, details=ClinicDetails(name=name))
                await tx.clinics.save(named, was=clinic)
                await asyncio.sleep(0)

        async def keep_renaming() -> None:
            for number in range(20):
                await storage.transaction(partial(rename, f"name {number}"))
                await asyncio.sleep(0.001)
            is_over.set()

        async def names(tx: Transaction) -> tuple[str | None, str | None]:
            first = (await tx.clinics.get(one.id)).details.name
            await asyncio.sleep(0.001)
            second = (await tx.clinics.get(two.id)).details.name
            return first, second

        async def keep_looking() -> list[tuple[str | None, str | None]]:
            seen = []
            while not is_over.is_set():
                seen.append(await storage.transaction(names))
                await asyncio.sleep(0)
            return seen

        seen, _ = await asyncio.gather(keep_looking(), keep_renaming())

        assert [pair for pair in seen if pair[0] != pair[1]] == []

    async def test_one_call_sees_one_state(self, storage: Storage) -> None:
        """A site moves from one patient to another and back; whoever looks finds it once."""
        site = a_site()
        clinic = a_clinic(sites=(site,))
        tag = a_tag().id
        one, two = a_patient(clinic, tags=(tag,)), a_patient(clinic)
        await keep(storage, clinic, one, two)
        is_over = asyncio.Event()

        async def swap(tx: Transaction) -> None:
            holders = await patients_with(tx)
            lacking = {one.user_id, two.user_id} - holders
            await tx.patients.remove_tag(clinic.id, tag, holders, LATER)
            await asyncio.sleep(0)
            await tx.patients.add_tag(clinic.id, tag, lacking, LATER)

        async def patients_with(tx: Transaction) -> set[Any]:
            return {p.user_id for p in await tx.patients.some_of_clinic(clinic.id, 9) if p.tags}

        async def keep_swapping() -> None:
            for _ in range(20):
                await storage.transaction(swap)
                await asyncio.sleep(0)
            is_over.set()

        async def keep_looking() -> list[int]:
            seen = []
            while not is_over.is_set():
                seen.append(len(await storage.read(patients_with)))
                await asyncio.sleep(0)
            return seen

        seen, _ = await asyncio.gather(keep_looking(), keep_swapping())

        assert set(seen) == {1}


async def _meanwhile(look: Callable[[], Awaitable[None]]) -> None:
    """Run *look* in a task of its own while this transaction stays open."""
    async with asyncio.timeout(_PATIENCE):
        await asyncio.ensure_future(look())


def _nobody() -> Any:
    raise AssertionError("a member has a user")
