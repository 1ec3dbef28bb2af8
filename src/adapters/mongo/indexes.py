"""The collections, and the indexes that they have from the start."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation
from pymongo.errors import OperationFailure

from adapters.mongo.documents import Document
from clinic_domain.ehr.reports import KEPT
from clinic_domain.errors import StorageUnusable

CLINICS: Final = "clinics"
CLINICIANS: Final = "clinicians"
PATIENTS: Final = "patients"
MIGRATIONS: Final = "migrations"
MESSAGES: Final = "redox"
REPORT_ORDERS: Final = "scheduledSummaryAndReportsOrders"
PREORDERS: Final = "xealth_preorder"
ENROLLMENT_ORDERS: Final = "xealth_order"
REPORT_VIEWS: Final = "xealth_report_view"
CLINIC_DELETIONS: Final = "clinic_deletions"
CLINICIAN_DELETIONS: Final = "clinician_deletions"
PATIENT_DELETIONS: Final = "patient_deletions"
CONFIRMATIONS: Final = "confirmations"
OUTBOX: Final = "localOutbox"
MERGE_PLANS: Final = "merge_plans"
ACCOUNTS: Final = "localAccounts"
TOKENS: Final = "localTokens"
SETTINGS: Final = "localSettings"
LOCKS: Final = "localLocks"
STEPS: Final = "localSteps"

IGNORING_CASE_AND_ACCENTS: Final = Collation(locale="en", strength=1)
IGNORING_CASE: Final = Collation(locale="en", strength=2)

Keys = Sequence[str | tuple[str, int]]

BY_ID: Final = {"_id": ASCENDING}
"""For patients whose ids are known: the server would try out a dozen indexes of the clinic."""

_OPTIONS_CONFLICT: Final = 85
_KEYS_CONFLICT: Final = 86


class IncompatibleIndex(StorageUnusable):
    """The database has another index under the name of one that is needed."""


def _index(name: str, *keys: str | tuple[str, int], **options: Any) -> IndexModel:
    pairs = [(key, ASCENDING) if isinstance(key, str) else key for key in keys]
    return IndexModel(pairs, name=name, **options)


def _where_exists(field: str) -> Document:
    return {field: {"$exists": True}}


def _meeting_targets(period: str) -> IndexModel:
    stats = f"summary.cgmStats.periods.{period}"
    return _index(
        f"MeetingTargetsIndex{period}",
        "clinicId",
        "userId",
        "tags",
        "summary.cgmStats.dates.lastData",
        f"{stats}.timeInTargetPercent",
        partialFilterExpression={
            f"{stats}.timeInTargetPercent": {"$gte": 0.7},
            f"{stats}.timeCGMUsePercent": {"$gte": 0.7},
        },
    )


# Those of the reference service, under its names. What it has under a key that no document has is
# left to it: `ClinicianSearch`, `ClinicianByRole`, and the indexes of deletion records on one key
# with a comma.
REFERENCE: Final[Mapping[str, Sequence[IndexModel]]] = {
    CLINICS: (
        _index("UniqueShareCodes", "shareCodes", unique=True),
        _index("UniqueCanonicalShareCode", "canonicalShareCode", unique=True),
    ),
    CLINICIANS: (
        _index(
            "UniqueClinicianUserId",
            "clinicId",
            "userId",
            unique=True,
            background=True,
            partialFilterExpression=_where_exists("userId"),
        ),
        _index(
            "UniqueInviteId",
            "clinicId",
            "inviteId",
            unique=True,
            background=True,
            partialFilterExpression=_where_exists("inviteId"),
        ),
        _index(
            "UniqueClinicMemberEmail",
            "clinicId",
            "email",
            unique=True,
            background=True,
            partialFilterExpression=_where_exists("email"),
        ),
        _index("CliniciansByCreatedTime", "createdTime", background=True),
    ),
    PATIENTS: (
        _index("UserId", "userId"),
        _index("UniquePatient", "clinicId", "userId", unique=True),
        _index("PatientFullNameEn", "clinicId", "fullName", collation=IGNORING_CASE_AND_ACCENTS),
        _index("PatientBirthDate", "clinicId", "birthDate"),
        _index("PatientEmail", "clinicId", "email"),
        _index("PatientMRN", "clinicId", "mrn"),
        _index("PatientTagsV2", "clinicId", "userId", "tags"),
        _index("DataSourcesProviderName", "clinicId", "dataSources.providerName"),
        _index("DataSourcesState", "clinicId", "dataSources.state"),
        _index(
            "UniqueMrn",
            "clinicId",
            "mrn",
            "_na",
            unique=True,
            partialFilterExpression={
                "mrn": {"$type": "string"},
                "requireUniqueMrn": {"$eq": True},
            },
        ),
        _index("Sites", "clinicId", "sites.id"),
        *map(_meeting_targets, ("1d", "7d", "14d", "30d")),
    ),
    MIGRATIONS: (_index("UniqueClinicianMigration", "userId", unique=True, background=True),),
    # No document has these keys, but another index under such a name would stop the other service.
    MESSAGES: (
        _index("MetadataLogsId", "meta.Logs.Id"),
        _index("MetadataSource", "meta.Source.Id", "meta.FacilityCode"),
    ),
    REPORT_ORDERS: (
        _index("LastMatchedOrderByID", "lastMatchedOrder._id", ("createdTime", DESCENDING)),
        _index(
            "CleanupExpiredRescheduledOrdersAfter90d",
            "createdTime",
            expireAfterSeconds=int(KEPT.total_seconds()),
        ),
    ),
    PREORDERS: (_index("dataTrackingId", "dataTrackingId", unique=True),),
    REPORT_VIEWS: (
        _index(
            "LastReportView",
            "userId",
            "deployment",
            "programId",
            "clinicId",
            "patientId",
            ("createdTime", DESCENDING),
        ),
    ),
    CLINIC_DELETIONS: (
        _index("ClinicDeletion", "clinic._id"),
        _index("DeletedTime", "deletedTime", "clinic._id"),
    ),
}

OWN: Final[Mapping[str, Sequence[IndexModel]]] = {
    CLINICS: (
        _index(
            "ClinicsByEhrSource",
            "ehrSettings.sourceId",
            "ehrSettings.provider",
            "ehrSettings.enabled",
            partialFilterExpression=_where_exists("ehrSettings"),
        ),
    ),
    CLINICIANS: (
        _index("CliniciansOfClinic", "clinicId", ("createdTime", DESCENDING), ("_id", DESCENDING)),
        _index("CliniciansOfUser", "userId", ("createdTime", DESCENDING), ("_id", DESCENDING)),
        _index("CliniciansNewestFirst", ("createdTime", DESCENDING), ("_id", DESCENDING)),
        _index("CliniciansByRoles", "clinicId", "roles"),
    ),
    PATIENTS: (
        _index(
            "PatientsByName",
            "clinicId",
            "fullName",
            "_id",
            collation=IGNORING_CASE_AND_ACCENTS,
        ),
        _index("PatientsByMrn", "clinicId", "mrn", collation=IGNORING_CASE_AND_ACCENTS),
        _index("PatientsByTag", "clinicId", "tags"),
        _index("PatientsByCgmSummary", "summary.cgmStats.id", sparse=True),
        _index("PatientsByBgmSummary", "summary.bgmStats.id", sparse=True),
        _index(
            "PatientsWithReports",
            "clinicId",
            "_id",
            partialFilterExpression={"ehrSubscriptions.summaryAndReports.active": True},
        ),
    ),
    MIGRATIONS: (_index("MigrationsOfClinic", "clinicId", "_id"),),
    REPORT_ORDERS: (_index("ReportOrdersOfClinic", "clinicId", "_id"),),
    ENROLLMENT_ORDERS: (),
    CLINICIAN_DELETIONS: (_index("CliniciansRemoved", "clinician.clinicId", "clinician.userId"),),
    PATIENT_DELETIONS: (_index("PatientsRemoved", "patient.clinicId", "patient.userId"),),
    ACCOUNTS: (
        _index("UniqueUser", "userId", unique=True),
        _index(
            "UniqueName", "nameKey", unique=True, partialFilterExpression=_where_exists("nameKey")
        ),
    ),
    TOKENS: (
        _index("UniqueToken", "tokenId", unique=True),
        _index("TokensOfUser", "userId", "issuedTime"),
    ),
    SETTINGS: (),
    CONFIRMATIONS: (
        _index("ConfirmationsOfClinic", "clinicId", "type", "status"),
        _index("ConfirmationsOfInvitee", "userId", "type", "status"),
        _index("ConfirmationsOfCreator", "creatorId", "type", "status"),
        _index("ConfirmationsByEmail", "email", "type", collation=IGNORING_CASE),
    ),
    OUTBOX: (_index("OutboxByDueTime", "state", "dueTime", "_id"),),
    LOCKS: (_index("UniqueClinic", "clinics", unique=True),),
    STEPS: (_index("StepsOfLock", "_id.lock"),),
    MERGE_PLANS: (),
}


async def create_indexes(database: AsyncDatabase[Document]) -> None:
    """
    Create what is missing.

    Raises:
        IncompatibleIndex: an index has the name of one that is needed, and other keys or options.
    """
    for collection in {**REFERENCE, **OWN}:
        indexes = [*REFERENCE.get(collection, ()), *OWN.get(collection, ())]
        if not indexes:
            continue
        try:
            await database[collection].create_indexes(indexes)
        except OperationFailure as error:
            if error.code not in (_OPTIONS_CONFLICT, _KEYS_CONFLICT):
                raise
            reason = (error.details or {}).get("errmsg", error)
            raise IncompatibleIndex(f"{collection}: {reason}") from error
