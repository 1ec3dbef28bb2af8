"""Clinicians: members, invites and service accounts."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http_litestar.wire.clinics import ClinicJson, clinic_json
from adapters.http_litestar.wire.fields import (
    UNIQUE,
    DateTime,
    DateTimeText,
    Filled,
    FilledKeyText,
    KeyText,
    UserIdText,
    given,
    refuse_repeated,
    rfc3339,
    text_of,
)
from clinic_domain.clinicians.model import Clinician, ClinicianInClinic, NewClinician, Role
from clinic_domain.values import InviteId, UserId


class ClinicianBody(Struct, rename="camel"):
    email: KeyText
    roles: Annotated[list[Role], Meta(min_length=1, extra_json_schema=UNIQUE)]
    id: UserIdText | UnsetType = UNSET
    invite_id: KeyText | UnsetType = UNSET
    name: FilledKeyText | UnsetType = UNSET

    created_time: DateTimeText | UnsetType = UNSET
    updated_time: DateTimeText | UnsetType = UNSET

    def __post_init__(self) -> None:
        refuse_repeated("roles", self.roles)

    def new_clinician(self) -> NewClinician:
        user_id, invite_id = text_of(self.id), text_of(self.invite_id)
        return NewClinician(
            email=str(self.email),
            roles=tuple(self.roles),
            user_id=None if user_id is None else UserId(user_id),
            invite_id=None if invite_id is None else InviteId(invite_id),
            name=text_of(self.name),
        )


class AssociationBody(Struct, rename="camel"):
    user_id: KeyText


class ServiceAccountBody(Struct):
    name: FilledKeyText
    client_id: Filled
    client_secret: Filled


class UserDetailsBody(Struct):
    email: FilledKeyText | UnsetType = UNSET


class ClinicianJson(Struct, rename="camel"):
    email: str
    roles: list[str] | None
    created_time: DateTime
    updated_time: DateTime
    id: str | UnsetType = UNSET
    invite_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class ClinicianInClinicJson(Struct):
    clinician: ClinicianJson
    clinic: ClinicJson


def clinician_json(clinician: Clinician) -> ClinicianJson:
    return ClinicianJson(
        email=clinician.email or "",
        roles=None if clinician.roles is None else list(clinician.roles),
        created_time=rfc3339(clinician.created_time),
        updated_time=rfc3339(clinician.updated_time),
        id=given(clinician.user_id),
        invite_id=given(clinician.invite_id),
        name=given(clinician.name),
    )


def clinician_in_clinic_json(found: ClinicianInClinic) -> ClinicianInClinicJson:
    return ClinicianInClinicJson(clinician_json(found.clinician), clinic_json(found.clinic))
