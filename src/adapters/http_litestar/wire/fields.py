"""Kinds of members that several shapes have."""

import struct
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

import regex
from msgspec import UNSET, Meta, UnsetType

from adapters.http_litestar.operations import MAX_KEY, OBJECT_ID, USER_ID
from clinic_domain.values import whole_milliseconds

T = TypeVar("T")

UNIQUE: Final = {"extra": {"unique_items": True}}
"""For the description of arrays; `refuse_repeated` holds it."""

Filled = Annotated[str, Meta(min_length=1)]
"""Text with at least one character."""
Flag = bool | UnsetType
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Anything = dict[str, Any]
"""An object of which only the existence counts."""


_NO_BOUND: Final = datetime(1, 1, 1, tzinfo=UTC)
_KINDS: Final[Mapping[type, str]] = {dict: "object", list: "array", type(None): "null"}

# What the names of classes stand for: ASCII alone. All but digits stand inside brackets.
_CLASSES: Final = {r"\s": r"\t\n\f\r ", "[:graph:]": "!-~", r"\d": "[0-9]"}


class Shaped(str):
    """Text in a form that the API document describes; having one means that the form is right."""

    __slots__ = ()
    pattern: ClassVar[str] = ""
    format_name: ClassVar[str | None] = None
    min_length: ClassVar[int | None] = None
    max_length: ClassVar[int | None] = None
    values: ClassVar[tuple[str, ...] | None] = None
    expected: ClassVar[str] = "text"
    _compiled: ClassVar["regex.Pattern[str]"]

    def __init_subclass__(cls) -> None:
        # `$` of the document means the very end of the text.
        very_end = cls.pattern[:-1] + r"\Z" if cls.pattern.endswith("$") else cls.pattern
        for name, characters in _CLASSES.items():
            very_end = very_end.replace(name, characters)
        cls._compiled = regex.compile(very_end)

    @classmethod
    def read(cls, value: object) -> Self:
        """
        Return *value* as such a text.

        Raises:
            ValueError: it does not have the form.
        """
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{kind_of(value)}`")  # noqa: TRY004 - msgspec names the place of a ValueError
        shortest, longest = cls.min_length or 0, cls.max_length or len(value)
        # Letting go of the interpreter for so short a text costs more than the search.
        found = cls._compiled.search(value, concurrent=False)
        if not shortest <= len(value) <= longest or not found:
            raise ValueError(f"Expected {cls.expected}")
        return cls(value)


def kind_of(value: object) -> str:
    """Return the name that JSON has for the kind of *value*."""
    return _KINDS.get(type(value), type(value).__name__)


class ObjectIdText(Shaped):
    pattern = OBJECT_ID
    min_length = max_length = 24
    expected = "an id of 24 lower-case hexadecimal digits"


class UserIdText(Shaped):
    pattern = USER_ID
    expected = "a user id: 10 lower-case hexadecimal digits or a lower-case UUID"


class ShareCodeText(Shaped):
    pattern = "^" + "-".join(3 * ["[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{4}"]) + "$"
    expected = "a share code: three groups of four letters or digits"


class TagNameText(Shaped):
    pattern = r"^[\p{L}\p{N}_+><-]{1}[\p{L}\p{N}\s_+><-]*$"
    min_length = 1
    max_length = 20
    expected = "1 to 20 letters, digits, spaces or any of _ + > < -, with no space in front"


class SiteNameText(Shaped):
    pattern = r"^[[:graph:]\p{L}\p{N}][[:graph:]\p{L}\p{N} ]*$"
    min_length = 1
    max_length = 200
    expected = "1 to 200 letters, digits, spaces or ASCII signs, with no space in front"


class KeyText(Shaped):
    """
    A text that records are found by.

    The API document does not say how long it may be, but what an index takes is limited.
    """

    expected = f"`str` of length <= {MAX_KEY}"

    @classmethod
    def read(cls, value: object) -> Self:
        text = super().read(value)
        if len(text) > MAX_KEY:
            raise ValueError(f"Expected {cls.expected}")
        return text


class FilledKeyText(KeyText):
    min_length = 1
    expected = f"`str` of length 1 to {MAX_KEY}"


class DateText(Shaped):
    """A day of the calendar, from year 1 on."""

    pattern = "^[0-9]{4}-(0[1-9]|10|11|12)-(0[1-9]|[12][0-9]|3[01])$"
    format_name = "date"
    expected = "a date YYYY-MM-DD"

    @classmethod
    def read(cls, value: object) -> Self:
        text = super().read(value)
        try:
            date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"Expected {cls.expected} that exists in the calendar") from None
        return text


class DateTimeText(Shaped):
    """A moment of RFC 3339, with its offset from UTC."""

    pattern = (
        "^[0-9]{4}-(0[1-9]|10|11|12)-(0[1-9]|[12][0-9]|3[01])"
        r"T([0-1][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|(\+|-)[0-9]{2}:[0-9]{2})$"
    )
    format_name = "date-time"
    expected = "a date-time of RFC 3339 with an offset, like 2024-01-31T08:15:00Z"

    @classmethod
    def read(cls, value: object) -> Self:
        text = super().read(value)
        try:
            text.moment()
        except (ValueError, OverflowError):
            raise ValueError(f"Expected {cls.expected} that exists in the calendar") from None
        return text

    @property
    def is_no_bound(self) -> bool:
        """Whether it is the moment that in a query stands for none."""
        return self.moment() == _NO_BOUND

    def moment(self) -> datetime:
        """Return the moment in UTC and whole milliseconds."""
        return whole_milliseconds(datetime.fromisoformat(self))


def shaped(type_: type[Any], value: object) -> Any:
    """Read a text of a form; what msgspec calls for types that it does not know itself."""
    if issubclass(type_, Shaped):
        return type_.read(value)
    raise NotImplementedError(type_)


def refuse_repeated(name: str, items: Sequence[Hashable]) -> None:
    """Raise ValueError where an item of an array stands there twice."""
    if len(set(items)) < len(items):
        raise ValueError(f"Expected unique items in `{name}`")


# From a request to the core, and back


def known(value: T | UnsetType) -> T | None:
    """Return a member of a request, or None where it is not there."""
    return None if value is UNSET else value


def given(value: T | None) -> T | UnsetType:
    """Return a member of an answer, which is left out where there is nothing."""
    return UNSET if value is None else value


def text_of(value: Shaped | UnsetType) -> str | None:
    """Return a text of a form as plain text."""
    return str(value) if isinstance(value, Shaped) else None


def moment_of(value: DateTimeText | UnsetType) -> datetime | None:
    return value.moment() if isinstance(value, DateTimeText) else None


DateTime = Annotated[str, Meta(extra_json_schema={"extra": {"format": "date-time"}})]
"""A moment in an answer."""


def rfc3339(moment: datetime) -> str:
    """
    Return a UTC moment without trailing zeros in its fraction (JSON-6).

    >>> from datetime import UTC
    >>> rfc3339(datetime(2026, 11, 21, 23, 42, 45, 980_000, UTC))
    '2026-11-21T23:42:45.98Z'
    """
    text = moment.isoformat()[: -len("+00:00")]
    return (text.rstrip("0") if moment.microsecond else text) + "Z"


def rfc3339_or_unset(moment: datetime | None) -> str | UnsetType:
    return UNSET if moment is None else rfc3339(moment)


def single(value: float) -> float:
    """
    Return the number with the shortest text that means the same in single precision (JSON-7).

    >>> single(70.19999694824219)
    70.2
    """
    packed = struct.pack("<f", value)
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("<f", short) == packed:
            return int(short) if short.is_integer() else short
    return value
