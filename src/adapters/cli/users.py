"""`clinic user`: the accounts of this installation."""

import json
import re
import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from adapters.cli.failures import Failed
from adapters.cli.running import with_accounts
from clinic_domain.access.model import Principal
from clinic_domain.users import Account, EmailTaken, PatientProfile, Profile, UserNotFound
from clinic_domain.values import UserId

if TYPE_CHECKING:
    from adapters.container import Container

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keep the users of this installation (CLINIC_IDENTITY=local).",
)

_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+")


def unknown(name: str) -> Failed:
    """Return the failure for a name that nobody has."""
    return Failed(f"there is no user {name}; `clinic user list` shows who there is")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise typer.BadParameter("this is no e-mail address")
    return text


def _date(text: str | None) -> str | None:
    try:
        return text and date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter("this is no date like 1990-01-31") from None


@app.command()
def add(  # noqa: PLR0917 - Typer passes them by name
    email: Annotated[str, typer.Argument(callback=_address, help="The user's e-mail address.")],
    name: Annotated[str | None, typer.Option(help="The user's full name.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="A role of the account, for example `clinic`; repeatable."),
    ] = None,
    patient_name: Annotated[
        str | None, typer.Option(help="The patient's name, where the user acts for somebody else.")
    ] = None,
    birthday: Annotated[
        str | None, typer.Option(callback=_date, help="The patient's birthday, YYYY-MM-DD.")
    ] = None,
    mrn: Annotated[str | None, typer.Option(help="The patient's medical record number.")] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="A device of the patient; repeatable.")
    ] = None,
) -> None:
    """
    Add a user, and print the new user id.

    What is said of a patient is for users who are patients or act for one.

        clinic user add doctor@example.com --name "Dr. Doe"
        clinic user add parent@example.com --patient-name "Kim Doe" --birthday 2014-06-05
        clinic user add legacy@example.com --name "Old Clinic" --role clinic
    """
    profile = Profile(
        name,
        PatientProfile(patient_name, birthday, mrn, tuple(device) if device else None),
    )

    async def work(container: "Container") -> Account:
        return await container.accounts().add(email, profile, role or ())

    try:
        account = with_accounts(work)
    except EmailTaken:
        raise Failed(f"there is a user {email} already") from None
    typer.echo(account.user.id)


@app.command()
def add_program(
    client_id: Annotated[str, typer.Argument(help="The client id that the program signs in with.")],
    name: Annotated[str | None, typer.Option(help="What clinicians see.")] = None,
) -> None:
    """
    Add a service account, which a clinic can take in as a clinician, and print its secret.

    The secret is printed once and kept nowhere.

        SECRET=$(clinic user add-program my-program --name "My program")
    """

    async def work(container: "Container") -> tuple[Account, str]:
        return await container.accounts().add_program(client_id, Profile(name))

    try:
        account, secret = with_accounts(work)
    except EmailTaken:
        raise Failed(f"there is a user {client_id} already") from None
    typer.echo(f"user id {account.user.id}, client id {client_id}", err=True)
    typer.echo(secret)


@app.command("list")
def list_(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per user.")
    ] = False,
) -> None:
    """List the users."""

    async def work(container: "Container") -> tuple[Account, ...]:
        return await container.accounts().all()

    rows = [_row(account) for account in with_accounts(work)]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(*_COLUMNS, box=box.SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*row.values())
    # A pipe has no width, and half an id is none.
    Console(width=None if sys.stdout.isatty() else 250).print(table)
    if not rows:
        typer.echo("There are no users yet; `clinic user add` adds one.", err=True)


@app.command()
def remove(
    user: Annotated[str, typer.Argument(help="A user id or an e-mail address.")],
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere", help="Remove the user from all clinics, too, as patient and clinician."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Remove a user and all tokens of the user.

    Records in clinics stay, unless they are to go as well.

        clinic user remove doctor@example.com
        clinic user remove 1a2b3c4d5e --everywhere --yes
    """
    if not yes:
        where = " and all records in clinics" if everywhere else ""
        typer.confirm(f"Remove {user}, all tokens{where}?", abort=True, err=True)

    async def work(container: "Container") -> Account:
        accounts = container.accounts()
        account = await accounts.get(user)
        if everywhere:
            by = Principal(UserId("clinic"), is_server=True)
            await container.application().accounts.remove_everywhere(account.user.id, by)
        return await accounts.remove(account.user.id)

    try:
        with_accounts(work)
    except UserNotFound:
        raise unknown(user) from None


_COLUMNS: Final = ("id", "username", "name", "kind", "roles", "created")


def _row(account: Account) -> dict[str, str]:
    values = (
        account.user.id,
        account.user.username or "",
        account.profile.full_name or "",
        _kind(account),
        " ".join(account.user.roles),
        account.created_time.isoformat(timespec="seconds"),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _kind(account: Account) -> str:
    if account.is_server:
        return "service"
    if account.client_secret_hash is not None:
        return "program"
    return "user" if account.custodian is None else "custodial"
