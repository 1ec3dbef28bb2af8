"""Session tokens: a signed text for the caller, a record of it for revocation."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from clinic_domain.storage import Storage
from clinic_domain.users import IssuedToken
from clinic_domain.values import UserId

_ALGORITHM: Final = "HS256"
_LONGEST: Final = 4096


@attrs.frozen
class Claims:
    """What a signed token says of itself."""

    token_id: str
    expires_time: datetime


@attrs.define
class LocalTokens:
    """Signs with the key of the installation, which is made when it is first needed."""

    _storage: Storage
    _key: OctKey | None = attrs.field(default=None, init=False, repr=False)

    async def signed(self, token: IssuedToken) -> str:
        """Return the text that stands for *token*."""
        claims = {
            "sub": token.user_id,
            "jti": token.id,
            "iat": int(token.issued_time.timestamp()),
            "exp": int(token.expires_time.timestamp()),
            "server": token.is_server,
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, await self._installations_key())

    async def verified(self, text: str) -> Claims | None:
        """Return what *text* says, or None where this installation did not sign it."""
        if len(text) > _LONGEST:
            return None
        key = await self._installations_key()
        try:
            claims = jwt.decode(text, key, algorithms=[_ALGORITHM]).claims
        # What a header holds is looked into before anybody knows of which kind it is.
        except (JoseError, ValueError, TypeError):
            return None
        match claims:
            case {"jti": str(token_id), "exp": int(expires)}:
                return Claims(token_id, datetime.fromtimestamp(expires, UTC))
            case _:
                return None

    async def _installations_key(self) -> OctKey:
        if self._key is None:
            candidate = secrets.token_urlsafe(32)
            kept = await self._storage.transaction(lambda tx: tx.accounts.signing_key(candidate))
            self._key = OctKey.import_key(kept)
        return self._key


def new_token(
    user_id: UserId, *, is_server: bool, now: datetime, lifetime: timedelta
) -> IssuedToken:
    """Return the record of a token; it ends at a whole second, as the text of a token does."""
    now = now.replace(microsecond=0)
    return IssuedToken(secrets.token_hex(16), user_id, is_server, now, now + lifetime)
