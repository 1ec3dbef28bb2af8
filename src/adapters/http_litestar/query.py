"""Reading query parameters: each at most once, never empty, in the spelling of the API document."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Self, get_args, get_origin
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Request
from msgspec import Meta, Struct

from adapters.http_litestar.errors import invalid
from adapters.http_litestar.wire.fields import DateTimeText, shaped
from clinic_domain.text import has_nul
from clinic_domain.values import DEFAULT_LIMIT, Page

_MAX: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LONGEST: Final = 1000
"""Characters of a text and items of a list; a database refuses patterns that are much longer."""
_MISSING: Final = re.compile(r"Object missing required field `(.+)`")
_BROKEN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|;")
_BOOLEANS: Final = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)

Limit = Annotated[int, Meta(ge=1, le=_MAX)]
Offset = Annotated[int, Meta(ge=0, le=_MAX)]


class Query(Struct, rename="camel"):
    """The parameters of one operation; those that it does not know are ignored."""

    _kinds: ClassVar[dict[str, type]]

    @classmethod
    def of(cls, request: Request[Any, Any, Any]) -> Self:
        """Return the parameters of *request*. Raises Refusal."""
        return cls.read(request.scope["query_string"])

    @classmethod
    def read(cls, query_string: bytes) -> Self:
        kinds = _kinds_of(cls)
        values: dict[str, Any] = {}
        for pair in query_string.decode("latin-1").split("&"):
            name, _, raw = pair.partition("=")
            if _BROKEN.search(pair) or (name := _unquoted(name, "replace")) not in kinds:
                continue
            if name in values:
                raise _wrong(name, "it is given more than once")
            values[name] = _value(name, raw, kinds[name])
        try:
            return msgspec.convert(values, cls, dec_hook=shaped)
        except msgspec.ValidationError as error:
            if missing := _MISSING.fullmatch(str(error)):
                raise _wrong(missing[1], "value is required but missing") from None
            reason, _, place = str(error).rpartition(" - at `$.")
            name, _, _ = place.rstrip("`").partition("[")
            raise _wrong(name, reason) from None


class PageQuery(Query):
    """A cut out of a list (PAGE-1)."""

    offset: Offset = 0
    limit: Limit = DEFAULT_LIMIT

    def page(self) -> Page:
        return Page(self.offset, self.limit)


_cache: Final[dict[type[Query], dict[str, type]]] = {}


def _kinds_of(query: type[Query]) -> dict[str, type]:
    """Return how the text of each parameter is read: as int, bool, list or text."""
    found = _cache.get(query)
    if found is None:
        found = {
            field.encode_name: next(
                (kind for kind in (bool, int, list) if _is(field.type, kind)), str
            )
            for field in msgspec.structs.fields(query)
        }
        _cache[query] = found
    return found


def _is(annotation: Any, kind: type) -> bool:
    if get_origin(annotation) is kind:
        return True
    inner = get_args(annotation)
    return annotation is kind or any(
        _is(each, kind) for each in inner if not isinstance(each, Meta)
    )


def _unquoted(raw: str, errors: str) -> str:
    """Return the text that was sent, encoded or as it is."""
    return unquote_to_bytes(raw.replace("+", " ").encode("latin-1")).decode(errors=errors)


def _text(name: str, raw: str, kind: type) -> str:
    try:
        text = _unquoted(raw, "strict")
    except UnicodeDecodeError:
        raise _wrong(name, "it is not UTF-8") from None
    if not text:
        raise _wrong(name, "empty value is not allowed")
    if has_nul(text):
        raise _wrong(name, "it contains NUL")
    if kind is not list and len(text) > _LONGEST:
        raise _wrong(name, f"it is longer than {_LONGEST} characters")
    return text


def _value(name: str, raw: str, kind: type) -> Any:
    text = _text(name, raw, kind)
    if kind is int:
        if not _INTEGER.fullmatch(text):
            raise _wrong(name, "Expected a whole number")
        return int(text)
    if kind is bool:
        if text not in _BOOLEANS:
            raise _wrong(name, "Expected true or false")
        return _BOOLEANS[text]
    if kind is list:
        items = text.split(",")
        if not all(items):
            raise _wrong(name, "empty value is not allowed")
        if len(items) > _LONGEST:
            raise _wrong(name, f"it has more than {_LONGEST} items")
        return items
    return text


def _wrong(name: str, reason: str) -> Exception:
    return invalid(f'parameter "{name}" in query has an error: {reason}')


class TimeQuery(PageQuery):
    """A page of what was created in a span of time; the year 1 is no bound."""

    created_time_start: DateTimeText | None = None
    created_time_end: DateTimeText | None = None

    @property
    def created_from(self) -> datetime | None:
        return bound(self.created_time_start)

    @property
    def created_before(self) -> datetime | None:
        return bound(self.created_time_end)


def bound(value: DateTimeText | None) -> datetime | None:
    """Return the moment that a list begins or ends with, if there is one."""
    return None if value is None or value.is_no_bound else value.moment()
