"""Making engines: which URLs mean what, and how connections are set up."""

import os
import shutil
import tempfile
import weakref
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from clinic_domain.errors import StorageUnusable

_SQLITE: Final = frozenset({"sqlite", "sqlite+aiosqlite"})
_POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_CONNECTIONS: Final = 20
_CONNECT_TIMEOUT: Final = 10.0
_SYNCHRONOUS: Final = frozenset({"OFF", "NORMAL", "FULL", "EXTRA"})


class UnusableUrl(StorageUnusable):
    """There cannot be a database at this URL."""


def create_engine(url: str | URL) -> AsyncEngine:
    """
    Return an engine for the storage.

    `sqlite:///clinic.db` is a file in the working directory, `sqlite:////var/lib/clinic.db` one
    with an absolute path, `sqlite:///:memory:` something that is gone with the engine. With
    `?synchronous=NORMAL` a loss of power may take the last transactions along; an end of the
    process never does.

    `postgresql://user:password@host:5432/clinic` is a database on a server; what may follow after a
    question mark is what programs of PostgreSQL take there, such as `sslmode=verify-full`.

    Raises:
        UnusableUrl: the URL is none of these, or the folder of the file is missing.
    """
    try:
        made = make_url(url)
    except (ArgumentError, ValueError):
        # Not what SQLAlchemy says of it, for that may have a part of the password in it.
        raise UnusableUrl(
            "this is no address like sqlite:///clinic.db or postgresql://user:password@host/clinic;"
            " what is special in a password has to be percent-encoded"
        ) from None
    if made.drivername in _SQLITE:
        return _sqlite_engine(made)
    if made.drivername in _POSTGRESQL:
        return _postgresql_engine(made)
    raise UnusableUrl(f"no databases of the kind {made.drivername!r} are supported")


class PlainDialect(PGDialect_asyncpg):
    """
    JSON comes as the text that it is, which the driver reads faster than codecs in Python do.

    For that, SQLAlchemy cannot look over the tables of a database: it asks for them in JSON.
    """

    supports_statement_cache = True

    async def setup_asyncpg_json_codec(self, conn: Any) -> None:
        pass

    async def setup_asyncpg_jsonb_codec(self, conn: Any) -> None:
        pass


registry.register("postgresql.plain_asyncpg", __name__, PlainDialect.__name__)


def _postgresql_engine(url: URL) -> AsyncEngine:
    settings = {} if "application_name" in url.query else {"application_name": "clinic"}
    # Only the driver learns the password: nothing that anybody prints holds it.
    connect = partial(
        asyncpg.connect,
        url.set(drivername="postgresql").render_as_string(hide_password=False),
        timeout=_CONNECT_TIMEOUT,
        statement_cache_size=512,
        max_cached_statement_lifetime=0,
        server_settings=settings,
    )
    return create_async_engine(
        "postgresql+plain_asyncpg://",
        async_creator=connect,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=_CONNECTIONS,
        max_overflow=0,
    )


def _sqlite_engine(url: URL) -> AsyncEngine:
    # An acknowledged change of a medical record outlives a loss of power: FULL syncs each commit.
    synchronous = str(url.query.get("synchronous", "FULL")).upper()
    if synchronous not in _SYNCHRONOUS:
        raise UnusableUrl(f"synchronous={synchronous} is none of {', '.join(sorted(_SYNCHRONOUS))}")
    temporary = None
    if url.database in (None, "", ":memory:"):
        # Readers beside a writer need a file; a memory that connections share would lock them out.
        temporary = tempfile.mkdtemp(prefix="clinic-")
        path, synchronous = Path(temporary) / "clinic.db", "OFF"
    else:
        path = Path(str(url.database))
        _refuse_unusable(path)
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite", database=str(path)).difference_update_query(
            ["synchronous"]
        ),
        # Transactions begin and end where the storage says so, not where the driver guesses.
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        connect_args={"cached_statements": 256, "check_same_thread": False},
        pool_size=8,
        max_overflow=0,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "busy_timeout = 5000",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            # What a list of ten thousand patients compares stays at hand.
            "cache_size = -20000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if temporary is not None:
        weakref.finalize(engine.sync_engine, shutil.rmtree, temporary, ignore_errors=True)
    return engine


def _refuse_unusable(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UnusableUrl(f"{path} cannot hold a database: there is no folder {folder}")
    if path.is_dir():
        raise UnusableUrl(f"{path} cannot hold a database: it is a folder")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UnusableUrl(f"{path} cannot hold a database: it must not be written")
