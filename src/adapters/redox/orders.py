"""What an order is about (8.6.3)."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from adapters.redox.members import member
from clinic_domain.ehr.errors import UnreadableOrder
from clinic_domain.ehr.model import Identifier, Json, Order
from clinic_domain.ehr.ports import OrderReader
from clinic_domain.text import has_nul

Object = Mapping[str, Any]


@attrs.frozen
class RedoxOrders(OrderReader):
    """Looks at the members that are needed, and at no others."""

    def read(self, content: Json) -> Order:
        patient = _object(content, "Patient")
        demographics = _object(patient, "Demographics", "Patient.")
        guarantor = _object(_object(content, "Visit"), "Guarantor", "Visit.")
        source = _object(_object(content, "Meta"), "Source", "Meta.")
        place = "Patient.Demographics."
        return Order(
            source_id=_text(source, "ID", "Meta.Source."),
            identifiers=tuple(_identifiers(patient)),
            birth_date=_text(demographics, "DOB", place),
            first_name=_text(demographics, "FirstName", place),
            last_name=_text(demographics, "LastName", place),
            patient_emails=tuple(_list(demographics, "EmailAddresses", place)),
            guarantor_emails=tuple(_list(guarantor, "EmailAddresses", "Visit.Guarantor.")),
        )


def _identifiers(patient: Object) -> Iterator[Identifier]:
    place = "Patient.Identifiers"
    for each in _list(patient, "Identifiers", "Patient."):
        if not isinstance(each, dict):
            raise UnreadableOrder(place)
        id_, type_ = (_text(each, name, f"{place}.") for name in ("ID", "IDType"))
        yield Identifier(id_ or "", type_ or "")


def _object(held: Object, name: str, place: str = "") -> Object:
    value = member(held, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableOrder(place + name)
    return value


def _list(held: Object, name: str, place: str) -> list[Any]:
    value = member(held, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableOrder(place + name)
    return value


def _text(held: Object, name: str, place: str) -> str | None:
    value = member(held, name)
    # Nobody is called that, and not every storage can be asked.
    if value is not None and (not isinstance(value, str) or has_nul(value)):
        raise UnreadableOrder(place + name)
    return value
