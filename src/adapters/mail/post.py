"""Who sends what is owed, beside everything else that a process does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import attrs
import structlog

from clinic_domain.errors import Unavailable
from clinic_domain.notifications.ports import Bell

INTERVAL: Final = 2.0
"""Seconds after which somebody looks although nobody rang: others may have died, or time passed."""
PATIENCE: Final = 0.5
"""Seconds that whoever rings waits for the mail to be sent."""

_log = structlog.get_logger("clinic.mail")


@attrs.define(eq=False)
class Doorbell(Bell):
    """
    The bell of a process.

    Where the mail service is quick, a mail is sent before its request is answered; where it is not,
    nobody waits longer than *patience*, and after a failure nobody waits at all.
    """

    _patience: float = PATIENCE
    _rung: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _waiting: list["asyncio.Future[None]"] = attrs.field(factory=list, init=False)
    is_worth_waiting: bool = attrs.field(default=False, init=False)

    async def ring(self) -> None:
        self._rung.set()
        if self.is_worth_waiting:
            served = asyncio.get_running_loop().create_future()
            self._waiting.append(served)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await served

    async def heard(self, within: float) -> None:
        """Return when somebody rings, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._rung.wait()

    def answered(self) -> list["asyncio.Future[None]"]:
        """Return those who wait from now on to be told that it is done."""
        self._rung.clear()
        waiting, self._waiting = self._waiting, []
        return waiting


@attrs.frozen(eq=False)
class Postman:
    """
    Sends mail after mail until it is cancelled, and then finishes the one that it is at.

    Args:
        deliver_one: sends a mail; returns False where none is due.
        bell: wakes it.
        interval: seconds to look again.
    """

    _deliver_one: Callable[[], Awaitable[bool]]
    _bell: Doorbell
    _interval: float = INTERVAL

    async def work(self) -> None:
        try:
            while True:
                await self._round()
                await self._bell.heard(self._interval)
        finally:
            self._bell.is_worth_waiting = False
            _release(self._bell.answered())

    async def _round(self) -> None:
        waiting = self._bell.answered()
        try:
            while await self._finished():
                pass
            self._bell.is_worth_waiting = True
        except Unavailable as error:
            self._bell.is_worth_waiting = False
            _log.warning("mails wait for the storage", reason=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - it is tried again, as long as the process lives
            self._bell.is_worth_waiting = False
            _log.error("mails wait after a failure", kind=type(error).__name__)
        finally:
            _release(waiting)

    async def _finished(self) -> bool:
        """Send a mail, to its end: broken off in the middle it might be sent twice."""
        sending = asyncio.ensure_future(self._deliver_one())
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            with suppress(Exception):
                await sending
            raise


def _release(waiting: list["asyncio.Future[None]"]) -> None:
    for served in waiting:
        if not served.done():
            served.set_result(None)
