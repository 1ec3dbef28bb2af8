"""Work in steps: who gets at the clinics meanwhile, and who finishes it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from bson import ObjectId
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)

from adapters.mongo import MongoStorage, UnfinishedMerge
from adapters.mongo.locks import FRESH
from adapters.mongo.steps import Steps
from adapters.mongo.transactions import commit
from clinic_domain.clinicians.model import AllCliniciansQuery
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.errors import StorageBusy, Unavailable
from clinic_domain.merging.model import MergeRecord, PlanId, TagAction, TagPlan
from clinic_domain.merging.service import MergeService
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.model import Patient, PatientSearch
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.merging import LATER
from clinic_domain.testing.contracts.support import change, keep
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient
from clinic_domain.testing.fakes import A_MORNING, FixedClock, SequentialIds
from clinic_domain.values import RecordId, UserId
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


@pytest.mark.parametrize("has_expired", [False, True])
async def test_a_start_leaves_the_steps_of_others_alone(
    storage: MongoStorage, pair: Pair, *, has_expired: bool
) -> None:
    """Also those of a process that slept for longer than its lease, and then goes on."""
    moved = attrs.evolve(pair.patients[0], clinic_id=pair.target.id)

    async def work(tx: Transaction) -> None:
        await tx.patients.save_all([(moved, pair.patients[0])])
        if has_expired:
            await storage.database["localLocks"].update_one({}, {"$set": {"until": A_MORNING}})
        await another(storage).start()

    await storage.exclusively((pair.source.id, pair.target.id), work)

    found = await storage.read(lambda tx: tx.patients.get(moved.clinic_id, moved.user_id))
    assert found == moved


async def test_steps_without_a_lock_are_forgotten(storage: MongoStorage) -> None:
    steps = storage.database["localSteps"]
    await steps.insert_one({"_id": {"lock": ObjectId(), "number": 0}})

    await storage.start()

    assert await steps.find_one() is None


async def test_a_commit_that_nobody_confirmed_is_finished(
    storage: MongoStorage, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the clinics would be locked for as long as this process lives."""

    async def unconfirmed(session: Any, deadline: float) -> None:
        await commit(session, deadline)
        raise AutoReconnect

    monkeypatch.setattr("adapters.mongo.steps.commit", unconfirmed)
    with pytest.raises(Unavailable):
        await pair.merge(storage)

    assert await _is_merged(storage, pair)


@pytest.mark.parametrize(
    "failure",
    [
        AutoReconnect(),
        OperationFailure("took too long", 262),
        ExecutionTimeout("took too long", 50),
        BulkWriteError({"writeConcernErrors": [{"code": 91}], "writeErrors": []}),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_server_in_trouble_does_not_end_the_steps(
    storage: MongoStorage, pair: Pair, monkeypatch: pytest.MonkeyPatch, failure: PyMongoError
) -> None:
    apply, failures = Steps._apply, [failure, failure]

    async def failing(steps: Steps, step: Any) -> None:
        await apply(steps, step)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(Steps, "_apply", failing)
    await pair.merge(storage)

    assert await _is_merged(storage, pair)


async def test_who_began_before_a_lock_keeps_nothing_after_it(
    storage: MongoStorage, pair: Pair
) -> None:
    """The work under the lock may have read what was there before, and would undo it."""
    patient = pair.patients[0]
    others = attrs.evolve(storage, lease=30.0)
    runs = []

    async def work(tx: Transaction) -> None:
        runs.append("run")
        was = await tx.patients.get(patient.clinic_id, patient.user_id)
        if len(runs) == 1:
            await others._locks.take([ObjectId(patient.clinic_id)])
            await asyncio.sleep(FRESH)
        await tx.patients.save(attrs.evolve(was, full_name="New"), was=was)

    with pytest.raises(StorageBusy):
        await storage.transaction(work)

    found = await storage.read(lambda tx: tx.patients.get(patient.clinic_id, patient.user_id))
    assert found == patient


async def test_a_process_that_goes_on_finishes_what_another_left(
    pair: Pair, interrupted: MongoStorage
) -> None:
    """Where there was trouble for longer than anybody waits, no process may ever start anew."""
    with pytest.raises(StorageBusy):
        await interrupted.read(lambda tx: tx.clinics.find(pair.target.id))

    async with asyncio.timeout(20):
        while await interrupted.database["localLocks"].find_one():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    assert await _is_merged(interrupted, pair)


async def test_what_is_half_done_is_no_source_of_a_copy(
    pair: Pair, interrupted: MongoStorage
) -> None:
    with pytest.raises(UnfinishedMerge, match="start the service on it once"):
        await interrupted.refuse_unfinished()

    await interrupted.start()
    await interrupted.refuse_unfinished()


async def _is_merged(storage: MongoStorage, pair: Pair) -> bool:
    query = PatientQuery(pair.target.id)
    found = (await another(storage).read(lambda tx: tx.patients.page(query))).patients
    left = [await storage.database[name].find_one() for name in ("localLocks", "localSteps")]
    return len(found) == len(pair.patients) and left == [None, None]


async def test_what_another_program_has_in_the_way_stops_nobody(
    pair: Pair, interrupted: MongoStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """It knows no locks; the record that cannot be moved stays, and the rest goes on."""
    patients = interrupted.database["patients"]
    moving = await patients.find_one({"clinicId": ObjectId(pair.source.id)})
    assert moving is not None
    await patients.insert_one(moving | {"_id": ObjectId(), "clinicId": ObjectId(pair.target.id)})

    await interrupted.start()

    assert await interrupted.database["localLocks"].find_one() is None
    stays = await patients.find({"clinicId": ObjectId(pair.source.id)}).to_list()
    assert [each["_id"] for each in stays] == [moving["_id"]]
    assert str(moving["_id"]) in caplog.text


async def test_a_step_fits_into_a_document(storage: MongoStorage, pair: Pair) -> None:
    """However large what is written down is: a document of MongoDB has 16 MiB."""
    target, number = pair.target.id, 60
    plan = TagPlan(
        "x" * 400_000,
        TagAction.CREATE,
        (),
        merge=False,
        source_clinic_id=None,
        target_clinic_id=target,
    )
    ids = SequentialIds(series=0xE)
    records = [
        MergeRecord(RecordId(ids.new_id()), PlanId(ids.new_id()), plan) for _ in range(number)
    ]

    await storage.exclusively(
        (pair.source.id, pair.target.id), lambda tx: tx.merge_records.add(records)
    )

    assert await storage.database["merge_plans"].count_documents({}) == number
