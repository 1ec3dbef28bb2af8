"""Mails that nobody took, from the command line."""

import asyncio
from collections.abc import Callable
from typing import Any

from adapters.sql import open_storage
from clinic_domain.notifications.model import DeliveryState, Notification
from clinic_domain.testing.examples import a_notification

Clinic = Callable[..., Any]


async def _owe(*notifications: Notification) -> None:
    storage = await open_storage("sqlite:///clinic.db")
    for each in notifications:
        await storage.transaction(lambda tx, new=each: tx.outbox.add(new))  # type: ignore[misc]  # the loop binds it
    await storage.close()


def test_what_was_given_up_is_listed_and_tried_again(clinic: Clinic) -> None:
    """Nobody's name or address is shown."""
    given_up = a_notification(state=DeliveryState.UNDELIVERABLE, attempts=12)
    asyncio.run(_owe(given_up, a_notification()))

    assert (
        clinic("mail", "list").stdout
        == f"{given_up.id}  2026-03-14T09:26:53+00:00  clinic_created\n"
    )
    assert clinic("mail", "retry", given_up.id).exit_code == 0
    assert clinic("mail", "list").stdout == ""
    again = clinic("mail", "retry", given_up.id)
    assert (again.exit_code, again.stderr) == (
        1,
        f"Error: no mail that was given up has the id {given_up.id}\n",
    )
