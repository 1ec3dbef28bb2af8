"""The clinic aggregate: what a clinic is, has and has set."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import attrs

from clinic_domain.errors import BadRequest
from clinic_domain.values import EVERYTHING, ClinicId, Page, SiteId, TagId, UserId

_SHARE_CODE: Final = re.compile("-".join(3 * ["[A-HJ-NP-Z2-9]{4}"]))


@attrs.frozen
class ShareCode:
    """What a patient types to find a clinic; no letter passes for a digit (SHARE-1)."""

    value: str = attrs.field()

    @value.validator
    def _is_three_groups_of_four(self, _attribute: object, value: str) -> None:
        if not _SHARE_CODE.fullmatch(value):
            raise InvalidShareCode(value)

    def __str__(self) -> str:
        """Return the code as it is typed."""
        return self.value


class InvalidShareCode(BadRequest):
    """The text is no share code."""

    message = "bad request: a share code is three groups of four letters or digits"


class ClinicType(StrEnum):
    """What kind of institution a clinic is."""

    PROVIDER_PRACTICE = "provider_practice"
    HEALTHCARE_SYSTEM = "healthcare_system"
    VETERINARY_CLINIC = "veterinary_clinic"
    OTHER = "other"
    RESEARCHER = "researcher"


class ClinicSize(StrEnum):
    """How many patients a clinic says it has."""

    UP_TO_249 = "0-249"
    UP_TO_499 = "250-499"
    UP_TO_999 = "500-999"
    FROM_1000 = "1000+"


class BgUnits(StrEnum):
    """Units of blood glucose."""

    MG_DL = "mg/dL"
    MMOL_L = "mmol/L"


@attrs.frozen
class PhoneNumber:
    """A number and what it is for."""

    number: str
    type: str | None = None


@attrs.frozen
class ClinicDetails:
    """
    What a clinic tells about itself; None is "never said".

    Stored texts of other systems may hold values outside of the enumerations, so these fields are
    plain text here; what comes in through an API is checked there.
    """

    name: str | None = None
    preferred_bg_units: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    website: str | None = None
    clinic_type: str | None = None
    clinic_size: str | None = None
    phone_numbers: tuple[PhoneNumber, ...] | None = None
    timezone: str | None = None


@attrs.frozen
class Tag:
    """A label of a clinic's patients; patients hold its id."""

    id: TagId
    name: str


@attrs.frozen
class Site:
    """A location of a clinic; patients hold id and name."""

    id: SiteId
    name: str


@attrs.frozen
class SuppressedNotifications:
    """Which mails the clinic does not want."""

    patient_clinic_invitation: bool | None = None


@attrs.frozen
class MembershipRestriction:
    """Who may join: addresses of a domain, perhaps signed in at a given identity provider."""

    email_domain: str
    required_idp: str = ""


@attrs.frozen
class MrnSettings:
    """What the clinic demands of medical record numbers (MRN-1)."""

    required: bool
    unique: bool


@attrs.frozen
class PatientCountLimit:
    """A number of patients, perhaps for a time only."""

    plan: int
    start_date: datetime | None = None
    end_date: datetime | None = None


@attrs.frozen
class PatientCountSettings:
    """The hard limit stops custodial creations, the soft one only informs (PCL-5)."""

    hard_limit: PatientCountLimit | None = None
    soft_limit: PatientCountLimit | None = None


@attrs.frozen
class ProviderCount:
    """Data sources of one provider, by state."""

    total: int
    states: Mapping[str, int]


@attrs.frozen
class PatientCount:
    """How many patients a clinic has, as last counted (PC-2)."""

    total: int = 0
    demo: int = 0
    plan: int = 0
    providers: Mapping[str, ProviderCount] = attrs.field(factory=dict)


@attrs.frozen
class EhrDestinations:
    """Where the partner wants messages of each model."""

    flowsheet: str
    notes: str
    results: str


@attrs.frozen
class EhrProcedureCodes:
    """Codes of orders, by what they ask for."""

    enable_summary_reports: str | None = None
    disable_summary_reports: str | None = None
    create_account: str | None = None
    create_account_and_enable_reports: str | None = None


@attrs.frozen
class ScheduledReports:
    """When reports go to the partner."""

    cadence: str
    on_upload_enabled: bool
    on_upload_note_event_type: str | None = None


@attrs.frozen
class EhrTags:
    """How tags are read from orders."""

    codes: tuple[str, ...] | None = None
    separator: str | None = None


@attrs.frozen
class EhrSettings:
    """How the clinic is connected to its electronic health record."""

    enabled: bool
    provider: str
    source_id: str
    mrn_id_type: str
    procedure_codes: EhrProcedureCodes
    scheduled_reports: ScheduledReports
    destination_ids: EhrDestinations | None = None
    tags: EhrTags = EhrTags()
    icode_flowsheets: bool = False
    include_gmi_in_notes: bool = False


@attrs.frozen
class Clinic:
    """
    A clinic as it is kept.

    `tags=None` says that it never had a tag. `admins` mirrors the members with the role
    CLINIC_ADMIN (CLINICIAN-6).
    """

    id: ClinicId
    share_code: ShareCode
    created_time: datetime
    updated_time: datetime
    details: ClinicDetails = ClinicDetails()
    share_codes: tuple[ShareCode, ...] = attrs.field(
        default=attrs.Factory(lambda self: (self.share_code,), takes_self=True)
    )
    admins: tuple[UserId, ...] = ()
    is_migrated: bool = False
    tier: str | None = None
    tags: tuple[Tag, ...] | None = None
    sites: tuple[Site, ...] = ()
    last_deleted_tag: TagId | None = None
    suppressed_notifications: SuppressedNotifications | None = None
    membership_restrictions: tuple[MembershipRestriction, ...] = ()
    mrn_settings: MrnSettings | None = None
    ehr_settings: EhrSettings | None = None
    patient_count_settings: PatientCountSettings | None = None
    patient_count: PatientCount | None = None

    def tag(self, tag_id: TagId) -> Tag | None:
        """Return the tag with this id, if the clinic has it."""
        return next((tag for tag in self.tags or () if tag.id == tag_id), None)

    def site(self, site_id: SiteId) -> Site | None:
        """Return the site with this id, if the clinic has it."""
        return next((site for site in self.sites if site.id == site_id), None)


@attrs.frozen
class ClinicView:
    """
    A clinic as it is shown.

    With the number of patients that each tag and site has right now (CLINIC-1).
    """

    clinic: Clinic
    # A tag or site without a number has no patients.
    tag_patients: Mapping[TagId, int]
    site_patients: Mapping[SiteId, int]


@attrs.frozen
class CountedSite:
    """A site and the number of its patients."""

    site: Site
    patients: int = 0


@attrs.frozen
class ClinicQuery:
    """
    Which clinics to list.

    Conditions that are given must all hold, the order is that of ids (LIST-1).
    """

    ids: tuple[ClinicId, ...] | None = None
    share_code: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    ehr_enabled: bool | None = None
    ehr_source_id: str | None = None
    ehr_provider: str | None = None
    page: Page = EVERYTHING
