"""
State machines: the use cases in any order over a storage, held against a plain model.

A storage's own test is a few lines:

    @asynccontextmanager
    async def opened() -> AsyncIterator[Storage]:
        yield MyStorage(...)

    TestMyStorageUnderUseCases = use_cases_over(opened)
"""

import pytest

# The machine asserts; pytest has to know before it meets it that it should explain what fails.
pytest.register_assert_rewrite(
    *(f"{__name__}.{part}_rules" for part in ("clinic", "label", "member", "people")),
    f"{__name__}.ground",
)

from clinic_domain.testing.machines.machine import (  # noqa: E402 - see above
    ClinicMachine,
    use_cases_over,
)

__all__ = ["ClinicMachine", "use_cases_over"]
