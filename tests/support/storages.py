"""All storages that the service can stand on, empty."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

import pytest

from adapters.memory import MemoryStorage
from clinic_domain.storage import Storage
from support import mongo, postgresql, sqlite

STORAGES: Final[
    Mapping[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Storage]]]
] = {
    "memory": lambda _: nullcontext(MemoryStorage()),
    "sqlite": lambda _: sqlite.an_empty_storage("?synchronous=OFF"),
    "postgresql": lambda request: postgresql.an_empty_storage(
        request.getfixturevalue("postgresql")
    ),
    "mongodb": lambda request: mongo.an_empty_storage(request.getfixturevalue("mongodb")),
}
"""How each is opened, by its name; servers are started where they are asked for."""
