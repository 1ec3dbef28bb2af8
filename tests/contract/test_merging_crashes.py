"""Whenever a process that merges is killed, nothing of the merge has happened or all of it."""

import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs
import pytest

from adapters.mongo import MongoStorage
from adapters.sql import SqlStorage, create_engine
from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import Clinic
from clinic_domain.copying import Kind
from clinic_domain.merging.service import MergeService
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.testing.contracts.merging import LATER, expect_merged, state_of
from clinic_domain.testing.contracts.support import found_clinic, keep
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_site, a_tag, at
from clinic_domain.testing.fakes import FixedClock, SequentialIds
from support import merging_process, mongo, postgresql, sqlite

MOMENTS: Final = 50
PATIENTS: Final = 4

AnyStorage = SqlStorage | MongoStorage


@attrs.frozen
class Ground:
    """A storage, and what a process has to know to open it, too."""

    kind: str
    url: str
    storage: AnyStorage
    database: str = "-"

    async def restarted(self) -> None:
        """Do what a process does when it starts."""
        if self.kind == "steps":
            fresh = merging_process.storage_at(self.kind, self.url, self.database)
            assert isinstance(fresh, MongoStorage)
            await fresh.start()
            await fresh.close()


@pytest.fixture(params=["sqlite", "postgresql", "mongodb", "mongodb in steps"])
async def ground(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Ground]:
    match request.param:
        case "sqlite":
            url = f"sqlite:///{tmp_path}/clinic.db?synchronous=OFF"
            (tmp_path / "clinic.db").write_bytes(await sqlite.an_empty_file())
            storage = SqlStorage(create_engine(url))
            yield Ground("sql", url, storage)
            await storage.close()
        case "postgresql":
            server = request.getfixturevalue("postgresql")
            async with postgresql.an_empty_database(server) as url:
                storage = SqlStorage(create_engine(url))
                yield Ground("sql", url, storage)
                await storage.close()
        case _:
            url = request.getfixturevalue("mongodb")
            kind = "steps" if request.param.endswith("steps") else "mongo"
            async with mongo.an_empty_storage(url) as in_mongodb:
                yield Ground(kind, url, in_mongodb, in_mongodb.database.name)
                # The server would keep what killed clients have written for a minute.
                await in_mongodb.database.client.admin.command("killAllSessions", [])


@contextmanager
def merging_processes(ground: Ground) -> Iterator["subprocess.Popen[str]"]:
    """Give what forks processes that merge."""
    command = [sys.executable, "-c", "from support.merging_process import main; main()"]
    with subprocess.Popen(
        [*command, ground.kind, ground.url, ground.database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def run(process: "subprocess.Popen[str]", source: Clinic, target: Clinic, life: float) -> float:
    """Let a process merge and kill it when its life is over; return how long a whole one takes."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{source.id} {target.id} {life}\n")
    return float(process.stdout.readline())


async def a_pair(storage: AnyStorage) -> tuple[Clinic, Clinic]:
    """Store two clinics that have something of everything."""
    clinics: list[Clinic] = []
    records: list[Any] = []
    shared = a_patient(a_clinic()).user_id
    for name in ("Pump", "New"):
        tag, site = a_tag(name), a_site("North")
        clinic = a_clinic(tags=(tag,), sites=(site,))
        patients = [a_patient(clinic, tags=(tag.id,), sites=at(site)) for _ in range(PATIENTS)]
        same = a_patient(clinic, user_id=shared, tags=(tag.id,))
        records += [clinic, a_clinician(clinic, roles=(Role.CLINIC_ADMIN,)), same, *patients]
        clinics.append(clinic)
    await keep(storage, *records)
    return clinics[0], clinics[1]


async def test_a_killed_merge_has_happened_or_has_not(ground: Ground) -> None:
    storage, chance = ground.storage, random.Random(ground.kind)
    service = MergeService(
        storage,
        FixedClock(LATER),
        SequentialIds(),
        PatientCounter(),
        Announcements(SequentialIds()),
    )
    outcomes = []
    with merging_processes(ground) as process:
        whole = min([run(process, *await a_pair(storage), 0) for _ in range(3)])
        for moment in range(MOMENTS):
            source, target = await a_pair(storage)
            plan = await service.plan(source.id, target.id)
            before = await state_of(storage, plan.source, plan.target)
            kept = await storage.archive.count(Kind.MERGE_RECORDS)

            life = whole * (moment + chance.random()) / MOMENTS
            run(process, source, target, life)
            await ground.restarted()

            has_happened = await found_clinic(storage, source.id) is None
            records = await storage.archive.count(Kind.MERGE_RECORDS) - kept
            outcomes.append(has_happened)
            if has_happened:
                await expect_merged(storage, plan)
                parts = (plan.tags, plan.sites, plan.clinicians, plan.patients)
                assert records == sum(map(len, parts)) + 1
            else:
                assert await state_of(storage, plan.source, plan.target) == before
                assert records == 0
    assert not outcomes[0]
