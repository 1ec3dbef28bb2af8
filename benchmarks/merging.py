"""Merges of two large clinics: the plan, the reports about it, and its execution."""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.table import Table

from adapters.http_litestar.wire.merging import plan_json
from adapters.mongo import MongoStorage
from adapters.spreadsheet import XlsxWorkbooks
from adapters.sql import SqlStorage, open_storage
from adapters.system import ObjectIds, RandomShareCodes, SystemClock
from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.model import Clinic, ClinicDetails, ClinicView, ShareCode, Site, Tag
from clinic_domain.copying import AT_ONCE, Kind
from clinic_domain.merging.model import MergePlan, Snapshot
from clinic_domain.merging.report import report_of
from clinic_domain.merging.rules import merge_plan
from clinic_domain.merging.service import MergeService
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.model import ALL_PERMISSIONS, DataSource, Patient, PatientSite
from clinic_domain.values import ClinicId, RecordId, SiteId, TagId, UserId

# The servers of the tests, where no others are named.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

PATIENTS: Final = 20_000
LONGEST_PLAN: Final = 5.0
MOST_MEMORY: Final = 500.0
_SHARED: Final = 10
"""One patient of so many is in both clinics, and one of as many has a namesake there."""
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)

AnyStorage = SqlStorage | MongoStorage


async def merging() -> Table:
    """Measure two clinics of the same size, a tenth of whose patients are the same users."""
    title = f"Merging 2 x {PATIENTS:,} patients: seconds, and MiB in memory at most"
    table = Table("", "seconds", "MiB", title=title)
    for name, step in _STEPS.items():
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            seconds, mebibytes = alone.apply(_measured, (step,))
        table.add_row(name, f"{seconds:.1f}", f"{mebibytes:.0f}")
        if step == "plan":
            assert seconds < LONGEST_PLAN
            assert mebibytes < MOST_MEMORY
    async with AsyncExitStack() as stack:
        for name, opened in _storages(stack).items():
            async with opened as storage:
                table.add_row(f"execute on {name}", f"{await _execution(storage):.1f}", "")
    return table


_STEPS: Final = {"plan": "plan", "and write it as JSON": "json", "and as a workbook": "workbook"}


def _measured(step: str) -> tuple[float, float]:
    """Return how long a step takes in a process of its own, and what that process needed."""
    source, target = snapshots(PATIENTS)
    start = time.perf_counter()
    plan = merge_plan(source, target, _NOW)
    if step == "json":
        plan_json(plan)
    elif step == "workbook":
        asyncio.run(XlsxWorkbooks().written(report_of(plan)))
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def snapshots(patients: int) -> tuple[Snapshot, Snapshot]:
    """Return two clinics of *patients* patients each."""
    source, target = _snapshot("Source", 0, patients), _snapshot("Target", 1, patients)
    return source, target


def _snapshot(name: str, which: int, number: int) -> Snapshot:
    ids, codes = ObjectIds(), RandomShareCodes()
    clinic = Clinic(
        id=ClinicId(ids.new_id()),
        share_code=ShareCode(codes.new_code()),
        created_time=_NOW,
        updated_time=_NOW,
        details=ClinicDetails(name, "mg/dL", timezone="Europe/Amsterdam"),
        admins=(UserId(f"100000000{which}"),),
        is_migrated=True,
        tags=tuple(Tag(TagId(ids.new_id()), f"Tag {each + 10 * which}") for each in range(20)),
        sites=tuple(Site(SiteId(ids.new_id()), f"Site {each}") for each in range(5)),
    )
    patients = tuple(
        _patient(clinic, RecordId(ids.new_id()), each, which) for each in range(number)
    )
    admin = Clinician(
        RecordId(ids.new_id()),
        clinic.id,
        _NOW,
        _NOW,
        user_id=clinic.admins[0],
        roles=(Role.CLINIC_ADMIN,),
    )
    return Snapshot(ClinicView(clinic, {}, {}), (admin,), patients)


def _patient(clinic: Clinic, record_id: RecordId, number: int, which: int) -> Patient:
    is_shared = number % _SHARED == 0
    has_namesake = number % _SHARED == 1
    own = 0 if is_shared else which
    tags, site = clinic.tags or (), clinic.sites[number % len(clinic.sites)]
    return Patient(
        id=record_id,
        clinic_id=clinic.id,
        user_id=UserId(f"{own}{number:09x}"),
        created_time=_NOW,
        updated_time=_NOW,
        full_name=f"Patient {0 if has_namesake else own} {number:05}",
        birth_date=f"{1950 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
        email=f"patient{number}@example.com",
        mrn=f"M-{own}-{number:06}",
        tags=(tags[number % len(tags)].id, tags[(number + 7) % len(tags)].id),
        sites=(PatientSite(site.id, site.name),),
        data_sources=(DataSource("dexcom", "connected"),),
        permissions=ALL_PERMISSIONS,
    )


async def _execution(storage: AnyStorage) -> float:
    """Return how long a merge takes; the storage holds all of it afterwards."""
    source, target = snapshots(PATIENTS)
    for snapshot in (source, target):
        await storage.archive.store(Kind.CLINICS, [snapshot.clinic])
        await storage.archive.store(Kind.CLINICIANS, snapshot.clinicians)
        for start in range(0, PATIENTS, AT_ONCE):
            batch = snapshot.patients[start : start + AT_ONCE]
            await storage.archive.store(Kind.PATIENTS, batch)
    service = MergeService(
        storage, SystemClock(), ObjectIds(), PatientCounter(), Announcements(ObjectIds())
    )
    began = time.perf_counter()
    plan: MergePlan = await service.merge(source.clinic.id, target.clinic.id)
    seconds = time.perf_counter() - began
    tally = await storage.read(lambda tx: tx.patients.tally(target.clinic.id))
    assert tally.total == 2 * PATIENTS - PATIENTS // _SHARED
    assert await storage.archive.count(Kind.MERGE_RECORDS) > len(plan.patients)
    return seconds


def _storages(
    stack: AsyncExitStack,
) -> dict[str, AbstractAsyncContextManager[AnyStorage]]:
    from support.mongo import an_empty_storage as in_mongodb  # noqa: PLC0415 - after the path
    from support.postgresql import an_empty_storage as in_postgresql  # noqa: PLC0415
    from support.servers import a_mongodb, a_postgresql  # noqa: PLC0415

    return {
        "SQLite": _sqlite(),
        "PostgreSQL": in_postgresql(stack.enter_context(a_postgresql())),
        "MongoDB": in_mongodb(stack.enter_context(a_mongodb())),
    }


@asynccontextmanager
async def _sqlite() -> AsyncIterator[SqlStorage]:
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{Path(folder) / 'clinic.db'}")
        yield storage
        await storage.close()
