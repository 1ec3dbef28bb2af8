"""Reading request bodies: strictly, and before a controller is called."""

from collections.abc import Callable, Iterator
from math import isinf
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from adapters.http_litestar.errors import invalid
from adapters.http_litestar.wire.fields import shaped
from clinic_domain.text import has_nul

T = TypeVar("T")

_JSON: Final = "application/json"
_MAX_WHOLE: Final = 2.0**63
_MAX_ITEMS: Final = 1000
"""Items of an array, most of which become rows: more would hold up the others of a clinic."""
# By itself msgspec refuses a number that is too large before it knows where that stands.
_decode: Final = msgspec.json.Decoder(float_hook=float).decode
NULLABLE: Final = "nullable"
"""The option of controllers to which a body `null` means something."""


def read(content: bytes, type_: Any) -> Any:
    """
    Return a JSON text as an object of *type_*.

    Raises:
        Refusal: it is no JSON, or JSON of another form.
    """
    try:
        raw = _decode(content)
        try:
            tidy = _tidied(raw)
        except _Unfit as unfit:
            place = next(_places(raw, "$", unfit.is_culprit))
            raise invalid(f"request body has an error: {unfit} - at `{place}`") from None
        return msgspec.convert(tidy, type_, dec_hook=shaped)
    except msgspec.ValidationError as error:
        raise invalid(f"request body has an error: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # What a text says that cannot be decoded stays out of messages.
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise invalid(f"request body is no JSON: {reason}") from None
    except RecursionError:
        raise invalid("request body has an error: it is nested too deeply") from None


class _Unfit(Exception):
    """A value that nobody can take."""

    def __init__(self, reason: str, is_culprit: Callable[[Any], bool]) -> None:
        super().__init__(reason)
        self.is_culprit = is_culprit


def _tidied(value: Any) -> Any:
    """Return a decoded JSON value with whole numbers as such; no storage takes NUL in a text."""
    if isinstance(value, str):
        if has_nul(value):
            raise _Unfit("Expected `str` without NUL", has_nul)
    elif isinstance(value, float):
        if _is_out_of_range(value):
            raise _Unfit("Number out of range", _is_out_of_range)
        if value.is_integer() and abs(value) < _MAX_WHOLE:
            return int(value)
    elif isinstance(value, list):
        if _is_too_long(value):
            raise _Unfit(f"Expected `array` of length <= {_MAX_ITEMS}", _is_too_long)
        return [_tidied(item) for item in value]
    elif isinstance(value, dict):
        return {_tidied(key): _tidied(item) for key, item in value.items()}
    return value


def _is_out_of_range(value: Any) -> bool:
    return isinstance(value, float) and isinf(value)


def _is_too_long(value: Any) -> bool:
    return isinstance(value, list) and len(value) > _MAX_ITEMS


def _places(value: Any, place: str, is_culprit: Callable[[Any], bool]) -> Iterator[str]:
    """Yield where in a JSON value there is a culprit, in the spelling of msgspec."""
    if is_culprit(value):
        yield place
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _places(item, f"{place}[{number}]", is_culprit)
    elif isinstance(value, dict):
        for key, item in value.items():
            if is_culprit(key):
                yield f"key in {place}"
            yield from _places(item, f"{place}.{key}", is_culprit)


def refuse_other_media(content_type: str | None) -> None:
    """Raise Refusal unless the body is said to be JSON, exactly so (VALID-6)."""
    sent = content_type or ""
    if sent.partition(";")[0] != _JSON:
        raise invalid(f'request body has an error: header Content-Type is "{sent}", not "{_JSON}"')


class JsonBody(AbstractDTO[T]):
    """
    Decodes what a controller calls `data`.

    Litestar by itself would take the text "10" for a number and any content type for JSON.
    """

    _types: ClassVar[dict[str, Any]] = {}

    @classmethod
    def is_supported_model_type_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003 - any type
        return True

    @classmethod
    def create_for_field_definition(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,
        backend_cls: type[Any] | None = None,  # noqa: ARG003 - there is no backend
    ) -> None:
        cls._types[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003 - the type says it all
        schema_creator: Any,
    ) -> Reference | Schema:
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:  # noqa: ARG003 - any type
        return iter(())

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003 - msgspec does that
        return False

    def decode_bytes(self, value: bytes) -> Any:
        connection: ASGIConnection[Any, Any, Any, Any] = self.asgi_connection
        refuse_other_media(connection.headers.get("content-type"))
        if value.strip() == b"null" and NULLABLE not in connection.route_handler.opt:
            raise invalid("request body has an error: it must not be null")
        return read(value, self._types[connection.route_handler.handler_id])
