"""How values become JSON and times become numbers, and back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import cattrs
import msgspec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_AS_IT_IS: Final = msgspec.json.Encoder()

# What equals its default is left out, so a version that knows more reads what this one wrote.
converter: Final = cattrs.Converter(omit_if_default=True, detailed_validation=False)
converter.register_unstructure_hook(datetime, datetime.isoformat)
converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))


def number_of(moment: datetime) -> int:
    """Return the whole milliseconds since the epoch."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(number: int) -> datetime:
    """Return the time that *number* stands for."""
    return _EPOCH + timedelta(milliseconds=number)


def number_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else number_of(moment)


def moment_or_none(number: int | None) -> datetime | None:
    return None if number is None else moment_of(number)


def text_of(value: Any) -> str:
    """Return JSON that is the same for equal values."""
    return _ENCODER.encode(value).decode()


def json_of(value: Any) -> str:
    """Return JSON whose members stand as they came."""
    return _AS_IT_IS.encode(value).decode()


def value_of(text: str) -> Any:
    """Return what JSON says."""
    return _DECODER.decode(text)


def text_or_none(values: Any) -> str | None:
    return None if values is None else text_of(values)


def tuple_or_none(text: str | None) -> tuple[Any, ...] | None:
    return None if text is None else tuple(value_of(text))


def writer_of(kind: Any) -> Callable[[Any], str | None]:
    """Return a function from a value of a class, or None, to JSON."""
    unstructure = converter.get_unstructure_hook(kind)

    def write(value: Any) -> str | None:
        return None if value is None else text_of(unstructure(value))

    return write


def reader_of(kind: Any) -> Callable[[str | None], Any]:
    """Return a function from JSON, or None, to a value of a class."""
    structure = converter.get_structure_hook(kind)

    def read(text: str | None) -> Any:
        return None if text is None else structure(value_of(text), kind)

    return read
