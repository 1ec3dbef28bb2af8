"""The API as an ASGI application."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any, Final

import attrs
import msgspec
import structlog
from litestar import Litestar, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp

from adapters.http_litestar.body import JsonBody
from adapters.http_litestar.clinicians import (
    ClinicianController,
    EveryClinicianController,
    InvitedClinicianController,
    UserController,
)
from adapters.http_litestar.clinics import ClinicController
from adapters.http_litestar.documentation import PAGES, ShapedSchemas, document_of, pages
from adapters.http_litestar.ehr import (
    REDOX,
    Partners,
    RedoxController,
    SyncController,
    XealthController,
)
from adapters.http_litestar.errors import handle
from adapters.http_litestar.gate import Gate
from adapters.http_litestar.glucose import SummaryController, TideController
from adapters.http_litestar.invites import (
    ClinicianInviteController,
    OwnInviteController,
    PatientInviteController,
    SharingController,
)
from adapters.http_litestar.labels import SiteController, TagController
from adapters.http_litestar.merging import MergeController
from adapters.http_litestar.migrations import LegacyClinicianController, MigrationController
from adapters.http_litestar.observation import Metrics
from adapters.http_litestar.patients import EveryPatientController, PatientController
from adapters.http_litestar.response import JsonResponse
from adapters.http_litestar.routing import Routes
from adapters.http_litestar.settings import SettingsController
from clinic_domain.access.ports import Sessions
from clinic_domain.application import Application
from clinic_domain.merging.ports import Workbooks

MEBIBYTE: Final = 1024 * 1024
READY: Final = "/ready"
LIVE: Final = "/live"
CONTROLLERS: Final = (
    ClinicController,
    TagController,
    SiteController,
    SettingsController,
    ClinicianController,
    InvitedClinicianController,
    EveryClinicianController,
    UserController,
    PatientController,
    EveryPatientController,
    SummaryController,
    TideController,
    ClinicianInviteController,
    OwnInviteController,
    PatientInviteController,
    SharingController,
    MergeController,
    MigrationController,
    LegacyClinicianController,
    RedoxController,
    SyncController,
    XealthController,
)

Readiness = Callable[[], Awaitable[None]]
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


@attrs.frozen(kw_only=True)
class Options:
    """How the API is served."""

    max_body_size: int = MEBIBYTE
    max_message_size: int = 16 * MEBIBYTE
    """Of what Redox sends."""
    has_documentation: bool = True
    lifespan: Sequence[Lifespan] = ()
    """Entered when the server starts and left, in the reverse order, when it stops."""
    metrics: Metrics = attrs.field(factory=Metrics)
    """Filled here, and shown wherever the installation wants (not on the port of the API)."""


def create_app(
    application: Application,
    sessions: Sessions,
    workbooks: Workbooks,
    *,
    readiness: Readiness,
    options: Options | None = None,
    partners: Partners | None = None,
) -> ASGIApp:
    """
    Return the API over the use cases of *application*.

    *sessions* knows who calls, *workbooks* makes spreadsheets of reports; *readiness* raises while
    the service cannot work; *partners* are those that are connected.
    """
    options, partners = options or Options(), partners or Partners()
    litestar = _litestar(application, workbooks, readiness, options, partners)
    open_pages = (READY, LIVE, *(PAGES if options.has_documentation else ()))
    return Gate(
        app=litestar,
        routes=Routes.of(open_pages),
        access=application.access,
        sessions=sessions,
        metrics=options.metrics,
        max_body_size=options.max_body_size,
        larger={REDOX: options.max_message_size},
        assets=partners.assets,
    )


def api_document(application: Application, workbooks: Workbooks) -> dict[str, Any]:
    """Return the OpenAPI document of the API."""
    options = Options(has_documentation=False)
    return document_of(_litestar(application, workbooks, _always, options, Partners()))


def _litestar(
    application: Application,
    workbooks: Workbooks,
    readiness: Readiness,
    options: Options,
    partners: Partners,
) -> Litestar:
    @cache
    def document() -> bytes:
        return msgspec.json.encode(document_of(litestar))

    handlers: list[Any] = [*CONTROLLERS, *_probes(readiness)]
    if options.has_documentation:
        handlers += pages(document)
    litestar = Litestar(
        handlers,
        dependencies={
            "accounts": _always_the_same(application.accounts),
            "clinician_invites": _always_the_same(application.clinician_invites),
            "clinicians": _always_the_same(application.clinicians),
            "clinics": _always_the_same(application.clinics),
            "merging": _always_the_same(application.merging),
            "messages": _always_the_same(application.messages),
            "migrations": _always_the_same(application.migrations),
            "patient_counts": _always_the_same(application.patient_counts),
            "patient_invites": _always_the_same(application.patient_invites),
            "patients": _always_the_same(application.patients),
            "redox": _always_the_same(partners.redox),
            "settings": _always_the_same(application.settings),
            "sites": _always_the_same(application.sites),
            "summaries": _always_the_same(application.summaries),
            "tide": _always_the_same(application.tide),
            "tag_service": _always_the_same(application.tags),
            "workbooks": _always_the_same(workbooks),
            "xealth": _always_the_same(partners.xealth),
        },
        dto=JsonBody,
        return_dto=None,
        exception_handlers={Exception: handle},
        lifespan=[_lifespan(options.lifespan)],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Clinics API",
            version="1.0",
            description="Stores information about clinics, clinicians and their patients",
            use_handler_docstrings=True,
        ),
        plugins=[ShapedSchemas()],
        request_max_body_size=options.max_body_size,
        response_class=JsonResponse,
    )
    return litestar


def _always_the_same(service: object) -> Provide:
    return Provide(lambda: service, use_cache=True, sync_to_thread=False)


def _lifespan(hooks: Sequence[Lifespan]) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for hook in hooks:
                await stack.enter_async_context(hook())
            yield

    return lifespan


async def _always() -> None:
    """Be ready."""


def _probes(readiness: Readiness) -> list[Any]:
    @get(READY, include_in_schema=False)
    async def ready() -> JsonResponse[None]:
        try:
            await readiness()
        except Exception as error:  # noqa: BLE001 - whatever it is, the service is not ready
            structlog.get_logger("clinic").warning("not ready", reason=type(error).__name__)
            return JsonResponse(None, status_code=503)
        return JsonResponse(None)

    @get(LIVE, include_in_schema=False)
    async def live() -> None:
        """Say that the process answers."""

    return [ready, live]
