"""The rules of a clinic's sites."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

import attrs

from clinic_domain.clinics.errors import (
    BlankName,
    DuplicateSite,
    RenamedSiteDuplicate,
    SiteMergedIntoItself,
    SiteNotFound,
    TargetSiteNotFound,
    TooManySites,
    UnknownSite,
)
from clinic_domain.clinics.model import Clinic, Site
from clinic_domain.text import folded
from clinic_domain.values import SiteId

MAX_SITES: Final = 50
_NUMBERED: Final = re.compile(r"(.*) \(([0-9]+)\)", re.DOTALL)


def site_name(text: str) -> str:
    """
    Return the name that a site gets when *text* was typed: just that (SITE-2).

    Raises:
        BlankName: nothing of it is visible.
    """
    if not text.strip():
        raise BlankName
    return text


def site_key(name: str) -> str:
    """Return what two names of one clinic must not share: the name without its case (SITE-3)."""
    return folded(name)


def with_site(clinic: Clinic, site: Site, now: datetime) -> Clinic:
    """
    Return *clinic* with another site at the end.

    Raises:
        DuplicateSite: another site has the name; checked first (SITE-4).
        TooManySites: it has all that it may have.
    """
    if _has_name(clinic, site):
        raise DuplicateSite(clinic.id)
    if len(clinic.sites) >= MAX_SITES:
        raise TooManySites(clinic.id)
    return attrs.evolve(clinic, sites=(*clinic.sites, site), updated_time=now)


def with_renamed_site(clinic: Clinic, site: Site, now: datetime) -> Clinic:
    """
    Return *clinic* with the site of this id under its new name.

    Its own name in any case is fine (SITE-7).

    Raises:
        RenamedSiteDuplicate: another site has the name; checked first.
        UnknownSite: the clinic has no such site.
    """
    if _has_name(clinic, site):
        raise RenamedSiteDuplicate(clinic.id)
    if clinic.site(site.id) is None:
        raise UnknownSite(clinic.id, site.id)
    sites = tuple(site if old.id == site.id else old for old in clinic.sites)
    return attrs.evolve(clinic, sites=sites, updated_time=now)


def without_site(clinic: Clinic, site_id: SiteId, now: datetime) -> Clinic:
    """
    Return *clinic* without the site.

    Raises:
        SiteNotFound: the clinic has no such site.
    """
    if clinic.site(site_id) is None:
        raise SiteNotFound(clinic.id, site_id)
    sites = tuple(site for site in clinic.sites if site.id != site_id)
    return attrs.evolve(clinic, sites=sites, updated_time=now)


def refuse_merge_into_itself(source: SiteId, target: SiteId) -> None:
    """Raise SiteMergedIntoItself where the two are one (SITE-8)."""
    if source == target:
        raise SiteMergedIntoItself(source)


def merge_target(clinic: Clinic, site_id: SiteId) -> Site:
    """Return the site into which another is merged. Raises TargetSiteNotFound."""
    site = clinic.site(site_id)
    if site is None:
        raise TargetSiteNotFound(clinic.id, site_id)
    return site


def free_site_name(wanted: str, taken: Collection[str]) -> str:
    """
    Return *wanted*, or the first numbered form of it that no site in *taken* has (CONV-1).

    >>> free_site_name("A", ["a", "A (2)"])
    'A (3)'
    """
    keys = {site_key(name) for name in taken}
    name = wanted
    while site_key(name) in keys:
        numbered = _NUMBERED.fullmatch(name)
        name = f"{numbered[1]} ({int(numbered[2]) + 1})" if numbered else f"{name} (2)"
    return name


def _has_name(clinic: Clinic, site: Site) -> bool:
    key = site_key(site.name)
    return any(other.id != site.id and site_key(other.name) == key for other in clinic.sites)
