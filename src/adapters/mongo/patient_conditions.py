"""Which patients a query asks for, in the words of the server."""

import re

from bson import ObjectId

from adapters.mongo.documents import Document, equal_to, object_id
from clinic_domain.patients.model import PatientQuery, PatientSearch, RangesPreset

_SEARCHED = ("fullName", "email", "mrn", "birthDate")


def condition_of(query: PatientQuery) -> Document:
    """Return what a patient on the list has to match."""
    condition: Document = {"clinicId": equal_to(query.clinic_id)}
    groups: list[Document] = []
    if query.search is not None:
        text = {"$regex": _literally(query.search), "$options": "i"}
        groups.append({"$or": [{field: text} for field in _SEARCHED]})
    if query.tags is not None:
        condition.update(_all_of("tags", query.tags) if query.tags else _none_in("tags"))
    if query.sites is not None:
        condition.update(_any_of("sites.id", query.sites) if query.sites else _none_in("sites"))
    if query.last_reviewed is not None:
        condition["reviews.0.time"] = {"$lte": query.last_reviewed}
    if query.omit_non_standard_ranges:
        standard = {"glycemicRanges.preset": str(RangesPreset.ADA_STANDARD)}
        groups.append({"$or": [standard, {"glycemicRanges": {"$exists": False}}]})
    if groups:
        condition["$and"] = groups
    return condition


def search_condition(search: PatientSearch) -> Document:
    """Return what a patient that is looked for in several clinics has to match."""
    condition: Document = _any_of("clinicId", search.clinic_ids)
    if search.mrn is not None:
        condition["mrn"] = search.mrn
    if search.birth_date is not None:
        condition["birthDate"] = search.birth_date
    return condition


def _literally(text: str) -> str:
    # The pattern itself must not hold what ends a text in C.
    return re.escape(text).replace("\0", r"\x00")


def _ids(texts: tuple[str, ...]) -> list[ObjectId]:
    return [id_ for id_ in map(object_id, dict.fromkeys(texts)) if id_ is not None]


def _all_of(field: str, texts: tuple[str, ...]) -> Document:
    ids = _ids(texts)
    # What is no id is nobody's, so nobody has all of them.
    return {field: {"$all": ids}} if len(ids) == len(set(texts)) else {field: {"$in": []}}


def _any_of(field: str, texts: tuple[str, ...]) -> Document:
    return {field: {"$in": _ids(texts)}}


def _none_in(field: str) -> Document:
    """Match documents in which an array is empty, null or missing."""
    return {f"{field}.0": {"$exists": False}}
