"""Use cases on the migrations of legacy accounts."""

import attrs

from clinic_domain.clinicians.errors import ClinicianNotFound
from clinic_domain.clinicians.rules import creator_of_clinic, new_clinician
from clinic_domain.clinics.model import ClinicView, ShareCode
from clinic_domain.clinics.rules import unmigrated_clinic
from clinic_domain.clinics.service import with_a_free_code
from clinic_domain.migrations.model import Migration, MigrationStatus
from clinic_domain.migrations.rules import (
    account_to_migrate,
    legacy_clinician,
    migrated,
    new_migration,
    refuse_before_initial,
    refuse_without_email,
    with_status,
)
from clinic_domain.ports import Clock, IdGenerator, ShareCodeGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Profiles, Users
from clinic_domain.values import ClinicId, RecordId, UserId


@attrs.frozen
class MigrationService:
    """
    Opens clinics for legacy accounts, and orders and follows their migration.

    A worker that follows the storage moves the patients.
    """

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _share_codes: ShareCodeGenerator
    _users: Users
    _profiles: Profiles

    async def open_clinic(self, user_id: UserId) -> ClinicView:
        """
        Open an empty clinic for a legacy account, each time that it is asked for (MIG-3).

        Raises:
            UserNotFound, NoLegacyClinician, NoEmailAddress: the account does not allow it.
            DuplicateShareCode: a hundred codes in a row were taken (MIG-5).
        """
        owner = legacy_clinician(user_id, await self._users.find(user_id))
        refuse_without_email(owner)
        profile = await self._profiles.find(owner.id)
        clinic_id, now = ClinicId(self._ids.new_id()), self._clock.now()
        record_id = RecordId(self._ids.new_id())
        admin = new_clinician(record_id, clinic_id, creator_of_clinic(owner, profile), now)

        async def work(tx: Transaction) -> ClinicView:
            code = ShareCode(self._share_codes.new_code())
            clinic = unmigrated_clinic(clinic_id, code, owner.id, now)
            await tx.clinics.add(clinic)
            await tx.clinicians.add(admin)
            return ClinicView(clinic, {}, {})

        return await with_a_free_code(self._storage, work)

    async def start(self, clinic_id: ClinicId) -> Migration:
        """
        Order the initial migration, and with it open the clinic to everything (MIG-7).

        Raises:
            ClinicNotFound, AlreadyMigrated, IncompleteProfile, SeveralAdmins, UserNotFound,
                NoLegacyClinician, DuplicateMigration: in this order.
        """
        clinic = await self._storage.read(lambda tx: tx.clinics.get(clinic_id))
        user_id = account_to_migrate(clinic)
        legacy_clinician(user_id, await self._users.find(user_id))
        record_id, now = RecordId(self._ids.new_id()), self._clock.now()

        async def work(tx: Transaction) -> Migration:
            clinic = await tx.clinics.get(clinic_id)
            migration = new_migration(record_id, clinic, account_to_migrate(clinic), now)
            await tx.migrations.add(migration)
            await tx.clinics.save(migrated(clinic, now), was=clinic)
            return migration

        return await self._storage.transaction(work)

    async def add(self, clinic_id: ClinicId, user_id: UserId) -> Migration:
        """
        Order the migration of a further account, whose owner is a clinician here (MIG-10).

        Raises:
            ClinicianNotFound, ClinicNotFound, InitialMigrationMissing, DuplicateMigration: in this
                order.
        """
        record_id, now = RecordId(self._ids.new_id()), self._clock.now()

        async def work(tx: Transaction) -> Migration:
            if await tx.clinicians.find(clinic_id, user_id) is None:
                raise ClinicianNotFound(clinic_id, user_id)
            clinic = await tx.clinics.get(clinic_id)
            refuse_before_initial(clinic)
            migration = new_migration(record_id, clinic, user_id, now)
            await tx.migrations.add(migration)
            return migration

        return await self._storage.transaction(work)

    async def list(self, clinic_id: ClinicId) -> tuple[Migration, ...]:
        """Return the migrations into a clinic, oldest first (MIG-11)."""
        return await self._storage.read(lambda tx: tx.migrations.of_clinic(clinic_id))

    async def get(self, clinic_id: ClinicId, user_id: UserId) -> Migration:
        """Return the migration of a user into a clinic. Raises MigrationNotFound."""
        return await self._storage.read(lambda tx: tx.migrations.get(clinic_id, user_id))

    async def report(
        self, clinic_id: ClinicId, user_id: UserId, status: MigrationStatus
    ) -> Migration:
        """Note what the worker says of a migration (MIG-12). Raises MigrationNotFound."""
        now = self._clock.now()

        async def work(tx: Transaction) -> Migration:
            migration = await tx.migrations.get(clinic_id, user_id)
            reported = with_status(migration, status, now)
            await tx.migrations.save(reported)
            return reported

        return await self._storage.transaction(work)
