"""A service over memory whose surroundings are in the hands of the test."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import attrs

from adapters.memory import MemoryStorage
from adapters.redox import RedoxOrders
from clinic_domain.access.model import Principal
from clinic_domain.application import Application
from clinic_domain.clinicians.model import Clinician, ClinicianQuery
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.deletions import DeletionRecord
from clinic_domain.ehr.model import EnrollmentOrder, Message, StoredPreorder
from clinic_domain.invites.model import Invite
from clinic_domain.migrations.model import Migration
from clinic_domain.notifications.model import DeliveryState, Notification
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Storage, Transaction, Work
from clinic_domain.testing.fakes import (
    CountingBell,
    FakeProfiles,
    FakeRepresentatives,
    FakeRestrictedTokens,
    FakeServiceAccounts,
    FakeUsers,
    FakeXealthOrders,
    FixedClock,
    RecordingJournal,
    RecordingMailer,
    SequentialIds,
    SequentialInviteKeys,
    SequentialShareCodes,
)
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, UserId

T = TypeVar("T")

SERVER = Principal(UserId("a-backend-service"), is_server=True)


def user(user_id: str) -> Principal:
    """Return who calls with the session token of a user."""
    return Principal(UserId(user_id))


@attrs.frozen
class World:
    """The use cases, and all that they see and leave behind."""

    demo_patient: UserId | None = None
    storage: Storage = attrs.field(factory=MemoryStorage)
    clock: FixedClock = attrs.field(factory=FixedClock)
    ids: SequentialIds = attrs.field(factory=SequentialIds)
    share_codes: SequentialShareCodes = attrs.field(factory=SequentialShareCodes)
    users: FakeUsers = attrs.field(factory=FakeUsers)
    profiles: FakeProfiles = attrs.field(factory=FakeProfiles)
    service_accounts: FakeServiceAccounts = attrs.field(factory=FakeServiceAccounts)
    journal: RecordingJournal = attrs.field(factory=RecordingJournal)
    representatives: FakeRepresentatives = attrs.field(factory=FakeRepresentatives)
    invite_keys: SequentialInviteKeys = attrs.field(factory=SequentialInviteKeys)
    mailer: RecordingMailer = attrs.field(factory=RecordingMailer)
    bell: CountingBell = attrs.field(factory=CountingBell)
    announces: bool = True
    xealth_orders: FakeXealthOrders = attrs.field(factory=FakeXealthOrders)
    restricted_tokens: FakeRestrictedTokens = attrs.field(factory=FakeRestrictedTokens)
    app: Application = attrs.field(init=False)

    @app.default
    def _over_the_others(self) -> Application:
        return Application.over(
            self.storage,
            users=self.users,
            profiles=self.profiles,
            service_accounts=self.service_accounts,
            clock=self.clock,
            ids=self.ids,
            share_codes=self.share_codes,
            journal=self.journal,
            representatives=self.representatives,
            invite_keys=self.invite_keys,
            mailer=self.mailer,
            bell=self.bell,
            announces=self.announces,
            demo_patient=self.demo_patient,
            redox_orders=RedoxOrders(),
            xealth_orders=self.xealth_orders,
            restricted_tokens=self.restricted_tokens,
        )

    async def has(
        self,
        *records: Clinic
        | Clinician
        | Patient
        | Invite
        | Migration
        | Message
        | EnrollmentOrder
        | StoredPreorder,
    ) -> None:
        """Let these have been there all the time."""

        async def work(tx: Transaction) -> None:
            for record in records:
                await _ADD[type(record)](tx, record)

        await self.storage.transaction(work)

    async def clinics(self) -> tuple[Clinic, ...]:
        """Return all clinics as they are now."""
        views = await self.storage.read(lambda tx: tx.clinics.views(ClinicQuery()))
        return tuple(view.clinic for view in views)

    async def clinic(self, clinic: Clinic | ClinicId) -> Clinic:
        """Return a clinic as it is now."""
        return await self.storage.read(lambda tx: tx.clinics.get(_id_of(clinic)))

    async def clinicians(self, clinic: Clinic | ClinicId) -> tuple[Clinician, ...]:
        """Return the clinicians of a clinic as they are now, newest first."""
        query = ClinicianQuery(_id_of(clinic))
        return await self.storage.read(lambda tx: tx.clinicians.of_clinic(query))

    async def patients(self, clinic: Clinic | ClinicId) -> tuple[Patient, ...]:
        """Return the patients of a clinic as they are now, by name."""
        query = PatientQuery(_id_of(clinic), page=EVERYTHING)
        return (await self.storage.read(lambda tx: tx.patients.page(query))).patients

    async def patient(self, patient: Patient) -> Patient:
        """Return a patient as he is now."""
        return await self.storage.read(
            lambda tx: tx.patients.get(patient.clinic_id, patient.user_id)
        )

    async def invite(self, key: str) -> Invite:
        """Return an invite as it is now."""
        found = await self.storage.read(lambda tx: tx.invites.find(InviteId(key)))
        assert found is not None
        return found

    async def owed(self) -> tuple[Notification, ...]:
        """Return the mails that are owed, oldest first."""
        return await self.storage.read(lambda tx: tx.outbox.in_state(DeliveryState.PENDING, 1000))

    async def migrations(self, clinic: Clinic | ClinicId) -> tuple[Migration, ...]:
        """Return the migrations into a clinic as they are now, oldest first."""
        return await self.storage.read(lambda tx: tx.migrations.of_clinic(_id_of(clinic)))

    async def removed_clinics(
        self, clinic: Clinic | ClinicId
    ) -> tuple[DeletionRecord[Clinic], ...]:
        return await self.storage.read(lambda tx: tx.deletions.clinics(_id_of(clinic)))

    async def removed_clinicians(
        self, clinic: Clinic | ClinicId
    ) -> tuple[DeletionRecord[Clinician], ...]:
        return await self.storage.read(lambda tx: tx.deletions.clinicians(_id_of(clinic)))

    async def removed_patients(
        self, clinic: Clinic | ClinicId
    ) -> tuple[DeletionRecord[Patient], ...]:
        return await self.storage.read(lambda tx: tx.deletions.patients(_id_of(clinic)))


@attrs.frozen
class HesitantStorage(Storage):
    """A storage whose transactions let others run before and after they did their work."""

    _storage: Storage = attrs.field(factory=MemoryStorage)

    async def transaction(self, work: Work[T]) -> T:
        async def hesitant(tx: Transaction) -> T:
            await asyncio.sleep(0)
            result = await work(tx)
            await asyncio.sleep(0)
            return result

        return await self._storage.transaction(hesitant)

    async def read(self, work: Work[T]) -> T:
        return await self._storage.read(work)

    async def ping(self) -> None:
        await self._storage.ping()

    async def close(self) -> None:
        await self._storage.close()


def _id_of(clinic: Clinic | ClinicId) -> ClinicId:
    return clinic.id if isinstance(clinic, Clinic) else clinic


_ADD: Final[dict[type, Callable[[Transaction, Any], Awaitable[None]]]] = {
    Clinic: lambda tx, record: tx.clinics.add(record),
    Clinician: lambda tx, record: tx.clinicians.add(record),
    Patient: lambda tx, record: tx.patients.add(record),
    Invite: lambda tx, record: tx.invites.put(record),
    Migration: lambda tx, record: tx.migrations.add(record),
    Message: lambda tx, record: tx.messages.add(record),
    EnrollmentOrder: lambda tx, record: tx.enrollments.add_order(record),
    StoredPreorder: lambda tx, record: tx.enrollments.add_preorder(record),
}
