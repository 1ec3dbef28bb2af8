"""Accounts and tokens in SQL."""

from typing import Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.changes import following, insert_into
from adapters.sql.documents import moment_of, number_of, reader_of, text_of, value_of, writer_of
from adapters.sql.statements import Row, Session, Statement, UniqueViolation
from adapters.sql.tables import accounts, installation, issued_tokens
from clinic_domain.text import folded
from clinic_domain.users import (
    Account,
    AccountRepository,
    EmailTaken,
    IssuedToken,
    Profile,
    User,
)
from clinic_domain.values import UserId

_read_profile = reader_of(Profile)
_write_profile = writer_of(Profile)

_ACCOUNT_FIELDS: Final = [
    accounts.c.user_id,
    accounts.c.username,
    accounts.c.emails,
    accounts.c.roles,
    accounts.c.profile,
    accounts.c.created_time,
    accounts.c.is_server,
    accounts.c.client_secret_hash,
    accounts.c.custodian,
]


def account_of(row: Row) -> Account:
    user_id, username, emails, roles, profile, created_time, is_server, secret_hash, custodian = row
    return Account(
        User(user_id, username, tuple(value_of(emails)), tuple(value_of(roles))),
        _read_profile(profile) or Profile(),
        moment_of(created_time),
        bool(is_server),
        secret_hash,
        custodian,
    )


def account_row(account: Account) -> dict[str, Any]:
    user = account.user
    return {
        "user_id": user.id,
        "username": user.username,
        "username_key": None if user.username is None else folded(user.username),
        "emails": text_of(user.emails),
        "roles": text_of(user.roles),
        "profile": _write_profile(account.profile),
        "created_time": number_of(account.created_time),
        "is_server": account.is_server,
        "client_secret_hash": account.client_secret_hash,
        "custodian": account.custodian,
    }


_TOKEN_FIELDS: Final = [column for column in issued_tokens.columns if column.name != "number"]


def token_of(row: Row) -> IssuedToken:
    id_, user_id, is_server, issued_time, expires_time = row
    return IssuedToken(
        id_, user_id, bool(is_server), moment_of(issued_time), moment_of(expires_time)
    )


def token_row(token: IssuedToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "user_id": token.user_id,
        "is_server": token.is_server,
        "issued_time": number_of(token.issued_time),
        "expires_time": number_of(token.expires_time),
    }


def _one(condition: sa.ColumnElement[bool]) -> Statement:
    account = sa.select(*_ACCOUNT_FIELDS).where(condition)
    return Statement(account, to_change=Statement(account.with_for_update()))


_of_user: Final = accounts.c.user_id == sa.bindparam("which_user")
_FIND: Final = _one(_of_user)
_FIND_BY_NAME: Final = _one(accounts.c.username_key == sa.bindparam("which_name"))
_ALL: Final = Statement(
    sa.select(*_ACCOUNT_FIELDS).order_by(accounts.c.created_time, accounts.c.number)
)
INSERT: Final = insert_into(accounts, but=["number"])
FOLLOWING: Final = following(sa.select(*_ACCOUNT_FIELDS), accounts.c.number)
_UPDATE: Final = Statement(
    sa.update(accounts)
    .where(_of_user)
    .values(
        {
            column.name: sa.bindparam(column.name)
            for column in accounts.columns
            if column.name not in ("number", "user_id")
        }
    )
)
_DELETE: Final = Statement(sa.delete(accounts).where(_of_user))

_tokens_of_user: Final = issued_tokens.c.user_id == sa.bindparam("which_user")
_FIND_TOKEN: Final = Statement(
    sa.select(*_TOKEN_FIELDS).where(issued_tokens.c.id == sa.bindparam("which_id"))
)
_TOKENS_OF: Final = Statement(
    sa.select(*_TOKEN_FIELDS)
    .where(_tokens_of_user)
    .order_by(issued_tokens.c.issued_time, issued_tokens.c.number)
)
INSERT_TOKEN: Final = insert_into(issued_tokens, but=["number"])
FOLLOWING_TOKENS: Final = following(sa.select(*_TOKEN_FIELDS), issued_tokens.c.number)
_DELETE_TOKEN: Final = Statement(
    sa.delete(issued_tokens).where(issued_tokens.c.id == sa.bindparam("which_id"))
)
_DELETE_TOKENS: Final = Statement(sa.delete(issued_tokens).where(_tokens_of_user))

_KEY: Final = Statement(sa.select(installation.c.signing_key))
FOLLOWING_KEYS: Final = following(sa.select(installation.c.signing_key), installation.c.id)
# Whoever comes second waits for the first, and takes the key that is there.
_NEW_KEY: Final[dict[str, Any]] = {
    "id": sa.literal_column("1"),
    "signing_key": sa.bindparam("key"),
}
_INSERT_KEY: Final = Statement(
    sqlite.insert(installation).values(_NEW_KEY).inline().on_conflict_do_nothing(),
    postgresql=postgresql.insert(installation).values(_NEW_KEY).inline().on_conflict_do_nothing(),
)


@attrs.frozen
class SqlAccountRepository(AccountRepository):
    """A row per account and per token that is valid."""

    _session: Session

    async def find(self, user_id: UserId) -> Account | None:
        row = await self._session.first(_FIND, {"which_user": user_id})
        return None if row is None else account_of(row)

    async def find_by_email(self, email: str) -> Account | None:
        row = await self._session.first(_FIND_BY_NAME, {"which_name": folded(email)})
        return None if row is None else account_of(row)

    async def all(self) -> tuple[Account, ...]:
        return tuple(map(account_of, await self._session.all(_ALL, {})))

    async def add(self, account: Account) -> None:
        try:
            await self._session.run(INSERT, account_row(account))
        except UniqueViolation:
            raise EmailTaken(account.user.id) from None

    async def save(self, account: Account) -> None:
        row = account_row(account)
        try:
            await self._session.run(_UPDATE, {**row, "which_user": account.user.id})
        except UniqueViolation:
            raise EmailTaken(account.user.id) from None

    async def remove(self, user_id: UserId) -> None:
        await self._session.run(_DELETE_TOKENS, {"which_user": user_id})
        await self._session.run(_DELETE, {"which_user": user_id})

    async def find_token(self, token_id: str) -> IssuedToken | None:
        row = await self._session.first(_FIND_TOKEN, {"which_id": token_id})
        return None if row is None else token_of(row)

    async def tokens_of(self, user_id: UserId) -> tuple[IssuedToken, ...]:
        rows = await self._session.all(_TOKENS_OF, {"which_user": user_id})
        return tuple(map(token_of, rows))

    async def add_token(self, token: IssuedToken) -> None:
        await self._session.run(INSERT_TOKEN, token_row(token))

    async def remove_token(self, token_id: str) -> bool:
        return await self._session.run(_DELETE_TOKEN, {"which_id": token_id}) > 0

    async def signing_key(self, candidate: str) -> str:
        row = await self._session.first(_KEY, {})
        if row is None:
            await self._session.run(_INSERT_KEY, {"key": candidate})
            row = await self._session.first(_KEY, {})
        return str(row[0]) if row else candidate
