"""Answers as the API has always sent them."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode
_JSON: Final[tuple[bytes, bytes]] = (b"content-type", b"application/json")


class _Sent:
    """An answer whose bytes are known."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._status = status
        self._body = body
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        if body:
            self._headers.append(_JSON)
        if status != 204:  # noqa: PLR2004 - it has no body, not even an empty one
            self._headers.append((b"content-length", str(len(body)).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._headers}
        )
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


class JsonResponse(Response[T]):
    """JSON with a newline at its end, or nothing, not even a content type (JSON-1, EMPTY-1)."""

    def to_asgi_response(  # type: ignore[override]  # of what Litestar passes the rest is never set
        self,
        request: Request[Any, Any, Any],
        *,
        headers: Mapping[str, str] | None = None,
        status_code: int | None = None,
        **_unset: Any,
    ) -> ASGIApp:
        status = self.status_code or status_code or 200
        body = b"" if self.content is None else _encode(self.content) + b"\n"
        return _Sent(status, body, {**(headers or {}), **self.headers})
