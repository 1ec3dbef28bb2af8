"""Several processes on one file, crashes, and what stands in the way."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.sql import SqlStorage, create_engine
from adapters.sql.sqlite import SqliteDatabase
from clinic_domain.clinics.model import ClinicQuery
from clinic_domain.errors import StorageBusy, Unavailable
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_patient

COUNTER = """
import asyncio, sys
import attrs
from adapters.sql import open_storage

async def count(tx):
    clinic = await tx.clinics.get(sys.argv[2])
    tier = str(int(clinic.tier) + 1)
    await tx.clinics.save(attrs.evolve(clinic, tier=tier), was=clinic)
    return tier

async def main():
    storage = await open_storage(sys.argv[1])
    for _ in range(int(sys.argv[3])):
        print(await storage.transaction(count), flush=True)
    await storage.close()

asyncio.run(main())
"""


async def test_processes_on_one_file_take_turns(storage: SqlStorage, path: Path) -> None:
    clinic = a_clinic(tier="0")
    await storage.transaction(lambda tx: tx.clinics.add(clinic))
    processes = [_counting(path, clinic.id, 50) for _ in range(3)]

    for process in processes:
        _, errors = await asyncio.to_thread(process.communicate, timeout=60)
        assert errors == ""

    counted = await storage.read(lambda tx: tx.clinics.get(clinic.id))
    assert counted.tier == "150"


async def test_what_was_acknowledged_outlives_the_process(storage: SqlStorage, path: Path) -> None:
    clinic = a_clinic(tier="0")
    await storage.transaction(lambda tx: tx.clinics.add(clinic))
    process = _counting(path, clinic.id, 100_000)
    assert process.stdout
    for _ in range(20):
        await asyncio.to_thread(process.stdout.readline)

    process.send_signal(signal.SIGKILL)
    output, _ = await asyncio.to_thread(process.communicate)

    counted = await storage.read(lambda tx: tx.clinics.get(clinic.id))
    acknowledged = [int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]
    assert int(counted.tier or 0) >= max(acknowledged, default=20)


async def test_a_writer_that_waits_too_long_gives_up(path: Path, raw: sqlite3.Connection) -> None:
    engine = create_engine(f"sqlite:///{path}")
    database = SqliteDatabase(engine, patience=0.3)
    raw.execute("BEGIN IMMEDIATE")
    began = time.monotonic()

    with pytest.raises(StorageBusy):
        async with database.writing():
            pytest.fail("somebody else has the lock")

    assert time.monotonic() - began < 5
    raw.execute("ROLLBACK")
    async with database.writing():
        pass
    await database.close()


async def test_a_transaction_that_waits_too_long_for_its_turn_gives_up(path: Path) -> None:
    database = SqliteDatabase(create_engine(f"sqlite:///{path}"), patience=0.1)

    async with database.writing():
        with pytest.raises(StorageBusy):
            async with database.writing():
                pytest.fail("the first one is not over")

    async with database.writing():
        pass
    await database.close()


async def test_readers_do_not_wait_for_a_writer(
    storage: SqlStorage, raw: sqlite3.Connection
) -> None:
    raw.execute("BEGIN EXCLUSIVE")

    assert await storage.read(lambda tx: tx.clinics.views(ClinicQuery())) == ()
    raw.execute("ROLLBACK")


async def test_work_that_only_reads_cannot_write(storage: SqlStorage) -> None:
    with pytest.raises(TypeError, match="cannot write"):
        await storage.read(lambda tx: tx.clinics.add(a_clinic()))


async def test_a_transaction_that_is_cancelled_while_it_waits_leaves_no_lock(
    storage: SqlStorage, raw: sqlite3.Connection
) -> None:
    clinic = a_clinic()
    raw.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(storage.transaction(lambda tx: tx.clinics.add(clinic)))
    await asyncio.sleep(0.05)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    raw.execute("ROLLBACK")
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("ROLLBACK")
    await storage.transaction(lambda tx: tx.clinics.add(clinic))


async def test_a_transaction_survives_a_write_that_was_cancelled_twice(
    storage: SqlStorage, raw: sqlite3.Connection
) -> None:
    clinic = a_clinic()

    async def work(tx: Transaction) -> None:
        await tx.clinics.add(clinic)
        await asyncio.sleep(60)

    running = asyncio.create_task(storage.transaction(work))
    await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) is None
    await storage.transaction(lambda tx: tx.clinics.add(clinic))


async def test_a_closed_storage_is_not_available(storage: SqlStorage) -> None:
    await storage.ping()
    await storage.close()

    with pytest.raises(Unavailable):
        await storage.ping()
    with pytest.raises(Unavailable):
        await storage.transaction(lambda tx: tx.clinics.add(a_clinic()))


async def test_a_file_that_is_no_database_is_not_available(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    path.write_text("Dear diary, " * 1000)
    storage = SqlStorage(create_engine(f"sqlite:///{path}"))

    with pytest.raises(Unavailable):
        await storage.ping()
    await storage.close()


async def test_a_patient_without_a_clinic_cannot_be_committed(storage: SqlStorage) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await storage.transaction(lambda tx: tx.patients.add(a_patient(a_clinic())))

    await storage.transaction(lambda tx: tx.clinics.add(a_clinic()))


def _counting(path: Path, clinic_id: str, times: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COUNTER, f"sqlite:///{path}", clinic_id, str(times)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
