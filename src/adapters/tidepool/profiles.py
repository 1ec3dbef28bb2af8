"""Profiles, which the profile service keeps (PEER-7)."""

from collections.abc import Mapping
from typing import Any

import attrs

from adapters.tidepool.peer import Peer
from adapters.tidepool.urls import is_segment
from clinic_domain.users import PatientProfile, Profile, Profiles
from clinic_domain.values import UserId


@attrs.frozen
class TidepoolProfiles(Profiles):
    """
    Reads profiles.

    Their owners write them, and one that is odd must not stop a list of many: whatever is of the
    wrong kind counts as absent.
    """

    _seagull: Peer

    async def find(self, user_id: UserId) -> Profile | None:
        if not is_segment(user_id):
            return None
        answer = await self._seagull.get(user_id, "profile")
        match answer.status_code:
            case 200:
                return _profile(_object(self._seagull.decoded(answer, object)))
            case 404:
                return None
            case _:
                raise self._seagull.unexpected(answer)


def _profile(held: Mapping[str, Any]) -> Profile:
    patient = _object(held.get("patient"))
    return Profile(
        _text(held.get("fullName")),
        PatientProfile(
            full_name=_text(patient.get("fullName")),
            birthday=_text(patient.get("birthday")),
            mrn=_text(patient.get("mrn")),
            target_devices=_texts(patient.get("targetDevices")),
            diagnosis_date=_text(patient.get("diagnosisDate")),
            is_other_person=patient.get("isOtherPerson") is True,
        ),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    # NUL, which people can enter, is stored by some databases alone.
    return value.replace("\0", "") if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(each.replace("\0", "") for each in value)
