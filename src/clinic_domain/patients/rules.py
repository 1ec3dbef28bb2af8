"""The rules of a patient's record: creation, changes, permissions, reviews, requests, counts."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

import attrs

from clinic_domain.clinics.errors import UnknownSite
from clinic_domain.clinics.model import Clinic, PatientCount, ProviderCount
from clinic_domain.patients.errors import (
    MrnNotUnique,
    MrnRequired,
    PatientNotFound,
    PermissionNotFound,
    ReviewNotFound,
    ReviewOfSomebodyElse,
)
from clinic_domain.patients.model import (
    ALL_PERMISSIONS,
    MAX_REVIEWS,
    REPORTS,
    ConnectionRequest,
    DataSource,
    DataSourceState,
    JoiningDetails,
    Patient,
    PatientDetails,
    PatientSite,
    Permission,
    Permissions,
    Provider,
    Review,
    Tally,
)
from clinic_domain.users import PatientProfile, Profile, User
from clinic_domain.values import ClinicId, RecordId, SiteId, UserId

CONNECTION_REQUEST_LIFETIME: Final = timedelta(days=30)
PROVIDERS_OUTSIDE_PLAN: Final = frozenset({Provider.TWIIST})

V = TypeVar("V")


# Creation


def custodial_patient(
    record_id: RecordId,
    clinic: Clinic,
    user_id: UserId,
    details: PatientDetails,
    *,
    email: str | None,
    invited_by: UserId | None,
    now: datetime,
) -> Patient:
    """
    Return the record of a patient whose account, of this *email*, the clinic holds (PAT-CRE-2).

    Raises:
        UnknownSite: the clinic lacks a site that is named.
    """
    blank = Patient(record_id, clinic.id, user_id, created_time=now, updated_time=now)
    return attrs.evolve(
        _described(blank, clinic, details, email, now),
        permissions=ALL_PERMISSIONS,
        invited_by=invited_by,
    )


def joining_patient(
    record_id: RecordId,
    clinic: Clinic,
    user: User,
    profile: Profile | None,
    details: JoiningDetails,
    *,
    now: datetime,
) -> Patient:
    """
    Return the record of an existing user who joins the clinic (PAT-USR-4).

    Details that are not given come from the profile; sites that the clinic lacks are dropped (PAT-
    SITE-2).
    """
    profile = profile or Profile()
    known = profile.patient
    sites = _sites_of(clinic, details.site_ids or ())
    return Patient(
        id=record_id,
        clinic_id=clinic.id,
        user_id=user.id,
        created_time=now,
        updated_time=now,
        full_name=details.full_name or known.full_name or profile.full_name,
        birth_date=details.birth_date or known.birthday or "",
        email=lower_case_email(user.username) or None,
        mrn=details.mrn or known.mrn or None,
        target_devices=known.target_devices,
        tags=details.tags,
        sites=sites or None,
        permissions=details.permissions,
        is_migrated=details.is_migrated,
        legacy_clinician_ids=(details.legacy_clinician_id,) if details.legacy_clinician_id else (),
        require_unique_mrn=_must_be_unique(clinic),
        glycemic_ranges=details.glycemic_ranges,
        diagnosis_type=details.diagnosis_type,
    )


def demo_patient(
    record_id: RecordId, clinic_id: ClinicId, user: User, profile: Profile | None, now: datetime
) -> Patient:
    """Return the record of the demo patient that every new clinic gets (CREATE-3)."""
    known = profile.patient if profile else PatientProfile()
    return Patient(
        id=record_id,
        clinic_id=clinic_id,
        user_id=user.id,
        created_time=now,
        updated_time=now,
        full_name=known.full_name or (profile.full_name if profile else None),
        birth_date=known.birthday or "",
        email=lower_case_email(user.username) or None,
        mrn=known.mrn or None,
        target_devices=known.target_devices,
        permissions=frozenset({Permission.VIEW}),
        # Keeps mails from being sent to the demo patient.
        is_migrated=True,
    )


def lower_case_email(email: str | None) -> str | None:
    """Return an address as patient records keep it (PAT-MAIL-1)."""
    return email if email is None else email.lower()


def _must_be_unique(clinic: Clinic) -> bool:
    return clinic.mrn_settings is not None and clinic.mrn_settings.unique


# Changes


def with_details(
    patient: Patient, clinic: Clinic, details: PatientDetails, now: datetime
) -> Patient:
    """
    Return *patient* as described anew (PAT-DOC-2, PAT-UPD-5).

    Raises:
        UnknownSite: the clinic lacks a site that is named (PAT-SITE-1).
    """
    return _described(patient, clinic, details, lower_case_email(details.email), now)


def _described(
    patient: Patient, clinic: Clinic, details: PatientDetails, email: str | None, now: datetime
) -> Patient:
    sites = None if details.site_ids is None else known_sites(clinic, details.site_ids)
    sources = patient.data_sources
    if details.data_sources is not None:
        # An empty list removes them for good and is shown as none at all (PAT-UPD-6).
        sources = details.data_sources or None
    changed = attrs.evolve(
        patient,
        full_name=details.full_name,
        birth_date=details.birth_date,
        email=email,
        mrn=details.mrn or None,
        target_devices=details.target_devices,
        require_unique_mrn=_must_be_unique(clinic),
        updated_time=now,
        tags=_either(details.tags, patient.tags),
        sites=_either(sites, patient.sites),
        data_sources=sources,
        glycemic_ranges=_either(details.glycemic_ranges, patient.glycemic_ranges),
        diagnosis_type=_either(details.diagnosis_type, patient.diagnosis_type),
    )
    return changed if changed.mrn == patient.mrn else _unsubscribed(changed)


def _either(given: V | None, stored: V | None) -> V | None:
    return stored if given is None else given


def _unsubscribed(patient: Patient) -> Patient:
    """A subscription belongs to the MRN that it was ordered for (PAT-MRN-8)."""
    subscriptions = patient.ehr_subscriptions and {
        name: attrs.evolve(subscription, active=False)
        for name, subscription in patient.ehr_subscriptions.items()
    }
    return attrs.evolve(patient, ehr_subscriptions=subscriptions)


def sends_reports(patient: Patient) -> bool:
    """Whether reports of *patient* are sent to the health record."""
    subscription = (patient.ehr_subscriptions or {}).get(REPORTS)
    return subscription is not None and subscription.active


def known_sites(clinic: Clinic, site_ids: Iterable[SiteId]) -> tuple[PatientSite, ...]:
    """
    Return the sites with the clinic's names for them, each once, in the order given (PAT-SITE-3).

    Raises:
        UnknownSite: the clinic lacks one of them (PAT-SITE-1).
    """
    wanted = dict.fromkeys(site_ids)
    found = _sites_of(clinic, wanted)
    if len(found) < len(wanted):
        raise UnknownSite(clinic.id)
    return found


def _sites_of(clinic: Clinic, site_ids: Iterable[SiteId]) -> tuple[PatientSite, ...]:
    sites = (clinic.site(site_id) for site_id in dict.fromkeys(site_ids))
    return tuple(PatientSite(site.id, site.name) for site in sites if site)


def refuse_missing_mrn(clinic: Clinic, mrn: str | None) -> None:
    """Raise MrnRequired where the clinic wants an MRN and there is none (PAT-MRN-2)."""
    if clinic.mrn_settings and clinic.mrn_settings.required and not mrn:
        raise MrnRequired(clinic.id)


def refuse_taken_mrn(clinic: Clinic, user_id: UserId | None, holders: Collection[Patient]) -> None:
    """
    Raise MrnNotUnique where another patient among *holders* has the number (PAT-MRN-3).

    Several holders are a conflict even for one of them (PAT-MRN-4).
    """
    is_own = len(holders) == 1 and all(holder.user_id == user_id for holder in holders)
    if _must_be_unique(clinic) and holders and not is_own:
        raise MrnNotUnique(clinic.id)


def with_legacy_clinician(patient: Patient, clinician_id: UserId, now: datetime) -> Patient:
    """Return *patient* as also migrated from another legacy clinician (PAT-USR-6)."""
    known = patient.legacy_clinician_ids
    ids = known if clinician_id in known else (*known, clinician_id)
    return attrs.evolve(patient, legacy_clinician_ids=ids, updated_time=now)


# Permissions


def with_permissions(patient: Patient, permissions: Permissions, now: datetime) -> Patient:
    """
    Return *patient* with these permissions instead.

    CUSTODIAN cannot be given this way (PAT-PERM-1).
    """
    granted = permissions - {Permission.CUSTODIAN}
    return attrs.evolve(patient, permissions=granted, updated_time=now)


def without_permission(patient: Patient | None, permission: Permission, now: datetime) -> Patient:
    """
    Return *patient* without one permission.

    Raises:
        PermissionNotFound: there is no patient, or the permission was not given (PAT-PERM-4).
    """
    if patient is None or permission not in (patient.permissions or ()):
        raise PermissionNotFound(permission)
    remaining = (patient.permissions or frozenset()) - {permission}
    return attrs.evolve(patient, permissions=remaining, updated_time=now)


# Reviews, reminders and connection requests


def with_review(patient: Patient, review: Review) -> Patient:
    """
    Return *patient* with one more review in front, the oldest dropped.

    No change of the record (PAT-REV-1).
    """
    return attrs.evolve(patient, reviews=(review, *(patient.reviews or ()))[:MAX_REVIEWS])


def without_review(patient: Patient, clinician_id: UserId) -> Patient:
    """
    Return *patient* without the newest review (PAT-REV-2).

    Raises:
        ReviewNotFound: there is none.
        ReviewOfSomebodyElse: it is another clinician's (PAT-REV-3).
    """
    if not patient.reviews:
        raise ReviewNotFound(patient.user_id)
    if patient.reviews[0].clinician_id != clinician_id:
        raise ReviewOfSomebodyElse(patient.user_id)
    return attrs.evolve(patient, reviews=patient.reviews[1:])


def with_reminder(patient: Patient, now: datetime) -> Patient:
    """
    Return *patient* as reminded to upload.

    A worker that follows the storage sends the mail (PAT-REM-1).
    """
    return attrs.evolve(patient, last_upload_reminder_time=now, updated_time=now)


def with_connection_request(patient: Patient, provider: str, now: datetime) -> Patient:
    """
    Return *patient* as asked to connect, or to connect again, a provider (PAT-CONN-3, PAT-CONN-4).

    Raises:
        PatientNotFound: no data source of the provider was prepared (PAT-CONN-2).
    """
    sources = patient.data_sources or ()
    of_provider = [source for source in sources if source.provider_name == provider]
    if not of_provider:
        raise PatientNotFound(patient.user_id, provider)
    # Of several entries the last says what kind of request this is, and the first is changed (PAT-
    # CONN-6).
    first, last = of_provider[0], of_provider[-1]
    requested = attrs.evolve(
        first,
        state=DataSourceState.PENDING_RECONNECT if last.modified_time else DataSourceState.PENDING,
        modified_time=now if last.modified_time else first.modified_time,
        expiration_time=now + CONNECTION_REQUEST_LIFETIME,
    )
    position = sources.index(first)
    history = patient.connection_requests or {}
    request = ConnectionRequest(provider, now)
    return attrs.evolve(
        patient,
        data_sources=(*sources[:position], requested, *sources[position + 1 :]),
        connection_requests={**history, provider: (request, *history.get(provider, ()))},
        updated_time=now,
    )


# Counts


def patient_count(tally: Tally, demo: Patient | None) -> PatientCount:
    """Return a clinic's count from the tally over all patients and the demo patient (PC-2)."""
    if demo is None:
        return PatientCount(tally.total, 0, tally.total - tally.outside_plan, tally.providers)
    own = tally_of([demo])
    return PatientCount(
        total=tally.total,
        demo=own.total,
        plan=(tally.total - tally.outside_plan) - (own.total - own.outside_plan),
        providers=_less(tally.providers, own.providers),
    )


def tally_of(patients: Iterable[Patient]) -> Tally:
    """
    Return the tally over *patients*, counted one by one.

    What storages keep count of must equal it.
    """
    total = outside = 0
    states: dict[str, dict[str, int]] = {}
    for patient in patients:
        sources = patient.data_sources or ()
        total += 1
        outside += is_outside_plan(sources)
        for source in sources:
            counts = states.setdefault(source.provider_name, {})
            counts[source.state] = counts.get(source.state, 0) + 1
    return Tally(total, outside, _provider_counts(states))


def is_outside_plan(sources: Iterable[DataSource]) -> bool:
    """Whether a patient with these data sources does not count for the clinic's plan."""
    return any(source.provider_name in PROVIDERS_OUTSIDE_PLAN for source in sources)


def _less(
    counts: Mapping[str, ProviderCount], own: Mapping[str, ProviderCount]
) -> Mapping[str, ProviderCount]:
    none = ProviderCount(0, {})
    return _provider_counts(
        {
            provider: {
                state: number - own.get(provider, none).states.get(state, 0)
                for state, number in count.states.items()
            }
            for provider, count in counts.items()
        }
    )


def _provider_counts(states: Mapping[str, Mapping[str, int]]) -> Mapping[str, ProviderCount]:
    positive = {
        provider: {state: number for state, number in sorted(counts.items()) if number > 0}
        for provider, counts in sorted(states.items())
    }
    return {
        provider: ProviderCount(sum(counts.values()), counts)
        for provider, counts in positive.items()
        if counts
    }
