"""Addresses at which no part can pass for more than one segment (AUTHN-6)."""

import re
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 16 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def is_segment(text: str) -> bool:
    """Return whether *text*, percent-encoded, is one segment of a path to every reader."""
    return (
        0 < len(text) <= _LONGEST
        and text.strip() != ""
        # They lead elsewhere, for many a reader also encoded.
        and not any(part.strip() in (".", "..") for part in re.split(r"[/\\]", text))
        and not _CONTROL.search(text)
    )


def url(base: str, *segments: str) -> str:
    """Return the address of a resource below *base*, whose own path stays."""
    for segment in segments:
        if not is_segment(segment):
            raise ValueError("a part of the path would not be one segment")
    return "/".join([base.rstrip("/"), *(quote(segment, safe="") for segment in segments)])
