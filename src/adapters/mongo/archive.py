"""Everything that a database keeps, to be copied: as records, or as the documents that they are."""

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import attrs
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from adapters.mongo import clinicians, clinics, patients
from adapters.mongo.account_documents import (
    account_document,
    account_of,
    token_document,
    token_of,
)
from adapters.mongo.accounts import SIGNING_KEY
from adapters.mongo.clinic_documents import clinic_document, clinic_of
from adapters.mongo.clinician_documents import clinician_document, clinician_of
from adapters.mongo.cursors import documents
from adapters.mongo.deletions import Grave, record_of
from adapters.mongo.documents import TEXT, Document, Unreadable
from adapters.mongo.enrollments import (
    order_document,
    order_of,
    preorder_document,
    preorder_of,
    view_document,
    view_of,
)
from adapters.mongo.indexes import (
    ACCOUNTS,
    CLINICIANS,
    CLINICS,
    CONFIRMATIONS,
    ENROLLMENT_ORDERS,
    MERGE_PLANS,
    MESSAGES,
    MIGRATIONS,
    OUTBOX,
    PATIENTS,
    PREORDERS,
    REPORT_ORDERS,
    REPORT_VIEWS,
    SETTINGS,
    TOKENS,
)
from adapters.mongo.invite_documents import OURS, invite_document, invite_of
from adapters.mongo.merge_documents import merge_document, merge_record_of
from adapters.mongo.messages import (
    message_document,
    message_of,
    report_order_document,
    report_order_of,
    with_messages,
)
from adapters.mongo.migrations import migration_document, migration_of
from adapters.mongo.outbox import notification_document, notification_of
from adapters.mongo.patient_documents import patient_document, patient_of
from adapters.mongo.scope import Scope, violated_index
from adapters.mongo.transactions import told
from clinic_domain.copying import AT_ONCE, Archive, Illegible, Kind, NotKept, Record, SigningKey
from clinic_domain.values import Page

Within = Callable[[Callable[[Scope], Awaitable[None]]], Awaitable[None]]
"""Runs work in a transaction."""

_UNFIT: Final = "it holds an id, a text or a number that MongoDB does not take"
_LAST: Final = Page(limit=1)


@attrs.frozen
class _Shelf:
    """Where records of a kind are kept, and how."""

    collection: str
    record_of: Callable[[Document], Record]
    document_of: Callable[[Any], Document]
    ours: Document = attrs.field(factory=dict)
    """Which documents of the collection are records."""
    completed: Callable[[Scope, Iterable[Document]], Awaitable[list[Document]]] | None = None
    """Puts into documents what stands in others as well."""


def _deletions(
    grave: Grave, decode: Callable[[Document], Any], encode: Callable[[Any], Document]
) -> _Shelf:
    return _Shelf(
        grave.collection,
        partial(record_of, grave.name, decode),
        lambda record: grave.record(encode(record.removed), record.deletion),
    )


_SHELVES: Final[Mapping[Kind, _Shelf]] = {
    Kind.ACCOUNTS: _Shelf(ACCOUNTS, account_of, account_document),
    Kind.TOKENS: _Shelf(TOKENS, token_of, token_document),
    Kind.SIGNING_KEY: _Shelf(
        SETTINGS,
        lambda document: SigningKey(TEXT.decode(document.get("value"))),
        lambda key: {"_id": SIGNING_KEY, "value": key.value},
    ),
    Kind.CLINICS: _Shelf(CLINICS, clinic_of, clinic_document),
    Kind.CLINICIANS: _Shelf(CLINICIANS, clinician_of, clinician_document),
    Kind.PATIENTS: _Shelf(PATIENTS, patient_of, patient_document),
    Kind.INVITES: _Shelf(CONFIRMATIONS, invite_of, invite_document, OURS),
    Kind.NOTIFICATIONS: _Shelf(OUTBOX, notification_of, notification_document),
    Kind.MIGRATIONS: _Shelf(MIGRATIONS, migration_of, migration_document),
    Kind.MESSAGES: _Shelf(MESSAGES, message_of, message_document),
    Kind.REPORT_ORDERS: _Shelf(
        REPORT_ORDERS, report_order_of, report_order_document, completed=with_messages
    ),
    Kind.PREORDERS: _Shelf(PREORDERS, preorder_of, preorder_document),
    Kind.ENROLLMENT_ORDERS: _Shelf(ENROLLMENT_ORDERS, order_of, order_document),
    Kind.REPORT_VIEWS: _Shelf(REPORT_VIEWS, view_of, view_document),
    Kind.CLINIC_DELETIONS: _deletions(clinics.GRAVE, clinic_of, clinic_document),
    Kind.CLINICIAN_DELETIONS: _deletions(clinicians.GRAVE, clinician_of, clinician_document),
    Kind.PATIENT_DELETIONS: _deletions(patients.GRAVE, patient_of, patient_document),
    Kind.MERGE_RECORDS: _Shelf(MERGE_PLANS, merge_record_of, merge_document),
}


@attrs.frozen
class MongoArchive(Archive[Record]):
    """What other programs know of a document beside us is not in its record."""

    _database: AsyncDatabase[Document]
    _within: Within

    async def count(self, kind: Kind) -> int:
        return await _count(self._database, kind, _SHELVES[kind].ours)

    async def scan(self, kind: Kind) -> AsyncGenerator[Record | Illegible]:
        with told():
            async with _all(self._database, kind, _SHELVES[kind].ours) as cursor:
                async for document in cursor:
                    yield _read(kind, document)

    async def store(self, kind: Kind, records: Sequence[Record]) -> None:
        shelf = _SHELVES[kind]

        async def work(scope: Scope) -> None:
            ids = _ids_behind(await _last_id(scope, shelf.collection))
            found = [{"_id": next(ids)} | shelf.document_of(record) for record in records]
            if shelf.completed is not None:
                found = await shelf.completed(scope, found)
            with _refusals():
                await scope.insert(shelf.collection, *found)

        await self._within(work)


@attrs.frozen
class RawDocument:
    """A document as it is in the database."""

    id: str
    content: bytes


class DocumentArchive(Archive[RawDocument]):
    """Copies between databases of MongoDB lose nothing, whoever wrote it."""

    def __init__(self, database: AsyncDatabase[Document], within: Within) -> None:
        self._database: AsyncDatabase[RawBSONDocument] = database.with_options(_RAW)
        self._within = within

    async def count(self, kind: Kind) -> int:
        return await _count(self._database, kind, {})

    async def scan(self, kind: Kind) -> AsyncGenerator[RawDocument]:
        with told():
            async with _all(self._database, kind, {}) as cursor:
                async for document in cursor:
                    yield RawDocument(str(document["_id"]), bytes(document.raw))

    async def store(self, kind: Kind, records: Sequence[RawDocument]) -> None:
        async def work(scope: Scope) -> None:
            with _refusals():
                await scope.insert(
                    _SHELVES[kind].collection,
                    *(RawBSONDocument(record.content, _RAW) for record in records),
                )

        await self._within(work)


_RAW: Final = CodecOptions(
    document_class=RawBSONDocument,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


async def _count(database: AsyncDatabase[Any], kind: Kind, which: Document) -> int:
    with told():
        return await database[_SHELVES[kind].collection].count_documents(which)


def _all(database: AsyncDatabase[Any], kind: Kind, which: Document) -> AsyncCursor[Any]:
    collection = database[_SHELVES[kind].collection]
    return collection.find(which, batch_size=AT_ONCE).sort("_id")


def _read(kind: Kind, document: Document) -> Record | Illegible:
    try:
        return _SHELVES[kind].record_of(document)
    except Unreadable as error:
        return Illegible(str(document.get("_id")), f"it cannot be read: {error}")


async def _last_id(scope: Scope, collection: str) -> Any:
    found = await documents(scope.find(collection, {}).sort("_id", -1), _LAST)
    return found[0]["_id"] if found else None


def _ids_behind(last: Any) -> Iterator[ObjectId]:
    """Yield ids for documents that are behind all others."""
    while True:
        new = ObjectId()
        # Of two processes in one second either may have the smaller ids, and counters begin anew.
        if isinstance(last, ObjectId) and new <= last:
            new = ObjectId((int.from_bytes(last.binary) + 1).to_bytes(12))
        yield new
        last = new


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BulkWriteError as error:
        if not (index := violated_index(error)):
            raise
        raise NotKept(f"it clashes with another one ({index})") from None
    except (BSONError, OverflowError):
        raise NotKept(_UNFIT) from None
