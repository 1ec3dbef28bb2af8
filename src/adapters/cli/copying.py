"""`clinic copy`: everything from one storage to another."""

from pathlib import Path
from typing import Annotated

import typer


def copy_(
    source: Annotated[
        str,
        typer.Option("--from", envvar="CLINIC_COPY_FROM", help="Where everything is, a URL."),
    ],
    destination: Annotated[
        str,
        typer.Option("--to", envvar="CLINIC_COPY_TO", help="Where everything goes, a URL."),
    ],
    left_out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            writable=True,
            help="A file for what cannot be copied: a line of JSON with kind, id and reason each.",
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Exit with 0 although something could not be copied."),
    ] = False,
) -> None:
    r"""
    Copy everything from one storage to another, and verify it.

    URLs are those of CLINIC_STORAGE. Nobody may write to either storage meanwhile. The source is
    only read; the destination is empty, or what an interrupted copy has left: then this goes on
    with the rest. A destination with anything else is left alone.

    Between two MongoDBs documents are copied byte by byte. On the way to or from another kind of
    database they lose what this service does not know, such as members that other programs added.
    What the destination has no place for is not copied but listed, and the exit code is 3: records
    of clinics that are gone, which PostgreSQL and SQLite refuse, and documents that make no sense.

        clinic copy --from sqlite:///clinic.db --to postgresql://user:password@host/clinic
        clinic copy --from mongodb://host/clinic --to sqlite:///clinic.db --left-out lost.jsonl
        CLINIC_COPY_TO=postgresql://... clinic copy --from sqlite:///clinic.db
    """
    from adapters.cli.copies import copy_all  # noqa: PLC0415 - whoever asks for help waits for none

    copy_all(source, destination, left_out, is_partial=partial)
