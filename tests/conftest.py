"""What all tests share."""

import pytest
from hypothesis import settings

# The suites that ship with the package assert; before their first import, so that failures explain.
pytest.register_assert_rewrite("clinic_domain.testing")

# The same examples in every run; `--hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
