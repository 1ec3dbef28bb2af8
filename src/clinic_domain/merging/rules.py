"""The plan of a merge, computed from both clinics (section 5 of the chapter on merging)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic, CountedSite, MrnSettings
from clinic_domain.clinics.sites import free_site_name, site_key
from clinic_domain.clinics.tags import MAX_TAGS, tag_key
from clinic_domain.merging.duplicates import Index, compared
from clinic_domain.merging.errors import MergedIntoItself, MergePrevented
from clinic_domain.merging.model import (
    Category,
    ClinicianPlan,
    MergePlan,
    Names,
    PatientPlan,
    Reason,
    RecordAction,
    RestrictionsPlan,
    SettingPlan,
    SiteAction,
    SitePlan,
    Snapshot,
    TagAction,
    TagPlan,
)
from clinic_domain.patients.model import Patient, PatientSite
from clinic_domain.patients.summaries import Stats, Summary
from clinic_domain.values import ClinicId, SiteId, TagId

_NO_DEMANDS: Final = MrnSettings(required=False, unique=False)


def refuse_merge_into_itself(source: ClinicId, target: ClinicId) -> None:
    """Raise MergedIntoItself where the two are one."""
    if source == target:
        raise MergedIntoItself(source)


def refuse_prevented(plan: MergePlan) -> None:
    """Raise MergePrevented where anything is in the way of the merge (MERGE-EXEC-1)."""
    reasons = plan.reasons()
    if reasons:
        raise MergePrevented(*reasons)


def merge_plan(source: Snapshot, target: Snapshot, now: datetime) -> MergePlan:
    """
    Return what a merge would do; nothing else decides about it.

    The cost is proportional to the patients and to the pairs of them that share a name or an MRN.
    """
    source, target = _with_dates_alone(source), _with_dates_alone(target)
    sources, targets = Index(source.patients), Index(target.patients)
    sites = tuple(_site_plans(source, target))
    return MergePlan(
        source=source,
        target=target,
        restrictions=RestrictionsPlan(
            source.clinic.membership_restrictions, target.clinic.membership_restrictions
        ),
        source_clusters=sources.clusters(),
        target_clusters=targets.clusters(),
        settings=tuple(_setting_plans(source.clinic, target.clinic)),
        tags=tuple(_tag_plans(source, target)),
        sites=sites,
        clinicians=tuple(_clinician_plans(source, target)),
        patients=tuple(_Patients.of(source, target, sources, targets, sites).plans()),
        created_time=now,
    )


# Summaries


def _with_dates_alone(snapshot: Snapshot) -> Snapshot:
    patients = tuple(map(with_dates_alone, snapshot.patients))
    return attrs.evolve(snapshot, patients=patients)


def with_dates_alone(patient: Patient) -> Patient:
    """Return *patient* with nothing of his summaries but their dates (MERGE-LOAD-5)."""
    summary = patient.summary
    if summary is None:
        return patient
    dates = Summary(_dates_alone(summary.cgm), _dates_alone(summary.bgm))
    return patient if dates == summary else attrs.evolve(patient, summary=dates)


def _dates_alone(stats: Stats | None) -> Stats | None:
    return stats and Stats(id="", dates=stats.dates)


# Settings


def _setting_plans(source: Clinic, target: Clinic) -> Iterator[SettingPlan]:
    ours, theirs = source.mrn_settings or _NO_DEMANDS, target.mrn_settings or _NO_DEMANDS
    yield SettingPlan("MRN Required", _required(ours), _required(theirs))
    yield SettingPlan("MRN Unique", _unique(ours), _unique(theirs))
    yield SettingPlan(
        "Glucose Units",
        source.details.preferred_bg_units or "",
        target.details.preferred_bg_units or "",
    )
    yield SettingPlan("Timezone", source.details.timezone or "", target.details.timezone or "")


def _required(settings: MrnSettings) -> str:
    return "Required" if settings.required else "Not Required"


def _unique(settings: MrnSettings) -> str:
    return "Yes" if settings.unique else "No"


# Tags


def _tag_plans(source: Snapshot, target: Snapshot) -> Iterator[TagPlan]:
    """Yield a plan for each tag; names that no clinic could have together are one tag."""
    both = tuple(sorted((source.name, target.name)))
    ours, theirs = source.clinic.tags or (), target.clinic.tags or ()
    known = {tag_key(tag.name) for tag in theirs}
    number = len(theirs)
    for tag in ours:
        key = tag_key(tag.name)
        is_new = key not in known
        known.add(key)
        number += is_new
        yield TagPlan(
            name=tag.name,
            action=TagAction.CREATE if is_new else TagAction.SKIP,
            workspaces=(source.name,) if is_new else both,
            merge=False,
            source_clinic_id=source.clinic.id,
            target_clinic_id=target.clinic.id,
            error=Reason.TOO_MANY_TAGS if is_new and number > MAX_TAGS else None,
        )
    shared = {tag_key(tag.name) for tag in ours}
    for tag in theirs:
        is_shared = tag_key(tag.name) in shared
        yield TagPlan(
            name=tag.name,
            action=TagAction.RETAIN,
            workspaces=both if is_shared else (target.name,),
            merge=is_shared,
            source_clinic_id=source.clinic.id if is_shared else None,
            target_clinic_id=target.clinic.id,
        )


def _tag_names(clinic: Clinic) -> Mapping[TagId, str]:
    return {tag.id: tag.name for tag in clinic.tags or ()}


def _resulting_tag_names(source: Clinic, target: Clinic) -> Mapping[TagId, str]:
    """Return what the target will call the tags of both clinics."""
    names = {tag_key(tag.name): tag.name for tag in target.tags or ()}
    for tag in source.tags or ():
        names.setdefault(tag_key(tag.name), tag.name.strip())
    both = (*(source.tags or ()), *(target.tags or ()))
    return {tag.id: names[tag_key(tag.name)] for tag in both}


# Sites


def _site_plans(source: Snapshot, target: Snapshot) -> Iterator[SitePlan]:
    """
    Yield a plan for each site.

    A new name is one that no site of either clinic has, and none that was renamed before.
    """
    taken = {site_key(site.name) for site in target.clinic.sites}
    names = [site.name for site in (*target.clinic.sites, *source.clinic.sites)]
    for site in source.clinic.sites:
        is_taken = site_key(site.name) in taken
        taken.add(site_key(site.name))
        rename = free_site_name(site.name, names) if is_taken else ""
        if rename:
            names.append(rename)
            taken.add(site_key(rename))
        yield SitePlan(
            site=CountedSite(site, source.view.site_patients.get(site.id, 0)),
            action=SiteAction.RENAME if is_taken else SiteAction.MOVE,
            workspace=source.name,
            expected_rename=rename,
            source_clinic_id=source.clinic.id,
            target_clinic_id=target.clinic.id,
        )
    for site in target.clinic.sites:
        yield SitePlan(
            site=CountedSite(site, target.view.site_patients.get(site.id, 0)),
            action=SiteAction.RETAIN,
            workspace=target.name,
            expected_rename="",
            source_clinic_id=None,
            target_clinic_id=target.clinic.id,
        )


# Clinicians


def _clinician_plans(source: Snapshot, target: Snapshot) -> Iterator[ClinicianPlan]:
    ours, theirs = _by_user(source.clinicians), _by_user(target.clinicians)
    both = tuple(sorted((source.name, target.name)))
    addresses = {_address(clinician) for clinician in target.clinicians}
    is_restricted = bool(target.clinic.membership_restrictions)
    for clinician in source.clinicians:
        same = theirs.get(clinician.user_id or "")
        if same is not None:
            yield ClinicianPlan(
                clinician=clinician,
                action=RecordAction.MERGE,
                downgraded=clinician.is_admin and not same.is_admin,
                resulting_roles=same.roles,
                workspaces=both,
                source_clinic_name=source.name,
                target_clinic_name=target.name,
            )
            continue
        error = Reason.PARTIAL_SSO if is_restricted else None
        if error is None and clinician.email and _address(clinician) in addresses:
            error = Reason.EMAIL_TAKEN
        yield ClinicianPlan(
            clinician=clinician,
            action=RecordAction.MOVE,
            downgraded=False,
            resulting_roles=clinician.roles,
            workspaces=(source.name,),
            source_clinic_name=source.name,
            target_clinic_name=target.name,
            error=error,
        )
    for clinician in target.clinicians:
        is_shared = (clinician.user_id or "") in ours
        yield ClinicianPlan(
            clinician=clinician,
            action=RecordAction.MERGE_INTO if is_shared else RecordAction.RETAIN,
            downgraded=False,
            resulting_roles=clinician.roles,
            workspaces=both if is_shared else (target.name,),
            source_clinic_name=source.name,
            target_clinic_name=target.name,
        )


def _by_user(clinicians: Iterable[Clinician]) -> dict[str, Clinician]:
    return {clinician.user_id: clinician for clinician in clinicians if clinician.user_id}


def _address(clinician: Clinician) -> str:
    return (clinician.email or "").lower()


# Patients


@attrs.frozen
class _Patients:
    """What the plans of patients are made from."""

    source: Snapshot
    target: Snapshot
    sources: Index
    targets: Index
    source_tags: Mapping[TagId, str]
    target_tags: Mapping[TagId, str]
    resulting_tags: Mapping[TagId, str]
    """What the tags of both will be called."""
    new_site_names: Mapping[SiteId, str]
    demo_mrn: str
    """The MRN that the target's demo patient keeps to himself."""

    @classmethod
    def of(
        cls,
        source: Snapshot,
        target: Snapshot,
        sources: Index,
        targets: Index,
        sites: Iterable[SitePlan],
    ) -> "_Patients":
        demo = target.demo
        return cls(
            source,
            target,
            sources,
            targets,
            _tag_names(source.clinic),
            _tag_names(target.clinic),
            _resulting_tag_names(source.clinic, target.clinic),
            {plan.site.site.id: plan.expected_rename for plan in sites if plan.expected_rename},
            compared(demo.mrn) if demo and demo.require_unique_mrn else "",
        )

    def plans(self) -> Iterator[PatientPlan]:
        """Yield the plans of the source's patients, then those of the target's."""
        for patient in self.source.patients:
            same = self.targets.of_user(patient.user_id)
            yield self._moved(patient) if same is None else self._merged(patient, same)
        for patient in self.target.patients:
            yield self._retained(patient)

    def _moved(self, patient: Patient) -> PatientPlan:
        sites = renamed_sites(patient, self.new_site_names)
        error, require_unique_mrn = self._demands(patient)
        return attrs.evolve(
            self._plan(RecordAction.MOVE),
            source_patient=patient,
            conflicts=self.targets.conflicts(patient),
            source_tag_names=_names_of(patient.tags, self.source_tags),
            source_site_names=_site_names(patient.sites),
            renamed_site_names=_site_names(sites),
            resulting_tag_names=_names_of(patient.tags, self.resulting_tags),
            resulting_site_names=_site_names(sites),
            require_unique_mrn=require_unique_mrn,
            error=error,
        )

    def _merged(self, patient: Patient, same: Patient) -> PatientPlan:
        sites = renamed_sites(patient, self.new_site_names)
        return attrs.evolve(
            self._plan(RecordAction.MERGE),
            source_patient=patient,
            target_patient=same,
            conflicts=self.targets.conflicts(patient),
            source_tag_names=_names_of(patient.tags, self.source_tags),
            target_tag_names=_names_of(same.tags, self.target_tags),
            source_site_names=_site_names(patient.sites),
            renamed_site_names=_site_names(sites),
            target_site_names=_site_names(same.sites),
            resulting_tag_names=_names_of(
                (*(patient.tags or ()), *(same.tags or ())), self.resulting_tags
            )
            or (),
            resulting_site_names=_site_names(joined_sites(same.sites, sites)) or (),
        )

    def _retained(self, patient: Patient) -> PatientPlan:
        is_shared = self.sources.of_user(patient.user_id) is not None
        return attrs.evolve(
            self._plan(RecordAction.MERGE_INTO if is_shared else RecordAction.RETAIN),
            target_patient=patient,
            target_tag_names=_names_of(patient.tags, self.target_tags),
            target_site_names=_site_names(patient.sites),
        )

    def _plan(self, action: RecordAction) -> PatientPlan:
        return PatientPlan(
            action,
            self.source.clinic.id,
            self.target.clinic.id,
            self.source.name,
            self.target.name,
        )

    def _demands(self, patient: Patient) -> tuple[str | None, bool]:
        """Return what the target's demands on MRNs say, and whether this MRN has to be unique."""
        demands = self.target.clinic.mrn_settings or _NO_DEMANDS
        mrn = compared(patient.mrn)
        if not mrn:
            return (Reason.MRN_MISSING if demands.required else None), False
        if not demands.unique:
            return None, False
        if self.sources.with_mrn(mrn) > 1:
            return Reason.MRN_IN_SOURCE, True
        if self.targets.with_mrn(mrn):
            return Reason.MRN_IN_TARGET, True
        return (Reason.MRN_OF_DEMO if mrn == self.demo_mrn else None), True


def _names_of(ids: Sequence[TagId] | None, names: Mapping[TagId, str]) -> Names | None:
    """Return the names of the tags that are known; None for no tags at all (MERGE-PAT-7)."""
    return tuple(sorted({names[id_] for id_ in ids if id_ in names})) if ids else None


def _site_names(sites: Sequence[PatientSite] | None) -> Names | None:
    return None if sites is None else tuple(sorted(site.name for site in sites))


def renamed_sites(patient: Patient, names: Mapping[SiteId, str]) -> tuple[PatientSite, ...] | None:
    """Return the sites of a patient, some of them under new names."""
    if patient.sites is None:
        return None
    return tuple(PatientSite(site.id, names.get(site.id, site.name)) for site in patient.sites)


def joined_sites(
    own: tuple[PatientSite, ...] | None, others: tuple[PatientSite, ...] | None
) -> tuple[PatientSite, ...] | None:
    """Return the sites of one record and, behind them, those of another that it lacks."""
    if not others:
        return own
    known = {site.id for site in own or ()}
    return (*(own or ()), *(site for site in others if site.id not in known))


# What a plan adds up to


@attrs.frozen
class Measures:
    """How many there are of what, afterwards and on the way."""

    members: int
    downgraded: int
    tags: int
    duplicate_tags: int
    sites: int
    renamed_sites: int
    patients: int
    conflicts: Mapping[Category, int]


def measures(plan: MergePlan) -> Measures:
    """Return the numbers of a plan."""
    conflicts: Counter[Category] = Counter()
    for patient in plan.patients:
        for category, found in (patient.conflicts or {}).items():
            conflicts[category] += len(found)
    return Measures(
        members=sum(each.action is not RecordAction.MERGE_INTO for each in plan.clinicians),
        downgraded=sum(each.downgraded for each in plan.clinicians),
        tags=sum(each.action is not TagAction.SKIP for each in plan.tags),
        duplicate_tags=sum(each.action is TagAction.SKIP for each in plan.tags),
        sites=len(plan.sites),
        renamed_sites=sum(each.action is SiteAction.RENAME for each in plan.sites),
        patients=sum(each.action is not RecordAction.MERGE_INTO for each in plan.patients),
        conflicts=conflicts,
    )
