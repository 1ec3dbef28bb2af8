"""Which patients are looked for in several clinics, in the words of the server."""

from collections.abc import Iterable

from bson import ObjectId

from adapters.mongo.documents import Document, equal_to, object_id
from clinic_domain.patients.model import REPORTS, EhrPatientQuery, PatientSearch, PatientWalk
from clinic_domain.values import ClinicId


def search_condition(search: PatientSearch) -> Document:
    """Return what a patient that is looked for in several clinics has to match."""
    condition = _of_clinics(search.clinic_ids)
    if search.mrn is not None:
        condition["mrn"] = search.mrn
    if search.birth_date is not None:
        condition["birthDate"] = search.birth_date
    if search.full_name is not None:
        condition["fullName"] = search.full_name
    return condition


def _of_clinics(clinic_ids: Iterable[ClinicId]) -> Document:
    ids = (object_id(clinic_id) for clinic_id in dict.fromkeys(clinic_ids))
    return {"clinicId": {"$in": [id_ for id_ in ids if id_ is not None]}}


def walk_condition(walk: PatientWalk) -> Document:
    """Return what the patients of a walk have to match."""
    condition = _of_clinics(walk.clinic_ids)
    if walk.behind is not None:
        condition["_id"] = {"$gt": ObjectId(walk.behind)}
    if walk.user_id is not None:
        condition["userId"] = walk.user_id
    if walk.has_reports:
        condition[f"ehrSubscriptions.{REPORTS}.active"] = True
    if walk.lacks_email:
        condition["permissions.custodian"] = {"$nin": [None, False]}
        condition["email"] = {"$in": [None, ""]}
    return condition


def ehr_condition(query: EhrPatientQuery) -> Document:
    """Return what patients on the list of an EHR integration have to match."""
    condition: Document = {"clinicId": equal_to(query.clinic_id)}
    if query.user_id is not None:
        condition["userId"] = query.user_id
    for member, nothing, is_there in (
        ("ehrSubscriptions", {}, query.has_subscription),
        ("mrn", "", query.has_mrn),
    ):
        if is_there is not None:
            condition[member] = {"$nin" if is_there else "$in": [None, nothing]}
    return condition
