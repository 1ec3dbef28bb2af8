"""Restricted tokens, which the auth service gives out (PEER-8, PEER-9)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import attrs
import httpx
import msgspec

from adapters.tidepool.peer import Peer
from adapters.tidepool.urls import is_segment
from clinic_domain.ehr.errors import TokensUnavailable
from clinic_domain.ehr.model import RestrictedToken
from clinic_domain.ehr.ports import RestrictedTokens
from clinic_domain.users import UsersUnavailable
from clinic_domain.values import UserId


class TokenAnswer(msgspec.Struct, rename="camel"):
    id: str
    user_id: str
    expiration_time: Annotated[datetime, msgspec.Meta(tz=True)]


@attrs.frozen
class TidepoolRestrictedTokens(RestrictedTokens):
    """Without a service nobody has one."""

    _auth: Peer | None

    async def create(self, user_id: UserId) -> RestrictedToken:
        with _told():
            auth = self._peer()
            answer = await auth.send("POST", "v1", "users", user_id, "restricted_tokens", body={})
            return _token(auth, answer)

    async def find(self, token_id: str) -> RestrictedToken | None:
        if not is_segment(token_id):
            return None
        with _told():
            auth = self._peer()
            answer = await auth.get("v1", "restricted_tokens", token_id)
            return None if answer.status_code == httpx.codes.NOT_FOUND else _token(auth, answer)

    def _peer(self) -> Peer:
        if self._auth is None:
            raise TokensUnavailable("not configured")
        return self._auth


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UsersUnavailable as error:
        raise TokensUnavailable(*error.args) from None


def _token(auth: Peer, answer: httpx.Response) -> RestrictedToken:
    if not answer.is_success:
        raise auth.unexpected(answer)
    found = auth.decoded(answer, TokenAnswer)
    if not found.id or not found.user_id:
        raise auth.unavailable("token without an id or a user")
    return RestrictedToken(found.id, UserId(found.user_id), found.expiration_time)
