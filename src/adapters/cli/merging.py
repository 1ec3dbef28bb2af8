"""`clinic merge` and `clinic merge-report`: two clinics become one, and what that would mean."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

_ID: Final = re.compile(r"[a-f0-9]{24}")


def _clinic_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise typer.BadParameter("this is no id of a clinic: 24 lower-case hexadecimal digits")
    return text


Source = Annotated[str, typer.Argument(callback=_clinic_id, help="The clinic that goes.")]
Target = Annotated[str, typer.Argument(callback=_clinic_id, help="The clinic that stays.")]


def merge_report(
    source: Source,
    target: Target,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", dir_okay=False, writable=True, help="The spreadsheet to be written."
        ),
    ],
) -> None:
    """
    Write a spreadsheet about what a merge would do.

    Nothing is changed. The exit code is 3 where something is in the way of the merge.

        clinic merge-report 65f1… 65f2… -o report.xlsx
    """
    from adapters.cli.merges import report  # noqa: PLC0415 - whoever asks for help waits for none

    report(source, target, output)


def merge(
    source: Source,
    target: Target,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Merge one clinic into another: tags, sites, clinicians, patients and share codes.

    All of it happens or nothing. The exit code is 3 where something is in the way, and then nothing
    has changed. Whoever is a patient or a clinician of both keeps the record of the target.

        clinic merge 65f1… 65f2… --dry-run
        clinic merge 65f1… 65f2… --yes
    """
    from adapters.cli.merges import merge_two  # noqa: PLC0415 - as above

    merge_two(source, target, is_rehearsal=dry_run, is_meant=yes)
