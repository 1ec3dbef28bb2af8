"""What several parts of the contract need."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from clinic_domain.clinicians.model import AllCliniciansQuery, Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import Deletion
from clinic_domain.ehr.model import (
    EnrollmentOrder,
    Message,
    ReportOrder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.errors import DomainError
from clinic_domain.invites.model import Invite
from clinic_domain.migrations.model import Migration
from clinic_domain.notifications.model import Notification
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.examples import a_clinic
from clinic_domain.users import Account, IssuedToken
from clinic_domain.values import EVERYTHING, ClinicId, UserId

T = TypeVar("T")
Record = Clinic | Clinician | Patient
FromPartner = Message | ReportOrder | StoredPreorder | EnrollmentOrder | ReportView
Kept = Record | Invite | Notification | Migration | Account | IssuedToken | FromPartner

LONG_TEXT: Final = "long " * 4000


async def keep(
    storage: Storage,
    *records: Kept,
) -> None:
    """Store new records in one transaction, in this order, with a clinic where one is missing."""

    async def work(tx: Transaction) -> None:
        for record in records:
            if isinstance(record, Clinician | Patient):
                await _open(tx, record.clinic_id)
            await _keep(tx, record)

    await storage.transaction(work)


async def _keep(tx: Transaction, record: Kept) -> None:
    match record:
        case Clinic():
            await tx.clinics.add(record)
        case Clinician():
            await tx.clinicians.add(record)
        case Patient():
            await tx.patients.add(record)
        case Invite():
            await tx.invites.put(record)
        case Notification():
            await tx.outbox.add(record)
        case Account():
            await tx.accounts.add(record)
        case IssuedToken():
            await tx.accounts.add_token(record)
        case Migration():
            await tx.migrations.add(record)
        case _:
            await _keep_from_partner(tx, record)


async def _keep_from_partner(tx: Transaction, record: FromPartner) -> None:
    match record:
        case Message():
            await tx.messages.add(record)
        case ReportOrder():
            await tx.messages.order_reports([record])
        case StoredPreorder():
            await tx.enrollments.add_preorder(record)
        case EnrollmentOrder():
            await tx.enrollments.add_order(record)
        case ReportView():
            await tx.enrollments.add_view(record)


async def _open(tx: Transaction, clinic_id: ClinicId) -> None:
    if await tx.clinics.find(clinic_id) is None:
        await tx.clinics.add(a_clinic(id=clinic_id))


async def change(storage: Storage, was: Record, new: Record) -> None:
    """Save a changed record in a transaction of its own."""

    async def work(tx: Transaction) -> None:
        if isinstance(new, Clinic) and isinstance(was, Clinic):
            await tx.clinics.save(new, was=was)
        elif isinstance(new, Clinician) and isinstance(was, Clinician):
            await tx.clinicians.save(new, was=was)
        elif isinstance(new, Patient) and isinstance(was, Patient):
            await tx.patients.save(new, was=was)

    await storage.transaction(work)


async def remove(storage: Storage, record: Record, deletion: Deletion) -> None:
    """Remove a record in a transaction of its own."""

    async def work(tx: Transaction) -> None:
        match record:
            case Clinic():
                await tx.clinics.remove(record, deletion)
            case Clinician():
                await tx.clinicians.remove(record, deletion)
            case Patient():
                await tx.patients.remove(record, deletion)

    await storage.transaction(work)


async def found_clinic(storage: Storage, clinic_id: ClinicId) -> Clinic | None:
    """Return a clinic, if it is there."""
    return await storage.read(lambda tx: tx.clinics.find(clinic_id))


async def clinic_of(storage: Storage, clinic_id: ClinicId) -> Clinic:
    """Return a clinic that has to be there."""
    return await storage.read(lambda tx: tx.clinics.get(clinic_id))


async def patient_of(storage: Storage, clinic_id: ClinicId, user_id: UserId) -> Patient:
    """Return a patient who has to be there."""
    return await storage.read(lambda tx: tx.patients.get(clinic_id, user_id))


async def patients_of(storage: Storage, clinic_id: ClinicId) -> dict[UserId, Patient]:
    """Return all patients of a clinic."""
    query = PatientQuery(clinic_id, page=EVERYTHING)
    page = await storage.read(lambda tx: tx.patients.page(query))
    return {patient.user_id: patient for patient in page.patients}


async def all_clinicians(storage: Storage) -> tuple[Clinician, ...]:
    """Return all clinicians of all clinics."""
    return await storage.read(lambda tx: tx.clinicians.all(AllCliniciansQuery()))


async def pause() -> None:
    """Let others go on: what was read before may be old afterwards."""
    await asyncio.sleep(0.001)


async def together(*actions: Awaitable[T]) -> tuple[list[T], list[DomainError]]:
    """Run *actions* at the same time; return what came of them, and what was refused."""
    outcomes = await asyncio.gather(*actions, return_exceptions=True)
    results: list[T] = []
    refusals: list[DomainError] = []
    for outcome in outcomes:
        match outcome:
            case DomainError():
                refusals.append(outcome)
            case BaseException():
                raise outcome
            case _:
                results.append(outcome)
    return results, refusals
