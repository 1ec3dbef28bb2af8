"""Accounts and tokens of a stand-alone installation in MongoDB."""

from typing import Any, Final

import attrs
from bson import ObjectId
from pymongo import ASCENDING

from adapters.mongo.account_documents import (
    account_document,
    account_of,
    name_key,
    token_document,
    token_of,
)
from adapters.mongo.cursors import listed
from adapters.mongo.documents import Document
from adapters.mongo.indexes import ACCOUNTS, SETTINGS, TOKENS
from adapters.mongo.scope import Scope, refusals
from clinic_domain.users import Account, AccountRepository, EmailTaken, IssuedToken
from clinic_domain.values import EVERYTHING, UserId

SIGNING_KEY: Final = "signingKey"


@attrs.frozen
class MongoAccountRepository(AccountRepository):
    """Collections of their own, which no other program knows."""

    _scope: Scope

    async def find(self, user_id: UserId) -> Account | None:
        return await self._scope.one(ACCOUNTS, {"userId": user_id}, account_of)

    async def find_by_email(self, email: str) -> Account | None:
        return await self._scope.one(ACCOUNTS, {"nameKey": name_key(email)}, account_of)

    async def all(self) -> tuple[Account, ...]:
        cursor = self._scope.find(ACCOUNTS, {}).sort([("createdTime", ASCENDING), ("_id", 1)])
        return await listed(cursor, EVERYTHING, account_of)

    async def add(self, account: Account) -> None:
        await self._put(account)

    async def save(self, account: Account) -> None:
        await self._put(account)

    async def _put(self, account: Account) -> None:
        document = account_document(account)
        change: Document = {"$set": document, "$setOnInsert": {"_id": ObjectId()}}
        if "nameKey" not in document:
            change["$unset"] = {"nameKey": ""}
        with refusals({"UniqueName": EmailTaken(account.user.id)}):
            await self._scope.put(ACCOUNTS, {"userId": account.user.id}, change)

    async def remove(self, user_id: UserId) -> None:
        for collection in (ACCOUNTS, TOKENS):
            await self._scope.delete(collection, {"userId": user_id})

    async def find_token(self, token_id: str) -> IssuedToken | None:
        return await self._scope.one(TOKENS, {"tokenId": token_id}, token_of)

    async def tokens_of(self, user_id: UserId) -> tuple[IssuedToken, ...]:
        order: list[tuple[str, Any]] = [("issuedTime", ASCENDING), ("_id", ASCENDING)]
        cursor = self._scope.find(TOKENS, {"userId": user_id}).sort(order)
        return await listed(cursor, EVERYTHING, token_of)

    async def add_token(self, token: IssuedToken) -> None:
        await self._scope.insert(TOKENS, token_document(token))

    async def remove_token(self, token_id: str) -> bool:
        return await self._scope.delete(TOKENS, {"tokenId": token_id}) > 0

    async def signing_key(self, candidate: str) -> str:
        change = {"$setOnInsert": {"value": candidate}}
        document = await self._scope.put(SETTINGS, {"_id": SIGNING_KEY}, change)
        return str(document["value"]) if document else candidate
