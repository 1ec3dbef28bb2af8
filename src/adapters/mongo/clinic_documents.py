"""Clinics as documents (section 19.1 of the clinics chapter)."""

from typing import Any, Final

from adapters.mongo.changes import Layout
from adapters.mongo.documents import (
    FLAG,
    MOMENT,
    NEVER,
    OBJECT_ID,
    TEXT,
    WHOLE_NUMBER,
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
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    EhrDestinations,
    EhrProcedureCodes,
    EhrSettings,
    EhrTags,
    MembershipRestriction,
    MrnSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    PhoneNumber,
    ProviderCount,
    ScheduledReports,
    ShareCode,
    Site,
    SuppressedNotifications,
    Tag,
)

ALWAYS, FILLED = Presence.ALWAYS, Presence.FILLED

_PHONE_NUMBER: Final = Shape(
    PhoneNumber,
    (
        Member("type", "type", TEXT),
        Member("number", "number", TEXT, missing=""),
    ),
)
_DETAILS: Final = Shape(
    ClinicDetails,
    (
        Member("name", "name", TEXT),
        Member("preferred_bg_units", "PreferredBgUnits", TEXT),
        Member("address", "address", TEXT),
        Member("city", "city", TEXT),
        Member("state", "state", TEXT),
        Member("postal_code", "postalCode", TEXT),
        Member("country", "country", TEXT),
        Member("website", "website", TEXT),
        Member("clinic_type", "clinicType", TEXT),
        Member("clinic_size", "clinicSize", TEXT),
        Member("phone_numbers", "phoneNumbers", array_of(_PHONE_NUMBER.codec()), ALWAYS),
        Member("timezone", "timezone", TEXT, ALWAYS),
    ),
)

# Numbers of patients, which may stand beside the names, are never read and never written.
_TAG: Final = Shape(
    Tag, (Member("id", "_id", OBJECT_ID), Member("name", "name", TEXT, FILLED, missing=""))
)
_SITE: Final = Shape(
    Site, (Member("id", "id", OBJECT_ID), Member("name", "name", TEXT, missing=""))
)

_SUPPRESSED: Final = Shape(
    SuppressedNotifications, (Member("patient_clinic_invitation", "patientClinicInvitation", FLAG),)
)
_RESTRICTION: Final = Shape(
    MembershipRestriction,
    (
        Member("email_domain", "emailDomain", TEXT, FILLED, missing=""),
        Member("required_idp", "requiredIdp", TEXT, FILLED),
    ),
)
_MRN_SETTINGS: Final = Shape(
    MrnSettings,
    (
        Member("required", "required", FLAG, missing=False),
        Member("unique", "unique", FLAG, missing=False),
    ),
)

# Patient counts

_LIMIT: Final = Shape(
    PatientCountLimit,
    (
        Member("plan", "plan", WHOLE_NUMBER, missing=0),
        Member("start_date", "startDate", MOMENT),
        Member("end_date", "endDate", MOMENT),
    ),
)


def _limit_of(stored: Any) -> PatientCountLimit:
    document = document_of(stored)
    if not document.get("plan") and document.get("patientCount"):
        # The form that limits had before there were plans (PCS-2).
        document = {**document, "plan": document["patientCount"]}
    return _LIMIT.read(document)


_LIMIT_CODEC: Final = Codec(_LIMIT.encode, _limit_of)
_COUNT_SETTINGS: Final = Shape(
    PatientCountSettings,
    (
        Member("hard_limit", "hardLimit", _LIMIT_CODEC),
        Member("soft_limit", "softLimit", _LIMIT_CODEC),
    ),
)
_PROVIDER_COUNT: Final = Shape(
    ProviderCount,
    (
        Member("states", "states", mapping_of(WHOLE_NUMBER), FILLED, missing={}),
        Member("total", "total", WHOLE_NUMBER, missing=0),
    ),
)
_COUNT: Final = Shape(
    PatientCount,
    (
        Member("total", "total", WHOLE_NUMBER),
        Member("demo", "demo", WHOLE_NUMBER),
        Member("plan", "plan", WHOLE_NUMBER),
        Member("providers", "providers", mapping_of(_PROVIDER_COUNT.codec()), FILLED),
    ),
)


def _count_of(stored: Any) -> PatientCount | None:
    document = document_of(stored)
    # A count in the form that it had before there were plans is as good as none (PC-1).
    return None if "patientCount" in document else _COUNT.read(document)


# Settings of an electronic health record

_DESTINATIONS: Final = Shape(
    EhrDestinations,
    tuple(Member(name, name, TEXT, missing="") for name in ("flowsheet", "notes", "results")),
)
_PROCEDURE_CODES: Final = Shape(
    EhrProcedureCodes,
    (
        Member("enable_summary_reports", "enableSummaryReports", TEXT),
        Member("disable_summary_reports", "disableSummaryReports", TEXT),
        Member("create_account", "createAccount", TEXT),
        Member("create_account_and_enable_reports", "createAccountAndEnableReports", TEXT),
    ),
)
_REPORTS: Final = Shape(
    ScheduledReports,
    (
        Member("cadence", "cadence", TEXT, missing=""),
        Member("on_upload_enabled", "onUploadEnabled", FLAG, missing=False),
        Member("on_upload_note_event_type", "onUploadNoteEventType", TEXT, ALWAYS),
    ),
)
_EHR_TAGS: Final = Shape(
    EhrTags,
    (
        Member("codes", "codes", array_of(TEXT), ALWAYS),
        Member("separator", "separator", TEXT, ALWAYS),
    ),
)


def _switch(key: str) -> Codec:
    """Return the kind of a document that says nothing but whether something is on."""

    def decode(stored: Any) -> bool:
        return bool(FLAG.decode(document_of(stored).get(key) or False))

    return Codec(lambda is_on: {key: True} if is_on else {}, decode)


_EHR_SETTINGS: Final = Shape(
    EhrSettings,
    (
        Member("enabled", "enabled", FLAG, missing=False),
        Member("provider", "provider", TEXT, missing=""),
        Member("source_id", "sourceId", TEXT, missing=""),
        Member("mrn_id_type", "mrnIdType", TEXT, missing=""),
        Member("destination_ids", "destinationIds", _DESTINATIONS.codec(), ALWAYS),
        Member(
            "procedure_codes",
            "procedureCodes",
            _PROCEDURE_CODES.codec(),
            missing=EhrProcedureCodes(),
        ),
        Member(
            "scheduled_reports",
            "scheduledReports",
            _REPORTS.codec(),
            missing=ScheduledReports(cadence="", on_upload_enabled=False),
        ),
        Member("tags", "tags", _EHR_TAGS.codec()),
        Member("icode_flowsheets", "flowsheets", _switch("icode")),
        Member("include_gmi_in_notes", "notes", _switch("includeGmi")),
    ),
)

# The clinic

_SHARE_CODE: Final = Codec(str, lambda stored: made(ShareCode, value=TEXT.decode(stored)))
_CLINIC: Final = Shape(
    Clinic,
    (
        Member("id", "_id", OBJECT_ID),
        Member("share_code", "canonicalShareCode", _SHARE_CODE),
        Member("share_codes", "shareCodes", array_of(_SHARE_CODE)),
        Member("admins", "admins", array_of(TEXT)),
        Member("is_migrated", "isMigrated", FLAG, FILLED),
        Member("tier", "tier", TEXT),
        Member("tags", "patientTags", array_of(_TAG.codec())),
        Member("sites", "sites", array_of(_SITE.codec()), FILLED),
        Member("last_deleted_tag", "lastDeletedPatientTag", OBJECT_ID),
        Member("suppressed_notifications", "suppressedNotifications", _SUPPRESSED.codec()),
        Member(
            "membership_restrictions",
            "membershipRestrictions",
            array_of(_RESTRICTION.codec()),
            FILLED,
        ),
        Member("mrn_settings", "mrnSettings", _MRN_SETTINGS.codec()),
        Member("ehr_settings", "ehrSettings", _EHR_SETTINGS.codec()),
        Member("patient_count_settings", "patientCountSettings", _COUNT_SETTINGS.codec()),
        Member("patient_count", "patientCount", Codec(_COUNT.encode, _count_of)),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
        Member("updated_time", "updatedTime", MOMENT, missing=NEVER),
    ),
)


def clinic_document(clinic: Clinic) -> Document:
    """Return the document of a clinic."""
    document = {**_CLINIC.encode(clinic), **_DETAILS.encode(clinic.details)}
    if clinic.details.name is None and clinic.details.phone_numbers is None:
        # Only who opens or describes a clinic says that it has no number (CREATE-5).
        del document["phoneNumbers"]
    return document


def clinic_of(document: Document) -> Clinic:
    """Return the clinic of a document. Raises Unreadable."""
    return _CLINIC.read(document, details=_DETAILS.read(document))


CLINIC_LAYOUT: Final = Layout(
    sets=frozenset({"admins", "shareCodes"}),
    keyed={"patientTags": "_id", "sites": "id"},
    whole=frozenset(
        {
            "patientCount",
            "patientCountSettings.hardLimit",
            "patientCountSettings.softLimit",
            *(f"ehrSettings.{key}" for key in ("destinationIds", "procedureCodes", "notes")),
            *(f"ehrSettings.{key}" for key in ("scheduledReports", "tags", "flowsheets")),
        }
    ),
    null=frozenset({"membershipRestrictions"}),
)
