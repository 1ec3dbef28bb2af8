"""Strategies for two clinics that may be merged."""

from collections.abc import Sequence
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    ClinicView,
    MembershipRestriction,
    MrnSettings,
    Site,
    Tag,
)
from clinic_domain.clinics.sites import site_key
from clinic_domain.clinics.tags import tag_key
from clinic_domain.merging.model import Snapshot
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_site, a_tag, at
from clinic_domain.values import InviteId, UserId

# Few of everything, so that both clinics meet in everything.
_USERS: Final = [UserId(10 * digit) for digit in "0123456789"]
_TAGS: Final = ("Type 1", "type1", "Pump", "New")
_SITES: Final = ("North", "north", "North (2)", "NORTH (3)", "South")
_NAMES: Final = (None, "", "Ann", " ann ", "Bob", "=1+1")
_BIRTH_DATES: Final = (None, "", "2000-01-01", "2001-02-03", "soon")
_MRNS: Final = (None, "m1", " M1", "M2", "M3", "M4", "M5")


def _sometimes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values that merges are mostly without, for most of them prevent it."""
    return st.just(None) | st.just(None) | st.just(None) | values


@st.composite
def pairs_of_clinics(draw: st.DrawFn) -> tuple[Snapshot, Snapshot]:
    """
    A source and a target of a merge, with few people, many of whom are alike.

    No id is that of another record. Roughly half of the merges are possible.
    """
    demands = draw(_sometimes(st.builds(MrnSettings, st.booleans(), st.booleans())))
    restrictions = draw(_sometimes(st.just((MembershipRestriction("example.com"),)))) or ()
    shared = {"mrn_settings": demands, "membership_restrictions": restrictions}
    source, target = draw(_snapshots(shared)), draw(_snapshots(shared))
    if draw(_sometimes(st.booleans())):
        clinic = attrs.evolve(target.clinic, mrn_settings=None, membership_restrictions=())
        target = attrs.evolve(target, view=attrs.evolve(target.view, clinic=clinic))
    return source, target


@st.composite
def _snapshots(draw: st.DrawFn, settings: dict[str, Any]) -> Snapshot:
    tags = [a_tag(name) for name in draw(st.lists(st.sampled_from(_TAGS), unique_by=tag_key))]
    sites = [a_site(name) for name in draw(st.lists(st.sampled_from(_SITES), unique_by=site_key))]
    clinic = a_clinic(
        details=ClinicDetails(draw(st.sampled_from(("Alpha", "Beta", None)))),
        tags=tuple(tags) if tags else draw(st.sampled_from((None, ()))),
        sites=tuple(sites),
        **settings,
    )
    members = _members(draw, clinic)
    admins = tuple(each.user_id for each in members if each.is_admin and each.user_id)
    clinic = attrs.evolve(clinic, admins=admins)
    patients = [_patient(draw, clinic, tags, sites, user) for user in draw(_some_users())]
    taken: set[str] = set()
    for at_, patient in enumerate(patients):
        # No two of a clinic hold an MRN that has to be unique.
        if patient.require_unique_mrn and patient.mrn in taken:
            patients[at_] = attrs.evolve(patient, require_unique_mrn=False)
        taken.add(patient.mrn or "")
    return Snapshot(_view(clinic, patients), _newest_first(members), tuple(patients))


def _some_users() -> st.SearchStrategy[list[UserId]]:
    return st.lists(st.sampled_from(_USERS), unique=True, max_size=6)


def _members(draw: st.DrawFn, clinic: Clinic) -> list[Clinician]:
    roles = st.sampled_from(((Role.CLINIC_ADMIN,), (Role.CLINIC_MEMBER,), None))
    members = [
        a_clinician(clinic, user_id=user, roles=draw(roles), email=f"{user}@example.com")
        for user in draw(st.lists(st.sampled_from(_USERS), unique=True, max_size=4))
    ]
    if draw(_sometimes(st.just(1))):
        invited = draw(st.sampled_from(_USERS))
        if all(each.email != f"{invited}@example.com" for each in members):
            key = InviteId(f"key of {invited}")
            invite = a_clinician(
                clinic, user_id=None, invite_id=key, email=f"{invited}@example.com"
            )
            members.append(invite)
    return members


def _newest_first(members: Sequence[Clinician]) -> tuple[Clinician, ...]:
    return tuple(sorted(members, key=lambda one: (one.created_time, one.id), reverse=True))


def _patient(
    draw: st.DrawFn, clinic: Clinic, tags: list[Tag], sites: list[Site], user: UserId
) -> Patient:
    own_tags = draw(st.none() | st.lists(st.sampled_from([*tags, _STRAY]), unique=True))
    own_sites = draw(st.none() | st.lists(st.sampled_from(sites), unique=True)) if sites else None
    demands = clinic.mrn_settings
    return a_patient(
        clinic,
        user_id=user,
        full_name=draw(st.sampled_from(_NAMES)),
        birth_date=draw(st.sampled_from(_BIRTH_DATES)),
        mrn=draw(st.sampled_from(_MRNS)) or None,
        tags=None if own_tags is None else tuple(tag.id for tag in own_tags),
        sites=None if own_sites is None else at(*own_sites),
        data_sources=draw(st.sampled_from((None, (DataSource("twiist", "error"),)))),
        require_unique_mrn=demands is not None and demands.unique,
    )


_STRAY: Final = a_tag("gone")
"""One that no clinic has any more."""


def _view(clinic: Clinic, patients: Sequence[Patient]) -> ClinicView:
    return ClinicView(
        clinic,
        {
            tag.id: sum(tag.id in (patient.tags or ()) for patient in patients)
            for tag in clinic.tags or ()
        },
        {
            site.id: sum(site.id in {own.id for own in patient.sites or ()} for patient in patients)
            for site in clinic.sites
        },
    )
