"""Files that anybody may have (XEALTH-24)."""

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from adapters.http_litestar.assets import send_asset


@attrs.frozen
class File:
    content: bytes = b"0123456789"
    media_type: str = "text/css"
    modified: datetime = datetime(2024, 1, 10, 12, tzinfo=UTC)


async def answer(**headers: str) -> tuple[int, bytes]:
    """Return the status and the body."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    spelled = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "method": "GET", "headers": spelled}
    await send_asset(File(), scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


async def test_what_is_known_is_not_sent_again() -> None:
    assert await answer(if_modified_since="Wed, 10 Jan 2024 12:00:00 GMT") == (304, b"")
    assert await answer(if_modified_since="Wed, 10 Jan 2024 11:59:59 GMT") == (200, b"0123456789")


@pytest.mark.parametrize(
    "since",
    [
        "",
        "yesterday",
        "Mon, 01 Jan 99999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +9999999999999",
        "Mon, 32 Jan 2024 00:00:00 GMT",
    ],
)
async def test_a_time_that_cannot_be_read_is_none(since: str) -> None:
    assert await answer(if_modified_since=since) == (200, b"0123456789")
