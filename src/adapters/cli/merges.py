"""What `clinic merge` and `clinic merge-report` do."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import attrs
import typer
from rich import box
from rich.console import Console
from rich.progress import Progress as Bars
from rich.table import Table

from adapters.cli.bars import bars_on
from adapters.cli.failures import Failed
from adapters.cli.running import opened, quiet, settings_of
from adapters.container import Container
from clinic_domain.errors import StorageUnusable
from clinic_domain.merging.errors import MergePrevented
from clinic_domain.merging.model import Category, MergePlan
from clinic_domain.merging.report import report_of
from clinic_domain.merging.rules import measures
from clinic_domain.merging.service import Progress, Stage
from clinic_domain.values import ClinicId

T = TypeVar("T")

PREVENTED: Final = 3


def report(source: str, target: str, output: Path) -> None:
    async def work(container: Container, _: "_Display") -> tuple[MergePlan, bytes]:
        plan = await container.application().merging.plan(ClinicId(source), ClinicId(target))
        return plan, await container.workbooks().written(report_of(plan))

    plan, workbook = _run(work)
    output.write_bytes(workbook)
    typer.echo(str(output))
    _tell_reasons(plan.reasons())


def merge_two(source: str, target: str, *, is_rehearsal: bool, is_meant: bool) -> None:
    """Merge, once somebody has seen what that means and wants it, or *is_meant*."""
    ids = ClinicId(source), ClinicId(target)
    if is_rehearsal or not is_meant:
        plan = _run(lambda container, _: container.application().merging.plan(*ids))
        _show(plan)
        _tell_reasons(plan.reasons())
        if is_rehearsal:
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
    if is_meant:
        _show(plan)
    typer.echo(f"merged: {plan.target.clinic.id}")


def _run(work: Callable[[Container, "_Display"], Awaitable[T]]) -> T:
    settings = settings_of()
    quiet()
    if settings.storage_kind == "memory":
        raise Failed("with CLINIC_STORAGE=memory: there are no clinics before a service runs")
    display = _Display(Console(stderr=True, highlight=False))

    async def run() -> T:
        async with opened(settings) as container:
            return await work(container, display)

    try:
        with display.bars:
            return asyncio.run(run())
    except StorageUnusable as error:
        raise Failed(str(error)) from None


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
        self.bars = bars_on(self._console)

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
