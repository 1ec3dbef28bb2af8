"""The API answers as it was recorded, over every storage, and MongoDB holds what was recorded."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

import attrs
import pytest

from adapters.memory import MemoryStorage
from adapters.mongo import MongoStorage
from clinic_domain.storage import Storage
from support import mongo, postgresql, sqlite
from support.goldens import golden, goldens, workbook_reader, workbooks
from support.platform import (
    ExchangeableStorage,
    Platform,
    platform,
    reset_peers,
    with_legacy_clinic,
)
from support.shared import module, needed

# Steps of operations that have no controller yet. Each is held to be answered 501, so that the
# exception goes when the operation comes.
_EHR: Final = "the EHR partners come later"
_MIGRATION: Final = "legacy migrations come later"
AWAITED: Final[Mapping[str, Mapping[int, str]]] = {
    "access/ehr": dict.fromkeys((6, 15, 24), _EHR),
    "access/migrations": dict.fromkeys((6, 7, 8, 15, 16, 17, 24, 33), _MIGRATION),
    "access/migrations-start": dict.fromkeys((6, 16, 26), _MIGRATION),
    "access/redox": dict.fromkeys(range(1, 10), _EHR),
    "access/xealth": dict.fromkeys((*range(1, 29), *range(30, 35)), _EHR),
    "clinics/can-migrate": dict.fromkeys((8,), _MIGRATION),
    "invites/clinician_not_migrated": dict.fromkeys((9,), _MIGRATION),
}
# Steps that show what an awaited step would have changed.
FOLLOWING: Final[Mapping[str, Mapping[int, str]]] = {
    "clinics/can-migrate": {9: "the clinic that step 8 migrates"},
    "invites/clinician_not_migrated": dict.fromkeys(
        (10, 11, 12), "the clinic that step 9 migrates"
    ),
}
# Goldens whose first step makes the empty clinic of a legacy account; the storage makes it instead.
PREPARED: Final = (
    "clinicians/not_migrated",
    "clinics/can-migrate",
    "invites/clinician_not_migrated",
)

_OPENED: Final[
    Mapping[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Storage]]]
] = {
    "memory": lambda _: nullcontext(MemoryStorage()),
    "sqlite": lambda _: sqlite.an_empty_storage("?synchronous=OFF"),
    "postgresql": lambda request: postgresql.an_empty_storage(
        request.getfixturevalue("postgresql")
    ),
    "mongodb": lambda request: mongo.an_empty_storage(request.getfixturevalue("mongodb")),
}


@pytest.fixture(params=list(_OPENED))
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    async with _OPENED[request.param](request) as storage:
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
    recorded["steps"] = _replayable(name, recorded["steps"])
    send = with_legacy_clinic(api) if name in PREPARED else api.send
    player = module("golden/golden.py")
    bindings = player.Bindings()

    answers: list[bytes] = []

    async def sent(*request: Any) -> Any:
        answer = await send(*request)
        answers.append(answer[2])
        return answer

    differences = await player.replay(recorded, sent, bindings=bindings, mails=api.mails)
    await api.mails()
    differences += _differences_of_workbooks(name, answers, bindings)
    if isinstance(api.storage, MongoStorage) and "database" in recorded:
        documents = mongo.as_recorded(await mongo.stored_documents(api.storage))
        differences += player.database_differences(recorded, documents, bindings)

    assert differences == []


def _differences_of_workbooks(name: str, answers: list[bytes], bindings: Any) -> list[str]:
    """Hold the spreadsheets among the answers against the recorded ones, cell by cell."""
    following, compared = FOLLOWING.get(name, {}), workbook_reader()
    steps = [number for number in range(1, 1000) if number not in following]
    return [
        f"{name} step {step}: {line}"
        for expected in workbooks(name)
        if (step := expected["step"]) not in following and steps.index(step) < len(answers)
        for line in compared.differences(
            expected, compared.read(answers[steps.index(step)]), bindings
        )
    ]


def _replayable(name: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    awaited, following = AWAITED.get(name, {}), FOLLOWING.get(name, {})
    for number in awaited:
        steps[number - 1]["response"] = {"status": 501, "content_type": "application/json"}
    return [step for number, step in enumerate(steps, 1) if number not in following]


@pytest.mark.parametrize("name", sorted({*AWAITED, *FOLLOWING, *PREPARED}))
def test_exceptions_name_goldens_that_there_are(name: str) -> None:
    numbers = {*AWAITED.get(name, {}), *FOLLOWING.get(name, {})}

    assert numbers <= set(range(1, len(golden(name)["steps"]) + 1))
