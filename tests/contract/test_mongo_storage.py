"""The storage in MongoDB keeps what every storage promises."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from clinic_domain.storage import Storage
from clinic_domain.testing.contracts import StorageContract
from clinic_domain.testing.contracts.merging import MergingContract
from clinic_domain.testing.machines import use_cases_over
from support.mongo import an_empty_storage

_server: list[str] = []


@pytest.fixture(autouse=True, scope="module")
def _known_server(mongodb: str) -> None:
    """Let the machine know the server: a test case of `unittest` takes no fixtures."""
    _server.append(mongodb)


class TestMongoStorage(StorageContract):
    @pytest.fixture
    async def storage(self, mongodb: str) -> AsyncIterator[Storage]:
        async with an_empty_storage(mongodb) as storage:
            yield storage


class TestMongoStorageInSteps(MergingContract):
    """Merges keep their promises also where one transaction would be too small for them."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    async def storage(self, mongodb: str) -> AsyncIterator[Storage]:
        async with an_empty_storage(mongodb, at_once=-1, notice=0) as storage:
            yield storage


def opened() -> AbstractAsyncContextManager[Storage]:
    return an_empty_storage(_server[-1])


TestUseCases = use_cases_over(opened, max_examples=15)
