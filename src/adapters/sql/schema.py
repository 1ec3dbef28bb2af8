"""Bringing a database to the schema of this version."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql import postgresql, sqlite
from adapters.sql.engines import UnusableUrl
from clinic_domain.errors import StorageUnusable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_CURRENT: Final[sa.Select[str]] = sa.select(sa.column("version_num", sa.String())).select_from(
    sa.table("alembic_version")
)

# Whoever comes second waits here, and then finds nothing left to do.
_BEGIN: Final = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": ("BEGIN", "SELECT pg_advisory_xact_lock(7164270833612402)"),
}
_TRANSLATED: Final = {"sqlite": sqlite.translated, "postgresql": postgresql.translated}


class NewerSchema(StorageUnusable):
    """A later version of this software has been at work on the database."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database has revision {revision!r}, which this version does not know: "
            "it was upgraded by a newer version, so use that one"
        )


class OlderSchema(StorageUnusable):
    """The database is not of this version, or it is not one of ours."""

    def __init__(self) -> None:
        super().__init__(
            "it holds no clinics, or those of an older version; if it is the right database, "
            "`clinic db upgrade` brings it to this version"
        )


async def upgrade(engine: AsyncEngine) -> None:
    """
    Apply the migrations that are missing, all or none; any number of processes may do so at once.

    Raises:
        NewerSchema: the database has a revision that this version does not know.
        UnusableUrl: the server has no such database, or does not let us in, or not do this.
        Unavailable: the database does not answer.
    """
    await _asked(engine, _upgrade)


async def refuse_older(engine: AsyncEngine) -> None:
    """
    Return where no migration is missing; nothing is changed.

    Raises:
        OlderSchema: there are migrations to be applied, perhaps all of them.
        NewerSchema, UnusableUrl, Unavailable: as `upgrade` does.
    """
    _refuse_missing(engine)
    await _asked(engine, _refuse_older)


async def _asked(engine: AsyncEngine, work: Callable[[sa.Connection], None]) -> None:
    try:
        async with engine.connect() as connection:
            await connection.run_sync(work)
    except (DBAPIError, *postgresql.ERRORS) as error:
        original = error.driver_exception if isinstance(error, DBAPIError) else error
        if postgresql.is_refusal(original):
            raise UnusableUrl(f"PostgreSQL says: {original}") from None
        translated = _TRANSLATED[engine.dialect.name](original)
        if translated is error:
            raise
        raise translated from error


def _refuse_missing(engine: AsyncEngine) -> None:
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and not Path(path).exists():
        # To connect would make one.
        raise UnusableUrl(f"there is no file {path}")


def _upgrade(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise UnusableUrl(f"the database has the encoding {encoding}, and UTF8 is needed")
    if _is_up_to_date(connection):
        return
    from adapters.sql.migrating import migrate  # noqa: PLC0415 - Alembic is large, and rarely needed

    connection.rollback()
    begin, *lock = _BEGIN[connection.dialect.name]
    connection.exec_driver_sql(begin)
    try:
        for statement in lock:
            connection.exec_driver_sql(statement)
        migrate(connection)
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _refuse_older(connection: sa.Connection) -> None:
    if not _is_up_to_date(connection):
        raise OlderSchema


def _is_up_to_date(connection: sa.Connection) -> bool:
    known = revisions()
    is_ours = sa.inspect(connection).has_table("alembic_version")
    current = connection.execute(_CURRENT).scalars().all() if is_ours else ()
    for revision in current:
        if revision not in known:
            raise NewerSchema(revision)
    return tuple(current) == known[-1:]


def revisions() -> tuple[str, ...]:
    """Return the revisions in their order: scripts are named after them."""
    scripts = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(script.name.partition("_")[0] for script in scripts))
