"""Service accounts, which sign in at the platform's OAuth2 server (PEER-11)."""

import base64
import binascii
from typing import Final
from urllib.parse import quote_plus

import attrs
import httpx
import msgspec
import structlog

from clinic_domain.users import CredentialsRefused, ServiceAccounts, UsersUnavailable
from clinic_domain.values import UserId

# Not there, asked in the wrong way, too busy: that says nothing about credentials.
_NO_REFUSALS: Final = (404, 405, 408, 429)

_log = structlog.get_logger("clinic.tidepool")


class TokenAnswer(msgspec.Struct):
    access_token: str
    id_token: str


class Claims(msgspec.Struct):
    sub: str


@attrs.frozen
class TidepoolServiceAccounts(ServiceAccounts):
    """Without an *endpoint* nobody can sign in."""

    _client: httpx.AsyncClient
    _endpoint: str | None

    async def user_id_of(self, client_id: str, client_secret: str) -> UserId:
        if not self._endpoint:
            raise _unavailable("no endpoint configured")
        grant = {"grant_type": "client_credentials", "scope": "openid"}
        answer = await self._ask(grant, {"Authorization": _basic(client_id, client_secret)})
        if _is_refusal(answer):
            in_form = {"client_id": client_id, "client_secret": client_secret}
            answer = await self._ask(grant | in_form, {})
        if _is_refusal(answer):
            raise CredentialsRefused
        if not answer.is_success:
            raise _unavailable(f"status {answer.status_code}")
        return _subject(answer.content)

    async def _ask(self, form: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        try:
            return await self._client.post(self._endpoint or "", data=form, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unavailable(type(error).__name__) from None


def _basic(client_id: str, client_secret: str) -> str:
    credentials = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def _is_refusal(answer: httpx.Response) -> bool:
    return answer.is_client_error and answer.status_code not in _NO_REFUSALS


def _subject(content: bytes) -> UserId:
    # The token came straight from the server that made it, so its signature proves nothing more.
    try:
        answer = msgspec.json.decode(content, type=TokenAnswer)
        _, payload, _ = answer.id_token.split(".")
        claims = msgspec.json.decode(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims
        )
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
        raise _unavailable("no token") from None
    if not answer.access_token or not claims.sub:
        raise _unavailable("no token")
    return UserId(claims.sub)


def _unavailable(reason: str) -> UsersUnavailable:
    _log.warning("peer is of no use", peer="token endpoint", reason=reason)
    return UsersUnavailable("token endpoint", reason)
