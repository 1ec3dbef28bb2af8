"""Who is cancelled within a call is so when the call is over."""

import asyncio

import pytest

from adapters.mongo import cancellation
from adapters.mongo.cancellation import to_the_end


async def test_a_call_returns_what_it_returns() -> None:
    async def call() -> int:
        await asyncio.sleep(0)
        return 7

    assert await to_the_end(call()) == 7


async def test_a_call_raises_what_it_raises() -> None:
    async def call() -> None:
        await asyncio.sleep(0)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await to_the_end(call())


@pytest.mark.parametrize("error", [None, ValueError()])
async def test_a_call_comes_to_its_end(error: Exception | None) -> None:
    """However often it is cancelled, and whatever comes of it."""
    may_end, is_over = asyncio.Event(), asyncio.Event()

    async def call() -> None:
        await may_end.wait()
        is_over.set()
        if error:
            raise error

    task = asyncio.ensure_future(to_the_end(call()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_over.is_set()


async def test_a_call_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "GRACE", 0.01)
    task = asyncio.ensure_future(to_the_end(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()

    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await task
