"""What all tests share."""

import os

import pytest
from hypothesis import settings

# The suites that ship with the package assert; before their first import, so that failures explain.
pytest.register_assert_rewrite("clinic_domain.testing")

# Each process that tests start would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The same examples in every run; `--hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
