"""Clinics in MongoDB."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs
from bson import ObjectId
from pymongo import ASCENDING

from adapters.mongo.changes import updates_between
from adapters.mongo.clinic_documents import CLINIC_LAYOUT, clinic_document, clinic_of
from adapters.mongo.cursors import listed
from adapters.mongo.deletions import Grave, move_one
from adapters.mongo.documents import Document, object_id
from adapters.mongo.indexes import CLINIC_DELETIONS, CLINICS, PATIENTS
from adapters.mongo.scope import Scope, refusals
from clinic_domain.clinics.errors import ClinicNotFound, DuplicateShareCode
from clinic_domain.clinics.model import Clinic, ClinicQuery, ClinicView
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.deletions import Deletion
from clinic_domain.values import ClinicId, SiteId, TagId

GRAVE: Final = Grave(CLINIC_DELETIONS, "clinic", unless_null=frozenset({"phoneNumbers"}))

_LABELS_AT_ONCE: Final = 250
"""How many counts one round trip asks for; a pipeline has at most 1000 stages."""


@attrs.frozen
class _Label:
    """A tag or site of a clinic, and how patients hold it."""

    clinic_id: ClinicId
    field: str
    id: str

    def counting(self, name: str) -> Document:
        holders = {"clinicId": ObjectId(self.clinic_id), self.field: ObjectId(self.id)}
        pipeline = [{"$match": holders}, {"$count": "patients"}]
        return {"$lookup": {"from": PATIENTS, "pipeline": pipeline, "as": name}}


@attrs.frozen
class MongoClinicRepository(ClinicRepository):
    """
    One document per clinic; the server's unique indexes guard share codes.

    Patients of tags and sites are counted when somebody asks, in indexes alone: no counter can be
    kept, because other programs write patients as well. A view costs two round trips, however many
    clinics and labels, and the server steps over one index key per patient and label.
    """

    _scope: Scope

    async def find(self, clinic_id: ClinicId) -> Clinic | None:
        id_ = object_id(clinic_id)
        if id_ is None:
            return None
        await self._scope.will_read_clinic(id_)
        clinic = await self._scope.one(CLINICS, {"_id": id_}, clinic_of)
        if clinic is not None:
            self._scope.has_read_clinic(id_)
        return clinic

    async def find_view(self, clinic_id: ClinicId) -> ClinicView | None:
        clinic = await self.find(clinic_id)
        if clinic is None:
            return None
        (view,) = await self._viewed([clinic])
        return view

    async def views(self, query: ClinicQuery) -> tuple[ClinicView, ...]:
        cursor = self._scope.find(CLINICS, _condition(query)).sort("_id", ASCENDING)
        return await self._viewed(await listed(cursor, query.page, clinic_of))

    async def add(self, clinic: Clinic) -> None:
        self._scope.has_written_clinic(ObjectId(clinic.id))
        with refusals(_refusals_of(clinic)):
            await self._scope.insert(CLINICS, clinic_document(clinic))

    async def save(self, clinic: Clinic, *, was: Clinic) -> None:
        id_ = ObjectId(clinic.id)
        updates = updates_between(clinic_document(was), clinic_document(clinic), CLINIC_LAYOUT)
        if not updates:
            await self._scope.touch(id_)
            return
        self._scope.has_written_clinic(id_)
        with refusals(_refusals_of(clinic)):
            if not await self._scope.update(CLINICS, {"_id": id_}, updates):
                raise ClinicNotFound(clinic.id)

    async def remove(self, clinic: Clinic, deletion: Deletion) -> None:
        id_ = ObjectId(clinic.id)
        self._scope.has_written_clinic(id_)
        if not await move_one(self._scope, CLINICS, {"_id": id_}, GRAVE, deletion):
            raise ClinicNotFound(clinic.id)

    async def _viewed(self, clinics: Sequence[Clinic]) -> tuple[ClinicView, ...]:
        labels = [label for clinic in clinics for label in _labels(clinic)]
        counts = await self._counts(labels)
        return tuple(
            ClinicView(
                clinic,
                tag_patients={
                    tag.id: counts[_tag_label(clinic, tag.id)] for tag in clinic.tags or ()
                },
                site_patients={
                    site.id: counts[_site_label(clinic, site.id)] for site in clinic.sites
                },
            )
            for clinic in clinics
        )

    async def _counts(self, labels: Sequence[_Label]) -> dict[_Label, int]:
        counts = dict.fromkeys(labels, 0)
        for start in range(0, len(labels), _LABELS_AT_ONCE):
            some = labels[start : start + _LABELS_AT_ONCE]
            # Any one document does to hang the counts on: this is how the server takes many
            # questions at once, also in transactions.
            hook: list[Document] = [
                {"$match": {"_id": ObjectId(some[0].clinic_id)}},
                {"$project": {"_id": 1}},
            ]
            looks = [label.counting(str(number)) for number, label in enumerate(some)]
            for found in await self._scope.aggregate(CLINICS, [*hook, *looks]):
                for number, label in enumerate(some):
                    counts[label] = sum(each["patients"] for each in found[str(number)])
        return counts


def _tag_label(clinic: Clinic, tag_id: TagId) -> _Label:
    return _Label(clinic.id, "tags", tag_id)


def _site_label(clinic: Clinic, site_id: SiteId) -> _Label:
    return _Label(clinic.id, "sites.id", site_id)


def _labels(clinic: Clinic) -> Iterable[_Label]:
    yield from (_tag_label(clinic, tag.id) for tag in clinic.tags or ())
    yield from (_site_label(clinic, site.id) for site in clinic.sites)


def _condition(query: ClinicQuery) -> Document:
    condition: Document = {}
    if query.ids is not None:
        condition["_id"] = {"$in": [id_ for id_ in map(object_id, query.ids) if id_ is not None]}
    if query.share_code is not None:
        condition["shareCodes"] = query.share_code
    created: dict[str, Any] = {}
    if query.created_from is not None:
        created["$gte"] = query.created_from
    if query.created_before is not None:
        created["$lt"] = query.created_before
    if created:
        condition["createdTime"] = created
    if query.ehr_enabled is not None:
        condition["ehrSettings.enabled"] = query.ehr_enabled
    if query.ehr_source_id is not None:
        condition["ehrSettings.sourceId"] = query.ehr_source_id
    if query.ehr_provider is not None:
        condition["ehrSettings.provider"] = query.ehr_provider
    if any(member.startswith("ehrSettings.") for member in condition):
        # Only then the server may use the index that knows them.
        condition["ehrSettings"] = {"$exists": True}
    return condition


def _refusals_of(clinic: Clinic) -> dict[str, DuplicateShareCode]:
    taken = DuplicateShareCode(clinic.share_code)
    return {"UniqueShareCodes": taken, "UniqueCanonicalShareCode": taken}
