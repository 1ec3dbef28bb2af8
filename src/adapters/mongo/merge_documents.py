"""Executed merges as documents (section 10.1 of the chapter on merging)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from adapters.mongo.clinic_documents import clinic_document, clinic_of
from adapters.mongo.clinician_documents import clinician_document, clinician_of
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
    made,
)
from adapters.mongo.patient_documents import patient_document, patient_of
from clinic_domain.clinics.model import ClinicView, CountedSite, Site
from clinic_domain.merging.model import (
    Category,
    ClinicianPlan,
    ClinicsPlan,
    Conflicts,
    MergeRecord,
    MergeRecordKind,
    PatientPlan,
    PlanId,
    RecordAction,
    SiteAction,
    SitePlan,
    TagAction,
    TagPlan,
)
from clinic_domain.values import RecordId

ALWAYS: Final = Presence.ALWAYS


def _one_of(kind: type[TagAction | SiteAction | RecordAction]) -> Codec:
    def decode(stored: Any) -> Any:
        try:
            return kind(stored)
        except ValueError:
            raise Unreadable(kind.__name__) from None

    return Codec(str, decode)


_TEXTS: Final = array_of(TEXT)
_ERROR: Final = Codec(
    lambda message: {"message": message},
    lambda stored: TEXT.decode(document_of(stored).get("message") or ""),
)

_TAG: Final = Shape(
    TagPlan,
    (
        Member("name", "name", TEXT, missing=""),
        Member("action", "tagAction", _one_of(TagAction)),
        Member("workspaces", "workspaces", _TEXTS, missing=()),
        Member("merge", "merge", FLAG, missing=False),
        Member("source_clinic_id", "sourceClinicId", OBJECT_ID, ALWAYS, missing=None),
        Member("target_clinic_id", "targetClinicId", OBJECT_ID),
    ),
)


def _site_document(counted: CountedSite) -> Document:
    document: Document = {**_SITE_OF_PLAN.encode(counted.site)}
    return {**document, "patients": counted.patients} if counted.patients else document


def _site_of(stored: Any) -> CountedSite:
    document = document_of(stored)
    return CountedSite(_SITE_OF_PLAN.decode(document), int(document.get("patients") or 0))


_SITE_OF_PLAN: Final = Shape(
    Site, (Member("id", "id", OBJECT_ID), Member("name", "name", TEXT, missing=""))
)
_SITE: Final = Shape(
    SitePlan,
    (
        Member("site", "site", Codec(_site_document, _site_of)),
        Member("action", "siteAction", _one_of(SiteAction)),
        Member("workspace", "workspace", TEXT, missing=""),
        Member("expected_rename", "expectedRename", TEXT, missing=""),
        Member("source_clinic_id", "sourceClinicId", OBJECT_ID, ALWAYS, missing=None),
        Member("target_clinic_id", "targetClinicId", OBJECT_ID),
    ),
)
_CLINICIAN: Final = Shape(
    ClinicianPlan,
    (
        Member("clinician", "clinician", Codec(clinician_document, clinician_of)),
        Member("action", "clinicianAction", _one_of(RecordAction)),
        Member("downgraded", "downgraded", FLAG, missing=False),
        Member("resulting_roles", "resultingRoles", _TEXTS, ALWAYS, missing=None),
        Member("workspaces", "workspaces", _TEXTS, missing=()),
        Member("source_clinic_name", "sourceClinicName", TEXT, missing=""),
        Member("target_clinic_name", "targetClinicName", TEXT, missing=""),
        Member("error", "error", _ERROR, ALWAYS),
    ),
)


def _conflicts_document(conflicts: Conflicts) -> Document:
    return {
        str(category): [
            {"category": str(category), "patient": patient_document(patient)} for patient in found
        ]
        for category, found in conflicts.items()
    }


def _conflicts_of(stored: Any) -> Conflicts:
    known = {str(category): category for category in Category}
    return {
        known[name]: tuple(patient_of(document_of(each).get("patient") or {}) for each in found)
        for name, found in document_of(stored).items()
        if name in known
    }


_PATIENT_CODEC: Final = Codec(patient_document, lambda stored: patient_of(document_of(stored)))
_PATIENT: Final = Shape(
    PatientPlan,
    (
        Member("source_clinic_id", "sourceClinicId", OBJECT_ID),
        Member("target_clinic_id", "targetClinicId", OBJECT_ID),
        Member("source_clinic_name", "sourceClinicName", TEXT, missing=""),
        Member("target_clinic_name", "targetClinicName", TEXT, missing=""),
        Member("source_patient", "sourcePatient", _PATIENT_CODEC, ALWAYS),
        Member("target_patient", "targetPatient", _PATIENT_CODEC, ALWAYS),
        Member("conflicts", "conflicts", Codec(_conflicts_document, _conflicts_of), ALWAYS),
        Member("action", "patientAction", _one_of(RecordAction)),
        Member("source_tag_names", "sourceTagNames", _TEXTS, ALWAYS),
        Member("target_tag_names", "targetTagNames", _TEXTS, ALWAYS),
        Member("source_site_names", "sourceSiteNames", _TEXTS, ALWAYS),
        Member("renamed_site_names", "mergedSiteNames", _TEXTS, ALWAYS),
        Member("target_site_names", "targetSiteNames", _TEXTS, ALWAYS),
        Member("resulting_tag_names", "postMigrationTagNames", _TEXTS, ALWAYS),
        Member("resulting_site_names", "postMigrationSiteNames", _TEXTS, ALWAYS),
        Member("require_unique_mrn", "postMigrationMRNUniqueness", FLAG, missing=False),
        Member("error", "error", _ERROR, ALWAYS),
    ),
)


def _patient_document(plan: PatientPlan) -> Document:
    return {**_PATIENT.encode(plan), "canExecuteAction": plan.can_execute}


_LABELS: Final = (("patientTags", "_id", "tag_patients"), ("sites", "id", "site_patients"))


def _view_document(view: ClinicView) -> Document:
    """Return the document of a clinic, with the number of patients beside tags and sites."""
    document = clinic_document(view.clinic)
    for key, id_, counts in _LABELS:
        numbers: Mapping[str, int] = getattr(view, counts)
        if key in document:
            document[key] = [
                {**label, "patients": number}
                if (number := numbers.get(str(label[id_]), 0))
                else label
                for label in document[key]
            ]
    return document


def _view_of(stored: Any) -> ClinicView:
    document = document_of(stored)
    counts = {
        name: {str(label[id_]): int(label.get("patients") or 0) for label in document.get(key, ())}
        for key, id_, name in _LABELS
    }
    return made(ClinicView, clinic=clinic_of(document), **counts)


_VIEW: Final = Codec(_view_document, _view_of)
_CLINIC: Final = Shape(
    ClinicsPlan,
    (
        Member("source", "source", _VIEW),
        Member("target", "target", _VIEW),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
    ),
)

_ENCODE: Final[Mapping[MergeRecordKind, Callable[[Any], Document]]] = {
    MergeRecordKind.TAG: _TAG.encode,
    MergeRecordKind.PATIENT: _patient_document,
    MergeRecordKind.SITE: _SITE.encode,
    MergeRecordKind.CLINICIAN: _CLINICIAN.encode,
    MergeRecordKind.CLINIC: _CLINIC.encode,
}
_DECODE: Final[Mapping[str, Callable[[Any], Any]]] = {
    MergeRecordKind.TAG: _TAG.decode,
    MergeRecordKind.PATIENT: _PATIENT.decode,
    MergeRecordKind.SITE: _SITE.decode,
    MergeRecordKind.CLINICIAN: _CLINICIAN.decode,
    MergeRecordKind.CLINIC: _CLINIC.decode,
}


def merge_document(record: MergeRecord) -> Document:
    """Return the document of a record."""
    kind = record.kind
    return {
        "_id": OBJECT_ID.encode(record.id),
        "plan": _ENCODE[kind](record.plan),
        "planId": OBJECT_ID.encode(record.plan_id),
        "type": str(kind),
    }


def merge_record_of(document: Document) -> MergeRecord:
    """Return the record of a document. Raises Unreadable."""
    kind = TEXT.decode(document.get("type"))
    if kind not in _DECODE:
        raise Unreadable("type")
    return MergeRecord(
        RecordId(OBJECT_ID.decode(document.get("_id"))),
        PlanId(OBJECT_ID.decode(document.get("planId"))),
        _DECODE[kind](document.get("plan")),
    )
