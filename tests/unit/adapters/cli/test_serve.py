"""`clinic serve` as a process, from start to end."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from adapters.local_identity.sessions import TRUST
from support.service import CLINIC, NO_TLS, PATIENCE, clinic, free_port, serving


def test_it_serves_whom_the_command_line_lets_in_until_it_is_told_to_stop() -> None:
    clinic("user", "add", "doctor@example.com", "--name", "Dr. Doe")
    token = clinic("token", "issue", "doctor@example.com")
    headers = {"x-tidepool-session-token": token}

    with serving("--workers", "2") as server:
        created = httpx.post(
            f"{server.address}/v1/clinics",
            json={"name": "A clinic", "preferredBgUnits": "mg/dL"},
            headers=headers,
            verify=NO_TLS,
        )
        code = created.json()["shareCode"]
        # Connections spread over the workers, which share a file.
        shared = [server.get(f"/v1/clinics/share_code/{code}", headers=headers) for _ in range(20)]
        metrics = httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics", verify=NO_TLS).text
        clinic("token", "revoke", token)
        time.sleep(TRUST.total_seconds())
        revoked = [server.get(f"/v1/clinics/share_code/{code}", headers=headers) for _ in range(20)]
        exit_code = server.stop()

    assert created.status_code == 200
    assert {answer.status_code for answer in shared} == {200}
    assert {answer.status_code for answer in revoked} == {401}
    counted = 'clinic_http_requests_total{operation="GetClinicByShareCode",status="200"} 20.0'
    assert counted in metrics
    assert exit_code == 0
    log = [json.loads(line) for line in Path("log").read_text().splitlines()]
    assert any(line["event"] == "request" for line in log)
    assert token not in Path("log").read_text()


def test_it_serves_from_memory_in_one_process_and_ends_with_ctrl_c() -> None:
    with serving("--storage", "memory:", "--workers", "3", "--log-level", "info") as server:
        exit_code = server.stop(signal.SIGINT)

    assert exit_code == 0
    log = Path("log").read_text()
    assert "storage in memory belongs to one process" in log
    assert "worker-2" not in log


def test_a_server_that_is_killed_takes_its_workers_along() -> None:
    with serving() as server:
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        deadline = time.monotonic() + PATIENCE
        while server.is_reachable() and time.monotonic() < deadline:
            time.sleep(0.1)

        assert not server.is_reachable()


@pytest.mark.parametrize("taken", ["--port", "--metrics-port"])
def test_a_port_in_use_is_said(taken: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = {"--port": str(free_port()), "--metrics-port": str(free_port())}
        ports[taken] = str(other.getsockname()[1])
        command = [*CLINIC, "serve", *(word for pair in ports.items() for word in pair)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)  # noqa: PLW1510 - the exit code is what counts

    assert done.returncode == 1
    assert "in use" in done.stderr
    assert ports[taken] in done.stderr
    assert "Traceback" not in done.stderr


def test_two_servers_do_not_share_a_port() -> None:
    with serving() as server:
        command = [*CLINIC, "serve", "--port", str(server.port), "--metrics-port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)  # noqa: PLW1510 - the exit code is what counts

    assert done.returncode == 1
    assert f"port {server.port}" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("CLINIC_HOST", "256.256.256.256"),
    ],
)
def test_a_wrong_setting_is_said(name: str, value: str) -> None:
    done = subprocess.run(  # noqa: PLW1510 - the exit code is what counts
        [*CLINIC, "serve", "--port", str(free_port()), "--metrics-port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=os.environ | {name: value},
    )

    assert done.returncode == 1
    assert name in done.stderr or value in done.stderr
    assert "Traceback" not in done.stderr
