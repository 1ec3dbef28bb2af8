"""Why a legacy account cannot be migrated."""

from clinic_domain.errors import ConstraintViolation, Duplicate, NotFound


class MigrationNotFound(NotFound):
    """The clinic has no migration of this user."""

    message = "migration not found"


class DuplicateMigration(Duplicate):
    """The account was migrated already, into this clinic or another (MIG-8)."""

    message = "migration duplicate"


class AlreadyMigrated(ConstraintViolation):
    """The initial migration of the clinic was triggered before."""

    message = "constraint violation: clinic is already migrated"


class InitialMigrationMissing(ConstraintViolation):
    """
    The clinic awaits its initial migration, which comes before all others.

    The text says the opposite, and callers may know it (MIG-Q2).
    """

    message = "constraint violation: clinic is already migrated"


class IncompleteProfile(ConstraintViolation):
    """The clinic is not described well enough to take patients (MIG-1)."""

    message = "constraint violation: incomplete clinic profile"


class SeveralAdmins(ConstraintViolation):
    """Nobody can tell whose patients the initial migration is about."""

    message = "constraint violation: the clinic has more than one admin"


class NoLegacyClinician(ConstraintViolation):
    """The account is none of a legacy clinician."""

    def __str__(self) -> str:
        return f"constraint violation: user {self.args[0]} is not clinician"


class NoEmailAddress(ConstraintViolation):
    """The legacy account has no address for the clinician's record."""

    message = "constraint violation: the account has no e-mail address"
