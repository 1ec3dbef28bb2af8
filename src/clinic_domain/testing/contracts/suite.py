"""The contract of a storage, put together from its parts."""

import pytest

from clinic_domain.testing.contracts.accounts import AccountContract
from clinic_domain.testing.contracts.anything import AnythingContract
from clinic_domain.testing.contracts.clinicians import ClinicianContract
from clinic_domain.testing.contracts.clinics import ClinicContract
from clinic_domain.testing.contracts.counts import CountContract
from clinic_domain.testing.contracts.deletions import DeletionContract
from clinic_domain.testing.contracts.ehr import EhrContract
from clinic_domain.testing.contracts.invites import InviteContract
from clinic_domain.testing.contracts.merging import MergingContract
from clinic_domain.testing.contracts.migrations import MigrationContract
from clinic_domain.testing.contracts.outbox import OutboxContract
from clinic_domain.testing.contracts.patient_changes import PatientChangesContract
from clinic_domain.testing.contracts.patient_lists import PatientListContract
from clinic_domain.testing.contracts.patients import PatientContract
from clinic_domain.testing.contracts.queries import PatientQueryContract
from clinic_domain.testing.contracts.races import RaceContract
from clinic_domain.testing.contracts.summaries import SummaryContract
from clinic_domain.testing.contracts.transactions import TransactionContract


class StorageContract(
    ClinicContract,
    ClinicianContract,
    PatientContract,
    PatientListContract,
    PatientQueryContract,
    PatientChangesContract,
    SummaryContract,
    CountContract,
    MigrationContract,
    EhrContract,
    DeletionContract,
    MergingContract,
    AccountContract,
    InviteContract,
    OutboxContract,
    TransactionContract,
    RaceContract,
    AnythingContract,
):
    """What every Storage promises; subclass it and provide the `storage` fixture."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture(scope="class")
    @classmethod
    def anyio_backend(cls) -> str:
        """Return the only event loop that storages have to work with."""
        return "asyncio"
