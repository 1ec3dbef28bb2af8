"""The storage in memory keeps what every storage promises, and what only it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from adapters.memory import MemoryStorage
from clinic_domain.errors import StorageBusy
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts import StorageContract
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.machines import use_cases_over
from clinic_domain.values import UserId


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage()


@asynccontextmanager
async def opened() -> AsyncIterator[Storage]:
    yield MemoryStorage()


TestUseCases = use_cases_over(opened, max_examples=60)


class TestConflicts:
    """Works that always meet somebody else show when the storage tries again, and when not."""

    pytestmark = pytest.mark.anyio

    @pytest.mark.parametrize("attempts", [1, 3])
    async def test_work_that_never_gets_through_ends_as_busy(self, attempts: int) -> None:
        storage = MemoryStorage(attempts)
        clinic = a_clinic()
        await storage.transaction(lambda tx: tx.clinics.add(clinic))
        tries = []

        async def work(tx: Transaction) -> None:
            tries.append(await tx.clinics.get(clinic.id))
            await storage.transaction(somebody_elses)
            await tx.clinics.save(attrs.evolve(clinic, tier="mine"), was=clinic)

        async def somebody_elses(tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            admins = (*found.admins, UserId(str(len(found.admins))))
            await tx.clinics.save(attrs.evolve(found, admins=admins), was=found)

        with pytest.raises(StorageBusy):
            await storage.transaction(work)

        assert len(tries) == attempts
        found = await storage.read(lambda tx: tx.clinics.get(clinic.id))
        assert (len(found.admins), found.tier) == (attempts, None)

    async def test_work_runs_again_on_what_the_other_left(self) -> None:
        storage = MemoryStorage()
        clinic = a_clinic()
        others = [a_patient(clinic)]
        totals = []

        async def work(tx: Transaction) -> None:
            totals.append((await tx.patients.tally(clinic.id)).total)
            if others:
                other = others.pop()
                await storage.transaction(lambda tx: tx.patients.add(other))
            await tx.patients.add(a_patient(clinic))

        await storage.transaction(work)

        assert totals == [0, 1]
        assert (await storage.read(lambda tx: tx.patients.tally(clinic.id))).total == 2

    async def test_work_that_caught_the_conflict_is_not_kept(self) -> None:
        """What it read after the conflict does not belong to what it read before."""
        storage = MemoryStorage(1)
        clinic = a_clinic()

        async def work(tx: Transaction) -> None:
            await storage.transaction(lambda tx: tx.clinics.add(clinic))
            try:
                await tx.clinics.find(clinic.id)
            except Exception:  # noqa: BLE001 - as careless work would
                await tx.clinics.add(a_clinic())

        with pytest.raises(StorageBusy):
            await storage.transaction(work)

    async def test_work_on_another_clinic_is_in_nobodys_way(self) -> None:
        storage = MemoryStorage(1)
        here, there = a_clinic(), a_clinic()
        await storage.transaction(lambda tx: tx.clinics.add(here))
        await storage.transaction(lambda tx: tx.clinics.add(there))

        async def work(tx: Transaction) -> None:
            await tx.clinics.get(here.id)
            await storage.transaction(lambda tx: tx.patients.add(a_patient(there)))
            await tx.patients.add(a_patient(here))

        await storage.transaction(work)

    async def test_work_that_only_reads_cannot_write(self) -> None:
        storage = MemoryStorage()

        with pytest.raises(TypeError):
            await storage.read(lambda tx: tx.clinics.add(a_clinic()))
