"""What Xealth sends, and the orders that it keeps."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from clinic_domain.ehr.model import (
    Applicant,
    Datasets,
    Demographics,
    Enrollee,
    FormKind,
    Identifier,
    Identities,
    OrderEvent,
    PlacedOrder,
    Preorder,
    Viewer,
)
from clinic_domain.errors import BadRequest
from clinic_domain.text import has_nul
from clinic_domain.values import whole_milliseconds

T = TypeVar("T")

DEEPEST: Final = 80
"""Objects and arrays inside each other in what is kept; databases take some more."""
DATASETS: Final = (
    "admitDischargeTransferV1",
    "appointmentOrderV1",
    "appointmentOrderV2",
    "coverageV1",
    "demographicsV1",
    "dischargeV1",
    "ehrUserV1",
    "encounterLocationV1",
    "encounterV1",
    "maternityPregnancyCernerV1",
    "maternityPregnancyEpicV1",
    "maternityPregnancyV2",
    "problemListV1",
    "socialHistoryV1",
    "surgicalCaseEventV1",
    "surgicalCaseEventV2",
    "surgicalCaseEventV3",
    "unsolicitedOrderV1",
)
ORDER_INFO: Final = (
    "deployment",
    "orderId",
    "orderSource",
    "orderState",
    "partnerId",
    "programId",
    "orderCreationDateTime",
    "orderUpdateDateTime",
    "orderDatasetsUpdateDateTime",
    "contentTag",
)
_IDENTITY: Final = ("ids", "historicalIds")
_IDENTIFIER: Final = ("id", "origin", "type")
_BATCH: Final = ("batchFileData", "batchFileDataSchemaId")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NUL: Final = b"\\u0000"


class UnreadableRequest(BadRequest):
    """A body does not have the form of a request; the argument says where."""

    def __str__(self) -> str:
        return f"{self.context}bad request: {self.args[0]}"


class IdentifierBody(Struct):
    id: str | None = None
    type: str | None = None
    origin: str | None = None

    def identifier(self) -> Identifier:
        return Identifier(self.id or "", self.type or "", self.origin or "")


class IdentityBody(Struct, rename="camel"):
    ids: list[IdentifierBody] | None = None
    historical_ids: list[IdentifierBody] | None = None

    def identities(self) -> Identities:
        return Identities(_identifiers(self.ids), _identifiers(self.historical_ids))


def _identifiers(bodies: Iterable[IdentifierBody] | None) -> tuple[Identifier, ...] | None:
    return None if bodies is None else tuple(body.identifier() for body in bodies)


class NameBody(Struct):
    given: list[str] | None = None
    family: list[str] | None = None


class TelecomBody(Struct):
    system: str | None = None
    value: str | None = None


class DemographicsBody(Struct, rename="camel"):
    name: NameBody | None = None
    birth_date: date | None = None
    telecom: list[TelecomBody] | None = None

    def demographics(self) -> Demographics:
        name = self.name or NameBody()
        addresses = (each.value for each in self.telecom or () if each.system == "email")
        return Demographics(
            tuple(name.given or ()),
            tuple(name.family or ()),
            self.birth_date,
            next(filter(None, addresses), None),
        )


class EhrUserBody(Struct, rename="camel"):
    user_id: str | None = None
    system_login: str | None = None

    def viewer(self) -> Viewer:
        return Viewer(self.user_id or "", self.system_login)


class DatasetsBody(Struct, rename="camel"):
    demographics: DemographicsBody | None = msgspec.field(name="demographicsV1", default=None)
    ehr_user: EhrUserBody | None = msgspec.field(name="ehrUserV1", default=None)

    def datasets(self) -> Datasets:
        return Datasets(
            self.demographics.demographics() if self.demographics else None,
            self.ehr_user.viewer() if self.ehr_user else None,
        )


class EnrolleeBody(Struct, rename="camel"):
    deployment: str | None = None
    program_id: str | None = None
    patient_identity: IdentityBody | None = None
    datasets: DatasetsBody | None = None

    def enrollee(self) -> Enrollee:
        identities = (self.patient_identity or IdentityBody()).identities()
        return Enrollee(
            self.deployment or "",
            self.program_id or "",
            identities.ids or (),
            self.datasets.datasets() if self.datasets else None,
        )


class FormDataBody(Struct, rename="camel"):
    data_tracking_id: str | None = None
    user_input: dict[str, Any] | None = None


class PreorderBody(EnrolleeBody, rename="camel"):
    event_type: str | None = None
    event_context: str | None = None
    form_data: FormDataBody | None = None

    def entry(self, kind: FormKind) -> Preorder:
        """Return what was entered into a form of this kind (XEALTH-9)."""
        form = self.form_data or FormDataBody()
        entered = form.user_input or {}
        applicant = _applicant(_object(entered, kind, "formData.userInput."), kind)
        return Preorder(
            form.data_tracking_id or "",
            patient=applicant if kind is FormKind.PATIENT else None,
            guardian=applicant if kind is FormKind.GUARDIAN else None,
            tag_ids=_tag_ids(entered),
        )


class EventBody(Struct, rename="camel"):
    event_id: str | None = None
    event_time_stamp: Annotated[datetime, Meta(tz=True)] | None = None
    event_type: str | None = None
    event_context: str | None = None
    order_id: str | None = None
    deployment: str | None = None
    program_id: str | None = None
    partner_id: str | None = None
    patient_identity: IdentityBody | None = None

    def event(self) -> OrderEvent:
        time = self.event_time_stamp
        try:
            moment = None if time is None else whole_milliseconds(time)
        except OverflowError:
            raise UnreadableRequest("eventTimeStamp is out of range") from None
        return OrderEvent(
            deployment=self.deployment or "",
            event_context=self.event_context or "",
            event_id=self.event_id or "",
            event_type=self.event_type or "",
            order_id=self.order_id or "",
            partner_id=self.partner_id or "",
            program_id=self.program_id or "",
            time=moment,
            identities=(self.patient_identity or IdentityBody()).identities(),
        )


def read_request(body: bytes, kind: type[T]) -> T:
    """
    Return a body as a request.

    Raises:
        UnreadableRequest: it is no JSON, or JSON of another form.
    """
    _, request = _read(body, kind)
    return request


def _read(body: bytes, kind: type[T]) -> tuple[Any, T]:
    """Return JSON as it is, and as an object."""
    try:
        value = msgspec.json.decode(body)
        if _NUL in body and _holds_nul(value):
            raise UnreadableRequest("a text holds NUL")
        return value, msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        # A place and types, never a value.
        raise UnreadableRequest(f"request body has an error: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableRequest("request body is no JSON") from None


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_nul(key) or _holds_nul(held) for key, held in value.items())
    return any(map(_holds_nul, value)) if isinstance(value, list) else has_nul(value)


# What was entered


def _member(held: Mapping[str, Any], name: str) -> Any:
    if name in held:
        return held[name]
    found = (value for key, value in held.items() if key.casefold() == name.casefold())
    return next(found, None)


def _object(held: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
    value = _typed(held, name, dict, place)
    return {} if value is None else value


def _typed(held: Mapping[str, Any], name: str, kind: type[T], place: str) -> T | None:
    value = _member(held, name)
    if value is not None and not isinstance(value, kind):
        raise UnreadableRequest(f"request body has an error: {place}{name} is of another type")
    return value


def _applicant(held: Mapping[str, Any], kind: FormKind) -> Applicant:
    place = f"formData.userInput.{kind}."
    names = {}
    if kind is FormKind.GUARDIAN:
        names = {
            "first_name": _typed(held, "firstName", str, place) or "",
            "last_name": _typed(held, "lastName", str, place) or "",
        }
    return Applicant(
        email=_typed(held, "email", str, place) or "",
        connect_abbott=_typed(held, "connectAbbott", bool, place) or False,
        connect_dexcom=_typed(held, "connectDexcom", bool, place) or False,
        **names,
    )


def _tag_ids(entered: Mapping[str, Any]) -> tuple[str, ...] | None:
    tags = _typed(entered, "tags", dict, "formData.userInput.")
    if tags is None:
        return None
    ids = _typed(tags, "ids", list, "formData.userInput.tags.") or []
    if not all(isinstance(id_, str) for id_ in ids):
        raise UnreadableRequest("request body has an error: a tag id is no text")
    return tuple(ids)


# Orders that Xealth keeps


class _InfoBody(Struct, rename="camel"):
    deployment: str | None = None
    program_id: str | None = None


class _TrackingBody(Struct, rename="camel"):
    data_tracking_id: str | None = None


class _OrderBody(Struct, rename="camel"):
    order_info: _InfoBody | None = None
    patient_identity: IdentityBody | None = None
    datasets: DatasetsBody | None = None
    preorder: _TrackingBody | None = None
    batch_file_info: dict[str, Any] | None = None


def read_order(content: bytes) -> PlacedOrder:
    """Return an order as Xealth keeps it. Raises UnreadableRequest."""
    raw, order = _read(content, _OrderBody)
    info, preorder = order.order_info or _InfoBody(), order.preorder
    body = EnrolleeBody(info.deployment, info.program_id, order.patient_identity, order.datasets)
    data = {
        "orderInfo": _tidied(_known(raw.get("orderInfo") or {}, ORDER_INFO)),
        "patientIdentity": _identity(raw.get("patientIdentity") or {}),
    }
    if order.datasets is not None:
        data["datasets"] = _tidied(_known(raw["datasets"], DATASETS))
    if preorder is not None:
        data["preorder"] = {"dataTrackingId": preorder.data_tracking_id or ""}
    if order.batch_file_info is not None:
        data["batchFileInfo"] = _tidied(_known(order.batch_file_info, _BATCH))
    return PlacedOrder(data, body.enrollee(), preorder.data_tracking_id if preorder else None)


def _known(held: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: held[name] for name in names if held.get(name) is not None}


def _identity(held: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: held.get(name) for name in _IDENTITY}
    found: dict[str, Any] = {
        name: [_known(each, _IDENTIFIER) for each in ids]
        for name, ids in lists.items()
        if ids is not None
    }
    return {"ids": None, **found}


def _tidied(value: Any, depth: int = DEEPEST) -> Any:
    """Return JSON with times in one spelling, and with numbers of one kind."""
    if depth < 0:
        raise UnreadableRequest("the order is nested too deeply")
    match value:
        case dict():
            return {key: _tidied(held, depth - 1) for key, held in value.items()}
        case list():
            return [_tidied(item, depth - 1) for item in value]
        case bool():
            return value
        case int():
            return _fraction(value)
        case str() if _MOMENT.fullmatch(value):
            return _in_utc(value)
        case _:
            return value


def _fraction(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise UnreadableRequest("a number of the order is too large") from None


def _in_utc(text: str) -> str:
    try:
        moment = whole_milliseconds(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
