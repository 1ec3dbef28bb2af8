"""From the bytes of a message to what is kept of it."""

from collections.abc import Mapping
from math import isinf
from typing import Any, Final

import msgspec

from adapters.redox.members import member
from clinic_domain.ehr.errors import InvalidMetadata
from clinic_domain.ehr.model import Json, MessageLog, MessageMeta, Named, Numbered
from clinic_domain.errors import BadRequest
from clinic_domain.text import has_nul

DEEPEST: Final = 80
"""Objects and arrays inside each other; databases take some more."""

_MOST: Final = 2**63
# A number that is too large is refused with its message, not by the decoder.
_decode: Final = msgspec.json.Decoder(float_hook=float).decode


class UnreadableMessage(BadRequest):
    """A body is no message; the argument says why, without what it holds."""

    def __str__(self) -> str:
        return f"bad request: {self.args[0]}"


def read_message(body: bytes) -> tuple[MessageMeta, Json]:
    """
    Return what a message says of itself, and all of it.

    Numbers that no storage holds as whole ones become fractions (REDOX-4).

    Raises:
        UnreadableMessage: it is no JSON object, or one that no storage takes.
        InvalidMetadata: it does not say what kind of message it is.
    """
    try:
        content = _storable(_decode(body), DEEPEST)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableMessage("the message is no JSON") from None
    if not isinstance(content, dict):
        raise UnreadableMessage("the message is no JSON object")
    return _meta(member(content, "Meta")), content


def _storable(value: Any, depth: int) -> Any:
    if depth < 0:
        raise UnreadableMessage("the message is nested too deeply")
    match value:
        case bool() | str() | None:
            return value
        case int():
            return value if -_MOST <= value < _MOST else _fraction(value)
        case float():
            return _fraction(value)
        case dict():
            return {_name(key): _storable(held, depth - 1) for key, held in value.items()}
        case _:
            return [_storable(item, depth - 1) for item in value]


def _fraction(value: float) -> float:
    try:
        fraction = float(value)
    except OverflowError:
        raise UnreadableMessage("a number in the message is too large") from None
    if isinf(fraction):
        raise UnreadableMessage("a number in the message is too large")
    return fraction


def _name(key: str) -> str:
    if has_nul(key):
        raise UnreadableMessage("the name of a member holds NUL")
    return key


# What a message says of itself


def _meta(found: Any) -> MessageMeta:
    if found is None:
        raise InvalidMetadata
    meta = _object(found, "Meta")
    data_model, event_type = (_text(meta, name, "Meta") for name in ("DataModel", "EventType"))
    if not data_model or not event_type:
        raise InvalidMetadata
    return MessageMeta(
        data_model=data_model,
        event_type=event_type,
        event_time=_text(meta, "EventDateTime", "Meta"),
        facility_code=_text(meta, "FacilityCode", "Meta"),
        is_test=_typed(meta, "Test", "Meta", bool),
        destinations=_list(meta, "Destinations", _named),
        logs=_list(meta, "Logs", _log),
        source=_part(meta, "Source", _named),
        message=_part(meta, "Message", _numbered),
        transmission=_part(meta, "Transmission", _numbered),
    )


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableMessage(f"{place} is no object")
    return value


def _typed(held: Mapping[str, Any], name: str, place: str, kind: type) -> Any:
    value = member(held, name)
    if value is not None and not isinstance(value, kind):
        raise UnreadableMessage(f"{place}.{name} is of another type")
    return value


def _text(held: Mapping[str, Any], name: str, place: str) -> str | None:
    value: str | None = _typed(held, name, place, str)
    return value


def _part(meta: Mapping[str, Any], name: str, read: Any) -> Any:
    value = member(meta, name)
    place = f"Meta.{name}"
    return None if value is None else read(_object(value, place), place)


def _list(meta: Mapping[str, Any], name: str, read: Any) -> Any:
    values = _typed(meta, name, "Meta", list)
    place = f"Meta.{name}"
    return None if values is None else tuple(read(_object(one, place), place) for one in values)


def _named(held: Mapping[str, Any], place: str) -> Named:
    return Named(_text(held, "ID", place), _text(held, "Name", place))


def _log(held: Mapping[str, Any], place: str) -> MessageLog:
    return MessageLog(_text(held, "ID", place), _text(held, "AttemptID", place))


def _numbered(held: Mapping[str, Any], place: str) -> Numbered:
    value = member(held, "ID")
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise UnreadableMessage(f"{place}.ID is no number")
    return Numbered(value)
