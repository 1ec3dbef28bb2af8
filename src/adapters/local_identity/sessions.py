"""Whom a token of this installation stands for."""

from datetime import datetime, timedelta
from typing import Final

import attrs
from cachetools import LRUCache

from adapters.local_identity.tokens import Claims, LocalTokens
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage

CAPACITY: Final = 10_000
TRUST: Final = timedelta(seconds=1)
"""How long a token counts as not revoked after its record was seen."""


@attrs.frozen
class _Seen:
    """A token whose signature is right, and what its record said when it was last read."""

    claims: Claims
    principal: Principal | None = None
    time: datetime | None = None


@attrs.frozen
class LocalSessions(Sessions):
    """
    A signature is checked once, its record once a second, which is one read by key.

    So a token that was revoked ends within a second, in every worker; one that expires, at once.
    """

    _storage: Storage
    _tokens: LocalTokens
    _clock: Clock
    _seen: LRUCache[str, _Seen] = attrs.field(factory=lambda: LRUCache(CAPACITY), init=False)

    async def identify(self, token: str) -> Principal | None:
        token, now = token.strip(), self._clock.now()
        seen = self._seen.get(token)
        if seen is None:
            claims = await self._tokens.verified(token)
            if claims is None:
                return None
            seen = _Seen(claims)
        if seen.claims.expires_time <= now:
            return None
        if seen.time is None or not timedelta() <= now - seen.time < TRUST:
            seen = _Seen(seen.claims, await self._recorded(seen.claims), now)
            self._seen[token] = seen
        return seen.principal

    async def _recorded(self, claims: Claims) -> Principal | None:
        issued = await self._storage.read(lambda tx: tx.accounts.find_token(claims.token_id))
        return None if issued is None else Principal(issued.user_id, is_server=issued.is_server)
