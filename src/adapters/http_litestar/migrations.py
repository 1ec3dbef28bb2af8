"""Controllers of the migrations of legacy accounts."""

from typing import Any, Final
from urllib.parse import unquote

import msgspec
from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.paths import AnyClinic, AnyUser, ByMigratedClinic, ByUser
from adapters.http_litestar.response import JsonResponse
from adapters.http_litestar.wire.clinics import ClinicJson, clinic_json
from adapters.http_litestar.wire.migrations import (
    MigrationBody,
    MigrationJson,
    MigrationUpdateBody,
    TriggerBody,
    migration_json,
)
from clinic_domain.migrations.service import MigrationService
from clinic_domain.values import ClinicId, UserId

_NULL: Final[Any] = msgspec.Raw(b"null")


class MigrationController(Controller):
    path = "/v1/clinics/{clinicId:str}"
    tags = ("Clinics", "Internal")

    @post("/migrate", operation_id="TriggerInitialMigration", status_code=200)
    async def trigger_initial_migration(
        self,
        clinic_id: AnyClinic,
        migrations: NamedDependency[MigrationService],
        data: JSONBody[TriggerBody | None] = None,
    ) -> MigrationJson:
        return migration_json(await migrations.start(ClinicId(unquote(clinic_id))))

    @post("/migrations", operation_id="MigrateLegacyClinicianPatients", status_code=200)
    async def migrate_legacy_clinician_patients(
        self,
        clinic_id: AnyClinic,
        migrations: NamedDependency[MigrationService],
        data: JSONBody[MigrationBody],
    ) -> MigrationJson:
        return migration_json(await migrations.add(ClinicId(unquote(clinic_id)), data.user()))

    @get("/migrations", operation_id="ListMigrations")
    async def list_migrations(
        self, clinic_id: AnyClinic, migrations: NamedDependency[MigrationService]
    ) -> JsonResponse[list[MigrationJson]]:
        """Return all of them; that there are none is said by null (MIG-11)."""
        found = await migrations.list(ClinicId(unquote(clinic_id)))
        return JsonResponse([migration_json(each) for each in found] or _NULL)

    @get("/migrations/{userId:str}", operation_id="GetMigration")
    async def get_migration(
        self,
        clinic_id: ByMigratedClinic,
        user_id: ByUser,
        migrations: NamedDependency[MigrationService],
    ) -> MigrationJson:
        return migration_json(await migrations.get(clinic_id, user_id))

    @patch("/migrations/{userId:str}", operation_id="UpdateMigration")
    async def update_migration(
        self,
        clinic_id: ByMigratedClinic,
        user_id: ByUser,
        migrations: NamedDependency[MigrationService],
        data: JSONBody[MigrationUpdateBody],
    ) -> MigrationJson:
        return migration_json(await migrations.report(clinic_id, user_id, data.status))


class LegacyClinicianController(Controller):
    path = "/v1/clinicians/{userId:str}/migrate"
    tags = ("Clinics", "Internal")

    @post(operation_id="EnableNewClinicExperience", status_code=200)
    async def enable_new_clinic_experience(
        self, user_id: AnyUser, migrations: NamedDependency[MigrationService]
    ) -> ClinicJson:
        return clinic_json(await migrations.open_clinic(UserId(unquote(user_id))))
