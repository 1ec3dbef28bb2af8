"""
Records to test with: one call makes a valid one, keywords say what matters about it.

Ids, share codes and addresses of different calls are different.
"""

from datetime import timedelta
from typing import Any, Final

import attrs

from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    EhrProcedureCodes,
    EhrSettings,
    ScheduledReports,
    ShareCode,
    Site,
    Tag,
)
from clinic_domain.ehr.model import (
    EnrollmentOrder,
    Message,
    MessageMeta,
    OrderEvent,
    Preorder,
    ReportOrder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.migrations.model import Migration
from clinic_domain.notifications.model import Notification, Subject
from clinic_domain.patients.model import Patient, PatientSite, Permission
from clinic_domain.testing.fakes import A_MORNING, SequentialIds, SequentialShareCodes
from clinic_domain.users import Account, IssuedToken, Profile, User
from clinic_domain.values import ClinicId, InviteId, RecordId, SiteId, TagId, UserId

_IDS: Final = SequentialIds(series=0xE)
_CODES: Final = SequentialShareCodes()


def a_clinic(**changes: Any) -> Clinic:
    """Return a clinic with a name and nothing else."""
    clinic = Clinic(
        id=ClinicId(_IDS.new_id()),
        share_code=a_share_code(),
        created_time=A_MORNING,
        updated_time=A_MORNING,
        details=ClinicDetails(name="Saint Vitus"),
        is_migrated=True,
    )
    return attrs.evolve(clinic, **changes)


def a_share_code() -> ShareCode:
    """Return a share code that was not used before."""
    return ShareCode(_CODES.new_code())


def a_tag(name: str = "Type 1") -> Tag:
    """Return a tag with an id of its own."""
    return Tag(TagId(_IDS.new_id()), name)


def a_site(name: str = "Main Street") -> Site:
    """Return a site with an id of its own."""
    return Site(SiteId(_IDS.new_id()), name)


def at(*sites: Site) -> tuple[PatientSite, ...]:
    """Return *sites* as a patient holds them."""
    return tuple(PatientSite(site.id, site.name) for site in sites)


def a_user_id() -> UserId:
    """Return the id of a user who was not met before."""
    return UserId(f"user-{_IDS.new_id()}")


def a_clinician(clinic: Clinic | ClinicId, **changes: Any) -> Clinician:
    """Return a plain member of a clinic, with an address of its own."""
    user_id = a_user_id()
    clinician = Clinician(
        id=RecordId(_IDS.new_id()),
        clinic_id=_id_of(clinic),
        created_time=A_MORNING,
        updated_time=A_MORNING,
        user_id=user_id,
        email=f"{user_id}@example.com",
        roles=(Role.CLINIC_MEMBER,),
    )
    return attrs.evolve(clinician, **changes)


def a_patient(clinic: Clinic | ClinicId, **changes: Any) -> Patient:
    """Return a patient of a clinic who lets it view the data."""
    patient = Patient(
        id=RecordId(_IDS.new_id()),
        clinic_id=_id_of(clinic),
        user_id=a_user_id(),
        created_time=A_MORNING,
        updated_time=A_MORNING,
        full_name="Alice Example",
        birth_date="1984-02-29",
        permissions=frozenset({Permission.VIEW}),
    )
    return attrs.evolve(patient, **changes)


def a_clinician_invite(clinic: Clinic | ClinicId, **changes: Any) -> Invite:
    """Return a clinic's invite to an address of its own, which nobody is linked to."""
    key = InviteId(f"key-{_IDS.new_id()}")
    invite = Invite(
        id=key,
        kind=InviteKind.CLINICIAN,
        status=InviteStatus.PENDING,
        clinic_id=_id_of(clinic),
        creator_id=a_user_id(),
        created_time=A_MORNING,
        modified_time=A_MORNING,
        email=f"{key}@example.com",
        clinic_name="Saint Vitus",
    )
    return attrs.evolve(invite, **changes)


def a_patient_invite(clinic: Clinic | ClinicId, **changes: Any) -> Invite:
    """Return the invite of a patient of its own to a clinic, which may view the data."""
    invite = Invite(
        id=InviteId(f"key-{_IDS.new_id()}"),
        kind=InviteKind.PATIENT,
        status=InviteStatus.PENDING,
        clinic_id=_id_of(clinic),
        creator_id=a_user_id(),
        created_time=A_MORNING,
        offer={"view": {}},
        expires_time=A_MORNING + timedelta(days=7),
    )
    return attrs.evolve(invite, **changes)


def a_notification(**changes: Any) -> Notification:
    """Return a mail that is due."""
    notification = Notification(
        id=RecordId(_IDS.new_id()),
        subject=Subject.CLINIC_CREATED,
        created_time=A_MORNING,
        due_time=A_MORNING,
        addresses=("alice@example.com",),
        facts={"clinic_name": "Saint Vitus"},
    )
    return attrs.evolve(notification, **changes)


def a_migration(clinic: Clinic | ClinicId, **changes: Any) -> Migration:
    """Return the migration of a legacy account into a clinic, as it was ordered."""
    migration = Migration(
        id=RecordId(_IDS.new_id()),
        clinic_id=_id_of(clinic),
        user_id=a_user_id(),
        created_time=A_MORNING,
        updated_time=A_MORNING,
    )
    return attrs.evolve(migration, **changes)


def a_record_id() -> RecordId:
    """Return the id of a record that is not there yet."""
    return RecordId(_IDS.new_id())


def ehr_settings(provider: str = "redox", source_id: str = "source", **changes: Any) -> EhrSettings:
    """Return how a clinic is connected to a source of a partner."""
    settings = EhrSettings(
        enabled=True,
        provider=provider,
        source_id=source_id,
        mrn_id_type="MR",
        procedure_codes=EhrProcedureCodes(create_account_and_enable_reports="program"),
        scheduled_reports=ScheduledReports("14d", on_upload_enabled=True),
    )
    return attrs.evolve(settings, **changes)


def a_message(**changes: Any) -> Message:
    """Return a message of Redox about nothing."""
    return attrs.evolve(Message(a_record_id(), MessageMeta("Order", "New"), {}), **changes)


def a_report_order(clinic: Clinic | ClinicId, **changes: Any) -> ReportOrder:
    """Return the order of somebody's report."""
    order = ReportOrder(a_record_id(), _id_of(clinic), a_user_id(), A_MORNING)
    return attrs.evolve(order, **changes)


def a_preorder(preorder: Preorder | None = None) -> StoredPreorder:
    """Return what was entered, as it is kept."""
    return StoredPreorder(a_record_id(), preorder or Preorder(_IDS.new_id()))


def an_enrollment_order(**changes: Any) -> EnrollmentOrder:
    """Return an order of Xealth that says nothing."""
    return attrs.evolve(EnrollmentOrder(a_record_id(), OrderEvent(), {}), **changes)


def a_report_view(clinic: Clinic | ClinicId, **changes: Any) -> ReportView:
    """Return somebody's look at a report."""
    view = ReportView(
        id=a_record_id(),
        viewer_id="viewer",
        deployment="deployment",
        patient_id=UserId("patient"),
        program_id="program",
        clinic_id=_id_of(clinic),
        created_time=A_MORNING,
    )
    return attrs.evolve(view, **changes)


def an_account(username: str | None = None, **changes: Any) -> Account:
    """Return an account of its own user."""
    user_id = a_user_id()
    name = username or f"{user_id}@example.com"
    account = Account(User(user_id, name, (name,)), Profile("Alice Example"), A_MORNING)
    return attrs.evolve(account, **changes)


def a_token(account: Account, **changes: Any) -> IssuedToken:
    """Return a token that was issued to the owner of an account."""
    token = IssuedToken(
        id=_IDS.new_id(),
        user_id=account.user.id,
        is_server=account.is_server,
        issued_time=A_MORNING,
        expires_time=A_MORNING,
    )
    return attrs.evolve(token, **changes)


def _id_of(clinic: Clinic | ClinicId) -> ClinicId:
    return clinic.id if isinstance(clinic, Clinic) else clinic
