"""Patients as documents (section 2 of the patients chapter)."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.mongo.changes import Layout
from adapters.mongo.documents import (
    FLAG,
    FOREIGN_ID,
    MOMENT,
    NEVER,
    NUMBER,
    OBJECT_ID,
    TEXT,
    Codec,
    Document,
    Member,
    Presence,
    Shape,
    array_of,
    document_of,
    made,
    mapping_of,
)
from adapters.mongo.summary_documents import SUMMARY
from clinic_domain.patients.model import (
    ConnectionRequest,
    CustomRanges,
    DataSource,
    EhrSubscription,
    GlycemicRanges,
    MatchedMessage,
    Patient,
    PatientSite,
    Permission,
    Permissions,
    Provider,
    Review,
    Threshold,
)

ALWAYS, FILLED = Presence.ALWAYS, Presence.FILLED

_SITE: Final = Shape(
    PatientSite, (Member("id", "id", OBJECT_ID), Member("name", "name", TEXT, missing=""))
)
_SOURCE: Final = Shape(
    DataSource,
    (
        Member("provider_name", "providerName", TEXT, missing=""),
        Member("state", "state", TEXT, missing=""),
        Member("data_source_id", "dataSourceId", FOREIGN_ID),
        Member("modified_time", "modifiedTime", MOMENT),
        Member("expiration_time", "expirationTime", MOMENT),
        Member("latest_data_time", "latestDataTime", MOMENT),
    ),
)
_REVIEW: Final = Shape(
    Review,
    (
        Member("clinician_id", "clinicianId", TEXT, missing=""),
        Member("time", "time", MOMENT, missing=NEVER),
    ),
)
_REQUEST: Final = Shape(
    ConnectionRequest,
    (
        Member("provider_name", "providerName", TEXT, missing=""),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
    ),
)
_MESSAGE: Final = Shape(
    MatchedMessage,
    (
        Member("id", "id", FOREIGN_ID),
        Member("data_model", "dataModel", TEXT, missing=""),
        Member("event_type", "eventType", TEXT, missing=""),
    ),
)
_SUBSCRIPTION: Final = Shape(
    EhrSubscription,
    (
        Member("active", "active", FLAG, missing=False),
        Member("provider", "provider", TEXT, missing=""),
        Member("created_at", "createdAt", MOMENT, missing=NEVER),
        Member("updated_at", "updatedAt", MOMENT, missing=NEVER),
        Member("matched_messages", "matchedMessages", array_of(_MESSAGE.codec()), FILLED),
    ),
)

# Glycemic ranges


def _threshold_document(threshold: Threshold) -> Document:
    return {
        "name": threshold.name,
        "upperBound": {"value": threshold.value, "units": threshold.units},
        "inclusive": threshold.inclusive,
    }


def _threshold_of(stored: Any) -> Threshold:
    document = document_of(stored)
    bound = document_of(document.get("upperBound") or {})
    return made(
        Threshold,
        name=TEXT.decode(document.get("name") or ""),
        value=NUMBER.decode(bound.get("value") or 0),
        units=TEXT.decode(bound.get("units") or ""),
        inclusive=FLAG.decode(document.get("inclusive") or False),
    )


_CUSTOM: Final = Shape(
    CustomRanges,
    (
        Member("name", "name", TEXT, missing=""),
        Member(
            "thresholds",
            "thresholds",
            array_of(Codec(_threshold_document, _threshold_of)),
            missing=(),
        ),
    ),
)
_RANGES: Final = Shape(
    GlycemicRanges,
    (
        Member("type", "type", TEXT, missing=""),
        Member("preset", "preset", TEXT),
        Member("custom", "custom", _CUSTOM.codec()),
    ),
)

# Permissions


def permissions_document(permissions: Permissions) -> Document:
    """Return what was granted, in the order in which the chapter names it."""
    return {str(permission): {} for permission in Permission if permission in permissions}


def _permissions_of(stored: Any) -> Permissions:
    document = document_of(stored)
    return frozenset(each for each in Permission if document.get(each) not in (None, False))


# The patient


_PATIENT: Final = Shape(
    Patient,
    (
        Member("id", "_id", OBJECT_ID),
        Member("clinic_id", "clinicId", OBJECT_ID),
        Member("user_id", "userId", TEXT),
        Member("birth_date", "birthDate", TEXT, ALWAYS),
        Member("email", "email", TEXT, ALWAYS),
        Member("full_name", "fullName", TEXT, ALWAYS),
        Member("mrn", "mrn", TEXT, ALWAYS),
        Member("target_devices", "targetDevices", array_of(TEXT), ALWAYS),
        Member("tags", "tags", array_of(OBJECT_ID)),
        Member("sites", "sites", array_of(_SITE.codec())),
        Member("data_sources", "dataSources", array_of(_SOURCE.codec())),
        Member("permissions", "permissions", Codec(permissions_document, _permissions_of)),
        Member("is_migrated", "isMigrated", FLAG, FILLED),
        Member("legacy_clinician_ids", "legacyClinicianIds", array_of(TEXT), FILLED),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
        Member("updated_time", "updatedTime", MOMENT, missing=NEVER),
        Member("invited_by", "invitedBy", TEXT),
        Member("reviews", "reviews", array_of(_REVIEW.codec())),
        Member("last_upload_reminder_time", "lastUploadReminderTime", MOMENT),
        Member(
            "connection_requests",
            "providerConnectionRequests",
            mapping_of(array_of(_REQUEST.codec())),
        ),
        Member("require_unique_mrn", "requireUniqueMrn", FLAG),
        Member("ehr_subscriptions", "ehrSubscriptions", mapping_of(_SUBSCRIPTION.codec())),
        Member("glycemic_ranges", "glycemicRanges", _RANGES.codec()),
        Member("diagnosis_type", "diagnosisType", TEXT),
        Member("summary", "summary", SUMMARY),
    ),
)


def patient_document(patient: Patient) -> Document:
    """Return the document of a patient."""
    return _PATIENT.encode(patient)


_MOVABLE: Final = Shape(
    Patient,
    tuple(
        member
        for member in _PATIENT.members
        if member.attribute in ("clinic_id", "tags", "sites", "require_unique_mrn", "updated_time")
    ),
)


def movable_document(patient: Patient) -> Document:
    """Return the part of a document that changes when many patients do."""
    return _MOVABLE.encode(patient)


def patient_of(document: Document) -> Patient:
    """Return the patient of a document. Raises Unreadable."""
    return _PATIENT.read(_with_old_request(document))


def _with_old_request(document: Document) -> Document:
    """Return a document with the request of a time that had no history of them (PAT-DTO-6)."""
    time = document.get("lastRequestedDexcomConnectTime")
    requests = document.get("providerConnectionRequests") or {}
    if time is None or document_of(requests).get(Provider.DEXCOM):
        return document
    only = [{"providerName": str(Provider.DEXCOM), "createdTime": time}]
    return {**document, "providerConnectionRequests": {**requests, str(Provider.DEXCOM): only}}


def data_source_documents(sources: tuple[DataSource, ...]) -> list[Document]:
    """Return the array of data sources."""
    return [_SOURCE.encode(source) for source in sources]


ALWAYS_COPIED: Final[Document] = {
    **dict.fromkeys(("birthDate", "email", "fullName", "mrn", "targetDevices")),
    "requireUniqueMrn": False,
}
"""Members that a deletion record has, also where the patient lacked them (section 2.4)."""
ALWAYS_COPIED_WITHIN: Final[Mapping[str, Document]] = {
    "summary": dict.fromkeys(("cgmStats", "bgmStats"))
}
"""Likewise within members that the patient has."""

PATIENT_LAYOUT: Final = Layout(
    sets=frozenset({"tags", "legacyClinicianIds"}),
    keyed={"sites": "id"},
    placed={"dataSources": ("providerName", "dataSourceId")},
    # Requests are not among them: whoever follows the changes gets all of a provider (PAT-CDC-5).
    appended=frozenset({"matchedMessages"}),
    whole=frozenset({"glycemicRanges", "summary.cgmStats", "summary.bgmStats"}),
    null=frozenset({"dataSources"}),
)

MOVABLE_LAYOUT: Final = Layout(keyed={"sites": "id"})
