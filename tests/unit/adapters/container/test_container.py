"""Which adapters the settings pick, and that they open and close with the application."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import create_memory_object_stream, create_task_group

from adapters.container import Container
from adapters.container.storages import mongo_url
from adapters.local_identity import (
    LocalProfiles,
    LocalRepresentatives,
    LocalServiceAccounts,
    LocalSessions,
    LocalUsers,
)
from adapters.mail import (
    ConsoleCarrier,
    FileCarrier,
    LetterMailer,
    NoCarrier,
)
from adapters.mail.ses import SesCarrier
from adapters.mail.smtp import SmtpCarrier
from adapters.memory import MemoryStorage
from adapters.mongo import MongoStorage
from adapters.settings import read_settings
from adapters.sql import SqlStorage, UnusableUrl
from adapters.tidepool import (
    TidepoolProfiles,
    TidepoolRepresentatives,
    TidepoolServiceAccounts,
    TidepoolSessions,
    TidepoolUsers,
)
from clinic_domain.errors import Unavailable
from clinic_domain.storage import Storage
from clinic_domain.users import Profile

pytestmark = pytest.mark.anyio

PLATFORM = {"CLINIC_IDENTITY": "tidepool", "TIDEPOOL_SERVER_TOKEN": "a secret"}


def container_of(**variables: str) -> Container:
    return Container(
        settings=read_settings({"CLINIC_STORAGE": "memory:", "CLINIC_MAIL": "none:"} | variables)
    )


@asynccontextmanager
async def living(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Start *app* up, talk to it, and shut it down, as a server does."""
    to_app, app_receives = create_memory_object_stream[Mapping[str, Any]](2)
    app_sends, from_app = create_memory_object_stream[Mapping[str, Any]](2)
    async with create_task_group() as tasks, to_app, app_receives, app_sends, from_app:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        tasks.start_soon(app, scope, app_receives.receive, app_sends.send)
        await to_app.send({"type": "lifespan.startup"})
        assert (await from_app.receive())["type"] == "lifespan.startup.complete"
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api"
        ) as client:
            yield client
        await to_app.send({"type": "lifespan.shutdown"})
        assert (await from_app.receive())["type"] == "lifespan.shutdown.complete"


@pytest.mark.parametrize(
    ("url", "kind"),
    [("memory:", MemoryStorage), ("sqlite:///:memory:", SqlStorage)],
)
async def test_the_storage_is_picked(url: str, kind: type[Storage]) -> None:
    container = container_of(CLINIC_STORAGE=url)

    async with container.opened_storage():
        assert isinstance(container.storage(), kind)
        await container.storage().ping()


async def test_postgresql_is_picked() -> None:
    container = container_of(CLINIC_STORAGE="postgresql://localhost:1/clinic")

    assert isinstance(container.storage(), SqlStorage)
    with pytest.raises(Unavailable):
        async with container.opened_storage():
            pass


@pytest.mark.parametrize(
    ("variables", "database"),
    [
        ({}, "clinic"),
        ({"TIDEPOOL_CLINIC_DATABASE_NAME": "other"}, "other"),
        ({"CLINIC_STORAGE": "mongodb://localhost:1/"}, "clinic"),
        ({"CLINIC_STORAGE": "mongodb://localhost:1/mine"}, "mine"),
        (
            {
                "CLINIC_STORAGE": "mongodb://localhost:1/mine",
                "TIDEPOOL_CLINIC_DATABASE_NAME": "other",
            },
            "other",
        ),
    ],
)
async def test_mongodb_is_picked(variables: dict[str, str], database: str) -> None:
    of_the_reference = {
        "TIDEPOOL_STORE_ADDRESSES": "localhost:1",
        "TIDEPOOL_STORE_USERNAME": "me",
        "TIDEPOOL_STORE_PASSWORD": "p%40ss",
        "TIDEPOOL_STORE_TLS": "T",
        "TIDEPOOL_STORE_OPT_PARAMS": "replicaSet=rs0&authSource=admin",
    }
    container = Container(settings=read_settings(of_the_reference | variables))
    storage = container.storage()

    assert isinstance(storage, MongoStorage)
    assert storage.database.name == database
    if "CLINIC_STORAGE" not in variables:
        assert mongo_url(container.settings()) == (
            "mongodb://me:p%40ss@localhost:1/?ssl=true&replicaSet=rs0&authSource=admin"
        )
    await storage.close()


def test_a_local_identity_is_picked() -> None:
    container = container_of()

    assert isinstance(container.users(), LocalUsers)
    assert isinstance(container.profiles(), LocalProfiles)
    assert isinstance(container.sessions(), LocalSessions)
    assert isinstance(container.service_accounts(), LocalServiceAccounts)
    assert isinstance(container.representatives(), LocalRepresentatives)


def test_the_identity_of_the_platform_is_picked() -> None:
    container = container_of(**PLATFORM, CLINIC_PEER_TIMEOUT="2s")

    assert isinstance(container.users(), TidepoolUsers)
    assert isinstance(container.profiles(), TidepoolProfiles)
    assert isinstance(container.sessions(), TidepoolSessions)
    assert isinstance(container.service_accounts(), TidepoolServiceAccounts)
    assert isinstance(container.representatives(), TidepoolRepresentatives)
    assert container.http_client().timeout == httpx.Timeout(2.0)


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("smtps://user:password@host", SmtpCarrier),
        ("ses:", SesCarrier),
        ("file:mail", FileCarrier),
        ("console:", ConsoleCarrier),
        ("none:", NoCarrier),
    ],
)
async def test_mails_are_carried_where_the_settings_say(where: str, kind: type[object]) -> None:
    container = container_of(CLINIC_MAIL=where, HYDROPHONE_ASSET_URL="https://assets")

    assert isinstance(container.carrier(), kind)
    assert isinstance(container.mailer(), LetterMailer)
    async with container.opened_mail():
        pass


async def test_mails_are_sent_while_the_application_lives(tmp_path: Path) -> None:
    """With who may act for a patient, they are what the identity picks."""
    folder = tmp_path / "mail"
    container = container_of(
        CLINIC_STORAGE=f"sqlite:///{tmp_path}/clinic.db", CLINIC_MAIL=f"file:{folder}"
    )
    async with living(container.asgi()) as client:
        await container.accounts().add("jane@example.com", Profile("Jane"))
        token = await container.accounts().issue("jane@example.com", timedelta(hours=1))
        await client.post(
            "/v1/clinics",
            json={"name": "A clinic", "preferredBgUnits": "mg/dL"},
            headers={"x-tidepool-session-token": token},
        )

        assert [file.suffix for file in folder.iterdir()] == [".eml"]


def test_containers_share_nothing() -> None:
    assert container_of().storage() is not container_of().storage()


def test_everybody_gets_the_same_storage() -> None:
    container = container_of()

    assert container.storage() is container.storage()
    assert container.application() is container.application()


async def test_the_application_serves_what_its_accounts_ask_for(tmp_path: Path) -> None:
    container = container_of(CLINIC_STORAGE=f"sqlite:///{tmp_path}/clinic.db")
    async with living(container.asgi()) as client:
        accounts = container.accounts()
        await accounts.add("jane@example.com", Profile("Jane"))
        token = await accounts.issue("jane@example.com", timedelta(hours=1))

        answer = await client.post(
            "/v1/clinics",
            json={"name": "A clinic", "preferredBgUnits": "mg/dL"},
            headers={"x-tidepool-session-token": token},
        )
        ready = await client.get("/ready")

    assert (answer.status_code, answer.json()["name"]) == (200, "A clinic")
    assert ready.status_code == 200


async def test_the_server_token_is_fetched_while_the_application_lives() -> None:
    logins: list[str] = []

    def shoreline(request: httpx.Request) -> httpx.Response:
        logins.append(request.url.path)
        return httpx.Response(200, headers={"x-tidepool-session-token": "T1"})

    container = container_of(**PLATFORM)
    outgoing = httpx.AsyncClient(transport=httpx.MockTransport(shoreline))
    container.http_client.override(outgoing)

    async with living(container.asgi()) as client:
        assert (await client.get("/ready")).status_code == 200
        assert await container.server_token().get() == "T1"

    assert logins == ["/serverlogin"]
    assert outgoing.is_closed


@pytest.mark.parametrize("external", ["", "http://localhost:1"])
async def test_what_the_auth_service_is_asked_with_is_closed(external: str) -> None:
    """Also where the platform does not know the users."""
    container = container_of(
        TIDEPOOL_AUTH_CLIENT_ADDRESS="http://localhost:1",
        TIDEPOOL_AUTH_CLIENT_EXTERNAL_ADDRESS=external,
    )
    async with living(container.asgi()):
        client = container.http_client()

    assert client.is_closed


async def test_a_storage_that_cannot_be_opened_keeps_the_application_down(tmp_path: Path) -> None:
    nowhere = container_of(CLINIC_STORAGE=f"sqlite:///{tmp_path}/missing/clinic.db")
    with pytest.raises(UnusableUrl):
        nowhere.asgi()

    (tmp_path / "text.db").write_text("This is no database at all. " * 100)
    broken = container_of(CLINIC_STORAGE=f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(Unavailable):
        async with broken.opened_storage():
            pass
