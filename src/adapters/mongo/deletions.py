"""Deletion records: copies of documents as they were, with members that nobody here knows."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs
from pymongo import ASCENDING

from adapters.mongo.clinic_documents import clinic_of
from adapters.mongo.clinician_documents import clinician_of
from adapters.mongo.cursors import documents, listed
from adapters.mongo.documents import MOMENT, TEXT, Document, Member, Shape, document_of, equal_to
from adapters.mongo.indexes import CLINIC_DELETIONS, CLINICIAN_DELETIONS, PATIENT_DELETIONS
from adapters.mongo.patient_documents import patient_of
from adapters.mongo.scope import Scope
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.patients.model import Patient
from clinic_domain.storage import DeletionRepository
from clinic_domain.values import EVERYTHING, ClinicId, Page

R = TypeVar("R")

BATCH: Final = Page(limit=500)
"""How many documents are held in memory while many are moved."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_DELETION: Final = Shape(
    Deletion, (Member("time", "deletedTime", MOMENT), Member("by", "deletedByUserId", TEXT))
)


@attrs.frozen
class Grave:
    """Where copies of removed documents are kept, and under which name."""

    collection: str
    name: str
    always: Mapping[str, Any] = _NOTHING
    """What a copy has where the document lacked it."""
    always_within: Mapping[str, Mapping[str, Any]] = _NOTHING
    """What members of a copy have where they lacked it."""
    unless_null: frozenset[str] = frozenset()
    """What a copy does not have where it was null."""

    def record(self, document: Document, deletion: Deletion) -> Document:
        kept = {
            key: self._whole(key, value)
            for key, value in document.items()
            if value is not None or key not in self.unless_null
        }
        return {**_DELETION.encode(deletion), self.name: {**self.always, **kept}}

    def _whole(self, key: str, value: Any) -> Any:
        always = self.always_within.get(key)
        return {**always, **value} if always and isinstance(value, dict) else value


async def move(
    scope: Scope, collection: str, condition: Document, grave: Grave, deletion: Deletion
) -> list[Document]:
    """
    Move all documents that match to the deletion records.

    Return what names them: ids of record and clinic.
    """
    moved: list[Document] = []
    while batch := await documents(scope.find(collection, condition).sort("_id"), BATCH):
        await scope.insert(grave.collection, *(grave.record(each, deletion) for each in batch))
        ids = [document["_id"] for document in batch]
        await scope.delete(collection, {"_id": {"$in": ids}})
        moved.extend({key: document.get(key) for key in ("_id", "clinicId")} for document in batch)
    return moved


async def move_one(
    scope: Scope, collection: str, condition: Document, grave: Grave, deletion: Deletion
) -> bool:
    """Move a document to the deletion records; return whether it was there."""
    document = await scope.take(collection, condition)
    if document is None:
        return False
    await scope.insert(grave.collection, grave.record(document, deletion))
    return True


def record_of(name: str, decode: Callable[[Document], R], document: Document) -> DeletionRecord[R]:
    """Return the deletion record of a document that keeps the removed one as *name*."""
    removed = decode(document_of(document.get(name)))
    return DeletionRecord(removed, _DELETION.decode(document))


@attrs.frozen
class MongoDeletionRepository(DeletionRepository):
    _scope: Scope

    async def clinics(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinic], ...]:
        return await self._records(CLINIC_DELETIONS, "clinic", "_id", clinic_id, clinic_of)

    async def clinicians(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinician], ...]:
        return await self._records(
            CLINICIAN_DELETIONS, "clinician", "clinicId", clinic_id, clinician_of
        )

    async def patients(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Patient], ...]:
        return await self._records(PATIENT_DELETIONS, "patient", "clinicId", clinic_id, patient_of)

    async def _records(
        self,
        collection: str,
        name: str,
        key: str,
        clinic_id: ClinicId,
        decode: Callable[[Document], R],
    ) -> tuple[DeletionRecord[R], ...]:
        cursor = self._scope.find(collection, {f"{name}.{key}": equal_to(clinic_id)})
        read = partial(record_of, name, decode)
        return await listed(cursor.sort("_id", ASCENDING), EVERYTHING, read)
