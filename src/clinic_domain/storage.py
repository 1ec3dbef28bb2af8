"""The storage port: where use cases run, and what one transaction offers them."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol, TypeVar

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinics.model import Clinic
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.deletions import DeletionRecord
from clinic_domain.ehr.ports import EnrollmentRepository, MessageRepository
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.merging.ports import MergeRecordRepository
from clinic_domain.migrations.ports import MigrationRepository
from clinic_domain.notifications.ports import OutboxRepository
from clinic_domain.patients.model import Patient
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.users import AccountRepository
from clinic_domain.values import ClinicId

T = TypeVar("T")


class DeletionRepository(Protocol):
    """The deletion records, in the order in which they were written."""

    @abstractmethod
    async def clinics(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinic], ...]:
        """Return the record of a removed clinic, if it was."""

    @abstractmethod
    async def clinicians(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Clinician], ...]:
        """Return the removed members and invites of a clinic."""

    @abstractmethod
    async def patients(self, clinic_id: ClinicId) -> tuple[DeletionRecord[Patient], ...]:
        """Return the removed patients of a clinic."""


class Transaction(Protocol):
    """The repositories of one transaction; all of them see and change the same state."""

    @property
    @abstractmethod
    def clinics(self) -> ClinicRepository:
        """The clinics."""

    @property
    @abstractmethod
    def clinicians(self) -> ClinicianRepository:
        """The clinicians."""

    @property
    @abstractmethod
    def patients(self) -> PatientRepository:
        """The patients."""

    @property
    @abstractmethod
    def invites(self) -> InviteRepository:
        """The invites of clinicians and patients."""

    @property
    @abstractmethod
    def outbox(self) -> OutboxRepository:
        """The mails that are owed."""

    @property
    @abstractmethod
    def deletions(self) -> DeletionRepository:
        """The deletion records, for reading; removals write them."""

    @property
    @abstractmethod
    def merge_records(self) -> MergeRecordRepository:
        """What is kept of merges."""

    @property
    @abstractmethod
    def migrations(self) -> MigrationRepository:
        """The migrations of legacy accounts."""

    @property
    @abstractmethod
    def messages(self) -> MessageRepository:
        """The messages of Redox."""

    @property
    @abstractmethod
    def enrollments(self) -> EnrollmentRepository:
        """What Xealth and its users said."""

    @property
    @abstractmethod
    def accounts(self) -> AccountRepository:
        """Users and tokens of a stand-alone installation."""


Work = Callable[[Transaction], Awaitable[T]]


class Storage(Protocol):
    """
    Where use cases run.

    `clinic_domain.testing.contracts.StorageContract` says what that means.
    """

    @abstractmethod
    async def transaction(self, work: Work[T]) -> T:
        """
        Run *work*, keep all that it wrote or nothing, and return its result.

        Transactions that touch the same records end as if they had run one after another. On a
        conflict *work* runs again, within a bound, so it does nothing that cannot be repeated: no
        call to another service. An error that *work* raises undoes everything and passes through
        unchanged.

        Raises:
            StorageBusy: the bound was reached; nothing is kept.
            Unavailable: the storage does not answer; nothing is kept.
        """

    async def exclusively(self, _clinic_ids: Collection[ClinicId], work: Work[T]) -> T:
        """
        Run *work* as `transaction` does, however much it writes.

        It changes nothing but what belongs to these clinics, reads before it writes, and nothing
        that it wrote. Where that is too much for one transaction of the storage it is done in
        steps, and until the last one nobody else gets at what belongs to the clinics; what is begun
        when a process ends is finished when the storage is opened next.

        Raises:
            StorageBusy: somebody else works on one of the clinics in this way; or as `transaction`.
        """
        return await self.transaction(work)

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """
        Run *work*, which only reads, and return its result.

        Each call on a repository sees a committed state. What several calls have to agree on
        belongs into a transaction.
        """

    @abstractmethod
    async def ping(self) -> None:
        """Return when the storage answers. Raises Unavailable."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections and files."""
