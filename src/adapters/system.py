"""Time, ids, randomness, the journal, threads and the resources of a running process."""

import asyncio
import itertools
import secrets
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs
import structlog

from clinic_domain.clinics.share_codes import share_code
from clinic_domain.invites.ports import InviteKeyGenerator
from clinic_domain.ports import Aside, Clock, IdGenerator, Journal, ShareCodeGenerator
from clinic_domain.values import InviteId, whole_milliseconds

T = TypeVar("T")


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        return whole_milliseconds(datetime.now(UTC))


@attrs.define
class ObjectIds(IdGenerator):
    """Ids in the form of MongoDB's: seconds, a value of this process, and a counter."""

    _process: str = attrs.field(factory=lambda: secrets.token_hex(5))
    _counter: "itertools.count[int]" = attrs.field(
        factory=lambda: itertools.count(secrets.randbits(23))
    )
    _last: tuple[int, int] = (0, 0)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def new_id(self) -> str:
        with self._lock:
            # Neither a clock that is set back nor a counter that begins anew makes an id smaller
            # than its predecessor.
            seconds = max(int(time.time()), self._last[0])
            number = next(self._counter) & 0xFFFFFF
            if seconds == self._last[0] and number < self._last[1]:
                seconds += 1
            self._last = (seconds, number)
        return f"{seconds:08x}{self._process}{number:06x}"


class RandomShareCodes(ShareCodeGenerator):
    """Share codes that nobody can guess."""

    def new_code(self) -> str:
        return str(share_code(secrets.choice))


class RandomInviteKeys(InviteKeyGenerator):
    """Keys of invites that nobody can guess."""

    def new_key(self) -> InviteId:
        return InviteId(secrets.token_urlsafe(24))


class Threads(Aside):
    """A thread for each computation."""

    async def result(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)


class LogJournal(Journal):
    """Warnings as log lines."""

    def warning(self, event: str, **ids: str) -> None:
        structlog.get_logger("clinic").warning(event, **ids)


async def nothing() -> None:
    """Stand where there is nothing to prepare."""


@asynccontextmanager
async def opened(
    prepare: Callable[[], Awaitable[None]], close: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Prepare something, and close it at the end, also where the preparation failed."""
    try:
        await prepare()
        yield
    finally:
        await close()


@asynccontextmanager
async def at_work(
    work: Callable[[], Coroutine[Any, Any, None]], close: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Let *work* run beside everything else, and close what it works with at the end."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await close()
