"""Whatever an API document allows, sent: never a 500, never a status that it does not name."""

from typing import Any, Final

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from adapters.http_litestar import Partners, create_app
from adapters.http_litestar.app import api_document
from adapters.redox import RedoxWebhook
from adapters.spreadsheet import XlsxWorkbooks
from adapters.xealth import XealthWebhook
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from support.shared import needed
from support.statuses import our_statuses
from support.world import SERVER, World, user

EXAMPLES: Final = 6
"""Of each operation and document: the run is bounded."""

HEADERS: Final = {
    "verification-token": "secret",
    "authorization": "Bearer secret",
}


class AnySession(Sessions):
    async def identify(self, token: str) -> Principal | None:
        return SERVER if token == "server" else user("1234567890")


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def document(name: str, world: World) -> dict[str, Any]:
    if name == "ours":
        return api_document(world.app, XlsxWorkbooks())
    published: dict[str, Any] = yaml.safe_load(needed("spec/clinic.v1.yaml").read_text())
    return published


@pytest.mark.parametrize("name", ["published", "ours"])
def test_no_operation_fails_or_surprises(name: str, world: World) -> None:
    partners = Partners(
        redox=RedoxWebhook(world.app.messages, "secret"),
        xealth=XealthWebhook(world.app.enrollments, "https://app.example.com", "secret"),
    )
    app = create_app(
        world.app, AnySession(), XlsxWorkbooks(), readiness=world.storage.ping, partners=partners
    )
    schema = schemathesis.openapi.from_dict(document(name, world))
    schema.app = app
    asked: set[str] = set()

    found: Any
    for found in schema.get_all_operations():
        _ask(found.ok(), asked)

    assert len(asked) >= 86


def _ask(operation: Any, asked: set[str]) -> None:
    """Send some requests that an operation allows, and hold the answers against the documents."""
    id_ = operation.definition.raw["operationId"]
    # The published document leaves most refusals out, and ours has them from the chapters.
    documented = {*operation.definition.raw["responses"], *map(str, our_statuses()[id_])}

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        answer = case.call(headers={**HEADERS, "x-tidepool-session-token": "server"})
        status = answer.status_code
        assert status < 500, (id_, answer.text)
        assert str(status) in documented, (id_, status)
        asked.add(id_)

    holds()
