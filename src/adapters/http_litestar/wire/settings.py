"""What is set for a clinic, and its patient count."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from adapters.http_litestar.wire.clinics import SuppressedNotificationsBody
from adapters.http_litestar.wire.fields import (
    Count,
    DateTime,
    DateTimeText,
    Filled,
    KeyText,
    given,
    known,
    moment_of,
    rfc3339_or_unset,
)
from clinic_domain.clinics.model import (
    EhrDestinations,
    EhrProcedureCodes,
    EhrSettings,
    EhrTags,
    MembershipRestriction,
    MrnSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    ScheduledReports,
)
from clinic_domain.clinics.rules import DEFAULT_CADENCE, DEFAULT_MRN_ID_TYPE
from clinic_domain.clinics.tiers import Tier


class TierBody(Struct):
    tier: Tier


class SuppressionBody(Struct, rename="camel"):
    suppressed_notifications: SuppressedNotificationsBody


# Membership restrictions


class RestrictionBody(Struct, rename="camel"):
    email_domain: str
    required_idp: str | UnsetType = UNSET


class RestrictionsBody(Struct):
    restrictions: list[RestrictionBody] | UnsetType = UNSET

    def all(self) -> tuple[MembershipRestriction, ...]:
        return tuple(
            MembershipRestriction(each.email_domain, known(each.required_idp) or "")
            for each in known(self.restrictions) or ()
        )


class RestrictionJson(Struct, rename="camel"):
    email_domain: str
    required_idp: str | UnsetType = UNSET


class RestrictionsJson(Struct):
    restrictions: list[RestrictionJson] | UnsetType = UNSET


def restrictions_json(restrictions: Iterable[MembershipRestriction]) -> RestrictionsJson:
    shown = [
        RestrictionJson(each.email_domain, each.required_idp or UNSET) for each in restrictions
    ]
    return RestrictionsJson(shown or UNSET)


# MRN settings


class MrnSettingsBody(Struct):
    required: bool
    unique: bool

    def settings(self) -> MrnSettings:
        return MrnSettings(self.required, self.unique)


class MrnSettingsJson(Struct):
    required: bool
    unique: bool


def mrn_settings_json(settings: MrnSettings) -> MrnSettingsJson:
    return MrnSettingsJson(settings.required, settings.unique)


# EHR settings


class DestinationsBody(Struct):
    flowsheet: Filled
    results: Filled
    notes: Filled

    def destinations(self) -> EhrDestinations:
        return EhrDestinations(self.flowsheet, self.notes, self.results)


class ProcedureCodesBody(Struct, rename="camel"):
    enable_summary_reports: Filled | UnsetType = UNSET
    disable_summary_reports: Filled | UnsetType = UNSET
    create_account: Filled | UnsetType = UNSET
    create_account_and_enable_reports: str | UnsetType = UNSET


class ScheduledReportsBody(Struct, rename="camel"):
    on_upload_enabled: bool
    cadence: Literal["1d", "7d", "14d", "30d", "DISABLED"]
    on_upload_note_event_type: Literal["New", "Replace"] | None = "New"


class EhrTagsBody(Struct):
    codes: list[str] | UnsetType = UNSET
    separator: Filled | UnsetType = UNSET


class FlowsheetsBody(Struct):
    icode: bool


class NotesBody(Struct):
    include_gmi: bool | None = field(default=False, name="includeGMI")


class EhrSettingsBody(Struct, rename="camel"):
    enabled: bool
    source_id: KeyText
    procedure_codes: ProcedureCodesBody
    mrn_id_type: Filled
    provider: Literal["xealth", "redox"]
    scheduled_reports: ScheduledReportsBody
    tags: EhrTagsBody
    flowsheets: FlowsheetsBody
    destination_ids: DestinationsBody | UnsetType = UNSET
    notes: NotesBody | UnsetType = UNSET

    def settings(self) -> EhrSettings:
        codes, reports = self.procedure_codes, self.scheduled_reports
        destinations, notes, tags = known(self.destination_ids), known(self.notes), self.tags
        tag_codes = known(tags.codes)
        return EhrSettings(
            enabled=self.enabled,
            provider=self.provider,
            source_id=str(self.source_id),
            mrn_id_type=self.mrn_id_type,
            procedure_codes=EhrProcedureCodes(
                enable_summary_reports=known(codes.enable_summary_reports),
                disable_summary_reports=known(codes.disable_summary_reports),
                create_account=known(codes.create_account),
                create_account_and_enable_reports=known(codes.create_account_and_enable_reports),
            ),
            scheduled_reports=ScheduledReports(
                reports.cadence,
                reports.on_upload_enabled,
                reports.on_upload_note_event_type or "New",
            ),
            destination_ids=None if destinations is None else destinations.destinations(),
            tags=EhrTags(
                None if tag_codes is None else tuple(tag_codes),
                known(tags.separator),
            ),
            icode_flowsheets=self.flowsheets.icode,
            include_gmi_in_notes=bool(notes and notes.include_gmi),
        )


class DestinationsJson(Struct):
    flowsheet: str
    results: str
    notes: str


class ProcedureCodesJson(Struct, rename="camel"):
    enable_summary_reports: str | UnsetType = UNSET
    disable_summary_reports: str | UnsetType = UNSET
    create_account: str | UnsetType = UNSET
    create_account_and_enable_reports: str | UnsetType = UNSET


class ScheduledReportsJson(Struct, rename="camel"):
    on_upload_enabled: bool
    cadence: str
    on_upload_note_event_type: str | UnsetType = UNSET


class EhrTagsJson(Struct):
    codes: list[str] | None
    separator: str | UnsetType = UNSET


class FlowsheetsJson(Struct):
    icode: bool


class NotesJson(Struct):
    include_gmi: bool = field(name="includeGMI")


class EhrSettingsJson(Struct, rename="camel"):
    enabled: bool
    source_id: str
    procedure_codes: ProcedureCodesJson
    mrn_id_type: str
    provider: str
    scheduled_reports: ScheduledReportsJson
    tags: EhrTagsJson
    flowsheets: FlowsheetsJson
    destination_ids: DestinationsJson | UnsetType = UNSET
    notes: NotesJson | UnsetType = UNSET


def ehr_settings_json(settings: EhrSettings) -> EhrSettingsJson:
    codes, reports = settings.procedure_codes, settings.scheduled_reports
    destinations, tags = settings.destination_ids, settings.tags
    return EhrSettingsJson(
        enabled=settings.enabled,
        source_id=settings.source_id,
        procedure_codes=ProcedureCodesJson(
            given(codes.enable_summary_reports),
            given(codes.disable_summary_reports),
            given(codes.create_account),
            given(codes.create_account_and_enable_reports),
        ),
        mrn_id_type=settings.mrn_id_type or DEFAULT_MRN_ID_TYPE,
        provider=settings.provider,
        scheduled_reports=ScheduledReportsJson(
            reports.on_upload_enabled,
            reports.cadence or DEFAULT_CADENCE,
            given(reports.on_upload_note_event_type),
        ),
        tags=EhrTagsJson(None if tags.codes is None else list(tags.codes), given(tags.separator)),
        flowsheets=FlowsheetsJson(settings.icode_flowsheets),
        destination_ids=UNSET
        if destinations is None
        else DestinationsJson(destinations.flowsheet, destinations.results, destinations.notes),
        notes=NotesJson(include_gmi=True) if settings.include_gmi_in_notes else UNSET,
    )


# Patient counts and their limits


class LimitBody(Struct, rename="camel"):
    plan: Count
    start_date: DateTimeText | UnsetType = UNSET
    end_date: DateTimeText | UnsetType = UNSET

    def limit(self) -> PatientCountLimit:
        return PatientCountLimit(self.plan, moment_of(self.start_date), moment_of(self.end_date))


class PatientCountSettingsBody(Struct, rename="camel"):
    hard_limit: LimitBody | UnsetType = UNSET
    soft_limit: LimitBody | UnsetType = UNSET

    def settings(self) -> PatientCountSettings:
        return PatientCountSettings(_limit(self.hard_limit), _limit(self.soft_limit))


def _limit(body: LimitBody | UnsetType) -> PatientCountLimit | None:
    return body.limit() if isinstance(body, LimitBody) else None


class LimitJson(Struct, rename="camel"):
    plan: int
    start_date: DateTime | UnsetType = UNSET
    end_date: DateTime | UnsetType = UNSET


class PatientCountSettingsJson(Struct, rename="camel"):
    hard_limit: LimitJson | UnsetType = UNSET
    soft_limit: LimitJson | UnsetType = UNSET


def patient_count_settings_json(settings: PatientCountSettings) -> PatientCountSettingsJson:
    return PatientCountSettingsJson(
        _limit_json(settings.hard_limit), _limit_json(settings.soft_limit)
    )


def _limit_json(limit: PatientCountLimit | None) -> LimitJson | UnsetType:
    if limit is None:
        return UNSET
    return LimitJson(
        limit.plan, rfc3339_or_unset(limit.start_date), rfc3339_or_unset(limit.end_date)
    )


class ProviderCountJson(Struct):
    total: Annotated[int, Meta(ge=0)]
    states: Mapping[str, int]


class PatientCountJson(Struct):
    total: Annotated[int, Meta(ge=0)]
    demo: Annotated[int, Meta(ge=0)]
    plan: Annotated[int, Meta(ge=0)]
    providers: Mapping[str, ProviderCountJson] | UnsetType = UNSET


def patient_count_json(count: PatientCount) -> PatientCountJson:
    providers = {
        name: ProviderCountJson(each.total, dict(sorted(each.states.items())))
        for name, each in sorted(count.providers.items())
    }
    return PatientCountJson(count.total, count.demo, count.plan, providers or UNSET)
