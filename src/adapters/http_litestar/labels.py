"""Controllers of what a clinic sorts its patients by: tags and sites."""

from litestar import Controller, delete, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.paths import ByClinic, BySite, ByTag
from adapters.http_litestar.wire.clinics import (
    NewSiteBody,
    RenamedSiteBody,
    SiteByIdBody,
    SiteJson,
    TagBody,
    TagJson,
    counted_site_json,
    site_json,
    tag_json,
)
from clinic_domain.clinics.labels import SiteService, TagService
from clinic_domain.values import SiteId


class TagController(Controller):
    path = "/v1/clinics/{clinicId:str}/patient_tags"
    tags = ("Clinics",)

    @post(operation_id="CreatePatientTag", status_code=200)
    async def create_patient_tag(
        self,
        clinic_id: ByClinic,
        tag_service: NamedDependency[TagService],
        data: JSONBody[TagBody],
    ) -> TagJson:
        return tag_json(await tag_service.create(clinic_id, str(data.name)))

    @put("/{patientTagId:str}", operation_id="UpdatePatientTag")
    async def update_patient_tag(
        self,
        clinic_id: ByClinic,
        tag_id: ByTag,
        tag_service: NamedDependency[TagService],
        data: JSONBody[TagBody],
    ) -> TagJson:
        return tag_json(await tag_service.rename(clinic_id, tag_id, str(data.name)))

    @delete("/{patientTagId:str}", operation_id="DeletePatientTag")
    async def delete_patient_tag(
        self, clinic_id: ByClinic, tag_id: ByTag, tag_service: NamedDependency[TagService]
    ) -> None:
        await tag_service.delete(clinic_id, tag_id)

    @post("/{patientTagId:str}/site", operation_id="ConvertPatientTagToSite", status_code=200)
    async def convert_patient_tag_to_site(
        self, clinic_id: ByClinic, tag_id: ByTag, tag_service: NamedDependency[TagService]
    ) -> SiteJson:
        return counted_site_json(await tag_service.convert_to_site(clinic_id, tag_id))


class SiteController(Controller):
    path = "/v1/clinics/{clinicId:str}/sites"
    tags = ("Clinics",)

    @post(operation_id="CreateSite", status_code=200)
    async def create_site(
        self,
        clinic_id: ByClinic,
        sites: NamedDependency[SiteService],
        data: JSONBody[NewSiteBody],
    ) -> SiteJson:
        return site_json(await sites.create(clinic_id, str(data.name)))

    @put("/{siteId:str}", operation_id="UpdateSite")
    async def update_site(
        self,
        clinic_id: ByClinic,
        site_id: BySite,
        sites: NamedDependency[SiteService],
        data: JSONBody[RenamedSiteBody],
    ) -> SiteJson:
        name = str(data.name)
        return counted_site_json(await sites.rename(clinic_id, site_id, name))

    @delete("/{siteId:str}", operation_id="DeleteSite")
    async def delete_site(
        self, clinic_id: ByClinic, site_id: BySite, sites: NamedDependency[SiteService]
    ) -> None:
        await sites.delete(clinic_id, site_id)

    @post("/{siteId:str}/merge", operation_id="MergeSite", status_code=200)
    async def merge_site(
        self,
        clinic_id: ByClinic,
        site_id: BySite,
        sites: NamedDependency[SiteService],
        data: JSONBody[SiteByIdBody],
    ) -> SiteJson:
        source = SiteId(str(data.id))
        return counted_site_json(await sites.merge(clinic_id, source, site_id))
