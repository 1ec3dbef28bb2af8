"""What goes wrong in the ordinary course of things ends in a sentence, not in a traceback."""

from typing import Any, Final

import typer
from typer.core import TyperGroup

from adapters.settings import SettingError
from clinic_domain.errors import DomainError

INTERRUPTED: Final = 130


class Failed(Exception):
    """A command cannot do what it was asked for; the message says why, and what would help."""


class CliGroup(TyperGroup):
    """Commands whose expected failures are told in a line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (DomainError, Failed, SettingError) as error:
            message = str(error)
        typer.secho("Error: ", fg="red", err=True, nl=False)
        typer.echo(message, err=True)
        raise typer.Exit(1)
