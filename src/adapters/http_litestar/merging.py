"""Controllers of merges of clinics."""

import asyncio
from typing import Final

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.paths import ByClinic, Call
from adapters.http_litestar.response import BytesResponse
from adapters.http_litestar.wire.merging import MergeBody, plan_json
from clinic_domain.merging.ports import Workbooks
from clinic_domain.merging.report import report_of
from clinic_domain.merging.service import MergeService
from clinic_domain.values import ClinicId

_JSON: Final = "application/json"
_WORKBOOK: Final = "application/vnd.ms-excel"
"""Of another format, in truth, but what callers have always been told."""


class MergeController(Controller):
    path = "/v1/clinics/{clinicId:str}"
    tags = ("Clinics",)

    @post("/reports/merge", operation_id="GenerateMergeReport", status_code=200)
    async def generate_merge_report(
        self,
        request: Call,
        clinic_id: ByClinic,
        merging: NamedDependency[MergeService],
        workbooks: NamedDependency[Workbooks],
        data: JSONBody[MergeBody],
    ) -> BytesResponse:
        plan = await merging.plan(ClinicId(data.source_id), clinic_id)
        # Whoever does not ask for exactly this gets what people read.
        if request.headers.get("accept") == _JSON:
            pretty = "pretty" in request.query_params
            # In a thread: a large plan takes seconds, and others want answers meanwhile.
            content = await asyncio.to_thread(plan_json, plan, pretty=pretty)
            return BytesResponse(content, media_type=_JSON)
        name = f"merge-report-{int(plan.created_time.timestamp())}.xlsx"
        return BytesResponse(
            await workbooks.written(report_of(plan)),
            media_type=_WORKBOOK,
            headers={"Content-Disposition": f"attachment; filename={name}"},
        )

    @post("/merge", operation_id="MergeClinic", status_code=200)
    async def merge_clinic(
        self,
        clinic_id: ByClinic,
        merging: NamedDependency[MergeService],
        data: JSONBody[MergeBody],
    ) -> None:
        await merging.merge(ClinicId(data.source_id), clinic_id)
