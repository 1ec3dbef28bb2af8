"""
What the core refuses, and why.

A class is a kind of refusal; adapters map kinds, never single errors. `str(error)` is the message
that callers see and is stable; the facts that an error was raised with are in `error.args` and stay
out of messages.
"""

from typing import ClassVar


class DomainError(Exception):
    """The root of all refusals of the core."""

    message: ClassVar[str] = "internal server error"
    context: str = ""
    """What was under way, in front of the message; most errors need no such words."""

    def __str__(self) -> str:
        """Return the stable message, without the facts."""
        return self.context + self.message


class BadRequest(DomainError):
    """What was asked for makes no sense as it stands."""

    message = "bad request"


class Unauthorized(DomainError):
    """The caller did not show who it is."""

    message = "unauthorized"


class PaymentRequired(DomainError):
    """The clinic's plan does not include it."""

    message = "payment required"


class NotPermitted(DomainError):
    """The caller may not do this (AUTHZ-7)."""

    message = "security requirements failed: the subject is not authorized for the requested action"


class NotFound(DomainError):
    """It does not exist, or not for this caller."""

    message = "not found"


class Duplicate(DomainError):
    """It exists already."""

    message = "duplicate"


class Conflict(DomainError):
    """The state of something else stands in the way."""

    message = "conflict"


class ConstraintViolation(DomainError):
    """A rule about the state as a whole would be broken."""

    message = "constraint violation"


class Unavailable(DomainError):
    """A service or a storage that is needed does not answer; nothing was done."""

    message = "a service that is needed is not available, try again later"


class StorageBusy(Unavailable):
    """A transaction met conflicts until its bound of retries was reached."""

    message = "too many concurrent changes, try again later"


class StorageUnusable(Exception):
    """
    A storage is not what an adapter needs, and does not become it by itself.

    No refusal: its text is for whoever runs the installation, and says what would help.
    """
