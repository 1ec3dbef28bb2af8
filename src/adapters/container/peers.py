"""What services of the platform and partners are asked with, where the settings name any."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from adapters.settings import Settings
from adapters.system import at_work, nothing, opened

if TYPE_CHECKING:
    import httpx

    from adapters.tidepool import ServerToken
    from adapters.xealth.client import XealthClient
    from clinic_domain.ehr.ports import OrderReader, RestrictedTokens, XealthOrders

Context = AbstractAsyncContextManager[None]


def new_http_client(settings: Settings) -> "httpx.AsyncClient":
    from adapters.tidepool import new_client  # noqa: PLC0415 - httpx is not for everybody

    variables = settings.variables
    return new_client(
        timeout=variables.peer_timeout.total_seconds(),
        without_proxy=(settings.shoreline, variables.seagull, variables.gatekeeper),
    )


def new_server_token(settings: Settings, client: "httpx.AsyncClient") -> "ServerToken":
    from adapters.tidepool import ServerToken  # noqa: PLC0415 - as above

    return ServerToken(client, settings.shoreline, settings.variables.server_token)


def new_auth_token(settings: Settings, client: "httpx.AsyncClient") -> "ServerToken":
    from adapters.tidepool import ServerToken  # noqa: PLC0415 - as above

    variables = settings.variables
    return ServerToken(client, f"{variables.auth_login}/auth", variables.auth_secret, "clinic")


def new_restricted_tokens(
    settings: Settings,
    client: Callable[[], "httpx.AsyncClient"],
    server_token: Callable[[], "ServerToken"],
    auth_token: Callable[[], "ServerToken"],
) -> "RestrictedTokens | None":
    """Return None where no auth service gives any out."""
    if settings.auth_login == "none":
        return None
    from adapters.tidepool import Peer, TidepoolRestrictedTokens  # noqa: PLC0415 - as above

    token = auth_token() if settings.auth_login == "external" else server_token()
    return TidepoolRestrictedTokens(Peer("auth", client(), settings.variables.auth or "", token))


def opened_platform(
    settings: Settings,
    client: Callable[[], "httpx.AsyncClient"],
    server_token: Callable[[], "ServerToken"],
) -> Context:
    """Keep the token for the platform fresh where that knows users, and close the client."""
    if settings.identity == "tidepool":
        return at_work(server_token().keep_fresh, client().aclose)
    if settings.auth_login != "none":
        return opened(nothing, client().aclose)
    return nullcontext()


def new_xealth_http(settings: Settings) -> "httpx.AsyncClient":
    from adapters.xealth.client import new_client  # noqa: PLC0415 - as above

    return new_client(timeout=settings.variables.peer_timeout.total_seconds())


def new_xealth_client(settings: Settings, client: "httpx.AsyncClient") -> "XealthClient":
    from adapters.xealth.client import Credentials, XealthClient  # noqa: PLC0415 - as above

    variables = settings.variables
    return XealthClient(
        client,
        Credentials(
            client_id=variables.xealth_client_id,
            client_secret=variables.xealth_client_secret,
            token_url=variables.xealth_token_url,
            base_url=variables.xealth_base_url,
        ),
    )


def new_xealth_orders(
    settings: Settings, client: Callable[[], "XealthClient"]
) -> "XealthOrders | None":
    """Return None where Xealth is not connected."""
    return client() if _asks_xealth(settings) else None


def _asks_xealth(settings: Settings) -> bool:
    return bool(settings.variables.xealth_client_id and settings.variables.xealth_client_secret)


def new_redox_orders() -> "OrderReader":
    from adapters.redox import RedoxOrders  # noqa: PLC0415 - as above

    return RedoxOrders()


def opened_partners(
    settings: Settings,
    xealth: Callable[[], "httpx.AsyncClient"],
    auth_token: Callable[[], "ServerToken"],
) -> Context:
    """Keep the token for the auth service fresh where that has one of its own."""
    close = xealth().aclose if _asks_xealth(settings) else nothing
    if settings.auth_login != "external":
        return opened(nothing, close)
    lifetime = settings.variables.auth_token_lifetime.total_seconds()
    return at_work(partial(auth_token().keep_fresh, lifetime), close)
