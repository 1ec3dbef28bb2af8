"""Answers as the API has always sent them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec
from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")
P = TypeVar("P")

_JSON_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = "application/json"


class _Sent:
    """An answer whose bytes are known."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(
        self, status: int, body: bytes, headers: Mapping[str, str], media_type: str = _JSON
    ) -> None:
        self._status = status
        self._body = body
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        if body:
            self._headers.append((b"content-type", media_type.encode()))
        if status != 204:  # noqa: PLR2004 - it has no body, not even an empty one
            self._headers.append((b"content-length", str(len(body)).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._headers}
        )
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


class _Streamed:
    """An answer of which only the beginning is known."""

    __slots__ = ("_parts", "_status")

    def __init__(self, status: int, parts: AsyncIterator[bytes]) -> None:
        self._status = status
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What fails here fails before anything is sent, and is answered as usual.
        first = await anext(self._parts)
        headers = [(b"content-type", _JSON.encode())]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for part in self._parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
        # A line of its own, which is nowhere copied to get its end.
        body = b"" if self.content is None else _JSON_ENCODER.encode_lines((self.content,))
        return _Sent(status, body, {**(headers or {}), **self.headers})


class StreamedList(JsonResponse[T]):
    """
    `{"data": [...]}` with further members, of which never more than a part is in memory.

    Args:
        parts: what the list is made of, in its order.
        read: makes items of a part.
        rest: the further members.
    """

    def __init__(
        self,
        parts: Sequence[P],
        read: Callable[[P], Awaitable[list[Any]]],
        rest: Mapping[str, Any],
    ) -> None:
        super().__init__(cast("T", None))
        self._parts = _list_in_parts(parts, read, rest)

    def to_asgi_response(  # type: ignore[override]  # of what Litestar passes the rest is never set
        self,
        request: Request[Any, Any, Any],
        *,
        status_code: int | None = None,
        **_unset: Any,
    ) -> ASGIApp:
        return _Streamed(self.status_code or status_code or 200, self._parts)


async def _list_in_parts(
    parts: Sequence[P], read: Callable[[P], Awaitable[list[Any]]], rest: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    before = b'{"data":['
    buffer = bytearray()
    for part in parts:
        items = await read(part)
        if items:
            # A part has a megabyte: its brackets are replaced where they stand.
            _JSON_ENCODER.encode_into(items, buffer)
            buffer[:1], buffer[-1:] = before, b""
            yield bytes(buffer)
            before = b","
    # Nobody of them is left, where even the beginning was not sent.
    end = b"]," if before == b"," else before + b"],"
    yield end + _JSON_ENCODER.encode(rest)[1:] + b"\n"


class BytesResponse(Response[bytes]):
    """An answer that is ready to be sent."""

    def to_asgi_response(  # type: ignore[override]  # of what Litestar passes the rest is never set
        self,
        request: Request[Any, Any, Any],
        *,
        headers: Mapping[str, str] | None = None,
        status_code: int | None = None,
        **_unset: Any,
    ) -> ASGIApp:
        status = self.status_code or status_code or 200
        media_type = str(self.media_type)
        return _Sent(status, self.content, {**(headers or {}), **self.headers}, media_type)
