"""Which statuses an API document names for each operation."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from adapters.http_litestar.app import api_document
from adapters.spreadsheet import XlsxWorkbooks
from support.world import World

Statuses = Mapping[str, frozenset[int]]


def statuses_in(document: Mapping[str, Any]) -> Statuses:
    """Return them by operation id; a document that allows whatever comes is none."""
    return {
        operation["operationId"]: frozenset(map(int, operation["responses"]))
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }


@cache
def our_statuses() -> Statuses:
    """Return those of the document that the service shows."""
    return statuses_in(api_document(World().app, XlsxWorkbooks()))
