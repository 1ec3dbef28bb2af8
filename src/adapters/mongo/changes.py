"""
From what a document was and what it shall be to the updates in between.

Only what differs is written, by its path, so that members that this program does not know stay
where they are: in the document, in documents within it, and in the elements of its arrays.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from adapters.mongo.documents import Document


@attrs.frozen
class Layout:
    """How the parts of a document change; what is not named here is compared member by member."""

    sets: frozenset[str] = frozenset()
    """Arrays of plain values, each there once."""
    keyed: Mapping[str, str] = attrs.field(factory=dict)
    """Arrays of documents that one of their members tells apart, by that member."""
    placed: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Arrays of documents that stay in their place while these members are the same."""
    appended: frozenset[str] = frozenset()
    """Names, not paths, of arrays that only grow."""
    whole: frozenset[str] = frozenset()
    """Documents that are replaced."""
    null: frozenset[str] = frozenset()
    """Members that become null where others vanish."""


@attrs.frozen
class Update:
    """One update, for `update_one`."""

    change: dict[str, Document] = attrs.field(factory=dict)
    filters: list[Mapping[str, Any]] = attrs.field(factory=list)

    def add(self, operator: str, path: str, value: Any) -> None:
        self.change.setdefault(operator, {})[path] = value

    def include(self, other: "Update") -> None:
        for operator, values in other.change.items():
            self.change.setdefault(operator, {}).update(values)
        self.filters.extend(other.filters)


def updates_between(was: Document, new: Document, layout: Layout) -> list[Update]:
    """
    Return what makes *new* out of *was*, to be applied one after another; nothing for no change.

    An update reaches an array in one way alone, so there may have to be several.
    """
    comparison = _Comparison(layout)
    comparison.members(was, new, "")
    updates = [comparison.update]
    for steps in comparison.arrays:
        updates.extend(Update() for _ in range(len(steps) - len(updates)))
        for update, step in zip(updates, steps, strict=False):
            update.include(step)
    return [update for update in updates if update.change]


@attrs.frozen
class _Comparison:
    """Two documents that are compared, and what was found so far."""

    layout: Layout
    update: Update = attrs.field(factory=Update)
    arrays: list[list[Update]] = attrs.field(factory=list)
    """What is done to arrays, each step in an update of its own."""

    def members(self, was: Document, new: Document, prefix: str) -> None:
        for key in dict.fromkeys([*was, *new]):
            path = f"{prefix}{key}"
            if key not in was:
                self.update.add("$set", path, new[key])
            elif key in new:
                self.values(was[key], new[key], path)
            elif path in self.layout.null:
                self.update.add("$set", path, None)
            else:
                self.update.add("$unset", path, "")

    def values(self, was: Any, new: Any, path: str) -> None:
        if was == new:
            return
        if isinstance(was, dict) and isinstance(new, dict):
            if path not in self.layout.whole and _are_paths([*was, *new]):
                self.members(was, new, f"{path}.")
                return
        elif isinstance(was, list) and isinstance(new, list) and was:
            if _are_in_place(was, new, self.layout.placed.get(path, ())):
                for index, (old, changed) in enumerate(zip(was, new, strict=True)):
                    self.members(old, changed, f"{path}.{index}.")
                return
            if steps := _steps(was, new, path, self.layout):
                self.arrays.append(steps)
                return
        self.update.add("$set", path, new)


def _are_paths(keys: Iterable[str]) -> bool:
    """Tell whether all keys can be part of a path."""
    return not any(not key or "." in key or key.startswith("$") for key in keys)


def _are_in_place(was: Sequence[Document], new: Sequence[Document], names: Sequence[str]) -> bool:
    return (
        bool(names)
        and len(was) == len(new)
        and all(
            old.get(name) == changed.get(name)
            for name in names
            for old, changed in zip(was, new, strict=True)
        )
    )


def _steps(was: Sequence[Any], new: Sequence[Any], path: str, layout: Layout) -> list[Update]:
    """Return how the elements of an array change, or nothing where it has to be replaced."""
    if path.rpartition(".")[2] in layout.appended:
        if new[: len(was)] == was:
            return [_pushed(path, new[len(was) :])]
    elif path in layout.sets:
        return _set_steps(was, new, path)
    elif path in layout.keyed:
        return _keyed_steps(was, new, path, layout.keyed[path])
    return []


def _set_steps(was: Sequence[Any], new: Sequence[Any], path: str) -> list[Update]:
    gone = [value for value in was if value not in new]
    stay = [value for value in was if value in new]
    come = [value for value in new if value not in was]
    if [*stay, *come] != list(new):
        return []
    return [*_pulled(path, {"$in": gone}, gone), *([_pushed(path, come)] if come else [])]


def _keyed_steps(
    was: Sequence[Document], new: Sequence[Document], path: str, key: str
) -> list[Update]:
    old = {element[key]: element for element in was}
    wanted = {element[key]: element for element in new}
    gone = [id_ for id_ in old if id_ not in wanted]
    stay = [id_ for id_ in old if id_ in wanted]
    come = [element for id_, element in wanted.items() if id_ not in old]
    in_order = [*stay, *(element[key] for element in come)]
    if in_order != [element[key] for element in new] or len(old) != len(was):
        return []
    changed = _Comparison(_PLAIN)
    for number, id_ in enumerate(id_ for id_ in stay if old[id_] != wanted[id_]):
        # Names of filters are those of a whole update, and take letters and digits alone.
        name = f"{path}{number}"
        changed.update.filters.append({f"{name}.{key}": id_})
        changed.members(old[id_], wanted[id_], f"{path}.$[{name}].")
    return [
        *_pulled(path, {key: {"$in": gone}}, gone),
        *([changed.update] if changed.update.change else []),
        *([_pushed(path, come)] if come else []),
    ]


_PLAIN: Final = Layout()


def _pushed(path: str, elements: Sequence[Any]) -> Update:
    step = Update()
    step.add("$push", path, {"$each": list(elements)})
    return step


def _pulled(path: str, condition: Document, gone: Sequence[Any]) -> list[Update]:
    if not gone:
        return []
    step = Update()
    step.add("$pull", path, condition)
    return [step]
