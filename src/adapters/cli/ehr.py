"""`clinic ehr`: look after what is connected to electronic health records."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from adapters.cli.running import with_partners
from clinic_domain.values import ClinicId, Page, UserId

if TYPE_CHECKING:
    from rich.progress import Progress

    from adapters.container import Container
    from clinic_domain.patients.model import Patient
    from clinic_domain.patients.queries import PatientPage

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look after what is connected to electronic health records.",
)
clinics = typer.Typer(no_args_is_help=True, help="Clinics that are connected.")
patients = typer.Typer(no_args_is_help=True, help="Patients of a clinic that is connected.")
app.add_typer(clinics, name="clinics")
app.add_typer(patients, name="patients")

TheClinic = Annotated[str, typer.Argument(metavar="CLINIC_ID", help="The id of the clinic.")]
TheUser = Annotated[str | None, typer.Option("--user-id", help="Only this patient.")]
Limit = Annotated[int, typer.Option("--limit", "-l", min=1, help="At most so many patients.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")]

_NOTHING: Final = "(empty)"


def _is_looked_at() -> bool:
    return sys.stdout.isatty()


def _show(columns: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[str]) -> None:
    """Print a table where somebody looks, and lines where a program reads."""
    if _is_looked_at():
        table = Table(*columns, box=box.SIMPLE, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    for line in lines:
        typer.echo(line)


@clinics.command("list")
def list_clinics() -> None:
    """
    List the clinics that are connected, with their ids and names.

        clinic ehr clinics list
    """
    views = with_partners(lambda container: container.application().ehr_upkeep.clinics())
    rows = [(view.clinic.id, view.clinic.details.name or "") for view in views]
    _show(("id", "name"), rows, [" ".join(row) for row in rows])
    typer.echo(f"Found {len(rows)} clinics")


@patients.command("list")
def list_patients(  # noqa: PLR0917 - Typer passes them by name
    clinic_id: TheClinic,
    limit: Limit = 20,
    offset: Annotated[
        int, typer.Option("--offset", "-o", min=0, help="Leave so many out at the beginning.")
    ] = 0,
    user_id: TheUser = None,
    with_subscription: Annotated[
        bool, typer.Option("--with-subscription", help="Only patients with any subscription.")
    ] = False,
    without_subscription: Annotated[
        bool, typer.Option("--without-subscription", help="Only patients without one.")
    ] = False,
    with_mrn: Annotated[
        bool, typer.Option("--with-mrn", help="Only patients with an MRN; wins over the other.")
    ] = False,
    without_mrn: Annotated[
        bool, typer.Option("--without-mrn", help="Only patients without one.")
    ] = False,
) -> None:
    """
    List the patients of a clinic by MRN, with their subscriptions.

        clinic ehr patients list 64d2f1a09c2b4e0001a1b2c3 --without-subscription --with-mrn
    """
    from clinic_domain.patients.model import EhrPatientQuery  # noqa: PLC0415 - loaded for the work

    query = EhrPatientQuery(
        ClinicId(clinic_id),
        None if user_id is None else UserId(user_id),
        has_subscription=_either(is_wanted=with_subscription, is_unwanted=without_subscription),
        has_mrn=_either(is_wanted=with_mrn, is_unwanted=without_mrn),
        page=Page(offset, limit),
    )

    async def work(container: "Container") -> "PatientPage":
        return await container.application().ehr_upkeep.patients(query)

    page = with_partners(work)
    _show(
        ("mrn", "name", "user id", "subscriptions"),
        [
            (one.mrn or _NOTHING, one.full_name or _NOTHING, one.user_id, _subscriptions(one))
            for one in page.patients
        ],
        [f"{_told(one)} - Subscriptions [{_subscriptions(one)}]" for one in page.patients],
    )
    typer.echo(f"Found {page.matching} patients")


@patients.command()
def enroll(
    clinic_id: TheClinic,
    limit: Limit = 20,
    user_id: TheUser = None,
    mrn_origin: Annotated[
        str, typer.Option(help="The health record: cerner, epic, initiate or xealth.")
    ] = "cerner",
    dry_run: DryRun = False,
) -> None:
    """
    Order the enrolment of patients in Xealth: those with an MRN and without a subscription.

    Xealth tells the service afterwards, which then enrols them.

        clinic ehr patients enroll 64d2f1a09c2b4e0001a1b2c3 --limit 5 --dry-run
    """

    async def work(container: "Container") -> None:
        upkeep = container.application().ehr_upkeep
        user = None if user_id is None else UserId(user_id)
        found = await upkeep.enrollable(ClinicId(clinic_id), user, limit)
        page = found.page
        typer.echo(f"Enrolling {len(page.patients)} patients out of {page.matching} total")
        with _progress() as progress:
            for patient in progress.track(page.patients, description="Enrolling"):
                mrn = patient.mrn or ""
                progress.console.print(
                    f"Enrolling patient with MRN {mrn}", markup=False, soft_wrap=True
                )
                if dry_run:
                    continue
                refusal = await container.xealth_client().enroll(
                    found.settings.source_id,
                    found.program_id,
                    mrn,
                    mrn_type=found.settings.mrn_id_type,
                    origin=mrn_origin,
                )
                if refusal is not None:
                    progress.console.print(
                        f"Unable to enroll patient: {refusal}", markup=False, soft_wrap=True
                    )

    with_partners(work)


@patients.command("backfill-emails")
def backfill_emails(
    clinic_id: TheClinic,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Patients that are read at once.")
    ] = 100,
    dry_run: DryRun = False,
) -> None:
    """
    Give custodial patients without an e-mail address the one in their last order of Redox.

        clinic ehr patients backfill-emails 64d2f1a09c2b4e0001a1b2c3 --dry-run
    """
    import structlog  # noqa: PLC0415 - loaded for the work

    async def work(container: "Container") -> int:
        upkeep = container.application().ehr_upkeep
        log, updated = structlog.get_logger("clinic.ehr"), 0
        outcomes = upkeep.backfill_emails(
            ClinicId(clinic_id), at_once=batch_size, is_rehearsal=dry_run
        )
        async for outcome in outcomes:
            if outcome.problem:
                log.error("no address", user=outcome.patient.user_id, reason=outcome.problem)
            else:
                updated += 1
                typer.echo(f"{_told(outcome.patient)} - New Email [{outcome.email}]")
        return updated

    updated = with_partners(work)
    typer.echo(f"{updated} patients were updated")


def _either(*, is_wanted: bool, is_unwanted: bool) -> bool | None:
    """Return what a pair of flags asks for: the first one wins."""
    if is_wanted:
        return True
    return False if is_unwanted else None


def _progress() -> "Progress":
    from rich.progress import Progress  # noqa: PLC0415 - loaded for the work

    return Progress(console=Console(highlight=False), disable=not _is_looked_at(), transient=True)


def _told(patient: "Patient") -> str:
    return (
        f"MRN {patient.mrn or _NOTHING} - {patient.full_name or _NOTHING} "
        f"[{patient.user_id or _NOTHING}]"
    )


def _subscriptions(patient: "Patient") -> str:
    subscriptions = (patient.ehr_subscriptions or {}).values()
    told = [f"{one.provider} ({'active' if one.active else 'inactive'})" for one in subscriptions]
    return ", ".join(told) or _NOTHING
