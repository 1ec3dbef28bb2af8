"""
A process that merges clinics, to be killed while it does.

It reads lines `source target life` and forks a process for each, which has nothing left to import.
So many seconds after that one has opened the storage it is killed. For 0 it merges itself. It
answers how long the last merge took that was not killed. Kind and URL of the storage and the name
of the database are arguments.
"""

import asyncio
import os
import signal
import sys
import time
from typing import Final

from adapters.mongo import MongoStorage
from adapters.mongo.connection import new_client
from adapters.sql import SqlStorage, create_engine
from adapters.system import ObjectIds, SystemClock
from clinic_domain.merging.service import MergeService
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.values import ClinicId

LIVES: Final[list[float]] = []
"""How long merges have taken that were not interrupted."""


def storage_at(kind: str, url: str, database: str) -> SqlStorage | MongoStorage:
    """Return a storage; the tables and indexes are there already."""
    if kind == "sql":
        return SqlStorage(create_engine(url))
    client = new_client(url)
    if kind == "mongo":
        return MongoStorage(client, database)
    return MongoStorage(client, database, at_once=-1, notice=0, lease=0.1)


async def merge(source: str, target: str, begun: int) -> None:
    storage = storage_at(*sys.argv[1:4])
    await storage.ping()
    os.write(begun, b"!")
    start = time.perf_counter()
    service = MergeService(
        storage, SystemClock(), ObjectIds(), PatientCounter(), Announcements(ObjectIds())
    )
    await service.merge(ClinicId(source), ClinicId(target))
    LIVES.append(time.perf_counter() - start)
    await storage.close()


def main() -> None:
    for line in sys.stdin:
        source, target, life = line.split()
        has_begun, begun = os.pipe()
        # What is merged here is compiled afterwards, and no thread of it is left.
        child = os.fork() if float(life) else None
        if not child:
            asyncio.run(merge(source, target, begun))
        if child == 0:
            os._exit(0)
        os.close(begun)
        if child:
            os.read(has_begun, 1)
            time.sleep(float(life))
            # Dead or alive, it is still ours: nobody has waited for it.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(has_begun)
        sys.stdout.write(f"{LIVES[-1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
