"""The policy, held against a table of its own (AUTHZ-1, AUTHZ-3 to AUTHZ-6)."""

import re
from itertools import product
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.access.model import Caller, Principal
from clinic_domain.access.policy import POLICY, Rule, is_allowed
from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.testing.examples import a_clinician
from clinic_domain.values import ClinicId, UserId
from support.world import SERVER, user

# Operation, who may: S a backend service, U any user, P the user of the path, M a member, A an
# admin of the clinic of the path, J whoever has a record there, * everybody without a session;
# O is P or whoever acts for P,
# PM is P only together with M, and Sc is S for the permission `custodian` alone.
TABLE: Final = """
    ListClinics                         S       /v1/clinics
    CreateClinic                        U       /v1/clinics
    GetClinicByShareCode                S U     /v1/clinics/share_code/{shareCode}
    GetClinic                           S U     /v1/clinics/{clinicId}
    UpdateClinic                        S A     /v1/clinics/{clinicId}
    DeleteClinic                        S A     /v1/clinics/{clinicId}
    ListClinicians                      S M A   /v1/clinics/{clinicId}/clinicians
    CreateClinician                     S       /v1/clinics/{clinicId}/clinicians
    TideReport                          S M A   /v1/clinics/{clinicId}/tide_report
    ListPatients                        S M A   /v1/clinics/{clinicId}/patients
    CreatePatientAccount                S M A   /v1/clinics/{clinicId}/patients
    CreatePatientTag                    S M A   /v1/clinics/{clinicId}/patient_tags
    CreateSite                          S A     /v1/clinics/{clinicId}/sites
    UpdateSite                          S A     /v1/clinics/{clinicId}/sites/{siteId}
    DeleteSite                          S A     /v1/clinics/{clinicId}/sites/{siteId}
    MergeSite                           S       /v1/clinics/{clinicId}/sites/{siteId}/merge
    GetClinician                        S M A   /v1/clinics/{clinicId}/clinicians/{clinicianId}
    UpdateClinician                     S A     /v1/clinics/{clinicId}/clinicians/{clinicianId}
    DeleteClinician                     S PM A  /v1/clinics/{clinicId}/clinicians/{clinicianId}
    GetPatient                          S M A   /v1/clinics/{clinicId}/patients/{patientId}
    CreatePatientFromUser               S       /v1/clinics/{clinicId}/patients/{patientId}
    UpdatePatient                       S M A   /v1/clinics/{clinicId}/patients/{patientId}
    DeletePatient                       P A     /v1/clinics/{clinicId}/patients/{patientId}
    UpdatePatientTag                    S M A   /v1/clinics/{clinicId}/patient_tags/{patientTagId}
    DeletePatientTag                    S A     /v1/clinics/{clinicId}/patient_tags/{patientTagId}
    ConvertPatientTagToSite             S       /v1/clinics/{clinicId}/patient_tags/{patientTagId}/site
    AssociateClinicianToUser            S       /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician
    DeleteInvitedClinician              S       /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician
    GetInvitedClinician                 S       /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician
    UpdatePatientReviews                M A     /v1/clinics/{clinicId}/patients/{patientId}/reviews
    DeletePatientReviews                M A     /v1/clinics/{clinicId}/patients/{patientId}/reviews
    UpdatePatientPermissions            P       /v1/clinics/{clinicId}/patients/{patientId}/permissions
    DeletePatientPermission             Sc P    /v1/clinics/{clinicId}/patients/{patientId}/permissions/{permission}
    ListClinicsForPatient               S P     /v1/patients/{userId}/clinics
    ListClinicsForClinician             S P     /v1/clinicians/{userId}/clinics
    MigrateLegacyClinicianPatients      S       /v1/clinics/{clinicId}/migrations
    ListMigrations                      S M A   /v1/clinics/{clinicId}/migrations
    EnableNewClinicExperience           S       /v1/clinicians/{userId}/migrate
    TriggerInitialMigration             A       /v1/clinics/{clinicId}/migrate
    GetMigration                        S M A   /v1/clinics/{clinicId}/migrations/{userId}
    UpdateMigration                     S       /v1/clinics/{clinicId}/migrations/{userId}
    DeleteUserFromClinics               S       /v1/users/{userId}/clinics
    UpdateClinicUserDetails             S       /v1/users/{userId}/clinics
    ListAllClinicians                   S       /v1/clinicians
    UpdatePatientSummary                S       /v1/patients/{patientId}/summary
    DeletePatientSummary                S       /v1/summaries/{summaryId}/clinics
    UpdatePatientDataSources            S       /v1/patients/{userId}/data_sources
    UpdateTier                          S       /v1/clinics/{clinicId}/tier
    UpdateSuppressedNotifications       A       /v1/clinics/{clinicId}/suppressed_notifications
    SendUploadReminder                  M A     /v1/clinics/{clinicId}/patients/{patientId}/upload_reminder
    AssignPatientTagToClinicPatients    S A     /v1/clinics/{clinicId}/patients/assign_tag/{patientTagId}
    DeletePatientTagFromClinicPatients  S A     /v1/clinics/{clinicId}/patients/delete_tag/{patientTagId}
    ListMembershipRestrictions          S A     /v1/clinics/{clinicId}/membership_restrictions
    UpdateMembershipRestrictions        S       /v1/clinics/{clinicId}/membership_restrictions
    ProcessEHRMessage                   *       /v1/redox
    VerifyEndpoint                      *       /v1/redox/verify
    GetEHRSettings                      S M A   /v1/clinics/{clinicId}/settings/ehr
    UpdateEHRSettings                   S       /v1/clinics/{clinicId}/settings/ehr
    MatchClinicAndPatient               S       /v1/redox/match
    GetMRNSettings                      S M A   /v1/clinics/{clinicId}/settings/mrn
    UpdateMRNSettings                   S       /v1/clinics/{clinicId}/settings/mrn
    GetPatientCountSettings             S M A   /v1/clinics/{clinicId}/settings/patient_count
    UpdatePatientCountSettings          S       /v1/clinics/{clinicId}/settings/patient_count
    GetPatientCount                     S M A   /v1/clinics/{clinicId}/patient_count
    RefreshPatientCount                 S       /v1/clinics/{clinicId}/patient_count/refresh
    SyncEHRData                         S       /v1/clinics/{clinicId}/ehr/sync
    FindPatients                        U       /v1/patients
    XealthPreorder                      *       /v1/xealth/preorder
    XealthGetPrograms                   *       /v1/xealth/programs
    XealthGetProgramUrl                 *       /v1/xealth/program
    XealthNotification                  *       /v1/xealth/notification
    ViewPDFReport                       *       /v1/xealth/report/web/viewer.html
    AddServiceAccount                   S       /v1/clinics/{clinicId}/service_accounts
    SyncEHRDataForPatient               S       /v1/patients/{patientId}/ehr/sync
    GenerateMergeReport                 S       /v1/clinics/{clinicId}/reports/merge
    MergeClinic                         S       /v1/clinics/{clinicId}/merge
    ConnectProvider                     S M A   /v1/clinics/{clinicId}/patients/{patientId}/connect/{providerId}
    InviteClinician                     S A     /v1/clinics/{clinicId}/invites/clinicians
    ResendInvite                        S A     /v1/clinics/{clinicId}/invites/clinicians/{inviteId}
    GetClinicianInvite                  S A     /v1/clinics/{clinicId}/invites/clinicians/{inviteId}
    DeleteInvite                        S A     /v1/clinics/{clinicId}/invites/clinicians/{inviteId}
    GetPatientInvites                   S J     /v1/clinics/{clinicId}/invites/patients
    AcceptPatientInvitation             S J     /v1/clinics/{clinicId}/invites/patients/{inviteId}
    ClosePatientInvite                  S U     /v1/clinics/{clinicId}/invites/patients/{inviteId}
    SendPatientInvite                   S O     /confirm/send/invite/{userId}/clinic
    ListSentInvites                     S O     /confirm/invite/{userId}
    ListClinicianInvites                P       /v1/clinicians/{userId}/invites
    DismissClinicianInvite              P       /v1/clinicians/{userId}/invites/{inviteId}
    AcceptClinicianInvite               P       /v1/clinicians/{userId}/invites/{inviteId}
"""  # noqa: E501 - a path is not broken

CLINIC: Final = ClinicId("c" * 24)
SUBJECT: Final = UserId("the caller")


@attrs.frozen
class Row:
    """One line of the table."""

    operation: str
    letters: frozenset[str]
    path: str

    def parameters(self, *, of_caller: bool, permission: str) -> dict[str, str]:
        """Return values for the path, which names the caller or somebody else."""
        person = SUBJECT if of_caller else "somebody else"
        known = {"clinicId": CLINIC, "permission": permission} | dict.fromkeys(
            ("userId", "patientId", "clinicianId"), person
        )
        # Parameters that are no person's id are never taken for one.
        return {name: known.get(name, SUBJECT) for name in re.findall(r"{(\w+)}", self.path)}


ROWS: Final = tuple(
    Row(operation, frozenset(letters), path)
    for operation, *letters, path in map(str.split, TABLE.strip().splitlines())
)

# No record at all, a record without roles, and records of all kinds.
ROLES: Final[tuple[tuple[str, ...] | None, ...]] = (
    None,
    (),
    ("PRESCRIBER",),
    ("CLINIC_MEMBER",),
    ("PRESCRIBER", "CLINIC_MEMBER"),
    ("CLINIC_ADMIN",),
    ("PRESCRIBER", "CLINIC_ADMIN"),
    ("CLINIC_ADMIN", "CLINIC_MEMBER"),
    ("clinic_admin", "ADMIN"),
)


def expected(
    row: Row,
    roles: tuple[str, ...] | None,
    path: dict[str, str],
    *,
    server: bool,
    represents: bool = False,
) -> bool:
    """Return what the table says about a caller."""
    is_member = bool({"CLINIC_MEMBER", "CLINIC_ADMIN"} & set(roles or ()))
    people = {path.get(name) for name in ("userId", "patientId", "clinicianId")}
    is_self = not server and SUBJECT in people
    held = {
        "*": True,
        "S": server,
        "Sc": server and path.get("permission") == "custodian",
        "U": not server,
        "P": is_self,
        "O": is_self or represents,
        "PM": is_self and is_member,
        "M": is_member,
        "A": "CLINIC_ADMIN" in (roles or ()),
        "J": roles is not None,
    }
    return any(held[letter] for letter in row.letters)


def test_the_table_has_every_operation_once() -> None:
    """An operation that nobody thought about here is not in the policy (AUTHZ-1)."""
    operations = [row.operation for row in ROWS]

    assert sorted(operations) == sorted(POLICY)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation)
def test_an_operation_is_open_to_exactly_those_whom_the_table_names(row: Row) -> None:
    """
    Every kind of caller gets what its letters give, and nothing else.

    A server token with a record in the clinic has the rights of that record as well (AUTHZ-5); only
    a user is ever "self" (AUTHZ-4); of the roles, members and admins have any effect (AUTHZ-3).
    """
    both = (True, False)
    kinds = product(both, both, both, ROLES, ("custodian", "view", ""))
    for server, represents, of_caller, roles, permission in kinds:
        path = row.parameters(of_caller=of_caller, permission=permission)
        if roles is not None and "clinicId" not in path:
            continue
        allowed = is_allowed(
            POLICY[row.operation],
            Principal(SUBJECT, server),
            path,
            _member(roles),
            represents=represents,
        )

        wanted = expected(row, roles, path, server=server, represents=represents)
        assert allowed == wanted, (server, represents, roles, path)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation)
def test_records_are_looked_up_only_where_they_matter(row: Row) -> None:
    """What is open to services and users alone costs no look-up (AUTHZ-2)."""
    needed = row.letters & {"M", "A", "PM", "J"}

    assert POLICY[row.operation].needs_membership == bool(needed)


def test_who_acts_for_a_patient_is_looked_up_only_where_it_matters() -> None:
    """Neither the patient nor a service has to be anybody's representative (AUTHZ-9)."""
    sharing, about_others = POLICY["SendPatientInvite"], {"userId": "somebody else"}

    assert sharing.needs_representation(user(SUBJECT), about_others)
    assert not sharing.needs_representation(user(SUBJECT), {"userId": SUBJECT})
    assert not sharing.needs_representation(SERVER, about_others)
    assert not POLICY["ListClinicianInvites"].needs_representation(user(SUBJECT), about_others)


def test_a_member_may_remove_himself_and_a_prescriber_may_not() -> None:
    """Nobody without read access takes himself out of a clinic, not even a service (AUTHZ-6)."""
    rule, own = POLICY["DeleteClinician"], {"clinicId": CLINIC, "clinicianId": SUBJECT}

    assert is_allowed(rule, user(SUBJECT), own, _member(("CLINIC_MEMBER",)))
    assert not is_allowed(rule, user(SUBJECT), own, _member(("PRESCRIBER",)))
    assert not is_allowed(
        rule, user(SUBJECT), own | {"clinicianId": "m"}, _member(("CLINIC_MEMBER",))
    )


def test_no_rule_is_kept_for_operations_that_do_not_exist() -> None:
    """The request for one provider and settings of other names have no operation (AUTHZ-10)."""
    assert not [name for name in POLICY if "Dexcom" in name]
    assert {name for name in POLICY if name.endswith("Settings")} == {
        f"{verb}{what}Settings"
        for verb in ("Get", "Update")
        for what in ("EHR", "MRN", "PatientCount")
    }


def test_listing_all_clinicians_is_for_services() -> None:
    """The operation that no rule allowed is open to backend services alone (AUTHZ-8)."""
    rule = POLICY["ListAllClinicians"]

    assert is_allowed(rule, SERVER, {}, None)
    assert not is_allowed(rule, user(SUBJECT), {}, None)


def test_invites_have_rules_of_their_own() -> None:
    """Own invites are for their owner alone, and any record opens those of patients (AUTHZ-9)."""
    own, clinic = {"userId": SUBJECT}, {"clinicId": CLINIC}

    assert is_allowed(POLICY["ListClinicianInvites"], user(SUBJECT), own, None)
    assert not is_allowed(POLICY["ListClinicianInvites"], SERVER, own, None)
    assert is_allowed(POLICY["GetPatientInvites"], user(SUBJECT), clinic, _member(("PRESCRIBER",)))
    assert not is_allowed(
        POLICY["InviteClinician"], user(SUBJECT), clinic, _member(("PRESCRIBER",))
    )


rules = st.builds(
    Rule,
    st.sets(st.sampled_from([*Caller])).map(
        lambda callers: Caller(sum(caller.value for caller in callers))
    ),
    st.sampled_from(["", "userId", "patientId"]),
)
principals = st.builds(Principal, st.sampled_from([SUBJECT, UserId("x")]), st.booleans())
paths = st.dictionaries(
    st.sampled_from(["clinicId", "userId", "patientId", "permission"]),
    st.sampled_from([SUBJECT, CLINIC, "custodian"]),
)
role_lists = st.none() | st.lists(st.sampled_from([*Role, "OTHER"]), unique=True).map(tuple)


@given(rules, rules, principals, paths, role_lists)
def test_another_capacity_in_a_rule_shuts_nobody_out(
    rule: Rule,
    other: Rule,
    principal: Principal,
    path: dict[str, str],
    roles: tuple[str, ...] | None,
) -> None:
    wider = attrs.evolve(rule, callers=rule.callers | other.callers)
    member = _member(roles)

    assert is_allowed(wider, principal, path, member) >= is_allowed(rule, principal, path, member)


@given(st.sampled_from([*POLICY.values()]), principals, paths, role_lists, st.sampled_from([*Role]))
def test_another_role_takes_nothing_away(
    rule: Rule,
    principal: Principal,
    path: dict[str, str],
    roles: tuple[str, ...] | None,
    role: Role,
) -> None:
    before = is_allowed(rule, principal, path, _member(roles))

    assert is_allowed(rule, principal, path, _member((*(roles or ()), role))) >= before


@given(principals, paths, role_lists)
def test_a_rule_that_names_nobody_allows_nobody(
    principal: Principal, path: dict[str, str], roles: tuple[str, ...] | None
) -> None:
    assert not is_allowed(Rule(Caller.NOBODY), principal, path, _member(roles))


@given(principals, paths, role_lists)
def test_no_user_passes_for_a_service(
    principal: Principal, path: dict[str, str], roles: tuple[str, ...] | None
) -> None:
    """What is for backend services refuses every user, whatever record he has (AUTHZ-4)."""
    allowed = is_allowed(Rule(Caller.SERVER), principal, path, _member(roles))

    assert allowed == principal.is_server


@given(rules, principals, paths, role_lists)
def test_the_record_matters_only_where_the_rule_says_so(
    rule: Rule, principal: Principal, path: dict[str, str], roles: tuple[str, ...] | None
) -> None:
    """Where it makes no difference it need not be looked up (AUTHZ-2)."""
    with_record = is_allowed(rule, principal, path, _member(roles))
    without_record = is_allowed(rule, principal, path, None)

    assert rule.needs_membership or with_record == without_record


def _member(roles: tuple[str, ...] | None) -> Clinician | None:
    return None if roles is None else a_clinician(CLINIC, user_id=SUBJECT, roles=roles or None)
