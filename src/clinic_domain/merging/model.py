"""
What a merge would do, as data.

The *source* goes up in the *target*. A plan has an entry for each tag, site, clinician and patient
of both, also where nothing happens to it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import (
    Clinic,
    ClinicView,
    CountedSite,
    MembershipRestriction,
)
from clinic_domain.patients.model import Patient
from clinic_domain.values import ClinicId, RecordId, SiteId, UserId

PlanId = NewType("PlanId", str)
"""24 lower-case hexadecimal digits: one execution."""


@attrs.frozen
class Snapshot:
    """
    A clinic with everybody in it, at one moment.

    Clinicians newest first, patients by id; the demo patient stands apart, for no plan shows him.
    """

    view: ClinicView
    clinicians: tuple[Clinician, ...] = ()
    patients: tuple[Patient, ...] = ()
    demo: Patient | None = None

    @property
    def clinic(self) -> Clinic:
        """The clinic itself."""
        return self.view.clinic

    @property
    def number_of_patients(self) -> int:
        """How many there are, the demo patient included."""
        return len(self.patients) + (self.demo is not None)

    @property
    def name(self) -> str:
        """What reports call the clinic."""
        return self.clinic.details.name or ""


class TagAction(StrEnum):
    """What happens to a tag."""

    CREATE = "CREATE"
    SKIP = "SKIP"
    """The target has it."""
    RETAIN = "RETAIN"


class SiteAction(StrEnum):
    """What happens to a site."""

    MOVE = "MOVE"
    RENAME = "RENAME"
    """It is moved under another name, for the target has its name."""
    RETAIN = "RETAIN"


class RecordAction(StrEnum):
    """What happens to the record of a clinician or a patient."""

    MOVE = "MOVE"
    MERGE = "MERGE"
    """The user is in the target already, whose record stays."""
    MERGE_INTO = "MERGE_INTO"
    RETAIN = "RETAIN"


class Category(StrEnum):
    """How much two patients have in common (MERGE-MATCH-3)."""

    DUPLICATE = "Duplicate Accounts"
    LIKELY = "Likely Duplicate Accounts"
    NAME_ONLY = "Name Only Match"
    MRN_ONLY = "MRN Only Match"


class Reason:
    """What prevents a merge, in words for people."""

    SETTINGS: Final = "Settings mismatch"
    PARTIAL_SSO: Final = (
        "The partial SSO settings of the target clinic prevent moving source clinicians to target "
        "clinic. All source members which are not already members of the target clinic should be "
        "removed from the source clinic."
    )
    INVITES: Final = "Pending invites in source workspace"
    EMAIL_TAKEN: Final = (
        "The email address of a source member belongs to another record of the target workspace"
    )
    TOO_MANY_TAGS: Final = "The merged workspace would have more than 50 tags"
    MRN_MISSING: Final = "Target workspace requires MRNs"
    MRN_IN_TARGET: Final = (
        "MRN uniqueness error(s) for duplicate accounts. "
        "View error(s) on the 'Duplicates in Merged Workspace' tab"
    )
    MRN_IN_SOURCE: Final = (
        "MRN uniqueness error(s) for duplicate accounts. "
        "View error(s) on the 'Duplicates in Source Clinic' tab"
    )
    MRN_OF_DEMO: Final = "The demo patient of the target workspace has the MRN of a source patient"


@attrs.frozen
class SettingPlan:
    """A setting that has to be equal in both clinics (MERGE-SET-1)."""

    name: str
    source_value: str
    target_value: str

    @property
    def matches(self) -> bool:
        """Whether it is."""
        return self.source_value == self.target_value


@attrs.frozen
class RestrictionsPlan:
    """Who may join each of the clinics (MERGE-SSO-2)."""

    source: tuple[MembershipRestriction, ...]
    target: tuple[MembershipRestriction, ...]

    @property
    def is_allowed(self) -> bool:
        """Whether the source's restrictions are among those of the target."""
        demanded = _providers(self.target)
        return all(
            demanded.get(domain) == provider for domain, provider in _providers(self.source).items()
        )


def _providers(restrictions: tuple[MembershipRestriction, ...]) -> dict[str, str]:
    """Return the identity provider that each domain needs; of several entries the last counts."""
    return {each.email_domain: each.required_idp for each in restrictions}


@attrs.frozen
class TagPlan:
    """What happens to a tag; *merge* says that both clinics have it."""

    name: str
    action: TagAction
    workspaces: tuple[str, ...]
    merge: bool
    source_clinic_id: ClinicId | None
    target_clinic_id: ClinicId
    error: str | None = None


@attrs.frozen
class SitePlan:
    """What happens to a site; *expected_rename* is empty where it keeps its name."""

    site: CountedSite
    action: SiteAction
    workspace: str
    expected_rename: str
    source_clinic_id: ClinicId | None
    target_clinic_id: ClinicId

    @property
    def display_name(self) -> str:
        """What the site is called afterwards."""
        return self.expected_rename or self.site.site.name


@attrs.frozen
class ClinicianPlan:
    """What happens to the record of a clinician, and which roles are stored afterwards."""

    clinician: Clinician
    action: RecordAction
    downgraded: bool
    resulting_roles: tuple[str, ...] | None
    workspaces: tuple[str, ...]
    source_clinic_name: str
    target_clinic_name: str
    error: str | None = None

    @property
    def is_invite(self) -> bool:
        """Whether nobody has accepted it yet."""
        return not self.clinician.user_id

    @property
    def errors(self) -> Iterator[str]:
        """What is in the way of it."""
        if self.error is not None:
            yield self.error
        if self.is_invite and self.action is RecordAction.MOVE:
            yield Reason.INVITES


Conflicts = Mapping[Category, tuple[Patient, ...]]
Names = tuple[str, ...]


@attrs.frozen
class PatientPlan:
    """
    What happens to the record of a patient.

    A plan of the source has *conflicts*, perhaps none; a plan of the target has None. Names of tags
    and sites are None where nothing can be said of them (MERGE-PAT-8).
    """

    action: RecordAction
    source_clinic_id: ClinicId
    target_clinic_id: ClinicId
    source_clinic_name: str
    target_clinic_name: str
    source_patient: Patient | None = None
    target_patient: Patient | None = None
    conflicts: Conflicts | None = None
    source_tag_names: Names | None = None
    target_tag_names: Names | None = None
    source_site_names: Names | None = None
    renamed_site_names: Names | None = None
    target_site_names: Names | None = None
    resulting_tag_names: Names | None = None
    resulting_site_names: Names | None = None
    require_unique_mrn: bool = False
    error: str | None = None

    @property
    def can_execute(self) -> bool:
        """Whether nothing is in the way of it."""
        return self.error is None


@attrs.frozen
class ClusteredPatient:
    """A patient, and the users of the same clinic who look like duplicates (MERGE-CLUST-3)."""

    patient: Patient
    conflicts: Mapping[Category, tuple[UserId, ...]]


Cluster = tuple[ClusteredPatient, ...]
"""Patients of one clinic who are connected by what they have in common."""


@attrs.frozen
class MergePlan:
    """All that a merge would do."""

    source: Snapshot
    target: Snapshot
    restrictions: RestrictionsPlan
    source_clusters: tuple[Cluster, ...]
    target_clusters: tuple[Cluster, ...]
    settings: tuple[SettingPlan, ...]
    tags: tuple[TagPlan, ...]
    sites: tuple[SitePlan, ...]
    clinicians: tuple[ClinicianPlan, ...]
    patients: tuple[PatientPlan, ...]
    created_time: datetime

    def errors(self) -> Iterator[str]:
        """Yield everything that prevents the merge, as often as it is found (MERGE-PREV-1)."""
        if not self.restrictions.is_allowed:
            yield Reason.SETTINGS
        if not all(setting.matches for setting in self.settings):
            yield Reason.SETTINGS
        yield from (tag.error for tag in self.tags if tag.error is not None)
        for clinician in self.clinicians:
            yield from clinician.errors
        yield from (patient.error for patient in self.patients if patient.error is not None)

    def reasons(self) -> tuple[str, ...]:
        """Return what prevents the merge, each reason once."""
        return tuple(dict.fromkeys(self.errors()))

    def site_names(self) -> Mapping[SiteId, str]:
        """Return the new names of the source's sites that get one."""
        return {
            plan.site.site.id: plan.expected_rename
            for plan in self.sites
            if plan.action is SiteAction.RENAME
        }


# What is kept of an execution


@attrs.frozen
class ClinicsPlan:
    """Both clinics as they were."""

    source: ClinicView
    target: ClinicView
    created_time: datetime


Entry = TagPlan | PatientPlan | SitePlan | ClinicianPlan | ClinicsPlan


class MergeRecordKind(StrEnum):
    """What a record of an execution is about."""

    TAG = "tag"
    PATIENT = "patient"
    SITE = "site"
    CLINICIAN = "clinician"
    CLINIC = "clinic"


@attrs.frozen
class MergeRecord:
    """
    One entry of a plan that was executed.

    Other services follow these and send mails. There are no summaries in them.
    """

    id: RecordId
    plan_id: PlanId
    plan: Entry

    @property
    def kind(self) -> MergeRecordKind:
        """What it is about."""
        match self.plan:
            case TagPlan():
                return MergeRecordKind.TAG
            case PatientPlan():
                return MergeRecordKind.PATIENT
            case SitePlan():
                return MergeRecordKind.SITE
            case ClinicianPlan():
                return MergeRecordKind.CLINICIAN
            case ClinicsPlan():
                return MergeRecordKind.CLINIC
