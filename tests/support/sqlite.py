"""Databases of SQLite for tests."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from adapters.sql import SqlStorage, create_engine, open_storage

_EMPTY: Final[list[bytes]] = []


@asynccontextmanager
async def an_empty_storage(options: str = "") -> AsyncIterator[SqlStorage]:
    """Give a storage that holds nothing: a copy of its file takes less time than another one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clinic.db"
        path.write_bytes(await an_empty_file())
        storage = SqlStorage(create_engine(f"sqlite:///{path}{options}"))
        yield storage
        await storage.close()


async def an_empty_file() -> bytes:
    """Return a file with empty tables."""
    if not _EMPTY:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clinic.db"
            await (await open_storage(f"sqlite:///{path}")).close()
            _EMPTY.append(path.read_bytes())
    return _EMPTY[0]
