"""Migrations of legacy accounts."""

from datetime import timedelta

import attrs
import pytest

from clinic_domain.migrations.errors import DuplicateMigration, MigrationNotFound
from clinic_domain.migrations.model import Migration, MigrationStatus
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import keep, together
from clinic_domain.testing.examples import a_clinic, a_migration, a_user_id
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.values import ClinicId

LATER = A_MORNING + timedelta(milliseconds=1)


class MigrationContract:
    """Migrations come back as they were stored; a user has one, over all clinics."""

    async def test_a_migration_comes_back_as_it_was_stored(self, storage: Storage) -> None:
        clinic = a_clinic()
        stored = [a_migration(clinic, status=status) for status in ("", *NASTY_TEXTS)]

        await keep(storage, *stored)

        for migration in stored:
            found = await storage.read(
                lambda tx, one=migration: tx.migrations.find(one.clinic_id, one.user_id)  # type: ignore[misc]  # the loop binds it
            )
            assert found == migration

    async def test_migrations_of_a_clinic_come_oldest_first(self, storage: Storage) -> None:
        clinic = a_clinic()
        first, second, third = (a_migration(clinic) for _ in range(3))
        await keep(storage, third, a_migration(a_clinic()), first, second)

        assert await _of(storage, clinic.id) == (first, second, third)
        assert await _of(storage, a_clinic().id) == ()
        assert await _of(storage, ClinicId("no-id")) == ()

    async def test_nobody_is_found_elsewhere(self, storage: Storage) -> None:
        migration = a_migration(a_clinic())
        await keep(storage, migration)

        async def find(clinic_id: ClinicId) -> Migration | None:
            return await storage.read(lambda tx: tx.migrations.find(clinic_id, migration.user_id))

        assert await find(a_clinic().id) is None
        assert await find(ClinicId("no-id")) is None
        with pytest.raises(MigrationNotFound):
            await storage.read(lambda tx: tx.migrations.get(migration.clinic_id, a_user_id()))

    async def test_a_migration_comes_back_as_it_was_saved(self, storage: Storage) -> None:
        migration, other = a_migration(a_clinic()), a_migration(a_clinic())
        await keep(storage, migration, other)
        changed = attrs.evolve(migration, status=MigrationStatus.RUNNING, updated_time=LATER)

        await storage.transaction(lambda tx: tx.migrations.save(changed))

        assert await _of(storage, migration.clinic_id) == (changed,)
        assert await _of(storage, other.clinic_id) == (other,)
        with pytest.raises(MigrationNotFound):
            await storage.transaction(lambda tx: tx.migrations.save(a_migration(a_clinic())))

    async def test_a_user_has_one_migration_over_all_clinics(self, storage: Storage) -> None:
        migration = a_migration(a_clinic())
        again = a_migration(a_clinic(), user_id=migration.user_id)
        await keep(storage, migration)

        with pytest.raises(DuplicateMigration):
            await keep(storage, again)

        assert await _of(storage, again.clinic_id) == ()

    async def test_of_two_migrations_at_once_one_is_kept(self, storage: Storage) -> None:
        user_id = a_user_id()
        both = [a_migration(a_clinic(), user_id=user_id) for _ in range(2)]

        _, refusals = await together(*(keep(storage, one) for one in both))

        assert [type(refusal) for refusal in refusals] == [DuplicateMigration]
        kept = [await _of(storage, one.clinic_id) for one in both]
        assert sorted(map(len, kept)) == [0, 1]


async def _of(storage: Storage, clinic_id: ClinicId) -> tuple[Migration, ...]:
    return await storage.read(lambda tx: tx.migrations.of_clinic(clinic_id))
