"""Identifiers and small values that every concept shares."""

from datetime import UTC, datetime
from typing import Final, NewType

import attrs

ClinicId = NewType("ClinicId", str)
"""24 lower-case hexadecimal digits."""
RecordId = NewType("RecordId", str)
"""
24 lower-case hexadecimal digits.

A stored record that has no public id (a patient, a clinician).
"""
TagId = NewType("TagId", str)
SiteId = NewType("SiteId", str)
UserId = NewType("UserId", str)
"""Opaque: a user account of the platform."""
InviteId = NewType("InviteId", str)
"""Opaque: the key of a confirmation."""

DEFAULT_LIMIT: Final = 10


@attrs.frozen
class Page:
    """A cut out of an ordered list (PAGE-1); `limit=None` means everything."""

    offset: int = 0
    limit: int | None = DEFAULT_LIMIT


EVERYTHING: Final = Page(limit=None)


def whole_milliseconds(moment: datetime) -> datetime:
    """
    Return *moment* in UTC, cut to the precision in which times are kept.

    Raises:
        ValueError: *moment* has no offset from UTC.
    """
    if moment.tzinfo is None:
        msg = "a time without an offset from UTC says nothing"
        raise ValueError(msg)
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
