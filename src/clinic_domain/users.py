"""User accounts and profiles, which belong to the platform and not to a clinic."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

import attrs

from clinic_domain.errors import BadRequest, Duplicate, NotFound, Unavailable
from clinic_domain.values import ClinicId, UserId


class UserNotFound(NotFound):
    """No account has this id."""


class EmailTaken(Duplicate):
    """Another account has the address (PAT-CUST-1)."""

    message = "duplicate: email address is already taken"


class CustodialEmailTaken(EmailTaken):
    """Another account has the new address of a custodial account (PAT-CUST-3)."""

    message = "unable to update custodial user: duplicate: email address is already taken"


class UsersUnavailable(Unavailable):
    """The service that knows users, profiles or tokens is down or errs."""

    message = "the user service is not available, try again later"


class CredentialsRefused(BadRequest):
    """The token service does not accept the credentials of a service account."""

    message = "bad request: the credentials of the service account were refused"


@attrs.frozen
class User:
    """An account."""

    id: UserId
    username: str | None = None
    emails: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def email(self) -> str | None:
        """The first address of the account."""
        return self.emails[0] if self.emails else None


@attrs.frozen
class PatientProfile:
    """
    What an account says of the patient whose data it holds.

    Texts are as typed, perhaps empty.
    """

    full_name: str | None = None
    birthday: str | None = None
    mrn: str | None = None
    target_devices: tuple[str, ...] | None = None
    diagnosis_date: str | None = None
    is_other_person: bool = False
    """Whether somebody else, like a parent, holds the account for the patient."""


@attrs.frozen
class Profile:
    """What an account says of its owner."""

    full_name: str | None = None
    patient: PatientProfile = PatientProfile()


class Users(Protocol):
    """
    The platform's accounts.

    Every method raises UsersUnavailable where they cannot be reached.
    """

    @abstractmethod
    async def find(self, id_or_email: str) -> User | None:
        """Return the account with this id or address, or None."""

    @abstractmethod
    async def create_custodial(self, clinic_id: ClinicId, email: str | None) -> UserId:
        """
        Open an account that the clinic holds for a patient, and return its id.

        Raises:
            EmailTaken: an account with the address exists.
        """

    @abstractmethod
    async def update_custodial(self, user_id: UserId, email: str | None) -> None:
        """
        Set or remove the address of a custodial account.

        Raises:
            CustodialEmailTaken: another account has the address.
        """


class Profiles(Protocol):
    """The platform's profiles."""

    @abstractmethod
    async def find(self, user_id: UserId) -> Profile | None:
        """Return the profile of a user, or None. Raises UsersUnavailable."""


class ServiceAccounts(Protocol):
    """Accounts of programs, which sign in with a client id and a secret."""

    @abstractmethod
    async def user_id_of(self, client_id: str, client_secret: str) -> UserId:
        """
        Return the user id behind the credentials.

        Raises:
            CredentialsRefused: they are not right.
            UsersUnavailable: the token service is not configured, down, or errs.
        """


@attrs.frozen
class Account:
    """An account that this installation keeps itself, where no platform does."""

    user: User
    profile: Profile
    created_time: datetime
    is_server: bool = False
    client_secret_hash: str | None = None
    """Of a service account; the client id is the username."""
    custodian: ClinicId | None = None
    """The clinic that holds the account for a patient who has not claimed it."""


@attrs.frozen
class IssuedToken:
    """A session token that was given out; the signed text itself is never stored."""

    id: str
    user_id: UserId
    is_server: bool
    issued_time: datetime
    expires_time: datetime


class AccountRepository(Protocol):
    """The accounts and tokens of a stand-alone installation."""

    @abstractmethod
    async def find(self, user_id: UserId) -> Account | None:
        """Return the account with this id."""

    @abstractmethod
    async def find_by_email(self, email: str) -> Account | None:
        """Return the account with this user name, ignoring case."""

    @abstractmethod
    async def all(self) -> tuple[Account, ...]:
        """Return all accounts in the order of their creation."""

    @abstractmethod
    async def add(self, account: Account) -> None:
        """Store a new account. Raises EmailTaken, ignoring case."""

    @abstractmethod
    async def save(self, account: Account) -> None:
        """Store a changed account. Raises EmailTaken, ignoring case."""

    @abstractmethod
    async def remove(self, user_id: UserId) -> None:
        """Remove an account and its tokens, if there is one."""

    @abstractmethod
    async def find_token(self, token_id: str) -> IssuedToken | None:
        """Return a token that was issued and not revoked."""

    @abstractmethod
    async def tokens_of(self, user_id: UserId) -> tuple[IssuedToken, ...]:
        """Return the tokens of a user that were not revoked, oldest first."""

    @abstractmethod
    async def add_token(self, token: IssuedToken) -> None:
        """Keep that a token was issued."""

    @abstractmethod
    async def remove_token(self, token_id: str) -> bool:
        """Revoke a token; return whether it was there."""

    @abstractmethod
    async def signing_key(self, candidate: str) -> str:
        """Return the installation's key; *candidate* becomes it where there is none yet."""
