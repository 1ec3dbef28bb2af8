"""The patient record of a clinic: one user in one clinic."""

import struct
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import attrs

from clinic_domain.clinics.model import ClinicView, ProviderCount
from clinic_domain.errors import BadRequest
from clinic_domain.patients.summaries import Summary
from clinic_domain.values import ClinicId, Page, RecordId, SiteId, TagId, UserId

MAX_REVIEWS: Final = 2
REPORTS: Final = "summaryAndReports"
"""The subscription by which reports are sent to the health record."""


class Permission(StrEnum):
    """What a patient, or nobody (CUSTODIAN), lets the clinic do."""

    CUSTODIAN = "custodian"
    VIEW = "view"
    UPLOAD = "upload"
    NOTE = "note"


Permissions = frozenset[Permission]
ALL_PERMISSIONS: Final[Permissions] = frozenset(Permission)


class DataSourceState(StrEnum):
    """How a data source is connected; stored states of other systems may be any text."""

    PENDING = "pending"
    PENDING_RECONNECT = "pendingReconnect"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ERROR = "error"


class Provider(StrEnum):
    """Third parties whose data a patient can be asked to connect."""

    DEXCOM = "dexcom"
    TWIIST = "twiist"
    ABBOTT = "abbott"


@attrs.frozen
class DataSource:
    """
    Where data of a patient come from.

    `modified_time` says that it was connected before (PAT-CONN-3).
    """

    provider_name: str
    state: str
    data_source_id: str | None = None
    modified_time: datetime | None = None
    expiration_time: datetime | None = None
    latest_data_time: datetime | None = None


@attrs.frozen
class Review:
    """Who looked at the patient's data, and when."""

    clinician_id: UserId
    time: datetime


@attrs.frozen
class ConnectionRequest:
    """A mail that asked the patient to connect a provider."""

    provider_name: str
    created_time: datetime


class ThresholdOutOfRange(BadRequest):
    """The end of a glycemic range is beyond single precision."""

    message = "bad request: the value of a threshold is out of range"


def _single_precision(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        raise ThresholdOutOfRange(value) from None


@attrs.frozen
class Threshold:
    """
    The upper end of a glycemic range.

    The value has single precision (section 2.2 of the patients chapter).
    """

    name: str
    value: float = attrs.field(converter=_single_precision)
    units: str
    inclusive: bool = False


@attrs.frozen
class CustomRanges:
    """Glycemic ranges of a patient's own."""

    name: str
    thresholds: tuple[Threshold, ...]


class RangesType(StrEnum):
    """Whether glycemic ranges are a named standard or a patient's own."""

    PRESET = "preset"
    CUSTOM = "custom"


class RangesPreset(StrEnum):
    """Standards of the American Diabetes Association."""

    ADA_STANDARD = "adaStandard"
    ADA_PREGNANCY_TYPE_1 = "adaPregnancyType1"
    ADA_PREGNANCY_TYPE_2 = "adaPregnancyType2"
    ADA_HIGH_RISK = "adaHighRisk"


@attrs.frozen
class GlycemicRanges:
    """Which glycemic ranges apply; only the member that `type` selects is kept (PAT-GLY-3)."""

    type: str
    preset: str | None = None
    custom: CustomRanges | None = None


@attrs.frozen
class PatientSite:
    """A site that a patient belongs to, under its current name."""

    id: SiteId
    name: str


@attrs.frozen
class MatchedMessage:
    """An EHR message that concerned a subscription."""

    id: str
    data_model: str
    event_type: str


@attrs.frozen
class EhrSubscription:
    """A standing order for reports."""

    active: bool
    provider: str
    created_at: datetime
    updated_at: datetime
    matched_messages: tuple[MatchedMessage, ...] = ()


@attrs.frozen
class Patient:
    """
    A patient as the clinic keeps it. None is "never set"; an empty tuple was set and is empty.

    `birth_date` is text: what comes through the API is a calendar date, what a profile holds is
    kept as it is.
    """

    id: RecordId
    clinic_id: ClinicId
    user_id: UserId
    created_time: datetime
    updated_time: datetime
    full_name: str | None = None
    birth_date: str | None = None
    email: str | None = None
    mrn: str | None = None
    target_devices: tuple[str, ...] | None = None
    tags: tuple[TagId, ...] | None = None
    sites: tuple[PatientSite, ...] | None = None
    data_sources: tuple[DataSource, ...] | None = None
    permissions: Permissions | None = None
    is_migrated: bool = False
    legacy_clinician_ids: tuple[UserId, ...] = ()
    invited_by: UserId | None = None
    require_unique_mrn: bool = False
    reviews: tuple[Review, ...] | None = None
    last_upload_reminder_time: datetime | None = None
    connection_requests: Mapping[str, tuple[ConnectionRequest, ...]] | None = None
    ehr_subscriptions: Mapping[str, EhrSubscription] | None = None
    glycemic_ranges: GlycemicRanges | None = None
    diagnosis_type: str | None = None
    summary: Summary | None = None

    @property
    def is_custodial(self) -> bool:
        """Whether the clinic holds the account for the patient."""
        return Permission.CUSTODIAN in (self.permissions or ())


@attrs.frozen
class PatientDetails:
    """
    What a clinic writes about a patient.

    None in the second half leaves what is stored (PAT-DOC-2).
    """

    full_name: str | None
    birth_date: str | None
    email: str | None = None
    mrn: str | None = None
    target_devices: tuple[str, ...] | None = None

    tags: tuple[TagId, ...] | None = None
    site_ids: tuple[SiteId, ...] | None = None
    data_sources: tuple[DataSource, ...] | None = None
    glycemic_ranges: GlycemicRanges | None = None
    diagnosis_type: str | None = None


@attrs.frozen
class JoiningDetails:
    """
    What is said of an existing user who joins a clinic.

    Empty values come from the profile (PAT-USR-4).
    """

    permissions: Permissions | None = None
    is_migrated: bool = False
    legacy_clinician_id: UserId | None = None
    full_name: str | None = None
    birth_date: str | None = None
    mrn: str | None = None
    tags: tuple[TagId, ...] | None = None
    site_ids: tuple[SiteId, ...] | None = None
    glycemic_ranges: GlycemicRanges | None = None
    diagnosis_type: str | None = None


@attrs.frozen
class Tally:
    """
    What a storage keeps count of over all patients of a clinic, the demo patient included.

    `outside_plan` counts patients with any data source of a provider whose patients no plan counts
    (PC-2).
    """

    total: int = 0
    outside_plan: int = 0
    providers: Mapping[str, ProviderCount] = attrs.field(factory=dict)


@attrs.frozen
class PatientSearch:
    """
    Which patients of several clinics to find, by name ignoring case and accents, then by id.

    MRN, birth date and full name are equal ignoring case and accents (PAT-FIND-4).
    """

    clinic_ids: tuple[ClinicId, ...]
    mrn: str | None = None
    birth_date: str | None = None
    page: Page = Page()
    full_name: str | None = None


@attrs.frozen
class PatientWalk:
    """
    Some patients of a few clinics after others, by id: page by page through all who match.

    Conditions that are set must all hold.
    """

    clinic_ids: tuple[ClinicId, ...]
    behind: RecordId | None = None
    limit: int = 100
    user_id: UserId | None = None
    has_reports: bool = False
    """Reports of the patient are sent to the health record."""
    lacks_email: bool = False
    """The clinic holds the account, which has no address."""


@attrs.frozen
class EhrPatientQuery:
    """Which patients of a clinic to list by MRN, code point by code point, then by id."""

    clinic_id: ClinicId
    user_id: UserId | None = None
    has_subscription: bool | None = None
    """The patient has any subscription, in force or not."""
    has_mrn: bool | None = None
    page: Page = Page()


@attrs.frozen
class PatientInClinic:
    """A patient record together with its clinic."""

    patient: Patient
    clinic: ClinicView
