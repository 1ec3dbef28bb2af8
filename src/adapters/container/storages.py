"""The storage that the settings name. A process loads the driver of that one alone."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import attrs

from adapters.settings import Settings
from adapters.system import opened
from clinic_domain.storage import Storage


@attrs.frozen
class Stored:
    """A storage, and what comes before it is used."""

    storage: Storage
    _prepare: Callable[[], Awaitable[None]]
    """Bring it to what this version needs: tables, indexes."""
    _check: Callable[[], Awaitable[None]]
    """Refuse it where it is not of this version, and change nothing."""

    def opened(self) -> AbstractAsyncContextManager[None]:
        return opened(self._prepare, self.storage.close)

    def opened_as_source(self) -> AbstractAsyncContextManager[None]:
        return opened(self._check, self.storage.close)


def stored(settings: Settings) -> Stored:
    match settings.storage_kind:
        case "memory":
            return _memory()
        case "mongo":
            return _mongo(settings)
        case _:
            return _sql(settings.storage_url or "")


def _memory() -> Stored:
    from adapters.memory import MemoryStorage  # noqa: PLC0415 - one of three

    storage = MemoryStorage()
    return Stored(storage, storage.ping, storage.ping)


def _sql(url: str) -> Stored:
    from adapters.sql import (  # noqa: PLC0415 - one of three
        SqlStorage,
        create_engine,
        refuse_older,
        upgrade,
    )

    engine = create_engine(url)
    return Stored(SqlStorage(engine), partial(upgrade, engine), partial(refuse_older, engine))


def _mongo(settings: Settings) -> Stored:
    from adapters.mongo import MongoStorage  # noqa: PLC0415 - one of three

    storage = MongoStorage.at(mongo_url(settings), settings.variables.database)
    return Stored(storage, storage.start, storage.refuse_unfinished)


def mongo_url(settings: Settings) -> str:
    """Return where MongoDB is: in one setting, or in the reference's many."""
    from adapters.mongo import connection_string  # noqa: PLC0415 - as above

    variables = settings.variables
    return settings.storage_url or connection_string(
        scheme=variables.store_scheme,
        addresses=variables.store_addresses or "",
        username=variables.store_username,
        password=variables.store_password,
        tls=variables.store_tls,
        options=variables.store_options,
    )
