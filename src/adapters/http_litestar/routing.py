"""From a method and a raw path to an operation."""

from collections.abc import Iterable, Mapping
from typing import Final, Self

import attrs

from adapters.http_litestar.operations import TEMPLATES, Operation, operation
from clinic_domain.access.model import Caller
from clinic_domain.access.policy import Rule

_OPEN: Final = Rule(Caller.ANYBODY)


@attrs.frozen(eq=False)
class Path:
    """What can be done under one path template."""

    template: str
    parameters: tuple[str, ...]
    operations: Mapping[str, Operation]
    is_exempt: bool

    @property
    def allow(self) -> str:
        """The methods of an exempt path, as the header Allow names them (EXEMPT-2)."""
        return ", ".join(["OPTIONS", *self.operations])


@attrs.define(eq=False)
class _Node:
    literals: dict[str, "_Node"] = attrs.field(factory=dict)
    parameter: "_Node | None" = None
    path: Path | None = None


@attrs.frozen(eq=False)
class Routes:
    """
    All paths of an application, as a tree over their segments.

    A segment is compared as it was sent, still percent-encoded (HTTP-3); where a word and a
    parameter both fit, the word is tried first.
    """

    _root: _Node = attrs.field(factory=_Node)

    @classmethod
    def of(cls, pages: Iterable[str]) -> Self:
        """Return the routes of the API and of open pages."""
        routes = cls()
        for template, methods in TEMPLATES.items():
            operations = {method: operation(id_, template) for method, id_ in methods.items()}
            routes._add(template, operations)
        for page in pages:
            routes._add(page, {"GET": Operation(page, _OPEN)})
        return routes

    def _add(self, template: str, operations: Mapping[str, Operation]) -> None:
        node, parameters = self._root, []
        for part in template.split("/"):
            if part.startswith("{"):
                parameters.append(part[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(part, _Node())
        is_exempt = bool(operations) and all(each.is_exempt for each in operations.values())
        node.path = Path(template, tuple(parameters), operations, is_exempt)

    def find(self, raw_path: str) -> tuple[Path, list[str]] | None:
        """Return what the path leads to, with the values of its parameters, or None."""
        values: list[str] = []
        path = _find(self._root, raw_path.split("/"), 0, values)
        return None if path is None else (path, values)


def _find(node: _Node, parts: list[str], position: int, values: list[str]) -> Path | None:
    while position < len(parts):
        part = parts[position]
        literal = node.literals.get(part)
        position += 1
        if literal is not None:
            if node.parameter is None:
                node = literal
                continue
            if found := _find(literal, parts, position, values):
                return found
        if node.parameter is None or not part:
            return None
        values.append(part)
        if found := _find(node.parameter, parts, position, values):
            return found
        values.pop()
        return None
    return node.path
