"""
Whatever is sent and whatever fails: an answer that says what is wrong, and nothing half done.

Every operation that has a controller is here with a request that succeeds. Tests change one thing
about it, or let something fail underneath it.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

import attrs
import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.types import ASGIApp

from adapters.http_litestar import Partners, create_app
from adapters.http_litestar.app import api_document
from adapters.http_litestar.body import read
from adapters.http_litestar.errors import Refusal
from adapters.http_litestar.wire.clinics import ClinicBody
from adapters.http_litestar.wire.fields import refuse_repeated
from adapters.memory import MemoryStorage
from adapters.redox import RedoxWebhook
from adapters.redox.messages import read_message
from adapters.spreadsheet import XlsxWorkbooks
from adapters.xealth import XealthWebhook
from adapters.xealth.requests import read_order
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    ClinicQuery,
    EhrProcedureCodes,
    EhrSettings,
    MrnSettings,
    ScheduledReports,
)
from clinic_domain.copying import Kind
from clinic_domain.ehr.model import EnrollmentOrder, Message, OrderEvent, RestrictedToken
from clinic_domain.errors import Unavailable
from clinic_domain.patients.model import (
    ALL_PERMISSIONS,
    DataSource,
    DataSourceState,
    EhrSubscription,
    MatchedMessage,
    Patient,
    Review,
)
from clinic_domain.patients.summaries import FLAGS, SummaryKind
from clinic_domain.storage import Storage, Transaction, Work
from clinic_domain.testing.contracts.archive import scanned
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_clinician_invite,
    a_migration,
    a_patient,
    a_patient_invite,
    a_site,
    a_tag,
    at,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import PatientProfile, Profile, User
from clinic_domain.values import EVERYTHING, InviteId, RecordId, TagId, UserId
from support.statuses import our_statuses
from support.world import SERVER, World, user

T = TypeVar("T")

OF_PARTNERS: Final = (
    Kind.MESSAGES,
    Kind.REPORT_ORDERS,
    Kind.PREORDERS,
    Kind.ENROLLMENT_ORDERS,
    Kind.REPORT_VIEWS,
)
ADMIN, MEMBER, NEWCOMER = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
CUSTODIAL, PATIENT = "dddddddddd", "eeeeeeeeee"
DEMO: Final = UserId("ffffffffff")
LEGACY: Final = "0000000001"
MOMENT: Final = "2024-01-02T03:04:05.678+02:00"

# The clinic: the same in every test, so that requests can be written down.
TAG, OTHER_TAG = a_tag(), a_tag("Type 2")
SITE, OTHER_SITE = a_site(), a_site("Second Street")
CLINIC: Final = a_clinic(
    admins=(UserId(ADMIN),), tags=(TAG, OTHER_TAG), sites=(SITE, OTHER_SITE), is_migrated=True
)
EMPTY: Final = a_clinic(admins=(UserId(ADMIN),))
AWAITING: Final = a_clinic(
    admins=(UserId(LEGACY),),
    is_migrated=False,
    details=ClinicDetails(
        "Secret", "mg/dL", "Secret", "Secret", "Secret", "Secret", "Secret", clinic_type="other"
    ),
)
_NO_REPORTS: Final = ScheduledReports("14d", on_upload_enabled=True)
REDOX_CLINIC: Final = a_clinic(
    ehr_settings=EhrSettings(True, "redox", "redox", "MR", EhrProcedureCodes(), _NO_REPORTS)
)
XEALTH_CLINIC: Final = a_clinic(
    ehr_settings=EhrSettings(
        True,
        "xealth",
        "harbor",
        "MR",
        EhrProcedureCodes(create_account_and_enable_reports="program"),
        _NO_REPORTS,
    )
)
ENROLLED: Final = "0000000002"
MESSAGE: Final = {
    "Meta": {
        "DataModel": "Order",
        "EventType": "New",
        "EventDateTime": MOMENT,
        "FacilityCode": None,
        "Test": True,
        "Destinations": [{"ID": "d", "Name": "n"}],
        "Logs": [{"ID": "l", "AttemptID": "a"}],
        "Source": {"ID": "redox", "Name": "Secret"},
        "Message": {"ID": 5565},
        "Transmission": {"ID": 12414.5},
    },
    "Patient": {
        "Identifiers": [{"ID": "Secret-9", "IDType": "MR"}],
        "Demographics": {"FirstName": "Jill", "LastName": "Secret", "DOB": "2010-01-02"},
    },
}
DATASETS: Final = {
    "demographicsV1": {
        "name": {"given": ["Jill"], "family": ["Secret"]},
        "birthDate": "2010-01-02",
        "telecom": [{"system": "email", "value": "Jill@example.com", "use": "home", "rank": 1}],
    },
    "ehrUserV1": {"userId": "doctor", "systemLogin": "d_one"},
}
ENROLLEE: Final = {
    "deployment": "harbor",
    "programId": "program",
    "patientIdentity": {
        "ids": [{"id": "Secret-9", "type": "MR", "origin": "epic"}],
        "historicalIds": [{"id": "Secret-8", "type": "MR", "origin": "epic"}],
    },
    "datasets": DATASETS,
}
STRANGER: Final = {
    **ENROLLEE,
    "patientIdentity": {"ids": [{"id": "Secret-7", "type": "MR", "origin": "epic"}]},
}
EVENT: Final = {
    "eventId": "1",
    "eventTimeStamp": MOMENT,
    "eventType": "order",
    "eventContext": "new",
    "orderId": "1",
    "deployment": "harbor",
    "programId": "program",
    "partnerId": "tidepool",
    "patientIdentity": ENROLLEE["patientIdentity"],
}
_BEARER: Final = ((b"authorization", b"Bearer secret"),)
# What nobody may find in a log.
SECRETS: Final = ("Jill", "Secret", "2010-01-02", "example.com", "+41 79", "Saint Vitus")

SOURCE: Final = {
    "state": "connected",
    "providerName": "dexcom",
    "dataSourceId": "0123456789abcdef01234567",
    "modifiedTime": MOMENT,
    "expirationTime": MOMENT,
    "latestDataTime": MOMENT,
}
RANGES: Final = {
    "type": "custom",
    "preset": "adaStandard",
    "custom": {
        "name": "Own",
        "thresholds": [
            {"name": "Low", "upperBound": {"value": 70.2, "units": "mg/dL"}, "inclusive": True}
        ],
    },
}
JOINING: Final = {
    "permissions": {"view": {}, "upload": {}, "note": {}, "custodian": {}},
    "isMigrated": True,
    "legacyClinicianId": ADMIN,
    "attestationSubmitted": True,
    "fullName": "Jill Secret",
    "birthDate": "2010-01-02",
    "mrn": "Secret-1",
    "tags": [TAG.id],
    "sites": [{"id": SITE.id, "name": "x", "numPatients": 1}],
    "glycemicRanges": RANGES,
    "diagnosisType": "type1",
}
DESCRIBED: Final = {
    **{name: value for name, value in JOINING.items() if not name.endswith(("Migrated", "Id"))},
    "email": "Jill@example.com",
    "targetDevices": ["Secret"],
    "dataSources": [SOURCE],
    "id": NEWCOMER,
    "createdTime": MOMENT,
    "updatedTime": MOMENT,
    "lastUploadReminderTime": MOMENT,
    "summary": {},
    "reviews": [{"clinicianId": ADMIN, "time": MOMENT}],
    "connectionRequests": {
        "twiist": [],
        "dexcom": [{"createdTime": MOMENT, "providerName": "dexcom"}],
        "abbott": [],
    },
}
LABEL: Final = {"id": SITE.id, "name": "Another", "numPatients": 1}
DESCRIPTION: Final = {
    "name": "Saint Vitus",
    "preferredBgUnits": "mg/dL",
    **dict.fromkeys(("address", "city", "postalCode", "state", "country", "website"), "Secret"),
    "clinicType": "other",
    "clinicSize": "0-249",
    "phoneNumbers": [{"number": "+41 79", "type": "Office"}],
    "timezone": "Europe/Zurich",
    "id": CLINIC.id,
    "shareCode": "ABCD-EFGH-JKLM",
    "canMigrate": True,
    "createdTime": MOMENT,
    "updatedTime": MOMENT,
    "tier": "tier0100",
    "tierDescription": "Free",
    "patientTags": [LABEL],
    "sites": [LABEL],
    "lastDeletedPatientTag": LABEL,
    "suppressedNotifications": {"patientClinicInvitation": True},
}
CLINICIAN: Final = {
    "email": "Secret@example.com",
    "roles": ["CLINIC_ADMIN", "PRESCRIBER"],
    "id": NEWCOMER,
    "inviteId": "another key",
    "name": "Secret",
    "createdTime": MOMENT,
    "updatedTime": MOMENT,
}
EHR: Final = {
    "enabled": True,
    "sourceId": "source",
    "procedureCodes": {
        "enableSummaryReports": "1",
        "disableSummaryReports": "2",
        "createAccount": "3",
        "createAccountAndEnableReports": "4",
    },
    "mrnIdType": "MRN",
    "provider": "redox",
    "scheduledReports": {
        "onUploadEnabled": True,
        "cadence": "14d",
        "onUploadNoteEventType": "New",
    },
    "tags": {"codes": ["a"], "separator": ","},
    "flowsheets": {"icode": True},
    "destinationIds": {"flowsheet": "f", "results": "r", "notes": "n"},
    "notes": {"includeGMI": True},
}
SUMMARY_ID: Final = "0123456789abcdef01234567"
SUMMARY: Final = {
    "bgmStats": {
        "id": SUMMARY_ID,
        "config": {
            "schemaVersion": 5,
            "veryLowGlucoseThreshold": 3,
            "lowGlucoseThreshold": 3.9,
            "highGlucoseThreshold": 10,
            "veryHighGlucoseThreshold": 13.9,
        },
        "dates": {
            **{f"has{name}": True for name in ("FirstData", "LastData", "LastUploadDate")},
            "hasOutdatedSince": False,
            "lastData": MOMENT,
            "lastUpdatedReason": ["Secret"],
        },
        "periods": {
            "7d": {
                **dict.fromkeys(FLAGS[SummaryKind.BGM], False),
                **dict.fromkeys(("min", "minDelta", "max", "maxDelta"), 5.5),
                **dict.fromkeys(("daysWithData", "daysWithDataDelta"), 7),
            }
        },
    }
}
MERGED: Final = {"sourceId": EMPTY.id}
LIMIT: Final = {"plan": 10, "startDate": MOMENT, "endDate": MOMENT}


@attrs.frozen
class Request:
    """One that succeeds."""

    method: str
    path: str
    token: str = "server"
    body: Any = None
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


_C: Final = f"/v1/clinics/{CLINIC.id}"
_INVITE: Final = f"{_C}/invites/clinicians/{quote('key/1', safe='')}"
_INVITED: Final = f"{_INVITE}/clinician"
_OWN: Final = f"/v1/clinicians/{NEWCOMER}/invites"
_admin: Final = partial(Request, token=f"user {ADMIN}")
_member: Final = partial(Request, token=f"user {MEMBER}")
_newcomer: Final = partial(Request, token=f"user {NEWCOMER}")
_patient: Final = partial(Request, token=f"user {CUSTODIAL}")
_xealth: Final = partial(Request, headers=_BEARER)
REPORT: Final = (
    f"clinicId={XEALTH_CLINIC.id}&patientId={ENROLLED}&restricted_token=token"
).encode()

REQUESTS: Final[Mapping[str, Request]] = {
    "AddServiceAccount": Request(
        "POST",
        f"{_C}/service_accounts",
        body={"name": "Robot", "client_id": "id", "client_secret": "Secret"},
    ),
    "AcceptClinicianInvite": _newcomer("PUT", f"{_OWN}/{quote('key/1', safe='')}"),
    "AcceptPatientInvitation": _member(
        "PUT",
        f"{_C}/invites/patients/key-2",
        body={
            name: value
            for name, value in JOINING.items()
            if name
            not in ("permissions", "isMigrated", "legacyClinicianId", "attestationSubmitted")
        },
    ),
    "AssignPatientTagToClinicPatients": _admin(
        "POST", f"{_C}/patients/assign_tag/{OTHER_TAG.id}", body=[CUSTODIAL, PATIENT]
    ),
    "AssociateClinicianToUser": Request("PATCH", _INVITED, body={"userId": NEWCOMER}),
    "ClosePatientInvite": _member("DELETE", f"{_C}/invites/patients/key-2"),
    "ConnectProvider": _member("POST", f"{_C}/patients/{CUSTODIAL}/connect/dexcom"),
    "ConvertPatientTagToSite": Request("POST", f"{_C}/patient_tags/{TAG.id}/site"),
    "CreateClinic": _admin("POST", "/v1/clinics", body=DESCRIPTION),
    "CreateClinician": Request("POST", f"{_C}/clinicians", body=CLINICIAN),
    "CreatePatientAccount": _member("POST", f"{_C}/patients", body=DESCRIBED),
    "CreatePatientFromUser": Request("POST", f"{_C}/patients/{NEWCOMER}", body=JOINING),
    "CreatePatientTag": _member("POST", f"{_C}/patient_tags", body=LABEL),
    "CreateSite": _admin("POST", f"{_C}/sites", body={"name": "Third Street"}),
    "DeleteClinic": _admin("DELETE", "/v1/clinics/{empty}"),
    "DeleteClinician": _admin("DELETE", f"{_C}/clinicians/{MEMBER}"),
    "DeleteInvite": _admin("DELETE", _INVITE),
    "DeleteInvitedClinician": Request("DELETE", _INVITED),
    "DeletePatient": _admin("DELETE", f"{_C}/patients/{PATIENT}"),
    "DeletePatientPermission": _patient("DELETE", f"{_C}/patients/{CUSTODIAL}/permissions/view"),
    "DeletePatientSummary": Request("DELETE", f"/v1/summaries/{SUMMARY_ID}/clinics"),
    "DeletePatientReviews": _admin("DELETE", f"{_C}/patients/{PATIENT}/reviews"),
    "DeletePatientTag": _admin("DELETE", f"{_C}/patient_tags/{TAG.id}"),
    "DeletePatientTagFromClinicPatients": _admin(
        "POST", f"{_C}/patients/delete_tag/{TAG.id}", body=[CUSTODIAL, PATIENT]
    ),
    "DeleteSite": _admin("DELETE", f"{_C}/sites/{SITE.id}"),
    "DeleteUserFromClinics": Request("DELETE", f"/v1/users/{ADMIN}/clinics"),
    "DismissClinicianInvite": _newcomer("DELETE", f"{_OWN}/{quote('key/1', safe='')}"),
    "EnableNewClinicExperience": Request("POST", f"/v1/clinicians/{LEGACY}/migrate"),
    "FindPatients": _member("GET", "/v1/patients"),
    "GenerateMergeReport": Request("POST", f"{_C}/reports/merge", body=MERGED),
    "GetClinic": _member("GET", _C),
    "GetClinicByShareCode": _member("GET", f"/v1/clinics/share_code/{CLINIC.share_code.value}"),
    "GetClinicianInvite": _admin("GET", _INVITE),
    "GetClinician": _member("GET", f"{_C}/clinicians/{ADMIN}"),
    "GetEHRSettings": _member("GET", "/v1/clinics/{empty}/settings/ehr"),
    "GetInvitedClinician": Request("GET", _INVITED),
    "GetMRNSettings": _member("GET", f"{_C}/settings/mrn"),
    "GetMigration": _member("GET", f"{_C}/migrations/{MEMBER}"),
    "GetPatient": _member("GET", f"{_C}/patients/{CUSTODIAL}"),
    "GetPatientInvites": _member("GET", f"{_C}/invites/patients"),
    "GetPatientCount": _member("GET", f"{_C}/patient_count"),
    "GetPatientCountSettings": _member("GET", f"{_C}/settings/patient_count"),
    "InviteClinician": _admin(
        "POST",
        f"{_C}/invites/clinicians",
        body={"email": "Secret@example.com", "roles": ["CLINIC_MEMBER"]},
    ),
    "ListAllClinicians": Request("GET", "/v1/clinicians"),
    "ListClinicians": _member("GET", f"{_C}/clinicians"),
    "ListClinicianInvites": _newcomer("GET", _OWN),
    "ListSentInvites": _newcomer("GET", f"/confirm/invite/{NEWCOMER}"),
    "ListClinics": Request("GET", "/v1/clinics"),
    "ListClinicsForClinician": _member("GET", f"/v1/clinicians/{MEMBER}/clinics"),
    "ListClinicsForPatient": _patient("GET", f"/v1/patients/{CUSTODIAL}/clinics"),
    "ListMembershipRestrictions": _admin("GET", f"{_C}/membership_restrictions"),
    "ListMigrations": _member("GET", f"{_C}/migrations"),
    "ListPatients": _member("GET", f"{_C}/patients"),
    "MergeClinic": Request("POST", f"{_C}/merge", body=MERGED),
    "MatchClinicAndPatient": Request(
        "POST",
        "/v1/redox/match",
        body={
            "messageRef": {
                "dataModel": "Order",
                "eventType": "New",
                "documentId": "00000000000000000000000a",
            },
            "patients": {"criteria": ["MRN", "DOB_FULLNAME"], "onUniqueMatch": "ENABLE_REPORTS"},
        },
    ),
    "MergeSite": Request("POST", f"{_C}/sites/{SITE.id}/merge", body={"id": OTHER_SITE.id}),
    "MigrateLegacyClinicianPatients": Request(
        "POST",
        f"{_C}/migrations",
        body={
            "userId": ADMIN,
            "status": "RUNNING",
            "createdTime": MOMENT,
            "updatedTime": MOMENT,
            "attestationTime": MOMENT,
        },
    ),
    "ProcessEHRMessage": Request(
        "POST", "/v1/redox", body=MESSAGE, headers=((b"verification-token", b"secret"),)
    ),
    "RefreshPatientCount": Request("POST", f"{_C}/patient_count/refresh"),
    "TideReport": _member(
        "GET",
        f"{_C}/tide_report",
        query=f"period=7d&tags={TAG.id}&lastDataCutoff=2024-01-02T03:04:05Z".encode(),
    ),
    "UpdatePatientSummary": Request("POST", f"/v1/patients/{CUSTODIAL}/summary", body=SUMMARY),
    "ResendInvite": _admin("PATCH", _INVITE),
    "SendPatientInvite": _newcomer(
        "POST",
        f"/confirm/send/invite/{MEMBER}/clinic",
        body={"shareCode": CLINIC.share_code.value, "permissions": {"view": {"a": [1, "b"]}}},
    ),
    "SendUploadReminder": _member("POST", f"{_C}/patients/{CUSTODIAL}/upload_reminder"),
    "SyncEHRData": Request("POST", f"/v1/clinics/{REDOX_CLINIC.id}/ehr/sync"),
    "SyncEHRDataForPatient": Request("POST", f"/v1/patients/{ENROLLED}/ehr/sync"),
    "TriggerInitialMigration": Request(
        "POST",
        f"/v1/clinics/{AWAITING.id}/migrate",
        f"user {LEGACY}",
        {"attestationSubmitted": True},
    ),
    "UpdateClinic": _admin("PUT", _C, body=DESCRIPTION),
    "UpdateClinicUserDetails": Request(
        "POST", f"/v1/users/{ADMIN}/clinics", body={"email": "Secret@example.com"}
    ),
    "UpdateClinician": _admin("PUT", f"{_C}/clinicians/{MEMBER}", body=CLINICIAN),
    "UpdateEHRSettings": Request("PUT", f"{_C}/settings/ehr", body=EHR),
    "UpdateMRNSettings": Request(
        "PUT", f"{_C}/settings/mrn", body={"required": True, "unique": True}
    ),
    "UpdateMembershipRestrictions": Request(
        "PUT",
        f"{_C}/membership_restrictions",
        body={"restrictions": [{"emailDomain": "example.com", "requiredIdp": "idp"}]},
    ),
    "UpdateMigration": Request("PATCH", f"{_C}/migrations/{MEMBER}", body={"status": "RUNNING"}),
    "UpdatePatient": _member("PUT", f"{_C}/patients/{CUSTODIAL}", body=DESCRIBED),
    "UpdatePatientCountSettings": Request(
        "PUT", f"{_C}/settings/patient_count", body={"hardLimit": LIMIT, "softLimit": LIMIT}
    ),
    "UpdatePatientDataSources": Request(
        "PUT", f"/v1/patients/{CUSTODIAL}/data_sources", body=[SOURCE]
    ),
    "UpdatePatientPermissions": _patient(
        "PUT", f"{_C}/patients/{CUSTODIAL}/permissions", body=JOINING["permissions"]
    ),
    "UpdatePatientReviews": _member("PUT", f"{_C}/patients/{CUSTODIAL}/reviews"),
    "UpdatePatientTag": _member("PUT", f"{_C}/patient_tags/{TAG.id}", body=LABEL),
    "UpdateSite": _admin("PUT", f"{_C}/sites/{SITE.id}", body=LABEL),
    "UpdateSuppressedNotifications": _admin(
        "POST",
        f"{_C}/suppressed_notifications",
        body={"suppressedNotifications": {"patientClinicInvitation": True}},
    ),
    "UpdateTier": Request("POST", f"{_C}/tier", body={"tier": "tier0200"}),
    "VerifyEndpoint": Request(
        "POST", "/v1/redox/verify", body={"verification-token": "secret", "challenge": "x"}
    ),
    "ViewPDFReport": Request("GET", "/v1/xealth/report/web/viewer.html", query=REPORT),
    "XealthGetProgramUrl": _xealth("PUT", "/v1/xealth/program", body=ENROLLEE),
    "XealthGetPrograms": _xealth("PUT", "/v1/xealth/programs", body=ENROLLEE),
    "XealthNotification": _xealth("POST", "/v1/xealth/notification", body=EVENT),
    "XealthPreorder": _xealth(
        "POST",
        "/v1/xealth/preorder",
        body={
            **STRANGER,
            "eventType": "preorder",
            "eventContext": "subsequent",
            "formData": {
                "dataTrackingId": "1",
                "userInput": {
                    "guardian": {
                        "firstName": "Ann",
                        "lastName": "Secret",
                        "email": "Ann@example.com",
                        "connectAbbott": True,
                        "connectDexcom": True,
                    },
                    "patient": {"email": "Jill@example.com"},
                    "tags": {"ids": [TAG.id]},
                },
            },
        },
    ),
}
WITH_BODY: Final = tuple(name for name, one in REQUESTS.items() if one.body is not None)


class SpelledSessions(Sessions):
    async def identify(self, token: str) -> Principal | None:
        if token == "server":
            return SERVER
        return user(token.removeprefix("user ")) if token.startswith("user ") else None


class StumblingStorage(Storage):
    """A storage that is lost at one of the calls on its repositories."""

    def __init__(self) -> None:
        self.now = MemoryStorage()
        self.left: int | None = None

    async def transaction(self, work: Work[T]) -> T:
        return await self.now.transaction(lambda tx: work(self._stumbling(tx)))

    async def read(self, work: Work[T]) -> T:
        return await self.now.read(lambda tx: work(self._stumbling(tx)))

    async def ping(self) -> None:
        await self.now.ping()

    async def close(self) -> None:
        await self.now.close()

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Unavailable

    def _stumbling(self, tx: Transaction) -> Any:
        return _Stumbling(self, tx)


class _Stumbling:
    def __init__(self, storage: StumblingStorage, what: Any) -> None:
        self._storage, self._what = storage, what

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._what, name)
        if not callable(member):
            return _Stumbling(self._storage, member)

        async def call(*arguments: Any, **named: Any) -> Any:
            self._storage.step()
            return await member(*arguments, **named)

        return call


_MESSAGE: Final = Message(
    RecordId("00000000000000000000000a"), *read_message(json.dumps(MESSAGE).encode())
)
_ORDER: Final = EnrollmentOrder(
    RecordId("00000000000000000000000b"),
    OrderEvent("harbor", "new", "1", "order", "1", "tidepool", "program", A_MORNING),
    {},
)


def an_enrolled(clinic: Clinic, name: str, provider: str) -> Patient:
    order_id = _MESSAGE.id if provider == "redox" else _ORDER.id
    subscription = EhrSubscription(
        active=True,
        provider=provider,
        created_at=A_MORNING,
        updated_at=A_MORNING,
        matched_messages=(MatchedMessage(order_id, "Order", "New"),),
    )
    return a_patient(
        clinic,
        user_id=UserId(ENROLLED),
        mrn="Secret-9",
        birth_date="2010-01-02",
        full_name="Jill Secret",
        ehr_subscriptions={name: subscription},
    )


@attrs.define
class Ground:
    """The API over a storage that each request finds as `prepare` left it."""

    world: World
    storage: StumblingStorage
    app: ASGIApp
    empty: Clinic = EMPTY

    async def prepare(self) -> None:
        world = self.world
        self.storage.now, self.storage.left = MemoryStorage(), None
        for each in (world.users.accounts, world.profiles.profiles):
            each.clear()
        for user_id in (ADMIN, MEMBER, NEWCOMER, CUSTODIAL, PATIENT, DEMO):
            world.users.add(user_id, f"{user_id}@example.com")
        world.users.accounts[UserId(LEGACY)] = User(
            UserId(LEGACY), emails=("legacy@example.com",), roles=("clinic",)
        )
        world.profiles.profiles[UserId(NEWCOMER)] = Profile(
            "Jill Secret", PatientProfile("Jill Secret", "2010-01-02", "Secret-2")
        )
        world.service_accounts.accounts["id", "Secret"] = UserId("9999999999")
        demands = MrnSettings(required=False, unique=True)
        clinic = attrs.evolve(CLINIC, mrn_settings=demands)
        self.empty = attrs.evolve(EMPTY, ehr_settings=_ehr_settings(), mrn_settings=demands)
        orders, tokens = world.xealth_orders.orders, world.restricted_tokens.tokens
        orders["harbor", "1"] = read_order(
            _json({**ENROLLEE, "orderInfo": {"deployment": "harbor", "programId": "program"}})
        )
        tokens.clear()
        tokens["token"] = RestrictedToken("token", UserId(ENROLLED))
        review = Review(UserId(ADMIN), A_MORNING)
        await world.has(
            clinic,
            self.empty,
            AWAITING,
            a_clinician(AWAITING, user_id=UserId(LEGACY), roles=(Role.CLINIC_ADMIN,)),
            a_migration(clinic, user_id=UserId(MEMBER)),
            a_clinician(clinic, user_id=UserId(ADMIN), roles=(Role.CLINIC_ADMIN,)),
            a_clinician(clinic, user_id=UserId(MEMBER)),
            a_clinician(clinic, user_id=None, invite_id=InviteId("key/1")),
            a_clinician(self.empty, user_id=UserId(ADMIN), roles=(Role.CLINIC_ADMIN,)),
            a_clinician(self.empty, user_id=UserId(MEMBER)),
            a_patient(
                clinic,
                user_id=UserId(CUSTODIAL),
                permissions=ALL_PERMISSIONS,
                mrn="Secret-3",
                tags=(TAG.id,),
                sites=at(SITE),
                data_sources=(DataSource("dexcom", DataSourceState.CONNECTED),),
            ),
            a_patient(clinic, user_id=UserId(PATIENT), tags=(TagId(TAG.id),), reviews=(review,)),
            a_patient(self.empty, user_id=DEMO),
            a_clinician_invite(clinic, id="key/1", invitee_id=NEWCOMER, creator_id=ADMIN),
            a_patient_invite(clinic, id="key-2", creator_id=NEWCOMER),
            REDOX_CLINIC,
            XEALTH_CLINIC,
            an_enrolled(REDOX_CLINIC, "summaryAndReports", "redox"),
            an_enrolled(XEALTH_CLINIC, "xealthReports", "xealth"),
            _MESSAGE,
            _ORDER,
        )
        world.representatives.pairs = {(MEMBER, NEWCOMER)}

    async def __call__(
        self,
        request: Request,
        *,
        query: bytes = b"",
        content: bytes | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        pieces: Sequence[bytes | None] = (),
    ) -> httpx.Response:
        """
        Send a request past all clients, which would put it in order.

        In *pieces*, None is where the client goes away.
        """
        if content is None and request.body is not None:
            content = json.dumps(request.body).encode()
        sent: list[Any] = []
        coming = list(pieces or [content or b""])

        async def receive() -> Any:
            piece = coming.pop(0)
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": bool(coming)}

        async def send(message: Any) -> None:
            sent.append(message)

        path = request.path.replace("{empty}", self.empty.id)
        own = [(b"x-tidepool-session-token", request.token.encode()), *request.headers]
        own += [(b"content-type", b"application/json")] if content else []
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": b"&".join(each for each in (request.query, query) if each),
            "root_path": "",
            "headers": [*headers, *own],
            "client": ("192.0.2.1", 1),
            "server": ("api", 80),
            "state": {},
        }
        await self.app(scope, receive, send)
        start, *bodies = sent
        text = b"".join(body["body"] for body in bodies)
        return httpx.Response(start["status"], headers=start["headers"], content=text)

    async def all(self) -> Any:
        """Return everything that is stored."""
        self.storage.left = None
        world, clinics = (
            self.world,
            [CLINIC.id, self.empty.id, AWAITING.id, REDOX_CLINIC.id, XEALTH_CLINIC.id],
        )

        async def work(tx: Transaction) -> Any:
            views = await tx.clinics.views(ClinicQuery(page=EVERYTHING))
            return [(view.clinic, view.tag_patients, view.site_patients) for view in views]

        archive = self.storage.now.archive
        return [
            await self.storage.read(work),
            [each async for each in archive.scan(Kind.INVITES)],
            [each async for each in archive.scan(Kind.NOTIFICATIONS)],
            *[await scanned(self.storage.now.archive, kind) for kind in OF_PARTNERS],
            *[
                await found(clinic)
                for clinic in clinics
                for found in (
                    world.clinicians,
                    world.patients,
                    world.migrations,
                    world.removed_clinics,
                    world.removed_clinicians,
                    world.removed_patients,
                )
            ],
        ]


def _ehr_settings() -> Any:
    from adapters.http_litestar.wire.settings import EhrSettingsBody  # noqa: PLC0415 - for one value

    return read(json.dumps(EHR).encode(), EhrSettingsBody).settings()


@pytest.fixture(scope="module")
def ground_of_all() -> Ground:
    storage = StumblingStorage()
    world = World(storage=storage, demo_patient=DEMO)
    partners = Partners(
        redox=RedoxWebhook(world.app.messages, "secret"),
        xealth=XealthWebhook(world.app.enrollments, "https://app.example.com", "secret"),
    )
    app = create_app(
        world.app, SpelledSessions(), XlsxWorkbooks(), readiness=storage.ping, partners=partners
    )
    return Ground(world, storage, app)


@pytest.fixture
async def ground(ground_of_all: Ground) -> Ground:
    await ground_of_all.prepare()
    return ground_of_all


def test_every_operation_is_here(ground_of_all: Ground) -> None:
    paths = api_document(ground_of_all.world.app, XlsxWorkbooks())["paths"].values()
    served = {operation["operationId"] for item in paths for operation in item.values()}

    assert served == set(REQUESTS)


@pytest.mark.parametrize("operation", REQUESTS)
async def test_the_request_succeeds(ground: Ground, operation: str) -> None:
    answer = await ground(REQUESTS[operation])

    assert answer.status_code in (200, 202, 204), answer.text


# Anything at all

Place = tuple[str | int, ...]


@attrs.frozen
class Raw:
    """JSON, or what looks like it, as it stands."""

    text: bytes


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    items: Any = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from places(item, (*place, key))


def encoded(value: Any, place: Place, new: Any) -> bytes:
    """Return *value* as JSON, with *new* at one place."""
    if not place:
        return new.text if isinstance(new, Raw) else json.dumps(new).encode()
    (first, *rest) = place
    if isinstance(value, list):
        items = [encoded(x, tuple(rest), new) if i == first else _json(x) for i, x in _pairs(value)]
        return b"[" + b",".join(items) + b"]"
    members = [
        _json(key) + b":" + (encoded(item, tuple(rest), new) if key == first else _json(item))
        for key, item in _pairs(value)
    ]
    return b"{" + b",".join(members) + b"}"


def _pairs(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else enumerate(value)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


NUMBERS: Final = (
    *(b"0", b"-0", b"-0.0", b"-1", b"1.5", b"1e2", b"1E400", b"-1e400", b"1e-400", b"9.3e18"),
    *(b"9223372036854775808", b"-9223372036854775809", b"1" + b"0" * 300, b"9" * 5_000),
    *(b"3.5e38", b"NaN", b"Infinity", b"01", b"1.", b".5", b"+1", b"0x10"),
)
TEXTS: Final = (
    *(b'""', b'" "', b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\uffff"', b'"\xff"'),
    *(b'"\\ud83d\\ude00"', b'"\xed\xa0\x80"', b'"\xef\xbb\xbfx"', b'"\x01"', b'"$where"', b'"a.b"'),
    *(b'"' + b"n" * 20_000 + b'"', b'"' + "\U0010ffff".encode() * 9_000 + b'"', b'"\\u0301"'),
    *(b'"0001-01-01"', b'"9999-12-31"', b'"2023-02-29"', b'"0000-01-01"', b'"2010-01-02\\n"'),
    *(b'"0001-01-01T00:00:00+00:01"', b'"9999-12-31T23:59:59-00:01"', b'"2016-12-31T23:59:60Z"'),
    *(b'"aaaaaaaaaa\\n"', b'"0123456789ABCDEF01234567"', b'"0123456789abcdef01234567"'),
)
STRUCTURES: Final = (
    *(b"null", b"true", b"[]", b"{}", b"[null]", b"[[]]", b'{"":""}', b'{"$gt":""}', b'{"a":1'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 400 + b"]" * 400, b'["x","x"]', b"", b"{} x"),
    *(b'{"a\\u0000":1}', b'{"a":1,"a":2}', b"[1,]", b"{1:2}", b"//", b"\xef\xbb\xbf{}", b"\x00"),
)
hostile_values: Final = (
    st.sampled_from([Raw(text) for text in (*NUMBERS, *TEXTS, *STRUCTURES)])
    | st.text(max_size=30)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=10).map(Raw)
)
hostile_places: Final = st.sampled_from(WITH_BODY).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(list(places(REQUESTS[name].body))))
)
NAMES: Final = (
    *("limit", "offset", "search", "email", "role", "shareCode", "ehrEnabled", "lastReviewed"),
    *("createdTimeStart", "createdTimeEnd", "tags", "sites", "mrn", "birthDate", "workspaceId"),
    *("workspaceIdType", "sort", "sortType", "period", "omitNonStandardRanges", "cgm.max", "x"),
)
hostile_words: Final = st.sampled_from(
    [
        *(b"", b"%", b"%zz", b"%00", b"%ff", b"%ed%a0%80", b"%f0%9f%98%80", b"%2B", b"+", b";"),
        *(b"9223372036854775807", b"9223372036854775808", b"-1", b"1e3", b"%d9%a3", b"1_0", b"0"),
        *(
            b"x" * 1_000,
            b"x" * 1_001,
            b"(" * 50_000,
            b",",
            b"a,,b",
            b"\xff",
            b"=",
            b"t",
            b"clinicId",
        ),
        *(b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00%2B00:01"),
        *(SITE.id.encode(), b",".join([TAG.id.encode()] * 500), b"%2BfullName", b"cgm", b"1d"),
    ]
)
hostile_segments: Final = st.sampled_from(
    [
        *("", ".", "..", "%2e%2e", "%2F", "%2f..", "%00", "%ff", "%c3%28", "%ed%a0%80", "%", "%z"),
        *("\xff\xfe", "\xed\xa0\x80", "x" * 100_000, "%F0%9F%98%80" * 500, "%F0%9F%98%80" * 501),
        *("a%0d%0aX: y", "\r\n", "{clinicId}", "%25", "#", "*", ";", ":", "~", "aaaaaaaaaa%0A"),
    ]
)
hostile_headers: Final = st.lists(
    st.tuples(
        st.sampled_from(
            [b"x-tidepool-session-token", b"x-request-id", b"content-type", b"content-length"]
        ),
        st.sampled_from(
            [b"", b" ", b"\xff\x00", b"x" * 100_000, b"server", b"a\nb", b"0" * 40, b"9"]
        )
        | st.binary(max_size=20),
    ),
    max_size=3,
).map(tuple)
methods: Final = st.sampled_from(
    [*("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "", "X" * 9_000)]
)


# The latter two are about invites.
ERRORS: Final = (["message"], ["code", "reason"], ["code", "reason", "message"])


def examples(number: int) -> settings:
    # Every example prepares the ground for itself.
    return settings(
        max_examples=number, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


async def answered(ground: Ground, request: Request, **sent: Any) -> httpx.Response:
    """Send a request, and hold what every answer has to be."""
    await ground.prepare()
    before = await ground.all()
    with structlog.testing.capture_logs() as lines:
        answer = await ground(request, **sent)
    status = answer.status_code
    assert status < 500, answer.text
    [operation] = [line["operation"] for line in lines if line["event"] == "request"]
    # What is no operation, or a page, is in no document.
    assert status in our_statuses().get(operation, {status}), (operation, status)
    if status >= 400:
        assert await ground.all() == before
        if answer.content:
            assert list(answer.json()) in ERRORS
    log = json.dumps(lines)
    assert not [secret for secret in SECRETS if secret in log]
    return answer


@given(where=hostile_places, new=hostile_values)
@examples(500)
async def test_any_value_in_any_place_of_a_body(
    ground: Ground, where: tuple[str, Place], new: Any
) -> None:
    operation, place = where
    request = REQUESTS[operation]
    answer = await answered(ground, request, content=encoded(request.body, place, new))

    # Nothing more is said of an invite that cannot be read (section B4).
    if answer.status_code == 400 and "message" in (answer.content and answer.json()):
        text = answer.json()["message"]
        names = [name for name in place if isinstance(name, str)]
        is_about_all = any(
            reason in text
            for reason in (
                "request body is no JSON",
                "bad request",
                "nested too deeply",
                "Integer value out of range",
            )
        )
        # Of a dictionary msgspec does not say under which key.
        assert is_about_all or not names or names[-1] in text or "[...]" in text, text


@given(
    operation=st.sampled_from(list(REQUESTS)),
    pairs=st.lists(st.tuples(st.sampled_from(NAMES), hostile_words), min_size=1, max_size=3),
)
@examples(200)
async def test_any_query(ground: Ground, operation: str, pairs: list[tuple[str, bytes]]) -> None:
    query = b"&".join(name.encode() + b"=" + word for name, word in pairs)
    answer = await answered(ground, REQUESTS[operation], query=query)

    if answer.status_code == 400 and REQUESTS[operation].method == "GET":
        text = answer.json()["message"]
        assert text.startswith(("bad request: ", "Invalid format for parameter")) or any(
            f'"{name}"' in text for name, _ in pairs
        )


@given(
    operation=st.sampled_from(list(REQUESTS)),
    number=st.integers(1, 8),
    segment=hostile_segments,
    method=methods | st.none(),
)
@examples(200)
async def test_any_path_and_method(
    ground: Ground, operation: str, number: int, segment: str, method: str | None
) -> None:
    request = REQUESTS[operation]
    parts = request.path.split("/")
    parts[min(number, len(parts) - 1)] = segment
    await answered(
        ground, attrs.evolve(request, path="/".join(parts), method=method or request.method)
    )


@given(operation=st.sampled_from(list(REQUESTS)), headers=hostile_headers)
@examples(100)
async def test_any_headers(
    ground: Ground, operation: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    await answered(ground, REQUESTS[operation], headers=headers)


# Something fails underneath


@pytest.mark.parametrize("operation", REQUESTS)
async def test_nothing_is_half_done_where_the_storage_is_lost(
    ground: Ground, operation: str
) -> None:
    """At each call on a repository, one after the other, until the request gets through."""
    statuses: list[int] = []
    while statuses[-1:] in ([], [503]):
        await ground.prepare()
        before = await ground.all()
        ground.storage.left = len(statuses)
        statuses.append((await ground(REQUESTS[operation])).status_code)
        # An order is kept before anybody asks what it means.
        after = [each for each in await ground.all() if not _is_of_kind(each, EnrollmentOrder)]
        same = [each for each in before if not _is_of_kind(each, EnrollmentOrder)]
        assert statuses[-1] != 503 or after == same

    # Who repeats what was asked for works with no storage at all.
    assert len(statuses) > 1 or operation == "VerifyEndpoint"
    assert statuses[-1] in (200, 202, 204)


def _is_of_kind(found: Any, kind: type) -> bool:
    return bool(found) and isinstance(found, list) and isinstance(found[0], kind)


@pytest.mark.parametrize("operation", REQUESTS)
async def test_nothing_is_stored_where_a_peer_is_down(ground: Ground, operation: str) -> None:
    world = ground.world
    for peer in (
        world.users,
        world.profiles,
        world.service_accounts,
        world.representatives,
        world.xealth_orders,
        world.restricted_tokens,
    ):
        await ground.prepare()
        before = await ground.all()
        peer.is_available = False
        try:
            answer = await ground(REQUESTS[operation])
        finally:
            peer.is_available = True

        assert answer.status_code in (200, 202, 204, 503)
        assert answer.status_code != 503 or await ground.all() == before


# What once went wrong


async def test_a_body_that_ends_too_early_is_no_failure_of_the_service(ground: Ground) -> None:
    """Neither where the client goes away nor where the pieces make no sense to the server."""
    for pieces in ([None], [b'{"na', None], [b'{"name":"Jill"}', b"", None]):
        answer = await answered(ground, REQUESTS["CreateClinic"], pieces=pieces)

        assert answer.status_code == 400
        assert "not sent to its end" in answer.json()["message"]


async def test_a_body_of_unknown_length_has_a_limit(ground: Ground) -> None:
    kilobyte = 1_024 * b" "
    refused = await answered(ground, REQUESTS["CreateClinic"], pieces=1_025 * [kilobyte])
    description = [*(1_000 * [kilobyte]), _json(DESCRIPTION)]
    read = await answered(ground, REQUESTS["CreateClinic"], pieces=description)

    assert refused.status_code == 413
    assert refused.json() == {"message": "request body is larger than 1048576 bytes"}
    assert read.status_code == 200


def refused(content: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        read(content, ClinicBody)
    return caught.value.message


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b'"a\\u0000"', "Expected `str` without NUL"), (b"-1e400", "Number out of range")],
)
def test_what_no_member_can_hold_is_refused_by_its_place(value: bytes, reason: str) -> None:
    content = b'{"other":1.5,"phoneNumbers":[{"number":"1"},{"number":' + value + b"}]}"

    assert refused(content) == (
        f"request body has an error: {reason} - at `$.phoneNumbers[1].number`"
    )


def test_a_key_that_cannot_be_is_refused_by_its_place() -> None:
    content = b'{"suppressedNotifications":{"a\\u0000b":1}}'

    assert "key in $.suppressedNotifications" in refused(content)


def test_long_arrays_are_searched_for_repetitions_in_one_go() -> None:
    """With one comparison for every two items, a body of a megabyte took minutes."""
    comparisons = 0

    class Item:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return self.number

        def __eq__(self, other: object) -> bool:
            nonlocal comparisons
            comparisons += 1
            return isinstance(other, Item) and self.number == other.number

    refuse_repeated("items", [Item(number) for number in range(1_000)])
    assert comparisons < 1_000
    with pytest.raises(ValueError, match="items"):
        refuse_repeated("items", [Item(1), Item(2), Item(1)])


LONG: Final = 501 * "\U0001f600"
"""An index of a database takes no text like this one."""


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        *itertools.product(("CreatePatientAccount", "UpdatePatient"), ("fullName", "email", "mrn")),
        *itertools.product(("CreatePatientFromUser",), ("fullName", "mrn")),
        *itertools.product(("AcceptPatientInvitation",), ("fullName", "mrn")),
        ("InviteClinician", "email"),
        *itertools.product(("CreateClinician",), ("email", "inviteId", "name")),
        ("AssociateClinicianToUser", "userId"),
        ("AddServiceAccount", "name"),
        ("UpdateClinicUserDetails", "email"),
        ("UpdateEHRSettings", "sourceId"),
    ],
)
async def test_a_text_that_no_index_takes_is_refused_by_its_name(
    ground: Ground, operation: str, name: str
) -> None:
    request = REQUESTS[operation]
    too_long = attrs.evolve(request, body=request.body | {name: LONG})
    answer = await answered(ground, too_long)

    assert answer.status_code == 400
    assert f"at `$.{name}`" in answer.json()["message"]
    at_most = attrs.evolve(request, body=request.body | {name: LONG[:500]})
    assert f"at `$.{name}`" not in (await answered(ground, at_most)).text


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("UpdateClinic", "phoneNumbers"),
        ("UpdatePatient", "tags"),
        ("UpdatePatient", "dataSources"),
        ("UpdatePatient", "sites"),
        ("UpdateMembershipRestrictions", "restrictions"),
    ],
)
async def test_an_array_that_would_hold_up_all_others_is_refused_by_its_name(
    ground: Ground, operation: str, name: str
) -> None:
    request = REQUESTS[operation]
    items = [{"number": str(number)} for number in range(1_001)]
    answer = await answered(ground, attrs.evolve(request, body=request.body | {name: items}))

    assert answer.status_code == 400
    assert f"`array` of length <= 1000 - at `$.{name}`" in answer.json()["message"]


@pytest.mark.parametrize(
    ("operation", "query"),
    [
        ("ListPatients", "search"),
        ("ListClinicians", "search"),
        ("ListClinicians", "email"),
        ("FindPatients", "mrn"),
        ("ListClinics", "shareCode"),
    ],
)
async def test_a_text_that_no_database_looks_for_is_refused_by_its_name(
    ground: Ground, operation: str, query: str
) -> None:
    for length, status in ((1_000, 200), (1_001, 400), (40_000, 400)):
        text = quote(length * "\U0001f600")
        answer = await ground(REQUESTS[operation], query=f"{query}={text}".encode())

        assert answer.status_code == status
        assert status == 200 or f'parameter "{query}" in query' in answer.json()["message"]


async def test_a_list_in_a_query_has_a_length(ground: Ground) -> None:
    for length, status in ((1_000, 200), (1_001, 400)):
        query = "tags=" + ",".join(length * [TAG.id])
        answer = await ground(REQUESTS["ListPatients"], query=query.encode())

        assert answer.status_code == status


async def test_a_key_in_a_path_has_a_length(ground: Ground) -> None:
    for length, status in ((500, 404), (501, 400), (100_000, 400)):
        path = f"/v1/clinics/share_code/{quote(length * chr(0x1F600))}"
        answer = await ground(Request("GET", path))

        assert answer.status_code == status
