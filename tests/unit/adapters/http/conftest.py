"""The API over memory, and somebody to call it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
import httpx
import pytest

from adapters.http_litestar import Metrics, Options, create_app
from adapters.spreadsheet import XlsxWorkbooks
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.errors import Unavailable
from clinic_domain.users import UsersUnavailable
from support.statuses import our_statuses
from support.world import SERVER, World, user


@attrs.define
class SpelledSessions(Sessions):
    """`server` is a backend service, `user <id>` that user, and nothing else is a token."""

    is_available: bool = True

    async def identify(self, token: str) -> Principal | None:
        if not self.is_available:
            raise UsersUnavailable
        if token == "server":
            return SERVER
        return user(token.removeprefix("user ")) if token.startswith("user ") else None


@attrs.define
class Readiness:
    is_ready: bool = True

    async def __call__(self) -> None:
        if not self.is_ready:
            raise Unavailable


@attrs.frozen
class Caller:
    """Sends requests, by default as a backend service."""

    client: httpx.AsyncClient
    world: World
    sessions: SpelledSessions
    readiness: Readiness
    metrics: Metrics

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "server",
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if token is not None:
            sent["x-tidepool-session-token"] = token
        if content is not None:
            sent.setdefault("content-type", "application/json")
        # As it is: httpx would tidy the path up.
        url = httpx.URL("http://api").copy_with(raw_path=path.encode())
        return await self.client.request(method, url, headers=sent, json=body, content=content)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def options() -> Options:
    return Options(max_body_size=10_000)


@pytest.fixture
async def call(world: World, options: Options) -> AsyncIterator[Caller]:
    sessions, readiness = SpelledSessions(), Readiness()
    app = create_app(world.app, sessions, XlsxWorkbooks(), readiness=readiness, options=options)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # two names for one protocol
    async with httpx.AsyncClient(transport=transport) as client:
        yield Caller(client, world, sessions, readiness, options.metrics)
    assert undocumented(options.metrics) == set()


def undocumented(metrics: Metrics) -> set[tuple[str, int]]:
    """Return which operations have answered a status that the API document does not name."""
    counted = (sample.labels for each in metrics.registry.collect() for sample in each.samples)
    answered = {(labels["operation"], int(labels["status"])) for labels in counted}
    known = our_statuses()
    return {(id_, status) for id_, status in answered if status not in known.get(id_, {status})}


def message(answer: httpx.Response) -> str:
    """Return what an error says, which is all that it has."""
    body = answer.json()
    assert list(body) == ["message"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.content.endswith(b"}\n")
    found: str = body["message"]
    return found
