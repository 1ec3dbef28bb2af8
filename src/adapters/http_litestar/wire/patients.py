"""Patients."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http_litestar.wire.clinics import ClinicJson, SiteBody, clinic_json
from adapters.http_litestar.wire.fields import (
    UNIQUE,
    Anything,
    DateText,
    DateTime,
    DateTimeText,
    Filled,
    FilledKeyText,
    Flag,
    KeyText,
    ObjectIdText,
    UserIdText,
    given,
    known,
    moment_of,
    refuse_repeated,
    rfc3339,
    rfc3339_or_unset,
    single,
    text_of,
)
from adapters.http_litestar.wire.summaries import SummaryJson, summary_json
from clinic_domain.clinics.model import BgUnits
from clinic_domain.patients.model import (
    ConnectionRequest,
    CustomRanges,
    DataSource,
    DataSourceState,
    GlycemicRanges,
    JoiningDetails,
    Patient,
    PatientDetails,
    PatientInClinic,
    Permission,
    Permissions,
    Provider,
    RangesPreset,
    RangesType,
    Review,
    Threshold,
)
from clinic_domain.values import SiteId, TagId, UserId

_LARGEST_SINGLE: Final = 3.4028234663852886e38
NO_DATE: Final = "0001-01-01"

DiagnosisType = Literal[
    "type1",
    "type2",
    "type3c",
    "gestational",
    "prediabetes",
    "lada",
    "mody",
    "other",
    "notApplicable",
    "",
]
_SHOWN_DIAGNOSES: Final = frozenset(DiagnosisType.__args__) - {""}  # type: ignore[attr-defined]  # a Literal has its values there
_PRESETS: Final = frozenset(RangesPreset)
_UNITS: Final = frozenset(BgUnits)
_PROVIDERS: Final = sorted(Provider)


# Requests


class PermissionsBody(Struct):
    custodian: Anything | UnsetType = UNSET
    view: Anything | UnsetType = UNSET
    note: Anything | UnsetType = UNSET
    upload: Anything | UnsetType = UNSET

    def permissions(self) -> Permissions:
        return frozenset(each for each in Permission if getattr(self, each) is not UNSET)


class UpperBoundBody(Struct):
    value: Annotated[float, Meta(ge=-_LARGEST_SINGLE, le=_LARGEST_SINGLE)]
    units: BgUnits


class ThresholdBody(Struct, rename="camel"):
    name: Filled
    upper_bound: UpperBoundBody
    inclusive: bool | None = False


class CustomRangesBody(Struct):
    name: Filled
    thresholds: list[ThresholdBody]


class GlycemicRangesBody(Struct):
    """Ranges; what is left out is the standard (PAT-GLY-2)."""

    type: RangesType | None = RangesType.PRESET
    preset: RangesPreset | None = RangesPreset.ADA_STANDARD
    custom: CustomRangesBody | UnsetType = UNSET

    def ranges(self) -> GlycemicRanges:
        if self.type is not RangesType.CUSTOM:
            return GlycemicRanges(
                RangesType.PRESET, preset=self.preset or RangesPreset.ADA_STANDARD
            )
        custom = known(self.custom)
        return GlycemicRanges(
            RangesType.CUSTOM,
            custom=None
            if custom is None
            else CustomRanges(
                custom.name,
                tuple(
                    Threshold(
                        name=each.name,
                        value=each.upper_bound.value,
                        units=each.upper_bound.units,
                        inclusive=bool(each.inclusive),
                    )
                    for each in custom.thresholds
                ),
            ),
        )


class DataSourceBody(Struct, rename="camel"):
    state: DataSourceState
    provider_name: Annotated[str, Meta(min_length=1, max_length=100)]
    data_source_id: ObjectIdText | UnsetType = UNSET
    modified_time: DateTimeText | UnsetType = UNSET
    expiration_time: DateTimeText | UnsetType = UNSET
    latest_data_time: DateTimeText | UnsetType = UNSET

    def data_source(self) -> DataSource:
        return DataSource(
            provider_name=self.provider_name,
            state=self.state,
            data_source_id=text_of(self.data_source_id),
            modified_time=moment_of(self.modified_time),
            expiration_time=moment_of(self.expiration_time),
            latest_data_time=moment_of(self.latest_data_time),
        )


class ReviewBody(Struct, rename="camel"):
    clinician_id: str
    time: DateTimeText


class ConnectionRequestBody(Struct, rename="camel"):
    created_time: DateTimeText
    provider_name: Provider


class ConnectionRequestsBody(Struct):
    twiist: list[ConnectionRequestBody]
    dexcom: list[ConnectionRequestBody]
    abbott: list[ConnectionRequestBody]


class PatientBody(Struct, rename="camel"):
    """A patient as a clinic describes him; what it does not decide is checked and left out."""

    full_name: FilledKeyText
    birth_date: DateText
    email: KeyText | UnsetType = UNSET
    mrn: FilledKeyText | UnsetType = UNSET
    target_devices: list[str] | UnsetType = UNSET
    tags: Annotated[list[ObjectIdText], Meta(extra_json_schema=UNIQUE)] | None = None
    sites: list[SiteBody] | UnsetType = UNSET
    data_sources: list[DataSourceBody] | None = None
    glycemic_ranges: GlycemicRangesBody | UnsetType = UNSET
    diagnosis_type: DiagnosisType | UnsetType = UNSET

    id: UserIdText | UnsetType = UNSET
    permissions: PermissionsBody | UnsetType = UNSET
    created_time: DateTimeText | UnsetType = UNSET
    updated_time: DateTimeText | UnsetType = UNSET
    attestation_submitted: Flag = UNSET
    last_upload_reminder_time: DateTimeText | UnsetType = UNSET
    summary: Anything | UnsetType = UNSET
    reviews: list[ReviewBody] | None = None
    connection_requests: ConnectionRequestsBody | UnsetType = UNSET

    def __post_init__(self) -> None:
        refuse_repeated("tags", self.tags or ())

    def details(self) -> PatientDetails:
        devices = known(self.target_devices)
        return PatientDetails(
            full_name=str(self.full_name),
            birth_date=str(self.birth_date),
            email=text_of(self.email),
            mrn=text_of(self.mrn),
            target_devices=None if devices is None else tuple(devices),
            tags=tag_ids_of(self.tags),
            site_ids=site_ids_of(self.sites),
            data_sources=None
            if self.data_sources is None
            else tuple(each.data_source() for each in self.data_sources),
            glycemic_ranges=ranges_of(self.glycemic_ranges),
            diagnosis_type=known(self.diagnosis_type),
        )


class JoiningPatientBody(Struct, rename="camel"):
    """What is said of a user who joins a clinic; nothing of it is needed."""

    permissions: PermissionsBody | UnsetType = UNSET
    is_migrated: Flag = UNSET
    legacy_clinician_id: UserIdText | UnsetType = UNSET
    attestation_submitted: Flag = UNSET
    full_name: FilledKeyText | UnsetType = UNSET
    birth_date: DateText | UnsetType = UNSET
    mrn: FilledKeyText | UnsetType = UNSET
    tags: Annotated[list[ObjectIdText], Meta(extra_json_schema=UNIQUE)] | None = None
    sites: list[SiteBody] | UnsetType = UNSET
    glycemic_ranges: GlycemicRangesBody | UnsetType = UNSET
    diagnosis_type: DiagnosisType | UnsetType = UNSET

    def __post_init__(self) -> None:
        refuse_repeated("tags", self.tags or ())

    def details(self) -> JoiningDetails:
        permissions, legacy = known(self.permissions), text_of(self.legacy_clinician_id)
        return JoiningDetails(
            permissions=None if permissions is None else permissions.permissions(),
            is_migrated=self.is_migrated is True,
            legacy_clinician_id=None if legacy is None else UserId(legacy),
            full_name=text_of(self.full_name),
            birth_date=text_of(self.birth_date),
            mrn=text_of(self.mrn),
            tags=tag_ids_of(self.tags),
            site_ids=site_ids_of(self.sites),
            glycemic_ranges=ranges_of(self.glycemic_ranges),
            diagnosis_type=known(self.diagnosis_type),
        )


MAX_USER_IDS: Final = 1000


def user_ids(body: list[UserIdText] | None) -> tuple[UserId, ...] | None:
    """
    Return the users that a bulk change is about, or None for all (PAT-TAG-3).

    Raises:
        ValueError: there are none, too many, or one of them twice.
    """
    if body is None:
        return None
    if not 1 <= len(body) <= MAX_USER_IDS:
        raise ValueError(f"Expected an array of 1 to {MAX_USER_IDS} items")
    if len(set(body)) < len(body):
        raise ValueError("Expected unique items")
    return tuple(UserId(str(each)) for each in body)


def ranges_of(body: GlycemicRangesBody | UnsetType) -> GlycemicRanges | None:
    return body.ranges() if isinstance(body, GlycemicRangesBody) else None


def tag_ids_of(tags: list[ObjectIdText] | None) -> tuple[TagId, ...] | None:
    return None if tags is None else tuple(TagId(str(each)) for each in tags)


def site_ids_of(sites: list[SiteBody] | UnsetType) -> tuple[SiteId, ...] | None:
    found = known(sites)
    return None if found is None else tuple(SiteId(str(each.id)) for each in found)


# Answers


class PermissionsJson(Struct):
    custodian: Anything | UnsetType = UNSET
    note: Anything | UnsetType = UNSET
    upload: Anything | UnsetType = UNSET
    view: Anything | UnsetType = UNSET


class UpperBoundJson(Struct):
    value: float | int
    units: str


class ThresholdJson(Struct, rename="camel"):
    name: str
    upper_bound: UpperBoundJson
    inclusive: bool | UnsetType = UNSET


class CustomRangesJson(Struct):
    name: str
    thresholds: list[ThresholdJson]


class GlycemicRangesJson(Struct):
    type: str
    preset: str | UnsetType = UNSET
    custom: CustomRangesJson | UnsetType = UNSET


class DataSourceJson(Struct, rename="camel"):
    state: str
    provider_name: str
    data_source_id: str | UnsetType = UNSET
    modified_time: DateTime | UnsetType = UNSET
    expiration_time: DateTime | UnsetType = UNSET
    latest_data_time: DateTime | UnsetType = UNSET


class ReviewJson(Struct, rename="camel"):
    clinician_id: str
    time: DateTime


class ConnectionRequestJson(Struct, rename="camel"):
    created_time: DateTime
    provider_name: str


class ConnectionRequestsJson(Struct):
    abbott: list[ConnectionRequestJson]
    dexcom: list[ConnectionRequestJson]
    twiist: list[ConnectionRequestJson]


class PatientSiteJson(Struct):
    id: str
    name: str


class PatientJson(Struct, rename="camel"):
    id: str
    full_name: str
    birth_date: str
    created_time: DateTime
    updated_time: DateTime
    connection_requests: ConnectionRequestsJson
    tags: list[str] | None
    data_sources: list[DataSourceJson] | None
    reviews: list[ReviewJson]
    sites: list[PatientSiteJson]
    email: str | UnsetType = UNSET
    mrn: str | UnsetType = UNSET
    target_devices: list[str] | UnsetType = UNSET
    permissions: PermissionsJson | UnsetType = UNSET
    last_upload_reminder_time: DateTime | UnsetType = UNSET
    glycemic_ranges: GlycemicRangesJson | UnsetType = UNSET
    diagnosis_type: str | UnsetType = UNSET
    summary: SummaryJson | UnsetType = UNSET


class PatientInClinicJson(Struct):
    patient: PatientJson
    clinic: ClinicJson


class MetaJson(Struct, rename="camel"):
    count: int
    total_count: int


class PatientsJson(Struct):
    data: list[PatientJson]
    meta: MetaJson


def patient_json(patient: Patient) -> PatientJson:
    requests = patient.connection_requests or {}
    shows_diagnosis = patient.diagnosis_type in _SHOWN_DIAGNOSES
    return PatientJson(
        id=patient.user_id,
        full_name=patient.full_name or "",
        birth_date=_shown_date(patient.birth_date),
        created_time=rfc3339(patient.created_time),
        updated_time=rfc3339(patient.updated_time),
        connection_requests=ConnectionRequestsJson(
            *(_requests_json(requests.get(provider, ())) for provider in _PROVIDERS)
        ),
        tags=list(patient.tags) if patient.tags else None,
        data_sources=data_sources_json(patient.data_sources),
        reviews=reviews_json(patient.reviews or ()),
        sites=[PatientSiteJson(site.id, site.name) for site in patient.sites or ()],
        email=given(patient.email),
        mrn=given(patient.mrn),
        target_devices=UNSET if patient.target_devices is None else list(patient.target_devices),
        permissions=UNSET if patient.permissions is None else permissions_json(patient.permissions),
        last_upload_reminder_time=rfc3339_or_unset(patient.last_upload_reminder_time),
        glycemic_ranges=_ranges_json(patient.glycemic_ranges),
        diagnosis_type=given(patient.diagnosis_type) if shows_diagnosis else UNSET,
        summary=summary_json(patient.summary),
    )


def _shown_date(text: str | None) -> str:
    """Return a stored birth date, or the first day of all where it is none (PAT-DTO-2)."""
    try:
        return str(DateText.read(text))
    except ValueError:
        return NO_DATE


def _requests_json(requests: tuple[ConnectionRequest, ...]) -> list[ConnectionRequestJson]:
    return [
        ConnectionRequestJson(rfc3339(each.created_time), each.provider_name) for each in requests
    ]


def data_sources_json(sources: tuple[DataSource, ...] | None) -> list[DataSourceJson] | None:
    return None if sources is None else [_data_source_json(each) for each in sources]


def _data_source_json(source: DataSource) -> DataSourceJson:
    return DataSourceJson(
        source.state,
        source.provider_name,
        given(source.data_source_id),
        rfc3339_or_unset(source.modified_time),
        rfc3339_or_unset(source.expiration_time),
        rfc3339_or_unset(source.latest_data_time),
    )


def _ranges_json(ranges: GlycemicRanges | None) -> GlycemicRangesJson | UnsetType:
    """Return the ranges, or nothing where the stored ones say nothing that is known (PAT-DTO-3)."""
    if ranges is None:
        return UNSET
    if ranges.type == RangesType.PRESET and ranges.preset in _PRESETS:
        return GlycemicRangesJson(ranges.type, preset=ranges.preset or UNSET)
    custom = ranges.custom or CustomRanges("", ())
    if ranges.type != RangesType.CUSTOM or any(x.units not in _UNITS for x in custom.thresholds):
        return UNSET
    thresholds = [
        ThresholdJson(
            each.name,
            UpperBoundJson(single(each.value), each.units),
            True if each.inclusive else UNSET,
        )
        for each in custom.thresholds
    ]
    return GlycemicRangesJson(ranges.type, custom=CustomRangesJson(custom.name, thresholds))


def permissions_json(permissions: Permissions) -> PermissionsJson:
    granted: dict[str, Anything] = {str(permission): {} for permission in permissions}
    return PermissionsJson(**granted)


def reviews_json(reviews: tuple[Review, ...]) -> list[ReviewJson]:
    return [ReviewJson(each.clinician_id, rfc3339(each.time)) for each in reviews]


def patient_in_clinic_json(found: PatientInClinic) -> PatientInClinicJson:
    return PatientInClinicJson(patient_json(found.patient), clinic_json(found.clinic))
