"""Migrations of legacy accounts in MongoDB (section 2.1 of their chapter)."""

from typing import Final

import attrs
from bson import ObjectId
from pymongo import ASCENDING

from adapters.mongo.changes import Update
from adapters.mongo.cursors import listed
from adapters.mongo.documents import (
    MOMENT,
    NEVER,
    OBJECT_ID,
    TEXT,
    Document,
    Member,
    Shape,
    equal_to,
)
from adapters.mongo.indexes import MIGRATIONS
from adapters.mongo.scope import Scope, refusals
from clinic_domain.migrations.errors import DuplicateMigration, MigrationNotFound
from clinic_domain.migrations.model import Migration
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.values import EVERYTHING, ClinicId, UserId

_MIGRATION: Final = Shape(
    Migration,
    (
        Member("id", "_id", OBJECT_ID),
        Member("clinic_id", "clinicId", OBJECT_ID),
        Member("user_id", "userId", TEXT),
        Member("status", "status", TEXT, missing=""),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
        Member("updated_time", "updatedTime", MOMENT, missing=NEVER),
    ),
)


def migration_document(migration: Migration) -> Document:
    return _MIGRATION.encode(migration)


def migration_of(document: Document) -> Migration:
    """Return the migration of a document. Raises Unreadable."""
    return _MIGRATION.read(document)


@attrs.frozen
class MongoMigrationRepository(MigrationRepository):
    """One document per migration; a unique index guards users."""

    _scope: Scope

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Migration | None:
        condition = {"clinicId": equal_to(clinic_id), "userId": user_id}
        return await self._scope.one(MIGRATIONS, condition, migration_of)

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Migration, ...]:
        cursor = self._scope.find(MIGRATIONS, {"clinicId": equal_to(clinic_id)})
        return await listed(cursor.sort("_id", ASCENDING), EVERYTHING, migration_of)

    async def add(self, migration: Migration) -> None:
        taken = DuplicateMigration(migration.clinic_id, migration.user_id)
        with refusals({"UniqueClinicianMigration": taken}):
            await self._scope.insert(MIGRATIONS, migration_document(migration))

    async def save(self, migration: Migration) -> None:
        change = {"status": str(migration.status), "updatedTime": migration.updated_time}
        condition = {"_id": ObjectId(migration.id)}
        if not await self._scope.update(MIGRATIONS, condition, [Update({"$set": change})]):
            raise MigrationNotFound(migration.clinic_id, migration.user_id)
