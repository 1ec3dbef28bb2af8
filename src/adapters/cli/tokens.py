"""`clinic token`: the session tokens of this installation."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.failures import Failed
from adapters.cli.running import settings_of, with_accounts
from adapters.cli.users import unknown
from adapters.settings import duration
from clinic_domain.users import UserNotFound

if TYPE_CHECKING:
    from adapters.container import Container

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Give out and revoke session tokens (CLINIC_IDENTITY=local).",
)


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        lifetime = duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} {error}") from None
    if not timedelta() < lifetime <= timedelta(days=36500):
        raise typer.BadParameter("a token is valid for at least a moment and at most 100 years")
    return lifetime


@app.command()
def issue(
    user: Annotated[
        str, typer.Argument(help="A user id or an e-mail address; with --server any name.")
    ],
    server: Annotated[
        bool,
        typer.Option("--server", help="For a backend service, which may do everything."),
    ] = False,
    lifetime: Annotated[
        str | None,
        typer.Option(help="How long it is valid, like 90s or 8h [CLINIC_TOKEN_LIFETIME]."),
    ] = None,
) -> None:
    """
    Print a new session token, and nothing else.

    Requests carry it in the header `x-tidepool-session-token`.

        TOKEN=$(clinic token issue doctor@example.com)
        SERVICE=$(clinic token issue --server reports --lifetime 720h)
    """
    from adapters.local_identity import IsNoService, IsService  # noqa: PLC0415 - loaded for the work

    valid = _lifetime(lifetime) or settings_of().variables.token_lifetime

    async def work(container: "Container") -> str:
        accounts = container.accounts()
        if server:
            return await accounts.issue_for_service(user, valid)
        return await accounts.issue(user, valid)

    try:
        token = with_accounts(work)
    except UserNotFound:
        raise unknown(user) from None
    except IsService:
        raise Failed(f"{user} is a backend service: say --server if you mean it") from None
    except IsNoService:
        raise Failed(f"{user} is a user: leave --server out, or take another name") from None
    typer.echo(token)


@app.command()
def revoke(
    token: Annotated[
        str | None, typer.Argument(help="The token; `-` reads it from standard input.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Revoke all tokens of this user or service.")
    ] = None,
) -> None:
    """
    End a session, or all sessions of a user.

    The next request with the token is refused.

        clinic token revoke "$TOKEN"
        clinic token revoke --user doctor@example.com
    """
    if (token is None) == (user is None):
        raise typer.BadParameter("give either a token or --user")

    async def work(container: "Container") -> int:
        accounts = container.accounts()
        if user is not None:
            return await accounts.revoke_all(user)
        text = sys.stdin.read() if token == "-" else token or ""
        return int(await accounts.revoke(text))

    try:
        revoked = with_accounts(work)
    except UserNotFound:
        raise unknown(user or "") from None
    if user is None and not revoked:
        raise Failed("this is no token that is valid here")
    typer.echo(f"{revoked} revoked", err=True)
