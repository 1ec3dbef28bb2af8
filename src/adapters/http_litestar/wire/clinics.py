"""Clinics, their tags and their sites."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http_litestar.wire.fields import (
    UNIQUE,
    DateTime,
    DateTimeText,
    Filled,
    Flag,
    ObjectIdText,
    ShareCodeText,
    SiteNameText,
    TagNameText,
    Whole,
    given,
    known,
    refuse_repeated,
    rfc3339,
    text_of,
)
from adapters.http_litestar.wire.timezones import Timezone
from clinic_domain.clinics.model import (
    BgUnits,
    Clinic,
    ClinicDetails,
    ClinicSize,
    ClinicType,
    ClinicView,
    CountedSite,
    PhoneNumber,
    Site,
    SuppressedNotifications,
    Tag,
)
from clinic_domain.clinics.rules import can_migrate
from clinic_domain.clinics.tiers import description_of, tier_of

# Requests


class PhoneNumberBody(Struct, frozen=True):
    number: Filled
    type: Filled | UnsetType = UNSET


class SuppressedNotificationsBody(Struct, rename="camel", forbid_unknown_fields=True):
    patient_clinic_invitation: Flag = UNSET


class TagBody(Struct, rename="camel"):
    """A tag; only its name is taken."""

    name: TagNameText
    id: ObjectIdText | UnsetType = UNSET
    num_patients: Whole | UnsetType = UNSET


class SiteBody(Struct, rename="camel"):
    """A site inside another object; its id says which, the name is the clinic's."""

    id: ObjectIdText
    name: SiteNameText
    num_patients: Whole | UnsetType = UNSET


class NewSiteBody(Struct):
    name: SiteNameText


class RenamedSiteBody(Struct, rename="camel"):
    """A site under its new name; the path says which."""

    name: SiteNameText
    id: ObjectIdText | UnsetType = UNSET
    num_patients: Whole | UnsetType = UNSET


class SiteByIdBody(Struct):
    id: ObjectIdText


class ClinicBody(Struct, rename="camel"):
    """A clinic as it describes itself; what it does not decide is checked and left out."""

    name: str
    preferred_bg_units: BgUnits
    address: Filled | UnsetType = UNSET
    city: Filled | UnsetType = UNSET
    postal_code: Filled | UnsetType = UNSET
    state: Filled | UnsetType = UNSET
    country: Filled | UnsetType = UNSET
    website: str | UnsetType = UNSET
    clinic_type: ClinicType | UnsetType = UNSET
    clinic_size: ClinicSize | UnsetType = UNSET
    phone_numbers: (
        Annotated[list[PhoneNumberBody], Meta(min_length=1, extra_json_schema=UNIQUE)] | UnsetType
    ) = UNSET
    timezone: Timezone | UnsetType = UNSET

    id: ObjectIdText | UnsetType = UNSET
    share_code: ShareCodeText | UnsetType = UNSET
    can_migrate: Flag = UNSET
    created_time: DateTimeText | UnsetType = UNSET
    updated_time: DateTimeText | UnsetType = UNSET
    tier: Filled | UnsetType = UNSET
    tier_description: Filled | UnsetType = UNSET
    patient_tags: list[TagBody] | UnsetType = UNSET
    sites: list[SiteBody] | UnsetType = UNSET
    last_deleted_patient_tag: TagBody | UnsetType = UNSET
    suppressed_notifications: SuppressedNotificationsBody | UnsetType = UNSET

    def __post_init__(self) -> None:
        refuse_repeated("phoneNumbers", known(self.phone_numbers) or ())

    def details(self) -> ClinicDetails:
        numbers = known(self.phone_numbers)
        return ClinicDetails(
            name=self.name,
            preferred_bg_units=self.preferred_bg_units,
            address=known(self.address),
            city=known(self.city),
            state=known(self.state),
            postal_code=known(self.postal_code),
            country=known(self.country),
            website=known(self.website),
            clinic_type=known(self.clinic_type),
            clinic_size=known(self.clinic_size),
            phone_numbers=None
            if numbers is None
            else tuple(PhoneNumber(each.number, known(each.type)) for each in numbers),
            timezone=text_of(self.timezone),
        )


def suppressed_notifications(body: SuppressedNotificationsBody) -> SuppressedNotifications:
    return SuppressedNotifications(known(body.patient_clinic_invitation))


# Answers


class PhoneNumberJson(Struct):
    number: str
    type: str | UnsetType = UNSET


class SuppressedNotificationsJson(Struct, rename="camel"):
    patient_clinic_invitation: Flag = UNSET


class TagJson(Struct, rename="camel"):
    id: str
    name: str
    num_patients: int | UnsetType = UNSET


class ClinicSiteJson(Struct, rename="camel"):
    """A site inside its clinic."""

    id: str
    name: str
    num_patients: int | UnsetType = UNSET


class SiteJson(Struct):
    """A site by itself: here the number of its patients has another name (SITE-6)."""

    id: str
    name: str
    patients: int | UnsetType = UNSET


class ClinicJson(Struct, rename="camel"):
    id: str
    name: str
    share_code: str
    can_migrate: bool
    created_time: DateTime
    updated_time: DateTime
    tier: str
    tier_description: str
    preferred_bg_units: str
    address: str | UnsetType = UNSET
    city: str | UnsetType = UNSET
    postal_code: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    website: str | UnsetType = UNSET
    clinic_type: str | UnsetType = UNSET
    clinic_size: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    phone_numbers: list[PhoneNumberJson] | UnsetType = UNSET
    patient_tags: list[TagJson] | UnsetType = UNSET
    sites: list[ClinicSiteJson] | UnsetType = UNSET
    last_deleted_patient_tag: TagJson | UnsetType = UNSET
    """Declared, and never there."""
    suppressed_notifications: SuppressedNotificationsJson | UnsetType = UNSET


def clinic_json(view: ClinicView) -> ClinicJson:
    clinic, details = view.clinic, view.clinic.details
    tier = tier_of(clinic)
    return ClinicJson(
        id=clinic.id,
        name=details.name or "",
        share_code=clinic.share_code.value,
        can_migrate=can_migrate(clinic),
        created_time=rfc3339(clinic.created_time),
        updated_time=rfc3339(clinic.updated_time),
        tier=tier,
        tier_description=description_of(tier),
        preferred_bg_units=details.preferred_bg_units or BgUnits.MG_DL,
        address=given(details.address),
        city=given(details.city),
        postal_code=given(details.postal_code),
        state=given(details.state),
        country=given(details.country),
        website=given(details.website),
        clinic_type=given(details.clinic_type),
        clinic_size=given(details.clinic_size),
        timezone=given(details.timezone),
        phone_numbers=UNSET
        if details.phone_numbers is None
        else [PhoneNumberJson(each.number, given(each.type)) for each in details.phone_numbers],
        patient_tags=UNSET
        if clinic.tags is None
        else [
            TagJson(tag.id, tag.name, view.tag_patients.get(tag.id) or UNSET) for tag in clinic.tags
        ],
        sites=[
            ClinicSiteJson(site.id, site.name, view.site_patients.get(site.id) or UNSET)
            for site in clinic.sites
        ]
        or UNSET,
        suppressed_notifications=_suppressed_json(clinic),
    )


def _suppressed_json(clinic: Clinic) -> SuppressedNotificationsJson | UnsetType:
    suppressed = clinic.suppressed_notifications
    if suppressed is None:
        return UNSET
    return SuppressedNotificationsJson(given(suppressed.patient_clinic_invitation))


def tag_json(tag: Tag) -> TagJson:
    return TagJson(tag.id, tag.name)


def site_json(site: Site) -> SiteJson:
    return SiteJson(site.id, site.name)


def counted_site_json(counted: CountedSite) -> SiteJson:
    return SiteJson(counted.site.id, counted.site.name, counted.patients or UNSET)
