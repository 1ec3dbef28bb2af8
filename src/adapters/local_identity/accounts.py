"""What the keeper of an installation does with its accounts and tokens."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import attrs

from adapters.local_identity import secret
from adapters.local_identity.tokens import LocalTokens, new_token
from adapters.local_identity.users import account_called, new_user_id
from clinic_domain.errors import BadRequest, Conflict
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Account, EmailTaken, IssuedToken, Profile, User, UserNotFound
from clinic_domain.values import UserId

_NAME: Final = re.compile(r"[\x21-\x7e]{1,100}")


class InvalidName(BadRequest):
    """The name of a service or a program has other than visible ASCII characters, or too many."""

    message = "a name has 1 to 100 characters, which are letters, digits and signs without blanks"


class IsService(Conflict):
    """A token of this account stands for a backend service, which has to be meant."""

    message = "this is a backend service, whose tokens may do everything"


class IsNoService(Conflict):
    """The account is that of a user."""

    message = "this is a user and not a backend service"


@attrs.frozen
class LocalAccounts:
    """Use cases on accounts, for those who can reach the storage anyway."""

    _storage: Storage
    _tokens: LocalTokens
    _clock: Clock

    async def add(self, email: str, profile: Profile, roles: Iterable[str] = ()) -> Account:
        """Open an account. Raises EmailTaken."""
        user = User(new_user_id(), username=email, emails=(email,), roles=tuple(roles))
        return await self._opened(Account(user, profile, self._clock.now()))

    async def add_program(self, client_id: str, profile: Profile) -> tuple[Account, str]:
        """
        Open a service account, and return it with its secret, which nobody can tell again.

        Raises:
            InvalidName: the id has blanks or other characters that get lost on the way.
            EmailTaken: an account has this id for its user name.
        """
        if not _NAME.fullmatch(client_id):
            raise InvalidName(client_id)
        word = secret.new_secret()
        account = Account(
            User(new_user_id(), username=client_id, roles=("clinician",)),
            profile,
            self._clock.now(),
            client_secret_hash=secret.hashed(word),
        )
        return await self._opened(account), word

    async def all(self) -> tuple[Account, ...]:
        return await self._storage.read(lambda tx: tx.accounts.all())

    async def get(self, id_or_email: str) -> Account:
        """Return an account. Raises UserNotFound."""
        return await self._storage.read(lambda tx: _known(tx, id_or_email))

    async def remove(self, id_or_email: str) -> Account:
        """Remove an account and end its sessions. Raises UserNotFound."""

        async def work(tx: Transaction) -> Account:
            account = await _known(tx, id_or_email)
            await tx.accounts.remove(account.user.id)
            return account

        return await self._storage.transaction(work)

    async def issue(self, id_or_email: str, lifetime: timedelta) -> str:
        """
        Return a new token of a user.

        Raises:
            UserNotFound: nobody is called so.
            IsService: it would be the token of a backend service.
        """

        async def work(tx: Transaction) -> IssuedToken:
            account = await _known(tx, id_or_email)
            if account.is_server:
                raise IsService(account.user.id)
            return await self._given_out(tx, account, lifetime)

        return await self._tokens.signed(await self._storage.transaction(work))

    async def issue_for_service(self, name: str, lifetime: timedelta) -> str:
        """
        Return a new token of a backend service, which is known from now on.

        Raises:
            InvalidName: the name has blanks or other characters that get lost on the way.
            IsNoService: a user is called so.
        """
        if not _NAME.fullmatch(name):
            raise InvalidName(name)
        user_id = UserId(name)

        async def work(tx: Transaction) -> IssuedToken:
            account = await account_called(tx, name)
            if account is None:
                account = Account(
                    User(user_id, username=name), Profile(), self._clock.now(), is_server=True
                )
                await tx.accounts.add(account)
            if not account.is_server:
                raise IsNoService(name)
            return await self._given_out(tx, account, lifetime)

        return await self._tokens.signed(await self._storage.transaction(work))

    async def revoke(self, text: str) -> bool:
        """End a token; return whether this installation had given it out."""
        claims = await self._tokens.verified(text.strip())
        if claims is None:
            return False
        token_id = claims.token_id
        return await self._storage.transaction(lambda tx: tx.accounts.remove_token(token_id))

    async def revoke_all(self, id_or_email: str) -> int:
        """End all tokens of a user or service; return how many. Raises UserNotFound."""

        async def work(tx: Transaction) -> int:
            account = await _known(tx, id_or_email)
            tokens = await tx.accounts.tokens_of(account.user.id)
            for token in tokens:
                await tx.accounts.remove_token(token.id)
            return len(tokens)

        return await self._storage.transaction(work)

    async def _opened(self, account: Account) -> Account:
        async def work(tx: Transaction) -> Account:
            # An id opens the same doors as a user name, so nobody may be called like another's.
            if await account_called(tx, account.user.username or ""):
                raise EmailTaken(account.user.id)
            await tx.accounts.add(account)
            return account

        return await self._storage.transaction(work)

    async def _given_out(
        self, tx: Transaction, account: Account, lifetime: timedelta
    ) -> IssuedToken:
        now = self._clock.now()
        for old in await tx.accounts.tokens_of(account.user.id):
            if old.expires_time <= now:
                await tx.accounts.remove_token(old.id)
        token = new_token(account.user.id, is_server=account.is_server, now=now, lifetime=lifetime)
        await tx.accounts.add_token(token)
        return token


async def _known(tx: Transaction, id_or_email: str) -> Account:
    account = await account_called(tx, id_or_email)
    if account is None:
        raise UserNotFound(id_or_email)
    return account
