"""The service's own session token T1 (PEER-3, OPS-6)."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

import attrs
import httpx
import structlog

from adapters.tidepool.urls import url
from clinic_domain.users import UsersUnavailable

HEADER: Final = "x-tidepool-session-token"

_HOUR: Final = 3600.0
_LONGEST_PAUSE: Final = 60.0
_OK: Final = 200

_log = structlog.get_logger("clinic.tidepool")


@attrs.define
class ServerToken:
    """
    Fetched when it is first needed, and kept for as long as there is none better.

    A refused token is renewed at most once in *patience* seconds: where the refusal was not about
    this token, it would not help, and callers could make the service log in without end.
    """

    _client: httpx.AsyncClient
    _address: str
    _secret: str = attrs.field(repr=False)
    _name: str = "clinics"
    _patience: float = 10.0
    _timer: Callable[[], float] = time.monotonic
    _value: str | None = attrs.field(default=None, init=False, repr=False)
    _renewed: float = attrs.field(default=-math.inf, init=False)
    _turn: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def get(self) -> str:
        """Return the token. Raises UsersUnavailable where there is none and none can be had."""
        if self._value is not None:
            return self._value
        return await self.instead_of(None)

    async def instead_of(self, refused: str | None) -> str:
        """Return the token to use where a peer *refused* one: the same if there is no other."""
        async with self._turn:
            if self._value is not None and self._value != refused:
                return self._value
            if refused is not None:
                if self._timer() - self._renewed < self._patience:
                    return refused
                self._renewed = self._timer()
            return await self._log_in()

    async def refresh(self) -> bool:
        """Replace the token; return whether that went well. The old one stays where it did not."""
        async with self._turn:
            try:
                await self._log_in()
            except UsersUnavailable:
                return False
            return True

    async def keep_fresh(self, every: float = _HOUR) -> None:
        """Fetch a token now and a new one *every* so many seconds, until cancelled."""
        pause = 1.0
        while True:
            if await self.refresh():
                pause = 1.0
                await asyncio.sleep(every)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _log_in(self) -> str:
        headers = {"x-tidepool-server-name": self._name, "x-tidepool-server-secret": self._secret}
        try:
            answer = await self._client.post(url(self._address, "serverlogin"), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _log.warning("server login failed", reason=type(error).__name__)
            raise UsersUnavailable("serverlogin") from None
        token: str = answer.headers.get(HEADER, "").strip()
        if answer.status_code != _OK or not token:
            _log.warning("server login failed", status=answer.status_code)
            raise UsersUnavailable("serverlogin")
        self._value = token
        return token
