"""Accounts and tokens in memory."""

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells, without
from clinic_domain.text import folded
from clinic_domain.users import Account, AccountRepository, EmailTaken, IssuedToken
from clinic_domain.values import UserId


@attrs.frozen
class MemoryAccountRepository(AccountRepository):
    """All accounts share a cell, and so do all tokens."""

    _cells: Cells

    async def find(self, user_id: UserId) -> Account | None:
        return self._cells.read(layout.ACCOUNTS).get(user_id)

    async def find_by_email(self, email: str) -> Account | None:
        accounts = self._cells.read(layout.ACCOUNTS).values()
        return next((account for account in accounts if _is_called(account, email)), None)

    async def all(self) -> tuple[Account, ...]:
        accounts = self._cells.read(layout.ACCOUNTS).values()
        return tuple(sorted(accounts, key=lambda account: account.created_time))

    async def add(self, account: Account) -> None:
        self._put(account)

    async def save(self, account: Account) -> None:
        self._put(account)

    def _put(self, account: Account) -> None:
        accounts = self._cells.read(layout.ACCOUNTS)
        username = account.user.username
        others = (other for other in accounts.values() if other.user.id != account.user.id)
        if username is not None and any(_is_called(other, username) for other in others):
            raise EmailTaken(account.user.id)
        self._cells.write(layout.ACCOUNTS, {**accounts, account.user.id: account})

    async def remove(self, user_id: UserId) -> None:
        accounts = self._cells.read(layout.ACCOUNTS)
        self._cells.write(layout.ACCOUNTS, without(accounts, user_id))
        tokens = self._cells.read(layout.TOKENS)
        self._cells.write(
            layout.TOKENS, {id_: token for id_, token in tokens.items() if token.user_id != user_id}
        )

    async def find_token(self, token_id: str) -> IssuedToken | None:
        return self._cells.read(layout.TOKENS).get(token_id)

    async def tokens_of(self, user_id: UserId) -> tuple[IssuedToken, ...]:
        tokens = self._cells.read(layout.TOKENS).values()
        own = (token for token in tokens if token.user_id == user_id)
        return tuple(sorted(own, key=lambda token: token.issued_time))

    async def add_token(self, token: IssuedToken) -> None:
        tokens = self._cells.read(layout.TOKENS)
        self._cells.write(layout.TOKENS, {**tokens, token.id: token})

    async def remove_token(self, token_id: str) -> bool:
        tokens = self._cells.read(layout.TOKENS)
        if token_id not in tokens:
            return False
        self._cells.write(layout.TOKENS, without(tokens, token_id))
        return True

    async def signing_key(self, candidate: str) -> str:
        key = self._cells.read(layout.SIGNING_KEY)
        if key is None:
            key = candidate
            self._cells.write(layout.SIGNING_KEY, key)
        return key


def _is_called(account: Account, name: str) -> bool:
    username = account.user.username
    return username is not None and folded(username) == folded(name)
