"""The report about a merge as a workbook."""

import io
from datetime import UTC, date, datetime
from typing import Any

import attrs
import openpyxl
import pytest

from adapters.spreadsheet import XlsxWorkbooks
from clinic_domain.clinics.model import ClinicDetails, ClinicView, MembershipRestriction
from clinic_domain.merging.model import MergePlan, Snapshot
from clinic_domain.merging.report import Look, Row, Sheet, report_of
from clinic_domain.merging.rules import merge_plan
from clinic_domain.patients.summaries import Stats, StatsDates, Summary
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING

FORMULAS = ('=HYPERLINK("http://example.com")', "+1", "@SUM(A1)", "{=1}", "http://example.com", "7")


def a_plan() -> MergePlan:
    restrictions = (MembershipRestriction("b.org", "i"), MembershipRestriction("a.org"))
    source = a_clinic(details=ClinicDetails("Alpha"), membership_restrictions=restrictions)
    target = a_clinic(details=ClinicDetails("=Beta"))
    uploaded = StatsDates(last_upload_date=datetime(2025, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC))
    first = a_patient(
        source, birth_date="2000-01-31", mrn="007", summary=Summary(Stats("", dates=uploaded))
    )
    people = [first, *(a_patient(source, full_name=name, birth_date="31.1.") for name in FORMULAS)]
    return merge_plan(
        Snapshot(ClinicView(source, {}, {}), patients=tuple(people)),
        Snapshot(ClinicView(target, {}, {}), patients=(attrs.evolve(first, clinic_id=target.id),)),
        A_MORNING,
    )


async def written(report: Any) -> Any:
    content = await XlsxWorkbooks().written(report)
    return openpyxl.load_workbook(io.BytesIO(content))


async def test_it_is_pleasant_to_read() -> None:
    """Headers stay in view and filter what follows; no column is too wide (MERGE-XLS-4)."""
    book = await written(report_of(a_plan()))

    assert [sheet.sheet_state for sheet in book] == 6 * ["visible"]
    for sheet, header in zip(book.worksheets[1:], (1, 1, 8, 8, 6), strict=True):
        assert sheet.freeze_panes == f"A{header + 1}"
        assert sheet.auto_filter.ref.startswith(f"A{header}:")
        assert sheet.cell(header, 2).font.bold
    widths = [column.width for sheet in book for column in sheet.column_dimensions.values()]
    assert max(widths) < 70
    assert book["Summary"].column_dimensions["A"].width > 45


async def test_texts_stay_texts_whatever_they_begin_with() -> None:
    """Names come from people (MERGE-XLS-2); cells without content are not there (MERGE-XLS-3)."""
    book = await written(report_of(a_plan()))
    sheet = book["Patients in Source Clinic"]

    names = [sheet.cell(row, 1) for row in range(4, 4 + len(FORMULAS))]
    assert [(cell.value, cell.data_type, cell.hyperlink) for cell in names] == [
        (name, "s", None) for name in FORMULAS
    ]
    assert (sheet["E3"].value, sheet["E3"].data_type) == ("007", "s")
    assert sheet["A2"].value is None
    assert book["Summary"]["B6"].value == "=Beta"


async def test_dates_are_dates() -> None:
    sheet = (await written(report_of(a_plan())))["Patients in Source Clinic"]

    assert sheet["D3"].value == datetime(2000, 1, 31)  # noqa: DTZ001 - spreadsheets know no zones
    assert sheet["D3"].number_format == "yyyy-mm-dd"
    assert sheet["H3"].value == datetime(2025, 1, 2, 3, 4, 5)  # noqa: DTZ001 - likewise
    assert sheet["D4"].value == "31.1."


async def test_restrictions_are_compared_as_they_are_shown() -> None:
    """Sorted, and N/A for none (MERGE-SSO-3); five blocks follow the measures (MERGE-XLS-1)."""
    sheet = (await written(report_of(a_plan())))["Summary"]

    shown = [sheet.cell(10, column).value for column in range(1, 5)]
    assert shown == ["Partial SSO*", "No", "a.org/, b.org/i", "N/A"]
    first = [sheet.cell(row, 1).value for row in range(1, sheet.max_row + 1)]
    headers = [str(text) for text in first if str(text).startswith(("Resulting ", "Pending"))]
    assert [text.partition(" (")[0] for text in headers if "(" in text] == [
        "Resulting Admins",
        "Resulting Members",
        "Pending Invites",
        "Resulting Tags",
        "Resulting Sites",
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("x" * 40_000, "x" * 32_766 + "…"),
        ("a\0b\x1f", "a\0b\x1f"),
        (date(1899, 1, 1), "1899-01-01"),
        (0, 0),
    ],
)
async def test_any_content_makes_a_workbook(cell: Any, shown: Any) -> None:
    """Properties of the file do not matter (MERGE-XLS-5)."""
    book = await written((Sheet("S", 2, [Row((cell,)), Row(("", None), Look.HEADER)]),))

    value = book["S"]["A1"].value
    assert (openpyxl.utils.escape.unescape(value) if isinstance(value, str) else value) == shown
