"""A transaction that others interrupt runs again, but not for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from adapters.sql import SqlStorage, create_engine
from adapters.sql.sqlite import Readers
from adapters.sql.statements import Database, Interrupted, Session
from adapters.sql.storage import ATTEMPTS
from clinic_domain.errors import StorageBusy
from clinic_domain.storage import Transaction


@attrs.define
class Interrupting(Database):
    """Interrupts the first transactions when they end."""

    interruptions: int
    runs: int = 0

    async def reading(self) -> Session:
        return Readers([])

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        self.runs += 1
        yield Readers([])
        if self.runs <= self.interruptions:
            raise Interrupted

    async def close(self) -> None:
        pass


def _over(database: Database) -> SqlStorage:
    storage = SqlStorage(create_engine("sqlite://"))
    object.__setattr__(storage, "_database", database)
    return storage


async def _work(_: Transaction) -> str:
    return "done"


@pytest.mark.parametrize("interruptions", [0, 1, ATTEMPTS - 1])
async def test_work_runs_until_it_is_left_alone(interruptions: int) -> None:
    database = Interrupting(interruptions)

    assert await _over(database).transaction(_work) == "done"
    assert database.runs == interruptions + 1


async def test_work_that_never_gets_through_ends_as_busy() -> None:
    database = Interrupting(ATTEMPTS)

    with pytest.raises(StorageBusy):
        await _over(database).transaction(_work)

    assert database.runs == ATTEMPTS
