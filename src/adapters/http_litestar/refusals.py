"""Which error statuses each operation answers: what the API document says of refusals."""

from collections.abc import Mapping
from typing import Final

from adapters.http_litestar.operations import Operation
from clinic_domain.access.model import Caller

_EVERYBODY: Final = Caller.SERVER | Caller.USER

_ALWAYS: Final = (400, 413, 500)
"""A request can be malformed or too large, and something can go wrong that nobody foresaw."""
_WITH_A_SESSION: Final = (401, 503)
"""No token, or another one; and who it stands for, or what is stored, may be out of reach."""
_BY_NAME: Final = (403,)
"""Somebody, but nobody who may."""

_OWN: Final[Mapping[str, tuple[int, ...]]] = {
    # Clinics
    "CreateClinic": (404, 409),
    "GetClinicByShareCode": (404,),
    "GetClinic": (404,),
    "UpdateClinic": (404,),
    "DeleteClinic": (404,),
    "UpdateTier": (404,),
    "UpdateSuppressedNotifications": (404,),
    "ListMembershipRestrictions": (404,),
    "UpdateMembershipRestrictions": (404,),
    "GetEHRSettings": (404,),
    "UpdateEHRSettings": (404,),
    "GetMRNSettings": (404,),
    "UpdateMRNSettings": (404,),
    "GetPatientCountSettings": (404,),
    "UpdatePatientCountSettings": (404,),
    "GetPatientCount": (404,),
    "RefreshPatientCount": (404,),
    "GenerateMergeReport": (404,),
    "MergeClinic": (404,),
    # Tags and sites
    "CreatePatientTag": (404, 409, 422),
    "UpdatePatientTag": (404, 409),
    "DeletePatientTag": (404,),
    "ConvertPatientTagToSite": (404, 409),
    "CreateSite": (404, 409, 422),
    "UpdateSite": (404, 409, 422),
    "DeleteSite": (404,),
    "MergeSite": (404,),
    # Clinicians
    "CreateClinician": (404, 409, 422),
    "GetClinician": (404,),
    "UpdateClinician": (404, 422),
    "DeleteClinician": (404, 422),
    "GetInvitedClinician": (404,),
    "AssociateClinicianToUser": (404, 409, 422),
    "DeleteInvitedClinician": (404, 422),
    "AddServiceAccount": (404, 409, 422),
    "UpdateClinicUserDetails": (422,),
    # Patients
    "CreatePatientAccount": (402, 404, 409, 422),
    "CreatePatientFromUser": (402, 404, 409),
    "GetPatient": (404,),
    "UpdatePatient": (404, 409, 422),
    "DeletePatient": (404,),
    "UpdatePatientPermissions": (404,),
    "DeletePatientPermission": (404,),
    "UpdatePatientReviews": (404,),
    "DeletePatientReviews": (404, 409),
    "SendUploadReminder": (404,),
    "ConnectProvider": (404,),
    # Invites
    "InviteClinician": (404, 409, 422),
    "ResendInvite": (404,),
    "GetClinicianInvite": (404,),
    "ListClinicianInvites": (404,),
    "AcceptClinicianInvite": (404, 409, 422),
    "AcceptPatientInvitation": (404,),
    "SendPatientInvite": (404, 409),
    "ListSentInvites": (404,),
    # Legacy accounts
    "EnableNewClinicExperience": (404, 409, 422),
    "TriggerInitialMigration": (404, 409, 422),
    "MigrateLegacyClinicianPatients": (404, 409, 422),
    "GetMigration": (404,),
    "UpdateMigration": (404,),
    # Partners, who have no session but tokens of their own
    "ProcessEHRMessage": (401, 503),
    "VerifyEndpoint": (401, 415),
    "MatchClinicAndPatient": (404, 409),
    "SyncEHRData": (404,),
    "XealthPreorder": (401, 404, 409, 422, 503),
    "XealthNotification": (401, 402, 404, 409, 415, 422, 503),
    "XealthGetPrograms": (401, 404, 409, 415, 422, 503),
    "XealthGetProgramUrl": (401, 404, 409, 415, 422, 503),
    "ViewPDFReport": (401, 404, 422, 503),
}
"""What the use cases of an operation refuse, beyond what is refused before they are called."""


def refusals_of(operation: Operation) -> tuple[int, ...]:
    """Return the error statuses that an operation answers, in ascending order."""
    found = {*_ALWAYS, *_OWN.get(operation.id, ())}
    if not operation.is_exempt:
        found.update(_WITH_A_SESSION)
        # Whether an invite concerns the caller is asked by name, too (section B4).
        if operation.is_confirmation or _EVERYBODY not in operation.rule.callers:
            found.update(_BY_NAME)
    return tuple(sorted(found))
