"""Migrations in memory."""

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from clinic_domain.migrations.errors import DuplicateMigration
from clinic_domain.migrations.model import Migration
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.values import ClinicId, UserId


@attrs.frozen
class MemoryMigrationRepository(MigrationRepository):
    """A cell per user, with an index by clinic."""

    _cells: Cells

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Migration | None:
        migration = self._cells.read(layout.migration_of(user_id))
        return migration if migration and migration.clinic_id == clinic_id else None

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Migration, ...]:
        users = self._cells.read(layout.migrated_into(clinic_id))
        found = (self._cells.read(layout.migration_of(user_id)) for user_id in users)
        return tuple(sorted(filter(None, found), key=lambda migration: migration.id))

    async def add(self, migration: Migration) -> None:
        if self._cells.read(layout.migration_of(migration.user_id)):
            raise DuplicateMigration(migration.clinic_id, migration.user_id)
        users = layout.migrated_into(migration.clinic_id)
        self._cells.write(users, (*self._cells.read(users), migration.user_id))
        self._cells.write(layout.migration_of(migration.user_id), migration)

    async def save(self, migration: Migration) -> None:
        await self.get(migration.clinic_id, migration.user_id)
        self._cells.write(layout.migration_of(migration.user_id), migration)
