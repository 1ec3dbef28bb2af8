"""Strategies for clinics and for what they have."""

from operator import attrgetter
from typing import Final

from hypothesis import strategies as st

from clinic_domain.clinics.model import (
    BgUnits,
    Clinic,
    ClinicDetails,
    ClinicSize,
    ClinicType,
    EhrDestinations,
    EhrProcedureCodes,
    EhrSettings,
    EhrTags,
    MembershipRestriction,
    MrnSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    PhoneNumber,
    ProviderCount,
    ScheduledReports,
    Site,
    SuppressedNotifications,
    Tag,
)
from clinic_domain.clinics.sites import site_key
from clinic_domain.clinics.tags import tag_key
from clinic_domain.clinics.tiers import Tier
from clinic_domain.patients.model import DataSourceState, Provider
from clinic_domain.testing.strategies.values import (
    clinic_ids,
    share_codes,
    site_ids,
    spans_of_time,
    tag_ids,
    texts,
    times,
    tuples_of,
    user_ids,
)
from clinic_domain.values import ClinicId, SiteId, TagId, UserId

_LETTERS_AND_NUMBERS: Final = st.characters(categories=("L", "N"))
_IN_TAGS: Final = _LETTERS_AND_NUMBERS | st.sampled_from("_+><-")
_IN_SITES: Final = _LETTERS_AND_NUMBERS | st.characters(min_codepoint=0x21, max_codepoint=0x7E)


def tag_names() -> st.SearchStrategy[str]:
    """Names that a tag can be given (TAG-1), with nothing to be trimmed from them (TAG-2)."""
    inner = st.text(_IN_TAGS | st.sampled_from(" \t"), max_size=18)
    return _IN_TAGS | st.builds("{}{}{}".format, _IN_TAGS, inner, _IN_TAGS)


def site_names() -> st.SearchStrategy[str]:
    """Names that a site can be given (SITE-1), perhaps with blanks at the end (SITE-2)."""
    return st.builds("{}{}".format, _IN_SITES, st.text(_IN_SITES | st.just(" "), max_size=199))


_TAG_IDS: Final = tag_ids()
_TAG_NAMES: Final = tag_names()
_SITE_IDS: Final = site_ids()
_SITE_NAMES: Final = site_names()


def tags(
    *, ids: st.SearchStrategy[TagId] = _TAG_IDS, names: st.SearchStrategy[str] = _TAG_NAMES
) -> st.SearchStrategy[Tag]:
    """Tags of a clinic."""
    return st.builds(Tag, ids, names)


def sites(
    *, ids: st.SearchStrategy[SiteId] = _SITE_IDS, names: st.SearchStrategy[str] = _SITE_NAMES
) -> st.SearchStrategy[Site]:
    """Sites of a clinic."""
    return st.builds(Site, ids, names)


def phone_numbers() -> st.SearchStrategy[PhoneNumber]:
    """Phone numbers, perhaps with what they are for."""
    return st.builds(PhoneNumber, texts(), st.none() | texts())


def clinic_details() -> st.SearchStrategy[ClinicDetails]:
    """What a clinic may tell about itself, perhaps nothing."""
    optional = st.none() | texts()
    return st.builds(
        ClinicDetails,
        name=optional,
        preferred_bg_units=st.none() | st.sampled_from(BgUnits),
        address=optional,
        city=optional,
        state=optional,
        postal_code=optional,
        country=st.none() | st.sampled_from(("", "US", "CA")),
        website=optional,
        clinic_type=st.none() | st.sampled_from(ClinicType),
        clinic_size=st.none() | st.sampled_from(ClinicSize),
        phone_numbers=st.none() | tuples_of(phone_numbers()),
        timezone=st.none() | st.sampled_from(("Europe/Warsaw", "America/Chicago", "UTC")),
    )


def suppressed_notifications() -> st.SearchStrategy[SuppressedNotifications]:
    """What a clinic may not want mails about."""
    return st.builds(SuppressedNotifications, st.none() | st.booleans())


def membership_restrictions() -> st.SearchStrategy[MembershipRestriction]:
    """Domains whose addresses may join, perhaps of one identity provider alone."""
    return st.builds(MembershipRestriction, texts(), texts())


def mrn_settings() -> st.SearchStrategy[MrnSettings]:
    """Demands on MRNs."""
    return st.builds(MrnSettings, required=st.booleans(), unique=st.booleans())


def patient_count_limits() -> st.SearchStrategy[PatientCountLimit]:
    """Limits that do not end before they start."""
    plans = st.integers(0, 2**31 - 1)
    return (
        st.builds(PatientCountLimit, plans)
        | st.builds(PatientCountLimit, plans, start_date=times())
        | st.builds(PatientCountLimit, plans, end_date=times())
        | st.builds(lambda plan, span: PatientCountLimit(plan, *span), plans, spans_of_time())
    )


def patient_count_settings() -> st.SearchStrategy[PatientCountSettings]:
    """Settings with either limit, both, or none."""
    limits = st.none() | patient_count_limits()
    return st.builds(PatientCountSettings, hard_limit=limits, soft_limit=limits)


def patient_counts() -> st.SearchStrategy[PatientCount]:
    """Counts whose states add up to their providers."""
    states = st.dictionaries(
        st.sampled_from(DataSourceState).map(str), st.integers(1, 1000), max_size=3
    )
    providers = states.map(lambda counts: ProviderCount(sum(counts.values()), counts))
    return st.builds(
        PatientCount,
        total=st.integers(0, 2**31 - 1),
        demo=st.integers(0, 1),
        plan=st.integers(0, 2**31 - 1),
        providers=st.dictionaries(st.sampled_from(Provider).map(str), providers, max_size=3),
    )


def ehr_settings() -> st.SearchStrategy[EhrSettings]:
    """Connections to a health record."""
    optional = st.none() | texts()
    return st.builds(
        EhrSettings,
        enabled=st.booleans(),
        provider=st.sampled_from(("redox", "xealth")),
        source_id=texts(),
        mrn_id_type=st.sampled_from(("MRN", "EMRN")),
        procedure_codes=st.builds(EhrProcedureCodes, optional, optional, optional, optional),
        scheduled_reports=st.builds(
            ScheduledReports,
            cadence=st.sampled_from(("0d", "7d", "14d", "30d")),
            on_upload_enabled=st.booleans(),
            on_upload_note_event_type=st.none() | st.sampled_from(("New", "Replace")),
        ),
        destination_ids=st.none() | st.builds(EhrDestinations, texts(), texts(), texts()),
        tags=st.builds(EhrTags, st.none() | tuples_of(texts()), optional),
        icode_flowsheets=st.booleans(),
        include_gmi_in_notes=st.booleans(),
    )


_CLINIC_IDS: Final = clinic_ids()
_USER_IDS: Final = user_ids()


def clinics(
    *,
    ids: st.SearchStrategy[ClinicId] = _CLINIC_IDS,
    users: st.SearchStrategy[UserId] = _USER_IDS,
) -> st.SearchStrategy[Clinic]:
    """Clinics with anything that they can have; no two tags or sites share an id or a name."""
    of_tag = (attrgetter("id"), lambda tag: tag_key(tag.name))
    of_site = (attrgetter("id"), lambda site: site_key(site.name))
    fields = st.fixed_dictionaries(
        {
            "id": ids,
            "details": clinic_details(),
            "admins": tuples_of(users, unique_by=str),
            "is_migrated": st.booleans(),
            "tier": st.none() | st.sampled_from(Tier),
            "tags": st.none() | tuples_of(tags(), unique_by=of_tag),
            "sites": tuples_of(sites(), unique_by=of_site),
            "last_deleted_tag": st.none() | tag_ids(),
            "suppressed_notifications": st.none() | suppressed_notifications(),
            "membership_restrictions": tuples_of(membership_restrictions()),
            "mrn_settings": st.none() | mrn_settings(),
            "ehr_settings": st.none() | ehr_settings(),
            "patient_count_settings": st.none() | patient_count_settings(),
            "patient_count": st.none() | patient_counts(),
        }
    )
    codes = st.lists(share_codes(), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(
        lambda fields, codes, life: Clinic(
            **fields,
            share_code=codes[0],
            share_codes=codes,
            created_time=life[0],
            updated_time=life[1],
        ),
        fields,
        codes,
        spans_of_time(),
    )
