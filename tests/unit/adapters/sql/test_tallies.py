"""Triggers keep the counts exact, whichever statement changes a row."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql import SqlStorage, create_engine
from support.tallies import change_anything_and_count, remove_everything_and_count


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[AsyncEngine]:
    """Return a way to the file that goes past the storage."""
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("seed", range(3))
async def test_counts_are_those_that_counting_gives(
    seed: int, storage: SqlStorage, engine: AsyncEngine
) -> None:
    await change_anything_and_count(storage, engine, seed)


async def test_a_removed_clinic_leaves_no_counts(storage: SqlStorage, engine: AsyncEngine) -> None:
    await remove_everything_and_count(storage, engine)
