"""
Hypothesis strategies for everything that is stored: they build valid values and filter none.

Strategies are named in the plural and take others as arguments, so that values meet again:

    few = st.sampled_from([UserId(text) for text in "abc"])

    @given(patients(users=few), patients(users=few))
    def test_two_patients(one: Patient, other: Patient) -> None: ...
"""

from clinic_domain.testing.strategies.clinicians import clinicians, emails, roles, roles_updates
from clinic_domain.testing.strategies.clinics import (
    clinic_details,
    clinics,
    ehr_settings,
    membership_restrictions,
    mrn_settings,
    patient_count_limits,
    patient_count_settings,
    patient_counts,
    phone_numbers,
    site_names,
    sites,
    suppressed_notifications,
    tag_names,
    tags,
)
from clinic_domain.testing.strategies.invites import invites, offers
from clinic_domain.testing.strategies.merging import pairs_of_clinics
from clinic_domain.testing.strategies.patients import (
    birth_dates,
    connection_requests,
    data_sources,
    ehr_subscriptions,
    glycemic_ranges,
    mrns,
    patients,
    permissions,
    reviews,
)
from clinic_domain.testing.strategies.summaries import (
    patient_queries,
    similar_summaries,
    stats,
    summaries,
)
from clinic_domain.testing.strategies.values import (
    clinic_ids,
    invite_ids,
    latin_names,
    record_ids,
    share_codes,
    site_ids,
    spellings,
    tag_ids,
    texts,
    times,
    tuples_of,
    user_ids,
)

__all__ = [
    "birth_dates",
    "clinic_details",
    "clinic_ids",
    "clinicians",
    "clinics",
    "connection_requests",
    "data_sources",
    "ehr_settings",
    "ehr_subscriptions",
    "emails",
    "glycemic_ranges",
    "invite_ids",
    "invites",
    "latin_names",
    "membership_restrictions",
    "mrn_settings",
    "mrns",
    "offers",
    "pairs_of_clinics",
    "patient_count_limits",
    "patient_count_settings",
    "patient_counts",
    "patient_queries",
    "patients",
    "permissions",
    "phone_numbers",
    "record_ids",
    "reviews",
    "roles",
    "roles_updates",
    "share_codes",
    "similar_summaries",
    "site_ids",
    "site_names",
    "sites",
    "spellings",
    "stats",
    "summaries",
    "suppressed_notifications",
    "tag_ids",
    "tag_names",
    "tags",
    "texts",
    "times",
    "tuples_of",
    "user_ids",
]
