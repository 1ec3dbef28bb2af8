"""`clinic merge` and `clinic merge-report`: two clinics become one, and what that would mean."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import attrs
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from adapters import mongo
from adapters.cli import logs
from adapters.cli.failures import Failed
from adapters.cli.running import opened, settings_of
from adapters.container import Container
from clinic_domain.merging.errors import MergePrevented
from clinic_domain.merging.model import Category, MergePlan
from clinic_domain.merging.report import report_of
from clinic_domain.merging.rules import measures
from clinic_domain.merging.service import Progress, Stage
from clinic_domain.values import ClinicId

T = TypeVar("T")

PREVENTED: Final = 3
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

    async def work(container: Container, _: "_Display") -> MergePlan:
        plan = await container.application().merging.plan(ClinicId(source), ClinicId(target))
        output.write_bytes(await container.workbooks().written(report_of(plan)))
        return plan

    plan = _run(work)
    typer.echo(str(output))
    _tell_reasons(plan.reasons())


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
    ids = ClinicId(source), ClinicId(target)
    if dry_run or not yes:
        plan = _run(lambda container, _: container.application().merging.plan(*ids))
        _show(plan)
        _tell_reasons(plan.reasons())
        if dry_run:
            return
        typer.confirm(
            f"Merge {plan.source.name!r} into {plan.target.name!r}? There is no way back",
            abort=True,
            err=True,
        )
    try:
        plan = _run(
            lambda container, display: container.application().merging.merge(*ids, display.show)
        )
    except MergePrevented as refusal:
        _tell_reasons(refusal.args)
        raise
    if yes:
        _show(plan)
    typer.echo(f"merged: {plan.target.clinic.id}")


def _run(work: Callable[[Container, "_Display"], Awaitable[T]]) -> T:
    settings = settings_of()
    logs.configure("warning")
    if settings.storage_kind == "memory":
        raise Failed("with CLINIC_STORAGE=memory: there are no clinics before a service runs")
    display = _Display(Console(stderr=True, highlight=False))

    async def run() -> T:
        async with opened(settings) as container:
            return await work(container, display)

    try:
        with display.bars:
            return asyncio.run(run())
    except mongo.ServerError as error:
        raise Failed(f"MongoDB says {' '.join(error.args)}") from None


def _show(plan: MergePlan) -> None:
    """Print the numbers of a plan."""
    found = measures(plan)
    table = Table("", plan.target.name, box=box.SIMPLE, show_edge=False)
    for name, number in (
        ("members and admins", found.members),
        ("  downgraded from admin", found.downgraded),
        ("tags", found.tags),
        ("  that both have", found.duplicate_tags),
        ("sites", found.sites),
        ("  renamed", found.renamed_sites),
        ("patients", found.patients),
        *((f"  {category.lower()}", found.conflicts[category]) for category in Category),
    ):
        table.add_row(name, f"{number:,}")
    Console(highlight=False).print(table)


def _tell_reasons(reasons: tuple[str, ...]) -> None:
    """Print what is in the way, and stop if anything is."""
    for reason in reasons:
        typer.secho("In the way: ", fg="red", err=True, nl=False)
        typer.echo(reason, err=True)
    if reasons:
        raise typer.Exit(PREVENTED)


@attrs.define(eq=False)
class _Display:
    """How far a merge is: a bar on a terminal, else a line for each stage."""

    _console: Console
    bars: Bars = attrs.field(init=False)
    _stage: Stage | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def show(self, progress: Progress) -> None:
        if progress.stage is not self._stage:
            self._stage = progress.stage
            if self.bars.disable:
                self._console.print(str(progress.stage))
            else:
                self.bars.add_task(progress.stage, total=progress.total or None)
        task = self.bars.task_ids[-1] if self.bars.task_ids else None
        if task is not None:
            self.bars.update(task, completed=progress.done, total=progress.total or None)
