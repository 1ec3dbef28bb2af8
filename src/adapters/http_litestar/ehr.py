"""Controllers of what EHR partners, and workers for them, call."""

from abc import abstractmethod
from typing import Any, Final, Protocol, Self, runtime_checkable
from urllib.parse import parse_qs

import attrs
from litestar import Controller, MediaType, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.assets import Assets
from adapters.http_litestar.errors import Refusal, invalid
from adapters.http_litestar.paths import ByClinic, ByPatient
from adapters.http_litestar.query import Query
from adapters.http_litestar.response import JsonResponse
from adapters.http_litestar.wire.ehr import MatchBody, MatchJson, match_json
from clinic_domain.ehr.errors import (
    InvalidBearer,
    InvalidRestrictedToken,
    InvalidToken,
    MessageRefRequired,
)
from clinic_domain.ehr.service import MessageService

REDOX: Final = "/v1/redox"
_VERIFICATION: Final = "verification-token"

AnyRequest = Request[Any, Any, State]


@runtime_checkable
class RedoxPartner(Protocol):
    """Understands what Redox sends, and raises refusals of the core."""

    @abstractmethod
    def answer(self, body: bytes) -> dict[str, Any]: ...

    @abstractmethod
    async def receive(self, token: str | None, body: bytes) -> None: ...


class Page(Protocol):
    """A page, and the only other origin that it may talk to."""

    @property
    def html(self) -> str: ...

    @property
    def origin(self) -> str: ...


@runtime_checkable
class XealthPartner(Protocol):
    """Understands what Xealth sends, and raises refusals of the core."""

    @abstractmethod
    def admit(self, authorization: str | None) -> None: ...

    @abstractmethod
    async def preorder(self, body: bytes) -> dict[str, Any]: ...

    @abstractmethod
    async def notification(self, body: bytes) -> None: ...

    @abstractmethod
    async def programs(self, body: bytes) -> dict[str, Any]: ...

    @abstractmethod
    async def program_url(self, body: bytes) -> dict[str, Any]: ...

    @abstractmethod
    async def report_page(self, clinic_id: str, patient_id: str, token: str) -> Page: ...


class NoPartner(RedoxPartner, XealthPartner):
    """Where no partner is connected, nobody is let in."""

    def answer(self, body: bytes) -> dict[str, Any]:
        raise InvalidToken

    async def receive(self, token: str | None, body: bytes) -> None:
        raise InvalidToken

    def admit(self, authorization: str | None) -> None:
        raise InvalidBearer

    async def preorder(self, body: bytes) -> dict[str, Any]:
        raise InvalidBearer

    async def notification(self, body: bytes) -> None:
        raise InvalidBearer

    async def programs(self, body: bytes) -> dict[str, Any]:
        raise InvalidBearer

    async def program_url(self, body: bytes) -> dict[str, Any]:
        raise InvalidBearer

    async def report_page(self, clinic_id: str, patient_id: str, token: str) -> Page:
        raise InvalidRestrictedToken


@attrs.frozen
class Partners:
    """Who speaks for the partners, and the files of the page that shows reports to one of them."""

    redox: RedoxPartner = attrs.field(factory=NoPartner)
    xealth: XealthPartner = attrs.field(factory=NoPartner)
    assets: Assets | None = None


class RedoxController(Controller):
    path = REDOX
    tags = ("Internal", "Redox", "Clinics")

    @post(
        operation_id="ProcessEHRMessage",
        status_code=200,
        request_max_body_size=None,
    )
    async def process_ehr_message(
        self, request: AnyRequest, redox: NamedDependency[RedoxPartner]
    ) -> None:
        # The gate counts what comes.
        await redox.receive(request.headers.get(_VERIFICATION), await request.body())

    @post("/verify", operation_id="VerifyEndpoint", status_code=200)
    async def verify_endpoint(
        self, request: AnyRequest, redox: NamedDependency[RedoxPartner]
    ) -> JsonResponse[dict[str, Any]]:
        return JsonResponse(redox.answer(await _bound(request)))

    @post("/match", operation_id="MatchClinicAndPatient", status_code=200)
    async def match_clinic_and_patient(
        self,
        messages: NamedDependency[MessageService],
        data: JSONBody[MatchBody | None] = None,
    ) -> MatchJson:
        if data is None:
            raise MessageRefRequired
        return match_json(await messages.match(data.request()))


class SyncController(Controller):
    path = "/v1"
    tags = ("Clinics", "Internal")

    @post("/clinics/{clinicId:str}/ehr/sync", operation_id="SyncEHRData", status_code=202)
    async def sync_ehr_data(
        self, clinic_id: ByClinic, messages: NamedDependency[MessageService]
    ) -> None:
        await messages.order_reports_of_clinic(clinic_id)

    @post(
        "/patients/{patientId:str}/ehr/sync", operation_id="SyncEHRDataForPatient", status_code=202
    )
    async def sync_ehr_data_for_patient(
        self, patient_id: ByPatient, messages: NamedDependency[MessageService]
    ) -> None:
        await messages.order_reports_of_patient(patient_id)


class ReportQuery(Query, rename=None):
    """What the page has to be told; values may be empty, which nobody's is."""

    clinicId: str  # noqa: N815 - as it is spelled beside the other one
    patientId: str  # noqa: N815 - likewise
    restricted_token: str

    @classmethod
    def read(cls, query_string: bytes) -> Self:
        given = parse_qs(query_string.decode("latin-1"), keep_blank_values=True, errors="replace")
        return cls(*(_only(name, given.get(name, [])) for name in cls.__struct_fields__))


def _only(name: str, values: list[str]) -> str:
    wrong = f"Invalid format for parameter {name}: "
    if not values:
        raise invalid(f"{wrong}query parameter '{name}' is required")
    if len(values) > 1:
        raise invalid(f"{wrong}multiple values for single value parameter '{name}'")
    # What is no text is nobody's.
    return values[0].replace("\0", "\ufffd")


class XealthController(Controller):
    path = "/v1/xealth"
    tags = ("Clinics", "Internal")

    @post("/preorder", operation_id="XealthPreorder", status_code=200)
    async def preorder(
        self, request: AnyRequest, xealth: NamedDependency[XealthPartner]
    ) -> JsonResponse[dict[str, Any]]:
        _admit(xealth, request)
        return JsonResponse(await xealth.preorder(await request.body()))

    @put("/programs", operation_id="XealthGetPrograms")
    async def programs(
        self, request: AnyRequest, xealth: NamedDependency[XealthPartner]
    ) -> JsonResponse[dict[str, Any]]:
        _admit(xealth, request)
        return JsonResponse(await xealth.programs(await _bound(request)))

    @put("/program", operation_id="XealthGetProgramUrl")
    async def program_url(
        self, request: AnyRequest, xealth: NamedDependency[XealthPartner]
    ) -> JsonResponse[dict[str, Any]]:
        _admit(xealth, request)
        return JsonResponse(await xealth.program_url(await _bound(request)))

    @post("/notification", operation_id="XealthNotification", status_code=200)
    async def notification(
        self, request: AnyRequest, xealth: NamedDependency[XealthPartner]
    ) -> None:
        _admit(xealth, request)
        await xealth.notification(await _bound(request))

    @get(
        "/report/web/viewer.html",
        operation_id="ViewPDFReport",
        opt={"query": (ReportQuery,)},
        media_type=MediaType.HTML,
    )
    async def view_pdf_report(
        self, request: AnyRequest, xealth: NamedDependency[XealthPartner]
    ) -> Response[str]:
        query = ReportQuery.of(request)
        page = await xealth.report_page(query.clinicId, query.patientId, query.restricted_token)
        return Response(page.html, media_type=MediaType.HTML, headers=_headers(page.origin))


def _admit(xealth: XealthPartner, request: AnyRequest) -> None:
    xealth.admit(request.headers.get("authorization"))


async def _bound(request: AnyRequest) -> bytes:
    """Return a body that says that it is JSON, or none (EXEMPT-7)."""
    body = await request.body()
    if body and not request.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(415, "Unsupported Media Type")
    return body


def _headers(origin: str) -> dict[str, str]:
    """Let a page run its own files alone and fetch the report, and keep it to those who see it."""
    return {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; "
            f"connect-src 'self' {origin}; img-src 'self' data: blob:; font-src 'self' data:; "
            "base-uri 'none'; form-action 'none'; object-src 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
