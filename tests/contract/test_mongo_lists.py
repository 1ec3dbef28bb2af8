"""Lists are true at any time, whoever writes the database, and cost what is on the page."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from bson import Int64, ObjectId
from pymongo import AsyncMongoClient, DeleteOne, InsertOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from adapters.mongo import MongoStorage, patient_changes, patient_records, patient_rolls
from adapters.mongo.patient_documents import patient_document
from clinic_domain.clinics.model import Clinic
from clinic_domain.patients.model import DataSource, GlycemicRanges, Patient
from clinic_domain.patients.queries import (
    Attribute,
    Comparison,
    Measure,
    MetricFilter,
    PatientMatches,
    PatientPage,
    PatientQuery,
    WithoutData,
    order_by,
)
from clinic_domain.patients.summaries import Period, Stats, StatsDates, Summary, SummaryKind
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.support import keep, together
from clinic_domain.testing.examples import a_clinic, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import EVERYTHING, Page
from support.mongo import Client, a_fresh_database, an_empty_storage, profiled

Patients = AsyncCollection[dict[str, Any]]

LATER: Final = A_MORNING + timedelta(hours=1)
TARGET: Final = Measure(SummaryKind.CGM, Period.TWO_WEEKS, "timeInTargetPercent")


@pytest.fixture
async def storage(mongodb: str) -> AsyncIterator[MongoStorage]:
    async with an_empty_storage(mongodb) as storage:
        yield storage


@pytest.fixture
async def others(mongodb: str, storage: MongoStorage) -> AsyncIterator[Patients]:
    """Give the collection as another program has it, which knows nothing of this one."""
    async with Client(mongodb, w="majority", tz_aware=True) as client:
        yield client[storage.database.name]["patients"]


def summarised(target: float) -> Summary:
    return Summary(cgm=Stats("c", periods={"14d": {"timeInTargetPercent": target}}))


def low(clinic: Clinic, **conditions: Any) -> PatientQuery:
    """Return the question who is in range for less than half of the time, the lowest first."""
    below = MetricFilter(TARGET, Comparison.BELOW, 0.5)
    order = order_by(TARGET, descending=False)
    return PatientQuery(
        clinic.id, metrics=(below,), order=order, **{"page": EVERYTHING, **conditions}
    )


async def found(storage: MongoStorage, query: PatientQuery) -> PatientMatches:
    return await storage.read(lambda tx: tx.patients.matches(query))


async def page_of(storage: MongoStorage, query: PatientQuery) -> PatientPage:
    return await storage.read(lambda tx: tx.patients.page(query))


async def in_a_snapshot(storage: MongoStorage, query: PatientQuery) -> PatientMatches:
    """Answer without anything that is kept in memory."""
    return await storage.transaction(lambda tx: tx.patients.matches(query))


async def page_in_a_snapshot(storage: MongoStorage, query: PatientQuery) -> PatientPage:
    return await storage.transaction(lambda tx: tx.patients.page(query))


async def names(storage: MongoStorage, query: PatientQuery) -> list[str | None]:
    return [patient.full_name for patient in (await page_of(storage, query)).patients]


async def insert(patients: Patients, clinic: Clinic) -> None:
    new = a_patient(clinic, full_name="new", summary=summarised(0.3))
    await patients.insert_one(patient_document(new))


async def in_bulk(patients: Patients, clinic: Clinic) -> None:
    new = patient_document(a_patient(clinic, full_name="new", summary=summarised(0.3)))
    moved = {"$set": {"summary.cgmStats.periods.14d.timeInTargetPercent": 0.9}}
    await patients.bulk_write(
        [InsertOne(new), DeleteOne({"fullName": "a"}), UpdateOne({"fullName": "b"}, moved)]
    )


async def in_a_transaction(patients: Patients, clinic: Clinic) -> None:
    client = patients.database.client
    async with client.start_session() as session, await session.start_transaction():
        new = patient_document(a_patient(clinic, full_name="new", summary=summarised(0.3)))
        await patients.insert_one(new, session=session)
        await patients.delete_one({"fullName": "a"}, session=session)


def change_of_b(change: Any) -> Callable[[Patients, Clinic], Awaitable[None]]:
    async def write(patients: Patients, clinic: Clinic) -> None:
        await patients.update_one({"clinicId": ObjectId(clinic.id), "fullName": "b"}, change)

    return write


async def replace_b(patients: Patients, clinic: Clinic) -> None:
    new = patient_document(a_patient(clinic, full_name="new", summary=summarised(0.05)))
    del new["_id"]
    await patients.replace_one({"clinicId": ObjectId(clinic.id), "fullName": "b"}, new)


async def delete_b(patients: Patients, clinic: Clinic) -> None:
    await patients.delete_one({"fullName": "b"})


async def move_in(patients: Patients, clinic: Clinic) -> None:
    moved = {"$set": {"clinicId": ObjectId(clinic.id)}}
    await patients.update_one({"fullName": "elsewhere"}, moved)


WRITES: Final = [
    (insert, ["a", "b", "new"]),
    (in_bulk, ["new"]),
    (in_a_transaction, ["b", "new"]),
    (change_of_b({"$set": {"fullName": "c"}}), ["a", "c"]),
    (
        change_of_b(
            {"$set": {"summary.cgmStats": {"periods": {"14d": {"timeInTargetPercent": 0.0}}}}}
        ),
        ["b", "a"],
    ),
    (change_of_b({"$unset": {"summary.cgmStats": ""}}), ["a"]),
    (change_of_b({"$unset": {"summary": ""}}), ["a"]),
    (change_of_b([{"$set": {"summary": "$$REMOVE"}}]), ["a"]),
    (change_of_b({"$set": {"clinicId": ObjectId()}}), ["a"]),
    (replace_b, ["new", "a"]),
    (delete_b, ["a"]),
    (move_in, ["elsewhere", "a", "b"]),
]


@pytest.mark.parametrize(("write", "expected"), WRITES)
async def test_what_another_program_wrote_is_seen_at_once(
    write: Callable[[Patients, Clinic], Awaitable[None]],
    expected: list[str],
    storage: MongoStorage,
    others: Patients,
) -> None:
    clinic = a_clinic()
    await keep(
        storage,
        a_patient(a_clinic(), full_name="elsewhere", summary=summarised(0.05)),
        *(
            a_patient(clinic, full_name=name, summary=summarised(target))
            for name, target in (("a", 0.1), ("b", 0.2), ("high", 0.9))
        ),
    )
    assert await names(storage, low(clinic)) == ["a", "b"]

    await write(others, clinic)

    assert await names(storage, low(clinic)) == expected


async def test_labels_and_dates_that_another_program_changed_are_seen_at_once(
    storage: MongoStorage, others: Patients
) -> None:
    clinic, tag = a_clinic(), a_tag().id
    old = Summary(cgm=Stats("c", dates=StatsDates(last_data=A_MORNING)))
    patient = a_patient(
        clinic, tags=(tag,), summary=old, data_sources=(DataSource("dexcom", "connected"),)
    )
    await keep(storage, patient)
    tagged = PatientQuery(clinic.id, tags=(tag,))
    silent = PatientQuery(clinic.id, without_data=WithoutData(A_MORNING - timedelta(days=1), LATER))
    standard = PatientQuery(clinic.id, omit_non_standard_ranges=True)
    at_first = [await found(storage, query) for query in (tagged, silent, standard)]
    assert [each.matching for each in at_first] == [1, 0, 1]

    broken: dict[str, Any] = {"tags": [], "dataSources.0.state": "error", "glycemicRanges": None}
    await others.update_one({}, {"$set": broken})

    then = [await found(storage, query) for query in (tagged, silent, standard)]
    assert [each.matching for each in then] == [0, 1, 0]


async def test_any_series_of_foreign_writes_is_followed(
    storage: MongoStorage, others: Patients
) -> None:
    """After each of them the list is what is in the database."""
    rng = random.Random(1)
    clinic, other = a_clinic(), a_clinic()
    await keep(storage, clinic, other)
    clinics = [ObjectId(clinic.id), ObjectId(other.id)]
    period = "summary.cgmStats.periods.14d"

    for _ in range(150):
        known = [document["_id"] async for document in others.find({}, {"_id": 1})]
        chosen = {"_id": rng.choice(known)} if known else {"_id": ObjectId()}
        match rng.randrange(7):
            case 0 | 1:
                summary = {"cgmStats": {"periods": {"14d": {"timeInTargetPercent": rng.random()}}}}
                await others.insert_one(
                    {
                        "clinicId": rng.choice(clinics),
                        "userId": f"{rng.random()}",
                        "fullName": f"{rng.randrange(3)}",
                        "summary": summary,
                    }
                )
            case 2:
                await others.delete_one(chosen)
            case 3:
                value = {f"{period}.timeInTargetPercent": rng.random()}
                await others.update_one(chosen, {"$set": value})
            case 4:
                flag = {f"{period}.hasTimeInTargetPercent": rng.random() < 0.5}
                await others.update_many({}, {"$set": flag})
            case 5:
                await others.update_one(chosen, {"$unset": {"summary.cgmStats": ""}})
            case _:
                await others.update_one(chosen, {"$set": {"clinicId": rng.choice(clinics)}})
        for query in (low(clinic), low(other), PatientQuery(clinic.id, page=EVERYTHING)):
            assert await found(storage, query) == await in_a_snapshot(storage, query)
            assert await page_of(storage, query) == await page_in_a_snapshot(storage, query)


# Memory


async def test_a_list_that_is_known_reads_nothing_but_its_page(
    storage: MongoStorage, others: Patients
) -> None:
    """And after a change that record, and a page that was shown nothing at all."""
    clinic = a_clinic()
    await keep(storage, clinic, *(a_patient(clinic, summary=summarised(n / 50)) for n in range(50)))
    await found(storage, low(clinic))

    async with profiled(storage) as queries:
        await found(storage, low(clinic))
    assert sum(query["docsExamined"] for query in queries) == 0

    await others.update_one({}, {"$set": {"fullName": "new"}})
    async with profiled(storage) as queries:
        first = await page_of(storage, low(clinic, page=Page(0, 3)))
    assert sum(query["docsExamined"] for query in queries) == 1 + 3

    async with profiled(storage) as queries:
        assert await page_of(storage, low(clinic, page=Page(0, 3))) == first
    assert sum(query["docsExamined"] for query in queries) == 0


async def test_records_that_were_not_shown_lately_are_dropped(storage: MongoStorage) -> None:
    clinic = a_clinic()
    patients = [a_patient(clinic, summary=summarised(0.1)) for _ in range(3)]
    await keep(storage, *patients)
    changes = patient_changes.Changes(storage.database)
    records = patient_records.Records(storage.database, changes, capacity=10_000)

    async def examined(*numbers: int) -> int:
        wanted = [patients[number] for number in numbers]
        async with profiled(storage) as queries:
            shown = await records.some(clinic.id, [patient.id for patient in wanted])
        assert shown == tuple(wanted)
        return sum(query["docsExamined"] for query in queries)

    # There is room for two.
    assert [await examined(number) for number in (0, 1, 0, 2, 0, 1)] == [1, 1, 0, 1, 0, 1]
    assert await examined(2, 1, 0) == 1
    await changes.close()


async def test_who_left_a_clinic_is_not_shown_in_it(
    storage: MongoStorage, others: Patients
) -> None:
    """Nor is anybody to those who ask in the name of another clinic."""
    clinic, other = a_clinic(), a_clinic()
    patient = a_patient(clinic)
    await keep(storage, patient)

    async def shown(in_clinic: Clinic) -> tuple[Patient, ...]:
        return await storage.read(lambda tx: tx.patients.with_ids(in_clinic.id, [patient.id]))

    assert [await shown(clinic), await shown(other)] == [(patient,), ()]
    await others.update_one({}, {"$set": {"clinicId": ObjectId(other.id)}})
    moved = attrs.evolve(patient, clinic_id=other.id)
    assert [await shown(clinic), await shown(other)] == [(), (moved,)]


async def test_columns_are_added_when_they_are_asked_for(
    storage: MongoStorage, others: Patients
) -> None:
    clinic = a_clinic()
    await keep(storage, a_patient(clinic, summary=summarised(0.1), birth_date="2000-01-01"))
    await found(storage, PatientQuery(clinic.id))
    await others.update_one({}, {"$set": {"birthDate": "2001-01-01"}})

    by_date = low(clinic, search="2001-")

    assert (await found(storage, by_date)).matching == 1


async def test_rolls_that_were_not_used_lately_are_dropped(storage: MongoStorage) -> None:
    one, two = a_clinic(), a_clinic()
    await keep(storage, *(a_patient(clinic) for clinic in (one, two) for _ in range(10)))
    changes = patient_changes.Changes(storage.database)
    rolls = patient_rolls.Rolls(storage.database, changes, capacity=30)

    async def examined(clinic: Clinic, **conditions: Any) -> int:
        async with profiled(storage) as queries:
            assert (await rolls.matches(PatientQuery(clinic.id, **conditions))).total == 10
        return sum(query["docsExamined"] for query in queries)

    assert [await examined(clinic) for clinic in (one, one, two, two, one)] == [10, 0, 10, 0, 10]
    # What is too much of a single clinic goes column by column.
    assert await examined(one, search="a", tags=()) == 10
    assert await examined(one, search="a", tags=()) == 0
    by_date = order_by(Attribute.BIRTH_DATE, descending=False)
    assert await examined(one, search="a", order=by_date) == 10
    assert await examined(one, search="a", tags=()) == 10
    await changes.close()


async def test_many_changes_are_followed(storage: MongoStorage, others: Patients) -> None:
    """Also when reading all anew is quicker."""
    clinic = a_clinic()
    await keep(storage, clinic)
    documents = [
        {"clinicId": ObjectId(clinic.id), "userId": f"{number:010x}"} for number in range(1200)
    ]
    await others.insert_many(documents)
    assert (await found(storage, PatientQuery(clinic.id))).total == 1200

    for number in (400, 900):
        some = {"userId": {"$lt": f"{number:010x}"}}
        await others.update_many(some, {"$set": {"email": f"{number}@example.com"}})
        search = PatientQuery(clinic.id, search=f"{number}@")
        assert (await found(storage, search)).matching == number

    await others.delete_many({})
    assert await found(storage, PatientQuery(clinic.id)) == PatientMatches((), 0, 0)


# Losing the thread


async def kill_the_session(storage: MongoStorage) -> None:
    await storage.database.client.admin.command("killAllSessions", [])


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any pause between two lists for one that is too long."""
    monkeypatch.setattr(patient_changes, "LONGEST_PAUSE", -1.0)


@pytest.fixture
def _few_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take two changes for too many."""
    monkeypatch.setattr(patient_changes, "MOST_CHANGES", 1)


async def see_two_changes(storage: MongoStorage, others: Patients) -> None:
    clinic = a_clinic()
    await keep(storage, *(a_patient(clinic, full_name=name) for name in "ab"))
    assert await names(storage, PatientQuery(clinic.id)) == ["a", "b"]

    await others.update_one({"fullName": "a"}, {"$set": {"fullName": "z"}})
    await others.update_one({"fullName": "b"}, {"$set": {"fullName": "c"}})

    assert await names(storage, PatientQuery(clinic.id)) == ["c", "z"]


@pytest.mark.usefixtures("_no_pause")
async def test_after_a_long_pause_all_is_read_anew(storage: MongoStorage, others: Patients) -> None:
    await see_two_changes(storage, others)


@pytest.mark.usefixtures("_few_changes")
async def test_after_too_many_changes_all_is_read_anew(
    storage: MongoStorage, others: Patients
) -> None:
    await see_two_changes(storage, others)


async def test_a_stream_that_breaks_off_is_begun_anew(
    storage: MongoStorage, others: Patients
) -> None:
    clinic = a_clinic()
    await keep(storage, a_patient(clinic, full_name="a"))
    assert await names(storage, PatientQuery(clinic.id)) == ["a"]

    await kill_the_session(storage)
    await others.update_one({}, {"$set": {"fullName": "b"}})

    assert await names(storage, PatientQuery(clinic.id)) == ["b"]


async def test_a_collection_that_is_dropped_holds_nobody(mongodb: str) -> None:
    async with a_fresh_database(mongodb) as (client, name):
        storage = MongoStorage(client, name)
        await storage.start()
        clinic = a_clinic()
        await keep(storage, a_patient(clinic, full_name="a"))
        assert (await found(storage, PatientQuery(clinic.id))).total == 1

        await client[name].drop_collection("patients")
        assert (await found(storage, PatientQuery(clinic.id))).total == 0

        await storage.start()
        await keep(storage, a_patient(clinic, full_name="b"))
        assert await names(storage, PatientQuery(clinic.id)) == ["b"]


async def test_without_a_stream_lists_are_read_from_the_database(
    storage: MongoStorage, others: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a user of the database who may not follow its changes."""
    monkeypatch.setattr(patient_changes, "FOLLOWING", [{"$changeStream": {"unknown": True}}])

    await see_two_changes(storage, others)


async def test_data_on_several_servers_are_read_from_them(
    storage: MongoStorage, others: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There no stream says that there are no more changes."""

    async def yes(_: object) -> bool:
        return True

    monkeypatch.setattr(AsyncMongoClient, "is_mongos", property(yes))
    monkeypatch.setattr(patient_changes.Changes, "catch_up", None)

    await see_two_changes(storage, others)


# At the same time


async def test_what_changes_while_a_roll_is_read_is_read_again(
    storage: MongoStorage, others: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer mixes what a record was and what it is."""
    clinic = a_clinic()
    await keep(
        storage,
        a_patient(clinic, full_name="a", summary=summarised(0.1)),
        a_patient(clinic, full_name="gone", summary=summarised(0.2)),
    )
    read = patient_rolls._documents
    meanwhile: list[Callable[[], Awaitable[Any]]] = []

    async def read_slowly(*args: Any) -> list[dict[str, Any]]:
        if meanwhile:
            await meanwhile.pop(0)()
        documents = await read(*args)
        if meanwhile:
            await meanwhile.pop(0)()
        return documents

    monkeypatch.setattr(patient_rolls, "_documents", read_slowly)
    period = "summary.cgmStats.periods.14d"
    new = patient_document(a_patient(clinic, full_name="new", summary=summarised(0.3)))
    meanwhile[:] = [
        lambda: others.insert_one(new),
        lambda: others.update_one({"fullName": "a"}, {"$set": {"fullName": "z"}}),
    ]
    first = await found(storage, PatientQuery(clinic.id))
    assert (first.total, meanwhile) == (3, [])

    # The name and the number change together, between reading one and the other.
    meanwhile[:] = [
        lambda: others.delete_one({"fullName": "gone"}),
        lambda: others.update_one(
            {"fullName": "z"}, {"$set": {"fullName": "b", f"{period}.timeInTargetPercent": 0.4}}
        ),
    ]
    assert await names(storage, low(clinic, search="b")) == ["b"]
    assert meanwhile == []
    assert await names(storage, low(clinic)) == ["new", "b"]


async def test_what_changes_while_a_record_is_read_is_not_kept(
    storage: MongoStorage, others: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever learns of the change meanwhile, the next page shows it."""
    clinic = a_clinic()
    patient = a_patient(clinic, full_name="a")
    await keep(storage, patient)
    read = patient_records.patients_in

    async def read_slowly(*args: Any) -> tuple[Patient, ...]:
        patients = await read(*args)
        await others.update_one({}, {"$set": {"fullName": "b"}})
        assert (await found(storage, PatientQuery(clinic.id, search="b"))).matching == 1
        return patients

    query = PatientQuery(clinic.id)
    await found(storage, query)
    with monkeypatch.context() as patched:
        patched.setattr(patient_records, "patients_in", read_slowly)
        assert await names(storage, query) == ["a"]

    assert await names(storage, query) == ["b"]


async def test_lists_and_writes_at_the_same_time(storage: MongoStorage, others: Patients) -> None:
    """Who has written sees what was written, whatever others ask and write meanwhile."""
    clinics = [a_clinic() for _ in range(3)]
    await keep(storage, *clinics)

    async def somebody(number: int) -> None:
        clinic = clinics[number % len(clinics)]
        for turn in range(8):
            name = f"{number} {turn}"
            patient = a_patient(clinic, full_name=name, summary=summarised(turn / 20))
            await others.insert_one(patient_document(patient))
            assert await names(storage, low(clinic, search=name)) == [name]
            await others.update_one(
                {"_id": ObjectId(patient.id)}, {"$unset": {"summary.cgmStats": ""}}
            )
            assert await names(storage, low(clinic, search=name)) == []

    await together(*(somebody(number) for number in range(9)))


async def test_who_is_cancelled_spoils_no_list(storage: MongoStorage, others: Patients) -> None:
    clinic = a_clinic()
    await keep(storage, *(a_patient(clinic, summary=summarised(0.1)) for _ in range(3)))

    for steps in range(0, 90, 3):
        await others.update_one(
            {}, {"$set": {"summary.cgmStats.periods.14d.timeInTargetPercent": steps / 1000}}
        )
        tasks = [asyncio.ensure_future(found(storage, low(clinic))) for _ in range(2)]
        for _ in range(steps):
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        now = await found(storage, low(clinic))
        assert tasks[1].result() == now == await in_a_snapshot(storage, low(clinic))


async def test_a_transaction_lists_what_it_has_written(storage: MongoStorage) -> None:
    clinic = a_clinic()
    patient = a_patient(clinic, full_name="a", summary=summarised(0.1))
    await keep(storage, patient)
    assert await names(storage, low(clinic)) == ["a"]

    async def work(tx: Transaction) -> list[str | None]:
        await tx.patients.add(a_patient(clinic, full_name="b", summary=summarised(0.05)))
        named = attrs.evolve(patient, full_name="c")
        await tx.patients.save(named, was=patient)
        inside = await tx.patients.page(low(clinic))
        assert await names(storage, low(clinic)) == ["a"]
        return [each.full_name for each in inside.patients]

    assert await storage.transaction(work) == ["b", "c"]
    assert await names(storage, low(clinic)) == ["b", "c"]


# What others left


@pytest.mark.parametrize("value", [10.5, float("nan"), float("inf"), "secret", True, [1]], ids=str)
async def test_a_summary_that_cannot_be_read_leaves_the_record_out(
    value: object, storage: MongoStorage, others: Patients, caplog: pytest.LogCaptureFixture
) -> None:
    clinic = a_clinic()
    good, broken = (a_patient(clinic, summary=summarised(0.1)) for _ in range(2))
    await keep(storage, good, broken)
    total = {"summary.cgmStats.periods.14d.totalRecords": value}
    await others.update_one({"_id": ObjectId(broken.id)}, {"$set": total})

    with caplog.at_level(logging.WARNING):
        page = await storage.read(lambda tx: tx.patients.page(low(clinic)))

    assert page.patients == (good,)
    assert broken.id in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "documents",
    [
        {"summary": None},
        {"summary": {}},
        {"summary": {"cgmStats": None}},
        {"summary": {"cgmStats": 7}},
        {"summary": {"cgmStats": {"dates": [], "periods": "x"}}},
        {"summary": [{"cgmStats": {"periods": {"14d": {"timeInTargetPercent": 0.1}}}}]},
        {"summary": {"cgmStats": {"periods": {"14d": {"timeInTargetPercent": "0.1"}}}}},
        {"fullName": 7, "birthDate": [], "email": {}, "mrn": 1.5},
        {"tags": "x", "sites": {"id": "x"}, "reviews": 7, "dataSources": "dexcom"},
        {"sites": [7], "tags": [7], "reviews": [7], "dataSources": [7]},
        {"reviews": [{}], "dataSources": [{}], "glycemicRanges": 7},
        {"reviews": [{"time": "x"}], "glycemicRanges": []},
    ],
    ids=str,
)
async def test_no_document_breaks_a_list(
    documents: dict[str, Any], storage: MongoStorage, others: Patients
) -> None:
    clinic = a_clinic()
    patient = a_patient(clinic, full_name="good", summary=summarised(0.1))
    await keep(storage, patient)
    await others.insert_one({"clinicId": ObjectId(clinic.id), "userId": "odd", **documents})

    query = low(
        clinic,
        search="good",
        tags=(),
        sites=(),
        omit_non_standard_ranges=True,
        without_data=WithoutData(A_MORNING, LATER),
    )
    assert await names(storage, query) == ["good"]
    for attribute in Attribute:
        order = order_by(attribute, descending=True)
        assert (await found(storage, PatientQuery(clinic.id, order=order))).total == 2


async def test_a_range_that_is_null_is_not_the_standard(
    storage: MongoStorage, others: Patients
) -> None:
    """FILTER-8."""
    clinic = a_clinic()
    standard = GlycemicRanges("preset", preset="adaStandard")
    await keep(
        storage,
        a_patient(clinic, full_name="standard", glycemic_ranges=standard),
        a_patient(clinic, full_name="null"),
        a_patient(clinic, full_name="none"),
    )
    await others.update_one({"fullName": "null"}, {"$set": {"glycemicRanges": None}})

    query = PatientQuery(clinic.id, omit_non_standard_ranges=True)

    assert await names(storage, query) == ["none", "standard"]


# Summaries


async def test_a_part_of_a_summary_is_replaced_whole(
    storage: MongoStorage, others: Patients
) -> None:
    """Also in a summary that is null; what nobody knows beside it stays."""
    patient = a_patient(a_clinic(), summary=summarised(0.1))
    beside = a_patient(a_clinic(), user_id=patient.user_id)
    await keep(storage, patient, beside)
    odd = {"summary.cgmStats.offsetPeriods": {"7d": {}}, "summary.unknown": {"a": 7}}
    await others.update_one({"_id": ObjectId(patient.id)}, {"$set": odd})
    await others.update_one({"_id": ObjectId(beside.id)}, {"$set": {"summary": None}})
    new = Stats("d", periods={"7d": {"totalRecords": 2**40, "min": 2.0, "hasTotalRecords": True}})

    own = [{"$match": {"documentKey._id": ObjectId(patient.id)}}]
    async with await others.watch(own) as stream:
        number = await storage.transaction(
            lambda tx: tx.patients.set_summary(patient.user_id, new, None, LATER)
        )
        event = await stream.next()

    assert number == 2
    one, two = await others.find({}).sort("_id").to_list()
    assert one["summary"].pop("unknown") == {"a": 7}
    assert one["summary"] == two["summary"]
    assert one["summary"]["cgmStats"].keys() == {"id", "config", "dates", "periods"}
    (period,) = one["summary"]["cgmStats"]["periods"].values()
    assert [type(value) for value in period.values()] == [Int64, float, bool]
    assert event["updateDescription"]["updatedFields"].keys() == {"summary.cgmStats", "updatedTime"}


async def test_unknown_members_of_a_summary_outlive_other_changes(
    storage: MongoStorage, others: Patients
) -> None:
    patient = a_patient(a_clinic(), summary=Summary(cgm=Stats("c"), bgm=Stats("b")))
    await keep(storage, patient)
    odd = {"summary.cgmStats.offsetPeriods": {"7d": {}}, "summary.unknown": {"a": 7}}
    await others.update_one({}, {"$set": odd})

    changed = attrs.evolve(patient, full_name="New", summary=Summary(cgm=Stats("c")))
    await storage.transaction(lambda tx: tx.patients.save(changed, was=patient))

    (document,) = await others.find({}).to_list()
    assert document["fullName"] == "New"
    assert document["summary"].keys() == {"cgmStats", "unknown"}
    assert document["summary"]["cgmStats"]["offsetPeriods"] == {"7d": {}}


async def test_statistics_are_found_by_their_id_in_an_index(storage: MongoStorage) -> None:
    clinic = a_clinic()

    def patient(number: int) -> Patient:
        return a_patient(clinic, summary=Summary(cgm=Stats(f"{number}a"), bgm=Stats(f"{number}b")))

    await keep(storage, *map(patient, range(30)))

    async with profiled(storage) as queries:
        assert await storage.transaction(lambda tx: tx.patients.remove_stats("7b")) == 1

    (update,) = (query for query in queries if query["op"] == "update")
    assert update["docsExamined"] == 1
