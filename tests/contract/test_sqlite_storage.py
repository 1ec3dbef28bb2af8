"""The SQL storage on SQLite keeps what every storage promises."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.sql import SqlStorage, create_engine, open_storage
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts import StorageContract
from clinic_domain.testing.machines import use_cases_over


class TestSqliteStorage(StorageContract):
    @pytest.fixture(scope="class")
    async def empty_database(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a file with all tables: a copy of it takes less time than another one."""
        path = tmp_path_factory.mktemp("sqlite") / "empty.db"
        await (await open_storage(f"sqlite:///{path}")).close()
        return path

    @pytest.fixture
    async def storage(self, empty_database: Path, tmp_path: Path) -> AsyncIterator[Storage]:
        path = shutil.copy(empty_database, tmp_path / "clinic.db")
        storage = SqlStorage(create_engine(f"sqlite:///{path}"))
        yield storage
        await storage.close()


@asynccontextmanager
async def opened() -> AsyncIterator[Storage]:
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{Path(folder) / 'clinic.db'}?synchronous=OFF")
        yield storage
        await storage.close()


TestUseCases = use_cases_over(opened, max_examples=25)
