"""The SQL storage on SQLite keeps what every storage promises."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from clinic_domain.storage import Storage
from clinic_domain.testing.contracts import StorageContract
from clinic_domain.testing.machines import use_cases_over
from support.sqlite import an_empty_storage


class TestSqliteStorage(StorageContract):
    @pytest.fixture
    async def storage(self) -> AsyncIterator[Storage]:
        async with an_empty_storage() as storage:
            yield storage


def opened() -> AbstractAsyncContextManager[Storage]:
    return an_empty_storage("?synchronous=OFF")


TestUseCases = use_cases_over(opened, max_examples=25)
