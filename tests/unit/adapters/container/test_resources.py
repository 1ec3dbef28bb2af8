"""What opens before an application serves, and closes afterwards."""

import asyncio
import threading

import pytest

from adapters.system import Threads, at_work, opened

pytestmark = pytest.mark.anyio


async def test_what_was_prepared_is_closed() -> None:
    events: list[str] = []

    async def note(event: str) -> None:
        events.append(event)

    async with opened(lambda: note("prepared"), lambda: note("closed")):
        events.append("used")

    assert events == ["prepared", "used", "closed"]


async def test_what_could_not_be_prepared_is_closed() -> None:
    events: list[str] = []

    async def fail() -> None:
        raise OSError

    async def close() -> None:
        events.append("closed")

    with pytest.raises(OSError):  # noqa: PT011 - the one from above
        async with opened(fail, close):
            pass

    assert events == ["closed"]


async def test_work_ends_before_what_it_works_with() -> None:
    events: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            events.append("stopped")

    async def close() -> None:
        events.append("closed")

    async with at_work(work, close):
        await begun.wait()

    assert events == ["stopped", "closed"]


async def test_others_go_on_while_a_thread_computes() -> None:
    others = threading.Event()

    async def go_on() -> None:
        others.set()

    computed, _ = await asyncio.gather(Threads().result(lambda: others.wait(10)), go_on())

    assert computed


async def test_errors_of_a_computation_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        await Threads().result(lambda: 1 // 0)
