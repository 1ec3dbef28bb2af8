"""Which patients may be the same person: by what they have in common (MERGE-MATCH)."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from clinic_domain.merging.model import Category, Cluster, ClusteredPatient, Conflicts
from clinic_domain.patients.model import Patient
from clinic_domain.values import UserId

ORDER: Final = (
    Category.DUPLICATE,
    Category.LIKELY,
    Category.NAME_ONLY,
    Category.MRN_ONLY,
)


def compared(text: str | None) -> str:
    """Return a name or an MRN as it is compared: trimmed, in lower case; empty for none."""
    return (text or "").strip().lower()


@attrs.frozen
class _Traits:
    """What a patient is compared by; the empty text matches nothing (MERGE-MATCH-1)."""

    birth_date: str
    name: str
    mrn: str

    @classmethod
    def of(cls, patient: Patient) -> "_Traits":
        return cls(patient.birth_date or "", compared(patient.full_name), compared(patient.mrn))


class Index:
    """
    The patients of one clinic, by name, MRN and user.

    Nobody is looked up by birth date: on its own it says nothing, and many share one.
    """

    def __init__(self, patients: Sequence[Patient]) -> None:
        """Index *patients*, whose order is that of whatever is found."""
        self.patients = patients
        self._traits = [_Traits.of(patient) for patient in patients]
        self._by_user = {patient.user_id: at for at, patient in enumerate(patients)}
        self._by_name = _positions(traits.name for traits in self._traits)
        self._by_mrn = _positions(traits.mrn for traits in self._traits)

    def with_mrn(self, mrn: str | None) -> int:
        """Return how many patients have an MRN that is equal when compared."""
        return len(self._by_mrn.get(compared(mrn), ()))

    def of_user(self, user_id: UserId) -> Patient | None:
        """Return the patient who is this user."""
        at = self._by_user.get(user_id)
        return None if at is None else self.patients[at]

    def conflicts(self, patient: Patient) -> Conflicts:
        """Return who of the clinic looks like *patient*, a patient of another one."""
        return {
            category: tuple(self.patients[at] for at in found)
            for category, found in self._alike(
                _Traits.of(patient), self._by_user.get(patient.user_id), None
            ).items()
        }

    def clusters(self) -> tuple[Cluster, ...]:
        """Return the groups of patients who look like each other (MERGE-CLUST-1)."""
        alike = [self._alike(traits, None, at) for at, traits in enumerate(self._traits)]
        seen: set[int] = set()
        clusters = []
        for first, found in enumerate(alike):
            if found and first not in seen:
                members = list(_reached(first, alike, seen))
                clusters.append(tuple(self._member(at, alike[at]) for at in members))
        return tuple(clusters)

    def _member(self, at: int, alike: Mapping[Category, list[int]]) -> ClusteredPatient:
        users = {
            category: tuple(self.patients[other].user_id for other in others)
            for category, others in alike.items()
        }
        return ClusteredPatient(self.patients[at], users)

    def _alike(
        self, traits: _Traits, same_user: int | None, itself: int | None
    ) -> dict[Category, list[int]]:
        """Return where those stand who have something in common with *traits*."""
        found: dict[int, Category] = {}
        for at in self._by_name.get(traits.name, ()):
            other = self._traits[at]
            is_more = _is_same(traits.birth_date, other.birth_date) or _is_same(
                traits.mrn, other.mrn
            )
            found[at] = Category.LIKELY if is_more else Category.NAME_ONLY
        for at in self._by_mrn.get(traits.mrn, ()):
            if at not in found:
                is_more = _is_same(traits.birth_date, self._traits[at].birth_date)
                found[at] = Category.LIKELY if is_more else Category.MRN_ONLY
        if itself is not None:
            found.pop(itself, None)
        if same_user is not None:
            found[same_user] = Category.DUPLICATE
        return _grouped(found)


def _is_same(one: str, other: str) -> bool:
    return bool(one) and one == other


def _positions(keys: Iterable[str]) -> dict[str, list[int]]:
    """Return where each key stands; nothing is found under the empty one."""
    positions: dict[str, list[int]] = {}
    for at, key in enumerate(keys):
        if key:
            positions.setdefault(key, []).append(at)
    return positions


def _grouped(found: Mapping[int, Category]) -> dict[Category, list[int]]:
    if not found:
        return {}
    groups = {category: sorted(at for at in found if found[at] is category) for category in ORDER}
    return {category: group for category, group in groups.items() if group}


def _reached(
    first: int, alike: Sequence[Mapping[Category, list[int]]], seen: set[int]
) -> Iterator[int]:
    """Yield everybody who is connected with the first, nearest first."""
    seen.add(first)
    waiting = deque([first])
    while waiting:
        at = waiting.popleft()
        yield at
        for other in sorted(other for others in alike[at].values() for other in others):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
