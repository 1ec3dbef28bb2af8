"""The files of the report page: our own few, and those of pdf.js."""

from datetime import datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

import attrs

_TYPES: Final = {
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".gif": "image/gif",
    ".ttf": "font/ttf",
    ".pfb": "application/octet-stream",
    ".bcmap": "application/octet-stream",
    ".ftl": "text/plain",
}
FOLDERS: Final = ("viewer", "pdfjs")
"""Committed, and put there by the build."""


@attrs.frozen
class ViewerAsset:
    content: bytes = attrs.field(repr=False)
    media_type: str
    modified: datetime


@attrs.frozen
class ViewerAssets:
    """
    Knows its files from the start, so no path leads anywhere else.

    *started* is what they say of when they changed.
    """

    _started: datetime

    def find(self, path: str) -> ViewerAsset | None:
        file = _files().get(path)
        if file is None:
            return None
        return ViewerAsset(_content(path), _TYPES[PurePosixPath(path).suffix], self._started)


@cache
def _files() -> dict[str, Traversable]:
    package = resources.files("adapters.xealth")
    found: dict[str, Traversable] = {}
    for folder in FOLDERS:
        _collect(package / folder, "", found)
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, Traversable]) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif PurePosixPath(entry.name).suffix in _TYPES:
            found[prefix + entry.name] = entry


@cache
def _content(path: str) -> bytes:
    return _files()[path].read_bytes()
