"""A service of the platform that is asked with the server token (PEER-1)."""

from typing import Any, Final, TypeVar

import attrs
import httpx
import msgspec
import stamina
import structlog

from adapters.tidepool.server_token import HEADER, ServerToken
from adapters.tidepool.urls import url
from clinic_domain.users import UsersUnavailable

T = TypeVar("T")

ATTEMPTS: Final = 3

_REFUSED: Final = (401, 403)
_OVERLOADED: Final = (408, 429)
_ERRS: Final = 500

_log = structlog.get_logger("clinic.tidepool")


class Unanswered(Exception):
    """A peer could not be reached or says that it failed; its arguments name no person."""


@attrs.frozen
class Peer:
    """
    Asks, and returns the answer where it is one: who calls judges statuses below 500.

    What only reads is tried *attempts* times within *patience* seconds, everything else once.
    """

    _name: str
    _client: httpx.AsyncClient
    _address: str
    _token: ServerToken
    _attempts: int = ATTEMPTS
    _patience: float = 10.0

    async def get(self, *segments: str) -> httpx.Response:
        """Return the answer of a resource. Raises UsersUnavailable."""
        try:
            async for attempt in stamina.retry_context(
                on=Unanswered,
                attempts=self._attempts,
                timeout=self._patience,
                wait_initial=0.1,
                wait_max=1.0,
                wait_jitter=0.1,
            ):
                with attempt:
                    return await self._ask("GET", segments, None)
        except Unanswered as error:
            raise self.unavailable(*error.args) from None
        raise AssertionError("a retry either returns or raises")

    async def send(self, method: str, *segments: str, body: Any) -> httpx.Response:
        """Return the answer to a body. Raises UsersUnavailable."""
        try:
            return await self._ask(method, segments, msgspec.json.encode(body))
        except Unanswered as error:
            raise self.unavailable(*error.args) from None

    def unavailable(self, reason: str) -> UsersUnavailable:
        """Return the error for an answer of no use, and log it."""
        _log.warning("peer is of no use", peer=self._name, reason=reason)
        return UsersUnavailable(self._name, reason)

    def unexpected(self, answer: httpx.Response) -> UsersUnavailable:
        """Return the error for a status that has no meaning here, and log it."""
        return self.unavailable(f"status {answer.status_code}")

    def decoded(self, answer: httpx.Response, kind: type[T]) -> T:
        """Return the body of an answer. Raises UsersUnavailable where it is something else."""
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Not the decoder's text, which quotes what it has read.
            raise self.unavailable(f"no {kind.__name__}") from None

    async def _ask(
        self, method: str, segments: tuple[str, ...], body: bytes | None
    ) -> httpx.Response:
        token = await self._token.get()
        answer = await self._call(method, segments, body, token)
        if answer.status_code not in _REFUSED:
            return answer
        renewed = await self._token.instead_of(token)
        if renewed == token:
            return answer
        return await self._call(method, segments, body, renewed)

    async def _call(
        self, method: str, segments: tuple[str, ...], body: bytes | None, token: str
    ) -> httpx.Response:
        try:
            answer = await self._client.request(
                method, url(self._address, *segments), content=body, headers={HEADER: token}
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(type(error).__name__) from None
        if answer.status_code >= _ERRS or answer.status_code in _OVERLOADED:
            raise Unanswered(f"status {answer.status_code}")
        return answer
