"""Transactions of one process wait for each other at a clinic."""

import asyncio

from bson import ObjectId

from adapters.mongo import turns
from adapters.mongo.turns import Turn, Turns


async def test_who_comes_later_goes_later() -> None:
    at_work, clinic, order = Turns(), ObjectId(), []

    async def visit(name: str) -> None:
        with Turn(at_work) as turn:
            await turn.at(clinic)
            await turn.at(clinic)
            order.append(f"{name} comes")
            await asyncio.sleep(0)
            order.append(f"{name} goes")

    await asyncio.gather(*map(visit, "abc"))

    assert order == ["a comes", "a goes", "b comes", "b goes", "c comes", "c goes"]


async def test_different_clinics_have_nothing_to_do_with_each_other() -> None:
    at_work = Turns()

    with Turn(at_work) as one, Turn(at_work) as other:
        await one.at(ObjectId())
        async with asyncio.timeout(1):
            await other.at(ObjectId())


async def test_who_waits_for_each_other_does_not_wait_for_ever() -> None:
    at_work, clinics = Turns(), [ObjectId(), ObjectId()]

    async def visit(first: ObjectId, second: ObjectId) -> None:
        with Turn(at_work) as turn:
            await turn.at(first)
            await asyncio.sleep(0)
            await turn.at(second)

    async with asyncio.timeout(10 * turns.PATIENCE_AT_ANOTHER):
        await asyncio.gather(visit(*clinics), visit(*clinics[::-1]))


async def test_who_is_cancelled_leaves_the_turn_to_others() -> None:
    at_work, clinic = Turns(), ObjectId()

    async def visit() -> None:
        with Turn(at_work) as turn:
            await turn.at(clinic)

    with Turn(at_work) as turn:
        await turn.at(clinic)
        waiting = asyncio.ensure_future(visit())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    async with asyncio.timeout(1):
        await visit()
