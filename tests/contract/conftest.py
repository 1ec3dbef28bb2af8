"""The servers that contract tests need, each started once."""

from collections.abc import Iterator

import pytest

from support.mongo import drop_databases
from support.postgresql import drop_databases as drop_postgresql_databases
from support.servers import a_mongodb, a_postgresql


@pytest.fixture(scope="session")
def mongodb() -> Iterator[str]:
    """Give the URL of a MongoDB."""
    with a_mongodb() as url:
        yield url
        drop_databases(url)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Give the URL of a PostgreSQL."""
    with a_postgresql() as url:
        yield url
        drop_postgresql_databases(url)
