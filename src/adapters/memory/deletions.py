"""Deletion records in memory."""

from collections.abc import Iterable
from itertools import count
from typing import Final, TypeVar

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cell, Cells
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import DeletionRecord
from clinic_domain.patients.model import Patient
from clinic_domain.storage import DeletionRepository
from clinic_domain.values import ClinicId

R = TypeVar("R")

_NUMBERS: Final = count(1)


def keep(
    cells: Cells, cell: Cell[layout.Numbered[R]], records: Iterable[DeletionRecord[R]]
) -> None:
    """Add deletion records; their numbers tell the order in which all were written."""
    numbered = ((next(_NUMBERS), record) for record in records)
    cells.write(cell, (*cells.read(cell), *numbered))


@attrs.frozen
class MemoryDeletionRepository(DeletionRepository):
    _cells: Cells

    async def clinics(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinic], ...]:
        return self._records(layout.removed_clinics(clinic_id))

    async def clinicians(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinician], ...]:
        return self._records(layout.removed_clinicians(clinic_id))

    async def patients(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Patient], ...]:
        return self._records(layout.removed_patients(clinic_id))

    def _records(self, cell: Cell[layout.Numbered[R]]) -> tuple[DeletionRecord[R], ...]:
        return tuple(record for _, record in self._cells.read(cell))
