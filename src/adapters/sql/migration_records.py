"""Migrations of legacy accounts in SQL."""

from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import BY_ID, Inserts, following, insert_into
from adapters.sql.documents import moment_of, number_of
from adapters.sql.statements import Row, Session, Statement, UniqueViolation
from adapters.sql.tables import migrations
from clinic_domain.migrations.errors import DuplicateMigration, MigrationNotFound
from clinic_domain.migrations.model import Migration
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.values import ClinicId, UserId


def migration_of(row: Row) -> Migration:
    id_, clinic_id, user_id, created_time, updated_time, status = row
    times = moment_of(created_time), moment_of(updated_time)
    return Migration(id_, clinic_id, user_id, *times, status)


def row_of(migration: Migration) -> dict[str, Any]:
    return {
        "id": migration.id,
        "clinic_id": migration.clinic_id,
        "user_id": migration.user_id,
        "created_time": number_of(migration.created_time),
        "updated_time": number_of(migration.updated_time),
        "status": str(migration.status),
    }


_of_clinic: Final = migrations.c.clinic_id == sa.bindparam("which_clinic")

_FIND: Final = Statement(
    sa.select(migrations).where(_of_clinic, migrations.c.user_id == sa.bindparam("which_user"))
)
_OF_CLINIC: Final = Statement(sa.select(migrations).where(_of_clinic).order_by(migrations.c.id))
_INSERT: Final = insert_into(migrations)
INSERTS: Final[Inserts] = ((_INSERT, lambda migration: [row_of(migration)]),)
FOLLOWING: Final = following(sa.select(migrations), migrations.c.id)
_UPDATE: Final = Statement(
    sa.update(migrations)
    .where(migrations.c.id == sa.bindparam(BY_ID))
    .values(status=sa.bindparam("status"), updated_time=sa.bindparam("updated_time"))
)


@attrs.frozen
class SqlMigrationRepository(MigrationRepository):
    """A row per migration; a unique constraint keeps users apart."""

    _session: Session

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Migration | None:
        await self._session.hold((clinic_id,))
        row = await self._session.first(_FIND, {"which_clinic": clinic_id, "which_user": user_id})
        return None if row is None else migration_of(row)

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Migration, ...]:
        await self._session.hold((clinic_id,))
        rows = await self._session.all(_OF_CLINIC, {"which_clinic": clinic_id})
        return tuple(map(migration_of, rows))

    async def add(self, migration: Migration) -> None:
        await self._session.hold((migration.clinic_id,))
        try:
            await self._session.run(_INSERT, row_of(migration))
        except UniqueViolation:
            raise DuplicateMigration(migration.clinic_id, migration.user_id) from None

    async def save(self, migration: Migration) -> None:
        row = row_of(migration)
        values = {name: row[name] for name in ("status", "updated_time")}
        await self._session.hold((migration.clinic_id,))
        if not await self._session.run(_UPDATE, {BY_ID: migration.id, **values}):
            raise MigrationNotFound(migration.clinic_id, migration.user_id)
