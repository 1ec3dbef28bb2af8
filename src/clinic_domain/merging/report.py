"""The report about a plan: six sheets for people who decide (section 8 of the chapter)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum, auto
from typing import Final

import attrs

from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import MembershipRestriction
from clinic_domain.merging.model import (
    Category,
    ClinicianPlan,
    Cluster,
    ClusteredPatient,
    MergePlan,
    Names,
    PatientPlan,
    RecordAction,
    SiteAction,
    TagAction,
)
from clinic_domain.merging.rules import measures
from clinic_domain.patients.model import Patient
from clinic_domain.values import UserId

Cell = str | int | date | datetime | None
"""A `datetime` is in UTC; None and the empty text are no content."""


class Look(Enum):
    """What a row is, for whoever makes it look like that."""

    PLAIN = auto()
    TITLE = auto()
    NOTE = auto()
    """One long text over the width of the sheet."""
    HEADER = auto()
    GROUP = auto()
    """The first row of what belongs together."""


@attrs.frozen
class Row:
    """A row of cells, from the first column on."""

    cells: tuple[Cell, ...] = ()
    look: Look = Look.PLAIN


@attrs.frozen
class Sheet:
    """A sheet with rows, which can be read once."""

    name: str
    columns: int
    rows: Iterable[Row]
    header: int | None = None
    """The number, from 1, of the row of headers that stays in view and filters what follows."""


Report = tuple[Sheet, ...]

_BLANK: Final = Row()
_DETAILS: Final = ("UUID ---", "DOB ---", "MRN ---", "Tags ---", "Sites ---", "Latest Upload ---")
_DESCRIPTIONS: Final = {
    Category.LIKELY: "Review likely duplicate(s)",
    Category.NAME_ONLY: "Review duplicate name",
    Category.MRN_ONLY: "Review duplicate MRN",
}
_ACTIONS: Final = {
    SiteAction.MOVE: "Create",
    SiteAction.RENAME: "Rename",
    SiteAction.RETAIN: "Retain",
}


def report_of(plan: MergePlan) -> Report:
    """Return the report about *plan*."""
    ours, theirs = tuple(_source_plans(plan)), tuple(_target_plans(plan))
    our_tags = {patient.user_id: each.source_tag_names for each, patient in ours}
    their_tags = {patient.user_id: each.target_tag_names for each, patient in theirs}
    source, target = plan.source.name, plan.target.name
    return (
        Sheet("Summary", 4, _summary(plan)),
        Sheet("Patients in Source Clinic", 8, _source_patients(ours), header=1),
        Sheet("Patients in Target Clinic", 8, _target_patients(theirs), header=1),
        Sheet(
            "Duplicates in Source Clinic",
            12,
            _clusters(source, plan.source_clusters, our_tags),
            header=8,
        ),
        Sheet(
            "Duplicates in Target Clinic",
            12,
            _clusters(target, plan.target_clusters, their_tags),
            header=8,
        ),
        Sheet("Duplicates in Merged Workspace", 11, _merged(ours, their_tags), header=6),
    )


Planned = Sequence[tuple[PatientPlan, Patient]]
Tags = Mapping[UserId, Names | None]


def _source_plans(plan: MergePlan) -> Iterator[tuple[PatientPlan, Patient]]:
    return ((each, each.source_patient) for each in plan.patients if each.source_patient)


def _target_plans(plan: MergePlan) -> Iterator[tuple[PatientPlan, Patient]]:
    for each in plan.patients:
        if each.source_patient is None and each.target_patient is not None:
            yield each, each.target_patient


# The first sheet


def _summary(plan: MergePlan) -> Iterator[Row]:
    source, target, now = plan.source.name, plan.target.name, plan.created_time
    reasons = plan.reasons()
    yield Row(("SUMMARY",), Look.TITLE)
    yield _BLANK
    yield Row(("Report Generated", f"{now:%B} {now.day:2} {now:%Y %H:%M:%S} UTC"))
    yield _BLANK
    yield Row(("Merging from Workspace 1 (Source)", source))
    yield Row(("Merging to Workspace 2 (Target)", target))
    if reasons:
        yield Row(("Can execute merge plan?", "No", f"No. {'; '.join(reasons)}"))
    else:
        yield Row(("Can execute merge plan?", "Yes"))
    yield _BLANK
    yield from _settings(plan)
    yield _BLANK
    yield from _measures(plan)
    yield _BLANK
    for block in (_members(plan), _invites(plan), _tags(plan), _sites(plan)):
        yield from block
        yield _BLANK


def _settings(plan: MergePlan) -> Iterator[Row]:
    names = (f"{plan.source.name} ---", f"{plan.target.name} ---")
    yield Row(("Settings ---", "Do they match? ---", *names), Look.HEADER)
    ours, theirs = map(_shown, (plan.restrictions.source, plan.restrictions.target))
    yield Row(("Partial SSO*", _yes(ours == theirs), ours, theirs))
    for each in plan.settings:
        yield Row((each.name, _yes(each.matches), each.source_value, each.target_value))
    yield Row((_ABOUT_SSO,), Look.NOTE)


def _shown(restrictions: tuple[MembershipRestriction, ...]) -> str:
    entries = sorted(f"{each.email_domain}/{each.required_idp}" for each in restrictions)
    return ", ".join(entries) or "N/A"


def _yes(answer: bool) -> str:  # noqa: FBT001 - the question is the argument
    return "Yes" if answer else "No"


def _measures(plan: MergePlan) -> Iterator[Row]:
    found = measures(plan)
    yield Row(("Measures ---", "Count ---"), Look.HEADER)
    yield from (
        Row(cells)
        for cells in (
            ("Resulting Members & Admins", found.members),
            ("- Members downgraded from Admin", found.downgraded),
            ("Resulting Tags", found.tags),
            ("- Duplicate tags that will be merged", found.duplicate_tags),
            ("Resulting Sites", found.sites),
            ("- Duplicate sites that will be renamed", found.renamed_sites),
            ("Resulting Patient Accounts", found.patients),
            ("- Duplicate Accounts", found.conflicts[Category.DUPLICATE]),
            ("- Likely Duplicate Accounts", found.conflicts[Category.LIKELY]),
            ("- Duplicate MRN Only", found.conflicts[Category.MRN_ONLY]),
            ("- Duplicate Name Only", found.conflicts[Category.NAME_ONLY]),
        )
    )


def _members(plan: MergePlan) -> Iterator[Row]:
    """Yield two blocks: those who will be admins, and all others."""
    staying = [each for each in plan.clinicians if each.action is not RecordAction.MERGE_INTO]
    admins = [each for each in staying if Role.CLINIC_ADMIN in (each.resulting_roles or ())]
    others = [each for each in staying if Role.CLINIC_ADMIN not in (each.resulting_roles or ())]
    titles = ("Workspace ---", "Email ---")
    yield Row((f"Resulting Admins ({len(admins)})", *titles), Look.HEADER)
    yield from (Row(_member(each)) for each in admins)
    yield _BLANK
    yield Row((f"Resulting Members ({len(others)})", *titles, _DOWNGRADE), Look.HEADER)
    for each in others:
        yield Row((*_member(each), "Yes" if each.downgraded else None))


def _member(plan: ClinicianPlan) -> tuple[Cell, ...]:
    clinician = plan.clinician
    return clinician.name or "", ", ".join(plan.workspaces), clinician.email or ""


def _invites(plan: MergePlan) -> Iterator[Row]:
    counts = Counter(each.workspaces[0] for each in plan.clinicians if each.is_invite)
    yield Row((f"Pending Invites ({counts.total()})", "Workspace ---"), Look.HEADER)
    yield from (Row((number, workspace)) for workspace, number in sorted(counts.items()))


def _tags(plan: MergePlan) -> Iterator[Row]:
    staying = [each for each in plan.tags if each.action is not TagAction.SKIP]
    titles = (f"Resulting Tags ({len(staying)}) ---", "Workspace ---", "Merge ---")
    yield Row(titles, Look.HEADER)
    for each in staying:
        yield Row((each.name, ", ".join(each.workspaces), "Yes" if each.merge else None))


def _sites(plan: MergePlan) -> Iterator[Row]:
    titles = (f"Resulting Sites ({len(plan.sites)}) ---", "Workspace ---", "Action ---")
    yield Row(titles, Look.HEADER)
    for each in sorted(plan.sites, key=lambda site: site.display_name.lower()):
        yield Row((each.display_name, each.workspace, _ACTIONS[each.action]))


# Sheets of patients


def _details(patient: Patient, tags: Names | None, sites: Names | None) -> tuple[Cell, ...]:
    summary = patient.summary
    uploaded = summary.last_upload_date if summary else None
    return (
        patient.full_name or "",
        "-" if patient.is_custodial else "Y",
        patient.user_id,
        _date_in(patient.birth_date),
        patient.mrn,
        ", ".join(tags or ()),
        ", ".join(sites or ()),
        uploaded and uploaded.replace(microsecond=0),
    )


def _date_in(text: str | None) -> date | str | None:
    """Return the date that a text spells exactly, or else the text."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return text
    return found if found.isoformat() == text else text


def _site_names(patient: Patient) -> Names:
    return tuple(sorted(site.name for site in patient.sites or ()))


def _source_patients(plans: Planned) -> Iterator[Row]:
    yield from _titles()
    for each, patient in plans:
        yield Row(_details(patient, each.source_tag_names, each.source_site_names))


def _target_patients(plans: Planned) -> Iterator[Row]:
    yield from _titles()
    for each, patient in plans:
        yield Row(_details(patient, each.target_tag_names, each.target_site_names))


def _titles() -> Iterator[Row]:
    yield Row(("Name ---", "Claimed ---", *_DETAILS), Look.HEADER)
    yield _BLANK


# Sheets of duplicates


def _clusters(clinic: str, clusters: Iterable[Cluster], tags: Tags) -> Iterator[Row]:
    yield Row((clinic,), Look.TITLE)
    yield from (Row((text,), Look.NOTE) for text in _ABOUT_CLUSTERS)
    yield _BLANK
    titles = ("", "Name ---", "Claimed? ---", *_DETAILS)
    matches = ("Likely Duplicates ---", "Name Only Matches ---", "MRN Only Matches ---")
    yield Row((*titles, *matches), Look.HEADER)
    for number, cluster in enumerate(clusters, 1):
        yield Row((f"Review {number}",), Look.GROUP)
        for member in cluster:
            patient = member.patient
            details = _details(patient, tags[patient.user_id], _site_names(patient))
            yield Row(("", *details, *_neighbours(member)))
        yield _BLANK


def _neighbours(member: ClusteredPatient) -> Iterator[str]:
    for category in (Category.LIKELY, Category.NAME_ONLY, Category.MRN_ONLY):
        yield ", ".join(member.conflicts.get(category, ()))


def _merged(plans: Planned, tags: Tags) -> Iterator[Row]:
    yield Row(("MERGED WORKSPACE PATIENT REVIEW",), Look.TITLE)
    yield from (Row((text,), Look.NOTE) for text in _ABOUT_MERGED)
    yield _BLANK
    titles = ("", "Status ---", "Original Workspace ---", "Name ---", "Claimed ---")
    yield Row((*titles, *_DETAILS), Look.HEADER)
    with_conflicts = ((each, patient) for each, patient in plans if each.conflicts)
    for number, (each, patient) in enumerate(with_conflicts, 1):
        details = _details(patient, each.source_tag_names, each.renamed_site_names)
        first = (f"Patient {number}", _status(each), each.source_clinic_name, *details)
        yield Row(first, Look.GROUP)
        yield from _conflicts(each, tags)
        yield _BLANK


def _status(plan: PatientPlan) -> str:
    if not plan.can_execute:
        return "(ERROR)"
    return "(combined)" if plan.action is RecordAction.MERGE else "(retained)"


def _conflicts(plan: PatientPlan, tags: Tags) -> Iterator[Row]:
    target = plan.target_patient
    if target is not None:
        yield Row(("", "Exact Match: Results in one claimed account"))
        result = _details(target, plan.resulting_tag_names, plan.resulting_site_names)
        yield Row(("", "(result)", "", *result))
        before = _details(target, plan.target_tag_names, plan.target_site_names)
        yield Row(("", "(combined)", plan.target_clinic_name, *before))
    for category, description in _DESCRIPTIONS.items():
        found = (plan.conflicts or {}).get(category, ())
        if found:
            yield Row(("", description))
        for patient in found:
            details = _details(patient, tags[patient.user_id], _site_names(patient))
            yield Row(("", "(retained)", plan.target_clinic_name, *details))


# What the sheets say

_ABOUT_SSO: Final = (
    "*If the target clinic has partial SSO and the source clinic does not, the "
    "clinic users in the source clinic should be manually invited to the target "
    "clinic before the merge. This way their SSO configuration will be correct."
)
_DOWNGRADE: Final = (
    "Downgrade (Only if the person is an Admin at Workspace 1 but a Member at Workspace 2) ----"
)
_ABOUT_CLUSTERS: Final = (
    "Review Possible Duplicates",
    (
        "- Below we list groups of patients that appear to be duplicate accounts. For "
        "each patient in the group, you can see their connection with the other "
        'patients in the "Likely Duplicates", "Name Only Matches" and "MRN Only '
        'Matches" columns.'
    ),
    (
        "- If the patient matches another patient in the group on 2 or more of the "
        "following -- MRN, DOB or name -- then we will list that matching patient's ID "
        'in the "Likely Duplicates" column. If the patient matches another on name '
        "only, or MRN only, we list those IDs in the corresponding columns."
    ),
    (
        "- If evaluating a patient account with an associated ID abc1234def, you will "
        "see this URL when you view their data: "
        "https://app.tidepool.org/patients/abc1234def/data. This URL configuration will"
        " help you quickly confirm which patient account you wish to keep, and which "
        "you wish to remove."
    ),
    (
        "- Each patient appears only once, so after you resolve each group you don't "
        "have to backtrack."
    ),
)
_ABOUT_MERGED: Final = (
    (
        "- We have identified the following patients from the Source Clinic that appear"
        " to be duplicates of one or more patients in the Target Clinic. You can see "
        'the original patient in the row next to "Patient 1," and what we are doing '
        'with the patient under the "Status" column'
    ),
    (
        "- Accounts with the same UUID are exact matches. While all diabetes data is "
        "already synced, workspaces may have different descriptive text for these "
        "accounts. All tags will be retained and other fields will defer to the Target "
        "Clinic if they differ."
    ),
    (
        "- Likely duplicates match in at least 2 fields out of Name, DOB, and MRN "
        "(blank fields do not count as matches). All of these accounts will be brought "
        "into the resulting workspace and should be manually reviewed to remove "
        "duplicates."
    ),
)
