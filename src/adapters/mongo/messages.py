"""Messages of Redox in MongoDB, and the orders of reports (8.6)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs
import bson
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING

from adapters.mongo.cursors import documents, listed
from adapters.mongo.documents import (
    FLAG,
    MOMENT,
    NEVER,
    OBJECT_ID,
    TEXT,
    Codec,
    Document,
    Member,
    Presence,
    Shape,
    Unreadable,
    array_of,
    document_of,
    equal_to,
    object_id,
)
from adapters.mongo.indexes import MESSAGES, REPORT_ORDERS
from adapters.mongo.json_documents import json_of, storable
from adapters.mongo.scope import Scope
from clinic_domain.ehr.model import (
    Message,
    MessageLog,
    MessageMeta,
    Named,
    Numbered,
    PrecedingOrder,
    ReportOrder,
)
from clinic_domain.ehr.ports import MessageRepository
from clinic_domain.values import EVERYTHING, ClinicId, Page, RecordId

ALWAYS: Final = Presence.ALWAYS
_LARGEST_COPY: Final = 2**24 - 2**10
"""Bytes of a message that leave room for its order in one document."""


def _number(stored: Any) -> float:
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        raise Unreadable(type(stored).__name__)
    return stored


# Not always a double: whole numbers that none can hold stay whole.
_EXACT_NUMBER: Final = Codec(lambda value: value, _number)
_NAMED: Final = Shape(
    Named, (Member("id", "ID", TEXT, ALWAYS), Member("name", "Name", TEXT, ALWAYS))
)
_LOG: Final = Shape(
    MessageLog, (Member("attempt_id", "AttemptID", TEXT, ALWAYS), Member("id", "ID", TEXT, ALWAYS))
)
_NUMBERED: Final = Shape(Numbered, (Member("id", "ID", _EXACT_NUMBER, ALWAYS),))
_META: Final = Shape(
    MessageMeta,
    (
        Member("data_model", "DataModel", TEXT, missing=""),
        Member("destinations", "Destinations", array_of(_NAMED.codec())),
        Member("event_time", "EventDateTime", TEXT, ALWAYS),
        Member("event_type", "EventType", TEXT, missing=""),
        Member("facility_code", "FacilityCode", TEXT, ALWAYS),
        Member("logs", "Logs", array_of(_LOG.codec())),
        Member("message", "Message", _NUMBERED.codec()),
        Member("source", "Source", _NAMED.codec()),
        Member("is_test", "Test", FLAG, ALWAYS),
        Member("transmission", "Transmission", _NUMBERED.codec()),
    ),
)
_MESSAGE: Final = Shape(
    Message,
    (
        Member("id", "_id", OBJECT_ID),
        Member("meta", "meta", _META.codec()),
        Member("content", "message", Codec(dict, json_of)),
    ),
)
_PRECEDING: Final = Shape(
    PrecedingOrder,
    (Member("id", "_id", OBJECT_ID), Member("created_time", "createdTime", MOMENT, missing=NEVER)),
)


def _matched(message_id: RecordId) -> Document:
    return {"_id": ObjectId(message_id)}


_REPORT_ORDER: Final = Shape(
    ReportOrder,
    (
        Member("id", "_id", OBJECT_ID),
        Member("clinic_id", "clinicId", OBJECT_ID),
        Member("user_id", "userId", TEXT),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
        Member(
            "message_id",
            "lastMatchedOrder",
            Codec(_matched, lambda stored: OBJECT_ID.decode(document_of(stored).get("_id"))),
        ),
        Member("preceding", "precedingDocument", _PRECEDING.codec()),
    ),
)


def message_document(message: Message) -> Document:
    return _MESSAGE.encode(message)


def message_of(document: Document) -> Message:
    """Return the message of a document. Raises Unreadable."""
    return _MESSAGE.read(document)


def report_order_document(order: ReportOrder) -> Document:
    """Return an order of a report, as far as the message is not copied into it."""
    return _REPORT_ORDER.encode(order)


def report_order_of(document: Document) -> ReportOrder:
    """Return the order of a report. Raises Unreadable."""
    return _REPORT_ORDER.read(document)


async def with_messages(scope: Scope, orders: Iterable[Document]) -> list[Document]:
    """
    Return orders of reports with whole messages, which the worker reads there.

    Of a message that leaves no room for its order, the order has the id alone.
    """
    waiting = list(orders)
    ids = [order["lastMatchedOrder"]["_id"] for order in waiting if "lastMatchedOrder" in order]
    cursor = scope.find(MESSAGES, {"_id": {"$in": ids}})
    messages = {
        message["_id"]: message
        for message in await documents(cursor, EVERYTHING)
        if len(bson.encode(message)) <= _LARGEST_COPY
    }
    return [
        {**order, "lastMatchedOrder": messages.get(order["lastMatchedOrder"]["_id"], _found(order))}
        if "lastMatchedOrder" in order
        else order
        for order in waiting
    ]


def _found(order: Document) -> Document:
    matched: Document = order["lastMatchedOrder"]
    return matched


@attrs.frozen
class MongoMessageRepository(MessageRepository):
    """One document per message, and per report order."""

    _scope: Scope

    async def find(self, message_id: RecordId) -> Message | None:
        return await self._scope.one(MESSAGES, {"_id": equal_to(message_id)}, message_of)

    async def add(self, message: Message) -> None:
        with storable():
            await self._scope.insert(MESSAGES, message_document(message))

    async def stored(self, message_ids: Collection[RecordId]) -> frozenset[RecordId]:
        ids = [id_ for id_ in map(object_id, message_ids) if id_ is not None]
        cursor = self._scope.find(MESSAGES, {"_id": {"$in": ids}}, projection=["_id"])
        found = await documents(cursor, EVERYTHING)
        return frozenset(RecordId(str(document["_id"])) for document in found)

    async def order_reports(self, orders: Iterable[ReportOrder]) -> None:
        found = await with_messages(self._scope, map(report_order_document, orders))
        if found:
            await self._scope.insert(REPORT_ORDERS, *found)

    async def last_ordered(
        self, message_ids: Collection[RecordId]
    ) -> Mapping[RecordId, PrecedingOrder]:
        newest_first = [("createdTime", DESCENDING), ("_id", DESCENDING)]
        found = {}
        for message_id in sorted(message_ids):
            condition = {"lastMatchedOrder._id": equal_to(message_id)}
            cursor = self._scope.find(REPORT_ORDERS, condition, projection=["_id", "createdTime"])
            for document in await documents(cursor.sort(newest_first), Page(limit=1)):
                found[message_id] = _PRECEDING.read(document)
        return found

    async def reports_ordered(self, clinic_id: ClinicId) -> tuple[ReportOrder, ...]:
        cursor = self._scope.find(REPORT_ORDERS, {"clinicId": equal_to(clinic_id)})
        return await listed(cursor.sort("_id", ASCENDING), EVERYTHING, report_order_of)

    async def forget_reports(self, before: datetime) -> None:
        """Leave that to the server, which has an index that does it."""
