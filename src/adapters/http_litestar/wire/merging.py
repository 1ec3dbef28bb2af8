"""
The plan of a merge as JSON (section 7 of the chapter on merging).

Its names are those of the reference's own structures, mostly capitalised; nothing is left out, and
what is not there is null. A plan can be large, so it becomes text piece by piece.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from adapters.http_litestar.wire.fields import ObjectIdText
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import (
    Clinic,
    ClinicView,
    EhrSettings,
    MembershipRestriction,
    PatientCount,
    PatientCountLimit,
    Site,
)
from clinic_domain.merging.model import (
    ClinicianPlan,
    Cluster,
    MergePlan,
    PatientPlan,
    RestrictionsPlan,
    SettingPlan,
    SitePlan,
    TagPlan,
)
from clinic_domain.patients.model import (
    DataSource,
    EhrSubscription,
    GlycemicRanges,
    Patient,
    PatientSite,
    Permission,
)
from clinic_domain.patients.summaries import Stats, Summary

Json = dict[str, Any]

_NEVER: Final = "0001-01-01T00:00:00Z"
_encode: Final = msgspec.json.Encoder().encode
# Inside texts alone, for nothing else in JSON has these characters.
_ESCAPED: Final = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


class MergeBody(Struct, rename="camel"):
    """Which clinic goes up in the one that the path names."""

    source_id: ObjectIdText


def plan_json(plan: MergePlan, *, pretty: bool = False) -> bytes:
    """Return a plan as JSON with a newline at its end, perhaps indented."""
    content = b"".join(map(_escaped, _pieces(plan)))
    return (msgspec.json.format(content, indent=2) if pretty else content) + b"\n"


def _escaped(piece: bytes) -> bytes:
    for character, escaped in _ESCAPED:
        piece = piece.replace(character, escaped)
    return piece


def _pieces(plan: MergePlan) -> Iterator[bytes]:
    yield b'{"Source":' + _encode(_clinic(plan.source.view))
    yield b',"Target":' + _encode(_clinic(plan.target.view))
    yield b',"MembershipRestrictionsMergePlan":' + _encode(_restrictions_plan(plan.restrictions))
    yield from _list("SourcePatientClusters", plan.source_clusters, _cluster)
    yield from _list("TargetPatientClusters", plan.target_clusters, _cluster)
    yield from _list("SettingsPlans", plan.settings, _setting_plan)
    yield from _list("TagsPlans", plan.tags, _tag_plan)
    yield from _list("SitesPlans", plan.sites, _site_plan)
    yield from _list("ClinicianPlans", plan.clinicians, _clinician_plan)
    yield from _list("PatientPlans", plan.patients, _patient_plan)
    yield b',"CreatedTime":' + _encode(_time(plan.created_time)) + b"}"


def _list(name: str, items: Iterable[Any], shown: Callable[[Any], Json]) -> Iterator[bytes]:
    separator = f',"{name}":['.encode()
    for item in items:
        yield separator + _encode(shown(item))
        separator = b","
    yield b"]" if separator == b"," else separator + b"]"


# Times


def _time(moment: datetime | None) -> str:
    """Return a time with as many digits as it needs; the beginning of all times for none."""
    if moment is None:
        return _NEVER
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _time_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _time(moment)


# Clinics


def _clinic(view: ClinicView) -> Json:
    clinic, details = view.clinic, view.clinic.details
    return {
        "Id": clinic.id,
        "Address": details.address,
        "City": details.city,
        "ClinicType": details.clinic_type,
        "ClinicSize": details.clinic_size,
        "Country": details.country,
        "Name": details.name,
        "PatientTags": _tags(view),
        "PhoneNumbers": None
        if details.phone_numbers is None
        else [{"Type": each.type, "Number": each.number} for each in details.phone_numbers],
        "PostalCode": details.postal_code,
        "State": details.state,
        "CanonicalShareCode": clinic.share_code.value,
        "Website": details.website,
        "ShareCodes": [code.value for code in clinic.share_codes],
        "Admins": clinic.admins,
        "CreatedTime": _time(clinic.created_time),
        "UpdatedTime": _time(clinic.updated_time),
        "IsMigrated": clinic.is_migrated,
        "Tier": clinic.tier or "",
        "PreferredBgUnits": details.preferred_bg_units or "",
        "SuppressedNotifications": clinic.suppressed_notifications
        and {"PatientClinicInvitation": clinic.suppressed_notifications.patient_clinic_invitation},
        "Timezone": details.timezone,
        "MembershipRestrictions": _restrictions(clinic.membership_restrictions),
        "EHRSettings": _ehr_settings(clinic.ehr_settings),
        "MRNSettings": clinic.mrn_settings
        and {"Required": clinic.mrn_settings.required, "Unique": clinic.mrn_settings.unique},
        "PatientCountSettings": _count_settings(clinic),
        "PatientCount": _count(clinic.patient_count),
        "Sites": [_site(site, view.site_patients.get(site.id, 0)) for site in clinic.sites] or None,
    }


def _tags(view: ClinicView) -> list[Json] | None:
    if view.clinic.tags is None:
        return None
    return [
        {"Id": tag.id, "Name": tag.name, "Patients": view.tag_patients.get(tag.id, 0)}
        for tag in view.clinic.tags
    ]


def _site(site: Site | PatientSite, patients: int = 0) -> Json:
    named: Json = {"id": site.id, "name": site.name}
    return {**named, "patients": patients} if patients else named


def _restrictions(restrictions: tuple[MembershipRestriction, ...]) -> list[Json] | None:
    return [
        {"EmailDomain": each.email_domain, "RequiredIdp": each.required_idp}
        for each in restrictions
    ] or None


def _ehr_settings(settings: EhrSettings | None) -> Json | None:
    if settings is None:
        return None
    destinations, codes = settings.destination_ids, settings.procedure_codes
    reports, tags = settings.scheduled_reports, settings.tags
    return {
        "Enabled": settings.enabled,
        "Provider": settings.provider,
        "DestinationIds": destinations
        and {
            "Flowsheet": destinations.flowsheet,
            "Notes": destinations.notes,
            "Results": destinations.results,
        },
        "ProcedureCodes": {
            "EnableSummaryReports": codes.enable_summary_reports,
            "DisableSummaryReports": codes.disable_summary_reports,
            "CreateAccount": codes.create_account,
            "CreateAccountAndEnableReports": codes.create_account_and_enable_reports,
        },
        "SourceId": settings.source_id,
        "MrnIdType": settings.mrn_id_type,
        "ScheduledReports": {
            "Cadence": reports.cadence,
            "OnUploadEnabled": reports.on_upload_enabled,
            "OnUploadNoteEventType": reports.on_upload_note_event_type,
        },
        "Tags": {"Codes": tags.codes, "Separator": tags.separator},
        "Flowsheets": {"Icode": settings.icode_flowsheets},
        "Notes": {"IncludeGMI": settings.include_gmi_in_notes},
    }


def _count_settings(clinic: Clinic) -> Json | None:
    settings = clinic.patient_count_settings
    if settings is None:
        return None
    return {
        "HardLimit": _limit(settings.hard_limit),
        "SoftLimit": _limit(settings.soft_limit),
    }


def _limit(limit: PatientCountLimit | None) -> Json | None:
    if limit is None:
        return None
    return {
        "Plan": limit.plan,
        "StartDate": _time_or_none(limit.start_date),
        "EndDate": _time_or_none(limit.end_date),
        "PatientCount": None,
    }


def _count(count: PatientCount | None) -> Json | None:
    if count is None:
        return None
    return {
        "Total": count.total,
        "Demo": count.demo,
        "Plan": count.plan,
        "Providers": {
            name: {"States": dict(each.states) or None, "Total": each.total}
            for name, each in count.providers.items()
        }
        or None,
        "PatientCount": None,
    }


# Plans


def _restrictions_plan(plan: RestrictionsPlan) -> Json:
    return {
        "SourceValue": _restrictions(plan.source),
        "TargetValue": _restrictions(plan.target),
    }


def _setting_plan(plan: SettingPlan) -> Json:
    return {
        "Name": plan.name,
        "SourceValue": plan.source_value,
        "TargetValue": plan.target_value,
    }


def _tag_plan(plan: TagPlan) -> Json:
    shown: Json = {
        "Name": plan.name,
        "TagAction": plan.action,
        "Workspaces": plan.workspaces,
        "Merge": plan.merge,
        "SourceClinicId": plan.source_clinic_id,
        "TargetClinicId": plan.target_clinic_id,
    }
    # No tag was ever in the way of a merge, so this is there only where one is.
    return shown if plan.error is None else {**shown, "Error": _error(plan.error)}


def _site_plan(plan: SitePlan) -> Json:
    return {
        "Site": _site(plan.site.site, plan.site.patients),
        "Action": plan.action,
        "SourceWorkspace": plan.workspace,
        "ExpectedRename": plan.expected_rename,
        "SourceClinicId": plan.source_clinic_id,
        "TargetClinicId": plan.target_clinic_id,
    }


def _clinician_plan(plan: ClinicianPlan) -> Json:
    return {
        "Clinician": _clinician(plan.clinician),
        "ClinicianAction": plan.action,
        "Downgraded": plan.downgraded,
        "ResultingRoles": plan.resulting_roles,
        "Workspaces": plan.workspaces,
        "SourceClinicName": plan.source_clinic_name,
        "TargetClinicName": plan.target_clinic_name,
        "Error": _error(plan.error),
    }


def _clinician(clinician: Clinician) -> Json:
    return {
        "Id": clinician.id,
        "InviteId": clinician.invite_id,
        "ClinicId": clinician.clinic_id,
        "UserId": clinician.user_id,
        "Email": clinician.email,
        "Name": clinician.name,
        "Roles": clinician.roles,
        "RolesUpdates": [
            {"Roles": each.roles, "UpdatedBy": each.updated_by} for each in clinician.roles_updates
        ]
        or None,
        "IsServiceAccount": clinician.is_service_account,
        "CreatedTime": _time(clinician.created_time),
        "UpdatedTime": _time(clinician.updated_time),
    }


def _patient_plan(plan: PatientPlan) -> Json:
    conflicts = plan.conflicts
    return {
        "SourceClinicId": plan.source_clinic_id,
        "TargetClinicId": plan.target_clinic_id,
        "SourceClinicName": plan.source_clinic_name,
        "TargetClinicName": plan.target_clinic_name,
        "SourcePatient": plan.source_patient and _patient(plan.source_patient),
        "TargetPatient": plan.target_patient and _patient(plan.target_patient),
        "Conflicts": None
        if conflicts is None
        else {
            category: [{"Category": category, "Patient": _patient(each)} for each in found]
            for category, found in conflicts.items()
        },
        "PatientAction": plan.action,
        "SourceTagNames": plan.source_tag_names,
        "TargetTagNames": plan.target_tag_names,
        "SourceSiteNames": plan.source_site_names,
        "RenamedSiteNames": plan.renamed_site_names,
        "TargetSiteNames": plan.target_site_names,
        "PostMigrationTagNames": plan.resulting_tag_names,
        "PostMigrationSiteNames": plan.resulting_site_names,
        "PostMigrationMRNUniqueness": plan.require_unique_mrn,
        "CanExecuteAction": plan.can_execute,
        "Error": _error(plan.error),
    }


def _error(message: str | None) -> Json | None:
    return None if message is None else {"Message": message}


def _cluster(cluster: Cluster) -> Json:
    return {
        "Patients": [
            {"Patient": _patient(member.patient), "Conflicts": member.conflicts}
            for member in cluster
        ]
    }


# Patients


def _patient(patient: Patient) -> Json:
    return {
        "Id": patient.id,
        "ClinicId": patient.clinic_id,
        "UserId": patient.user_id,
        "BirthDate": patient.birth_date,
        "Email": patient.email,
        "FullName": patient.full_name,
        "Mrn": patient.mrn,
        "TargetDevices": patient.target_devices,
        "Tags": patient.tags,
        "DataSources": None
        if patient.data_sources is None
        else list(map(_data_source, patient.data_sources)),
        "Permissions": None
        if patient.permissions is None
        else {
            each.capitalize(): {} if each in patient.permissions else None for each in Permission
        },
        "IsMigrated": patient.is_migrated,
        "LegacyClinicianIds": patient.legacy_clinician_ids or None,
        "CreatedTime": _time(patient.created_time),
        "UpdatedTime": _time(patient.updated_time),
        "InvitedBy": patient.invited_by,
        "Summary": _summary(patient.summary),
        "Reviews": None
        if patient.reviews is None
        else [
            {"clinicianId": each.clinician_id, "time": _time(each.time)} for each in patient.reviews
        ],
        "LastUploadReminderTime": _time(patient.last_upload_reminder_time),
        "ProviderConnectionRequests": None
        if patient.connection_requests is None
        else {
            provider: [
                {"ProviderName": each.provider_name, "CreatedTime": _time(each.created_time)}
                for each in requests
            ]
            for provider, requests in patient.connection_requests.items()
        },
        "RequireUniqueMrn": patient.require_unique_mrn,
        "EHRSubscriptions": None
        if patient.ehr_subscriptions is None
        else {name: _subscription(each) for name, each in patient.ehr_subscriptions.items()},
        "Sites": None if patient.sites is None else list(map(_site, patient.sites)),
        "GlycemicRanges": _ranges(patient.glycemic_ranges),
        "DiagnosisType": patient.diagnosis_type,
        # Replaced by the requests of all providers long ago.
        "LastRequestedDexcomConnectTime": _NEVER,
    }


def _data_source(source: DataSource) -> Json:
    return {
        "DataSourceId": source.data_source_id,
        "ModifiedTime": _time_or_none(source.modified_time),
        "ExpirationTime": _time_or_none(source.expiration_time),
        "ProviderName": source.provider_name,
        "State": source.state,
        "LatestDataTime": _time_or_none(source.latest_data_time),
    }


def _subscription(subscription: EhrSubscription) -> Json:
    return {
        "Active": subscription.active,
        "Provider": subscription.provider,
        "MatchedMessages": [
            {"DocumentId": each.id, "DataModel": each.data_model, "EventType": each.event_type}
            for each in subscription.matched_messages
        ]
        or None,
        "CreatedAt": _time(subscription.created_at),
        "UpdatedAt": _time(subscription.updated_at),
    }


def _ranges(ranges: GlycemicRanges | None) -> Json:
    custom = ranges.custom if ranges else None
    thresholds = custom and [
        {
            "Name": each.name,
            "UpperBound": {"Value": each.value, "Units": each.units},
            "Inclusive": each.inclusive,
        }
        for each in custom.thresholds
    ]
    return {
        "type": ranges.type if ranges else "",
        "Preset": (ranges.preset if ranges else None) or "",
        "Custom": {"Name": custom.name if custom else "", "Thresholds": thresholds},
    }


def _summary(summary: Summary | None) -> Json:
    summary = summary or Summary()
    return {"cgmStats": _stats(summary.cgm), "bgmStats": _stats(summary.bgm)}


def _stats(stats: Stats | None) -> Json:
    stats = stats or _NO_STATS
    dates = stats.dates
    given = {
        "firstData": _time_or_none(dates.first_data),
        "lastData": _time_or_none(dates.last_data),
        "lastUpdatedDate": _time_or_none(dates.last_updated_date),
        "lastUploadDate": _time_or_none(dates.last_upload_date),
        "outdatedSince": _time_or_none(dates.outdated_since),
        "outdatedSinceLimit": _time_or_none(dates.outdated_since_limit),
        "lastUpdatedReason": dates.last_updated_reason or None,
        "outdatedReason": dates.outdated_reason or None,
    }
    return {
        "id": "",
        "config": dict.fromkeys(_THRESHOLDS, 0),
        "dates": {
            "hasFirstData": dates.has_first_data,
            "hasLastData": dates.has_last_data,
            "hasLastUploadDate": dates.has_last_upload_date,
            "hasOutdatedSince": dates.has_outdated_since,
            **{name: value for name, value in given.items() if value is not None},
        },
    }


_NO_STATS: Final = Stats("")
_THRESHOLDS: Final = (
    "highGlucoseThreshold",
    "lowGlucoseThreshold",
    "schemaVersion",
    "veryHighGlucoseThreshold",
    "veryLowGlucoseThreshold",
)
