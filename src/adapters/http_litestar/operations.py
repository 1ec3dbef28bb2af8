"""Every operation of the API: its method, its path and its id."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote

import attrs

from clinic_domain.access.model import Caller
from clinic_domain.access.policy import POLICY, Rule
from clinic_domain.text import has_nul

OBJECT_ID: Final = "^[a-f0-9]{24}$"
USER_ID: Final = "^([0-9a-f]{10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
SUMMARY_ID: Final = "^[a-f0-9]{0,24}$"
MAX_KEY: Final = 500
"""Characters of a text that every storage can put into an index."""
_MOST_ENCODED: Final = len("%F0%9F%98%80")
"""Characters in which one character can be encoded."""
PERMISSIONS: Final = ("custodian", "view", "upload", "note")
PROVIDERS: Final = ("dexcom", "twiist", "abbott")

_CLINIC: Final = "/v1/clinics/{clinicId}"
_CLINICIAN: Final = _CLINIC + "/clinicians/{clinicianId}"
_PATIENT: Final = _CLINIC + "/patients/{patientId}"
_TAG: Final = _CLINIC + "/patient_tags/{patientTagId}"
_SITE: Final = _CLINIC + "/sites/{siteId}"
_INVITE: Final = _CLINIC + "/invites/clinicians/{inviteId}"

TEMPLATES: Final[Mapping[str, Mapping[str, str]]] = {
    "/v1/clinics": {"GET": "ListClinics", "POST": "CreateClinic"},
    "/v1/clinics/share_code/{shareCode}": {"GET": "GetClinicByShareCode"},
    _CLINIC: {"GET": "GetClinic", "PUT": "UpdateClinic", "DELETE": "DeleteClinic"},
    _CLINIC + "/clinicians": {"GET": "ListClinicians", "POST": "CreateClinician"},
    _CLINIC + "/tide_report": {"GET": "TideReport"},
    _CLINIC + "/patients": {"GET": "ListPatients", "POST": "CreatePatientAccount"},
    _CLINIC + "/patient_tags": {"POST": "CreatePatientTag"},
    _CLINIC + "/sites": {"POST": "CreateSite"},
    _SITE: {"PUT": "UpdateSite", "DELETE": "DeleteSite"},
    _SITE + "/merge": {"POST": "MergeSite"},
    _CLINICIAN: {"GET": "GetClinician", "PUT": "UpdateClinician", "DELETE": "DeleteClinician"},
    _PATIENT: {
        "GET": "GetPatient",
        "POST": "CreatePatientFromUser",
        "PUT": "UpdatePatient",
        "DELETE": "DeletePatient",
    },
    _TAG: {"PUT": "UpdatePatientTag", "DELETE": "DeletePatientTag"},
    _TAG + "/site": {"POST": "ConvertPatientTagToSite"},
    _CLINIC + "/invites/clinicians": {"POST": "InviteClinician"},
    _INVITE: {"PATCH": "ResendInvite", "DELETE": "DeleteInvite", "GET": "GetClinicianInvite"},
    _INVITE + "/clinician": {
        "PATCH": "AssociateClinicianToUser",
        "DELETE": "DeleteInvitedClinician",
        "GET": "GetInvitedClinician",
    },
    _CLINIC + "/invites/patients": {"GET": "GetPatientInvites"},
    _CLINIC + "/invites/patients/{inviteId}": {
        "PUT": "AcceptPatientInvitation",
        "DELETE": "ClosePatientInvite",
    },
    _PATIENT + "/reviews": {"PUT": "UpdatePatientReviews", "DELETE": "DeletePatientReviews"},
    _PATIENT + "/permissions": {"PUT": "UpdatePatientPermissions"},
    _PATIENT + "/permissions/{permission}": {"DELETE": "DeletePatientPermission"},
    "/v1/patients/{userId}/clinics": {"GET": "ListClinicsForPatient"},
    "/v1/clinicians/{userId}/invites": {"GET": "ListClinicianInvites"},
    "/v1/clinicians/{userId}/invites/{inviteId}": {
        "DELETE": "DismissClinicianInvite",
        "PUT": "AcceptClinicianInvite",
    },
    "/v1/clinicians/{userId}/clinics": {"GET": "ListClinicsForClinician"},
    _CLINIC + "/migrations": {"POST": "MigrateLegacyClinicianPatients", "GET": "ListMigrations"},
    "/v1/clinicians/{userId}/migrate": {"POST": "EnableNewClinicExperience"},
    _CLINIC + "/migrate": {"POST": "TriggerInitialMigration"},
    _CLINIC + "/migrations/{userId}": {"GET": "GetMigration", "PATCH": "UpdateMigration"},
    "/v1/users/{userId}/clinics": {
        "DELETE": "DeleteUserFromClinics",
        "POST": "UpdateClinicUserDetails",
    },
    "/v1/clinicians": {"GET": "ListAllClinicians"},
    "/v1/patients/{patientId}/summary": {"POST": "UpdatePatientSummary"},
    "/v1/summaries/{summaryId}/clinics": {"DELETE": "DeletePatientSummary"},
    "/v1/patients/{userId}/data_sources": {"PUT": "UpdatePatientDataSources"},
    _CLINIC + "/tier": {"POST": "UpdateTier"},
    _CLINIC + "/suppressed_notifications": {"POST": "UpdateSuppressedNotifications"},
    _PATIENT + "/upload_reminder": {"POST": "SendUploadReminder"},
    _CLINIC + "/patients/assign_tag/{patientTagId}": {"POST": "AssignPatientTagToClinicPatients"},
    _CLINIC + "/patients/delete_tag/{patientTagId}": {"POST": "DeletePatientTagFromClinicPatients"},
    _CLINIC + "/membership_restrictions": {
        "GET": "ListMembershipRestrictions",
        "PUT": "UpdateMembershipRestrictions",
    },
    "/v1/redox": {"POST": "ProcessEHRMessage"},
    "/v1/redox/verify": {"POST": "VerifyEndpoint"},
    _CLINIC + "/settings/ehr": {"GET": "GetEHRSettings", "PUT": "UpdateEHRSettings"},
    "/v1/redox/match": {"POST": "MatchClinicAndPatient"},
    _CLINIC + "/settings/mrn": {"GET": "GetMRNSettings", "PUT": "UpdateMRNSettings"},
    _CLINIC + "/settings/patient_count": {
        "GET": "GetPatientCountSettings",
        "PUT": "UpdatePatientCountSettings",
    },
    _CLINIC + "/patient_count": {"GET": "GetPatientCount"},
    _CLINIC + "/patient_count/refresh": {"POST": "RefreshPatientCount"},
    _CLINIC + "/ehr/sync": {"POST": "SyncEHRData"},
    "/v1/patients": {"GET": "FindPatients"},
    "/v1/xealth/preorder": {"POST": "XealthPreorder"},
    "/v1/xealth/programs": {"PUT": "XealthGetPrograms"},
    "/v1/xealth/program": {"PUT": "XealthGetProgramUrl"},
    "/v1/xealth/notification": {"POST": "XealthNotification"},
    "/v1/xealth/report/web/viewer.html": {"GET": "ViewPDFReport"},
    _CLINIC + "/service_accounts": {"POST": "AddServiceAccount"},
    "/v1/patients/{patientId}/ehr/sync": {"POST": "SyncEHRDataForPatient"},
    _CLINIC + "/reports/merge": {"POST": "GenerateMergeReport"},
    _CLINIC + "/merge": {"POST": "MergeClinic"},
    _PATIENT + "/connect/{providerId}": {"POST": "ConnectProvider"},
    "/confirm/send/invite/{userId}/clinic": {"POST": "SendPatientInvite"},
    "/confirm/invite/{userId}": {"GET": "ListSentInvites"},
}
"""
Path template -> method -> operation id.

In the order of the API document, and behind them what it leaves out.
"""

ADDED: Final = frozenset({"SendPatientInvite", "ListSentInvites", "ClosePatientInvite"})
"""Operations that the API document leaves out."""
CONFIRMATIONS: Final = ADDED | frozenset(
    {
        "InviteClinician",
        "ResendInvite",
        "DeleteInvite",
        "GetClinicianInvite",
        "GetPatientInvites",
        "AcceptPatientInvitation",
        "ListClinicianInvites",
        "DismissClinicianInvite",
        "AcceptClinicianInvite",
    }
)
"""
Operations on invites.

They answer errors in a form of their own (section B4 of the chapter on invites).
"""

Check = Callable[[str], str | None]
"""Returns what is wrong with the still encoded value of a path parameter, if something is."""


def _matching(pattern: str) -> Check:
    # `$` of the document means the very end, as it does without MULTILINE in other languages.
    compiled = re.compile(pattern.removesuffix("$") + r"\Z")
    wrong = f"must match {pattern}"
    return lambda value: None if compiled.match(value) else wrong


def _one_of(*values: str) -> Check:
    wrong = f"must be one of {', '.join(values)}"
    return lambda value: None if value in values else wrong


def _key(value: str) -> str | None:
    if len(value) > MAX_KEY * _MOST_ENCODED:
        return f"must be at most {MAX_KEY} characters long"
    try:
        decoded = unquote(value, errors="strict")
    except UnicodeDecodeError:
        return "must be UTF-8"
    if len(decoded) > MAX_KEY:
        return f"must be at most {MAX_KEY} characters long"
    return "must not contain NUL" if has_nul(decoded) else None


_CHECKS: Final[Mapping[str, Check]] = {
    "clinicId": _matching(OBJECT_ID),
    "clinicianId": _matching(USER_ID),
    "patientId": _matching(USER_ID),
    "userId": _matching(USER_ID),
    "patientTagId": _matching(OBJECT_ID),
    "siteId": _matching(OBJECT_ID),
    "summaryId": _matching(SUMMARY_ID),
    "inviteId": _key,
    "shareCode": _key,
    "providerId": _one_of(*PROVIDERS),
    "permission": _one_of(*PERMISSIONS),
}

_UNSHAPED: Final = frozenset(
    {
        "EnableNewClinicExperience",
        "TriggerInitialMigration",
        "MigrateLegacyClinicianPatients",
        "ListMigrations",
    }
)
"""Operations to which what is no id is an id that nobody has (7.4)."""


@attrs.frozen(eq=False)
class Operation:
    """One operation, with all that is decided about it before a request comes in."""

    id: str
    rule: Rule
    checks: tuple[tuple[str, Check], ...] = ()
    """What the path parameters must hold, in the order of the path."""

    @property
    def is_confirmation(self) -> bool:
        """Whether it is about an invite."""
        return self.id in CONFIRMATIONS

    @property
    def is_exempt(self) -> bool:
        """Whether no session is asked for (EXEMPT-1)."""
        return bool(self.rule.callers & Caller.ANYBODY)


def operation(id_: str, template: str) -> Operation:
    names = (part[1:-1] for part in template.split("/") if part.startswith("{"))
    checks = ((name, _key if id_ in _UNSHAPED else _CHECKS[name]) for name in names)
    return Operation(id_, POLICY[id_], tuple(checks))
