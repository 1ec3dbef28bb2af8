"""`clinic serve` as it is deployed: in place of the reference on MongoDB, and on PostgreSQL."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from adapters.mongo import MongoStorage
from support import postgresql as databases
from support.goldens import golden
from support.mongo import a_fresh_database, as_recorded, stored_documents
from support.platform import DEMO_PATIENT, sender
from support.servers import a_lone_server
from support.service import CLINIC, NO_TLS, PATIENCE, clinic, free_port, serving
from support.shared import module, needed

GOLDENS: Final = (
    "clinics/create",
    "clinicians/delete",
    "patients/mrn-unique",
    "invites/clinician_accept",
    "invites/patient_accept",
)

OURS: Final = ("ADDRESS", "AWS_", "CLINIC_", "HYDROPHONE_", "LOG_LEVEL", "PROMETHEUS_", "TIDEPOOL_")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder and in an environment where nothing is set."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)


@contextmanager
def the_platform() -> Iterator[str]:
    """Run the stand-ins of the platform's services, and give their address."""
    folder, port = str(needed("peers/peers.py").parent), free_port()
    command = [sys.executable, "-m", "uvicorn", "peers:app", "--app-dir", folder]
    with subprocess.Popen([*command, "--port", str(port), "--log-level", "warning"]) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address)
            yield address
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.post(f"{address}/_control/reset", verify=NO_TLS).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the stand-ins do not answer"
            time.sleep(0.05)
        else:
            return


def of_the_reference(platform: str, mongodb: str, database: str) -> Mapping[str, str]:
    """Return what a deployment of the reference sets, and nothing else."""
    address = mongodb.partition("://")[2]
    credentials, _, place = address.rpartition("@")
    username, _, password = credentials.partition(":")
    hosts, _, rest = place.partition("/")
    return {
        "LOG_LEVEL": "debug",
        "TIDEPOOL_CLINIC_DATABASE_NAME": database,
        "TIDEPOOL_STORE_SCHEME": mongodb.partition("://")[0],
        "TIDEPOOL_STORE_ADDRESSES": hosts,
        "TIDEPOOL_STORE_USERNAME": username,
        "TIDEPOOL_STORE_PASSWORD": password,
        "TIDEPOOL_STORE_TLS": "false",
        "TIDEPOOL_STORE_OPT_PARAMS": rest.partition("?")[2],
        "TIDEPOOL_SHORELINE_CLIENT_ADDRESS": f"{platform}/shoreline",
        "TIDEPOOL_SERVER_TOKEN": "server",
        "TIDEPOOL_SEAGULL_CLIENT_ADDRESS": f"{platform}/seagull",
        "TIDEPOOL_PERMISSION_CLIENT_ADDRESS": f"{platform}/gatekeeper",
        "TIDEPOOL_AUTH_CLIENT_ADDRESS": f"{platform}/auth",
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_ADDRESS": f"{platform}/shoreline",
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_SERVER_SESSION_TOKEN_SECRET": "server",
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_SERVER_SESSION_TOKEN_TIMEOUT": "1h",
        "TIDEPOOL_SERVICE_SECRET": "",
        "TIDEPOOL_USER_AGENT": "clinic",
        "TIDEPOOL_AUTH_SERVICE_TOKEN_ENDPOINT": (
            f"{platform}/keycloak/realms/test/protocol/openid-connect/token"
        ),
        "CLINIC_DEMO_PATIENT_USER_ID": DEMO_PATIENT,
        "TIDEPOOL_REDOX_VERIFICATION_TOKEN": "redox-token",
        "TIDEPOOL_XEALTH_ENABLED": "true",
        "TIDEPOOL_XEALTH_BEARER_TOKEN": "xealth-token",
        "TIDEPOOL_XEALTH_CLIENT_ID": "client-id",
        "TIDEPOOL_XEALTH_CLIENT_SECRET": "client-secret",
        "TIDEPOOL_XEALTH_TOKEN_URL": f"{platform}/xealth/oauth2/token",
        "TIDEPOOL_XEALTH_SERVER_BASE_URL": f"{platform}/xealth",
        "TIDEPOOL_APPLICATION_URL": "https://app.example.com",
        "AWS_ENDPOINT_URL_SES": f"{platform}/ses",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-west-2",
        "HYDROPHONE_WEB_URL": "https://app.example.com",
        "HYDROPHONE_ASSET_URL": "https://assets.example.com",
    }


async def test_it_takes_the_place_of_the_reference(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its variables, on its database, for its callers, and with nobody's name in the log."""
    player, names = module("golden/golden.py"), list[str]()
    async with a_fresh_database(mongodb) as (client, name), httpx.AsyncClient() as caller:
        with the_platform() as platform:
            for variable, value in of_the_reference(platform, mongodb, name).items():
                monkeypatch.setenv(variable, value)
            with serving() as server:
                for each in GOLDENS:
                    recorded, bindings = golden(each), player.Bindings()
                    await caller.post(f"{platform}/_control/reset")
                    send = sender(caller, server.address)

                    async def mails(platform: str = platform) -> Any:
                        return (await caller.get(f"{platform}/_control/mails")).json()

                    answers = await player.replay(recorded, send, bindings=bindings, mails=mails)
                    stored = as_recorded(await stored_documents(MongoStorage(client, name)))

                    assert answers == []
                    assert player.database_differences(recorded, stored, bindings) == []
                    names += [patient["fullName"] for patient in stored["patients"]]
                    for collection in stored:
                        await client[name][collection].delete_many({})
                assert server.stop() == 0

    log = Path("log").read_text()  # noqa: ASYNC240 - nothing else runs here
    assert '"storage":"mongo"' in log
    assert [each for each in names if each in log] == []


@pytest.mark.parametrize("command", [("serve", "--metrics-port", "0"), ("db", "upgrade")])
def test_a_mongodb_without_a_replica_set_is_said(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_lone_server() as url:
        monkeypatch.setenv("CLINIC_STORAGE", url)
        monkeypatch.setenv("CLINIC_PORT", str(free_port()))

        said = refused(*command)

    assert said.startswith("Error: CLINIC_STORAGE: MongoDB has to run as a replica set")


def test_a_mongodb_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEPOOL_STORE_ADDRESSES", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("TIDEPOOL_STORE_USERNAME", "clinic")
    monkeypatch.setenv("TIDEPOOL_STORE_PASSWORD", "hush")
    monkeypatch.setenv("TIDEPOOL_STORE_OPT_PARAMS", "serverSelectionTimeoutMS=100")

    said = refused("serve", "--port", str(free_port()), "--metrics-port", "0")

    assert said.startswith("Error: TIDEPOOL_STORE_ADDRESSES: the database does not answer")


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://clinic:hu/sh@localhost/",
        "mongodb://clinic:hush@localhost:hush/",
        "postgresql://clinic:hush@localhost:hush/clinic",
    ],
)
def test_an_address_that_makes_no_sense_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_STORAGE", url)

    assert refused("db", "upgrade").startswith("Error: CLINIC_STORAGE: this is no address")


def refused(*command: str) -> str:
    """Return what a command says that ends as it should, without a secret."""
    done = subprocess.run(  # noqa: PLW1510 - the exit code is what counts
        [*CLINIC, *command], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not re.search(r"hu/?sh|sh@", done.stdout + done.stderr)
    return done.stderr


async def test_a_database_of_mongodb_is_made_ready(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIC_STORAGE", mongodb)
    async with a_fresh_database(mongodb) as (client, name):
        monkeypatch.setenv("TIDEPOOL_CLINIC_DATABASE_NAME", name)
        for _ in range(2):
            clinic("db", "upgrade")

        assert "UniqueShareCodes" in await client[name]["clinics"].index_information()


async def test_it_serves_from_postgresql(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with databases.a_fresh_database(postgresql) as url:
        monkeypatch.setenv("CLINIC_STORAGE", url)
        clinic("user", "add", "doctor@example.com", "--name", "Dr. Doe")
        headers = {"x-tidepool-session-token": clinic("token", "issue", "doctor@example.com")}
        with serving("--workers", "2") as server:
            created = httpx.post(  # noqa: ASYNC210 - nothing else runs here
                f"{server.address}/v1/clinics",
                json={"name": "A clinic", "preferredBgUnits": "mg/dL"},
                headers=headers,
                verify=NO_TLS,
            )
            path = f"/v1/clinics/{created.json()['id']}"
            found = [server.get(path, headers=headers) for _ in range(10)]
            assert server.stop() == 0

    assert created.status_code == 200
    assert {answer.status_code for answer in found} == {200}
    assert found[0].json() == created.json()
