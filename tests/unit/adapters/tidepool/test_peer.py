"""How every peer is asked (PEER-1)."""

from typing import Any

import httpx
import pytest

from adapters.tidepool import Peer
from clinic_domain.users import UsersUnavailable
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

FAULTS = [
    httpx.ConnectError("no route"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut off"),
    httpx.TooManyRedirects("round and round"),
    httpx.Response(500),
    httpx.Response(502),
    httpx.Response(503),
    httpx.Response(429),
]


async def test_every_call_carries_the_token_of_this_service(peer: Peer, platform: Platform) -> None:
    platform.answers_with(httpx.Response(200))

    await peer.get("user", "a b/c")

    [request] = platform.asked
    assert request.headers["x-tidepool-session-token"] == "T1-1"
    assert request.url.raw_path == b"/prefix/user/a%20b%2Fc"


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_what_only_reads_is_tried_three_times(
    peer: Peer, platform: Platform, fault: Any
) -> None:
    platform.answers_with(fault)

    with pytest.raises(UsersUnavailable):
        await peer.get("user", "1")

    assert len(platform.asked) == 3


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_a_passing_fault_is_not_noticed(peer: Peer, platform: Platform, fault: Any) -> None:
    platform.answers_with(fault, httpx.Response(200, text="here"))

    assert (await peer.get("user", "1")).text == "here"


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_what_changes_something_is_tried_once(
    peer: Peer, platform: Platform, fault: Any
) -> None:
    platform.answers_with(fault, httpx.Response(200))

    with pytest.raises(UsersUnavailable):
        await peer.send("PUT", "user", "1", body={})

    assert len(platform.asked) == 1


async def test_an_answer_below_500_is_an_answer(peer: Peer, platform: Platform) -> None:
    platform.answers_with(httpx.Response(418))

    assert (await peer.get("user", "1")).status_code == 418
    assert len(platform.asked) == 1


async def test_a_body_has_no_content_type(peer: Peer, platform: Platform) -> None:
    platform.answers_with(httpx.Response(200))

    await peer.send("POST", "v1", body={"a": [1]})

    assert platform.asked[0].content == b'{"a":[1]}'
    assert "content-type" not in platform.asked[0].headers


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_a_body_that_cannot_be_read_is_of_no_use(peer: Peer, body: bytes) -> None:
    with pytest.raises(UsersUnavailable):
        peer.decoded(httpx.Response(200, content=body), object)


async def test_logs_name_neither_tokens_nor_people(
    peer: Peer, platform: Platform, log: list[Any]
) -> None:
    platform.answers_with(httpx.Response(500, text="jane@example.com"))

    with pytest.raises(UsersUnavailable) as raised:
        await peer.get("user", "jane@example.com")

    assert log
    assert "jane" not in repr(log) + repr(raised.value.args)
    assert "T1" not in repr(log)
