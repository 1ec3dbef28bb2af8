"""Migrations of legacy accounts."""

from msgspec import UNSET, Struct, UnsetType

from adapters.http_litestar.wire.fields import (
    DateTime,
    DateTimeText,
    FilledKeyText,
    rfc3339,
)
from clinic_domain.migrations.model import Migration, MigrationStatus
from clinic_domain.values import UserId


class MigrationBody(Struct, rename="camel"):
    """Whose patients are to be migrated; what else may be said has no effect (7.4.3)."""

    user_id: FilledKeyText
    status: MigrationStatus | UnsetType = UNSET
    created_time: DateTimeText | UnsetType = UNSET
    updated_time: DateTimeText | UnsetType = UNSET
    attestation_time: DateTimeText | UnsetType = UNSET

    def user(self) -> UserId:
        return UserId(str(self.user_id))


class MigrationUpdateBody(Struct):
    status: MigrationStatus


class TriggerBody(Struct, rename="camel"):
    """Accepted, and of no effect (7.4.2)."""

    attestation_submitted: bool | UnsetType = UNSET


class MigrationJson(Struct, rename="camel"):
    user_id: str
    created_time: DateTime
    updated_time: DateTime
    status: str | UnsetType = UNSET


def migration_json(migration: Migration) -> MigrationJson:
    return MigrationJson(
        user_id=migration.user_id,
        created_time=rfc3339(migration.created_time),
        updated_time=rfc3339(migration.updated_time),
        status=migration.status.upper() or UNSET,
    )
