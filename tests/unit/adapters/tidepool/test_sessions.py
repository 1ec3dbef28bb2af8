"""Whom a token stands for (PEER-2, AUTHN-3 to AUTHN-6)."""

from typing import Any

import attrs
import httpx
import pytest

from adapters.tidepool import Peer, TidepoolSessions
from clinic_domain.access.model import Principal
from clinic_domain.users import UsersUnavailable
from clinic_domain.values import UserId
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

SERVER = {"userid": "reports", "isserver": True}
USER = {"userid": "1000000001", "isserver": False}


@attrs.define
class Timer:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def sessions(peer: Peer, timer: Timer) -> TidepoolSessions:
    return TidepoolSessions(peer, capacity=2, timer=timer)


@pytest.mark.parametrize(
    ("answer", "principal"),
    [
        (USER, Principal(UserId("1000000001"))),
        (SERVER, Principal(UserId("reports"), is_server=True)),
        (
            {"UserID": "1000000001", "IsServer": False, "other": [1]},
            Principal(UserId("1000000001")),
        ),
        (
            USER | {"identityProvider": "google"},
            Principal(UserId("1000000001"), identity_provider="google"),
        ),
        (USER | {"identityProvider": ""}, Principal(UserId("1000000001"))),
    ],
)
async def test_the_answer_names_the_caller(
    sessions: TidepoolSessions, platform: Platform, answer: Any, principal: Principal
) -> None:
    platform.answers_with(httpx.Response(200, json=answer))

    assert await sessions.identify("abc") == principal
    assert platform.asked[0].url.raw_path == b"/prefix/token/abc"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"userid": "1000000001"},
        {"userid": "1000000001", "isserver": None},
        {"userid": "1000000001", "isserver": "true"},
        {"userid": "1000000001", "isserver": 1},
        {"userid": "", "isserver": True},
        {"userid": 7, "isserver": True},
        {"userid": "1000000001", "username": "jane@example.com", "roles": []},
    ],
)
async def test_an_answer_about_something_else_is_no_token(
    sessions: TidepoolSessions, platform: Platform, answer: Any
) -> None:
    platform.answers_with(httpx.Response(200, json=answer))

    assert await sessions.identify("abc") is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refusal_is_no_token(
    sessions: TidepoolSessions, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status))

    assert await sessions.identify("abc") is None


@pytest.mark.parametrize("status", [204, 304, 500, 503])
async def test_a_failure_is_no_refusal(
    sessions: TidepoolSessions, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status))

    with pytest.raises(UsersUnavailable):
        await sessions.identify("abc")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"{", b"\xff"])
async def test_an_answer_that_nobody_can_read_is_a_failure(
    sessions: TidepoolSessions, platform: Platform, body: bytes
) -> None:
    platform.answers_with(httpx.Response(200, content=body))

    with pytest.raises(UsersUnavailable):
        await sessions.identify("abc")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "  ",
        ".",
        "..",
        "../user/1000000001",
        "..%2Fuser%2F1000000001",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a%2Fb",
        "a b",
        "a\nb",
        "a\x00",
        "a\x7f",
        "é",
        "a" * 100_000,
    ],
)
async def test_a_token_that_leads_elsewhere_is_never_asked_for(
    sessions: TidepoolSessions, platform: Platform, token: str
) -> None:
    assert await sessions.identify(token) is None
    assert platform.asked == platform.logged_in == []


async def test_blanks_around_a_token_do_not_count(
    sessions: TidepoolSessions, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(200, json=USER))

    assert await sessions.identify(" kc:a.b_c-d=:x ") is not None
    assert platform.asked[0].url.path == "/prefix/token/kc:a.b_c-d=:x"


async def test_services_are_remembered_also_when_the_platform_is_down(
    sessions: TidepoolSessions, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(200, json=SERVER), httpx.Response(500))
    first = await sessions.identify("abc")

    assert await sessions.identify("abc") == first


async def test_five_minutes_count_from_the_first_answer(
    sessions: TidepoolSessions, platform: Platform, timer: Timer
) -> None:
    platform.answers_with(httpx.Response(200, json=SERVER))
    asked_after = []
    for timer.seconds in (0.0, 299.0, 301.0):
        await sessions.identify("abc")
        asked_after.append(len(platform.asked))

    assert asked_after == [1, 1, 2]


async def test_users_and_strangers_are_asked_for_every_time(
    sessions: TidepoolSessions, platform: Platform
) -> None:
    for answer in (httpx.Response(200, json=USER), httpx.Response(404)):
        platform.answers_with(answer)
        await sessions.identify("abc")
        await sessions.identify("abc")

    assert len(platform.asked) == 4


async def test_what_was_used_longest_ago_is_forgotten_first(
    sessions: TidepoolSessions, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(200, json=SERVER))
    for token in ("a", "b", "a", "c", "a"):
        await sessions.identify(token)

    assert [ask.url.path[-1] for ask in platform.asked] == ["a", "b", "c"]


async def test_each_set_of_sessions_remembers_by_itself(peer: Peer, platform: Platform) -> None:
    platform.answers_with(httpx.Response(200, json=SERVER), httpx.Response(404))
    await TidepoolSessions(peer).identify("abc")

    assert await TidepoolSessions(peer).identify("abc") is None
