"""What a cursor finds, as far as it can be read."""

import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from pymongo.asynchronous.cursor import AsyncCursor

from adapters.mongo.cancellation import to_the_end
from adapters.mongo.documents import Document, Unreadable
from clinic_domain.values import Page

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)


async def listed(
    cursor: AsyncCursor[Document], page: Page, decode: Callable[[Document], T]
) -> tuple[T, ...]:
    """Return a page of what a cursor finds, as far as it can be read."""
    return readable(await documents(cursor, page), decode)


async def documents(cursor: AsyncCursor[Document], page: Page) -> list[Document]:
    """Return a page of what a cursor finds."""
    if page.limit == 0:
        # To the server that is no limit.
        return []
    if page.offset:
        cursor = cursor.skip(page.offset)
    if page.limit is not None:
        cursor = cursor.limit(page.limit)
    return await to_the_end(cursor.to_list())


def readable(found: Iterable[Document], decode: Callable[[Document], T]) -> tuple[T, ...]:
    """Return what documents stand for; those that cannot be read are left out and noted."""
    values = []
    for document in found:
        try:
            values.append(decode(document))
        except Unreadable as error:
            # Ids and names of members only, never what they hold.
            _LOG.warning("left out document %s: %s cannot be read", document.get("_id"), error)
    return tuple(values)
