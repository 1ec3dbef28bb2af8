"""The API answers as it was recorded: every golden of clinics, clinicians, patients and access."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.memory import MemoryStorage
from adapters.sql import open_storage
from clinic_domain.storage import Storage
from support.platform import Platform, platform, with_legacy_clinic
from support.shared import SHARED, module, needed

AREAS: Final = ("access", "clinicians", "clinics", "patients")

# Steps of operations that have no controller yet. Each is held to be answered 501, so that the
# exception goes when the operation comes.
_EHR: Final = "the EHR partners come later"
_MERGE: Final = "the merge of clinics comes later"
_MIGRATION: Final = "legacy migrations come later"
_SUMMARY: Final = "summaries and the TIDE report come later"
AWAITED: Final[Mapping[str, Mapping[int, str]]] = {
    "access/ehr": dict.fromkeys((6, 15, 24), _EHR),
    "access/merge": dict.fromkeys((6, 15), _MERGE),
    "access/migrations": dict.fromkeys((6, 7, 8, 15, 16, 17, 24, 33), _MIGRATION),
    "access/migrations-start": dict.fromkeys((6, 16, 26), _MIGRATION),
    "access/patients-read": dict.fromkeys((24, 25, 26), _SUMMARY),
    "access/redox": dict.fromkeys(range(1, 10), _EHR),
    "access/summaries": dict.fromkeys((6,), _SUMMARY),
    "access/xealth": dict.fromkeys((*range(1, 29), *range(30, 35)), _EHR),
    "clinics/can-migrate": dict.fromkeys((8,), _MIGRATION),
}
# Steps that show what an awaited step would have changed.
FOLLOWING: Final[Mapping[str, Mapping[int, str]]] = {
    "clinics/can-migrate": {9: "the clinic that step 8 migrates"},
}
# Goldens whose first step makes the empty clinic of a legacy account; the storage makes it instead.
PREPARED: Final = ("clinicians/not_migrated", "clinics/can-migrate")


def goldens() -> list[str]:
    """Return the names of all goldens, or of one whose absence is then noticed."""
    files = sorted(file for area in AREAS for file in (SHARED / "golden" / area).glob("*.json"))
    return [f"{file.parent.name}/{file.stem}" for file in files] or ["access/routing"]


@pytest.fixture(params=["memory", "sqlite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    opened: Storage
    if request.param == "memory":
        opened = MemoryStorage()
    else:
        opened = await open_storage(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield opened
    await opened.close()


@pytest.fixture
async def api(storage: Storage) -> AsyncIterator[Platform]:
    needed("peers/peers.py")
    async with platform(storage) as running:
        yield running


@pytest.mark.parametrize("name", goldens())
async def test_recorded_answers(name: str, api: Platform) -> None:
    recorded = json.loads(needed(f"golden/{name}.json").read_text())
    recorded["steps"] = _replayable(name, recorded["steps"])
    send = with_legacy_clinic(api) if name in PREPARED else api.send

    differences = await module("golden/golden.py").replay(recorded, send)

    assert differences == []


def _replayable(name: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    awaited, following = AWAITED.get(name, {}), FOLLOWING.get(name, {})
    for number in awaited:
        steps[number - 1]["response"] = {"status": 501, "content_type": "application/json"}
    return [step for number, step in enumerate(steps, 1) if number not in following]


@pytest.mark.parametrize("name", sorted({*AWAITED, *FOLLOWING, *PREPARED}))
def test_exceptions_name_goldens_that_there_are(name: str) -> None:
    recorded = json.loads(needed(f"golden/{name}.json").read_text())
    numbers = {*AWAITED.get(name, {}), *FOLLOWING.get(name, {})}

    assert numbers <= set(range(1, len(recorded["steps"]) + 1))
