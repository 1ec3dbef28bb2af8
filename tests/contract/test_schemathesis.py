"""Whatever the API document allows, and some of what it does not: never a 500, never a surprise."""

from collections.abc import Mapping
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
from support.world import SERVER, World, user

EXAMPLES: Final = 3
"""Of each operation and document: the run is bounded."""

HEADERS: Final = {
    "verification-token": "secret",
    "authorization": "Bearer secret",
}
# What callers have always got, whatever the published document says.
ALWAYS_SENT: Final[Mapping[str, int]] = {
    "MigrateLegacyClinicianPatients": 200,
    "UpdateClinicUserDetails": 200,
    "UpdatePatientPermissions": 204,
    "UpdatePatientSummary": 204,
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


@pytest.mark.parametrize(("name", "token"), [("published", "server"), ("ours", "server")])
def test_no_operation_fails_or_surprises(name: str, token: str, world: World) -> None:
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
        _ask(found.ok(), token, asked)

    assert len(asked) > 50


def _ask(operation: Any, token: str, asked: set[str]) -> None:
    """Send some requests that an operation allows, and hold the answers against the document."""
    id_ = operation.definition.raw["operationId"]
    documented = {int(code) for code in operation.definition.raw["responses"] if code.isdigit()}

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
        answer = case.call(headers={**HEADERS, "x-tidepool-session-token": token})
        status = answer.status_code
        is_fine = status in documented or status == ALWAYS_SENT.get(id_)
        # The published document forgets most refusals; ours has one for all of them.
        assert is_fine or 400 <= status < 500, (id_, status)
        asked.add(id_)

    holds()
