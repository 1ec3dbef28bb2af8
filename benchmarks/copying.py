"""Copies between storages: how fast they are, and that memory does not grow with them."""

import sys
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from rich.table import Table

from adapters.mongo import MongoStorage
from adapters.sql import SqlStorage, open_storage
from adapters.system import ObjectIds, RandomShareCodes
from benchmarks.seeding import seeded
from clinic_domain.copying import Watcher, copy

# The servers of the tests, where no others are named.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

PATIENTS: Final = 20_000
FEWER: Final = 4_000
BOUND: Final = 1.5

AnyStorage = SqlStorage | MongoStorage
Open = Callable[[], AbstractAsyncContextManager[AnyStorage]]


async def copies() -> Table:
    """Measure records a second for each pair of storages, all three passes included."""
    table = Table(title=f"Records a second, {PATIENTS:,} patients, from (row) to (column)")
    table.add_column("")
    async with AsyncExitStack() as stack:
        openers = _openers(stack)
        for name in openers:
            table.add_column(name, justify="right")
        for name, opened in openers.items():
            async with opened() as source:
                await seeded(source, ObjectIds(), RandomShareCodes(), PATIENTS)
                table.add_row(name, *[await _speed(source, other) for other in openers.values()])
    fewer, more = [await _most_memory(number) for number in (FEWER, PATIENTS)]
    table.caption = (
        f"SQLite to SQLite has {fewer:.1f} MiB of objects at most with {FEWER:,} patients, "
        f"{more:.1f} with {PATIENTS:,}"
    )
    assert more < BOUND * fewer
    return table


async def _speed(source: AnyStorage, opened: Open) -> str:
    async with opened() as destination:
        start = time.perf_counter()
        if isinstance(source, MongoStorage) and isinstance(destination, MongoStorage):
            copied = await copy(source.documents, destination.documents)
        else:
            copied = await copy(source.archive, destination.archive)
        return f"{copied.records / (time.perf_counter() - start):,.0f}"


async def _most_memory(patients: int) -> float:
    async with _sqlite() as source, _sqlite() as destination:
        await seeded(source, ObjectIds(), RandomShareCodes(), patients)
        tracemalloc.start()
        await copy(source.archive, destination.archive, Watcher())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most / 2**20


def _openers(stack: AsyncExitStack) -> dict[str, Open]:
    from support.mongo import a_fresh_database  # noqa: PLC0415 - after the path
    from support.postgresql import an_empty_storage as in_postgresql  # noqa: PLC0415
    from support.servers import a_mongodb, a_postgresql  # noqa: PLC0415

    postgresql = stack.enter_context(a_postgresql())
    mongodb = stack.enter_context(a_mongodb())

    @asynccontextmanager
    async def in_mongodb() -> AsyncIterator[MongoStorage]:
        async with a_fresh_database(mongodb) as (client, name):
            storage = MongoStorage(client, name)
            await storage.start()
            yield storage

    return {
        "SQLite": _sqlite,
        "PostgreSQL": lambda: in_postgresql(postgresql),
        "MongoDB": in_mongodb,
    }


@asynccontextmanager
async def _sqlite() -> AsyncIterator[SqlStorage]:
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{Path(folder) / 'clinic.db'}")
        yield storage
        await storage.close()
