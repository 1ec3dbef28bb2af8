"""Strategies for patients and for what they have."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from hypothesis import strategies as st

from clinic_domain.clinics.model import BgUnits, Site
from clinic_domain.patients.model import (
    MAX_REVIEWS,
    ConnectionRequest,
    CustomRanges,
    DataSource,
    DataSourceState,
    EhrSubscription,
    GlycemicRanges,
    MatchedMessage,
    Patient,
    PatientSite,
    Permission,
    Permissions,
    Provider,
    RangesPreset,
    RangesType,
    Review,
    Threshold,
)
from clinic_domain.testing.strategies.clinicians import emails
from clinic_domain.testing.strategies.clinics import sites as sites_of_clinics
from clinic_domain.testing.strategies.summaries import summaries
from clinic_domain.testing.strategies.values import (
    LATIN_LETTERS,
    clinic_ids,
    hexadecimal_ids,
    record_ids,
    spans_of_time,
    tag_ids,
    texts,
    times,
    tuples_of,
    user_ids,
)
from clinic_domain.values import ClinicId, TagId, UserId

_CLINIC_IDS: Final = clinic_ids()
_USER_IDS: Final = user_ids()
_TAG_IDS: Final = tag_ids()
_SITES: Final = sites_of_clinics()
_TEXTS: Final = texts()


def permissions() -> st.SearchStrategy[Permissions]:
    """Any permissions, none included."""
    return st.frozensets(st.sampled_from(Permission))


def data_sources() -> st.SearchStrategy[DataSource]:
    """Sources of any known provider and state."""
    optional = st.none() | times()
    return st.builds(
        DataSource,
        provider_name=st.sampled_from(Provider).map(str),
        state=st.sampled_from(DataSourceState).map(str),
        data_source_id=st.none() | hexadecimal_ids(),
        modified_time=optional,
        expiration_time=optional,
        latest_data_time=optional,
    )


def birth_dates() -> st.SearchStrategy[str]:
    """Calendar dates, as they come through the API."""
    return st.dates().map(str)


def mrns() -> st.SearchStrategy[str]:
    """Medical record numbers."""
    return st.text(LATIN_LETTERS + "0123456789 -", min_size=1, max_size=10)


def reviews() -> st.SearchStrategy[Review]:
    """Reviews by any clinician."""
    return st.builds(Review, clinician_id=user_ids(), time=times())


def connection_requests() -> st.SearchStrategy[Mapping[str, tuple[ConnectionRequest, ...]]]:
    """Requests to connect some providers, by provider."""
    of_providers = {
        str(provider): tuples_of(st.builds(ConnectionRequest, st.just(str(provider)), times()))
        for provider in Provider
    }
    return st.fixed_dictionaries({}, optional=of_providers)


def ehr_subscriptions() -> st.SearchStrategy[EhrSubscription]:
    """Standing orders for reports."""
    return st.builds(
        EhrSubscription,
        active=st.booleans(),
        provider=st.sampled_from(("redox", "xealth")),
        created_at=times(),
        updated_at=times(),
        matched_messages=tuples_of(st.builds(MatchedMessage, texts(), texts(), texts())),
    )


def glycemic_ranges() -> st.SearchStrategy[GlycemicRanges]:
    """Standards, and ranges of a patient's own."""
    thresholds = st.builds(
        Threshold,
        name=texts(),
        value=st.floats(0, 1000, width=32),
        units=st.sampled_from(BgUnits).map(str),
        inclusive=st.booleans(),
    )
    presets = st.sampled_from(RangesPreset).map(str)
    custom = st.builds(CustomRanges, texts(), tuples_of(thresholds))
    return st.builds(GlycemicRanges, st.just(str(RangesType.PRESET)), preset=presets) | st.builds(
        GlycemicRanges, st.just(str(RangesType.CUSTOM)), custom=custom
    )


def patients(
    *,
    clinics: st.SearchStrategy[ClinicId] = _CLINIC_IDS,
    users: st.SearchStrategy[UserId] = _USER_IDS,
    tags: st.SearchStrategy[TagId] = _TAG_IDS,
    sites: st.SearchStrategy[Site] = _SITES,
    names: st.SearchStrategy[str] = _TEXTS,
) -> st.SearchStrategy[Patient]:
    """Patients with anything that they can have; no tag and no site twice."""
    some_sites = tuples_of(sites, unique_by=attrgetter("id"))
    subscriptions = st.dictionaries(
        st.sampled_from(("summaryAndReports", "other")), ehr_subscriptions(), max_size=2
    )
    fields = st.fixed_dictionaries(
        {
            "id": record_ids(),
            "clinic_id": clinics,
            "user_id": users,
            "full_name": st.none() | names,
            "birth_date": st.none() | birth_dates() | texts(),
            "email": st.none() | emails(),
            "mrn": st.none() | mrns(),
            "target_devices": st.none() | tuples_of(texts()),
            "tags": st.none() | tuples_of(tags, unique_by=str),
            "sites": st.none() | some_sites.map(_of_patient),
            "data_sources": st.none() | tuples_of(data_sources()),
            "permissions": st.none() | permissions(),
            "is_migrated": st.booleans(),
            "legacy_clinician_ids": tuples_of(user_ids(), unique_by=str),
            "invited_by": st.none() | user_ids(),
            "require_unique_mrn": st.booleans(),
            "reviews": st.none() | st.lists(reviews(), max_size=MAX_REVIEWS).map(tuple),
            "last_upload_reminder_time": st.none() | times(),
            "connection_requests": st.none() | connection_requests(),
            "ehr_subscriptions": st.none() | subscriptions,
            "glycemic_ranges": st.none() | glycemic_ranges(),
            "summary": st.none() | summaries(),
            "diagnosis_type": st.none() | st.sampled_from(("type1", "type2", "other")),
        }
    )
    return st.builds(
        lambda fields, life: Patient(**fields, created_time=life[0], updated_time=life[1]),
        fields,
        spans_of_time(),
    )


def _of_patient(sites: tuple[Site, ...]) -> tuple[PatientSite, ...]:
    return tuple(PatientSite(site.id, site.name) for site in sites)
