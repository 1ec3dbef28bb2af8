"""The token of this service (PEER-3, OPS-6)."""

import asyncio
from typing import Any

import httpx
import pytest

from adapters.tidepool import Peer, ServerToken
from clinic_domain.users import UsersUnavailable
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

BAD_LOGINS = [
    httpx.Response(401),
    httpx.Response(500),
    httpx.Response(200),
    httpx.Response(200, headers={"x-tidepool-session-token": " "}),
    httpx.Response(204, headers={"x-tidepool-session-token": "no"}),
    httpx.ConnectError("down"),
]


def given(token: str) -> httpx.Response:
    return httpx.Response(200, headers={"x-tidepool-session-token": token})


async def test_it_logs_in_with_name_and_secret(
    server_token: ServerToken, platform: Platform
) -> None:
    assert await server_token.get() == "T1-1"

    [login] = platform.logged_in
    assert login.method == "POST"
    assert login.url.path == "/prefix/serverlogin"
    assert login.headers["x-tidepool-server-name"] == "clinics"
    assert login.headers["x-tidepool-server-secret"] == "a secret"
    assert login.content == b""


async def test_one_login_serves_all_who_wait_for_it(
    server_token: ServerToken, platform: Platform
) -> None:
    tokens = await asyncio.gather(*(server_token.get() for _ in range(5)))

    assert tokens == 5 * ["T1-1"]
    assert len(platform.logged_in) == 1


@pytest.mark.parametrize("answer", BAD_LOGINS)
async def test_without_a_token_nothing_can_be_asked(
    peer: Peer, platform: Platform, answer: Any
) -> None:
    platform.logins = [answer]

    with pytest.raises(UsersUnavailable):
        await peer.get("user", "1")

    assert platform.asked == []


async def test_a_missing_token_is_fetched_when_it_is_needed(peer: Peer, platform: Platform) -> None:
    platform.logins = [httpx.ConnectError("down"), given("late")]
    platform.answers_with(httpx.Response(200))
    with pytest.raises(UsersUnavailable):
        await peer.get("user", "1")

    await peer.get("user", "1")

    assert platform.asked[0].headers["x-tidepool-session-token"] == "late"


@pytest.mark.parametrize("answer", BAD_LOGINS)
async def test_a_failed_refresh_keeps_the_token(
    server_token: ServerToken, platform: Platform, answer: Any
) -> None:
    platform.logins = [given("old"), answer]
    await server_token.get()

    assert not await server_token.refresh()
    assert await server_token.get() == "old"


async def test_a_refresh_replaces_the_token(server_token: ServerToken) -> None:
    await server_token.get()

    assert await server_token.refresh()
    assert await server_token.get() == "T1-2"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_renewed_once(peer: Peer, platform: Platform, status: int) -> None:
    platform.answers_with(httpx.Response(status), httpx.Response(200))

    assert (await peer.get("user", "1")).status_code == 200
    assert [ask.headers["x-tidepool-session-token"] for ask in platform.asked] == ["T1-1", "T1-2"]


async def test_a_second_refusal_is_the_answer(peer: Peer, platform: Platform) -> None:
    platform.answers_with(httpx.Response(401))

    assert (await peer.get("user", "1")).status_code == 401
    assert len(platform.asked) == 2


async def test_refusals_cannot_make_it_log_in_without_end(peer: Peer, platform: Platform) -> None:
    platform.answers_with(httpx.Response(401))

    for _ in range(10):
        await peer.get("token", "strange")

    assert len(platform.logged_in) == 2


async def test_the_token_that_another_call_renewed_is_used(
    server_token: ServerToken, platform: Platform
) -> None:
    old = await server_token.get()
    await server_token.refresh()

    assert await server_token.instead_of(old) == "T1-2"
    assert len(platform.logged_in) == 2


async def test_it_is_fetched_at_once_and_then_again_and_again(
    server_token: ServerToken, platform: Platform
) -> None:
    task = asyncio.create_task(server_token.keep_fresh(every=0.01))
    async with asyncio.timeout(5):
        while len(platform.logged_in) < 3:  # noqa: ASYNC110 - the stand-in has no events
            await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_secret_shows_nowhere(
    server_token: ServerToken, platform: Platform, log: list[Any]
) -> None:
    await server_token.get()
    platform.logins = [httpx.Response(500)]
    await server_token.refresh()

    assert log
    assert "a secret" not in repr(server_token) + repr(log)
    assert "T1-1" not in repr(server_token) + repr(log)
