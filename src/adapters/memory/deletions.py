"""Deletion records in memory."""

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import DeletionRecord
from clinic_domain.patients.model import Patient
from clinic_domain.storage import DeletionRepository
from clinic_domain.values import ClinicId


@attrs.frozen
class MemoryDeletionRepository(DeletionRepository):
    _cells: Cells

    async def clinics(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinic], ...]:
        return self._cells.read(layout.removed_clinics(clinic_id))

    async def clinicians(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinician], ...]:
        return self._cells.read(layout.removed_clinicians(clinic_id))

    async def patients(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Patient], ...]:
        return self._cells.read(layout.removed_patients(clinic_id))
