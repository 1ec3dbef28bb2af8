"""What refusals and failures look like on the wire: one mapping for the whole API."""

import traceback
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from litestar import Request
from litestar.exceptions import HTTPException, ValidationException

from adapters.http_litestar.operations import CONFIRMATIONS
from adapters.http_litestar.response import JsonResponse
from clinic_domain.errors import (
    BadRequest,
    Conflict,
    ConstraintViolation,
    DomainError,
    Duplicate,
    NotFound,
    NotPermitted,
    PaymentRequired,
    Unauthorized,
    Unavailable,
)
from clinic_domain.invites.errors import InviteRefusal, PatientNotAccepted

STATUS: Final[Mapping[type[DomainError], int]] = {
    BadRequest: 400,
    Unauthorized: 401,
    PaymentRequired: 402,
    NotPermitted: 403,
    NotFound: 404,
    Duplicate: 409,
    Conflict: 409,
    ConstraintViolation: 422,
    Unavailable: 503,
}
UNEXPECTED: Final = "Internal Server Error"
MISSING_BODY: Final = "request body has an error: value is required but missing"
RETRY_AFTER: Final = {"Retry-After": "1"}


class Refusal(Exception):
    """The request cannot be served as it was sent, whatever the state of clinics is."""

    def __init__(
        self, status: int, message: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers: Mapping[str, str] = headers or {}


class ReasonedRefusal(Refusal):
    """The same about an invite; *detail* is what the reason does not say."""

    def __init__(self, status: int, reason: str, detail: str | None = None) -> None:
        super().__init__(status, reason)
        self.detail = detail


def invalid(message: str) -> Refusal:
    """Return the refusal of a request that does not have the form of the API document."""
    return Refusal(400, message)


class Message(msgspec.Struct):
    """The body of every error (ERR-1), but for those about invites."""

    message: str


class Reason(msgspec.Struct, omit_defaults=True):
    """The body of an error about an invite (section B4 of the chapter on invites)."""

    code: int
    reason: str
    message: str | None = None
    """What is wrong with a request whose reason does not say it."""


def status_of(error: DomainError) -> int | None:
    """Return the status of the error's kind, or None where the error is of no kind."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)


def answer_to(error: Exception) -> tuple[int, str, Mapping[str, str]]:
    """Return status, message and headers for whatever was raised."""
    if isinstance(error, Refusal):
        return error.status, error.message, error.headers
    if isinstance(error, DomainError) and (status := status_of(error)):
        return status, str(error), RETRY_AFTER if isinstance(error, Unavailable) else {}
    if isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - a class of statuses
        return error.status_code, _text_of(error), {}
    return 500, UNEXPECTED, {}


def body_of(error: Exception, status: int, text: str, operation: str) -> Message | Reason | None:
    """
    Return the body of the answer to whatever was raised.

    Refusals of members and pending clinicians look the same in operations on invites as elsewhere.
    """
    if not text:
        return None
    if isinstance(error, ReasonedRefusal | PatientNotAccepted):
        return Reason(status, text, error.detail)
    is_failure = isinstance(error, Unavailable) or text == UNEXPECTED
    if isinstance(error, InviteRefusal) or (is_failure and operation in CONFIRMATIONS):
        return Reason(status, text)
    return Message(text)


def _text_of(error: HTTPException) -> str:
    # Everything else that a controller takes was read and checked before.
    return MISSING_BODY if isinstance(error, ValidationException) else error.detail


def log_unexpected(error: BaseException, request_id: str, operation: str) -> None:
    """Log where an error came from; what it says may be about patients and is left out."""
    frames = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    structlog.get_logger("clinic.errors").error(
        "unexpected error",
        request_id=request_id,
        operation=operation,
        kinds=_kinds(error),
        frames=frames,
    )


def _kinds(error: BaseException | None) -> list[str]:
    kinds = []
    while error is not None:
        kinds.append(f"{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or error.__context__
    return kinds


def handle(
    request: Request[Any, Any, Any], error: Exception
) -> JsonResponse[Message | Reason | None]:
    """Answer what a controller, or Litestar before it, has raised."""
    operation: str = request.scope["operation"]  # type: ignore[typeddict-item]  # set by the gate
    if isinstance(error, ValidationException) and "unreadable" in request.route_handler.opt:
        error = ReasonedRefusal(400, request.route_handler.opt["unreadable"])
    status, message, headers = answer_to(error)
    if status == 500:  # noqa: PLR2004 - the one that nobody meant
        log_unexpected(error, request.scope["request_id"], operation)  # type: ignore[typeddict-item]  # likewise
    content = body_of(error, status, message, operation)
    return JsonResponse(content, status_code=status, headers=dict(headers))
