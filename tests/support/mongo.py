"""Databases of MongoDB for tests."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from typing import Any, Final

from bson import ObjectId
from pymongo import AsyncMongoClient, MongoClient

from adapters.mongo import MongoStorage
from adapters.mongo.storage import PATIENCE

Client = AsyncMongoClient[dict[str, Any]]

_NUMBERS: Final = count(1)
PREFIX: Final = f"clinic_test_{os.getpid()}"
"""Several runs may share a server."""

_IN_USE: Final[set[str]] = set()
_OPERATIONS: Final = ["query", "command", "update"]


@asynccontextmanager
async def a_fresh_database(url: str) -> AsyncIterator[tuple[Client, str]]:
    """Give a client and the name of a database that does not exist yet."""
    name = f"{PREFIX}_{next(_NUMBERS)}"
    async with Client(url, tz_aware=True) as client:
        await client.drop_database(name)
        yield client, name
        await client.drop_database(name)


@asynccontextmanager
async def an_empty_storage(
    url: str, patience: float = PATIENCE, **options: Any
) -> AsyncIterator[MongoStorage]:
    """Give a storage that holds nothing, on a database whose indexes are there already."""
    # Several may be open at once.
    name = next(name for name in map(f"{PREFIX}_ready_{{}}".format, count()) if name not in _IN_USE)
    _IN_USE.add(name)
    async with Client(url) as client:
        storage = MongoStorage(client, name, patience, **options)
        await storage.start()
        yield storage
        for collection in await client[name].list_collection_names():
            await client[name][collection].delete_many({})
    _IN_USE.remove(name)


@asynccontextmanager
async def profiled(storage: MongoStorage) -> AsyncIterator[list[dict[str, Any]]]:
    """Give a list that tells, when the context is over, what the server did for each query."""
    database = storage.database
    await database.command("profile", 0)
    await database["system.profile"].drop()
    queries: list[dict[str, Any]] = []
    await database.command("profile", 2)
    try:
        yield queries
    finally:
        await database.command("profile", 0)
        asked: dict[str, Any] = {"ns": f"{database.name}.patients", "op": {"$in": _OPERATIONS}}
        lookups = {"ns": f"{database.name}.clinics", "command.aggregate": "clinics"}
        queries.extend(await database["system.profile"].find({"$or": [asked, lookups]}).to_list())
        await database["system.profile"].drop()


async def stored_documents(storage: MongoStorage) -> dict[str, list[dict[str, Any]]]:
    """Return all documents of all collections that have any, as they are."""
    database = storage.database
    documents = {
        name: await database[name].find().sort("_id").to_list()
        for name in await database.list_collection_names()
    }
    return {name: found for name, found in documents.items() if found}


def as_recorded(value: Any) -> Any:
    """Return documents as goldens write them."""
    match value:
        case dict():
            return {key: as_recorded(member) for key, member in value.items()}
        case list():
            return [as_recorded(element) for element in value]
        case ObjectId():
            return {"$oid": str(value)}
        case bytes():
            return {"$binary": value.hex()}
        case datetime():
            text = value.isoformat(timespec="milliseconds")
            return {"$date": text.replace("+00:00", "Z")}
        case _:
            return value


def drop_databases(url: str) -> None:
    """Remove all databases that this run has made."""
    with MongoClient[dict[str, Any]](url) as client:
        for name in client.list_database_names():
            if name.startswith(PREFIX):
                client.drop_database(name)
