"""Transactions on memory."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import attrs

from adapters.memory.accounts import MemoryAccountRepository
from adapters.memory.archive import MemoryArchive
from adapters.memory.cells import Cells, Committed, Draft, Stale
from adapters.memory.clinicians import MemoryClinicianRepository
from adapters.memory.clinics import MemoryClinicRepository
from adapters.memory.deletions import MemoryDeletionRepository
from adapters.memory.enrollments import MemoryEnrollmentRepository
from adapters.memory.invites import MemoryInviteRepository
from adapters.memory.merging import MemoryMergeRecordRepository
from adapters.memory.messages import MemoryMessageRepository
from adapters.memory.migrations import MemoryMigrationRepository
from adapters.memory.outbox import MemoryOutboxRepository
from adapters.memory.patients import MemoryPatientRepository
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.copying import Archive, Record
from clinic_domain.ehr.ports import EnrollmentRepository, MessageRepository
from clinic_domain.errors import StorageBusy
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.merging.ports import MergeRecordRepository
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.storage import DeletionRepository, Storage, Transaction, Work
from clinic_domain.users import AccountRepository

T = TypeVar("T")

ATTEMPTS: Final = 100


@attrs.frozen
class MemoryTransaction(Transaction):
    _cells: Cells

    @property
    def clinics(self) -> ClinicRepository:
        return MemoryClinicRepository(self._cells)

    @property
    def clinicians(self) -> ClinicianRepository:
        return MemoryClinicianRepository(self._cells)

    @property
    def patients(self) -> PatientRepository:
        return MemoryPatientRepository(self._cells)

    @property
    def invites(self) -> InviteRepository:
        return MemoryInviteRepository(self._cells)

    @property
    def outbox(self) -> OutboxRepository:
        return MemoryOutboxRepository(self._cells)

    @property
    def deletions(self) -> DeletionRepository:
        return MemoryDeletionRepository(self._cells)

    @property
    def merge_records(self) -> MergeRecordRepository:
        return MemoryMergeRecordRepository(self._cells)

    @property
    def migrations(self) -> MigrationRepository:
        return MemoryMigrationRepository(self._cells)

    @property
    def messages(self) -> MessageRepository:
        return MemoryMessageRepository(self._cells)

    @property
    def enrollments(self) -> EnrollmentRepository:
        return MemoryEnrollmentRepository(self._cells)

    @property
    def accounts(self) -> AccountRepository:
        return MemoryAccountRepository(self._cells)


@attrs.frozen
class MemoryStorage(Storage):
    """
    A transaction works on a draft, which is committed without a pause or thrown away.

    What is kept are the very objects that were passed in, so they have to stay as they are, with
    all that they hold.
    """

    _attempts: int = ATTEMPTS
    _committed: Committed = attrs.field(factory=Committed, init=False)

    async def transaction(self, work: Work[T]) -> T:
        return await self._within(lambda cells: work(MemoryTransaction(cells)))

    async def _within(self, work: Callable[[Cells], Awaitable[T]]) -> T:
        for _ in range(self._attempts):
            draft = Draft(self._committed)
            try:
                result = await work(draft)
                draft.commit()
            except Stale:
                continue
            return result
        raise StorageBusy

    async def read(self, work: Work[T]) -> T:
        return await work(MemoryTransaction(self._committed))

    @property
    def archive(self) -> Archive[Record]:
        """All that the storage keeps, to be copied."""
        return MemoryArchive(self._committed, self._within)

    async def ping(self) -> None:
        pass

    async def close(self) -> None:
        pass
