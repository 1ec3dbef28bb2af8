"""The outbox: mails come back as they were owed, and each is claimed by one."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from clinic_domain.notifications.model import DeliveryState, Notification, Subject
from clinic_domain.notifications.rules import claimed
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import LONG_TEXT, keep, pause, together
from clinic_domain.testing.examples import a_notification
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.values import RecordId, UserId

CHANGES: Final[Sequence[dict[str, Any]]] = (
    {},
    *({"subject": subject} for subject in Subject),
    {"addresses": (), "user_id": UserId("somebody"), "facts": {}},
    {
        "addresses": tuple(NASTY_TEXTS),
        "facts": {str(number): text for number, text in enumerate(NASTY_TEXTS)},
    },
    {"facts": {"long": LONG_TEXT, "empty": ""}},
    {"attempts": 7, "due_time": A_MORNING + timedelta(days=1)},
    {"state": DeliveryState.UNDELIVERABLE},
)
"""What notifications can hold."""


class OutboxContract:
    """What is owed stays until it is sent."""

    async def test_a_notification_comes_back_as_it_was_owed(self, storage: Storage) -> None:
        owed = [a_notification(**changes) for changes in CHANGES]
        await keep(storage, *owed)

        assert [await _found(storage, each.id) for each in owed] == owed
        assert await _found(storage, RecordId("f" * 24)) is None

    async def test_a_changed_notification_is_kept(self, storage: Storage) -> None:
        notification = a_notification()
        await keep(storage, notification)
        changed = attrs.evolve(
            notification, attempts=3, due_time=_at(5), state=DeliveryState.UNDELIVERABLE
        )

        await storage.transaction(lambda tx: tx.outbox.save(changed))

        assert await _found(storage, notification.id) == changed

    async def test_what_is_sent_is_forgotten(self, storage: Storage) -> None:
        sent, other = a_notification(), a_notification()
        await keep(storage, sent, other)

        for _ in range(2):
            await storage.transaction(lambda tx: tx.outbox.remove(sent.id))

        assert await _found(storage, sent.id) is None
        assert await _found(storage, other.id) == other

    async def test_that_which_has_been_due_longest_comes_first(self, storage: Storage) -> None:
        """Neither what is due later nor what was given up comes at all."""
        first, second = a_notification(due_time=_at(-2)), a_notification(due_time=_at(-1))
        same = a_notification(due_time=_at(-1))
        await keep(
            storage,
            a_notification(due_time=_at(1)),
            same,
            second,
            first,
            a_notification(due_time=_at(-9), state=DeliveryState.UNDELIVERABLE),
        )

        found = []
        while due := await _due(storage, A_MORNING):
            found.append(due)
            gone = due.id
            await storage.transaction(lambda tx: tx.outbox.remove(gone))  # noqa: B023 - it is awaited

        assert found == [first, *sorted((second, same), key=lambda each: each.id)]

    async def test_what_is_in_a_state_is_listed_oldest_first(self, storage: Storage) -> None:
        given_up = [
            a_notification(created_time=_at(ms), state=DeliveryState.UNDELIVERABLE)
            for ms in (1, 2, 3)
        ]
        pending = a_notification()
        await keep(storage, *given_up[::-1], pending)

        async def in_(state: DeliveryState, limit: int) -> list[Notification]:
            return list(await storage.read(lambda tx: tx.outbox.in_state(state, limit)))

        assert await in_(DeliveryState.UNDELIVERABLE, 9) == given_up
        assert await in_(DeliveryState.UNDELIVERABLE, 2) == given_up[:2]
        assert await in_(DeliveryState.PENDING, 9) == [pending]

    async def test_nothing_is_owed_by_a_transaction_that_failed(self, storage: Storage) -> None:
        notification = a_notification()

        async def work(tx: Transaction) -> None:
            await tx.outbox.add(notification)
            raise LookupError

        with suppress(LookupError):
            await storage.transaction(work)

        assert await _due(storage, A_MORNING) is None

    async def test_a_mail_is_claimed_by_one_of_many(self, storage: Storage) -> None:
        """Of several who look at the same moment each gets another one, or none."""
        owed = [a_notification() for _ in range(3)]
        await keep(storage, *owed)

        async def claim(tx: Transaction) -> Notification | None:
            due = await tx.outbox.next_due(A_MORNING)
            await pause()
            if due is not None:
                await tx.outbox.save(claimed(due, A_MORNING))
            return due

        found, refused = await together(*(storage.transaction(claim) for _ in range(6)))
        # Whoever found all of them held by others comes again.
        while (left := await storage.transaction(claim)) is not None:
            found.append(left)

        got = [each.id for each in found if each is not None]
        assert sorted(got) == sorted(each.id for each in owed)
        assert refused == []


def _at(seconds: int) -> datetime:
    return A_MORNING + timedelta(seconds=seconds)


async def _found(storage: Storage, notification_id: RecordId) -> Notification | None:
    return await storage.read(lambda tx: tx.outbox.find(notification_id))


async def _due(storage: Storage, now: datetime) -> Notification | None:
    return await storage.read(lambda tx: tx.outbox.next_due(now))
