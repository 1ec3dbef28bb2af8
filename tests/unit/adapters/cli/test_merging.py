"""`clinic merge` and `clinic merge-report`, on a file."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import openpyxl
import pytest

from adapters.sql import open_storage
from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import Clinic, ClinicDetails
from clinic_domain.storage import Work
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient

Command = Callable[..., Any]
T = TypeVar("T")


def on_file(work: Work[T], *records: Any) -> T:
    async def run() -> T:
        storage = await open_storage("sqlite:///clinic.db")
        try:
            if records:
                await keep(storage, *records)
            return await storage.transaction(work)
        finally:
            await storage.close()

    return asyncio.run(run())


async def _nothing(_: Any) -> None:
    pass


@pytest.fixture
def pair() -> tuple[Clinic, Clinic]:
    """Keep two clinics, with a patient and an admin each."""
    source, target = (a_clinic(details=ClinicDetails(name)) for name in ("Alpha", "Beta"))
    records = [
        record
        for clinic in (source, target)
        for record in (
            clinic,
            a_clinician(clinic, roles=(Role.CLINIC_ADMIN,)),
            a_patient(clinic, full_name="=1+1"),
        )
    ]
    on_file(_nothing, *records)
    return source, target


def test_a_report_is_written(clinic: Command, pair: tuple[Clinic, Clinic]) -> None:
    source, target = pair

    result = clinic("merge-report", source.id, target.id, "-o", "report.xlsx")

    assert (result.exit_code, result.stdout) == (0, "report.xlsx\n"), result.output
    book = openpyxl.load_workbook(io.BytesIO(Path("report.xlsx").read_bytes()))
    assert book["Summary"]["B5"].value == "Alpha"
    assert book["Summary"]["B24"].value == 2
    assert book["Patients in Source Clinic"]["A3"].value == "=1+1"
    assert book["Patients in Source Clinic"]["A3"].data_type == "s"


def test_a_dry_run_changes_nothing(clinic: Command, pair: tuple[Clinic, Clinic]) -> None:
    source, target = pair

    result = clinic("merge", source.id, target.id, "--dry-run")

    assert result.exit_code == 0, result.output
    assert "patients" in result.stdout
    assert on_file(lambda tx: tx.clinics.get(source.id)) == source


def test_a_merge_tells_how_it_goes(clinic: Command, pair: tuple[Clinic, Clinic]) -> None:
    source, target = pair

    result = clinic("merge", source.id, target.id, "--yes")

    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"merged: {target.id}\n")
    assert "moving patients" in result.stderr
    assert on_file(lambda tx: tx.clinics.find(source.id)) is None
    assert on_file(lambda tx: tx.patients.tally(target.id)).total == 2


def test_without_a_yes_nothing_is_merged(clinic: Command, pair: tuple[Clinic, Clinic]) -> None:
    source, target = pair

    result = clinic("merge", source.id, target.id, input="n\n")

    assert result.exit_code == 1
    assert on_file(lambda tx: tx.clinics.get(source.id)) == source
    assert clinic("merge", source.id, target.id, input="y\n").exit_code == 0


def test_what_is_in_the_way_is_said(clinic: Command, pair: tuple[Clinic, Clinic]) -> None:
    source, target = pair
    changed = attrs.evolve(source, details=ClinicDetails("Alpha", timezone="UTC"))
    on_file(lambda tx: tx.clinics.save(changed, was=source))

    for options in (("merge", "--yes"), ("merge", "--dry-run"), ("merge-report", "-ox.xlsx")):
        result = clinic(options[0], source.id, target.id, options[1])

        assert result.exit_code == 3, result.output
        assert "In the way: Settings mismatch" in result.stderr
    assert on_file(lambda tx: tx.clinics.get(source.id)) == changed


def test_ids_are_checked(clinic: Command, pair: tuple[Clinic, Clinic]) -> None:
    source, _ = pair

    assert clinic("merge", source.id, "beta", "--yes").exit_code == 2
    unknown = clinic("merge", source.id, 24 * "a", "--yes")
    itself = clinic("merge", source.id, source.id, "--yes")

    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "reading both clinics\nError: clinic not found\n",
    )
    assert itself.exit_code == 1
    assert "cannot be merged into itself" in itself.stderr
