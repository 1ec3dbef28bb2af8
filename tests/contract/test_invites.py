"""Invites from end to end: `clinic serve` with a mail server beside it."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.container import Container
from adapters.settings import read_settings
from clinic_domain.users import Profile
from support.service import PATIENCE, UNSYNCED, Server, serving
from support.smtp import MailServer, Taken, mail_server

T = TypeVar("T")

OURS: Final = ("AWS_", "CLINIC_", "HYDROPHONE_", "LOG_LEVEL", "SES_", "TIDEPOOL_")
LEASE: Final = 3.0
WEB: Final = "https://web.example.com"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder and in an environment where nothing else is set."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLINIC_STORAGE", UNSYNCED)
    monkeypatch.setenv("HYDROPHONE_WEB_URL", WEB)
    monkeypatch.setenv("SES_FROM_ADDRESS", "Clinic <noreply@example.com>")
    monkeypatch.setenv("CLINIC_MAIL_LEASE", f"{LEASE}s")
    monkeypatch.setenv("CLINIC_MAIL_INTERVAL", "200ms")
    monkeypatch.setenv("CLINIC_NOTIFICATIONS", "false")


@attrs.frozen
class Person:
    """Somebody with an account."""

    id: str
    email: str
    token: str


async def people(*names: str) -> list[Person]:
    """Open accounts, as `clinic user add` and `clinic token issue` do, but faster."""
    container = Container(settings=read_settings())
    found = []
    async with container.opened_storage():
        for name in names:
            email = f"{name.partition(' ')[0].lower()}@example.com"
            account = await container.accounts().add(email, Profile(name))
            token = await container.accounts().issue(email, timedelta(hours=1))
            found.append(Person(account.user.id, email, token))
    return found


@attrs.frozen
class Api:
    """The service, as people see it."""

    server: Server
    client: httpx.AsyncClient

    async def __call__(self, by: Person, method: str, path: str, body: Any = None) -> Any:
        answer = await self.client.request(
            method,
            f"{self.server.address}{path}",
            json=body,
            headers={"x-tidepool-session-token": by.token},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def new_clinic(self, admin: Person) -> Any:
        description = {"name": "Harbour Clinic", "preferredBgUnits": "mg/dL"}
        return await self(admin, "POST", "/v1/clinics", description)


async def eventually(look: Callable[[], Awaitable[T] | T | None]) -> T:
    """Return what is there at last."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found  # type: ignore[return-value]  # nothing that is awaited comes here
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")


def link_in(mail: Taken) -> str:
    """Return where the button leads, which the text names as well."""
    [link] = re.findall(r'href="([^"]*)"', mail.html)
    assert link in mail.text
    return str(link)


def use(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_MAIL", f"smtp://127.0.0.1:{server.port}?starttls=no")


async def test_two_people_find_together_by_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A colleague is invited before she has an account, makes one, accepts, and is a member."""
    [ada] = await people("Ada Admin")
    async with mail_server() as mails, httpx.AsyncClient() as client:
        use(mails, monkeypatch)
        with serving("--workers", "2") as server:
            api = Api(server, client)
            clinic_id = (await api.new_clinic(ada))["id"]
            path = f"/v1/clinics/{clinic_id}/invites/clinicians"
            body = {"email": "Jane@Example.com", "roles": ["CLINIC_MEMBER"]}
            pending = await api(ada, "POST", path, body)
            mail = await eventually(lambda: mails.taken[0] if mails.taken else None)

            [jane] = await people("Jane Doe")
            [invite] = await api(jane, "GET", f"/v1/clinicians/{jane.id}/invites")
            accepted = f"/v1/clinicians/{jane.id}/invites/{invite['key']}"
            member = await api(jane, "PUT", accepted)
            members = await api(jane, "GET", f"/v1/clinics/{clinic_id}/clinicians")

    assert mail.recipients == ("Jane@Example.com",)
    assert mail.message["subject"] == "Invitation to join Harbour Clinic"
    assert mail.message["from"] == "Clinic <noreply@example.com>"
    assert link_in(mail) == f"{WEB}/signup/clinician?inviteEmail=Jane%40Example.com"
    assert "Ada Admin invites you" in mail.text
    assert invite["key"] == pending["inviteId"]
    assert invite["restrictions"] == {"canAccept": True}
    assert (member["id"], member["name"], member["roles"]) == (
        jane.id,
        "Jane Doe",
        ["CLINIC_MEMBER"],
    )
    assert {each["name"] for each in members} == {"Ada Admin", "Jane Doe"}
    assert len(mails.taken) == 1
    log = Path("log").read_text()  # noqa: ASYNC240 - nothing else runs here
    assert not re.search("(?i)jane|example.com|Ada", log)


async def test_a_patient_finds_a_clinic_by_its_share_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The admin hears of it, accepts, and has a patient; an invite that is declined is over."""
    ada, pat, sam = await people("Ada Admin", "Pat Doe", "Sam Roe")
    async with mail_server() as mails, httpx.AsyncClient() as client:
        use(mails, monkeypatch)
        with serving("--workers", "1") as server:
            api = Api(server, client)
            opened = await api.new_clinic(ada)
            path = f"/v1/clinics/{opened['id']}/invites/patients"
            offer = {"shareCode": opened["shareCode"], "permissions": {"view": {}, "note": {}}}
            for person in (pat, sam):
                await api(person, "POST", f"/confirm/send/invite/{person.id}/clinic", offer)
            told = await eventually(lambda: mails.taken if len(mails.taken) > 1 else None)

            of_sam, of_pat = await api(ada, "GET", path)
            patient = await api(ada, "PUT", f"{path}/{of_pat['key']}", {"mrn": "A-17"})
            declined = await api(ada, "DELETE", f"{path}/{of_sam['key']}")
            [seen] = await api(sam, "GET", f"/confirm/invite/{sam.id}")
            [clinics] = await api(pat, "GET", f"/v1/patients/{pat.id}/clinics")

    assert {mail.recipients for mail in told} == {(ada.email,)}
    assert {mail.message["subject"] for mail in told} == {"New Tidepool share invitation received"}
    assert link_in(told[0]) == f"{WEB}/login"
    assert "Pat Doe wants to share" in told[0].text
    assert (patient["id"], patient["mrn"]) == (pat.id, "A-17")
    assert patient["permissions"] == {"view": {}, "note": {}}
    assert declined["status"] == seen["status"] == "declined"
    assert clinics["clinic"]["id"] == opened["id"]


@attrs.define
class Killing(MailServer):
    """Kills the service when it begins to send, so that the first mail is never taken."""

    victim: Server | None = None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd looks for this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.victim is not None:
            kill(self.victim)
            self.victim = None
            return "451 you are dead"
        envelope.mail_from = address
        return "250 OK"


def kill(server: Server) -> None:
    """End a service and its workers at once, without a chance to finish anything."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    doomed = [server.process.pid]
    for pid in doomed:
        doomed += [child for child, parent in parents.items() if parent == pid]
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)


async def test_a_mail_outlives_a_service_that_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the commit and the sending; after the restart it arrives, once."""
    ada, jane = await people("Ada Admin", "Jane Doe")
    async with mail_server(Killing()) as mails, httpx.AsyncClient() as client:
        assert isinstance(mails, Killing)
        use(mails, monkeypatch)
        with serving("--workers", "2") as server:
            api = Api(server, client)
            clinic_id = (await api.new_clinic(ada))["id"]
            mails.victim = server
            body = {"email": jane.email, "roles": ["CLINIC_MEMBER"]}
            # Whether the answer still comes is a matter of chance.
            with suppress(httpx.TransportError):
                await api(ada, "POST", f"/v1/clinics/{clinic_id}/invites/clinicians", body)
            await eventually(lambda: mails.victim is None)
            assert await asyncio.to_thread(server.process.wait, PATIENCE) == -signal.SIGKILL
        assert mails.taken == []

        with serving("--workers", "2") as server:
            await eventually(lambda: mails.taken)
            await asyncio.sleep(LEASE + 1)
            [invite] = await Api(server, client)(jane, "GET", f"/v1/clinicians/{jane.id}/invites")

    assert [mail.recipients for mail in mails.taken] == [(jane.email,)]
    assert invite["clinicId"] == clinic_id
    assert link_in(mails.taken[0]).startswith(f"{WEB}/login")
