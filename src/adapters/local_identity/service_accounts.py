"""Programs that sign in with a client id and a secret."""

import asyncio

import attrs

from adapters.local_identity import secret
from clinic_domain.storage import Storage
from clinic_domain.users import CredentialsRefused, ServiceAccounts
from clinic_domain.values import UserId


@attrs.frozen
class LocalServiceAccounts(ServiceAccounts):
    """The client id is the user name of an account that has a secret."""

    _storage: Storage

    async def user_id_of(self, client_id: str, client_secret: str) -> UserId:
        account = await self._storage.read(lambda tx: tx.accounts.find_by_email(client_id))
        kept = account.client_secret_hash if account else None
        is_right = await asyncio.to_thread(secret.matches, client_secret, kept or secret.nobodys())
        if account is None or kept is None or not is_right:
            raise CredentialsRefused
        return account.user.id
