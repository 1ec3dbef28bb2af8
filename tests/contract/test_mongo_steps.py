"""Work in steps: who gets at the clinics meanwhile, and who finishes it."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from adapters.mongo import MongoStorage
from adapters.mongo.steps import Steps
from clinic_domain.clinicians.model import AllCliniciansQuery
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.errors import StorageBusy
from clinic_domain.merging.service import MergeService
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.model import Patient, PatientSearch
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.merging import LATER
from clinic_domain.testing.contracts.support import change, keep
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient
from clinic_domain.testing.fakes import FixedClock, SequentialIds
from clinic_domain.values import UserId
from support.mongo import an_empty_storage


@pytest.fixture
async def storage(mongodb: str) -> AsyncIterator[MongoStorage]:
    async with an_empty_storage(mongodb, at_once=-1, notice=0, lease=0.2) as storage:
        yield storage


@attrs.frozen
class Pair:
    source: Clinic
    target: Clinic
    patients: tuple[Patient, ...]
    neighbour: Patient

    async def merge(self, storage: MongoStorage) -> None:
        ids = SequentialIds(series=0xD)
        service = MergeService(
            storage, FixedClock(LATER), ids, PatientCounter(), Announcements(ids)
        )
        await service.merge(self.source.id, self.target.id)


@pytest.fixture
async def pair(storage: MongoStorage) -> Pair:
    source, target, elsewhere = a_clinic(), a_clinic(), a_clinic()
    patients = tuple(a_patient(clinic) for clinic in (source, target) for _ in range(3))
    neighbour = a_patient(elsewhere)
    members = [a_clinician(clinic) for clinic in (source, target)]
    await keep(storage, source, target, elsewhere, *patients, neighbour, *members)
    return Pair(source, target, patients, neighbour)


def another(storage: MongoStorage) -> MongoStorage:
    """Return the same database as another process sees it."""
    return attrs.evolve(storage)


@pytest.fixture
async def interrupted(
    storage: MongoStorage, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> MongoStorage:
    """Commit a merge of which no step is done."""

    class Killed(BaseException):
        pass

    async def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Steps, "_finish", die)
        with pytest.raises(Killed):
            await pair.merge(storage)
    return another(storage)


READS: dict[str, Any] = {
    "a clinic": lambda pair: lambda tx: tx.clinics.find(pair.target.id),
    "a view": lambda pair: lambda tx: tx.clinics.find_view(pair.target.id),
    "all clinics": lambda _: lambda tx: tx.clinics.views(ClinicQuery()),
    "all clinicians": lambda _: lambda tx: tx.clinicians.all(AllCliniciansQuery()),
    "patients": lambda pair: lambda tx: tx.patients.page(PatientQuery(pair.source.id)),
    "a patient": lambda pair: lambda tx: tx.patients.find(pair.source.id, UserId("x")),
    "a count": lambda pair: lambda tx: tx.patients.tally(pair.target.id),
    "a search": lambda pair: (
        lambda tx: tx.patients.search(PatientSearch((pair.target.id, pair.neighbour.clinic_id)))
    ),
    "a user": lambda pair: lambda tx: tx.patients.of_user(pair.patients[0].user_id),
}


@pytest.mark.parametrize("name", READS)
async def test_nobody_sees_a_merge_half_done(
    name: str, pair: Pair, interrupted: MongoStorage
) -> None:
    with pytest.raises(StorageBusy):
        await interrupted.read(READS[name](pair))


async def test_other_clinics_are_not_concerned(pair: Pair, interrupted: MongoStorage) -> None:
    other = pair.neighbour

    async def work(tx: Transaction) -> Any:
        return await tx.patients.of_user(other.user_id), await tx.clinics.find(other.clinic_id)

    patients, clinic = await interrupted.read(work)
    changed = attrs.evolve(other, full_name="New")
    await change(interrupted, other, changed)

    assert patients == (other,)
    assert clinic is not None


async def test_nobody_writes_meanwhile(pair: Pair, interrupted: MongoStorage) -> None:
    patient = pair.patients[0]

    with pytest.raises(StorageBusy):
        await change(interrupted, patient, attrs.evolve(patient, full_name="New"))
    with pytest.raises(StorageBusy):
        await keep(interrupted, a_patient(pair.target))
    with pytest.raises(StorageBusy):
        await interrupted.transaction(
            lambda tx: tx.patients.set_email(patient.user_id, "a@example.com", LATER)
        )
    with pytest.raises(StorageBusy):
        await pair.merge(interrupted)


async def test_the_next_start_finishes_it(pair: Pair, interrupted: MongoStorage) -> None:
    await interrupted.start()

    query = PatientQuery(pair.target.id)
    found = (await another(interrupted).read(lambda tx: tx.patients.page(query))).patients
    assert {each.user_id for each in found} == {each.user_id for each in pair.patients}
    for collection in ("localLocks", "localSteps"):
        assert await interrupted.database[collection].count_documents({}) == 0


async def test_steps_that_are_done_twice_change_nothing(
    pair: Pair, interrupted: MongoStorage
) -> None:
    locks = interrupted.database["localLocks"]
    before = await locks.find_one()
    assert before is not None
    steps = await interrupted.database["localSteps"].find().to_list()
    await interrupted.start()
    stored = await interrupted.database["patients"].find().sort("_id").to_list()
    plans = await interrupted.database["merge_plans"].count_documents({})

    await locks.insert_one(before)
    await interrupted.database["localSteps"].insert_many(steps)
    await another(interrupted).start()

    assert await interrupted.database["patients"].find().sort("_id").to_list() == stored
    assert await interrupted.database["merge_plans"].count_documents({}) == plans > 0


async def test_readers_go_on_while_a_merge_prepares(storage: MongoStorage, pair: Pair) -> None:
    """Only who writes would be in the way."""
    process = another(storage)

    async def work(tx: Transaction) -> None:
        await tx.clinics.get(pair.source.id)
        found = await process.read(lambda own: own.clinics.find(pair.source.id))
        assert found == pair.source
        with pytest.raises(StorageBusy):
            await keep(process, a_patient(pair.source))

    await storage.exclusively((pair.source.id, pair.target.id), work)

    await keep(process, a_patient(pair.source))


async def test_work_that_fails_leaves_nothing(storage: MongoStorage, pair: Pair) -> None:
    async def work(tx: Transaction) -> None:
        moved = attrs.evolve(pair.patients[0], clinic_id=pair.target.id)
        await tx.patients.save_all([(moved, pair.patients[0])])
        await tx.clinics.save(attrs.evolve(pair.source, tier="x"), was=pair.source)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.exclusively((pair.source.id, pair.target.id), work)

    assert await storage.read(lambda tx: tx.clinics.get(pair.source.id)) == pair.source
    for collection in ("localLocks", "localSteps"):
        assert await storage.database[collection].count_documents({}) == 0
