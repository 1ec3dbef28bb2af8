"""Files that anybody may have, by any method, whole or in part (XEALTH-24)."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final, Protocol

from litestar.types import Receive, Scope, Send

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class Asset(Protocol):
    """One file."""

    @property
    def content(self) -> bytes: ...

    @property
    def media_type(self) -> str: ...

    @property
    def modified(self) -> datetime: ...


class Assets(Protocol):
    """Files by the rest of their path, still percent-encoded."""

    @abstractmethod
    def find(self, path: str) -> Asset | None: ...


async def send_asset(asset: Asset, scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with a file, with a part of it, or with the word that it is as it was."""
    sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    modified = asset.modified.replace(microsecond=0)
    headers = {
        "content-type": asset.media_type,
        "last-modified": format_datetime(modified.astimezone(UTC), usegmt=True),
        "accept-ranges": "bytes",
        "cache-control": "public, max-age=3600",
        "x-content-type-options": "nosniff",
    }
    if _is_known(sent.get("if-modified-since"), modified):
        return await _send(send, 304, headers, b"")
    status, body = 200, asset.content
    part = _part(sent.get("range"), len(body))
    if part is not None:
        first, last = part
        if first > last:
            headers["content-range"] = f"bytes */{len(body)}"
            return await _send(send, 416, headers, b"")
        headers["content-range"] = f"bytes {first}-{last}/{len(body)}"
        status, body = 206, body[first : last + 1]
    headers["content-length"] = str(len(body))
    method: Any = scope.get("method")
    return await _send(send, status, headers, b"" if method == "HEAD" else body)


def _is_known(since: str | None, modified: datetime) -> bool:
    try:
        return since is not None and modified <= parsedate_to_datetime(since)
    except (ValueError, TypeError, OverflowError):
        return False


def _part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte that are wanted; several parts are sent as the whole."""
    found = _RANGE.fullmatch(wanted or "")
    if not found or found[0] == "bytes=-":
        return None
    first, last = found[1][:20], found[2][:20]
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last) if last else size - 1, size - 1)


async def _send(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})
