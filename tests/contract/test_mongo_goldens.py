"""What the reference wrote into MongoDB is understood, and stays."""

import base64
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import pytest
from bson import ObjectId, json_util

from adapters.mongo import MongoStorage
from clinic_domain.clinicians.model import AllCliniciansQuery, Clinician
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.copying import Kind
from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Transaction
from clinic_domain.testing.contracts.support import change, remove
from clinic_domain.testing.examples import a_share_code
from clinic_domain.values import EVERYTHING, InviteId, UserId
from support.goldens import golden, goldens_with_confirmations, goldens_with_documents
from support.mongo import an_empty_storage, stored_documents
from support.platform import Platform, platform
from support.shared import module

NOW: Final = datetime(2026, 11, 21, 23, 43, 25, 620_000, tzinfo=UTC)

Document = dict[str, Any]
Documents = dict[str, list[Document]]


@pytest.fixture
async def storage(mongodb: str) -> AsyncIterator[MongoStorage]:
    async with an_empty_storage(mongodb) as storage:
        yield storage


@pytest.mark.parametrize("name", goldens_with_documents())
async def test_documents_of_the_reference_are_understood_and_kept(
    name: str, storage: MongoStorage
) -> None:
    """Members that nobody knows outlive every update, and go along into deletion records."""
    recorded = _filled(golden(name)["database"])
    expected = {collection: recorded.get(collection, []) for collection in KEPT}
    for document in itertools.chain(*expected.values()):
        _add_unknown_members(document)
    for collection, documents in expected.items():
        if documents:
            await storage.database[collection].insert_many(documents)

    clinics, clinicians, patients = await storage.read(_everything)
    by_id = {document["_id"]: document for document in itertools.chain(*expected.values())}
    for clinic in clinics:
        await change(storage, clinic, _changed_clinic(clinic, by_id[ObjectId(clinic.id)]))
    for clinician in clinicians:
        await change(storage, clinician, attrs.evolve(clinician, name="New"))
        by_id[ObjectId(clinician.id)]["name"] = "New"
    for patient in patients:
        await change(storage, patient, _changed_patient(patient, by_id[ObjectId(patient.id)]))

    stored = await stored_documents(storage)
    assert {name: _sorted(documents) for name, documents in stored.items()} == {
        name: _sorted(documents) for name, documents in expected.items() if documents
    }

    records: list[Clinic | Clinician | Patient] = [*patients, *clinicians, *clinics]
    for record in records:
        await remove(storage, record, Deletion(NOW, UserId("somebody")))

    left = await stored_documents(storage)
    for collection, copy in KEPT.items():
        copies = [record[copy] for record in left.get(f"{copy}_deletions", ())]
        assert collection not in left
        assert _sorted(copies) == _sorted(map(_as_copied, expected[collection]))


@pytest.mark.parametrize("name", goldens_with_documents())
async def test_documents_of_the_reference_are_served(name: str, storage: MongoStorage) -> None:
    """The API reads, lists, updates and deletes what the reference wrote."""
    recorded = _filled(golden(name)["database"])
    stored = {collection: recorded.get(collection, []) for collection in KEPT}
    for collection, documents in stored.items():
        if documents:
            await storage.database[collection].insert_many(documents)
    users = module("peers/peers.py").STATE.users
    for patient in stored["patients"]:
        users[patient["userId"]] = {"userid": patient["userId"], "username": "", "roles": []}

    async with platform(storage) as api:
        ask = _asker(api)
        for clinic in stored["clinics"]:
            path = f"/v1/clinics/{clinic['_id']}"
            shown = await ask("GET", path)
            assert shown["shareCode"] == clinic["canonicalShareCode"]
            named = {"name": "New", "preferredBgUnits": "mg/dL"}
            assert (await ask("PUT", path, named))["name"] == "New"
            members = [each for each in stored["clinicians"] if each["clinicId"] == clinic["_id"]]
            assert len(await ask("GET", f"{path}/clinicians?limit=100")) == len(members)
            patients = [each for each in stored["patients"] if each["clinicId"] == clinic["_id"]]
            listed = await ask("GET", f"{path}/patients?limit=100")
            assert {each["id"] for each in listed["data"]} == {each["userId"] for each in patients}
            for patient in patients:
                mrn = patient["mrn"] or str(patient["_id"])
                described = {"fullName": "New", "birthDate": "2000-01-01", "mrn": mrn}
                there = f"{path}/patients/{patient['userId']}"
                assert (await ask("PUT", there, described))["fullName"] == "New"
                assert (await ask("GET", there))["mrn"] == mrn
        for record in (*stored["patients"], *stored["clinicians"]):
            if "userId" in record:
                await ask("DELETE", f"/v1/users/{record['userId']}/clinics")
        for clinic in stored["clinics"]:
            await ask("DELETE", f"/v1/clinics/{clinic['_id']}")

    left = await stored_documents(storage)
    assert not KEPT.keys() & left.keys()
    for collection, copy in KEPT.items():
        assert len(left.get(f"{copy}_deletions", ())) == len(stored[collection])


@pytest.mark.parametrize("name", goldens_with_confirmations())
async def test_confirmations_of_the_reference_are_understood_and_kept(
    name: str, storage: MongoStorage
) -> None:
    """What hydrophone keeps beside them stays, but for what a removed user leaves behind."""
    expected = _filled(golden(name)["database"])["confirmations"]
    for document in expected:
        document["unknown"] = {"a": [1, None]}
    between_persons = {"_id": "x", "type": "careteam_invitation", "status": "pending"}
    foreign = [
        {**between_persons, "creatorId": "one", "userId": "other"},
        {**between_persons, "_id": "y", "type": "signup_confirmation", "email": "a@b.cd"},
    ]
    collection = storage.database["confirmations"]
    await collection.insert_many([*expected, *foreign])

    for document in expected:
        key = InviteId(document["_id"])
        found = await storage.read(lambda tx, key=key: tx.invites.find(key))  # type: ignore[misc]  # the loop binds it
        assert found is not None
        assert found.is_pending == (document["status"] == "pending")
        changed = attrs.evolve(found, modified_time=NOW)
        await storage.transaction(lambda tx, new=changed: tx.invites.put(new))  # type: ignore[misc]  # likewise
        document["modified"] = NOW
    assert await storage.read(lambda tx: tx.invites.find(InviteId("x"))) is None
    assert await storage.archive.count(Kind.INVITES) == len(expected)
    assert await storage.documents.count(Kind.INVITES) == len(expected) + len(foreign)
    stored = await collection.find().to_list()
    assert _sorted(stored) == _sorted([*expected, *foreign])

    await storage.transaction(lambda tx: tx.invites.remove_of_invitee(UserId("other")))
    assert [
        each["_id"] for each in await collection.find({"_id": {"$in": ["x", "y"]}}).to_list()
    ] == ["y"]


def _asker(api: Platform) -> Callable[..., Awaitable[Any]]:
    """Return how to ask as a backend service, and to insist on an answer."""

    async def ask(method: str, path: str, body: object = None) -> Any:
        headers = {"x-tidepool-session-token": "server", "content-type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        status, _, answer = await api.send(method, path, headers, content)
        assert status in {200, 204}, answer
        return json.loads(answer) if answer else None

    return ask


NAMING: Final = ("ehrSubscriptions", "providerConnectionRequests")
KEPT: Final = {"clinics": "clinic", "clinicians": "clinician", "patients": "patient"}


async def _everything(
    tx: Transaction,
) -> tuple[list[Clinic], tuple[Clinician, ...], list[Patient]]:
    clinics = [view.clinic for view in await tx.clinics.views(ClinicQuery())]
    patients: list[Patient] = []
    for clinic in clinics:
        page = await tx.patients.page(PatientQuery(clinic.id, page=EVERYTHING))
        patients.extend(page.patients)
    return clinics, await tx.clinicians.all(AllCliniciansQuery()), patients


def _changed_clinic(clinic: Clinic, document: Document) -> Clinic:
    """Change a clinic and its document in the same way, down to a tag and a site."""
    document["name"] = "New"
    document.setdefault("phoneNumbers", None)
    details = attrs.evolve(clinic.details, name="New")
    for elements in (document.get("patientTags"), document.get("sites")):
        if elements:
            elements[-1]["name"] = "New"
    tags = clinic.tags and (*clinic.tags[:-1], attrs.evolve(clinic.tags[-1], name="New"))
    sites = clinic.sites and (*clinic.sites[:-1], attrs.evolve(clinic.sites[-1], name="New"))
    return attrs.evolve(clinic, details=details, tags=tags, sites=sites)


def _changed_patient(patient: Patient, document: Document) -> Patient:
    """Change a patient and the document in the same way: a text, and one data source of several."""
    document["fullName"] = "New"
    sources = patient.data_sources
    if sources:
        document["dataSources"][0]["state"] = "new"
        sources = (attrs.evolve(sources[0], state="new"), *sources[1:])
    return attrs.evolve(patient, full_name="New", data_sources=sources)


def _add_unknown_members(document: Document) -> None:
    """Give a document, and what is in it, members that no version has had so far."""
    for key, value in document.items():
        # The members of some are names, and what they hold is all of one kind.
        values = list(value.values()) if key in NAMING else value
        for nested in values if isinstance(values, list) else [values]:
            if isinstance(nested, dict):
                nested["unknown"] = 7
    document["unknown"] = {"a": [1, None, {"b": 2.5}]}


def _as_copied(document: Document) -> Document:
    """Return a document as deletion records have it."""
    copied = {key: value for key, value in document.items() if (key, value) != _NO_NUMBERS}
    if "summary" in copied:
        copied["summary"] = {"cgmStats": None, "bgmStats": None, **copied["summary"]}
    return {"email": None, **copied} if "fullName" in document else copied


_NO_NUMBERS: Final = ("phoneNumbers", None)


def _sorted(documents: Iterable[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: str(document["_id"]))


# How goldens write documents


def _filled(recorded: Any) -> Documents:
    """Return what a golden has stored, with values instead of placeholders."""
    codes: dict[str, str] = {}

    def value(found: re.Match[str]) -> str:
        kind, number = found[1], int(found[2] or 0)
        match kind:
            case "oid":
                return f"{number:024x}"
            case "code":
                return codes.setdefault(found[0], a_share_code().value)
            case "now" | "week" | "month":
                return NOW.isoformat()
            case "key":
                return f"key-{number:028}"
            case _:
                return f"400000{number:04}"

    filled = re.sub(r"<<(\w+)(?::(\d+))?>>", value, json.dumps(recorded))
    filled = re.sub(r'{"\$binary": "([0-9a-f]*)"}', _as_extended_json, filled)
    documents: Documents = json_util.loads(filled, json_options=_OPTIONS)
    return documents


def _as_extended_json(found: re.Match[str]) -> str:
    content = base64.b64encode(bytes.fromhex(found[1])).decode()
    return json.dumps({"$binary": {"base64": content, "subType": "00"}})


_OPTIONS: Final = json_util.RELAXED_JSON_OPTIONS.with_options(tz_aware=True, tzinfo=UTC)
