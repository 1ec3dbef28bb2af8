"""Session tokens, which the user service knows (PEER-2, AUTHN-3, AUTHN-5)."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from cachetools import TTLCache

from adapters.tidepool.peer import Peer
from adapters.tidepool.urls import is_segment
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.values import UserId

CAPACITY: Final = 10_000
LIFETIME: Final = 300.0

# What parts an address, also after a second decoding; no token that was ever issued has it.
_FOREIGN: Final = re.compile(r"[^\x21-\x7e]|[/\\?#%]")


@attrs.frozen
class TidepoolSessions(Sessions):
    """
    Asks for every token of a user, and keeps those of services for five minutes.

    A revoked token of a service works until then, also while the user service is down; one of a
    user ends at once.
    """

    _shoreline: Peer
    _capacity: int = CAPACITY
    _lifetime: float = LIFETIME
    _timer: Callable[[], float] = time.monotonic
    _servers: TTLCache[str, Principal] = attrs.field(init=False, repr=False)

    @_servers.default
    def _no_servers(self) -> TTLCache[str, Principal]:
        return TTLCache(self._capacity, self._lifetime, timer=self._timer)

    async def identify(self, token: str) -> Principal | None:
        token = token.strip()
        if _FOREIGN.search(token) or not is_segment(token):
            return None
        known = self._servers.get(token)
        if known is not None:
            return known
        principal = await self._asked(token)
        if principal is not None and principal.is_server:
            self._servers[token] = principal
        return principal

    async def _asked(self, token: str) -> Principal | None:
        answer = await self._shoreline.get("token", token)
        match answer.status_code:
            case 200:
                return _principal(self._shoreline.decoded(answer, dict[str, Any]))
            case _ if answer.is_client_error:
                return None
            case _:
                raise self._shoreline.unexpected(answer)


def _principal(answer: Mapping[str, Any]) -> Principal | None:
    """Return whom the answer names; one without the flag is about something other than a token."""
    members = {name.lower(): value for name, value in answer.items()}
    match members:
        case {"userid": str(subject), "isserver": bool(is_server)} if subject:
            provider = members.get("identityprovider")
            return Principal(
                UserId(subject),
                is_server=is_server,
                identity_provider=provider if isinstance(provider, str) and provider else None,
            )
    return None
