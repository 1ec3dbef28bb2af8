"""When a legacy account can be migrated."""

from datetime import datetime
from typing import Final

import attrs

from clinic_domain.clinics.model import Clinic
from clinic_domain.clinics.rules import can_migrate
from clinic_domain.migrations.errors import (
    AlreadyMigrated,
    IncompleteProfile,
    InitialMigrationMissing,
    NoEmailAddress,
    NoLegacyClinician,
    SeveralAdmins,
)
from clinic_domain.migrations.model import Migration, MigrationStatus
from clinic_domain.users import User, UserNotFound
from clinic_domain.values import RecordId, UserId

LEGACY_ROLE: Final = "clinic"


def legacy_clinician(user_id: UserId, account: User | None) -> User:
    """
    Return the account of a legacy clinician (MIG-2).

    Raises:
        UserNotFound: there is no such account.
        NoLegacyClinician: it is another kind of account.
    """
    if account is None:
        raise UserNotFound(user_id)
    if LEGACY_ROLE not in account.roles:
        raise NoLegacyClinician(user_id)
    return account


def refuse_without_email(account: User) -> None:
    """Raise NoEmailAddress where a clinician could not be found by an address (MIG-6)."""
    if not account.email:
        raise NoEmailAddress(account.id)


def account_to_migrate(clinic: Clinic) -> UserId:
    """
    Return whose patients the initial migration of *clinic* is about (MIG-7, MIG-8).

    Raises:
        AlreadyMigrated, IncompleteProfile, SeveralAdmins: in this order.
    """
    if clinic.is_migrated:
        raise AlreadyMigrated(clinic.id)
    if not can_migrate(clinic):
        raise IncompleteProfile(clinic.id)
    if len(clinic.admins) > 1:
        raise SeveralAdmins(clinic.id)
    return clinic.admins[0]


def migrated(clinic: Clinic, now: datetime) -> Clinic:
    """Return *clinic* as migrated (MIG-9)."""
    return attrs.evolve(clinic, is_migrated=True, updated_time=now)


def refuse_before_initial(clinic: Clinic) -> None:
    """Raise InitialMigrationMissing where *clinic* was never migrated (MIG-10)."""
    if not clinic.is_migrated:
        raise InitialMigrationMissing(clinic.id)


def new_migration(record_id: RecordId, clinic: Clinic, user_id: UserId, now: datetime) -> Migration:
    """Return a migration that a worker will see."""
    return Migration(record_id, clinic.id, user_id, created_time=now, updated_time=now)


def with_status(migration: Migration, status: MigrationStatus, now: datetime) -> Migration:
    """Return *migration* as the worker says that it stands (MIG-12)."""
    return attrs.evolve(migration, status=status, updated_time=now)
