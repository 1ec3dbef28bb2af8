"""The use cases, and the API over them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from adapters.settings import Settings

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from clinic_domain.access.ports import Sessions
    from clinic_domain.application import Application
    from clinic_domain.merging.ports import Workbooks
    from clinic_domain.ports import Clock
    from clinic_domain.storage import Storage


def new_application(storage: "Storage", **ports: Any) -> "Application":
    from clinic_domain.application import Application  # noqa: PLC0415 - `db upgrade` needs none

    return Application.over(storage, **ports)


def new_workbooks() -> "Workbooks":
    from adapters.spreadsheet import XlsxWorkbooks  # noqa: PLC0415 - as above

    return XlsxWorkbooks()


def new_asgi(
    settings: Settings,
    *,
    application: "Application",
    sessions: "Sessions",
    workbooks: "Workbooks",
    clock: "Clock",
    readiness: Callable[[], Awaitable[None]],
    lifespan: Sequence[Callable[[], AbstractAsyncContextManager[None]]],
) -> "ASGIApp":
    from adapters.http_litestar import Options, Partners, create_app  # noqa: PLC0415 - for servers
    from adapters.redox import RedoxWebhook  # noqa: PLC0415 - for servers
    from adapters.xealth import ViewerAssets, XealthWebhook  # noqa: PLC0415 - for servers

    variables = settings.variables
    return create_app(
        application,
        sessions,
        workbooks,
        readiness=readiness,
        options=Options(
            max_body_size=variables.max_body,
            max_message_size=variables.redox_max_body,
            lifespan=lifespan,
        ),
        partners=Partners(
            redox=RedoxWebhook(application.messages, variables.redox_token),
            xealth=XealthWebhook(
                application.enrollments,
                variables.application_url,
                variables.xealth_token,
                variables.xealth_enabled,
            ),
            assets=ViewerAssets(clock.now()),
        ),
    )
