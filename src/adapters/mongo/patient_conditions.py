"""Which patients are looked for in several clinics, in the words of the server."""

from adapters.mongo.documents import Document, object_id
from clinic_domain.patients.model import PatientSearch


def search_condition(search: PatientSearch) -> Document:
    """Return what a patient that is looked for in several clinics has to match."""
    ids = (object_id(clinic_id) for clinic_id in dict.fromkeys(search.clinic_ids))
    condition: Document = {"clinicId": {"$in": [id_ for id_ in ids if id_ is not None]}}
    if search.mrn is not None:
        condition["mrn"] = search.mrn
    if search.birth_date is not None:
        condition["birthDate"] = search.birth_date
    return condition
