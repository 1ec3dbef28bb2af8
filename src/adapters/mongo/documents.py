"""
How values become members of documents and back.

A `Shape` declares what a class is in the database: which member holds which attribute, what is left
out and what is null. Reading is lenient, because other programs write the same documents: a member
that is null or missing is the attribute's default, one that nobody declared is ignored. Only a
value of another kind makes a document unreadable.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from math import isfinite
from typing import Any, Final, Generic, TypeVar

import attrs
from bson import ObjectId
from bson.errors import InvalidId
from bson.tz_util import utc

from clinic_domain.errors import DomainError

T = TypeVar("T")

Document = dict[str, Any]

NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""What a time is that a document should have and lacks."""


class Unreadable(ValueError):
    """A stored document cannot be understood."""


@attrs.frozen
class Codec:
    """One kind of value."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _instance_of(kind: type | tuple[type, ...]) -> Callable[[Any], Any]:
    def decode(stored: Any) -> Any:
        if not isinstance(stored, kind):
            raise Unreadable(type(stored).__name__)
        return stored

    return decode


def _whole_number(stored: Any) -> int:
    # Other programs may have counted in doubles.
    number = _number(stored)
    if not number.is_integer():
        raise Unreadable(type(stored).__name__)
    return int(stored)


def _number(stored: Any) -> float:
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        raise Unreadable(type(stored).__name__)
    return float(stored)


def _finite(stored: Any) -> float:
    number = _number(stored)
    if not isfinite(number):
        raise Unreadable(type(stored).__name__)
    return number


def _moment(stored: Any) -> datetime:
    if not isinstance(stored, datetime):
        raise Unreadable(type(stored).__name__)
    # The driver has a UTC of its own, which is slow.
    return stored.replace(tzinfo=UTC) if stored.tzinfo is utc else stored.astimezone(UTC)


def _object_id(stored: Any) -> str:
    if not isinstance(stored, ObjectId):
        raise Unreadable(type(stored).__name__)
    return str(stored)


def _foreign_id(value: str) -> ObjectId | str:
    return object_id(value) or value


TEXT: Final = Codec(str, _instance_of(str))
FLAG: Final = Codec(bool, _instance_of(bool))
WHOLE_NUMBER: Final = Codec(int, _whole_number)
NUMBER: Final = Codec(float, _number)
FINITE: Final = Codec(float, _finite)
"""A number that can be written down."""
MOMENT: Final = Codec(_same, _moment)
OBJECT_ID: Final = Codec(ObjectId, _object_id)
FOREIGN_ID: Final = Codec(_foreign_id, lambda stored: str(_instance_of((ObjectId, str))(stored)))
"""An id that somebody else made: an ObjectId where it looks like one."""


def object_id(text: str) -> ObjectId | None:
    """Return the id that *text* spells, or None where it spells none."""
    try:
        return ObjectId(text)
    except InvalidId:
        return None


def equal_to(text: str) -> ObjectId | Document:
    """Return what an id in a query has to be: nothing is equal to a text that spells none."""
    return object_id(text) or {"$in": []}


def array_of(codec: Codec) -> Codec:
    def decode(stored: Any) -> tuple[Any, ...]:
        if not isinstance(stored, list):
            raise Unreadable(type(stored).__name__)
        return tuple(map(codec.decode, stored))

    return Codec(lambda values: list(map(codec.encode, values)), decode)


def mapping_of(codec: Codec) -> Codec:
    def encode(values: Mapping[str, Any]) -> Document:
        return {name: codec.encode(value) for name, value in values.items()}

    def decode(stored: Any) -> dict[str, Any]:
        members = document_of(stored).items()
        return {name: codec.decode(value) for name, value in members if value is not None}

    return Codec(encode, decode)


def document_of(stored: Any) -> Document:
    """Return *stored* if it is a document. Raises Unreadable."""
    if not isinstance(stored, dict):
        raise Unreadable(type(stored).__name__)
    return stored


class Presence(Enum):
    """When an attribute has its member in a document."""

    ALWAYS = auto()
    """None is null."""
    GIVEN = auto()
    """Unless it is None."""
    FILLED = auto()
    """Unless it is None, false or empty."""


_UNSET: Final = object()


@attrs.frozen
class Member:
    """The member of a document that holds an attribute."""

    attribute: str
    key: str
    codec: Codec
    presence: Presence = Presence.GIVEN
    missing: Any = _UNSET
    """What the attribute is where the member is missing or null, if not its default."""


@attrs.frozen
class Shape(Generic[T]):
    """A class as it is kept in documents."""

    kind: type[T]
    members: tuple[Member, ...]
    _readers: tuple[tuple[str, str, Callable[[Any], Any], Any], ...] = attrs.field(init=False)

    @_readers.default
    def _(self) -> tuple[tuple[str, str, Callable[[Any], Any], Any], ...]:
        # A page of a list is ten thousand members.
        return tuple(
            (member.key, member.attribute, member.codec.decode, member.missing)
            for member in self.members
        )

    def encode(self, value: T) -> Document:
        document: Document = {}
        for member in self.members:
            held = getattr(value, member.attribute)
            if held is None:
                if member.presence is Presence.ALWAYS:
                    document[member.key] = None
            elif held or member.presence is not Presence.FILLED:
                document[member.key] = member.codec.encode(held)
        return document

    def decode(self, stored: Any) -> T:
        """Return the value. Raises Unreadable, and names the member."""
        return self.read(document_of(stored))

    def read(self, document: Document, **others: Any) -> T:
        """Return the value, with *others* for attributes that are not members."""
        return made(self.kind, **self.attributes(document), **others)

    def attributes(self, document: Document) -> dict[str, Any]:
        """Return the attributes that a document has members for."""
        values: dict[str, Any] = {}
        for key, attribute, decode, missing in self._readers:
            stored = document.get(key)
            if stored is not None:
                try:
                    values[attribute] = decode(stored)
                except Unreadable as error:
                    raise Unreadable(f"{key}: {error}") from None
            elif missing is not _UNSET:
                values[attribute] = missing
        return values

    def codec(self) -> Codec:
        """Return the shape as the kind of a member."""
        return Codec(self.encode, self.decode)


def made(kind: type[T], /, **attributes: Any) -> T:
    """Return an instance. Raises Unreadable where something is missing or refused."""
    try:
        return kind(**attributes)
    except (TypeError, OverflowError, DomainError) as error:
        raise Unreadable(f"{kind.__name__}: {type(error).__name__}") from None
