"""
Taking turns at a clinic.

Nearly every transaction writes the clinic that it reads, so of those that overlap only one gets
through. The server finds that out, and the others begin again; in a crowd most work would be done
in vain. Within this process they therefore wait for each other. That saves work and is all that it
is for: whoever has waited long enough goes on without a turn.
"""

import asyncio
from types import TracebackType
from typing import Final, Self
from weakref import WeakValueDictionary

import attrs
from bson import ObjectId

PATIENCE: Final = 20.0
PATIENCE_AT_ANOTHER: Final = 0.5
"""Whoever is at a clinic already may be the one that somebody waits for."""


@attrs.frozen
class Turns:
    """The clinics that somebody is at."""

    _locks: WeakValueDictionary[ObjectId, asyncio.Lock] = attrs.field(
        factory=WeakValueDictionary, init=False
    )

    def lock(self, clinic_id: ObjectId) -> asyncio.Lock:
        lock = self._locks.get(clinic_id)
        if lock is None:
            lock = self._locks[clinic_id] = asyncio.Lock()
        return lock


@attrs.frozen
class Turn:
    """The clinics at which it is one transaction's turn, until it is over."""

    _turns: Turns
    _locks: dict[ObjectId, asyncio.Lock] = attrs.field(factory=dict, init=False)

    async def at(self, clinic_id: ObjectId) -> None:
        """Wait until nobody else of this process is at the clinic."""
        if clinic_id in self._locks:
            return
        lock = self._turns.lock(clinic_id)
        try:
            async with asyncio.timeout(PATIENCE_AT_ANOTHER if self._locks else PATIENCE):
                await lock.acquire()
        except TimeoutError:
            return
        self._locks[clinic_id] = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()
