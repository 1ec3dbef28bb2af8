"""Large messages are kept, and those that no document can hold refused."""

import pytest

from clinic_domain.ehr.errors import UnstorableMessage
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_message
from support.mongo import an_empty_storage


async def test_mongodb_takes_large_messages_and_refuses_larger_ones(mongodb: str) -> None:
    # A server with a small cache, as in these tests, takes less at once than a document may hold.
    large = a_message(content={"text": "x" * (8 * 2**20)})
    nested: object = "x"
    for _ in range(250):
        nested = [nested]

    async with an_empty_storage(mongodb) as storage:
        await keep(storage, large)
        for content in ({"text": "x" * 16 * 2**20}, {"text": "x" * 17 * 2**20}, {"x": nested}):
            with pytest.raises(UnstorableMessage):
                await keep(storage, a_message(content=content))

        found = await storage.read(lambda tx: tx.messages.find(large.id))
    assert found == large
