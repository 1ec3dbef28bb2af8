"""`clinic`: serve the API, keep the database, users and tokens of an installation."""

import os
from typing import Annotated

import typer

from adapters.cli import copying, ehr, mail, merging, tokens, users
from adapters.cli.failures import CliGroup
from adapters.cli.running import HELP, prepared, run, settings_of
from adapters.settings import described

app = typer.Typer(
    name="clinic",
    cls=CliGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
app.add_typer(users.app, name="user")
app.add_typer(tokens.app, name="token")
app.add_typer(mail.app, name="mail")
app.add_typer(ehr.app, name="ehr")
db = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Keep the database.")
app.add_typer(db, name="db")
app.command("copy")(copying.copy_)
app.command("merge")(merging.merge)
app.command("merge-report")(merging.merge_report)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib import metadata  # noqa: PLC0415 - for one line

        typer.echo(metadata.version("clinic-domain"))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version, and stop."
        ),
    ] = False,
) -> None:
    r"""
    A clinic service.

    To try it out, on this machine alone and with the file `clinic.db` in this folder:

        clinic user add doctor@example.com --name "Dr. Doe"
        TOKEN=$(clinic token issue doctor@example.com)
        clinic serve &
        curl localhost:8080/v1/clinics \
            -H "x-tidepool-session-token: $TOKEN" -H "content-type: application/json" \
            -d '{"name": "My clinic", "preferredBgUnits": "mg/dL"}'

    `clinic settings` lists the environment variables that all commands obey.
    """


@app.command()
def serve(  # noqa: PLR0917 - Typer passes them by name
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [CLINIC_HOST].")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port of the API [CLINIC_PORT].")] = None,
    storage: Annotated[
        str | None, typer.Option(help="Where clinics are kept [CLINIC_STORAGE].")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many processes answer [CLINIC_WORKERS].")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="The port of the metrics, 0 for none [CLINIC_METRICS_PORT].")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warn, error [LOG_LEVEL].")
    ] = None,
) -> None:
    """
    Serve the API until SIGTERM or Ctrl-C.

    Options win over the environment variables that they name. The database is brought to the
    schema of this version first.

        clinic serve --port 9000 --workers 4
        clinic serve --storage sqlite:////var/lib/clinic/clinic.db
        CLINIC_HOST=0.0.0.0 clinic serve
    """
    options = {
        "CLINIC_HOST": host,
        "CLINIC_PORT": port,
        "CLINIC_STORAGE": storage,
        "CLINIC_WORKERS": workers,
        "CLINIC_METRICS_PORT": metrics_port,
        "LOG_LEVEL": log_level,
    }
    # Into the environment, which the workers read.
    os.environ.update({name: str(value) for name, value in options.items() if value is not None})
    from adapters.cli import server  # noqa: PLC0415 - no other command needs a server

    server.serve(settings_of())


@db.command()
def upgrade() -> None:
    """
    Bring the database to the schema of this version.

    `clinic serve` does so by itself; any number of processes may do it at once.
    """
    run(prepared(settings_of()))
    typer.echo("The database is up to date.", err=True)


@app.command()
def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """List the environment variables, with their defaults, present values and meanings."""
    if markdown:
        typer.echo("| Variable | Default | Meaning |\n|---|---|---|")
        for one in described():
            default = f"`{one.default}`" if one.default else ""
            typer.echo(f"| `{one.name}` | {default} | {one.help} |")
        return
    from rich.console import Console  # noqa: PLC0415 - for this command alone
    from rich.padding import Padding  # noqa: PLC0415 - as above

    console = Console(highlight=False)
    for one in described():
        now = os.environ.get(one.name)
        console.print(one.name, style="bold", end="")
        console.print(
            f"  [{one.default}]" if one.default else "", style="dim", end="", markup=False
        )
        if now is not None:
            console.print(f"  now {one.shown(now)}", markup=False, end="")
        console.print()
        console.print(Padding(one.help.replace("`", ""), (0, 0, 0, 4)))
