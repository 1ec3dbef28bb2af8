"""What is owed to whom, and for how long somebody tries."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from clinic_domain.notifications.model import DeliveryState, Notification, Subject
from clinic_domain.values import RecordId, UserId

LEASE: Final = timedelta(minutes=2)
"""
How long whoever tries has for it, if nobody says otherwise.

Then it counts as failed, and somebody tries again.
"""

MAX_ATTEMPTS: Final = 12
_FIRST_PAUSE: Final = timedelta(seconds=15)
_LONGEST_PAUSE: Final = timedelta(hours=4)


def owed(
    record_id: RecordId,
    subject: Subject,
    facts: Mapping[str, str],
    now: datetime,
    *,
    addresses: Iterable[str] = (),
    user_id: UserId | None = None,
) -> Notification:
    """Return a notification that is due at once."""
    recipients = tuple(dict.fromkeys(address for address in addresses if address.strip()))
    return Notification(record_id, subject, now, now, recipients, user_id, facts)


def is_due(notification: Notification, now: datetime) -> bool:
    """Whether somebody may try."""
    return notification.state is DeliveryState.PENDING and notification.due_time <= now


def claimed(notification: Notification, now: datetime, lease: timedelta = LEASE) -> Notification:
    """
    Return the notification as the one has it who tries now.

    One whose senders died too often is given up instead.
    """
    if notification.attempts >= MAX_ATTEMPTS:
        return attrs.evolve(notification, due_time=now, state=DeliveryState.UNDELIVERABLE)
    return attrs.evolve(notification, due_time=now + lease, attempts=notification.attempts + 1)


def is_held(notification: Notification, claim: Notification) -> bool:
    """Whether whoever has the *claim* still is the one who tries."""
    return (notification.attempts, notification.due_time) == (claim.attempts, claim.due_time)


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failures: ever longer, up to a bound."""
    pause = _FIRST_PAUSE
    for _ in range(1, min(attempts, MAX_ATTEMPTS)):
        pause *= 2
    return min(pause, _LONGEST_PAUSE)


def failed(claim: Notification, now: datetime) -> Notification:
    """Return the notification after a failure: to be tried later, or given up."""
    if claim.attempts >= MAX_ATTEMPTS:
        return attrs.evolve(claim, due_time=now, state=DeliveryState.UNDELIVERABLE)
    return attrs.evolve(claim, due_time=now + pause_after(claim.attempts))


def tried_anew(notification: Notification, now: datetime) -> Notification:
    """Return a notification that was given up, as if nobody had tried yet."""
    return attrs.evolve(notification, due_time=now, attempts=0, state=DeliveryState.PENDING)
