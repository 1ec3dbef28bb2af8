"""Messages of Redox are kept up to the size of a document, and larger ones refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, cast

import bson
import httpx
import pytest
from bson import ObjectId

from adapters.http_litestar import Partners, create_app
from adapters.memory import MemoryStorage
from adapters.mongo import MongoStorage
from adapters.mongo.indexes import REPORT_ORDERS
from adapters.mongo.messages import message_document
from adapters.redox import RedoxWebhook
from adapters.spreadsheet import XlsxWorkbooks
from adapters.sql import SqlStorage
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.copying import Kind
from clinic_domain.ehr.errors import UnstorableMessage
from clinic_domain.ehr.model import Message
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.archive import scanned
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_message, a_report_order
from support.mongo import an_empty_storage
from support.storages import STORAGES
from support.world import World

LARGEST: Final = 16 * 2**20
"""Bytes of a request, and of a document of MongoDB."""
_ENVELOPE: Final = 512
"""Bytes; a document takes some more than the JSON of a message that is one long text."""
_AT_ONCE: Final = 2


class Nobody(Sessions):
    async def identify(self, token: str) -> Principal | None:
        return None


@pytest.fixture(params=list(STORAGES))
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    async with STORAGES[request.param](request) as storage:
        yield storage


@pytest.fixture
async def redox(storage: Storage) -> AsyncIterator[httpx.AsyncClient]:
    world = World(storage=storage)
    partners = Partners(redox=RedoxWebhook(world.app.messages, "secret"))
    app = create_app(
        world.app, Nobody(), XlsxWorkbooks(), readiness=storage.ping, partners=partners
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),  # type: ignore[arg-type]  # two names for one protocol
        base_url="http://api",
        headers={"verification-token": "secret"},
    ) as client:
        yield client


async def test_messages_as_large_as_a_document_are_kept_and_larger_ones_refused(
    redox: httpx.AsyncClient, storage: Storage
) -> None:
    # What fits into a request and yet into no document is of no use to MongoDB alone.
    is_of_documents = isinstance(storage, MongoStorage)
    fitting = a_body(LARGEST - _ENVELOPE)

    answers = await asyncio.gather(
        *(redox.post("/v1/redox", content=fitting) for _ in range(_AT_ONCE)),
        redox.post("/v1/redox", content=a_body(LARGEST)),
        redox.post("/v1/redox", content=a_body(LARGEST + 1)),
    )

    *kept, full, too_large = (answer.status_code for answer in answers)
    assert kept == _AT_ONCE * [200]
    assert full == (400 if is_of_documents else 200)
    assert too_large == 413
    sizes = sorted(len(message.content["text"]) for message in await messages(storage))
    expected = _AT_ONCE * [LARGEST - _ENVELOPE] + ([] if is_of_documents else [LARGEST])
    assert [size + len(a_body(0)) for size in sizes] == expected


async def test_what_no_document_holds_is_refused(mongodb: str) -> None:
    nested: object = "x"
    for _ in range(250):
        nested = [nested]

    async with an_empty_storage(mongodb) as storage:
        for content in ({"text": LARGEST * "x"}, {"numbers": 2**21 * [1]}, {"x": nested}):
            with pytest.raises(UnstorableMessage):
                await keep(storage, a_message(content=content))

        assert await messages(storage) == []


async def test_the_order_of_a_report_has_room_for_its_message_or_names_it(mongodb: str) -> None:
    small = a_message(content={"text": ""})
    room = LARGEST - len(bson.encode(message_document(small)))
    large = a_message(content={"text": room * "x"})
    clinic = a_clinic()
    orders = [a_report_order(clinic, message_id=message.id) for message in (small, large)]

    async with an_empty_storage(mongodb) as storage:
        await keep(storage, small, large)
        await storage.transaction(lambda tx: tx.messages.order_reports(orders))

        assert await storage.read(lambda tx: tx.messages.reports_ordered(clinic.id)) == (*orders,)
        stored = await storage.database[REPORT_ORDERS].find().sort("_id").to_list()
    assert [order["lastMatchedOrder"] for order in stored] == [
        message_document(small),
        {"_id": ObjectId(large.id)},
    ]


def a_body(size: int) -> bytes:
    """Return a message of so many bytes, or the smallest one."""
    start, end = b'{"Meta": {"DataModel": "Order", "EventType": "New"}, "text": "', b'"}'
    return start + (size - len(start) - len(end)) * b"x" + end


async def messages(storage: Storage) -> list[Message]:
    archive = cast("MemoryStorage | MongoStorage | SqlStorage", storage).archive
    return cast("list[Message]", await scanned(archive, Kind.MESSAGES))
