"""Invites."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http_litestar.wire.clinics import SiteBody
from adapters.http_litestar.wire.fields import (
    UNIQUE,
    Anything,
    DateText,
    DateTime,
    FilledKeyText,
    KeyText,
    ObjectIdText,
    given,
    known,
    refuse_repeated,
    rfc3339,
    rfc3339_or_unset,
)
from adapters.http_litestar.wire.patients import (
    DiagnosisType,
    GlycemicRangesBody,
    ranges_of,
    site_ids_of,
    tag_ids_of,
)
from clinic_domain.clinicians.model import Role
from clinic_domain.invites.model import Admission, Creator, Invite, InviteKind, InviteView
from clinic_domain.patients.model import JoiningDetails
from clinic_domain.users import Profile

NEVER: Final = "0001-01-01T00:00:00Z"
"""What stands for the time of a change where there was none."""

_TYPES: Final[Mapping[InviteKind, str]] = {
    InviteKind.CLINICIAN: "clinician_invitation",
    InviteKind.PATIENT: "careteam_invitation",
}
_DEEPEST: Final = 20
_LARGEST: Final = 2**63 - 1


# Requests


class EmailText(KeyText):
    min_length = 6
    expected = "an e-mail address of 6 to 500 characters"


class LooseInvitation(Struct):
    """What counts as an invitation at all; whether it is a good one is looked at later."""

    email: str | None = None
    roles: list[str] | None = None


class InvitationBody(Struct):
    email: EmailText
    roles: Annotated[list[Role], Meta(min_length=1, extra_json_schema=UNIQUE)]

    def __post_init__(self) -> None:
        refuse_repeated("roles", self.roles)


class SharingBody(Struct, rename="camel"):
    """What a patient sends a clinic: its share code, and what it may do."""

    share_code: str | None = None
    permissions: dict[str, Anything | None] | None = None

    def __post_init__(self) -> None:
        _refuse_extremes(self.permissions, 0)


def _refuse_extremes(value: Any, depth: int) -> None:
    """Raise ValueError for what cannot be shown or stored everywhere."""
    if depth > _DEEPEST:
        raise ValueError(f"Expected at most {_DEEPEST} levels of objects and arrays")
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise ValueError("Number out of range")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_extremes(item, depth + 1)


class _MaybeEmptyText(FilledKeyText):
    """A text that may be empty, which means the same as none."""

    @classmethod
    def read(cls, value: object) -> "_MaybeEmptyText":
        return cls(value) if value == "" else super().read(value)


class _MaybeEmptyDate(DateText):
    """A date, or an empty text for none."""

    @classmethod
    def read(cls, value: object) -> "_MaybeEmptyDate":
        return cls(value) if value == "" else super().read(value)


class AcceptanceBody(Struct, rename="camel"):
    """What the clinic knows of a patient whom it takes in; nothing of it is needed."""

    full_name: _MaybeEmptyText | UnsetType | None = UNSET
    birth_date: _MaybeEmptyDate | UnsetType | None = UNSET
    mrn: _MaybeEmptyText | UnsetType | None = UNSET
    tags: Annotated[list[ObjectIdText], Meta(extra_json_schema=UNIQUE)] | None = None
    sites: list[SiteBody] | UnsetType | None = UNSET
    glycemic_ranges: GlycemicRangesBody | UnsetType = UNSET
    diagnosis_type: DiagnosisType | UnsetType = UNSET

    def __post_init__(self) -> None:
        refuse_repeated("tags", self.tags or ())

    def details(self) -> JoiningDetails:
        return JoiningDetails(
            full_name=str(self.full_name or "") or None,
            birth_date=str(self.birth_date or "") or None,
            mrn=str(self.mrn or "") or None,
            tags=tag_ids_of(self.tags) or None,
            site_ids=site_ids_of(self.sites or UNSET),
            glycemic_ranges=ranges_of(self.glycemic_ranges),
            diagnosis_type=known(self.diagnosis_type) or None,
        )


# Answers


class CreatorsPatientJson(Struct, rename="camel"):
    birthday: str
    diagnosis_date: str
    is_other_person: bool
    full_name: str


class CreatorsProfileJson(Struct, rename="camel"):
    full_name: str
    patient: CreatorsPatientJson


class CreatorJson(Struct, rename="camel"):
    userid: str
    profile: CreatorsProfileJson | None
    clinic_id: str | UnsetType = UNSET
    clinic_name: str | UnsetType = UNSET


class AdmissionJson(Struct, rename="camel"):
    can_accept: bool
    required_idp: str | UnsetType = UNSET


class InviteJson(Struct, rename="camel"):
    key: str
    type: str
    status: str
    email: str
    creator_id: str
    created: DateTime
    modified: DateTime
    creator: CreatorJson
    clinic_id: str | UnsetType = UNSET
    context: Anything | None = None
    expires_at: DateTime | UnsetType = UNSET
    restrictions: AdmissionJson | None = None


def invite_json(view: InviteView) -> InviteJson:
    invite = view.invite
    return InviteJson(
        key=invite.id,
        type=_TYPES[invite.kind],
        status=invite.status,
        email=invite.email,
        creator_id=invite.creator_id,
        created=rfc3339(invite.created_time),
        modified=NEVER if invite.modified_time is None else rfc3339(invite.modified_time),
        creator=_creator_json(invite, view.creator),
        clinic_id=invite.clinic_id,
        context=None if invite.offer is None else dict(invite.offer),
        expires_at=rfc3339_or_unset(invite.expires_time),
        restrictions=_admission_json(view.admission),
    )


def _creator_json(invite: Invite, creator: Creator | None) -> CreatorJson:
    is_of_clinic = invite.kind is InviteKind.CLINICIAN
    return CreatorJson(
        userid="" if creator is None else creator.user_id,
        profile=None if creator is None else _profile_json(creator.profile),
        clinic_id=invite.clinic_id if is_of_clinic else UNSET,
        clinic_name=given(invite.clinic_name or None) if is_of_clinic else UNSET,
    )


def _profile_json(profile: Profile | None) -> CreatorsProfileJson | None:
    if profile is None:
        return None
    patient = profile.patient
    return CreatorsProfileJson(
        full_name=profile.full_name or "",
        patient=CreatorsPatientJson(
            birthday=patient.birthday or "",
            diagnosis_date=patient.diagnosis_date or "",
            is_other_person=patient.is_other_person,
            full_name=patient.full_name or "",
        ),
    )


def _admission_json(admission: Admission | None) -> AdmissionJson | None:
    if admission is None:
        return None
    return AdmissionJson(admission.can_accept, given(admission.required_idp or None))
