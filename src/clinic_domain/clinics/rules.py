"""The rules of a clinic as a whole: creation, changes, admins, limits."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import attrs

from clinic_domain.clinicians.errors import LastAdmin
from clinic_domain.clinics.errors import (
    BlankName,
    ClinicNotEmpty,
    ClinicNotMigrated,
    InvalidPatientCountSettings,
    PatientCountExceeded,
    UnknownWorkspaceType,
)
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    ClinicQuery,
    EhrSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    ShareCode,
)
from clinic_domain.clinics.tiers import Tier, tier_of
from clinic_domain.values import ClinicId, UserId

DEFAULT_PLAN: Final = 250
DEFAULT_MRN_ID_TYPE: Final = "MRN"
DEFAULT_CADENCE: Final = "14d"
_UNITED_STATES: Final = "US"
_NEEDED_TO_MIGRATE: Final = (
    "name",
    "preferred_bg_units",
    "address",
    "city",
    "clinic_type",
    "country",
    "postal_code",
    "state",
)


def new_clinic(
    clinic_id: ClinicId,
    share_code: ShareCode,
    creator: UserId,
    details: ClinicDetails,
    now: datetime,
) -> Clinic:
    """
    Return a clinic as it is created by a user (CREATE-2).

    Raises:
        BlankName: the name has no visible character.
    """
    refuse_blank_name(details)
    return attrs.evolve(
        unmigrated_clinic(clinic_id, share_code, creator, now), details=details, is_migrated=True
    )


def unmigrated_clinic(
    clinic_id: ClinicId, share_code: ShareCode, creator: UserId, now: datetime
) -> Clinic:
    """Return the empty clinic of a legacy account, yet to be described (CREATE-5)."""
    return Clinic(
        id=clinic_id,
        share_code=share_code,
        created_time=now,
        updated_time=now,
        admins=(creator,),
        patient_count=PatientCount(),
        patient_count_settings=PatientCountSettings(PatientCountLimit(DEFAULT_PLAN)),
    )


def with_details(clinic: Clinic, details: ClinicDetails, now: datetime) -> Clinic:
    """
    Return *clinic* as described anew (UPD-1).

    Phone numbers and time zone are replaced, so that leaving them out clears them; what else is
    left out stays.

    Raises:
        BlankName: the name has no visible character.
    """
    refuse_blank_name(details)
    given = attrs.asdict(details, recurse=False, filter=lambda _, value: value is not None)
    replaced = {"phone_numbers": details.phone_numbers, "timezone": details.timezone}
    return attrs.evolve(
        clinic, details=attrs.evolve(clinic.details, **(given | replaced)), updated_time=now
    )


def refuse_blank_name(details: ClinicDetails) -> None:
    """Raise BlankName where the name has no visible character."""
    if not (details.name or "").strip():
        raise BlankName


def can_migrate(clinic: Clinic) -> bool:
    """Whether the initial migration of a legacy clinic could start (CLINIC-3)."""
    if clinic.is_migrated or not clinic.admins:
        return False
    described = all(getattr(clinic.details, name) for name in _NEEDED_TO_MIGRATE)
    return described and all(tag.id and tag.name for tag in clinic.tags or ())


def refuse_unmigrated(clinic: Clinic) -> None:
    """Raise ClinicNotMigrated where the members of *clinic* cannot change yet."""
    if not clinic.is_migrated:
        raise ClinicNotMigrated(clinic.id)


def with_admin(clinic: Clinic, user_id: UserId, now: datetime) -> Clinic:
    """Return *clinic* with this user among the admins (ADMIN-1)."""
    admins = clinic.admins if user_id in clinic.admins else (*clinic.admins, user_id)
    return attrs.evolve(clinic, admins=admins, updated_time=now)


def without_admin(clinic: Clinic, user_id: UserId, now: datetime) -> Clinic:
    """
    Return *clinic* with this user no admin (ADMIN-2).

    Raises:
        LastAdmin: no admin would be left.
    """
    remaining = orphaned(clinic, user_id, now)
    # Who leaves does not matter: a clinic that already has no admin refuses too (CLINICIAN-5).
    if not remaining.admins:
        raise LastAdmin(clinic.id)
    return remaining


def orphaned(clinic: Clinic, user_id: UserId, now: datetime) -> Clinic:
    """Return *clinic* without a user, even if no admin is left (ADMIN-3)."""
    admins = tuple(admin for admin in clinic.admins if admin != user_id)
    return attrs.evolve(clinic, admins=admins, updated_time=now)


def refuse_unless_empty(
    clinic_id: ClinicId, patients: Collection[UserId], demo_patient: UserId | None
) -> None:
    """Raise ClinicNotEmpty unless the only patient, if any, is the demo patient (DEL-1)."""
    if len(patients) > 1 or any(patient != demo_patient for patient in patients):
        raise ClinicNotEmpty(clinic_id)


def with_ehr_settings(clinic: Clinic, settings: EhrSettings) -> Clinic:
    """
    Return *clinic* with these EHR settings.

    A note type only matters when reports follow uploads (section 10).
    """
    reports = settings.scheduled_reports
    if not reports.on_upload_enabled:
        reports = attrs.evolve(reports, on_upload_note_event_type=None)
    return attrs.evolve(clinic, ehr_settings=attrs.evolve(settings, scheduled_reports=reports))


def with_patient_count_settings(clinic: Clinic, settings: PatientCountSettings) -> Clinic:
    """
    Return *clinic* with these limits, whether or not they apply to it.

    Raises:
        InvalidPatientCountSettings: a limit would end before it starts.
    """
    for limit in (settings.hard_limit, settings.soft_limit):
        if limit and limit.start_date and limit.end_date and limit.start_date > limit.end_date:
            raise InvalidPatientCountSettings(clinic.id)
    return attrs.evolve(clinic, patient_count_settings=settings)


def applicable_patient_count_settings(clinic: Clinic) -> PatientCountSettings:
    """
    Return the limits that apply.

    Those that are set, to clinics in the US on the default tier (PCS-1).
    """
    limited = (clinic.details.country or _UNITED_STATES) == _UNITED_STATES
    if limited and tier_of(clinic) == Tier.FREE and clinic.patient_count_settings:
        return clinic.patient_count_settings
    return PatientCountSettings()


def refuse_beyond_plan(clinic: Clinic, count: PatientCount, now: datetime) -> None:
    """Raise PatientCountExceeded where another custodial patient would pass the plan (PCL-4)."""
    limit = applicable_patient_count_settings(clinic).hard_limit
    if limit is None:
        return
    not_yet = limit.start_date is not None and now < limit.start_date
    no_more = limit.end_date is not None and now > limit.end_date
    if not not_yet and not no_more and count.plan >= limit.plan:
        raise PatientCountExceeded(clinic.id)


def workspace_query(ids: tuple[ClinicId, ...], workspace_id: str, kind: str) -> ClinicQuery:
    """
    Return which of the clinics *ids* make up a workspace (WS-1).

    Raises:
        UnknownWorkspaceType: *kind* is neither `clinicId` nor `ehrSourceId`.
    """
    if kind == "clinicId":
        return ClinicQuery(ids=tuple(id_ for id_ in ids if id_ == workspace_id))
    if kind == "ehrSourceId":
        return ClinicQuery(ids=ids, ehr_source_id=workspace_id)
    raise UnknownWorkspaceType(kind)
