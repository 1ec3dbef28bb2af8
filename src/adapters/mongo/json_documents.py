"""JSON as documents, and what other programs made of JSON as JSON."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from bson import Binary, DBRef, Decimal128, ObjectId
from bson.int64 import Int64
from pymongo.errors import DocumentTooLarge, OperationFailure

from adapters.mongo.documents import document_of
from adapters.mongo.transactions import codes_of
from clinic_domain.ehr.errors import UnstorableMessage

_TOO_LARGE: Final = (10334, 17280, 17419)
_TOO_DEEP: Final = (15, 2)


@contextmanager
def storable() -> Iterator[None]:
    """
    Tell what stands in the way of a large document.

    Raises:
        UnstorableMessage: the server takes none of this size or depth.
    """
    try:
        yield
    except DocumentTooLarge:
        raise UnstorableMessage from None
    except OperationFailure as error:
        if codes_of(error).isdisjoint((*_TOO_LARGE, *_TOO_DEEP)):
            raise
        raise UnstorableMessage from None


def json_of(stored: Any) -> dict[str, Any]:
    """Return a document as a JSON object. Raises Unreadable."""
    return {key: plain(value) for key, value in document_of(stored).items()}


def plain(value: Any) -> Any:
    """Return a stored value as JSON has it; the reference turns some objects into such values."""
    match value:
        case dict():
            return {key: plain(member) for key, member in value.items()}
        case list():
            return [plain(item) for item in value]
        case bool() | str() | float() | None:
            return value
        case Int64() | int():
            return int(value)
        case DBRef():
            # What the driver takes such an object for.
            return plain(dict(value.as_doc()))
        case ObjectId():
            return {"$oid": str(value)}
        case datetime():
            return {"$date": rfc3339(value)}
        case Decimal128():
            return {"$numberDecimal": str(value)}
        case Binary() | bytes():
            return {"$binary": b64encode(value).decode()}
        case _:
            return str(value)


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC and milliseconds."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
