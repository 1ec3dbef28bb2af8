"""The whole API in one process: over a storage, with stand-ins for the platform's services."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import attrs
import httpx
from litestar.types import ASGIApp

from adapters.http_litestar import Partners, create_app
from adapters.mail import LetterMailer, Writer
from adapters.mail.ses import SesCarrier
from adapters.memory import MemoryStorage
from adapters.redox import RedoxOrders, RedoxWebhook
from adapters.spreadsheet import XlsxWorkbooks
from adapters.system import LogJournal, ObjectIds, RandomInviteKeys, RandomShareCodes, SystemClock
from adapters.tidepool import (
    Peer,
    ServerToken,
    TidepoolProfiles,
    TidepoolRepresentatives,
    TidepoolRestrictedTokens,
    TidepoolServiceAccounts,
    TidepoolSessions,
    TidepoolUsers,
)
from adapters.xealth import ViewerAssets, XealthWebhook
from adapters.xealth.client import Credentials, XealthClient
from clinic_domain.application import Application
from clinic_domain.storage import Storage, Work
from clinic_domain.values import UserId
from support.shared import module

T = TypeVar("T")

DEMO_PATIENT: Final = UserId("2000000009")
WEB: Final = "https://app.example.com"
ASSETS: Final = "https://assets.example.com"
_PEERS: Final = "http://peers"
_CREDENTIALS: Final = Credentials(
    client_id="client-id",
    client_secret="client-secret",
    token_url=_PEERS + "/xealth/oauth2/token",
    base_url=_PEERS + "/xealth",
)
_KEYCLOAK: Final = _PEERS + "/keycloak/realms/test/protocol/openid-connect/token"

Answer = tuple[int, Mapping[str, str], bytes]
Send = Callable[[str, str, Mapping[str, str], bytes | None], Awaitable[Answer]]


@attrs.frozen
class Platform:
    """The API and the use cases behind it."""

    application: Application
    storage: Storage
    app: ASGIApp
    client: httpx.AsyncClient

    async def mails(self) -> list[dict[str, Any]]:
        """Send what is owed, and return all that was ever sent."""
        await self.application.outbox.deliver()
        sent: list[dict[str, Any]] = module("peers/peers.py").STATE.mails
        return list(sent)

    @property
    def send(self) -> Send:
        return sender(self.client, "http://api")


def sender(client: httpx.AsyncClient, api: str) -> Send:
    """Return how to send requests to an address as the goldens want them sent."""

    async def send(
        method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        # The path goes out as it is: an HTTP client would tidy it up.
        url = httpx.URL(api).copy_with(raw_path=path.encode())
        answer = await client.request(method, url, headers=dict(headers), content=content)
        return answer.status_code, dict(answer.headers), answer.content

    return send


@asynccontextmanager
async def platform(storage: Storage) -> AsyncIterator[Platform]:
    """Run the API over *storage*."""
    peers = module("peers/peers.py")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(peers.app)) as outgoing:
        token = ServerToken(outgoing, _PEERS + "/shoreline", "server")
        shoreline = Peer("shoreline", outgoing, _PEERS + "/shoreline", token)
        seagull = Peer("seagull", outgoing, _PEERS + "/seagull", token)
        gatekeeper = Peer("gatekeeper", outgoing, _PEERS + "/gatekeeper", token, attempts=1)
        application = Application.over(
            storage,
            users=TidepoolUsers(shoreline),
            profiles=TidepoolProfiles(seagull),
            service_accounts=TidepoolServiceAccounts(outgoing, _KEYCLOAK),
            clock=SystemClock(),
            ids=ObjectIds(),
            share_codes=RandomShareCodes(),
            journal=LogJournal(),
            representatives=TidepoolRepresentatives(gatekeeper),
            invite_keys=RandomInviteKeys(),
            mailer=LetterMailer(
                Writer("clinic@example.com", WEB, ASSETS),
                SesCarrier(outgoing, "us-west-2", _PEERS + "/ses"),
            ),
            demo_patient=DEMO_PATIENT,
            # The reference leaves that to another program.
            announces=False,
            redox_orders=RedoxOrders(),
            xealth_orders=XealthClient(outgoing, _CREDENTIALS, attempts=1),
            restricted_tokens=TidepoolRestrictedTokens(
                Peer("auth", outgoing, _PEERS + "/auth", token)
            ),
        )
        app = create_app(
            application,
            TidepoolSessions(shoreline),
            XlsxWorkbooks(),
            readiness=storage.ping,
            partners=Partners(
                redox=RedoxWebhook(application.messages, "redox-token"),
                xealth=XealthWebhook(
                    application.enrollments, "https://app.example.com", "xealth-token"
                ),
                assets=ViewerAssets(SystemClock().now()),
            ),
        )
        incoming = httpx.ASGITransport(app)  # type: ignore[arg-type]  # two names for one protocol
        async with httpx.AsyncClient(transport=incoming) as client:
            yield Platform(application, storage, app, client)


async def put_xealth_order(deployment: str, order: str, body: Any) -> None:
    """Let Xealth have an order."""
    module("peers/peers.py").STATE.orders[deployment, order] = body


def reset_peers() -> None:
    """Let the platform's services forget what they were told."""
    module("peers/peers.py").STATE.reset()


@attrs.define
class ExchangeableStorage(Storage):
    """Stands for one storage after the other."""

    now: Storage = attrs.field(factory=MemoryStorage)

    async def transaction(self, work: Work[T]) -> T:
        return await self.now.transaction(work)

    async def read(self, work: Work[T]) -> T:
        return await self.now.read(work)

    async def ping(self) -> None:
        await self.now.ping()

    async def close(self) -> None:
        await self.now.close()
