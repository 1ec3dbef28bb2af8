"""
Which cells there are: what is kept, and the indexes that find it.

A clinic's patients share a cell, and so do its clinicians: whatever changes one of them rests on
all of them, so that no two transactions can break what holds among them.
"""

from collections.abc import Mapping
from typing import TypeVar

from adapters.memory.cells import Cell
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic, ShareCode
from clinic_domain.deletions import DeletionRecord
from clinic_domain.ehr.model import (
    EnrollmentOrder,
    Message,
    ReportOrder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.invites.model import Invite
from clinic_domain.merging.model import MergeRecord, PlanId
from clinic_domain.migrations.model import Migration
from clinic_domain.notifications.model import Notification
from clinic_domain.patients.model import Patient
from clinic_domain.users import Account, IssuedToken
from clinic_domain.values import ClinicId, InviteId, RecordId, UserId

R = TypeVar("R")

Numbered = tuple[tuple[int, DeletionRecord[R]], ...]

CLINIC_IDS: Cell[frozenset[ClinicId]] = Cell("clinic ids", empty=frozenset())
CLINICS_WITH_REPORTS: Cell[frozenset[ClinicId]] = Cell("clinics with reports", empty=frozenset())
CLINICS_WITH_CLINICIANS: Cell[frozenset[ClinicId]] = Cell(
    "clinics with clinicians", empty=frozenset()
)
ACCOUNTS: Cell[Mapping[UserId, Account]] = Cell("accounts", empty={})
TOKENS: Cell[Mapping[str, IssuedToken]] = Cell("tokens", empty={})
INVITES: Cell[Mapping[InviteId, Invite]] = Cell("invites", empty={})
OUTBOX: Cell[Mapping[RecordId, Notification]] = Cell("outbox", empty={})
SIGNING_KEY: Cell[str | None] = Cell("signing key", empty=None)


def clinic(clinic_id: ClinicId) -> Cell[Clinic | None]:
    return Cell("clinic", (clinic_id,), empty=None)


def clinic_with(share_code: ShareCode) -> Cell[ClinicId | None]:
    return Cell("clinic with share code", (share_code.value,), empty=None)


def clinicians(clinic_id: ClinicId) -> Cell[Mapping[RecordId, Clinician]]:
    return Cell("clinicians", (clinic_id,), empty={})


def clinics_of_clinician(user_id: UserId) -> Cell[frozenset[ClinicId]]:
    return Cell("clinics of clinician", (user_id,), empty=frozenset())


def patients(clinic_id: ClinicId) -> Cell[Mapping[UserId, Patient]]:
    return Cell("patients", (clinic_id,), empty={})


def patients_with(clinic_id: ClinicId, mrn_key: str) -> Cell[frozenset[UserId]]:
    return Cell("patients with mrn", (clinic_id, mrn_key), empty=frozenset())


def patients_with_summary(summary_id: str) -> Cell[frozenset[tuple[ClinicId, UserId]]]:
    return Cell("patients with summary", (summary_id,), empty=frozenset())


def clinics_of_patient(user_id: UserId) -> Cell[frozenset[ClinicId]]:
    return Cell("clinics of patient", (user_id,), empty=frozenset())


def migration_of(user_id: UserId) -> Cell[Migration | None]:
    return Cell("migration", (user_id,), empty=None)


def migrated_into(clinic_id: ClinicId) -> Cell[tuple[UserId, ...]]:
    return Cell("migrated into", (clinic_id,), empty=())


def message(message_id: RecordId) -> Cell[Message | None]:
    return Cell("message", (message_id,), empty=None)


def reports_by(message_id: RecordId) -> Cell[ReportOrder | None]:
    return Cell("newest report by message", (message_id,), empty=None)


def reports_of(clinic_id: ClinicId) -> Cell[tuple[ReportOrder, ...]]:
    return Cell("reports", (clinic_id,), empty=())


def preorder(tracking_id: str) -> Cell[StoredPreorder | None]:
    return Cell("preorder", (tracking_id,), empty=None)


def enrollment_order(order_id: RecordId) -> Cell[EnrollmentOrder | None]:
    return Cell("enrollment order", (order_id,), empty=None)


def views_by(viewer_id: str) -> Cell[tuple[ReportView, ...]]:
    return Cell("views", (viewer_id,), empty=())


def removed_clinics(clinic_id: ClinicId) -> Cell[Numbered[Clinic]]:
    return Cell("removed clinics", (clinic_id,), empty=())


def removed_clinicians(clinic_id: ClinicId) -> Cell[Numbered[Clinician]]:
    return Cell("removed clinicians", (clinic_id,), empty=())


def removed_patients(clinic_id: ClinicId) -> Cell[Numbered[Patient]]:
    return Cell("removed patients", (clinic_id,), empty=())


def merge_records(plan_id: PlanId) -> Cell[tuple[MergeRecord, ...]]:
    return Cell("merge records", (plan_id,), empty=())
