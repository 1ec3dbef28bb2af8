"""
Contract suites: what a port promises, as tests that every adapter has to pass.

An adapter's own test provides a fixture and inherits the rest:

    class TestMyStorage(StorageContract):
        @pytest.fixture
        async def storage(self) -> AsyncIterator[Storage]:
            storage = await MyStorage.opened(...)
            yield storage
            await storage.close()

Every test expects a storage that holds nothing yet.
"""

import pytest

# The suites assert; pytest has to know before it meets them that it should explain what fails.
_PARTS = (
    "accounts",
    "anything",
    "archive",
    "clinicians",
    "clinics",
    "counts",
    "deletions",
    "invites",
    "outbox",
    "patient_changes",
    "patient_lists",
    "patients",
    "queries",
    "races",
    "summaries",
    "support",
    "transactions",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from clinic_domain.testing.contracts.archive import ArchiveContract  # noqa: E402 - see above
from clinic_domain.testing.contracts.suite import StorageContract  # noqa: E402 - see above

__all__ = ["ArchiveContract", "StorageContract"]
