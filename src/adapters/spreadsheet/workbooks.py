"""
Workbooks by XlsxWriter, row by row: what is in memory does not grow with the report.

openpyxl can do the same, at a third of the speed.
"""

import asyncio
import io
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import attrs

from clinic_domain.merging.ports import Workbooks
from clinic_domain.merging.report import Cell, Look, Report, Row, Sheet

_FIRST_WIDTH: Final = 50
_NARROWEST, _WIDEST = 8, 60
"""In characters; Excel itself ends at 255."""
_LONGEST: Final = 32_767
"""Characters that a cell takes."""
_FIRST_DATE: Final = date(1900, 3, 1)
"""Programs disagree about the days before, for Excel takes 1900 for a leap year."""
_LINE: Final = 15
_DATE, _TIME = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"

_LOOKS: Final[Mapping[Look, dict[str, Any]]] = {
    Look.PLAIN: {},
    Look.TITLE: {"bold": True, "font_size": 14},
    Look.NOTE: {"text_wrap": True, "valign": "top", "italic": True, "font_color": "#555555"},
    Look.HEADER: {"bold": True, "bg_color": "#DDE6F0", "bottom": 1, "valign": "top"},
    Look.GROUP: {"bold": True, "top": 1, "top_color": "#9AA7B5"},
}


class XlsxWorkbooks(Workbooks):
    async def written(self, report: Report) -> bytes:
        # In a thread: a large report takes seconds, and others want answers meanwhile.
        return await asyncio.to_thread(workbook_of, report)


def workbook_of(report: Report) -> bytes:
    """Return the content of a workbook."""
    import xlsxwriter  # noqa: PLC0415 - reports are rare, and the library is large

    content = io.BytesIO()
    options = {
        "constant_memory": True,
        # A text is what somebody typed, and stays text whatever it begins with.
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(content, options) as workbook:
        styles = _Styles(workbook)
        for sheet in report:
            _Writer(sheet, workbook.add_worksheet(sheet.name), styles).write()
    return content.getvalue()


@attrs.define
class _Styles:
    """The formats of a workbook, each made once."""

    _workbook: Any
    _made: dict[tuple[Look, str], Any] = attrs.field(factory=dict, init=False)

    def of(self, look: Look, number_format: str = "") -> Any:
        key = (look, number_format)
        if key not in self._made:
            properties = dict(_LOOKS[look])
            if number_format:
                properties |= {"num_format": number_format, "align": "left"}
            self._made[key] = self._workbook.add_format(properties) if properties else None
        return self._made[key]


@attrs.define
class _Writer:
    """One sheet on its way into the workbook."""

    _sheet: Sheet
    _worksheet: Any
    _styles: _Styles
    _widths: list[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._widths = [_NARROWEST] * self._sheet.columns

    def write(self) -> None:
        last = -1
        for last, row in enumerate(self._sheet.rows):
            self._row(last, row)
        self._worksheet.set_column(0, 0, _FIRST_WIDTH)
        for column, width in enumerate(self._widths[1:], 1):
            self._worksheet.set_column(column, column, min(width + 2, _WIDEST))
        self._worksheet.set_landscape()
        self._worksheet.fit_to_pages(1, 0)
        header = self._sheet.header
        if header is not None:
            self._worksheet.freeze_panes(header, 0)
            self._worksheet.repeat_rows(header - 1)
            self._worksheet.autofilter(
                header - 1, 0, max(last, header - 1), self._sheet.columns - 1
            )

    def _row(self, number: int, row: Row) -> None:
        if row.look is Look.NOTE:
            self._note(number, str(row.cells[0]))
            return
        for column, cell in enumerate(row.cells):
            self._cell(number, column, cell, row.look)

    def _note(self, number: int, text: str) -> None:
        """Write a long text over all columns, in as many lines as it needs."""
        width = _FIRST_WIDTH + 12 * (self._sheet.columns - 1)
        self._worksheet.set_row(number, _LINE * (1 + len(text) // width))
        style = self._styles.of(Look.NOTE)
        self._worksheet.merge_range(number, 0, number, self._sheet.columns - 1, text, style)

    def _cell(self, number: int, column: int, cell: Cell, look: Look) -> None:
        match cell:
            case None | "":
                if look in (Look.HEADER, Look.GROUP):
                    self._worksheet.write_blank(number, column, None, self._styles.of(look))
                return
            case datetime():
                naive = cell.replace(tzinfo=None)
                shown, write = naive.isoformat(" "), self._worksheet.write_datetime
                write(number, column, naive, self._styles.of(look, _TIME))
            case date() if cell >= _FIRST_DATE:
                shown, write = cell.isoformat(), self._worksheet.write_datetime
                write(number, column, cell, self._styles.of(look, _DATE))
            case int():
                shown = str(cell)
                self._worksheet.write_number(number, column, cell, self._styles.of(look))
            case _:
                shown = _fitting(str(cell))
                self._worksheet.write_string(number, column, shown, self._styles.of(look))
        self._widths[column] = max(self._widths[column], len(shown))


def _fitting(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
