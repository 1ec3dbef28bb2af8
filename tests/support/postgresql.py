"""Databases of PostgreSQL for tests."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy.engine import make_url

from adapters.sql import SqlStorage, create_engine, open_storage

Raw: TypeAlias = "asyncpg.Connection[Any]"
"""A connection that knows nothing of the storage."""

PREFIX: Final = f"clinic_test_{os.getpid()}"
"""Several runs may share a server."""

_NUMBERS: Final = count(1)
_TEMPLATES: Final[set[str]] = set()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Raw]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def a_fresh_database(url: str, like: str = "template0") -> AsyncIterator[str]:
    """Give the URL of a database that is a copy of another one, or has nothing in it."""
    name = f"{PREFIX}_{next(_NUMBERS)}"
    async with connected(url) as server:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY")
        try:
            yield at(url, name)
        finally:
            await server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def an_empty_database(url: str) -> AsyncIterator[str]:
    """Give the URL of a database with empty tables: a copy takes less time than another one."""
    template = f"{PREFIX}_template"
    if url not in _TEMPLATES:
        async with connected(url) as server:
            await server.execute(f"CREATE DATABASE {template} TEMPLATE template0")
        await (await open_storage(at(url, template))).close()
        _TEMPLATES.add(url)
    async with a_fresh_database(url, template) as copy:
        yield copy


@asynccontextmanager
async def an_empty_storage(url: str) -> AsyncIterator[SqlStorage]:
    """Give a storage that holds nothing."""
    async with an_empty_database(url) as copy:
        storage = SqlStorage(create_engine(copy))
        yield storage
        await storage.close()


def at(url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def drop_databases(url: str) -> None:
    """Remove the databases that this run has made and left."""
    asyncio.run(_drop_databases(url))


async def _drop_databases(url: str) -> None:
    _TEMPLATES.discard(url)
    async with connected(url) as server:
        for (name,) in await server.fetch("SELECT datname FROM pg_database"):
            if name.startswith(PREFIX):
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
