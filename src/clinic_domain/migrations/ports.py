"""Where migrations are kept."""

from abc import abstractmethod
from typing import Protocol

from clinic_domain.migrations.errors import MigrationNotFound
from clinic_domain.migrations.model import Migration
from clinic_domain.values import ClinicId, UserId


class MigrationRepository(Protocol):
    """The migrations of one transaction; a user has at most one, over all clinics."""

    @abstractmethod
    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Migration | None:
        """Return the migration of a user into a clinic."""

    async def get(self, clinic_id: ClinicId, user_id: UserId) -> Migration:
        """Return the migration of a user into a clinic. Raises MigrationNotFound."""
        migration = await self.find(clinic_id, user_id)
        if migration is None:
            raise MigrationNotFound(clinic_id, user_id)
        return migration

    @abstractmethod
    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Migration, ...]:
        """Return the migrations into a clinic, oldest first."""

    @abstractmethod
    async def add(self, migration: Migration) -> None:
        """Store a new migration. Raises DuplicateMigration."""

    @abstractmethod
    async def save(self, migration: Migration) -> None:
        """Store what was changed. Raises MigrationNotFound."""
