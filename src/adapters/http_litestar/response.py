"""Answers as the API has always sent them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar, cast

import msgspec
from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")
P = TypeVar("P")

_encode: Final = msgspec.json.Encoder().encode
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
        body = b"" if self.content is None else _encode(self.content) + b"\n"
        return _Sent(status, body, {**(headers or {}), **self.headers})


class StreamedList(JsonResponse[T]):
    """
    `{"data": [...]}` with further members, of which never more than a part is in memory.

    A list of one part is sent as a whole.
    """

    parts: AsyncIterator[bytes] | None = None

    @classmethod
    async def of(
        cls,
        parts: Sequence[P],
        read: Callable[[P], Awaitable[list[Any]]],
        rest: Mapping[str, Any],
    ) -> Self:
        """Return the list that *read* makes of each of *parts*, and the members of *rest*."""
        if len(parts) <= 1:
            items = [item for part in parts for item in await read(part)]
            return cls(cast("T", {"data": items, **rest}))
        response = cls(cast("T", None))
        response.parts = _list_in_parts(parts, read, rest)
        return response

    def to_asgi_response(  # type: ignore[override]  # of what Litestar passes the rest is never set
        self,
        request: Request[Any, Any, Any],
        *,
        headers: Mapping[str, str] | None = None,
        status_code: int | None = None,
        **unset: Any,
    ) -> ASGIApp:
        if self.parts is not None:
            return _Streamed(self.status_code or status_code or 200, self.parts)
        return super().to_asgi_response(request, headers=headers, status_code=status_code, **unset)


async def _list_in_parts(
    parts: Sequence[P], read: Callable[[P], Awaitable[list[Any]]], rest: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    before = b'{"data":['
    for part in parts:
        items = _encode(await read(part))[1:-1]
        if items:
            yield before + items
            before = b","
    # Nobody of them is left, where even the beginning was not sent.
    end = b"]," if before == b"," else before + b"],"
    yield end + _encode(rest)[1:] + b"\n"


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
