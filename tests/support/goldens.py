"""The recorded answers of the reference."""

import json
import sys
from types import ModuleType
from typing import Any, Final

from support.shared import SHARED, module, needed

AREAS: Final = (
    *("access", "clinicians", "clinics", "ehr", "invites", "merge", "migrations"),
    *("patients", "queries"),
)


def goldens() -> list[str]:
    """Return the names of all goldens, or of one whose absence is then noticed."""
    files = sorted(file for area in AREAS for file in (SHARED / "golden" / area).glob("*.json"))
    files = [file for file in files if not file.name.endswith(".workbook.json")]
    return [f"{file.parent.name}/{file.stem}" for file in files] or ["clinics/create"]


def goldens_with_documents() -> list[str]:
    """Return the names of those that tell what is stored in the end."""
    return [name for name in goldens() if not SHARED.exists() or "database" in golden(name)]


def goldens_with_confirmations() -> list[str]:
    """Return the names of those that tell which confirmations are stored in the end."""
    return [
        name
        for name in goldens_with_documents()
        if not SHARED.exists() or "confirmations" in golden(name)["database"]
    ]


def golden(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(needed(f"golden/{name}.json").read_text())
    return recorded


def workbooks(name: str) -> list[dict[str, Any]]:
    """Return the recorded spreadsheets of a golden, each with the number of its step."""
    path = SHARED / "golden" / f"{name}.workbook.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())["workbooks"] if path.exists() else []
    return found


def workbook_reader() -> ModuleType:
    """Return the program that reads and compares spreadsheets."""
    # It imports the one beside it by its plain name.
    sys.modules.setdefault("golden", module("golden/golden.py"))
    return module("golden/workbooks.py")
