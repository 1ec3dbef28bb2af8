"""Controllers of clinicians, and of users in all clinics."""

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.paths import ByClinic, ByClinician, ByInvite, ByUser, Call, key_of
from adapters.http_litestar.query import PageQuery, TimeQuery
from adapters.http_litestar.wire.clinicians import (
    AssociationBody,
    ClinicianBody,
    ClinicianInClinicJson,
    ClinicianJson,
    ServiceAccountBody,
    UserDetailsBody,
    clinician_in_clinic_json,
    clinician_json,
)
from adapters.http_litestar.wire.fields import text_of
from clinic_domain.accounts import AccountService
from clinic_domain.clinicians.model import AllCliniciansQuery, ClinicianQuery
from clinic_domain.clinicians.rules import normalised_email
from clinic_domain.clinicians.service import ClinicianService
from clinic_domain.values import ClinicId, UserId


class CliniciansQuery(PageQuery):
    search: str | None = None
    email: str | None = None
    role: str | None = None

    def query(self, clinic_id: ClinicId) -> ClinicianQuery:
        email = None if self.email is None else normalised_email(self.email)
        return ClinicianQuery(clinic_id, email, self.role, self.search, self.page())


class EveryClinicianQuery(TimeQuery):
    role: str | None = None

    def query(self) -> AllCliniciansQuery:
        return AllCliniciansQuery(self.created_from, self.created_before, self.role, self.page())


class ClinicianController(Controller):
    path = "/v1/clinics/{clinicId:str}"
    tags = ("Clinics",)

    @get("/clinicians", operation_id="ListClinicians", opt={"query": (CliniciansQuery,)})
    async def list_clinicians(
        self, request: Call, clinic_id: ByClinic, clinicians: NamedDependency[ClinicianService]
    ) -> list[ClinicianJson]:
        found = await clinicians.list(CliniciansQuery.of(request).query(clinic_id))
        return [clinician_json(clinician) for clinician in found]

    @post("/clinicians", operation_id="CreateClinician", status_code=200)
    async def create_clinician(
        self,
        clinic_id: ByClinic,
        clinicians: NamedDependency[ClinicianService],
        data: JSONBody[ClinicianBody],
    ) -> ClinicianJson:
        new = data.new_clinician()
        return clinician_json(await clinicians.create(clinic_id, new))

    @get("/clinicians/{clinicianId:str}", operation_id="GetClinician")
    async def get_clinician(
        self,
        clinic_id: ByClinic,
        clinician_id: ByClinician,
        clinicians: NamedDependency[ClinicianService],
    ) -> ClinicianJson:
        return clinician_json(await clinicians.get(clinic_id, clinician_id))

    @put("/clinicians/{clinicianId:str}", operation_id="UpdateClinician")
    async def update_clinician(
        self,
        request: Call,
        clinic_id: ByClinic,
        clinician_id: ByClinician,
        clinicians: NamedDependency[ClinicianService],
        data: JSONBody[ClinicianBody],
    ) -> ClinicianJson:
        wanted = data.new_clinician()
        return clinician_json(
            await clinicians.update(
                clinic_id, clinician_id, wanted.name, wanted.roles, request.user
            )
        )

    @delete("/clinicians/{clinicianId:str}", operation_id="DeleteClinician", status_code=200)
    async def delete_clinician(
        self,
        request: Call,
        clinic_id: ByClinic,
        clinician_id: ByClinician,
        clinicians: NamedDependency[ClinicianService],
    ) -> None:
        await clinicians.delete(clinic_id, clinician_id, request.user)

    @post("/service_accounts", operation_id="AddServiceAccount", status_code=200)
    async def add_service_account(
        self,
        clinic_id: ByClinic,
        clinicians: NamedDependency[ClinicianService],
        data: JSONBody[ServiceAccountBody],
    ) -> ClinicianJson:
        return clinician_json(
            await clinicians.add_service_account(
                clinic_id, str(data.name), data.client_id, data.client_secret
            )
        )


class InvitedClinicianController(Controller):
    path = "/v1/clinics/{clinicId:str}/invites/clinicians/{inviteId:str}/clinician"
    tags = ("Clinics",)

    @get(operation_id="GetInvitedClinician")
    async def get_invited_clinician(
        self,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        clinicians: NamedDependency[ClinicianService],
    ) -> ClinicianJson:
        return clinician_json(await clinicians.get_invited(clinic_id, key_of(invite_id)))

    @patch(operation_id="AssociateClinicianToUser")
    async def associate_clinician_to_user(
        self,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        clinicians: NamedDependency[ClinicianService],
        data: JSONBody[AssociationBody],
    ) -> ClinicianJson:
        user_id = UserId(str(data.user_id))
        return clinician_json(await clinicians.associate(clinic_id, key_of(invite_id), user_id))

    @delete(operation_id="DeleteInvitedClinician", status_code=200)
    async def delete_invited_clinician(
        self,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        clinicians: NamedDependency[ClinicianService],
    ) -> None:
        await clinicians.delete_invited(clinic_id, key_of(invite_id))


class EveryClinicianController(Controller):
    path = "/v1/clinicians"
    tags = ("Clinics", "Internal")

    @get(operation_id="ListAllClinicians", opt={"query": (EveryClinicianQuery,)})
    async def list_all_clinicians(
        self, request: Call, clinicians: NamedDependency[ClinicianService]
    ) -> list[ClinicianInClinicJson]:
        found = await clinicians.list_all(EveryClinicianQuery.of(request).query())
        return [clinician_in_clinic_json(each) for each in found]

    @get(
        "/{userId:str}/clinics", operation_id="ListClinicsForClinician", opt={"query": (PageQuery,)}
    )
    async def list_clinics_for_clinician(
        self, request: Call, user_id: ByUser, clinicians: NamedDependency[ClinicianService]
    ) -> list[ClinicianInClinicJson]:
        found = await clinicians.clinics_of(user_id, PageQuery.of(request).page())
        return [clinician_in_clinic_json(each) for each in found]


class UserController(Controller):
    path = "/v1/users/{userId:str}/clinics"
    tags = ("Clinics", "Internal")

    @post(operation_id="UpdateClinicUserDetails", status_code=200)
    async def update_clinic_user_details(
        self,
        user_id: ByUser,
        accounts: NamedDependency[AccountService],
        data: JSONBody[UserDetailsBody | None] = None,
    ) -> None:
        """Change the address of a user; without a body it is removed (PAT-MAIL-8)."""
        await accounts.change_email(user_id, None if data is None else text_of(data.email))

    @delete(operation_id="DeleteUserFromClinics", status_code=200)
    async def delete_user_from_clinics(
        self, request: Call, user_id: ByUser, accounts: NamedDependency[AccountService]
    ) -> None:
        await accounts.remove_everywhere(user_id, request.user)
