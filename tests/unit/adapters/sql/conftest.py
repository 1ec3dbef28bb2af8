"""What tests of the SQL storage share."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sql import SqlStorage, create_engine, open_storage


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with all tables: a copy of it takes less time than another one."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"

    async def make() -> None:
        await (await open_storage(f"sqlite:///{path}")).close()

    asyncio.run(make())
    return path


@pytest.fixture
def path(empty_database: Path, tmp_path: Path) -> Path:
    """Return a file with empty tables."""
    return Path(shutil.copy(empty_database, tmp_path / "clinic.db"))


@pytest.fixture
async def storage(path: Path) -> AsyncIterator[SqlStorage]:
    """Return a storage that holds nothing."""
    storage = SqlStorage(create_engine(f"sqlite:///{path}"))
    yield storage
    await storage.close()


@pytest.fixture
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to the file of the storage that knows nothing of the storage."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0.1)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection
