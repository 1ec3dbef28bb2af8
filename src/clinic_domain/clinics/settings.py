"""Use cases on what a clinic has set, and on its patient count."""

from collections.abc import Callable
from typing import TypeVar

import attrs

from clinic_domain.clinics.errors import SettingsNotFound
from clinic_domain.clinics.model import (
    Clinic,
    EhrSettings,
    MembershipRestriction,
    MrnSettings,
    PatientCount,
    PatientCountSettings,
    SuppressedNotifications,
)
from clinic_domain.clinics.rules import (
    applicable_patient_count_settings,
    with_ehr_settings,
    with_patient_count_settings,
)
from clinic_domain.clinics.service import changed_clinic
from clinic_domain.clinics.tiers import Tier
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId

S = TypeVar("S")


@attrs.frozen
class SettingsService:
    """
    Reads and replaces settings.

    Every method raises ClinicNotFound where there is no such clinic.
    """

    _storage: Storage
    _clock: Clock

    async def set_tier(self, clinic_id: ClinicId, tier: Tier) -> None:
        """Move a clinic to another service tier."""
        await self._set(clinic_id, lambda clinic: attrs.evolve(clinic, tier=tier))

    async def suppress_notifications(
        self, clinic_id: ClinicId, suppressed: SuppressedNotifications
    ) -> None:
        """Replace what the clinic does not want mails about."""
        await self._set(
            clinic_id, lambda clinic: attrs.evolve(clinic, suppressed_notifications=suppressed)
        )

    async def membership_restrictions(
        self, clinic_id: ClinicId
    ) -> tuple[MembershipRestriction, ...]:
        """Return who may join the clinic, in the order in which the restrictions are tried."""
        return (await self._clinic(clinic_id)).membership_restrictions

    async def restrict_membership(
        self, clinic_id: ClinicId, restrictions: tuple[MembershipRestriction, ...]
    ) -> tuple[MembershipRestriction, ...]:
        """Replace who may join the clinic; nothing restricts nobody."""
        changed = await self._set(
            clinic_id, lambda clinic: attrs.evolve(clinic, membership_restrictions=restrictions)
        )
        return changed.membership_restrictions

    async def mrn_settings(self, clinic_id: ClinicId) -> MrnSettings:
        """Return what the clinic demands of MRNs. Raises SettingsNotFound."""
        return _given((await self._clinic(clinic_id)).mrn_settings, clinic_id)

    async def set_mrn_settings(self, clinic_id: ClinicId, settings: MrnSettings) -> MrnSettings:
        """Replace what the clinic demands of MRNs; existing patients are not touched (MRN-1)."""
        await self._set(clinic_id, lambda clinic: attrs.evolve(clinic, mrn_settings=settings))
        return settings

    async def ehr_settings(self, clinic_id: ClinicId) -> EhrSettings:
        """Return how the clinic is connected to its health record. Raises SettingsNotFound."""
        return _given((await self._clinic(clinic_id)).ehr_settings, clinic_id)

    async def set_ehr_settings(self, clinic_id: ClinicId, settings: EhrSettings) -> EhrSettings:
        """Replace how the clinic is connected to its health record."""
        changed = await self._set(clinic_id, lambda clinic: with_ehr_settings(clinic, settings))
        return _given(changed.ehr_settings, clinic_id)

    async def patient_count_settings(self, clinic_id: ClinicId) -> PatientCountSettings:
        """Return the limits that apply to the clinic, perhaps none (PCS-1)."""
        return applicable_patient_count_settings(await self._clinic(clinic_id))

    async def set_patient_count_settings(
        self, clinic_id: ClinicId, settings: PatientCountSettings
    ) -> PatientCountSettings:
        """
        Replace the limits, and return those that apply.

        Raises:
            InvalidPatientCountSettings: a limit would end before it starts.
        """
        changed = await self._set(
            clinic_id, lambda clinic: with_patient_count_settings(clinic, settings)
        )
        return applicable_patient_count_settings(changed)

    async def _clinic(self, clinic_id: ClinicId) -> Clinic:
        return await self._storage.read(lambda tx: tx.clinics.get(clinic_id))

    async def _set(self, clinic_id: ClinicId, change: Callable[[Clinic], Clinic]) -> Clinic:
        now = self._clock.now()
        return await changed_clinic(
            self._storage,
            clinic_id,
            lambda clinic: attrs.evolve(change(clinic), updated_time=now),
        )


@attrs.frozen
class PatientCountService:
    """Shows and refreshes the number of a clinic's patients."""

    _storage: Storage
    _clock: Clock
    _counter: PatientCounter

    async def get(self, clinic_id: ClinicId) -> PatientCount:
        """Return the count that the clinic keeps (PC-1). Raises ClinicNotFound."""

        async def work(tx: Transaction) -> PatientCount:
            return await self._counter.known(tx, await tx.clinics.get(clinic_id))

        return await self._storage.read(work)

    async def refresh(self, clinic_id: ClinicId) -> None:
        """Count anew (PC-3). Raises ClinicNotFound."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            await self._counter.refresh(tx, await tx.clinics.get(clinic_id), now)

        await self._storage.transaction(work)


def _given(settings: S | None, clinic_id: ClinicId) -> S:
    if settings is None:
        raise SettingsNotFound(clinic_id)
    return settings
