"""Everything can be copied from any storage to any other."""

import re
import signal
import subprocess
from asyncio import to_thread
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.memory import MemoryStorage
from adapters.mongo import MongoStorage
from adapters.sql import SqlStorage, open_storage
from clinic_domain import copying
from clinic_domain.copying import (
    Archive,
    CopyDiffers,
    Illegible,
    Kind,
    LeftOut,
    Record,
    Watcher,
    checksum,
    copy,
)
from clinic_domain.deletions import DeletionRecord
from clinic_domain.patients.model import Patient
from clinic_domain.testing.contracts import ArchiveContract
from clinic_domain.testing.contracts.archive import (
    BY_NOBODY,
    Content,
    content_of,
    everything,
    fill,
    in_order,
)
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_share_code
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import clinicians, clinics, patients
from clinic_domain.values import ClinicId
from support.mongo import a_fresh_database, stored_documents
from support.mongo import an_empty_storage as an_empty_mongodb
from support.postgresql import an_empty_database
from support.postgresql import an_empty_storage as an_empty_postgresql
from support.service import CLINIC, PATIENCE
from support.sqlite import an_empty_storage as an_empty_sqlite

AnyStorage = MemoryStorage | MongoStorage | SqlStorage
Open = Callable[[str], AbstractAsyncContextManager[AnyStorage]]

STORAGES: Final = ("memory", "sqlite", "postgresql", "mongodb")
# Each gives and takes, once from another kind and once to it; that everything arrives from any kind
# in any other is a test of its own.
SOME_PAIRS: Final = tuple(zip(STORAGES, (*STORAGES[1:], STORAGES[0]), strict=True))


# Archives


class _OfStorage(ArchiveContract):
    @pytest.fixture
    def archive(self, storage: AnyStorage) -> Archive[Record]:
        return storage.archive


class TestMemoryArchive(_OfStorage):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()


class TestSqliteArchive(_OfStorage):
    @pytest.fixture
    async def storage(self) -> AsyncIterator[SqlStorage]:
        async with an_empty_sqlite("?synchronous=OFF") as storage:
            yield storage


class TestPostgresqlArchive(_OfStorage):
    @pytest.fixture
    async def storage(self, postgresql: str) -> AsyncIterator[SqlStorage]:
        async with an_empty_postgresql(postgresql) as storage:
            yield storage


class TestMongoArchive(_OfStorage):
    @pytest.fixture
    async def storage(self, mongodb: str) -> AsyncIterator[MongoStorage]:
        async with an_empty_mongodb(mongodb) as storage:
            yield storage


# Copies


@pytest.fixture
def opened(mongodb: str, postgresql: str) -> Open:
    """Open an empty storage of a kind; there may be several of them at once."""

    @asynccontextmanager
    async def open_(name: str) -> AsyncIterator[AnyStorage]:
        match name:
            case "sqlite":
                async with an_empty_sqlite("?synchronous=OFF") as sqlite:
                    yield sqlite
            case "postgresql":
                async with an_empty_postgresql(postgresql) as storage:
                    yield storage
            case "mongodb":
                async with an_empty_mongodb(mongodb) as mongo:
                    yield mongo
            case _:
                yield MemoryStorage()

    return open_


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Draw records that may be together in one storage."""
    some: list[Any] = draw(st.lists(clinics(), min_size=1, max_size=2))
    homes = [
        attrs.evolve(each, id=fresh.id, share_code=fresh.share_code, share_codes=fresh.share_codes)
        for each in some
        for fresh in [a_clinic()]
    ]
    ids = st.sampled_from([home.id for home in homes])
    members = [
        attrs.evolve(each, id=fresh.id, clinic_id=draw(ids), **_identity(fresh))
        for each in draw(st.lists(clinicians(), max_size=2))
        for fresh in [a_clinician("")]  # type: ignore[arg-type]  # replaced at once
    ]
    people = [
        attrs.evolve(
            each, id=fresh.id, clinic_id=draw(ids), user_id=fresh.user_id, mrn=f"{each.mrn}{number}"
        )
        for number, each in enumerate(draw(st.lists(patients(), max_size=2)))
        for fresh in [a_patient(ClinicId(""))]
    ]
    return {
        **{kind: [] for kind in Kind},
        Kind.CLINICS: homes,
        Kind.CLINICIANS: [*members],
        Kind.PATIENTS: [*people],
        Kind.CLINIC_DELETIONS: [DeletionRecord(home, BY_NOBODY) for home in homes[::-1]],
        Kind.CLINICIAN_DELETIONS: [DeletionRecord(one, BY_NOBODY) for one in members[::-1]],
        Kind.PATIENT_DELETIONS: [DeletionRecord(one, BY_NOBODY) for one in people[::-1]],
    }


def _identity(fresh: Any) -> dict[str, Any]:
    return {"user_id": fresh.user_id, "email": fresh.email, "invite_id": fresh.user_id}


@pytest.mark.parametrize("destination", STORAGES)
@pytest.mark.parametrize("source", STORAGES)
async def test_everything_arrives(opened: Open, source: str, destination: str) -> None:
    content = everything()
    async with opened(source) as ours, opened(destination) as theirs:
        await fill(ours.archive, content)

        copied = await copy(ours.archive, theirs.archive)

        assert await content_of(theirs.archive) == in_order(content)
        number = sum(map(len, content.values()))
        assert (copied.records, copied.found, copied.left_out) == (number, 0, 0)
        assert await checksum(ours.archive) == (number, copied.checksum)
        assert await checksum(theirs.archive) == (number, copied.checksum)
        again = await copy(ours.archive, theirs.archive)
        assert again == attrs.evolve(copied, found=number)


@pytest.mark.parametrize(("source", "destination"), SOME_PAIRS)
@given(content=contents())
@settings(max_examples=5, deadline=None, suppress_health_check=[*HealthCheck])
async def test_anything_arrives(
    opened: Open, source: str, destination: str, content: Content
) -> None:
    async with opened(source) as ours, opened(destination) as theirs:
        await fill(ours.archive, content)

        await copy(ours.archive, theirs.archive)

        assert await content_of(theirs.archive) == in_order(content)


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@attrs.define(eq=False)
class Fragile(Archive[Record]):
    """Breaks off when it has stored so many batches, before it tells that it did."""

    _archive: Archive[Record]
    _left: int

    async def count(self, kind: Kind) -> int:
        return await self._archive.count(kind)

    def scan(self, kind: Kind) -> AsyncGenerator[Record | Illegible]:
        return self._archive.scan(kind)

    async def store(self, kind: Kind, records: Sequence[Record]) -> None:
        await self._archive.store(kind, records)
        self._left -= 1
        if not self._left:
            raise Interrupted


@pytest.mark.parametrize(("source", "destination"), SOME_PAIRS)
async def test_an_interrupted_copy_goes_on(
    opened: Open, source: str, destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again, each time after a few more batches."""
    monkeypatch.setattr(copying, "AT_ONCE", 7)
    content = everything()
    rounds = 0

    async with opened(source) as ours, opened(destination) as theirs:
        await fill(ours.archive, content)
        while True:
            rounds += 1
            try:
                copied = await copy(ours.archive, Fragile(theirs.archive, rounds))
            except Interrupted:
                continue
            break

        assert rounds > 2
        assert copied.found > 0
        assert await content_of(theirs.archive) == in_order(content)


@pytest.mark.parametrize("destination", STORAGES)
async def test_whoever_holds_anything_else_stays_as_it_is(opened: Open, destination: str) -> None:
    content = everything()
    async with opened("memory") as ours, opened(destination) as theirs:
        await fill(ours.archive, content)
        await keep(theirs, a_clinic())
        before = await content_of(theirs.archive)

        with pytest.raises(CopyDiffers):
            await copy(ours.archive, theirs.archive)

        assert await content_of(theirs.archive) == before


# What has no place


@pytest.mark.parametrize("destination", ["sqlite", "postgresql"])
async def test_records_of_a_clinic_that_is_gone_are_left_out(
    opened: Open, destination: str
) -> None:
    """There are foreign keys; the same records are left out again by whoever goes on."""
    home, gone = a_clinic(), ClinicId("f" * 24)
    staying = [a_patient(home) for _ in range(3)]
    orphans = [a_patient(gone), a_patient(gone)]
    member = a_clinician(gone)
    lost: list[LeftOut] = []
    async with opened("mongodb") as ours, opened(destination) as theirs:
        await fill(
            ours.archive,
            {
                Kind.CLINICS: [home],
                Kind.CLINICIANS: [member],
                Kind.PATIENTS: [staying[0], orphans[0], staying[1], orphans[1], staying[2]],
            },
        )
        for found in (0, 4):
            lost.clear()
            copied = await copy(ours.archive, theirs.archive, Watcher(left_out=lost.append))

            assert (copied.records, copied.found, copied.left_out) == (4, found, 3)
            assert [(each.kind, each.id) for each in lost] == [
                (Kind.CLINICIANS, member.id),
                *((Kind.PATIENTS, orphan.id) for orphan in orphans),
            ]
        assert (await content_of(theirs.archive))[Kind.PATIENTS] == staying


@pytest.mark.parametrize("destination", ["memory", "mongodb"])
async def test_records_of_a_clinic_that_is_gone_stay_where_they_can(
    opened: Open, destination: str
) -> None:
    orphan = a_patient(ClinicId("f" * 24))
    async with opened("mongodb") as ours, opened(destination) as theirs:
        await fill(ours.archive, {Kind.PATIENTS: [orphan]})

        copied = await copy(ours.archive, theirs.archive)

        assert (copied.records, copied.left_out) == (1, 0)


async def test_texts_that_postgresql_does_not_take_are_left_out(opened: Open) -> None:
    home = a_clinic()
    fine, odd = a_patient(home), a_patient(home, full_name="Alice\0", reviews=())
    lost: list[LeftOut] = []
    async with opened("mongodb") as ours, opened("postgresql") as theirs:
        await fill(ours.archive, {Kind.CLINICS: [home], Kind.PATIENTS: [odd, fine]})

        await copy(ours.archive, theirs.archive, Watcher(left_out=lost.append))

        assert (await content_of(theirs.archive))[Kind.PATIENTS] == [fine]
        assert [each.id for each in lost] == [odd.id]
        assert "Alice" not in lost[0].reason


# Documents


def of_the_reference() -> dict[str, list[dict[str, Any]]]:
    """Return documents with members that only other programs know, and some that make no sense."""
    home, patient, odd = ObjectId(), ObjectId(), ObjectId()
    code = a_share_code().value
    return {
        "clinics": [
            {
                "_id": home,
                "name": "Saint Vitus",
                "canonicalShareCode": code,
                "shareCodes": [code, code],
                "admins": ["a"],
                "patientTags": [{"_id": ObjectId(), "name": "b", "patients": 3}],
                "createdTime": A_MORNING,
                "updatedTime": A_MORNING,
                "somethingNew": {"a": [1, 2]},
            },
            {"_id": odd, "name": 17, "canonicalShareCode": "1", "shareCodes": ["1"]},
        ],
        "patients": [
            {
                "_id": patient,
                "clinicId": home,
                "userId": "1",
                "fullName": "Alice Example",
                "tags": [home, odd, home],
                "permissions": {"view": {}},
                "summary": {"cgmStats": {"id": "a1", "periods": {"7d": {"days": 7}}}},
                "createdTime": A_MORNING,
                "updatedTime": A_MORNING,
            },
            {"_id": ObjectId(), "clinicId": home, "userId": "2", "fullName": 5},
        ],
        "patient_deletions": [
            {
                "_id": ObjectId(),
                "deletedTime": A_MORNING,
                "patient": {"_id": ObjectId(), "clinicId": home, "userId": "3", "summary": {}},
            }
        ],
    }


async def _insert(storage: MongoStorage, documents: dict[str, list[dict[str, Any]]]) -> None:
    for collection, found in documents.items():
        await storage.database[collection].insert_many(found)


@pytest.mark.parametrize("destination", STORAGES)
async def test_documents_of_the_reference_are_read(opened: Open, destination: str) -> None:
    documents = of_the_reference()
    lost: list[LeftOut] = []
    async with opened("mongodb") as ours, opened(destination) as theirs:
        assert isinstance(ours, MongoStorage)
        await _insert(ours, documents)

        copied = await copy(ours.archive, theirs.archive, Watcher(left_out=lost.append))

        assert (copied.records, copied.left_out) == (3, 2)
        assert {each.id for each in lost} == {
            str(documents[name][1]["_id"]) for name in ("clinics", "patients")
        }
        assert all("it cannot be read: " in each.reason for each in lost)
        found = await content_of(theirs.archive)
        [patient] = found[Kind.PATIENTS]
        assert isinstance(patient, Patient)
        assert patient.full_name == "Alice Example"
        assert patient.tags == tuple(map(str, documents["patients"][0]["tags"][:2]))


async def test_documents_stay_as_they_are_between_databases_of_mongodb(mongodb: str) -> None:
    """Whatever is in them, and whether or not anybody can read it."""
    documents = of_the_reference()
    async with an_empty_mongodb(mongodb) as ours, an_empty_mongodb(mongodb) as theirs:
        await _insert(ours, documents)
        await fill(
            ours.archive, {kind: everything()[kind] for kind in (Kind.ACCOUNTS, Kind.SIGNING_KEY)}
        )

        copied = await copy(ours.documents, theirs.documents)

        assert await stored_documents(theirs) == await stored_documents(ours)
        assert copied.left_out == 0
        assert (await copy(ours.documents, theirs.documents)).found == copied.records


async def test_documents_that_clash_are_left_out(mongodb: str) -> None:
    """The indexes of the source may have been lost."""
    home = ObjectId()
    people = [{"_id": ObjectId(), "clinicId": home, "userId": "same"} for _ in range(2)]
    lost: list[LeftOut] = []
    async with an_empty_mongodb(mongodb) as ours, an_empty_mongodb(mongodb) as theirs:
        await ours.database.drop_collection("patients")
        await _insert(ours, {"patients": people})

        await copy(ours.documents, theirs.documents, Watcher(left_out=lost.append))

        assert await stored_documents(theirs) == {"patients": people[:1]}
        [only] = lost
        assert only.id == str(people[1]["_id"])
        assert "UniquePatient" in only.reason


# The command


def _command(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*CLINIC, "copy", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _done(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in stderr
    return process.returncode, stdout, stderr


async def test_a_process_copies_from_server_to_server(
    mongodb: str, postgresql: str, tmp_path: Path
) -> None:
    """And on to a file, with the same checksum."""
    content = everything()
    number = sum(map(len, content.values()))
    async with a_fresh_database(mongodb) as (client, name), an_empty_database(postgresql) as there:
        storage = MongoStorage(client, name)
        await fill(storage.archive, content)
        address, _, options = mongodb.partition("?")
        here, file = (
            f"{address}{name}?{options}",
            f"sqlite:///{tmp_path / 'clinic.db'}?synchronous=OFF",
        )
        indexes = await storage.database["patients"].index_information()

        first = await to_thread(lambda: _done(_command("--from", here, "--to", there)))
        second = await to_thread(lambda: _done(_command("--from", there, "--to", file)))

        assert first[0] == second[0] == 0, (first, second)
        assert first[1] == second[1]
        assert first[1].startswith(f"verified: {number:,} records, checksum ")
        assert await storage.database["patients"].index_information() == indexes


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
async def test_a_process_that_was_stopped_goes_on(tmp_path: Path, signum: signal.Signals) -> None:
    home = a_clinic()
    source, destination = (
        f"sqlite:///{tmp_path / name}.db?synchronous=OFF" for name in ("old", "new")
    )
    storage = await open_storage(source)
    await fill(
        storage.archive,
        {Kind.CLINICS: [home], Kind.PATIENTS: [a_patient(home) for _ in range(4000)]},
    )
    await storage.close()

    def stopped(attempts: int = 5) -> tuple[int, str, str]:
        process = _command("--from", source, "--to", destination)
        assert process.stderr is not None
        assert process.stderr.readline() == "copying clinics: 1\n"
        process.send_signal(signum)
        done = _done(process)
        if done[0] or not attempts:
            return done
        # On a machine that was busy elsewhere it was through before.
        for file in tmp_path.glob("new.db*"):
            file.unlink()
        return stopped(attempts - 1)

    code, _, said = await to_thread(stopped)
    again = await to_thread(lambda: _done(_command("--from", source, "--to", destination)))

    assert code == (130 if signum is signal.SIGINT else -signum)
    assert ("the same command goes on" in said) == (signum is signal.SIGINT)
    assert again[0] == 0, again
    assert again[1].startswith("verified: 4,001 records, ")
    assert re.search(r"holds [\d,]+ of the records already; going on", again[2])
