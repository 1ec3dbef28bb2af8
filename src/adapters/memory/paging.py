"""Pages of lists."""

from collections.abc import Sequence
from typing import TypeVar

from clinic_domain.values import Page

T = TypeVar("T")


def cut(items: Sequence[T], page: Page) -> tuple[T, ...]:
    end = None if page.limit is None else page.offset + page.limit
    return tuple(items[page.offset : end])
