"""The main operations on every storage, in one run, with servers that the run starts itself."""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from rich.table import Table

from adapters.memory import MemoryStorage
from adapters.sql import open_storage
from adapters.system import LogJournal, ObjectIds, RandomInviteKeys, RandomShareCodes, SystemClock
from benchmarks.seeding import seeded
from clinic_domain.access.model import Principal
from clinic_domain.application import Application
from clinic_domain.patients.model import PatientDetails
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Storage
from clinic_domain.testing.fakes import (
    FakeProfiles,
    FakeRepresentatives,
    FakeServiceAccounts,
    FakeUsers,
    RecordingMailer,
)
from clinic_domain.values import ClinicId, Page, UserId

# The servers of the tests, where no others are named.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

SIZES: Final = (10, 10_000)
ROUNDS: Final = 40

Operation = Callable[[ClinicId], Awaitable[object]]
_Opened = AbstractAsyncContextManager[Storage]


async def storages() -> Table:
    """Measure medians in a small and a large clinic, storages in turns."""
    table = Table(title=f"Median milliseconds in a clinic of {SIZES[0]} / {SIZES[1]:,} patients")
    table.add_column("operation")
    async with AsyncExitStack() as stack:
        opened = {name: await stack.enter_async_context(each) for name, each in _all(stack).items()}
        places = {name: await _prepared(storage) for name, storage in opened.items()}
        for name in opened:
            table.add_column(name, justify="right")
        for operation in next(iter(places.values()))[0]:
            times: dict[str, tuple[list[float], ...]] = {name: ([], []) for name in opened}
            for _ in range(ROUNDS):
                for name, (operations, clinics) in places.items():
                    for index, clinic in enumerate(clinics):
                        start = time.perf_counter()
                        await operations[operation](clinic)
                        times[name][index].append((time.perf_counter() - start) * 1000)
            table.add_row(operation, *(_cell(times[name]) for name in opened))
    return table


def _cell(times: tuple[list[float], ...]) -> str:
    return " / ".join(f"{statistics.median(each):.2f}" for each in times)


def _all(stack: AsyncExitStack) -> dict[str, _Opened]:
    from support.mongo import an_empty_storage as in_mongodb  # noqa: PLC0415 - after the path
    from support.postgresql import an_empty_storage as in_postgresql  # noqa: PLC0415
    from support.servers import a_mongodb, a_postgresql  # noqa: PLC0415

    return {
        "memory": _memory(),
        "SQLite": _sqlite(),
        "PostgreSQL": in_postgresql(stack.enter_context(a_postgresql())),
        "MongoDB": in_mongodb(stack.enter_context(a_mongodb())),
    }


@asynccontextmanager
async def _memory() -> AsyncIterator[Storage]:
    yield MemoryStorage()


@asynccontextmanager
async def _sqlite() -> AsyncIterator[Storage]:
    folder = tempfile.mkdtemp()
    storage = await open_storage(f"sqlite:///{Path(folder) / 'clinic.db'}")
    yield storage
    await storage.close()
    shutil.rmtree(folder)


async def _prepared(storage: Storage) -> tuple[dict[str, Operation], list[ClinicId]]:
    """Return the operations on a storage, and a clinic of each size in it."""
    ids, codes, member = ObjectIds(), RandomShareCodes(), Principal(UserId("1000000001"))
    application = Application.over(
        storage,
        users=FakeUsers(),
        profiles=FakeProfiles(),
        service_accounts=FakeServiceAccounts(),
        clock=SystemClock(),
        ids=ids,
        share_codes=codes,
        journal=LogJournal(),
        representatives=FakeRepresentatives(),
        invite_keys=RandomInviteKeys(),
        mailer=RecordingMailer(),
    )
    clinics = [await seeded(storage, ids, codes, size) for size in SIZES]
    patients, user = application.patients, UserId(f"{5:010x}")
    details = PatientDetails("New Patient", "2000-01-01")
    return {
        "read a clinic": application.clinics.get,
        "read a patient": lambda clinic: patients.get(clinic, user),
        "ten patients by name": lambda clinic: patients.list(PatientQuery(clinic, page=Page())),
        "search among patients": lambda clinic: patients.list(PatientQuery(clinic, search="0000")),
        "create a patient": lambda clinic: patients.create_custodial(clinic, details, member),
        "update a patient": lambda clinic: patients.update(clinic, user, details),
        "refresh the patient count": application.patient_counts.refresh,
    }, clinics
