"""Controllers of clinics."""

from urllib.parse import unquote

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.paths import ByClinic, ByShareCode, Call
from adapters.http_litestar.query import TimeQuery
from adapters.http_litestar.wire.clinics import ClinicBody, ClinicJson, clinic_json
from clinic_domain.clinics.model import ClinicQuery
from clinic_domain.clinics.service import ClinicService


class ClinicsQuery(TimeQuery):
    share_code: str | None = None
    ehr_enabled: bool | None = None

    def query(self) -> ClinicQuery:
        return ClinicQuery(
            share_code=self.share_code,
            created_from=self.created_from,
            created_before=self.created_before,
            ehr_enabled=self.ehr_enabled,
            page=self.page(),
        )


class ClinicController(Controller):
    path = "/v1/clinics"
    tags = ("Clinics",)

    @get(operation_id="ListClinics", opt={"query": (ClinicsQuery,)})
    async def list_clinics(
        self, request: Call, clinics: NamedDependency[ClinicService]
    ) -> list[ClinicJson]:
        views = await clinics.list(ClinicsQuery.of(request).query())
        return [clinic_json(view) for view in views]

    @post(operation_id="CreateClinic", status_code=200)
    async def create_clinic(
        self,
        request: Call,
        clinics: NamedDependency[ClinicService],
        data: JSONBody[ClinicBody],
    ) -> ClinicJson:
        return clinic_json(await clinics.create(data.details(), request.user))

    @get("/share_code/{shareCode:str}", operation_id="GetClinicByShareCode")
    async def get_clinic_by_share_code(
        self, share_code: ByShareCode, clinics: NamedDependency[ClinicService]
    ) -> ClinicJson:
        return clinic_json(await clinics.get_by_share_code(unquote(share_code)))

    @get("/{clinicId:str}", operation_id="GetClinic")
    async def get_clinic(
        self, clinic_id: ByClinic, clinics: NamedDependency[ClinicService]
    ) -> ClinicJson:
        return clinic_json(await clinics.get(clinic_id))

    @put("/{clinicId:str}", operation_id="UpdateClinic")
    async def update_clinic(
        self,
        clinic_id: ByClinic,
        clinics: NamedDependency[ClinicService],
        data: JSONBody[ClinicBody],
    ) -> ClinicJson:
        return clinic_json(await clinics.update(clinic_id, data.details()))

    @delete("/{clinicId:str}", operation_id="DeleteClinic")
    async def delete_clinic(
        self, request: Call, clinic_id: ByClinic, clinics: NamedDependency[ClinicService]
    ) -> None:
        await clinics.delete(clinic_id, request.user)
