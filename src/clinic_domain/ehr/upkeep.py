"""Use cases of those who look after connections: who is connected, and what is missing."""

from collections.abc import AsyncIterator

import attrs

from clinic_domain.clinics.model import Clinic, ClinicQuery, ClinicView, EhrSettings
from clinic_domain.ehr.addresses import email_in
from clinic_domain.ehr.errors import (
    MessageNotFound,
    NotConnected,
    ProgramNotSet,
    ProviderNotSupported,
)
from clinic_domain.ehr.model import EhrProvider
from clinic_domain.ehr.ports import OrderReader
from clinic_domain.ehr.reports import last_message
from clinic_domain.errors import DomainError
from clinic_domain.patients.model import (
    EhrPatientQuery,
    Patient,
    PatientDetails,
    PatientWalk,
)
from clinic_domain.patients.queries import PatientPage
from clinic_domain.patients.service import PatientService
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId, Page, RecordId, UserId

MOST_CLINICS = 1000


@attrs.frozen
class Enrollable:
    """Patients who could be enrolled, and in which program."""

    settings: EhrSettings
    program_id: str
    page: PatientPage


@attrs.frozen
class Backfilled:
    """What came of looking for a patient's address; a problem is one of this patient alone."""

    patient: Patient
    email: str | None = None
    problem: str | None = None


@attrs.frozen
class UpkeepService:
    """Lists who is connected, and fills in what orders say."""

    _storage: Storage
    _clock: Clock
    _orders: OrderReader
    _patients: PatientService

    async def clinics(self) -> tuple[ClinicView, ...]:
        """Return the clinics that are connected, up to a thousand."""
        query = ClinicQuery(ehr_enabled=True, page=Page(limit=MOST_CLINICS))
        return await self._storage.read(lambda tx: tx.clinics.views(query))

    async def patients(self, query: EhrPatientQuery) -> PatientPage:
        """Return patients of a connected clinic by MRN. Raises NotConnected (CLI-1)."""
        await self._connected(query.clinic_id)
        return await self._storage.read(lambda tx: tx.patients.by_mrn(query))

    async def enrollable(
        self, clinic_id: ClinicId, user_id: UserId | None, limit: int
    ) -> Enrollable:
        """
        Return who has an MRN and no subscription (CLI-2).

        Raises:
            NotConnected, ProviderNotSupported, ProgramNotSet: in this order.
        """
        settings = await self._connected(clinic_id, EhrProvider.XEALTH)
        program_id = settings.procedure_codes.create_account_and_enable_reports
        if not program_id:
            raise ProgramNotSet(clinic_id)
        query = EhrPatientQuery(
            clinic_id, user_id, has_subscription=False, has_mrn=True, page=Page(limit=limit)
        )
        page = await self._storage.read(lambda tx: tx.patients.by_mrn(query))
        return Enrollable(settings, program_id, page)

    async def backfill_emails(
        self, clinic_id: ClinicId, *, at_once: int, is_rehearsal: bool
    ) -> AsyncIterator[Backfilled]:
        """
        Give patients without an address the one of their last order, and yield them (CLI-3).

        Where it is a rehearsal nothing is changed.

        Raises:
            NotConnected, ProviderNotSupported: in this order.
        """
        await self._connected(clinic_id, EhrProvider.REDOX)
        behind: RecordId | None = None
        while True:
            walk = PatientWalk((clinic_id,), behind, at_once, lacks_email=True, has_reports=True)
            found = await self._storage.read(lambda tx, walk=walk: tx.patients.walk(walk))  # type: ignore[misc]  # the loop binds it
            for patient in found:
                outcome = await self._backfill(patient, is_rehearsal=is_rehearsal)
                if outcome.email or outcome.problem:
                    yield outcome
            if len(found) < at_once:
                return
            behind = found[-1].id

    async def _backfill(self, patient: Patient, *, is_rehearsal: bool) -> Backfilled:
        try:
            email = await self._email_of(patient)
            if email and not is_rehearsal:
                await self._patients.update(
                    patient.clinic_id, patient.user_id, _with_email(patient, email)
                )
        except DomainError as error:
            return Backfilled(patient, problem=str(error))
        return Backfilled(patient, email)

    async def _email_of(self, patient: Patient) -> str | None:
        message_id = last_message(patient)

        async def work(tx: Transaction) -> str | None:
            message = await tx.messages.find(message_id) if message_id else None
            if message is None:
                raise MessageNotFound(message_id)
            return email_in(self._orders.read(message.content), self._clock.now())

        return await self._storage.read(work)

    async def _connected(
        self, clinic_id: ClinicId, provider: EhrProvider | None = None
    ) -> EhrSettings:
        clinic: Clinic | None = await self._storage.read(lambda tx: tx.clinics.find(clinic_id))
        settings = clinic.ehr_settings if clinic else None
        if settings is None or not settings.enabled:
            raise NotConnected(clinic_id)
        if provider and settings.provider != provider:
            raise ProviderNotSupported(settings.provider)
        return settings


def _with_email(patient: Patient, email: str) -> PatientDetails:
    return PatientDetails(
        patient.full_name, patient.birth_date, email, patient.mrn, patient.target_devices
    )
