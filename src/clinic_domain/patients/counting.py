"""Keeping the count that a clinic's plan is measured by."""

from datetime import datetime

import attrs

from clinic_domain.clinics.model import Clinic, PatientCount
from clinic_domain.patients.rules import patient_count
from clinic_domain.storage import Transaction
from clinic_domain.values import ClinicId, UserId


@attrs.frozen
class PatientCounter:
    """Counts patients, with the demo patient apart."""

    demo_patient: UserId | None = None

    async def count(self, tx: Transaction, clinic_id: ClinicId) -> PatientCount:
        """Return the count as it is now (PC-2)."""
        tally = await tx.patients.tally(clinic_id)
        demo = self.demo_patient and await tx.patients.find(clinic_id, self.demo_patient)
        return patient_count(tally, demo or None)

    async def known(self, tx: Transaction, clinic: Clinic) -> PatientCount:
        """Return the count that the clinic keeps, or count where it keeps none (PC-1)."""
        return clinic.patient_count or await self.count(tx, clinic.id)

    async def refresh(self, tx: Transaction, clinic: Clinic, now: datetime) -> Clinic:
        """Store the count as it is now with the clinic, and return the clinic (PC-3)."""
        count = await self.count(tx, clinic.id)
        counted = attrs.evolve(clinic, patient_count=count, updated_time=now)
        await tx.clinics.save(counted, was=clinic)
        return counted
