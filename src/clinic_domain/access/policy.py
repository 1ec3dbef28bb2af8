"""Who may do what: one table over all operations, and its evaluation."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from clinic_domain.access.model import Caller, Principal
from clinic_domain.clinicians.model import Clinician

_S, _U, _P, _M, _A = Caller.SERVER, Caller.USER, Caller.SELF, Caller.MEMBER, Caller.ADMIN
_TEAM: Final = _S | _M | _A
_MEMBERSHIP: Final = _M | _A | Caller.SELF_MEMBER | Caller.JOINED


@attrs.frozen
class Rule:
    """Which capacities allow an operation, and which path parameter names the one who is "self"."""

    callers: Caller
    self_parameter: str = ""

    @property
    def needs_membership(self) -> bool:
        """Whether the caller's record in the clinic of the path can make a difference (AUTHZ-2)."""
        return bool(self.callers & _MEMBERSHIP)

    def needs_representation(self, principal: Principal, path: Mapping[str, str]) -> bool:
        """Whether acting for the one whom the path names can make a difference."""
        is_about_others = principal.subject != path.get(self.self_parameter)
        return Caller.OWNER in self.callers and not principal.is_server and is_about_others


def _self(callers: Caller, parameter: str) -> Rule:
    return Rule(callers, parameter)


POLICY: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        # Clinics
        "ListClinics": Rule(_S),
        "CreateClinic": Rule(_U),
        "GetClinicByShareCode": Rule(_S | _U),
        "GetClinic": Rule(_S | _U),
        "UpdateClinic": Rule(_S | _A),
        "DeleteClinic": Rule(_S | _A),
        "UpdateTier": Rule(_S),
        "UpdateSuppressedNotifications": Rule(_A),
        "ListMembershipRestrictions": Rule(_S | _A),
        "UpdateMembershipRestrictions": Rule(_S),
        "GetEHRSettings": Rule(_TEAM),
        "UpdateEHRSettings": Rule(_S),
        "GetMRNSettings": Rule(_TEAM),
        "UpdateMRNSettings": Rule(_S),
        "GetPatientCountSettings": Rule(_TEAM),
        "UpdatePatientCountSettings": Rule(_S),
        "GetPatientCount": Rule(_TEAM),
        "RefreshPatientCount": Rule(_S),
        # Tags and sites
        "CreatePatientTag": Rule(_TEAM),
        "UpdatePatientTag": Rule(_TEAM),
        "DeletePatientTag": Rule(_S | _A),
        "ConvertPatientTagToSite": Rule(_S),
        "CreateSite": Rule(_S | _A),
        "UpdateSite": Rule(_S | _A),
        "DeleteSite": Rule(_S | _A),
        "MergeSite": Rule(_S),
        # Clinicians
        "ListAllClinicians": Rule(_S),
        "ListClinicians": Rule(_TEAM),
        "CreateClinician": Rule(_S),
        "GetClinician": Rule(_TEAM),
        "UpdateClinician": Rule(_S | _A),
        "DeleteClinician": _self(_S | _A | Caller.SELF_MEMBER, "clinicianId"),
        "AssociateClinicianToUser": Rule(_S),
        "DeleteInvitedClinician": Rule(_S),
        "GetInvitedClinician": Rule(_S),
        "AddServiceAccount": Rule(_S),
        "ListClinicsForClinician": _self(_S | _P, "userId"),
        "DeleteUserFromClinics": Rule(_S),
        "UpdateClinicUserDetails": Rule(_S),
        # Patients
        "ListPatients": Rule(_TEAM),
        "TideReport": Rule(_TEAM),
        "CreatePatientAccount": Rule(_TEAM),
        "GetPatient": Rule(_TEAM),
        "CreatePatientFromUser": Rule(_S),
        "UpdatePatient": Rule(_TEAM),
        "DeletePatient": _self(_P | _A, "patientId"),
        "UpdatePatientReviews": Rule(_M | _A),
        "DeletePatientReviews": Rule(_M | _A),
        "UpdatePatientPermissions": _self(_P, "patientId"),
        "DeletePatientPermission": _self(_P | Caller.SERVER_FOR_CUSTODIAN, "patientId"),
        "SendUploadReminder": Rule(_M | _A),
        "ConnectProvider": Rule(_TEAM),
        "AssignPatientTagToClinicPatients": Rule(_S | _A),
        "DeletePatientTagFromClinicPatients": Rule(_S | _A),
        "FindPatients": Rule(_U),
        "ListClinicsForPatient": _self(_S | _P, "userId"),
        "UpdatePatientDataSources": Rule(_S),
        "UpdatePatientSummary": Rule(_S),
        "DeletePatientSummary": Rule(_S),
        # Merges and legacy migrations
        "GenerateMergeReport": Rule(_S),
        "MergeClinic": Rule(_S),
        "MigrateLegacyClinicianPatients": Rule(_S),
        "ListMigrations": Rule(_TEAM),
        "EnableNewClinicExperience": Rule(_S),
        "TriggerInitialMigration": Rule(_A),
        "GetMigration": Rule(_TEAM),
        "UpdateMigration": Rule(_S),
        # EHR partners
        "ProcessEHRMessage": Rule(Caller.ANYBODY),
        "VerifyEndpoint": Rule(Caller.ANYBODY),
        "MatchClinicAndPatient": Rule(_S),
        "SyncEHRData": Rule(_S),
        "SyncEHRDataForPatient": Rule(_S),
        "XealthPreorder": Rule(Caller.ANYBODY),
        "XealthGetPrograms": Rule(Caller.ANYBODY),
        "XealthGetProgramUrl": Rule(Caller.ANYBODY),
        "XealthNotification": Rule(Caller.ANYBODY),
        "ViewPDFReport": Rule(Caller.ANYBODY),
        # Invites (chapter 03, B4)
        "InviteClinician": Rule(_S | _A),
        "ResendInvite": Rule(_S | _A),
        "GetClinicianInvite": Rule(_S | _A),
        "DeleteInvite": Rule(_S | _A),
        "SendPatientInvite": _self(_S | Caller.OWNER, "userId"),
        "ListSentInvites": _self(_S | Caller.OWNER, "userId"),
        # Whose invite it is decides, so the use case does.
        "ClosePatientInvite": Rule(_S | _U),
        "GetPatientInvites": Rule(_S | Caller.JOINED),
        "AcceptPatientInvitation": Rule(_S | Caller.JOINED),
        "ListClinicianInvites": _self(_P, "userId"),
        "DismissClinicianInvite": _self(_P, "userId"),
        "AcceptClinicianInvite": _self(_P, "userId"),
    }
)
"""Operation id -> who may call it."""


def is_allowed(
    rule: Rule,
    principal: Principal,
    path: Mapping[str, str],
    membership: Clinician | None,
    *,
    represents: bool = False,
) -> bool:
    """
    Decide whether *principal* may call an operation with these path parameters.

    *membership* is the caller's record in the clinic of the path; it is looked at only where
    `rule.needs_membership`. *represents* says whether the caller acts for the one whom the path
    names; it is looked at only where `rule.needs_representation`.
    """
    found = capacities(rule, principal, path, membership)
    if represents:
        found |= Caller.OWNER
    return bool(rule.callers & (Caller.ANYBODY | found))


def capacities(
    rule: Rule, principal: Principal, path: Mapping[str, str], membership: Clinician | None
) -> Caller:
    """Return in which capacities *principal* calls (AUTHZ-3 to AUTHZ-6)."""
    is_self = not principal.is_server and principal.subject == path.get(rule.self_parameter)
    found = Caller.USER
    if principal.is_server:
        found = Caller.SERVER
        if path.get("permission") == "custodian":
            found |= Caller.SERVER_FOR_CUSTODIAN
    if is_self:
        found |= Caller.SELF | Caller.OWNER
    if membership is not None:
        found |= Caller.JOINED
        found |= Caller.ADMIN if membership.is_admin else Caller.NOBODY
        if membership.may_read:
            found |= Caller.MEMBER | (Caller.SELF_MEMBER if is_self else Caller.NOBODY)
    return found
