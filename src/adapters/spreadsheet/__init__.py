"""Reports as Office Open XML workbooks."""

from adapters.spreadsheet.workbooks import XlsxWorkbooks

__all__ = ["XlsxWorkbooks"]
