"""Matching orders of Redox."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http_litestar.wire.clinics import ClinicJson, clinic_json
from adapters.http_litestar.wire.patients import PatientJson, patient_json
from adapters.http_litestar.wire.settings import EhrSettingsJson, ehr_settings_json
from clinic_domain.ehr.errors import MessageRefRequired
from clinic_domain.ehr.model import Criterion, Match, MatchAction, MatchRequest


class DataModel(StrEnum):
    ORDER = "Order"


class EventType(StrEnum):
    NEW = "New"


class MessageRefBody(Struct, rename="camel"):
    data_model: DataModel
    event_type: EventType
    document_id: str


class MatchPatientsBody(Struct, rename="camel"):
    criteria: Annotated[list[Criterion], Meta(min_length=1)]
    on_unique_match: MatchAction | UnsetType = UNSET


class MatchBody(Struct, rename="camel"):
    message_ref: MessageRefBody | UnsetType = UNSET
    patients: MatchPatientsBody | UnsetType = UNSET

    def request(self) -> MatchRequest:
        """Return what is asked for. Raises MessageRefRequired."""
        ref = self.message_ref
        if not isinstance(ref, MessageRefBody):
            raise MessageRefRequired
        asked = self.patients if isinstance(self.patients, MatchPatientsBody) else None
        action = asked.on_unique_match if asked else UNSET
        return MatchRequest(
            ref.document_id,
            ref.data_model,
            ref.event_type,
            criteria=tuple(asked.criteria) if asked else (),
            action=action if isinstance(action, MatchAction) else None,
        )


class MatchJson(Struct):
    clinic: ClinicJson
    settings: EhrSettingsJson
    patients: list[PatientJson] | UnsetType = UNSET


def match_json(match: Match) -> MatchJson:
    return MatchJson(
        clinic=clinic_json(match.clinic),
        settings=ehr_settings_json(match.settings),
        patients=[patient_json(patient) for patient in match.patients] or UNSET,
    )
