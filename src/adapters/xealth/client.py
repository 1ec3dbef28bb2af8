"""What Xealth is asked: orders, with a token of its own (8.8.11)."""

import asyncio
import base64
import logging
import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, quote_plus

import attrs
import httpx
import msgspec
import stamina
import structlog

from adapters.xealth.requests import UnreadableRequest, read_order
from clinic_domain.ehr.errors import XealthUnavailable
from clinic_domain.ehr.model import PlacedOrder
from clinic_domain.ehr.ports import XealthOrders

ATTEMPTS: Final = 3
TIMEOUT: Final = 10.0
"""Seconds to connect, and to wait for each piece of an answer."""

_MARGIN: Final = 30.0
"""Seconds in which a token is too old already."""
_REFUSED: Final = 401
_NOT_FOUND: Final = 404
_ERRS: Final = 500
_OVERLOADED: Final = (408, 429)

_log = structlog.get_logger("clinic.xealth")


class Unanswered(Exception):
    """Xealth could not be reached or says that it failed; worth another try."""


class TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


def new_client(*, timeout: float = TIMEOUT) -> httpx.AsyncClient:
    """Return a client that verifies certificates; who makes it closes it."""
    # Both write the address of every call.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(timeout=timeout)


@attrs.frozen(kw_only=True)
class Credentials:
    """Who we are at Xealth, and where that is."""

    client_id: str | None
    client_secret: str | None = attrs.field(repr=False)
    token_url: str
    base_url: str

    @property
    def are_complete(self) -> bool:
        return bool(self.client_id and self.client_secret)

    @property
    def basic(self) -> str:
        pair = f"{quote_plus(self.client_id or '')}:{quote_plus(self.client_secret or '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


@attrs.define
class XealthClient(XealthOrders):
    """
    Reads and places orders.

    Reading is tried *attempts* times within *patience* seconds, placing once. The token is kept
    until shortly before it expires, and whoever needs a new one waits for whoever fetches it.
    """

    _client: httpx.AsyncClient
    _credentials: Credentials
    _attempts: int = ATTEMPTS
    _patience: float = 15.0
    _timer: Callable[[], float] = time.monotonic
    _token: str | None = attrs.field(default=None, init=False, repr=False)
    _expires: float = attrs.field(default=0.0, init=False)
    _turn: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def find(self, deployment: str, order_id: str) -> PlacedOrder | None:
        if not (_is_segment(deployment) and _is_segment(order_id)):
            return None
        answer = await self._patiently("read", deployment, order_id)
        if answer.status_code == _NOT_FOUND:
            return None
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        if not answer.is_success or not is_json:
            raise _unavailable(f"status {answer.status_code}, JSON: {is_json}")
        try:
            return read_order(answer.content)
        except UnreadableRequest:
            raise _unavailable("an order of another form") from None

    async def enroll(
        self, deployment: str, program_id: str, mrn: str, *, mrn_type: str, origin: str
    ) -> str | None:
        """
        Order the enrolment of a patient; return what speaks against it, if anything does (CLI-2).

        Raises:
            XealthUnavailable: it could not be asked.
        """
        if not _is_segment(deployment):
            return "the deployment cannot be part of an address"
        order = {
            "orderType": "enrollment",
            "partnerId": "tidepool",
            "patientId": {"id": mrn, "origin": origin, "type": mrn_type},
            "programId": program_id,
            "programTitle": "Tidepool",
        }
        try:
            answer = await self._ask("POST", "write", [deployment], msgspec.json.encode(order))
        except Unanswered as error:
            raise _unavailable(*error.args) from None
        return None if answer.status_code == httpx.codes.OK else answer.text

    async def _patiently(self, what: str, *segments: str) -> httpx.Response:
        try:
            async for attempt in stamina.retry_context(
                on=Unanswered,
                attempts=self._attempts,
                timeout=self._patience,
                wait_initial=0.1,
                wait_max=2.0,
                wait_jitter=0.1,
            ):
                with attempt:
                    return _answered(await self._ask("GET", what, list(segments), None))
        except Unanswered as error:
            raise _unavailable(*error.args) from None
        raise AssertionError("a retry either returns or raises")

    async def _ask(
        self, method: str, what: str, segments: list[str], body: bytes | None
    ) -> httpx.Response:
        base = self._credentials.base_url.rstrip("/")
        path = "/".join(quote(segment, safe="") for segment in segments)
        url = f"{base}/partner/{what}/order/{path}"
        token = await self._fresh_token()
        answer = await self._call(method, url, token, body)
        if answer.status_code == _REFUSED:
            answer = await self._call(method, url, await self._fresh_token(instead_of=token), body)
        return answer

    async def _call(self, method: str, url: str, token: str, body: bytes | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self._sent(method, url, content=body, headers=headers)

    async def _fresh_token(self, *, instead_of: str | None = None) -> str:
        async with self._turn:
            is_fresh = self._timer() < self._expires - _MARGIN
            if self._token is None or not is_fresh or self._token == instead_of:
                await self._fetch_token()
            return self._token or ""

    async def _fetch_token(self) -> None:
        if not self._credentials.are_complete:
            raise _unavailable("not configured")
        answer = await self._sent(
            "POST",
            self._credentials.token_url,
            data={"grant_type": "client_credentials"},
            headers={"Authorization": self._credentials.basic},
        )
        if answer.status_code >= _ERRS:
            raise Unanswered(f"token: status {answer.status_code}")
        try:
            found = msgspec.json.decode(answer.content, type=TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _unavailable(f"token: status {answer.status_code}") from None
        if not answer.is_success or not _is_sendable(found.access_token):
            raise _unavailable(f"token: status {answer.status_code}")
        self._token = found.access_token
        self._expires = self._timer() + (found.expires_in or 0.0)

    async def _sent(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            return await self._client.request(method, url, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(type(error).__name__) from None


def _is_segment(text: str) -> bool:
    """Return whether *text*, percent-encoded, leads to no other address."""
    # Dots lead elsewhere, for many a reader also between encoded slashes.
    dots = (part.strip() in (".", "..") for part in re.split(r"[/\\]", text))
    return text.strip() != "" and not any(dots)


def _is_sendable(token: str) -> bool:
    """Return whether *token* can stand in a header."""
    return token != "" and token.isascii() and token.isprintable()


def _answered(answer: httpx.Response) -> httpx.Response:
    if answer.status_code >= _ERRS or answer.status_code in _OVERLOADED:
        raise Unanswered(f"status {answer.status_code}")
    return answer


def _unavailable(reason: str) -> XealthUnavailable:
    _log.warning("Xealth is of no use", reason=reason)
    return XealthUnavailable(reason)
