"""Patients in MongoDB."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from bson import ObjectId
from pymongo import ASCENDING

from adapters.mongo.changes import Layout, Update, updates_between
from adapters.mongo.cursors import documents, listed, readable
from adapters.mongo.deletions import Grave, move, move_one
from adapters.mongo.documents import Document, equal_to
from adapters.mongo.indexes import IGNORING_CASE_AND_ACCENTS, PATIENT_DELETIONS, PATIENTS
from adapters.mongo.patient_conditions import (
    ehr_condition,
    search_condition,
    walk_condition,
)
from adapters.mongo.patient_documents import (
    ALWAYS_COPIED,
    ALWAYS_COPIED_WITHIN,
    MOVABLE_LAYOUT,
    PATIENT_LAYOUT,
    data_source_documents,
    movable_document,
    patient_document,
    patient_of,
)
from adapters.mongo.scope import Scope, refusals
from adapters.mongo.summary_documents import STATS
from clinic_domain.clinics.model import ProviderCount, Site
from clinic_domain.deletions import Deletion
from clinic_domain.errors import DomainError
from clinic_domain.patients.errors import DuplicatePatient, MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import (
    DataSource,
    EhrPatientQuery,
    Patient,
    PatientSearch,
    PatientWalk,
    Tally,
)
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.patients.queries import PatientMatches, PatientPage, PatientQuery
from clinic_domain.patients.rules import PROVIDERS_OUTSIDE_PLAN
from clinic_domain.patients.summaries import Stats, SummaryKind
from clinic_domain.text import collation_key
from clinic_domain.values import EVERYTHING, ClinicId, Page, RecordId, SiteId, TagId, UserId

GRAVE: Final = Grave(PATIENT_DELETIONS, "patient", ALWAYS_COPIED, ALWAYS_COPIED_WITHIN)

_WITHOUT_PERIODS: Final = {"summary.cgmStats.periods": 0, "summary.bgmStats.periods": 0}
_BY_NAME: Final = [("fullName", ASCENDING), ("_id", ASCENDING)]


@attrs.frozen
class MongoPatientRepository(PatientRepository):
    """One document per user and clinic; unique indexes guard both users and MRNs."""

    _scope: Scope

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Patient | None:
        condition = {"clinicId": equal_to(clinic_id), "userId": user_id}
        return await self._scope.one(PATIENTS, condition, patient_of)

    async def matches(self, query: PatientQuery) -> PatientMatches:
        return await self._scope.matches(query)

    async def with_ids(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> tuple[Patient, ...]:
        return await self._scope.patients(clinic_id, ids)

    async def search(self, search: PatientSearch) -> tuple[Patient, ...]:
        return await self._by_name(search_condition(search), search.page)

    async def walk(self, walk: PatientWalk) -> tuple[Patient, ...]:
        cursor = self._scope.find(PATIENTS, walk_condition(walk)).sort("_id", ASCENDING)
        return await listed(cursor, Page(limit=walk.limit), patient_of)

    async def by_mrn(self, query: EhrPatientQuery) -> PatientPage:
        matching = ehr_condition(query)
        # To the server null comes before the empty text; both are no MRN, and go by id alone.
        key = {"$ifNull": ["$mrn", ""]}
        page: list[Document] = [{"$skip": query.page.offset}] if query.page.offset else []
        if query.page.limit is not None:
            page.append({"$limit": query.page.limit})
        found = await self._scope.aggregate(
            PATIENTS,
            [
                {"$match": matching},
                {"$set": {"_mrn": key}},
                {"$sort": {"_mrn": 1, "_id": 1}},
                *page,
            ],
        )
        number = await self._scope.count(PATIENTS, matching)
        total = await self._scope.count(PATIENTS, {"clinicId": equal_to(query.clinic_id)})
        return PatientPage(readable(found, patient_of), number, total)

    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Patient, ...]:
        # User ids are compared letter by letter, names are not: no query does both.
        own = await self._all_of(user_id, "_id")
        return await self._by_name({"_id": {"$in": own}}, page) if own else ()

    async def with_mrn(self, clinic_id: ClinicId, mrn: str) -> tuple[Patient, ...]:
        condition = {"clinicId": equal_to(clinic_id), "mrn": mrn}
        cursor = self._scope.find(PATIENTS, condition, collation=IGNORING_CASE_AND_ACCENTS)
        return await listed(cursor, Page(limit=2), patient_of)

    async def some_of_clinic(self, clinic_id: ClinicId, limit: int) -> tuple[Patient, ...]:
        cursor = self._scope.find(PATIENTS, {"clinicId": equal_to(clinic_id)})
        return await listed(cursor, Page(limit=limit), patient_of)

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Patient, ...]:
        cursor = self._scope.find(
            PATIENTS, {"clinicId": equal_to(clinic_id)}, projection=_WITHOUT_PERIODS
        )
        return await listed(cursor.sort("_id", ASCENDING), EVERYTHING, patient_of)

    async def tally(self, clinic_id: ClinicId) -> Tally:
        """
        Return the counts over all patients of a clinic.

        The server steps over one index key per patient, and reads those who have data sources:
        which state belongs to which provider is in no index.
        """
        everybody = {"clinicId": equal_to(clinic_id)}
        total = await self._scope.count(PATIENTS, everybody)
        connected = {**everybody, "dataSources.providerName": {"$gte": ""}}
        alike = {"_id": _SOURCES, "patients": {"$sum": 1}}
        groups = await self._scope.aggregate(PATIENTS, [{"$match": connected}, {"$group": alike}])
        return _tally_of(total, groups)

    async def add(self, patient: Patient) -> None:
        with refusals(_refusals_of(patient)):
            await self._scope.insert(PATIENTS, patient_document(patient))

    async def save(self, patient: Patient, *, was: Patient) -> None:
        if patient.summary == was.summary:
            # It is nearly all of the document, and mostly stays.
            was, patient = attrs.evolve(was, summary=None), attrs.evolve(patient, summary=None)
        updates = updates_between(patient_document(was), patient_document(patient), PATIENT_LAYOUT)
        if not updates:
            return
        with refusals(_refusals_of(patient)):
            if not await self._scope.update(PATIENTS, _identity(patient), updates):
                raise PatientNotFound(patient.clinic_id, patient.user_id)

    async def save_all(self, changes: Sequence[tuple[Patient, Patient]]) -> None:
        updates = [(_identity(was), _update_of(new, was)) for new, was in changes]
        changing = [(identity, update) for identity, update in updates if update.change]
        if not changing:
            return
        with refusals(_refusals_of(changes[0][0])):
            if await self._scope.update_each(PATIENTS, changing) < len(changing):
                raise PatientNotFound(*{was.clinic_id for _, was in changes})

    async def remove(self, patient: Patient, deletion: Deletion) -> None:
        if not await move_one(self._scope, PATIENTS, _identity(patient), GRAVE, deletion):
            raise PatientNotFound(patient.clinic_id, patient.user_id)

    async def forget_all(self, patients: Sequence[Patient]) -> None:
        ids = [ObjectId(patient.id) for patient in patients]
        clinics = [ObjectId(id_) for id_ in {patient.clinic_id for patient in patients}]
        if await self._scope.forget(PATIENTS, clinics, ids) < len(ids):
            raise PatientNotFound(*{patient.clinic_id for patient in patients})

    async def remove_of_user(self, user_id: UserId, deletion: Deletion) -> tuple[ClinicId, ...]:
        moved = await move(self._scope, PATIENTS, {"userId": user_id}, GRAVE, deletion)
        return tuple(ClinicId(str(document["clinicId"])) for document in moved)

    async def remove_non_custodial(self, clinic_id: ClinicId, deletion: Deletion) -> int:
        condition = {
            "clinicId": ObjectId(clinic_id),
            "permissions.custodian": {"$in": [None, False]},
        }
        return len(await move(self._scope, PATIENTS, condition, GRAVE, deletion))

    async def set_email(self, user_id: UserId, email: str | None, now: datetime) -> None:
        change: Document = {"$set": {"email": email, "updatedTime": now}}
        if email is None:
            # To whoever follows the changes null and nothing are not the same (PAT-CDC-6).
            change = {"$unset": {"email": ""}, "$set": {"updatedTime": now}}
        await self._scope.update_all(PATIENTS, {"userId": user_id, "email": {"$ne": email}}, change)

    async def set_data_sources(
        self, user_id: UserId, data_sources: tuple[DataSource, ...], now: datetime
    ) -> tuple[ClinicId, ...]:
        sources = data_source_documents(data_sources)
        clinics = await self._all_of(user_id, "clinicId")
        await self._scope.update_all(
            PATIENTS,
            {"userId": user_id, "dataSources": {"$not": {"$eq": sources}}},
            {"$set": {"dataSources": sources, "updatedTime": now}},
        )
        return tuple(ClinicId(str(clinic_id)) for clinic_id in clinics)

    async def set_summary(
        self, user_id: UserId, cgm: Stats | None, bgm: Stats | None, now: datetime
    ) -> int:
        own = {"userId": user_id}
        parts = {
            f"summary.{kind}Stats": STATS[kind].encode(stats)
            for kind, stats in ((SummaryKind.CGM, cgm), (SummaryKind.BGM, bgm))
            if stats is not None
        }
        if parts:
            # In null the server puts nothing.
            is_null = {**own, "summary": {"$type": "null"}}
            await self._scope.update_all(PATIENTS, is_null, {"$set": {"summary": {}}})
        change = {"$set": {**parts, "updatedTime": now}}
        return await self._scope.update_all(PATIENTS, own, change)

    async def remove_summary(self, user_id: UserId, now: datetime) -> int:
        change = {"$unset": {"summary": ""}, "$set": {"updatedTime": now}}
        return await self._scope.update_all(PATIENTS, {"userId": user_id}, change)

    async def remove_stats(self, summary_id: str) -> int:
        paths = [f"summary.{kind}Stats" for kind in SummaryKind]
        return await self._scope.update_all(
            PATIENTS,
            {"$or": [{f"{path}.id": summary_id} for path in paths]},
            [{"$set": {path: _unless_of(path, summary_id) for path in paths}}],
        )

    async def add_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        tag = ObjectId(tag_id)
        await self._scope.update_all(
            PATIENTS,
            {**_some(clinic_id, user_ids), "tags": {"$ne": tag}},
            # Not $addToSet, which refuses null.
            [{"$set": {"tags": {"$concatArrays": [_array("tags"), [tag]]}, "updatedTime": now}}],
        )

    async def remove_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        tag = ObjectId(tag_id)
        await self._scope.update_all(
            PATIENTS,
            {**_some(clinic_id, user_ids), "tags": tag},
            {"$pull": {"tags": tag}, "$set": {"updatedTime": now}},
        )

    async def rename_site(self, clinic_id: ClinicId, site: Site, now: datetime) -> None:
        id_ = ObjectId(site.id)
        under_old_name = {"$elemMatch": {"id": id_, "name": {"$ne": site.name}}}
        await self._scope.update_all(
            PATIENTS,
            {"clinicId": ObjectId(clinic_id), "sites.id": id_, "sites": under_old_name},
            {"$set": {"sites.$[site].name": site.name, "updatedTime": now}},
            [{"site.id": id_}],
        )

    async def remove_site(self, clinic_id: ClinicId, site_id: SiteId, now: datetime) -> None:
        id_ = ObjectId(site_id)
        await self._scope.update_all(
            PATIENTS,
            {"clinicId": ObjectId(clinic_id), "sites.id": id_},
            {"$pull": {"sites": {"id": id_}}, "$set": {"updatedTime": now}},
        )

    async def move_site(
        self, clinic_id: ClinicId, source: SiteId, target: Site, now: datetime
    ) -> None:
        old = ObjectId(source)
        others = {"$filter": {"input": _with_site(target), "cond": {"$ne": ["$$this.id", old]}}}
        await self._scope.update_all(
            PATIENTS,
            {"clinicId": ObjectId(clinic_id), "sites.id": old},
            [{"$set": {"sites": others, "updatedTime": now}}],
        )

    async def tag_to_site(
        self, clinic_id: ClinicId, tag_id: TagId, site: Site, now: datetime
    ) -> None:
        tag = ObjectId(tag_id)
        others = {"$filter": {"input": "$tags", "cond": {"$ne": ["$$this", tag]}}}
        await self._scope.update_all(
            PATIENTS,
            {"clinicId": ObjectId(clinic_id), "tags": tag},
            [{"$set": {"sites": _with_site(site), "tags": others, "updatedTime": now}}],
        )

    async def _by_name(self, condition: Document, page: Page) -> tuple[Patient, ...]:
        found = await documents(self._find_by_name(condition), page)
        if found and not _is_named(found[0]):
            # The server has null before the empty text; both are no name, and go by id alone. They
            # come before all others, so on this page they take as much room as they did.
            nameless = {"$and": [condition, {"fullName": {"$in": [None, ""]}}]}
            by_id = self._find_by_name(nameless).sort("_id", ASCENDING)
            first = await documents(by_id, page)
            found[: len(first)] = first
        return readable(found, patient_of)

    def _find_by_name(self, condition: Document) -> Any:
        return self._scope.find(
            PATIENTS, condition, sort=_BY_NAME, collation=IGNORING_CASE_AND_ACCENTS
        )

    async def _all_of(self, user_id: UserId, member: str) -> list[ObjectId]:
        """Return a member of all documents of a user."""
        cursor = self._scope.find(PATIENTS, {"userId": user_id}, projection=[member])
        found = await documents(cursor, EVERYTHING)
        return [document[member] for document in found if member in document]


def _is_named(document: Document) -> bool:
    name = document.get("fullName")
    return name is not None and (not isinstance(name, str) or collation_key(name) != "")


def _identity(patient: Patient) -> Document:
    return {"_id": ObjectId(patient.id), "clinicId": ObjectId(patient.clinic_id)}


def _update_of(new: Patient, was: Patient) -> Update:
    """Return the one update that leads from a state to another as far as `save_all` goes."""
    documents_ = movable_document(was), movable_document(new)
    updates = updates_between(*documents_, MOVABLE_LAYOUT)
    if len(updates) > 1:
        # An update reaches an array in one way alone.
        updates = updates_between(*documents_, Layout())
    return updates[0] if updates else Update()


def _refusals_of(patient: Patient) -> dict[str, DomainError]:
    return {
        "UniquePatient": DuplicatePatient(patient.clinic_id, patient.user_id),
        "UniqueMrn": MrnNotUnique(patient.clinic_id),
    }


def _some(clinic_id: ClinicId, user_ids: Collection[UserId] | None) -> Document:
    condition: Document = {"clinicId": ObjectId(clinic_id)}
    if user_ids is not None:
        condition["userId"] = {"$in": list(user_ids)}
    return condition


# Expressions


def _unless_of(path: str, summary_id: str) -> Document:
    """Return statistics, or nothing if they are those of an id."""
    is_of = {"$eq": [f"${path}.id", {"$literal": summary_id}]}
    return {"$cond": [is_of, "$$REMOVE", f"${path}"]}


def _array(field: str) -> Document:
    """Return the array in a member, or an empty one for null and nothing."""
    return {"$ifNull": [f"${field}", []]}


def _with_site(site: Site) -> Document:
    """Return the sites, with one more at the end unless it is there."""
    document = {"$literal": {"id": ObjectId(site.id), "name": site.name}}
    sites = _array("sites")
    ids = {"$map": {"input": sites, "in": "$$this.id"}}
    is_there = {"$in": [ObjectId(site.id), ids]}
    return {"$cond": [is_there, sites, {"$concatArrays": [sites, [document]]}]}


# Counts

_SOURCES: Final = {"$map": {"input": "$dataSources", "in": ["$$this.providerName", "$$this.state"]}}
"""What the data sources of a patient are, as far as they are counted; few patients differ."""


def _tally_of(total: int, groups: list[Document]) -> Tally:
    outside = 0
    states: dict[str, Counter[str]] = {}
    for group in groups:
        sources = [(name or "", state or "") for name, state in group["_id"]]
        outside += group["patients"] * any(name in PROVIDERS_OUTSIDE_PLAN for name, _ in sources)
        for name, state in sources:
            states.setdefault(name, Counter())[state] += group["patients"]
    providers = {
        name: ProviderCount(counts.total(), dict(sorted(counts.items())))
        for name, counts in sorted(states.items())
    }
    return Tally(total, outside, providers)
