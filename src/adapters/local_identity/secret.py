"""Secrets of service accounts, of which only a hash is kept."""

import base64
import hashlib
import hmac
import secrets
from functools import cache
from typing import Final

_COST: Final = 2**14
_BLOCK: Final = 8
_LANES: Final = 1
_SALT: Final = 16


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return a hash that says how it was made."""
    salt = secrets.token_bytes(_SALT)
    digest = _digest(secret, salt, _COST, _BLOCK, _LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${_text(salt)}${_text(digest)}"


def matches(secret: str, kept: str) -> bool:
    """Return whether *kept* is a hash of *secret*; it takes some 50 ms on purpose."""
    _, cost, block, lanes, salt, digest = kept.split("$")
    computed = _digest(secret, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(computed, base64.b64decode(digest))


@cache
def nobodys() -> str:
    """Return what an unknown client is compared with, so that it takes as long as a known one."""
    return hashed(new_secret())


def _digest(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        secret.encode(errors="surrogatepass"), salt=salt, n=cost, r=block, p=lanes
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
