"""What Xealth said, in MongoDB (8.8.12)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, Final

import attrs
from bson import ObjectId
from pymongo import DESCENDING

from adapters.mongo.cursors import documents
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
    array_of,
    document_of,
    equal_to,
    made,
)
from adapters.mongo.indexes import ENROLLMENT_ORDERS, PREORDERS, REPORT_VIEWS
from adapters.mongo.json_documents import plain, rfc3339, storable
from adapters.mongo.scope import Scope, refusals
from clinic_domain.ehr.errors import DuplicatePreorder
from clinic_domain.ehr.model import (
    Applicant,
    EnrollmentOrder,
    Identifier,
    Identities,
    Json,
    OrderEvent,
    Preorder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.ehr.ports import EnrollmentRepository
from clinic_domain.values import Page, RecordId

ALWAYS, FILLED = Presence.ALWAYS, Presence.FILLED

# What was entered

_APPLICANT: Final = Shape(
    Applicant,
    (
        Member("first_name", "firstName", TEXT, FILLED),
        Member("last_name", "lastName", TEXT, FILLED),
        Member("email", "email", TEXT, FILLED),
        Member("connect_abbott", "connectAbbott", FLAG, FILLED),
        Member("connect_dexcom", "connectDexcom", FLAG, FILLED),
    ),
)


def _tags_document(tag_ids: tuple[str, ...]) -> Document:
    return {"ids": list(tag_ids)} if tag_ids else {}


def _tags_of(stored: Any) -> tuple[str, ...]:
    ids: tuple[str, ...] = array_of(TEXT).decode(document_of(stored).get("ids") or [])
    return ids


_PREORDER: Final = Shape(
    Preorder,
    (
        Member("tracking_id", "dataTrackingId", TEXT, missing=""),
        Member("patient", "patient", _APPLICANT.codec()),
        Member("guardian", "guardian", _APPLICANT.codec()),
        Member("tag_ids", "tags", Codec(_tags_document, _tags_of)),
    ),
)


def preorder_document(stored: StoredPreorder) -> Document:
    return {"_id": ObjectId(stored.id), **_PREORDER.encode(stored.preorder)}


def preorder_of(document: Document) -> StoredPreorder:
    """Return what was entered, by its document. Raises Unreadable."""
    id_ = RecordId(OBJECT_ID.decode(document.get("_id")))
    return made(StoredPreorder, id=id_, preorder=_PREORDER.read(document))


# Orders

_IDENTIFIER: Final = Shape(
    Identifier,
    (
        Member("id", "id", TEXT, missing=""),
        Member("origin", "origin", TEXT, missing=""),
        Member("type", "type", TEXT, missing=""),
    ),
)
_IDENTITIES: Final = Shape(
    Identities,
    (
        Member("historical_ids", "historicalIds", array_of(_IDENTIFIER.codec())),
        Member("ids", "ids", array_of(_IDENTIFIER.codec()), ALWAYS),
    ),
)
_EVENT: Final = Shape(
    OrderEvent,
    (
        Member("deployment", "deployment", TEXT),
        Member("event_context", "eventContext", TEXT),
        Member("event_id", "eventId", TEXT),
        Member("time", "eventTimeStamp", MOMENT),
        Member("event_type", "eventType", TEXT),
        Member("order_id", "orderId", TEXT),
        Member("partner_id", "partnerId", TEXT),
        Member("identities", "patientIdentity", _IDENTITIES.codec(), missing=Identities()),
        Member("program_id", "programId", TEXT),
    ),
)

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def _typed(value: Any, name: str = "") -> Any:
    """Return JSON of Xealth with its dates as such; texts are told by how their members end."""
    if isinstance(value, dict):
        return {key: _typed(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_typed(item, name) for item in value]
    if isinstance(value, str) and name.endswith("DateTime") and _MOMENT.fullmatch(value):
        return _or_same(datetime.fromisoformat, value)
    if isinstance(value, str) and name.endswith("Date") and _DAY.fullmatch(value):
        return _or_same(_day_document, value)
    return value


def _or_same(read: Callable[[str], Any], value: str) -> Any:
    try:
        return read(value)
    except ValueError:
        return value


def _day_document(text: str) -> Document:
    return {"time": datetime.combine(date.fromisoformat(text), time(), UTC)}


def _untyped(value: Any) -> Any:
    match value:
        case {"time": datetime() as moment, **others} if not others:
            return moment.astimezone(UTC).date().isoformat()
        case dict():
            return {key: _untyped(member) for key, member in value.items()}
        case list():
            return [_untyped(item) for item in value]
        case datetime():
            return rfc3339(value)
        case _:
            return plain(value)


def _data_of(stored: Any) -> Json:
    return {key: _untyped(member) for key, member in document_of(stored).items()}


_ORDER: Final = Shape(
    EnrollmentOrder,
    (
        Member("id", "_id", OBJECT_ID),
        Member("event", "eventNotification", _EVENT.codec()),
        Member("data", "orderData", Codec(_typed, _data_of)),
    ),
)


def order_document(order: EnrollmentOrder) -> Document:
    return _ORDER.encode(order)


def order_of(document: Document) -> EnrollmentOrder:
    """Return the order of a document. Raises Unreadable."""
    return _ORDER.read(document)


# Views

_VIEW: Final = Shape(
    ReportView,
    (
        Member("id", "_id", OBJECT_ID),
        Member("viewer_id", "userId", TEXT),
        Member("deployment", "deployment", TEXT),
        Member("login", "systemLogin", TEXT),
        Member("patient_id", "patientUserId", TEXT),
        Member("program_id", "programId", TEXT),
        Member("clinic_id", "clinicId", OBJECT_ID),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
    ),
)
_REPORT: Final = ("userId", "deployment", "patientUserId", "programId", "clinicId")


def view_document(view: ReportView) -> Document:
    return _VIEW.encode(view)


def view_of(document: Document) -> ReportView:
    """Return the view of a document. Raises Unreadable."""
    return _VIEW.read(document)


@attrs.frozen
class MongoEnrollmentRepository(EnrollmentRepository):
    """One document per record; a unique index guards tracking ids."""

    _scope: Scope

    async def find_preorder(self, tracking_id: str) -> Preorder | None:
        found = await self._scope.one(PREORDERS, {"dataTrackingId": tracking_id}, preorder_of)
        return found.preorder if found else None

    async def add_preorder(self, stored: StoredPreorder) -> None:
        taken = DuplicatePreorder(stored.preorder.tracking_id)
        with refusals({"dataTrackingId": taken}):
            await self._scope.insert(PREORDERS, preorder_document(stored))

    async def find_order(self, order_id: RecordId) -> EnrollmentOrder | None:
        return await self._scope.one(ENROLLMENT_ORDERS, {"_id": equal_to(order_id)}, order_of)

    async def add_order(self, order: EnrollmentOrder) -> None:
        with storable():
            await self._scope.insert(ENROLLMENT_ORDERS, order_document(order))

    async def add_view(self, view: ReportView) -> None:
        await self._scope.insert(REPORT_VIEWS, view_document(view))

    async def last_view(self, like: ReportView) -> datetime | None:
        wanted = view_document(like)
        condition = {name: wanted[name] for name in _REPORT}
        cursor = self._scope.find(REPORT_VIEWS, condition).sort("createdTime", DESCENDING)
        found = await documents(cursor, Page(limit=1))
        return view_of(found[0]).created_time if found else None
