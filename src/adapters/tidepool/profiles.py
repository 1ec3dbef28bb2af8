"""Profiles, which the profile service keeps (PEER-7)."""

import attrs
import msgspec

from adapters.tidepool.peer import Peer
from adapters.tidepool.urls import is_segment
from clinic_domain.users import PatientProfile, Profile, Profiles
from clinic_domain.values import UserId


class PatientAnswer(msgspec.Struct, rename="camel"):
    full_name: str | None = None
    birthday: str | None = None
    mrn: str | None = None
    target_devices: list[str] | None = None
    diagnosis_date: str | None = None
    is_other_person: bool | None = None


class ProfileAnswer(msgspec.Struct, rename="camel"):
    full_name: str | None = None
    patient: PatientAnswer | None = None


@attrs.frozen
class TidepoolProfiles(Profiles):
    _seagull: Peer

    async def find(self, user_id: UserId) -> Profile | None:
        if not is_segment(user_id):
            return None
        answer = await self._seagull.get(user_id, "profile")
        match answer.status_code:
            case 200:
                return _profile(self._seagull.decoded(answer, ProfileAnswer))
            case 404:
                return None
            case _:
                raise self._seagull.unexpected(answer)


def _profile(answer: ProfileAnswer) -> Profile:
    patient = answer.patient
    if patient is None:
        return Profile(answer.full_name)
    devices = patient.target_devices
    return Profile(
        answer.full_name,
        PatientProfile(
            full_name=patient.full_name,
            birthday=patient.birthday,
            mrn=patient.mrn,
            target_devices=None if devices is None else tuple(devices),
            diagnosis_date=patient.diagnosis_date,
            is_other_person=patient.is_other_person is True,
        ),
    )
