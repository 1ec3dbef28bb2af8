"""What the repositories of one piece of work share: the database, the session, what was read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import attrs
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.changes import Update
from adapters.mongo.documents import Document, equal_to
from adapters.mongo.indexes import CLINICS, PATIENTS
from adapters.mongo.locks import Watch
from adapters.mongo.memory import Memory
from adapters.mongo.patient_records import patients_in
from adapters.mongo.patient_rolls import matches_in
from adapters.mongo.turns import Turn
from clinic_domain.errors import DomainError
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import PatientMatches, PatientQuery
from clinic_domain.values import ClinicId, RecordId

T = TypeVar("T")

_INDEX: Final = re.compile(r" index: (?:\S*\.\$)?(\S+) dup key")
_TOUCH: Final = (Update({"$set": {"_locked": True}}), Update({"$unset": {"_locked": ""}}))


@attrs.define(eq=False)
class Scope:
    """
    A transaction, or with `session=None` reads that each see what is committed.

    Transactions of MongoDB meet where they write the same document. Where one rests on a clinic
    that it read, it therefore writes it in the end: `touch` gives it another version with the same
    content.
    """

    _database: AsyncDatabase[Document]
    _session: AsyncClientSession | None = None
    _turn: Turn | None = None
    _memory: Memory | None = None
    """What is known already; a transaction, which may have written something, has none."""
    _read: set[ObjectId] = attrs.field(factory=set, init=False)
    _written: set[ObjectId] = attrs.field(factory=set, init=False)
    _has_written: bool = attrs.field(default=False, init=False)
    _is_caught_up: bool = attrs.field(default=False, init=False)
    _watch: Watch | None = attrs.field(default=None, kw_only=True)

    async def ended(self) -> None:
        """Return if what was read can be relied on. Raises StorageBusy."""
        if self._watch is not None:
            await self._watch.ended(self._database)

    def _asked(self, collection: str, condition: Mapping[str, Any]) -> None:
        if self._watch is not None:
            self._watch.asked(collection, condition)

    def _collection(self, name: str) -> AsyncCollection[Document]:
        return self._database[name]

    async def _writing(self) -> AsyncClientSession:
        if self._session is None:
            raise TypeError("work that only reads cannot write")
        self._has_written = True
        return self._session

    async def will_read_clinic(self, clinic_id: ObjectId) -> None:
        if self._turn is not None:
            await self._turn.at(clinic_id)

    def has_read_clinic(self, clinic_id: ObjectId) -> None:
        self._read.add(clinic_id)

    def has_written_clinic(self, clinic_id: ObjectId) -> None:
        self._written.add(clinic_id)

    async def touch_clinics(self) -> None:
        """Meet everybody who changed a clinic that this transaction read and rests on."""
        if self._has_written:
            for clinic_id in self._read - self._written:
                await self.touch(clinic_id)

    async def touch(self, clinic_id: ObjectId) -> None:
        self.has_written_clinic(clinic_id)
        await self.update(CLINICS, {"_id": clinic_id}, _TOUCH)

    # Reading

    async def one(
        self, collection: str, condition: Document, decode: Callable[[Document], T]
    ) -> T | None:
        self._asked(collection, condition)
        found = self._collection(collection).find_one(condition, session=self._session)
        document = await to_the_end(found)
        return None if document is None else decode(document)

    def find(self, collection: str, condition: Document, **options: Any) -> AsyncCursor[Document]:
        self._asked(collection, condition)
        return self._collection(collection).find(condition, session=self._session, **options)

    async def aggregate(self, collection: str, pipeline: Sequence[Document]) -> list[Document]:
        self._asked(collection, pipeline[0]["$match"])

        async def all_() -> list[Document]:
            cursor = await self._collection(collection).aggregate(pipeline, session=self._session)
            return await cursor.to_list()

        return await to_the_end(all_())

    async def matches(self, query: PatientQuery) -> PatientMatches:
        """Return which patients a query finds."""
        self._asked(PATIENTS, {"clinicId": equal_to(query.clinic_id)})
        if self._memory is None:
            return await matches_in(self._database, query, self._session)
        found = await self._memory.rolls.matches(query, is_caught_up=self._is_caught_up)
        self._is_caught_up = True
        return found

    async def patients(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> tuple[Patient, ...]:
        """Return some patients of a clinic, in the order of *ids*."""
        self._asked(PATIENTS, {"clinicId": equal_to(clinic_id)})
        if self._memory is None:
            return await patients_in(self._database, clinic_id, ids, self._session)
        found = await self._memory.records.some(clinic_id, ids, is_caught_up=self._is_caught_up)
        self._is_caught_up = True
        return found

    async def count(self, collection: str, condition: Document) -> int:
        self._asked(collection, condition)
        return await to_the_end(
            self._collection(collection).count_documents(condition, session=self._session)
        )

    # Writing

    async def insert(self, collection: str, *documents: Document | RawBSONDocument) -> None:
        for document in documents:
            self._asked(collection, document)
        session = await self._writing()
        await to_the_end(self._collection(collection).insert_many(documents, session=session))

    async def update(self, collection: str, condition: Document, updates: Sequence[Update]) -> bool:
        """Apply updates to one document, one after another; return whether it is there."""
        return await self.update_each(collection, [(condition, one) for one in updates]) > 0

    async def update_each(self, collection: str, changes: Iterable[tuple[Document, Update]]) -> int:
        """Apply an update to one document each; return how many were there."""
        changes = list(changes)
        for condition, _ in changes:
            self._asked(collection, condition)
        session = await self._writing()
        writes = [
            UpdateOne(condition, update.change, array_filters=update.filters or None)
            for condition, update in changes
        ]
        result = await to_the_end(self._collection(collection).bulk_write(writes, session=session))
        return result.matched_count

    async def update_all(
        self,
        collection: str,
        condition: Document,
        change: Document | Sequence[Document],
        filters: Sequence[Document] | None = None,
    ) -> int:
        """Change all documents that match; return how many."""
        self._asked(collection, condition)
        session = await self._writing()
        result = await to_the_end(
            self._collection(collection).update_many(
                condition, change, array_filters=filters, session=session
            )
        )
        return result.matched_count

    async def put(self, collection: str, condition: Document, change: Document) -> Document | None:
        """Change the document that matches, or make one; return it as it is then."""
        self._asked(collection, condition)
        session = await self._writing()
        return await to_the_end(
            self._collection(collection).find_one_and_update(
                condition,
                change,
                upsert=True,
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        )

    async def store(
        self, collection: str, document: Document, optional: Iterable[str] = ()
    ) -> None:
        """
        Put a document in the place of the one with its id, or make one.

        Members that only other programs know stay; *optional* are those that it may lack.
        """
        members = {key: value for key, value in document.items() if key != "_id"}
        change: Document = {"$set": members}
        if missing := {key: "" for key in optional if key not in members}:
            change["$unset"] = missing
        await self.put(collection, {"_id": document["_id"]}, change)

    async def take(self, collection: str, condition: Document) -> Document | None:
        """Delete a document, and return it."""
        self._asked(collection, condition)
        session = await self._writing()
        return await to_the_end(
            self._collection(collection).find_one_and_delete(condition, session=session)
        )

    async def forget(self, collection: str, clinics: list[ObjectId], ids: list[ObjectId]) -> int:
        """Delete documents of some clinics, of which nothing is kept; return how many."""
        return await self.delete(collection, {"_id": {"$in": ids}, "clinicId": {"$in": clinics}})

    async def delete(self, collection: str, condition: Document) -> int:
        """Delete all documents that match; return how many."""
        self._asked(collection, condition)
        session = await self._writing()
        result = await to_the_end(
            self._collection(collection).delete_many(condition, session=session)
        )
        return result.deleted_count


@contextmanager
def refusals(errors: Mapping[str, DomainError]) -> Iterator[None]:
    """Raise one of *errors*, by the name of the unique index that refused a document."""
    try:
        yield
    except (DuplicateKeyError, BulkWriteError) as error:
        refusal = errors.get(violated_index(error))
        if refusal is None:
            raise
        raise refusal from None


def violated_index(error: DuplicateKeyError | BulkWriteError) -> str:
    """Return the name of the unique index that refused a document, or an empty text."""
    details: Mapping[str, Any] = error.details or {}
    first: Mapping[str, Any] = next(iter(details.get("writeErrors") or ()), details)
    found = _INDEX.search(str(first.get("errmsg", "")))
    return found[1] if found else ""
