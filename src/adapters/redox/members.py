"""Members of JSON objects, whose names Redox spells in more than one way."""

from collections.abc import Mapping
from typing import Any


def member(value: Mapping[str, Any], name: str) -> Any:
    """Return a member of this name, or else one whose name differs in case alone, or None."""
    if name in value:
        return value[name]
    wanted = name.casefold()
    return next((held for key, held in value.items() if key.casefold() == wanted), None)
