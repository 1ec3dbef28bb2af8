"""Being cancelled between two calls of the server, but not within one."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

GRACE: Final = 5.0
"""Seconds in which a call comes to its end, or is given up."""


async def to_the_end(call: Coroutine[Any, Any, T]) -> T:
    """
    Return what *call* returns; whoever is cancelled meanwhile is so when it is over.

    A call that the driver gives up half way may still reach the server, and there begin a
    transaction that nobody knows of, which keeps others from its records for a minute.
    """
    task = asyncio.ensure_future(call)
    cancelled: asyncio.CancelledError | None = None
    deadline: float | None = None
    while not task.done():
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            deadline = deadline or asyncio.get_running_loop().time() + GRACE
        except TimeoutError:
            task.cancel()
            deadline = None
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()
