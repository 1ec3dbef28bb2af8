"""What is decided before a controller is called."""

import re
from typing import Any

import pytest
import structlog

from clinic_domain.clinicians.model import Role
from clinic_domain.testing.examples import a_clinic, a_clinician
from clinic_domain.values import ClinicId, UserId

C = "0123456789abcdef01234567"
MISSING = (400, "session token is missing")
INVALID = (401, "session token is invalid")
UNKNOWN = (404, "no matching operation was found")
NO_METHOD = (404, "method not allowed")


async def refusal(call: Any, method: str, path: str, **options: Any) -> tuple[int, str]:
    answer = await call(method, path, **options)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()["message"]


@pytest.mark.parametrize("path", ["/v1/clinics", "/nope", "/metrics", "/ready/", "/", "/schema"])
async def test_a_token_is_asked_for_before_a_path_is_looked_up(call: Any, path: str) -> None:
    assert await refusal(call, "GET", path, token=None) == MISSING
    assert await refusal(call, "GET", path, token="  ") == MISSING
    assert await refusal(call, "GET", path, token="nonsense") == INVALID
    assert await refusal(call, "GET", path, token="../user/x") == INVALID


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/V1/clinics",
        "/v1/clinics/",
        "/v1//clinics",
        f"/v1/clinics//{C}",
        f"/v1/clinics/{C}/",
        f"/v1/clinics/{C}/settings/other",
        "/v1/clinics/share_code/",
        "/v1%2Fclinics",
        "/schema/openapi.json",
    ],
)
async def test_paths_are_matched_exactly(call: Any, path: str) -> None:
    assert await refusal(call, "GET", path) == UNKNOWN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/v1/clinics"),
        ("OPTIONS", "/v1/clinics"),
        ("GET", f"/v1/clinics/{C}/tier"),
        ("GET", f"/v1/clinics/{C}/invites/clinicians"),
        ("POST", "/v1/clinicians/aaaaaaaaaa/invites"),
    ],
)
async def test_a_wrong_method_is_not_found(call: Any, method: str, path: str) -> None:
    assert await refusal(call, method, path) == NO_METHOD


async def test_an_answer_to_head_has_no_content(call: Any) -> None:
    answer = await call("HEAD", "/v1/clinics")

    assert (answer.status_code, answer.content) == (404, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
async def test_open_paths_know_wrong_methods(call: Any, method: str) -> None:
    answer = await call(method, "/ready", token=None)

    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, GET")


async def test_open_paths_say_what_is_allowed(call: Any) -> None:
    answer = await call("OPTIONS", "/v1/redox", token=None)

    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")
    assert not {"content-type", "content-length"} & set(answer.headers)


async def test_files_of_the_report_viewer_are_not_there(call: Any) -> None:
    for method, path in (("GET", "nothing"), ("POST", "web/viewer.html")):
        refused = await refusal(call, method, f"/v1/xealth/report/{path}", token=None)

        assert refused == (404, "Not Found")


async def test_ready_follows_what_the_service_needs(call: Any) -> None:
    for is_ready, status in ((True, 200), (False, 503), (True, 200)):
        call.readiness.is_ready = is_ready
        answer = await call("GET", "/ready", token=None)

        assert (answer.status_code, answer.content) == (status, b"")
        assert "content-type" not in answer.headers
        assert answer.headers["content-length"] == "0"


async def test_live_says_that_the_process_answers(call: Any) -> None:
    call.readiness.is_ready = False

    assert (await call("GET", "/live", token=None)).status_code == 200


async def test_access_is_decided_before_parameters_and_bodies_are_looked_at(call: Any) -> None:
    stranger = {"token": "user aaaaaaaaaa"}
    denied = "security requirements failed: the subject is not authorized for the requested action"

    for method, path, content in (
        ("GET", "/v1/clinics?limit=0", None),
        ("GET", "/v1/clinics/xyz/patients", None),
        ("PUT", f"/v1/clinics/{C}", b"{"),
        ("POST", f"/v1/clinics/{C}/merge", b"{}"),
    ):
        assert await refusal(call, method, path, content=content, **stranger) == (403, denied)


async def test_members_read_and_admins_write(call: Any) -> None:
    clinic = a_clinic()
    admin = a_clinician(clinic, roles=(Role.CLINIC_ADMIN,))
    member = a_clinician(clinic)
    prescriber = a_clinician(clinic, roles=(Role.PRESCRIBER,))
    await call.world.has(clinic, admin, member, prescriber)

    async def statuses(method: str, path: str) -> list[int]:
        tokens = [f"user {each.user_id}" for each in (admin, member, prescriber)]
        return [(await call(method, path, token=token)).status_code for token in tokens]

    assert await statuses("GET", f"/v1/clinics/{clinic.id}/patients") == [200, 200, 403]
    assert await statuses("POST", f"/v1/clinics/{clinic.id}/sites") == [400, 403, 403]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/clinics/xyz", "clinicId"),
        (f"/v1/clinics/{C.upper()}", "clinicId"),
        (f"/v1/clinics/{C[:-1]}%37", "clinicId"),
        (f"/v1/clinics/{C}%0A", "clinicId"),
        ("/v1/clinics/C%2Fclinicians", "clinicId"),
        ("/v1/clinics/share_code", "clinicId"),
        (f"/v1/clinics/{C}/patients/assign_tag", "patientId"),
        (f"/v1/clinics/{C}/clinicians/AAAAAAAAAA", "clinicianId"),
        ("/v1/clinics/share_code/%00", "shareCode"),
        ("/v1/clinics/share_code/%ff", "shareCode"),
        ("/v1/clinicians/xy/clinics", "userId"),
    ],
)
async def test_path_parameters_are_checked_as_they_were_sent(
    call: Any, path: str, name: str
) -> None:
    status, text = await refusal(call, "GET", path)

    assert (status, text.startswith(f'parameter "{name}" in path has an error: ')) == (400, True)


async def test_an_invite_key_may_have_a_slash(call: Any) -> None:
    clinic = a_clinic(admins=(UserId("aaaaaaaaaa"),))
    invited = a_clinician(clinic, user_id=None, invite_id="a/b c+ü")
    await call.world.has(clinic, invited)

    path = f"/v1/clinics/{clinic.id}/invites/clinicians/a%2Fb%20c+%C3%BC/clinician"
    answer = await call("GET", path)

    assert (answer.status_code, answer.json()["inviteId"]) == (200, "a/b c+ü")


async def test_an_outage_of_the_user_service_is_not_an_invalid_token(call: Any) -> None:
    call.sessions.is_available = False
    answer = await call("GET", "/v1/clinics")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert (await call("GET", "/v1/clinics", token=None)).status_code == 400


async def test_a_body_beyond_the_limit_is_refused(call: Any) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 1_000

    headers = {"content-type": "application/json", "x-tidepool-session-token": "user aaaaaaaaaa"}
    whole = await call("POST", "/v1/clinics", token="user aaaaaaaaaa", content=b" " * 10_001)
    in_pieces = await call.client.post("http://api/v1/clinics", content=pieces(), headers=headers)

    for answer in (whole, in_pieces):
        assert answer.status_code == 413
        assert list(answer.json()) == ["message"]


async def test_requests_keep_their_id_or_get_one(call: Any) -> None:
    sane = await call("GET", "/ready", headers={"x-request-id": "abc-1"})
    odd = await call("GET", "/ready", headers={"x-request-id": "a b\x7f"})
    none = await call("GET", "/nope")

    assert sane.headers["x-request-id"] == "abc-1"
    assert re.fullmatch("[0-9a-f]{32}", odd.headers["x-request-id"])
    assert re.fullmatch("[0-9a-f]{32}", none.headers["x-request-id"])


async def test_a_request_leaves_one_line_and_is_counted(call: Any) -> None:
    with structlog.testing.capture_logs() as lines:
        await call("GET", f"/v1/clinics/{C}?search=Jill", headers={"x-request-id": "abc-1"})
        await call("GET", "/nope/Jill")

    found = [{**line, "duration_ms": None} for line in lines]
    assert found == [
        {
            "event": "request",
            "log_level": "info",
            "operation": operation,
            "status": 404,
            "duration_ms": None,
            "request_id": lines[place]["request_id"],
        }
        for place, operation in enumerate(("GetClinic", "-"))
    ]
    _, text = call.metrics.exposition()
    counted = b'clinic_http_requests_total{operation="GetClinic",status="404"} 1.0'
    assert counted in text


async def test_what_nobody_expected_is_logged_without_what_it_says(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("Jill has a secret")

    monkeypatch.setattr("clinic_domain.clinics.service.ClinicService.get", broken)
    with structlog.testing.capture_logs() as lines:
        answer = await call("GET", f"/v1/clinics/{C}", headers={"x-request-id": "abc-1"})

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    [error] = [line for line in lines if line["log_level"] == "error"]
    assert (error["kinds"], error["request_id"]) == (["builtins.RuntimeError"], "abc-1")
    assert "Jill" not in str(lines)


async def test_access_control_that_fails_is_not_a_denial(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("adapters.memory.storage.MemoryStorage.read", broken)
    path = f"/v1/clinics/{ClinicId(C)}/patients"
    refused = await refusal(call, "GET", path, token="user aaaaaaaaaa")

    assert refused == (500, "Internal Server Error")


async def test_a_websocket_is_closed(call: Any) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = call.client._transport.app
    await app({"type": "websocket", "path": "/"}, None, send)

    assert [message["type"] for message in sent] == ["websocket.close"]
