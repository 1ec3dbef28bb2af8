"""Accounts and profiles in the service's own storage."""

import uuid

import attrs

from clinic_domain.ports import Clock
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import (
    Account,
    CustodialEmailTaken,
    EmailTaken,
    Profile,
    Profiles,
    User,
    UserNotFound,
    Users,
)
from clinic_domain.values import ClinicId, UserId


def new_user_id() -> UserId:
    return UserId(str(uuid.uuid4()))


async def account_called(tx: Transaction, id_or_email: str) -> Account | None:
    """Return the account with this id or address."""
    account = await tx.accounts.find(UserId(id_or_email))
    return account or await tx.accounts.find_by_email(id_or_email)


@attrs.frozen
class LocalUsers(Users):
    _storage: Storage
    _clock: Clock

    async def find(self, id_or_email: str) -> User | None:
        account = await self._storage.read(lambda tx: account_called(tx, id_or_email))
        return account.user if account else None

    async def create_custodial(self, clinic_id: ClinicId, email: str | None) -> UserId:
        account = Account(
            _addressed(User(new_user_id(), roles=("patient",)), email),
            Profile(),
            self._clock.now(),
            custodian=clinic_id,
        )
        await self._storage.transaction(lambda tx: tx.accounts.add(account))
        return account.user.id

    async def update_custodial(self, user_id: UserId, email: str | None) -> None:
        async def work(tx: Transaction) -> None:
            account = await tx.accounts.find(user_id)
            if account is None:
                raise UserNotFound(user_id)
            await tx.accounts.save(attrs.evolve(account, user=_addressed(account.user, email)))

        try:
            await self._storage.transaction(work)
        except EmailTaken:
            raise CustodialEmailTaken(user_id) from None


@attrs.frozen
class LocalProfiles(Profiles):
    _storage: Storage

    async def find(self, user_id: UserId) -> Profile | None:
        account = await self._storage.read(lambda tx: tx.accounts.find(user_id))
        return account.profile if account else None


def _addressed(user: User, email: str | None) -> User:
    """Return *user* with the address alone; an empty one is none (PAT-CUST-3)."""
    return attrs.evolve(user, username=email or None, emails=(email,) if email else ())
