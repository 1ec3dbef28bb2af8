"""What has to be written so that a plan comes true. Nothing is decided here."""

from collections.abc import Callable, Iterator
from datetime import datetime

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic, ClinicView, PatientCount, Site, Tag
from clinic_domain.merging.model import (
    ClinicianPlan,
    ClinicsPlan,
    Entry,
    MergePlan,
    MergeRecord,
    PatientPlan,
    PlanId,
    RecordAction,
    SiteAction,
    TagAction,
)
from clinic_domain.merging.rules import joined_sites, renamed_sites
from clinic_domain.patients.model import Patient
from clinic_domain.patients.rules import patient_count, tally_of
from clinic_domain.values import RecordId, TagId

NewId = Callable[[], str]


@attrs.frozen
class Execution:
    """The records that a merge changes, each with the state before, and those that go."""

    target: Clinic
    changed_patients: tuple[tuple[Patient, Patient], ...]
    forgotten_patients: tuple[Patient, ...]
    """Their users stay patients of the target, so there is no deletion record of them."""
    moved_clinicians: tuple[tuple[Clinician, Clinician], ...]
    forgotten_clinicians: tuple[Clinician, ...]


def execution_of(plan: MergePlan, new_id: NewId, now: datetime) -> Execution:
    """Return what is to be written for *plan*."""
    tags = _resulting_tags(plan, new_id)
    patients = tuple(_changed_patients(plan, tags, now))
    moved = tuple(
        _moved_clinician(each, plan, now) for each in _clinicians(plan, RecordAction.MOVE)
    )
    merged = tuple(_clinicians(plan, RecordAction.MERGE))
    return Execution(
        target=attrs.evolve(
            _resulting_clinic(plan, tags, [new for new, _ in moved], now),
            patient_count=_resulting_count(plan),
        ),
        changed_patients=patients,
        forgotten_patients=tuple(
            each.source_patient
            for each in plan.patients
            if each.action is RecordAction.MERGE and each.source_patient is not None
        ),
        moved_clinicians=moved,
        forgotten_clinicians=tuple(each.clinician for each in merged),
    )


def _clinicians(plan: MergePlan, action: RecordAction) -> Iterator[ClinicianPlan]:
    return (each for each in plan.clinicians if each.action is action)


def _resulting_tags(plan: MergePlan, new_id: NewId) -> tuple[Tag, ...] | None:
    created = tuple(
        Tag(TagId(new_id()), each.name.strip())
        for each in plan.tags
        if each.action is TagAction.CREATE
    )
    own = plan.target.clinic.tags
    return (*(own or ()), *created) if created else own


def _resulting_clinic(
    plan: MergePlan, tags: tuple[Tag, ...] | None, moved: list[Clinician], now: datetime
) -> Clinic:
    source, target = plan.source.clinic, plan.target.clinic
    admins = (each.user_id for each in moved if each.is_admin and each.user_id)
    sites = (
        Site(each.site.site.id, each.display_name)
        for each in plan.sites
        if each.action is not SiteAction.RETAIN
    )
    return attrs.evolve(
        target,
        tags=tags,
        sites=(*target.sites, *sites),
        admins=tuple(dict.fromkeys((*target.admins, *admins))),
        share_codes=tuple(dict.fromkeys((*target.share_codes, *source.share_codes))),
        updated_time=now,
    )


def _resulting_count(plan: MergePlan) -> PatientCount:
    staying = [each.target_patient for each in plan.patients if each.source_patient is None]
    moving = [each.source_patient for each in plan.patients if each.action is RecordAction.MOVE]
    demo = plan.target.demo
    everybody = (patient for patient in (*staying, *moving, demo) if patient is not None)
    return patient_count(tally_of(everybody), demo)


def _moved_clinician(
    plan: ClinicianPlan, merge: MergePlan, now: datetime
) -> tuple[Clinician, Clinician]:
    moved = attrs.evolve(plan.clinician, clinic_id=merge.target.clinic.id, updated_time=now)
    return moved, plan.clinician


def _changed_patients(
    plan: MergePlan, tags: tuple[Tag, ...] | None, now: datetime
) -> Iterator[tuple[Patient, Patient]]:
    names = plan.site_names()
    for each in plan.patients:
        source, target = each.source_patient, each.target_patient
        if source is None:
            continue
        wanted = each.resulting_tag_names or ()
        ids = tuple(tag.id for tag in tags or () if tag.name in wanted)
        sites = renamed_sites(source, names)
        if target is None:
            moved = attrs.evolve(
                source,
                clinic_id=each.target_clinic_id,
                require_unique_mrn=each.require_unique_mrn,
                tags=ids,
                sites=sites,
                updated_time=now,
            )
            yield moved, source
        elif ids or sites:
            yield (
                attrs.evolve(
                    target,
                    tags=ids or target.tags,
                    sites=joined_sites(target.sites, sites),
                    updated_time=now,
                ),
                target,
            )


def records_of(plan: MergePlan, plan_id: PlanId, new_id: NewId) -> Iterator[MergeRecord]:
    """Yield what is kept of an executed plan, in order (MERGE-EXEC-2)."""
    for entry in _entries(plan):
        yield MergeRecord(RecordId(new_id()), plan_id, entry)


def _entries(plan: MergePlan) -> Iterator[Entry]:
    yield from plan.tags
    yield from map(_without_summaries, plan.patients)
    yield from plan.sites
    yield from plan.clinicians
    yield ClinicsPlan(
        _with_all_counts(plan.source.view), _with_all_counts(plan.target.view), plan.created_time
    )


def _with_all_counts(view: ClinicView) -> ClinicView:
    """Return a view that tells a number of each tag and site, also that it is zero."""
    clinic = view.clinic
    return ClinicView(
        clinic,
        {tag.id: view.tag_patients.get(tag.id, 0) for tag in clinic.tags or ()},
        {site.id: view.site_patients.get(site.id, 0) for site in clinic.sites},
    )


def _without_summaries(plan: PatientPlan) -> PatientPlan:
    conflicts = plan.conflicts and {
        category: tuple(_without_summary(patient) for patient in found)
        for category, found in plan.conflicts.items()
    }
    return attrs.evolve(
        plan,
        source_patient=plan.source_patient and _without_summary(plan.source_patient),
        target_patient=plan.target_patient and _without_summary(plan.target_patient),
        conflicts=conflicts,
    )


def _without_summary(patient: Patient) -> Patient:
    return patient if patient.summary is None else attrs.evolve(patient, summary=None)
