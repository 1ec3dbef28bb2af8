"""Controllers of patients."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import Body, JSONBody

from adapters.http_litestar.body import NULLABLE
from adapters.http_litestar.errors import invalid
from adapters.http_litestar.metrics import MetricsQuery, conditions_of
from adapters.http_litestar.paths import (
    ByClinic,
    ByPatient,
    ByPermission,
    ByProvider,
    ByTag,
    ByUser,
    Call,
)
from adapters.http_litestar.query import PageQuery
from adapters.http_litestar.response import JsonResponse, StreamedList
from adapters.http_litestar.wire.fields import DateTimeText, UserIdText
from adapters.http_litestar.wire.patients import (
    MAX_USER_IDS,
    DataSourceBody,
    JoiningPatientBody,
    MetaJson,
    PatientBody,
    PatientInClinicJson,
    PatientJson,
    PatientsJson,
    PermissionsBody,
    PermissionsJson,
    ReviewJson,
    patient_in_clinic_json,
    patient_json,
    permissions_json,
    reviews_json,
    user_ids,
)
from clinic_domain.patients.model import JoiningDetails
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.patients.service import PatientService
from clinic_domain.values import ClinicId, RecordId, SiteId, TagId, UserId

ToUsers = Annotated[
    list[UserIdText] | None,
    Body(min_items=1, max_items=MAX_USER_IDS, schema_extra={"unique_items": True}),
]
_AT_ONCE: Final = 50
"""Patients of a page that are in memory together: some hundred kilobytes with their summaries."""
_DIGITS = frozenset("0123456789abcdefABCDEF")


class PatientsQuery(PageQuery):
    search: str | None = None
    last_reviewed: DateTimeText | None = None
    tags: list[str] | None = None
    sites: list[str] | None = None
    omit_non_standard_ranges: bool = False

    def query(self, clinic_id: ClinicId, conditions: Mapping[str, Any]) -> PatientQuery:
        tags, sites = _ids(self.tags), _ids(self.sites)
        return PatientQuery(
            clinic_id,
            search=self.search,
            tags=None if tags is None else tuple(TagId(each) for each in tags),
            sites=None if sites is None else tuple(SiteId(each) for each in sites),
            last_reviewed=None if self.last_reviewed is None else self.last_reviewed.moment(),
            omit_non_standard_ranges=self.omit_non_standard_ranges,
            page=self.page(),
            **conditions,
        )


def _ids(items: list[str] | None) -> list[str] | None:
    """Return what are ids among *items*; nothing left asks for patients without any (FILTER-13)."""
    if items is None:
        return None
    return [item.lower() for item in items if len(item) == 24 and _DIGITS.issuperset(item)]  # noqa: PLR2004 - the length of an id


class FindQuery(PageQuery):
    mrn: str | None = None
    birth_date: str | None = None
    workspace_id: str | None = None
    workspace_id_type: Literal["clinicId", "ehrSourceId"] | None = None


class PatientController(Controller):
    path = "/v1/clinics/{clinicId:str}/patients"
    tags = ("Clinics",)

    @get(operation_id="ListPatients", opt={"query": (PatientsQuery, MetricsQuery)})
    async def list_patients(
        self, request: Call, clinic_id: ByClinic, patients: NamedDependency[PatientService]
    ) -> JsonResponse[PatientsJson]:
        asked, metrics = PatientsQuery.of(request), MetricsQuery.of(request)
        query = asked.query(clinic_id, conditions_of(metrics))
        if query.page.limit is not None and query.page.limit <= _AT_ONCE:
            page = await patients.list(query)
            shown = [patient_json(patient) for patient in page.patients]
            return JsonResponse(PatientsJson(shown, MetaJson(page.matching, page.total)))
        found = await patients.matches(query)

        async def part(ids: Sequence[RecordId]) -> list[PatientJson]:
            return [patient_json(patient) for patient in await patients.some(clinic_id, ids)]

        parts = [found.ids[at : at + _AT_ONCE] for at in range(0, len(found.ids), _AT_ONCE)]
        return StreamedList(parts, part, {"meta": MetaJson(found.matching, found.total)})

    @post(operation_id="CreatePatientAccount", status_code=200)
    async def create_patient_account(
        self,
        request: Call,
        clinic_id: ByClinic,
        patients: NamedDependency[PatientService],
        data: JSONBody[PatientBody],
    ) -> PatientJson:
        details = data.details()
        return patient_json(await patients.create_custodial(clinic_id, details, request.user))

    @get("/{patientId:str}", operation_id="GetPatient")
    async def get_patient(
        self, clinic_id: ByClinic, patient_id: ByPatient, patients: NamedDependency[PatientService]
    ) -> PatientJson:
        return patient_json(await patients.get(clinic_id, patient_id))

    @post("/{patientId:str}", operation_id="CreatePatientFromUser", status_code=200)
    async def create_patient_from_user(
        self,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
        data: JSONBody[JoiningPatientBody | None] = None,
    ) -> PatientJson:
        details = JoiningDetails() if data is None else data.details()
        return patient_json(await patients.add_existing(clinic_id, patient_id, details))

    @put("/{patientId:str}", operation_id="UpdatePatient")
    async def update_patient(
        self,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
        data: JSONBody[PatientBody],
    ) -> PatientJson:
        details = data.details()
        return patient_json(await patients.update(clinic_id, patient_id, details))

    @delete("/{patientId:str}", operation_id="DeletePatient")
    async def delete_patient(
        self,
        request: Call,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
    ) -> None:
        await patients.delete(clinic_id, patient_id, request.user)

    @put(
        "/{patientId:str}/permissions",
        operation_id="UpdatePatientPermissions",
        responses={204: ResponseSpec(None, description="The patient left the clinic")},
    )
    async def update_patient_permissions(
        self,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
        data: JSONBody[PermissionsBody],
    ) -> JsonResponse[PermissionsJson]:
        wanted = data.permissions()
        granted = await patients.set_permissions(clinic_id, patient_id, wanted)
        return JsonResponse(permissions_json(granted)) if granted else _nothing()

    @delete("/{patientId:str}/permissions/{permission:str}", operation_id="DeletePatientPermission")
    async def delete_patient_permission(
        self,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        permission: ByPermission,
        patients: NamedDependency[PatientService],
    ) -> None:
        await patients.remove_permission(clinic_id, patient_id, permission)

    @put("/{patientId:str}/reviews", operation_id="UpdatePatientReviews")
    async def update_patient_reviews(
        self,
        request: Call,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
    ) -> list[ReviewJson]:
        return reviews_json(await patients.add_review(clinic_id, patient_id, request.user))

    @delete("/{patientId:str}/reviews", operation_id="DeletePatientReviews", status_code=200)
    async def delete_patient_reviews(
        self,
        request: Call,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
    ) -> list[ReviewJson]:
        return reviews_json(await patients.revert_review(clinic_id, patient_id, request.user))

    @post("/{patientId:str}/upload_reminder", operation_id="SendUploadReminder", status_code=200)
    async def send_upload_reminder(
        self,
        request: Call,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        patients: NamedDependency[PatientService],
    ) -> PatientJson:
        return patient_json(
            await patients.send_upload_reminder(clinic_id, patient_id, request.user)
        )

    @post(
        "/{patientId:str}/connect/{providerId:str}", operation_id="ConnectProvider", status_code=204
    )
    async def connect_provider(
        self,
        clinic_id: ByClinic,
        patient_id: ByPatient,
        provider_id: ByProvider,
        patients: NamedDependency[PatientService],
    ) -> None:
        await patients.request_connection(clinic_id, patient_id, provider_id)

    @post(
        "/assign_tag/{patientTagId:str}",
        operation_id="AssignPatientTagToClinicPatients",
        opt={NULLABLE: True},
        status_code=200,
    )
    async def assign_patient_tag_to_clinic_patients(
        self,
        clinic_id: ByClinic,
        tag_id: ByTag,
        patients: NamedDependency[PatientService],
        data: ToUsers = None,
    ) -> None:
        """Give a tag to some patients, or without a body to all (PAT-TAG-3)."""
        await patients.assign_tag(clinic_id, tag_id, _targets(data))

    @post(
        "/delete_tag/{patientTagId:str}",
        operation_id="DeletePatientTagFromClinicPatients",
        opt={NULLABLE: True},
        status_code=200,
    )
    async def delete_patient_tag_from_clinic_patients(
        self,
        clinic_id: ByClinic,
        tag_id: ByTag,
        patients: NamedDependency[PatientService],
        data: ToUsers = None,
    ) -> None:
        """Take a tag from some patients, or without a body from all (PAT-TAG-3)."""
        await patients.unassign_tag(clinic_id, tag_id, _targets(data))


def _targets(data: list[UserIdText] | None) -> tuple[UserId, ...] | None:
    try:
        return user_ids(data)
    except ValueError as error:
        raise invalid(f"request body has an error: {error}") from None


def _nothing() -> JsonResponse[Any]:
    return JsonResponse(None, status_code=204)


class EveryPatientController(Controller):
    path = "/v1/patients"
    tags = ("Clinics",)

    @get(operation_id="FindPatients", opt={"query": (FindQuery,)})
    async def find_patients(
        self, request: Call, patients: NamedDependency[PatientService]
    ) -> list[PatientInClinicJson]:
        query = FindQuery.of(request)
        found = await patients.find(
            request.user,
            mrn=query.mrn,
            birth_date=query.birth_date,
            workspace_id=query.workspace_id,
            workspace_type=query.workspace_id_type,
            page=query.page(),
        )
        return [patient_in_clinic_json(each) for each in found]

    @get("/{userId:str}/clinics", operation_id="ListClinicsForPatient", opt={"query": (PageQuery,)})
    async def list_clinics_for_patient(
        self, request: Call, user_id: ByUser, patients: NamedDependency[PatientService]
    ) -> list[PatientInClinicJson]:
        found = await patients.clinics_of(user_id, PageQuery.of(request).page())
        return [patient_in_clinic_json(each) for each in found]

    @put("/{userId:str}/data_sources", operation_id="UpdatePatientDataSources")
    async def update_patient_data_sources(
        self,
        user_id: ByUser,
        patients: NamedDependency[PatientService],
        data: JSONBody[list[DataSourceBody]],
    ) -> None:
        sources = tuple(each.data_source() for each in data)
        await patients.set_data_sources(user_id, sources)
