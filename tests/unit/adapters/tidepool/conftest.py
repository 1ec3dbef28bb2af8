"""The platform, as far as an answer goes."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import httpx
import pytest
import stamina
import structlog

from adapters.tidepool import Peer, ServerToken

LOGIN = "/prefix/serverlogin"

Answer = httpx.Response | Exception


@attrs.define
class Platform:
    """Gives the answers that a test wants, one after another, the last one for ever."""

    answers: list[Answer] = attrs.field(factory=list)
    logins: list[Answer] = attrs.field(factory=list)
    asked: list[httpx.Request] = attrs.field(factory=list)
    logged_in: list[httpx.Request] = attrs.field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        is_login = request.url.path == LOGIN
        (self.logged_in if is_login else self.asked).append(request)
        if is_login and not self.logins:
            number = len(self.logged_in)
            return httpx.Response(200, headers={"x-tidepool-session-token": f"T1-{number}"})
        queue = self.logins if is_login else self.answers
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers_with(self, *answers: Answer) -> None:
        self.answers = list(answers)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as client:
        yield client


@pytest.fixture
def server_token(client: httpx.AsyncClient) -> ServerToken:
    return ServerToken(client, "http://platform/prefix", "a secret")


@pytest.fixture
def peer(client: httpx.AsyncClient, server_token: ServerToken) -> Peer:
    return Peer("shoreline", client, "http://platform/prefix", server_token)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries happen, without the pauses between them."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def garbage() -> Callable[[int], list[httpx.Response]]:
    """Answers that say yes and nothing of use."""
    bodies = (b"", b"<html>", b"[]", b"null", b'"text"', b"{", b"\xff", b'{"userid":7}')
    return lambda status: [httpx.Response(status, content=body) for body in bodies]
