"""Use cases on what a clinic sorts its patients by: tags and sites."""

import attrs

from clinic_domain.clinics.errors import (
    DuplicateSite,
    NoRoomForConvertedSite,
    RenamedSiteClinicNotFound,
    TagToConvertNotFound,
    TooManySites,
)
from clinic_domain.clinics.model import CountedSite, Site, Tag
from clinic_domain.clinics.service import changed_clinic
from clinic_domain.clinics.sites import (
    free_site_name,
    merge_target,
    refuse_merge_into_itself,
    site_name,
    with_renamed_site,
    with_site,
    without_site,
)
from clinic_domain.clinics.tags import tag_name, with_renamed_tag, with_tag, without_tag
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId, SiteId, TagId


@attrs.frozen
class TagService:
    """Keeps a clinic's tags; every method raises ClinicNotFound where there is no such clinic."""

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator

    async def create(self, clinic_id: ClinicId, name: str) -> Tag:
        """Add a tag. Raises BlankName, TooManyTags, DuplicateTag."""
        tag, now = Tag(TagId(self._ids.new_id()), tag_name(name)), self._clock.now()
        await changed_clinic(self._storage, clinic_id, lambda clinic: with_tag(clinic, tag, now))
        return tag

    async def rename(self, clinic_id: ClinicId, tag_id: TagId, name: str) -> Tag:
        """
        Rename a tag; patients hold its id and are not touched.

        Raises BlankName, DuplicateTag, TagNotFound.
        """
        tag, now = Tag(tag_id, tag_name(name)), self._clock.now()
        await changed_clinic(
            self._storage, clinic_id, lambda clinic: with_renamed_tag(clinic, tag, now)
        )
        return tag

    async def delete(self, clinic_id: ClinicId, tag_id: TagId) -> None:
        """Remove a tag from the clinic, if it has it; patients lose it afterwards (TAG-7)."""
        now = self._clock.now()
        await changed_clinic(
            self._storage, clinic_id, lambda clinic: without_tag(clinic, tag_id, now)
        )

    async def convert_to_site(self, clinic_id: ClinicId, tag_id: TagId) -> CountedSite:
        """
        Turn a tag into a site of all its patients (section 14 of the clinics chapter).

        Raises:
            TagToConvertNotFound: the clinic has no such tag.
            NoRoomForConvertedSite: it has all the sites that it may have (CONV-2).
        """
        site_id, now = SiteId(self._ids.new_id()), self._clock.now()

        async def work(tx: Transaction) -> CountedSite:
            clinic = await tx.clinics.get(clinic_id)
            tag = clinic.tag(tag_id)
            if tag is None:
                raise TagToConvertNotFound(clinic_id, tag_id)
            site = Site(site_id, free_site_name(tag.name, [site.name for site in clinic.sites]))
            try:
                changed = with_site(without_tag(clinic, tag_id, now), site, now)
            except (TooManySites, DuplicateSite):
                raise NoRoomForConvertedSite(clinic_id) from None
            await tx.clinics.save(changed, was=clinic)
            await tx.patients.tag_to_site(clinic_id, tag_id, site, now)
            return await _counted(tx, clinic_id, site)

        return await self._storage.transaction(work)


@attrs.frozen
class SiteService:
    """
    Keeps a clinic's sites and their patients.

    Every method raises ClinicNotFound where there is no such clinic.
    """

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator

    async def create(self, clinic_id: ClinicId, name: str) -> Site:
        """Add a site. Raises BlankName, DuplicateSite, TooManySites."""
        site, now = Site(SiteId(self._ids.new_id()), site_name(name)), self._clock.now()
        await changed_clinic(self._storage, clinic_id, lambda clinic: with_site(clinic, site, now))
        return site

    async def rename(self, clinic_id: ClinicId, site_id: SiteId, name: str) -> CountedSite:
        """
        Rename a site for the clinic and all its patients.

        Raises:
            RenamedSiteClinicNotFound, RenamedSiteDuplicate, BlankName, UnknownSite: see the rules.
        """
        site, now = Site(site_id, site_name(name)), self._clock.now()

        async def work(tx: Transaction) -> CountedSite:
            clinic = await tx.clinics.find(clinic_id)
            if clinic is None:
                raise RenamedSiteClinicNotFound(clinic_id)
            await tx.clinics.save(with_renamed_site(clinic, site, now), was=clinic)
            await tx.patients.rename_site(clinic_id, site, now)
            return await _counted(tx, clinic_id, site)

        return await self._storage.transaction(work)

    async def delete(self, clinic_id: ClinicId, site_id: SiteId) -> None:
        """Remove a site from the clinic and all its patients. Raises SiteNotFound."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            clinic = await tx.clinics.get(clinic_id)
            changed = without_site(clinic, site_id, now)
            await tx.patients.remove_site(clinic_id, site_id, now)
            await tx.clinics.save(changed, was=clinic)

        await self._storage.transaction(work)

    async def merge(self, clinic_id: ClinicId, source: SiteId, target: SiteId) -> CountedSite:
        """
        Move all patients of one site to another and remove the first, at once.

        Raises:
            SiteMergedIntoItself: both are one; checked first (SITE-8).
            TargetSiteNotFound, SiteNotFound: the clinic has no such target, no such source.
        """
        refuse_merge_into_itself(source, target)
        now = self._clock.now()

        async def work(tx: Transaction) -> CountedSite:
            clinic = await tx.clinics.get(clinic_id)
            site = merge_target(clinic, target)
            changed = without_site(clinic, source, now)
            await tx.patients.move_site(clinic_id, source, site, now)
            await tx.clinics.save(changed, was=clinic)
            return await _counted(tx, clinic_id, site)

        return await self._storage.transaction(work)


async def _counted(tx: Transaction, clinic_id: ClinicId, site: Site) -> CountedSite:
    view = await tx.clinics.find_view(clinic_id)
    return CountedSite(site, view.site_patients.get(site.id, 0) if view else 0)
