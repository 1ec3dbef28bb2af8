"""The storage in MongoDB keeps what every storage promises."""

from collections.abc import AsyncIterator

import pytest

from clinic_domain.storage import Storage
from clinic_domain.testing.contracts import StorageContract
from support.mongo import an_empty_storage


class TestMongoStorage(StorageContract):
    @pytest.fixture
    async def storage(self, mongodb: str) -> AsyncIterator[Storage]:
        async with an_empty_storage(mongodb) as storage:
            yield storage
