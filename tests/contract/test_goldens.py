"""The API answers as it was recorded, over every storage, and MongoDB holds what was recorded."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, cast

import attrs
import pytest

from adapters.memory import MemoryStorage
from adapters.mongo import MongoStorage
from adapters.sql import SqlStorage
from clinic_domain.copying import Kind, id_of
from clinic_domain.storage import Storage
from support import mongo
from support.goldens import golden, goldens, workbook_reader, workbooks
from support.platform import (
    ExchangeableStorage,
    Platform,
    platform,
    put_xealth_order,
    reset_peers,
)
from support.shared import module, needed
from support.storages import STORAGES


@pytest.fixture(params=list(STORAGES))
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    async with STORAGES[request.param](request) as storage:
        yield storage


@pytest.fixture(scope="module")
async def api_over_anything() -> AsyncIterator[Platform]:
    """Make the API once: that takes longer than most goldens."""
    needed("peers/peers.py")
    async with platform(ExchangeableStorage()) as running:
        yield running


@pytest.fixture
async def api(api_over_anything: Platform, storage: Storage) -> Platform:
    assert isinstance(api_over_anything.storage, ExchangeableStorage)
    api_over_anything.storage.now = storage
    reset_peers()
    return attrs.evolve(api_over_anything, storage=storage)


@pytest.mark.parametrize("name", goldens())
async def test_recorded_answers(name: str, api: Platform) -> None:
    recorded = golden(name)
    player = module("golden/golden.py")
    bindings = player.Bindings()

    answers: list[bytes] = []

    async def sent(*request: Any) -> Any:
        answer = await api.send(*request)
        answers.append(answer[2])
        return answer

    differences = await player.replay(
        recorded,
        sent,
        put_xealth_order,
        partial(_message_ids, api.storage),
        bindings=bindings,
        mails=api.mails,
    )
    await api.mails()
    differences += _differences_of_workbooks(name, answers, bindings)
    if isinstance(api.storage, MongoStorage) and "database" in recorded:
        documents = mongo.as_recorded(await mongo.stored_documents(api.storage))
        differences += player.database_differences(recorded, documents, bindings)

    assert differences == []


def _differences_of_workbooks(name: str, answers: list[bytes], bindings: Any) -> list[str]:
    """Hold the spreadsheets among the answers against the recorded ones, cell by cell."""
    compared = workbook_reader()
    return [
        f"{name} step {step}: {line}"
        for expected in workbooks(name)
        if (step := expected["step"]) <= len(answers)
        for line in compared.differences(expected, compared.read(answers[step - 1]), bindings)
    ]


async def _message_ids(storage: Storage) -> list[str]:
    """Return the ids of all messages of Redox, oldest first."""
    archive = cast("MemoryStorage | MongoStorage | SqlStorage", storage).archive
    return [id_of(message) async for message in archive.scan(Kind.MESSAGES)]
