"""Controllers of glucose summaries, and of the report that rests on them."""

from typing import Annotated, Any, Final

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from adapters.http_litestar.body import read
from adapters.http_litestar.errors import invalid
from adapters.http_litestar.metrics import PeriodText
from adapters.http_litestar.paths import ByClinic, ByPatient, BySummary, Call
from adapters.http_litestar.query import Query
from adapters.http_litestar.response import JsonResponse
from adapters.http_litestar.wire.fields import Anything, DateTimeText, ObjectIdText
from adapters.http_litestar.wire.summaries import SummaryBody
from adapters.http_litestar.wire.tide import TideJson, tide_json
from clinic_domain.patients.glucose import SummaryService, TideService
from clinic_domain.patients.summaries import Period
from clinic_domain.patients.tide import DEFAULT_CATEGORIES, Category, TideQuery
from clinic_domain.values import ClinicId, TagId

_NO_CHANGE: Final = {204: ResponseSpec(None, description="There is nothing to change")}


class TideParameters(Query):
    period: PeriodText
    tags: Annotated[list[ObjectIdText], Meta(min_length=1)]
    last_data_cutoff: DateTimeText
    categories: list[Category] | None = None
    exclude_no_data: bool = False

    def query(self, clinic_id: ClinicId) -> TideQuery:
        if self.last_data_cutoff.is_no_bound:
            raise invalid("bad request: no lastDataCutoff provided")
        return TideQuery(
            clinic_id,
            Period(str(self.period)),
            tuple(TagId(str(tag)) for tag in self.tags),
            self.last_data_cutoff.moment(),
            DEFAULT_CATEGORIES if self.categories is None else tuple(self.categories),
            exclude_no_data=self.exclude_no_data,
        )


class TideController(Controller):
    path = "/v1/clinics/{clinicId:str}/tide_report"
    tags = ("Clinics",)

    @get(operation_id="TideReport", opt={"query": (TideParameters,)})
    async def tide_report(
        self, request: Call, clinic_id: ByClinic, tide: NamedDependency[TideService]
    ) -> TideJson:
        parameters = TideParameters.of(request)
        query = parameters.query(clinic_id)
        return tide_json(query, parameters.last_data_cutoff, await tide.report(query))


class SummaryController(Controller):
    path = "/v1"
    tags = ("Clinics", "Internal")

    @post(
        "/patients/{patientId:str}/summary",
        operation_id="UpdatePatientSummary",
        status_code=200,
        responses=_NO_CHANGE,
    )
    async def update_patient_summary(
        self,
        request: Call,
        patient_id: ByPatient,
        summaries: NamedDependency[SummaryService],
        data: JSONBody[SummaryBody | None] = None,
    ) -> JsonResponse[None]:
        """Replace a summary part by part, or without a body remove it (SUMMARY-1 to SUMMARY-7)."""
        if data is None:
            return _done(await summaries.remove(patient_id))
        cgm, bgm = data.parts(read(await request.body(), Anything))
        return _done(await summaries.replace(patient_id, cgm, bgm))

    @delete(
        "/summaries/{summaryId:str}/clinics",
        operation_id="DeletePatientSummary",
        status_code=200,
        responses=_NO_CHANGE,
    )
    async def delete_patient_summary(
        self, summary_id: BySummary, summaries: NamedDependency[SummaryService]
    ) -> JsonResponse[None]:
        return _done(await summaries.remove_stats(summary_id))


def _done(records: int) -> JsonResponse[Any]:
    if records:
        return JsonResponse(None)
    return JsonResponse(None, status_code=204, headers={"content-type": "application/json"})
