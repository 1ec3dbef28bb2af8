"""A replica set that loses its primary in the midst of work."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final

import attrs
import pytest

from adapters.mongo import MongoStorage
from clinic_domain.clinics.model import PatientCount
from clinic_domain.errors import Unavailable
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.support import clinic_of, keep, patients_of
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.values import ClinicId, UserId
from support.servers import ReplicaSet, a_replica_set

CLINICS: Final = 6
ENOUGH: Final = 60
"""So many more have to join after the loss."""
_PATIENCE: Final = 50


@pytest.fixture
def servers() -> Iterator[ReplicaSet]:
    with a_replica_set(3, election_timeout=1_000) as servers:
        yield servers


async def test_a_lost_primary_loses_nothing_that_was_acknowledged(servers: ReplicaSet) -> None:
    """Nothing is half done either, and work goes on by itself with the next primary."""
    storage = MongoStorage.at(servers.url)
    await storage.start()
    clinics = [a_clinic(patient_count=PatientCount()) for _ in range(CLINICS)]
    await keep(storage, *clinics)
    acknowledged: dict[ClinicId, set[UserId]] = {clinic.id: set() for clinic in clinics}
    since: list[UserId] = []
    lost, is_over = asyncio.Event(), asyncio.Event()

    async def join(clinic_id: ClinicId, tx: Transaction) -> UserId:
        clinic = await tx.clinics.get(clinic_id)
        patient = a_patient(clinic)
        await tx.patients.add(patient)
        count = PatientCount((clinic.patient_count or PatientCount()).total + 1)
        await tx.clinics.save(attrs.evolve(clinic, patient_count=count), was=clinic)
        return patient.user_id

    async def keep_joining(clinic_id: ClinicId) -> None:
        while not is_over.is_set():
            user_id = await storage.transaction(partial(join, clinic_id))
            acknowledged[clinic_id].add(user_id)
            await look(clinic_id)
            if lost.is_set():
                since.append(user_id)
            if len(since) == ENOUGH:
                is_over.set()

    async def look(clinic_id: ClinicId) -> None:
        """See in the list at least all who had joined before the question."""
        known = len(acknowledged[clinic_id])
        with suppress(Unavailable):
            found = await storage.read(lambda tx: tx.patients.matches(PatientQuery(clinic_id)))
            assert found.total >= known

    async def lose_the_primary() -> None:
        await asyncio.sleep(1)
        primary = await asyncio.to_thread(servers.primary)
        await asyncio.to_thread(primary.kill)
        lost.set()

    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(lose_the_primary(), *(keep_joining(clinic.id) for clinic in clinics))

    for clinic in clinics:
        stored = set(await patients_of(storage, clinic.id))
        count = (await clinic_of(storage, clinic.id)).patient_count
        assert acknowledged[clinic.id] <= stored
        assert count == PatientCount(len(stored))
    await storage.close()
