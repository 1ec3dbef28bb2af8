"""Who sends what is owed: woken by a bell, and by the clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import attrs

from adapters.mail import Doorbell, Postman
from clinic_domain.errors import Unavailable


@attrs.define
class Work:
    """So many mails, each of which takes a while."""

    left: int = 0
    done: int = 0
    takes: float = 0.0
    error: Exception | None = None

    async def deliver_one(self) -> bool:
        if self.error is not None:
            raise self.error
        if not self.left:
            return False
        await asyncio.sleep(self.takes)
        self.left -= 1
        self.done += 1
        return True


@asynccontextmanager
async def at_work(
    deliver: Callable[[], Awaitable[bool]], bell: Doorbell, interval: float = 60
) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(Postman(deliver, bell, interval).work())
    await asyncio.sleep(0.01)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_was_owed_before_is_sent_at_once() -> None:
    work = Work(left=3)
    async with at_work(work.deliver_one, Doorbell()):
        assert work.done == 3


async def test_whoever_rings_finds_the_mail_sent() -> None:
    work, bell = Work(takes=0.01), Doorbell(5.0)
    async with at_work(work.deliver_one, bell):
        work.left = 2
        await bell.ring()

        assert work.done == 2


async def test_nobody_waits_for_a_slow_service_for_long() -> None:
    work, bell = Work(takes=0.3), Doorbell(0.02)
    async with at_work(work.deliver_one, bell):
        work.left = 1
        started = time.monotonic()
        await bell.ring()

        assert time.monotonic() - started < 0.25
        assert work.done == 0
    assert work.done == 1


async def test_nobody_waits_where_nobody_sends() -> None:
    bell = Doorbell(60.0)
    await bell.ring()


async def test_time_wakes_as_well() -> None:
    work = Work()
    async with at_work(work.deliver_one, Doorbell(), interval=0.02):
        work.left = 1
        await asyncio.sleep(0.2)

        assert work.done == 1


async def test_a_failure_is_survived_and_nobody_waits_meanwhile() -> None:
    for error in (Unavailable(), ValueError("Jane")):
        work, bell = Work(error=error), Doorbell(60.0)
        async with at_work(work.deliver_one, bell, interval=0.02):
            await bell.ring()
            work.left, work.error = 1, None
            await asyncio.sleep(0.2)

            assert work.done == 1


async def test_a_mail_that_is_under_way_is_finished() -> None:
    """Broken off, it might be sent twice."""
    work = Work(left=2, takes=0.05)
    async with at_work(work.deliver_one, Doorbell()):
        pass

    assert (work.done, work.left) == (1, 1)


async def test_who_waits_at_the_end_is_let_go() -> None:
    bell = Doorbell(60.0)
    work = Work()
    async with at_work(work.deliver_one, bell) as task:
        bell.is_worth_waiting = True
        ringing = asyncio.create_task(bell.ring())
        task.cancel()
        await asyncio.wait_for(ringing, 5)
