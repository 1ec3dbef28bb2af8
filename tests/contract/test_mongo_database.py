"""What other programs see of the storage, and what it makes of what they left in the database."""

import asyncio
import logging
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from bson import Int64, ObjectId
from pymongo import ASCENDING, IndexModel

from adapters.mongo import MongoStorage, UnusableServer
from adapters.mongo.indexes import IncompatibleIndex
from adapters.mongo.transactions import ServerError
from clinic_domain.clinicians.model import AllCliniciansQuery, ClinicianQuery
from clinic_domain.clinics.model import Clinic, ClinicDetails, ClinicQuery
from clinic_domain.clinics.tags import without_tag
from clinic_domain.deletions import Deletion
from clinic_domain.errors import StorageBusy, Unavailable
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.patients.rules import with_connection_request
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.support import (
    change,
    clinic_of,
    keep,
    patients_of,
    together,
)
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_site, a_tag, at
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.text import collation_key
from clinic_domain.values import Page, UserId
from support.mongo import (
    Client,
    a_fresh_database,
    an_empty_storage,
    profiled,
    stored_documents,
)
from support.servers import a_lone_server

LATER: Final = A_MORNING + timedelta(hours=1)


@pytest.fixture
async def storage(mongodb: str) -> AsyncIterator[MongoStorage]:
    async with an_empty_storage(mongodb) as storage:
        yield storage


# Getting ready

REFERENCE: Final[dict[str, dict[str, tuple[list[str], dict[str, Any]]]]] = {
    "clinics": {
        "UniqueShareCodes": (["shareCodes"], {"unique": True}),
        "UniqueCanonicalShareCode": (["canonicalShareCode"], {"unique": True}),
    },
    "clinicians": {
        "UniqueClinicianUserId": (
            ["clinicId", "userId"],
            {"unique": True, "partialFilterExpression": {"userId": {"$exists": True}}},
        ),
        "UniqueInviteId": (
            ["clinicId", "inviteId"],
            {"unique": True, "partialFilterExpression": {"inviteId": {"$exists": True}}},
        ),
        "UniqueClinicMemberEmail": (
            ["clinicId", "email"],
            {"unique": True, "partialFilterExpression": {"email": {"$exists": True}}},
        ),
        "CliniciansByCreatedTime": (["createdTime"], {}),
    },
    "patients": {
        "UserId": (["userId"], {}),
        "UniquePatient": (["clinicId", "userId"], {"unique": True}),
        "PatientFullNameEn": (
            ["clinicId", "fullName"],
            {"collation": {"locale": "en", "strength": 1}},
        ),
        "PatientBirthDate": (["clinicId", "birthDate"], {}),
        "PatientEmail": (["clinicId", "email"], {}),
        "PatientMRN": (["clinicId", "mrn"], {}),
        "PatientTagsV2": (["clinicId", "userId", "tags"], {}),
        "DataSourcesProviderName": (["clinicId", "dataSources.providerName"], {}),
        "DataSourcesState": (["clinicId", "dataSources.state"], {}),
        "UniqueMrn": (
            ["clinicId", "mrn", "_na"],
            {
                "unique": True,
                "partialFilterExpression": {
                    "mrn": {"$type": "string"},
                    "requireUniqueMrn": {"$eq": True},
                },
            },
        ),
        "Sites": (["clinicId", "sites.id"], {}),
        **{
            f"MeetingTargetsIndex{period}": (
                [
                    "clinicId",
                    "userId",
                    "tags",
                    "summary.cgmStats.dates.lastData",
                    f"summary.cgmStats.periods.{period}.timeInTargetPercent",
                ],
                {
                    "partialFilterExpression": {
                        f"summary.cgmStats.periods.{period}.timeInTargetPercent": {"$gte": 0.7},
                        f"summary.cgmStats.periods.{period}.timeCGMUsePercent": {"$gte": 0.7},
                    }
                },
            )
            for period in ("1d", "7d", "14d", "30d")
        },
    },
    "clinic_deletions": {
        "ClinicDeletion": (["clinic._id"], {}),
        "DeletedTime": (["deletedTime", "clinic._id"], {}),
    },
}
"""The indexes of the chapters, less those that they call wrong."""

WRONG: Final = {
    "clinicians": [
        IndexModel(
            [("clinicId", ASCENDING), ("email", "text"), ("fullName", "text")],
            name="ClinicianSearch",
            background=True,
        ),
        IndexModel([("clinicId", ASCENDING), ("role", ASCENDING)], name="ClinicianByRole"),
    ],
    "clinician_deletions": [IndexModel("clinician.clinicId,userId", name="ClinicianDeletion")],
    "patient_deletions": [IndexModel("patient.clinicId,userId", name="PatientDeletion")],
}


def of_the_reference() -> dict[str, list[IndexModel]]:
    """Return all indexes that the reference creates when it starts."""
    right = {
        collection: [
            IndexModel(keys, name=name, background=collection == "clinicians", **options)
            for name, (keys, options) in indexes.items()
        ]
        for collection, indexes in REFERENCE.items()
    }
    return {name: [*right.get(name, ()), *WRONG.get(name, ())] for name in {**right, **WRONG}}


async def test_indexes_are_those_of_the_reference_and_more(mongodb: str) -> None:
    async with a_fresh_database(mongodb) as (client, name):
        await MongoStorage(client, name).start()

        for collection, indexes in REFERENCE.items():
            found = await client[name][collection].index_information()
            for index, (keys, options) in indexes.items():
                information = found[index]
                assert information["key"] == [(key, 1) for key in keys]
                for option in ("unique", "partialFilterExpression"):
                    assert information.get(option) == options.get(option)
                collation = {
                    key: information.get("collation", {}).get(key) for key in ("locale", "strength")
                }
                assert collation == options.get("collation", {"locale": None, "strength": None})


@pytest.mark.parametrize("is_first", [True, False])
async def test_the_reference_starts_on_the_same_database(mongodb: str, is_first: bool) -> None:
    """Before or afterwards, and any number of times."""
    async with a_fresh_database(mongodb) as (client, name):
        storage = MongoStorage(client, name)
        for turn in range(4):
            if is_first == (turn % 2 == 0):
                for collection, indexes in of_the_reference().items():
                    await client[name][collection].create_indexes(indexes)
            else:
                await storage.start()

        assert "ClinicianSearch" in await client[name]["clinicians"].index_information()


async def test_another_index_under_the_name_of_one_that_is_needed_is_named(mongodb: str) -> None:
    async with a_fresh_database(mongodb) as (client, name):
        await client[name]["patients"].create_index("other", name="UniqueMrn")

        with pytest.raises(IncompatibleIndex, match=r"patients: .*UniqueMrn"):
            await MongoStorage(client, name).start()


@pytest.fixture
def lone_server() -> Iterator[str]:
    with a_lone_server() as url:
        yield url


async def test_a_server_without_a_replica_set_is_refused(lone_server: str) -> None:
    storage = MongoStorage.at(lone_server)

    with pytest.raises(UnusableServer, match="has to run as a replica set"):
        await storage.start()
    await storage.close()


# What others left

UNKNOWN: Final = {"a": [1, None, {"b": Int64(2)}]}


async def add_unknown_members(storage: MongoStorage) -> None:
    """Give all documents, and their tags and sites, members that nobody here knows."""
    for collection, arrays in (("clinics", ("patientTags", "sites")), ("patients", ("sites",))):
        for array in arrays:
            await storage.database[collection].update_many(
                {f"{array}.0": {"$exists": True}}, {"$set": {f"{array}.$[].unknown": UNKNOWN}}
            )
        await storage.database[collection].update_many({}, {"$set": {"unknown": UNKNOWN}})


async def test_unknown_members_outlive_every_change_of_labels(storage: MongoStorage) -> None:
    tag, site, other = a_tag("tag"), a_site("site"), a_site("other")
    clinic = a_clinic(tags=(a_tag("first"), tag), sites=(site, other))
    patient = a_patient(clinic, tags=(tag.id,), sites=at(site, other))
    await keep(storage, clinic, patient)
    await add_unknown_members(storage)

    new_site, new_tag = attrs.evolve(other, name="new"), attrs.evolve(tag, name="new")
    changed = attrs.evolve(clinic, tags=(new_tag, a_tag("last")), sites=(new_site, a_site("last")))
    await change(storage, clinic, changed)

    async def work(tx: Transaction) -> None:
        await tx.patients.rename_site(clinic.id, new_site, LATER)
        await tx.patients.move_site(clinic.id, site.id, new_site, LATER)
        await tx.patients.tag_to_site(clinic.id, tag.id, a_site("converted"), LATER)
        await tx.patients.add_tag(clinic.id, tag.id, None, LATER)
        await tx.patients.remove_tag(clinic.id, tag.id, None, LATER)
        await tx.patients.set_email(patient.user_id, "new@example.com", LATER)
        await tx.patients.set_data_sources(patient.user_id, (DataSource("x", "y"),), LATER)

    await storage.transaction(work)

    documents = await stored_documents(storage)
    (stored_clinic,), (stored_patient,) = documents["clinics"], documents["patients"]
    assert stored_clinic["unknown"] == UNKNOWN
    assert [each.get("unknown") for each in stored_clinic["patientTags"]] == [UNKNOWN, None]
    assert [each.get("unknown") for each in stored_clinic["sites"]] == [UNKNOWN, None]
    assert [each["name"] for each in stored_clinic["sites"]] == ["new", "last"]
    assert stored_patient["unknown"] == UNKNOWN
    assert [each.get("unknown") for each in stored_patient["sites"]] == [UNKNOWN, None]
    assert [each["name"] for each in stored_patient["sites"]] == ["new", "converted"]


async def test_documents_go_into_deletion_records_as_they_are(storage: MongoStorage) -> None:
    """With every type that documents can hold, one by one and many at once."""
    clinic = a_clinic()
    several = [a_patient(clinic, permissions=None) for _ in range(3)]
    await keep(storage, clinic, *several)
    odd = {"number": Int64(1), "double": 2.0, "unknown": UNKNOWN}
    await storage.database["patients"].update_many({}, {"$set": odd, "$unset": {"mrn": ""}})
    before = (await stored_documents(storage))["patients"]

    async def work(tx: Transaction) -> None:
        await tx.patients.remove(several[0], Deletion(LATER, UserId("somebody")))
        await tx.patients.remove_non_custodial(clinic.id, Deletion(LATER))

    await storage.transaction(work)

    records = (await stored_documents(storage))["patient_deletions"]
    assert [record["patient"] for record in records] == [{**one, "mrn": None} for one in before]
    assert [type(record["patient"]["number"]) for record in records] == [Int64] * 3
    assert [type(record["patient"]["double"]) for record in records] == [float] * 3
    assert [record.get("deletedByUserId") for record in records] == ["somebody", None, None]
    assert [record["deletedTime"] for record in records] == [LATER] * 3


async def test_more_than_a_batch_is_moved_at_once(storage: MongoStorage) -> None:
    clinic = a_clinic()
    await keep(storage, clinic)
    patients = [
        {"clinicId": ObjectId(clinic.id), "userId": f"{number:010x}"} for number in range(1203)
    ]
    await storage.database["patients"].insert_many(patients)

    number = await storage.transaction(
        lambda tx: tx.patients.remove_non_custodial(clinic.id, Deletion(LATER))
    )

    assert number == len(patients)
    documents = await stored_documents(storage)
    assert "patients" not in documents
    assert len(documents["patient_deletions"]) == len(patients)


async def test_a_document_that_cannot_be_read_breaks_no_list(
    storage: MongoStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """It is noted by its id, and nothing of what it holds."""
    clinic, broken_clinic = a_clinic(), a_clinic()
    member, broken_member = a_clinician(clinic), a_clinician(clinic)
    patient = a_patient(clinic, full_name="zoe")
    broken = [a_patient(clinic, full_name=name) for name in ("", "alice", "zz")]
    await keep(storage, clinic, broken_clinic, member, broken_member, patient, *broken)
    for collection, records, members in (
        ("clinics", [broken_clinic], {"name": {"secret": 1}}),
        ("clinicians", [broken_member], {"roles": "secret"}),
        ("patients", broken, {"targetDevices": "secret"}),
    ):
        ids = [ObjectId(record.id) for record in records]
        await storage.database[collection].update_many({"_id": {"$in": ids}}, {"$set": members})

    async def lists(tx: Transaction) -> tuple[Any, ...]:
        return (
            [view.clinic for view in await tx.clinics.views(ClinicQuery())],
            await tx.clinicians.of_clinic(ClinicianQuery(clinic.id)),
            await tx.clinicians.all(AllCliniciansQuery()),
            (await tx.patients.page(PatientQuery(clinic.id))).patients,
        )

    with caplog.at_level(logging.WARNING):
        found = await storage.read(lists)

    assert found == ([clinic], (member,), (member,), (patient,))
    for id_ in (broken_clinic.id, broken_member.id, *(each.id for each in broken)):
        assert id_ in caplog.text
    assert "secret" not in caplog.text


async def test_unreadable_patients_without_a_name_do_not_mix_up_pages(
    storage: MongoStorage,
) -> None:
    clinic = a_clinic()
    names = ("", None, "", None, "zoe")
    patients = [a_patient(clinic, full_name=name) for name in names]
    await keep(storage, clinic, *patients)
    await storage.database["patients"].update_one(
        {"_id": ObjectId(patients[1].id)}, {"$set": {"targetDevices": "broken"}}
    )

    async def pages(tx: Transaction) -> list[tuple[Patient, ...]]:
        queries = [PatientQuery(clinic.id, page=Page(offset, 2)) for offset in (0, 2, 4)]
        return [(await tx.patients.page(query)).patients for query in queries]

    assert await storage.read(pages) == [(patients[0],), tuple(patients[2:4]), (patients[4],)]


async def test_a_time_that_no_date_can_be_breaks_no_list(storage: MongoStorage) -> None:
    clinic = a_clinic()
    good, bad = a_patient(clinic), a_patient(clinic)
    await keep(storage, clinic, good, bad)
    far = {"$set": {"createdTime": {"$toDate": Int64(2**60)}}}
    await storage.database["patients"].update_one({"_id": ObjectId(bad.id)}, [far])

    assert await patients_of(storage, clinic.id) == {good.user_id: good}


async def test_tags_and_sites_that_are_null_are_none(storage: MongoStorage) -> None:
    clinic = a_clinic()
    patient = a_patient(clinic)
    tag, site = a_tag().id, a_site()
    await keep(storage, clinic, patient)
    nothing = {"tags": None, "sites": None, "dataSources": None}
    await storage.database["patients"].update_one({}, {"$set": nothing})

    async def listed(**conditions: Any) -> tuple[Patient, ...]:
        query = PatientQuery(clinic.id, **conditions)
        return (await storage.read(lambda tx: tx.patients.page(query))).patients

    assert await listed(tags=(), sites=()) == (patient,)

    await storage.transaction(lambda tx: tx.patients.add_tag(clinic.id, tag, None, LATER))
    await storage.transaction(lambda tx: tx.patients.tag_to_site(clinic.id, tag, site, LATER))

    (found,) = await listed()
    assert (found.tags, found.sites) == ((), at(site))


async def test_an_address_that_was_stored_as_typed_is_found(storage: MongoStorage) -> None:
    clinician = a_clinician(a_clinic(), email="Zoë@Example.com")
    await keep(storage, clinician)

    query = ClinicianQuery(clinician.clinic_id, email="zoë@example.com")
    assert await storage.read(lambda tx: tx.clinicians.of_clinic(query)) == (clinician,)


# What others see


@asynccontextmanager
async def changes_of(storage: MongoStorage, collection: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Give a list that has all change events of a collection when the context is over."""
    events: list[dict[str, Any]] = []
    async with await storage.database[collection].watch(max_await_time_ms=50) as stream:
        yield events
        while (event := await stream.try_next()) is not None:
            events.append(event["updateDescription"])


async def test_an_event_of_a_request_has_all_requests_of_its_provider(
    storage: MongoStorage,
) -> None:
    patient = a_patient(a_clinic(), data_sources=(DataSource("dexcom", "pending"),))
    await keep(storage, patient)

    async with changes_of(storage, "patients") as events:
        for time in (A_MORNING, LATER):
            requested = with_connection_request(patient, "dexcom", time)
            await change(storage, patient, requested)
            patient = requested

    first, second = (event["updatedFields"] for event in events)
    requests = [{"providerName": "dexcom", "createdTime": time} for time in (LATER, A_MORNING)]
    assert first["providerConnectionRequests"] == {"dexcom": requests[1:]}
    assert second["providerConnectionRequests.dexcom"] == requests


async def test_an_address_that_is_removed_everywhere_is_unset(storage: MongoStorage) -> None:
    """While one that was taken from a single record is null."""
    patient = a_patient(a_clinic(), email="old@example.com")
    other = a_patient(patient.clinic_id, email="old@example.com")
    await keep(storage, patient, other)

    async with changes_of(storage, "patients") as events:
        await storage.transaction(lambda tx: tx.patients.set_email(patient.user_id, None, LATER))
        await change(storage, other, attrs.evolve(other, email=None))

    assert [event["removedFields"] for event in events] == [["email"], []]
    assert [event["updatedFields"] for event in events] == [{"updatedTime": LATER}, {"email": None}]


async def test_a_deleted_tag_is_told_to_whoever_follows_the_clinics(storage: MongoStorage) -> None:
    tag = a_tag()
    clinic = a_clinic(tags=(tag,))
    await keep(storage, clinic)

    async with changes_of(storage, "clinics") as events:
        await change(storage, clinic, without_tag(clinic, tag.id, LATER))

    (event,) = events
    assert event["updatedFields"]["lastDeletedPatientTag"] == ObjectId(tag.id)


async def test_a_clinic_that_was_only_relied_on_is_as_it_was(storage: MongoStorage) -> None:
    clinic = a_clinic()
    await keep(storage, clinic)
    before = (await stored_documents(storage))["clinics"]

    async def join(tx: Transaction) -> None:
        await tx.patients.add(a_patient(await tx.clinics.get(clinic.id)))

    await storage.transaction(join)

    assert (await stored_documents(storage))["clinics"] == before


async def test_what_another_program_changes_meanwhile_is_seen(storage: MongoStorage) -> None:
    """Also where the transaction itself leaves the clinic as it is."""
    clinic = a_clinic()
    await keep(storage, clinic)
    names: list[str | None] = []

    async def join(tx: Transaction) -> None:
        found = await tx.clinics.get(clinic.id)
        names.append(found.details.name)
        if len(names) == 1:
            await storage.database["clinics"].update_one({}, {"$set": {"name": "Meanwhile"}})
        await tx.patients.add(a_patient(found, full_name=found.details.name))

    await storage.transaction(join)

    assert names == [clinic.details.name, "Meanwhile"]
    (patient,) = (await patients_of(storage, clinic.id)).values()
    assert patient.full_name == "Meanwhile"


# Trouble


async def test_a_record_that_somebody_else_holds_makes_the_storage_busy(mongodb: str) -> None:
    async with an_empty_storage(mongodb, patience=0.3) as storage, Client(mongodb) as other:
        clinic = a_clinic()
        await keep(storage, clinic)
        named = attrs.evolve(clinic, details=ClinicDetails(name="Named"))
        async with other.start_session() as session, await session.start_transaction():
            clinics = other[storage.database.name]["clinics"]
            await clinics.update_one({}, {"$set": {"name": "Held"}}, session=session)

            with pytest.raises(StorageBusy):
                await change(storage, clinic, named)
            assert await clinic_of(storage, clinic.id) == clinic
            await session.abort_transaction()

        await change(storage, clinic, named)
        assert await clinic_of(storage, clinic.id) == named


@pytest.mark.parametrize("url", ["mongodb://127.0.0.1:1/", "mongodb://127.0.0.1:1/?replicaSet=x"])
async def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    async with Client(url, serverSelectionTimeoutMS=50) as client:
        storage = MongoStorage(client, patience=0.1)
        for call in (
            storage.start(),
            storage.ping(),
            storage.read(lambda tx: tx.clinics.find(a_clinic().id)),
            storage.transaction(lambda tx: tx.clinics.add(a_clinic())),
        ):
            with pytest.raises(Unavailable):
                await call


async def test_a_storage_that_was_closed_is_unavailable(mongodb: str) -> None:
    storage = MongoStorage.at(mongodb)
    await storage.ping()
    await storage.close()

    for call in (storage.ping(), storage.transaction(lambda tx: tx.clinics.add(a_clinic()))):
        with pytest.raises(Unavailable):
            await call


async def test_who_is_cancelled_leaves_nothing_behind_that_others_wait_for(
    storage: MongoStorage,
) -> None:
    """Least of all a transaction that the server goes on with and nobody knows."""
    clinic = a_clinic()
    await keep(storage, clinic)
    named = attrs.evolve(clinic, details=ClinicDetails(name="Named"))

    for steps in range(60):
        task = asyncio.ensure_future(change(storage, clinic, named))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    async with asyncio.timeout(5):
        await change(storage, clinic, named)


async def test_work_that_only_reads_cannot_write(storage: MongoStorage) -> None:
    with pytest.raises(TypeError, match="cannot write"):
        await storage.read(lambda tx: tx.clinics.add(a_clinic()))

    assert await stored_documents(storage) == {}


async def test_what_the_server_refuses_is_told_without_what_was_written(
    storage: MongoStorage,
) -> None:
    clinic = a_clinic()
    await keep(storage, clinic)
    rule = {"$jsonSchema": {"properties": {"fullName": {"enum": ["Nobody"]}}}}
    await storage.database.command("collMod", "patients", validator=rule)
    try:
        with pytest.raises(ServerError) as raised:
            await keep(storage, a_patient(clinic, full_name="Secret Name"))
    finally:
        await storage.database.command("collMod", "patients", validator={})

    assert raised.value.args == ("BulkWriteError", "121")
    assert raised.value.__suppress_context__


# Cost


@pytest.fixture
async def crowd(storage: MongoStorage) -> Clinic:
    """Return a clinic with 500 patients, each with a tag, a site, a name and a number."""
    tags, sites = (a_tag("a"), a_tag("b")), (a_site("a"), a_site("b"))
    clinic = a_clinic(tags=tags, sites=sites)
    await keep(storage, clinic)
    patients = [
        {
            "clinicId": ObjectId(clinic.id),
            "userId": f"{number:010x}",
            "fullName": f"{number % 7} {number:04}",
            "mrn": f"É{number}",
            "tags": [ObjectId(tags[number % 2].id)],
            "sites": [{"id": ObjectId(sites[number % 2].id), "name": "x"}],
        }
        for number in range(500)
    ]
    await storage.database["patients"].insert_many(patients)
    return clinic


async def test_labels_are_counted_in_indexes_alone(storage: MongoStorage, crowd: Clinic) -> None:
    async with profiled(storage) as queries:
        view = await storage.read(lambda tx: tx.clinics.find_view(crowd.id))

    assert view is not None
    assert {*view.tag_patients.values(), *view.site_patients.values()} == {250}
    (query,) = queries
    # The one document is the clinic itself.
    assert query["docsExamined"] == 1


async def test_a_page_costs_what_is_on_it(storage: MongoStorage, crowd: Clinic) -> None:
    """From the second on: the first reads what it has to know of everybody."""
    query = PatientQuery(crowd.id, page=Page(20, 10))
    await storage.read(lambda tx: tx.patients.matches(query))

    async with profiled(storage) as queries:
        page = await storage.read(lambda tx: tx.patients.page(query))

    assert (len(page.patients), page.total) == (10, 500)
    assert sum(query["docsExamined"] for query in queries) == 10


async def test_numbers_and_tallies_are_looked_up(storage: MongoStorage, crowd: Clinic) -> None:
    async with profiled(storage) as queries:
        found = await storage.read(lambda tx: tx.patients.with_mrn(crowd.id, "e77"))
        tally = await storage.read(lambda tx: tx.patients.tally(crowd.id))

    assert (len(found), tally.total) == (1, 500)
    assert [query["docsExamined"] for query in queries] == [1, 0, 0]


async def test_a_crowd_at_one_clinic_is_served(storage: MongoStorage) -> None:
    """Those who come to the same clinic do not keep each other from getting through."""
    clinic = a_clinic()
    await keep(storage, clinic)

    async def join(tx: Transaction) -> None:
        found = await tx.clinics.get(clinic.id)
        patient = a_patient(found)
        await tx.patients.add(patient)
        named = attrs.evolve(found, details=ClinicDetails(name=patient.user_id))
        await tx.clinics.save(named, was=found)

    async with asyncio.timeout(20):
        await together(*(storage.transaction(join) for _ in range(100)))

    assert len(await patients_of(storage, clinic.id)) == 100


# Ligatures of phonetics, and an apostrophe with an n.
_NO_LETTERS: Final = frozenset("\u0238\u0239\u01be\u0149")
_LETTERS: Final = [
    chr(code)
    for code in (
        *range(0x61, 0x250),
        *range(0x386, 0x3CF),
        *range(0x400, 0x530),
        *range(0x5D0, 0x5EB),
        *range(0x621, 0x64B),
        *range(0x3041, 0x3097),
        *range(0x30A1, 0x30FB),
    )
    if unicodedata.category(chr(code)) in {"Ll", "Lu", "Lo"} and chr(code) not in _NO_LETTERS
]


@pytest.mark.parametrize("form", ["{}", "g{}m"])
async def test_letters_are_compared_as_the_server_does(storage: MongoStorage, form: str) -> None:
    """SORT-5 and PAT-MRN-4: what is equal there is equal here, and in the same order."""
    collection = storage.database["words"]
    await collection.insert_many([{"word": form.format(letter)} for letter in _LETTERS])
    equal = {"$group": {"_id": "$word", "words": {"$push": "$word"}}}

    cursor = await collection.aggregate(
        [equal, {"$sort": {"_id": 1}}], collation={"locale": "en", "strength": 1}
    )
    groups = [document["words"] for document in await cursor.to_list()]

    keys = [{collation_key(word) for word in words} for words in groups]
    unlike = [words for words, found in zip(groups, keys, strict=True) if len(found) > 1]
    firsts = [min(found) for found in keys]
    pairs = zip(groups, firsts, firsts[1:], strict=False)
    assert (unlike, [words for words, one, next_ in pairs if one >= next_]) == ([], [])
