"""What rules and use cases need from outside to stay deterministic under test."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Tells the time."""

    @abstractmethod
    def now(self) -> datetime:
        """Return an aware UTC time in whole milliseconds."""


class IdGenerator(Protocol):
    """Makes ids of entities."""

    @abstractmethod
    def new_id(self) -> str:
        """Return 24 lower-case hexadecimal digits, unique, ascending in the order of the calls."""


class ShareCodeGenerator(Protocol):
    """Draws share codes."""

    @abstractmethod
    def new_code(self) -> str:
        """Return a code of the form of SHARE-1, its characters drawn uniformly."""


class Aside(Protocol):
    """Computes what takes long, and lets everything else go on meanwhile."""

    @abstractmethod
    async def result(self, work: Callable[[], T]) -> T:
        """Return what *work* returns, which is pure; its errors pass through unchanged."""


class Journal(Protocol):
    """
    Tells the operators of a service what they should know.

    Ids only, never what a patient is called.
    """

    @abstractmethod
    def warning(self, event: str, **ids: str) -> None:
        """Note that something is wrong although the use case went on."""
