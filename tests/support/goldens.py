"""The recorded answers of the reference."""

import json
from typing import Any, Final

from support.shared import SHARED, needed

AREAS: Final = ("access", "clinicians", "clinics", "invites", "patients", "queries")


def goldens() -> list[str]:
    """Return the names of all goldens, or of one whose absence is then noticed."""
    files = sorted(file for area in AREAS for file in (SHARED / "golden" / area).glob("*.json"))
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
