"""The API over memory, and somebody to call it."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Final

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


@attrs.frozen
class StandIn:
    """Is whatever there is at the moment."""

    _look: Callable[[], Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._look(), name)


@attrs.frozen
class Scene:
    """All that a test has for itself."""

    world: World
    metrics: Metrics
    sessions: SpelledSessions = attrs.field(factory=SpelledSessions)
    readiness: Readiness = attrs.field(factory=Readiness)


@attrs.define
class Stage:
    """An API for one scene after the other: to make one takes longer than most tests."""

    scene: Scene
    app: Any = None

    def build(self, options: Options) -> None:
        world = self.scene.world
        ports: dict[str, Any] = {name: StandIn(partial(self._port, name)) for name in _PORTS}
        sessions: Any = StandIn(lambda: self.scene.sessions)
        metrics: Any = StandIn(lambda: self.scene.metrics)
        self.app = create_app(
            World(announces=world.announces, demo_patient=world.demo_patient, **ports).app,
            sessions,
            XlsxWorkbooks(),
            readiness=self._is_ready,
            options=attrs.evolve(options, metrics=metrics),
        )

    def _port(self, name: str) -> Any:
        return getattr(self.scene.world, name)

    async def _is_ready(self) -> None:
        await self.scene.readiness()


_PORTS: Final = tuple(
    field.name
    for field in attrs.fields(World)
    if field.init and field.name not in ("announces", "demo_patient")
)
_STAGES: Final[dict[Any, Stage]] = {}


def _staged(scene: Scene, options: Options) -> Stage:
    world = scene.world
    kind = world.announces, world.demo_patient, options.max_body_size, options.has_documentation
    if kind not in _STAGES:
        _STAGES[kind] = Stage(scene)
        _STAGES[kind].build(options)
    _STAGES[kind].scene = scene
    return _STAGES[kind]


@pytest.fixture
async def call(world: World, options: Options) -> AsyncIterator[Caller]:
    scene = Scene(world, options.metrics)
    transport = httpx.ASGITransport(_staged(scene, options).app)
    async with httpx.AsyncClient(transport=transport) as client:
        yield Caller(client, world, scene.sessions, scene.readiness, scene.metrics)
    assert undocumented(scene.metrics) == set()


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
