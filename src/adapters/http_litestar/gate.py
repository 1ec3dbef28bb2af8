"""
What happens to a request before Litestar sees it.

The order is that of the API: body size, authentication, route, authorization, path parameters
(HTTP-1). Paths are taken as they were sent, still percent-encoded (HTTP-3).
"""

import re
from collections.abc import Iterable, Mapping
from random import getrandbits
from time import perf_counter
from typing import Any, Final, cast
from urllib.parse import quote

import attrs
import msgspec
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from adapters.http_litestar.assets import Asset, Assets, send_asset
from adapters.http_litestar.errors import (
    UNEXPECTED,
    Reason,
    ReasonedRefusal,
    Refusal,
    answer_to,
    body_of,
    invalid,
    log_unexpected,
)
from adapters.http_litestar.errors import (
    Message as ErrorMessage,
)
from adapters.http_litestar.observation import Metrics, log_access
from adapters.http_litestar.operations import Operation
from adapters.http_litestar.routing import Path, Routes
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.access.service import AccessService
from clinic_domain.errors import NotPermitted
from clinic_domain.invites.errors import NotInvolved

TOKEN: Final = b"x-tidepool-session-token"
REQUEST_ID: Final = b"x-request-id"
_SANE_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_UNMATCHED: Final = "-"
_ASSET: Final = "ViewerAsset"
_GONE: Final = 499
"""What is noted for a client that left before the answer."""
_EMPTY: Final[tuple[bytes, bytes]] = (b"content-length", b"0")
_JSON: Final[tuple[bytes, bytes]] = (b"content-type", b"application/json")
# Files of the report viewer lie below this path (EXEMPT-8).
_VIEWER: Final = "/v1/xealth/report/"
_encode: Final = msgspec.json.Encoder().encode


class _Exchange:
    """One request and its answer."""

    __slots__ = (
        "_max_body_size",
        "_receive",
        "_send",
        "_size",
        "operation",
        "request_id",
        "status",
    )

    def __init__(self, receive: Receive, send: Send, request_id: bytes, max_body_size: int) -> None:
        self._receive = receive
        self._send = send
        self._size = 0
        self._max_body_size = max_body_size
        self.request_id = request_id
        self.operation = _UNMATCHED
        self.status = 0

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """Return the next piece of the body, which is all that anybody asks for."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise invalid("request body has an error: it was not sent to its end")
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._max_body_size:
                raise _too_large(self._max_body_size)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (REQUEST_ID, self.request_id)]
        await self._send(message)


@attrs.frozen(eq=False)
class Gate:
    """Lets through to *app* whoever may call an operation that exists, and answers the others."""

    _app: ASGIApp
    _routes: Routes
    _access: AccessService
    _sessions: Sessions
    _metrics: Metrics
    _max_body_size: int
    _larger: Mapping[str, int] = attrs.field(factory=dict)
    """Other limits, by path."""
    _assets: Assets | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind: str = scope["type"]
        if kind == "http":
            await self._serve(cast("HTTPScope", scope), receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": None})
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        token, request_id, length = _read(scope["headers"])
        limit = self._larger.get(scope["path"], self._max_body_size)
        exchange = _Exchange(receive, send, request_id, limit)
        state: dict[str, Any] = scope  # type: ignore[assignment]  # ASGI lets everybody add keys
        state["request_id"] = request_id.decode()
        is_head = scope["method"] == "HEAD"
        try:
            _refuse_longer(length, limit)
            asset = self._asset(_raw_path(state))
            if asset is not None:
                exchange.operation = _ASSET
                await send_asset(asset, scope, exchange.receive, exchange.send)
                return
            await self._admit(state, exchange, token)
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            status, message, headers = answer_to(error)
            if message == UNEXPECTED:
                log_unexpected(error, state["request_id"], exchange.operation)
            if exchange.status:
                # Half of an answer is out: only the server can show that it is no whole one.
                raise
            content = body_of(error, status, message, exchange.operation)
            await _send(exchange, status, content, headers, is_head=is_head)
        finally:
            seconds = perf_counter() - started
            status = exchange.status or _GONE
            self._metrics.observe(exchange.operation, status, seconds)
            log_access(exchange.operation, status, seconds, state["request_id"])

    def _asset(self, raw_path: str) -> Asset | None:
        if self._assets is None or not raw_path.startswith(_VIEWER):
            return None
        return self._assets.find(raw_path.removeprefix(_VIEWER))

    async def _admit(self, scope: dict[str, Any], exchange: _Exchange, token: str) -> None:
        raw_path = _raw_path(scope)
        found = self._routes.find(raw_path)
        if found is None:
            if raw_path.startswith(_VIEWER):
                raise Refusal(404, "Not Found")
            await self._identify(token)
            raise Refusal(404, "no matching operation was found")
        path, values = found
        operation = path.operations.get(scope["method"])
        if path.is_exempt:
            if operation is None:
                raise _wrong_method_of_exempt(path, scope["method"])
            exchange.operation = operation.id
        else:
            parameters = dict(zip(path.parameters, values, strict=True))
            if operation is not None and operation.is_confirmation:
                exchange.operation = operation.id
                scope["user"] = await self._admitted_to_invites(operation, token, parameters)
            else:
                principal = await self._identify(token)
                if operation is None:
                    raise Refusal(404, "method not allowed")
                exchange.operation = operation.id
                await self._access.check(operation.rule, principal, parameters)
                scope["user"] = principal
            _check_path(operation, values)
        scope["operation"] = operation.id
        # Litestar matches the encoded path, too: an encoded slash never splits a segment.
        scope["path"] = raw_path

    async def _admitted_to_invites(
        self, operation: Operation, token: str, parameters: Mapping[str, str]
    ) -> Principal:
        """Return who calls, or refuse as callers of these operations expect (section B4)."""
        if not token:
            raise ReasonedRefusal(401, "No x-tidepool-session-token was found")
        principal = await self._sessions.identify(token)
        if principal is None:
            raise ReasonedRefusal(403, "The x-tidepool-session-token was invalid")
        try:
            await self._access.check(operation.rule, principal, parameters)
        except NotPermitted:
            raise NotInvolved(principal.subject) from None
        return principal

    async def _identify(self, token: str) -> Principal:
        if not token:
            raise invalid("session token is missing")
        principal = await self._sessions.identify(token)
        if principal is None:
            raise Refusal(401, "session token is invalid")
        return principal


def _read(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes, int]:
    """Return token, request id and announced length of the body."""
    token, request_id, length = None, b"", 0
    for name, value in headers:
        if name == TOKEN:
            token = value.decode("latin-1").strip() if token is None else token
        elif name == REQUEST_ID and _SANE_REQUEST_ID.fullmatch(value):
            request_id = value
        elif name == b"content-length" and value.isdigit():
            length = int(value[:20])
    # Not a secret: asking the system for randomness costs as much as all of this function.
    return token or "", request_id or b"%032x" % getrandbits(128), length


def _raw_path(scope: dict[str, Any]) -> str:
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        return quote(scope["path"])
    return raw.partition(b"?")[0].decode("latin-1")


def _check_path(operation: Operation, values: list[str]) -> None:
    for (name, check), value in zip(operation.checks, values, strict=True):
        wrong = check(value)
        if wrong:
            raise invalid(f'parameter "{name}" in path has an error: {wrong}')


def _refuse_longer(length: int, limit: int) -> None:
    if length > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"request body is larger than {limit} bytes")


def _wrong_method_of_exempt(path: Path, method: str) -> Refusal:
    if path.template.startswith(_VIEWER):
        return Refusal(404, "Not Found")
    allow = {"Allow": path.allow}
    if method == "OPTIONS":
        return Refusal(204, headers=allow)
    return Refusal(405, "Method Not Allowed", allow)


async def _send(
    exchange: _Exchange,
    status: int,
    content: ErrorMessage | Reason | None,
    headers: Mapping[str, str],
    *,
    is_head: bool,
) -> None:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    body = b""
    if content is not None and not is_head:
        body = _encode(content) + b"\n"
        sent += [_JSON, (b"content-length", str(len(body)).encode())]
    elif status != 204:  # noqa: PLR2004 - an answer of its own kind, without a length
        sent.append(_EMPTY)
    await exchange.send({"type": "http.response.start", "status": status, "headers": sent})
    await exchange.send({"type": "http.response.body", "body": body, "more_body": False})
