"""Profiles of the platform (PEER-7)."""

from typing import Any

import httpx
import pytest

from adapters.tidepool import Peer, TidepoolProfiles
from clinic_domain.users import PatientProfile, Profile, UsersUnavailable
from clinic_domain.values import UserId
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

JANE = UserId("1000000001")


@pytest.fixture
def profiles(peer: Peer) -> TidepoolProfiles:
    return TidepoolProfiles(peer)


@pytest.mark.parametrize(
    ("answer", "profile"),
    [
        ({}, Profile()),
        ({"fullName": None, "patient": None}, Profile()),
        ({"fullName": "Jane", "clinic": {"role": "x"}}, Profile("Jane")),
        ({"patient": {}}, Profile()),
        (
            {
                "fullName": "Jane",
                "patient": {
                    "fullName": "Kim",
                    "birthday": "2014-06-05",
                    "mrn": "7",
                    "targetDevices": ["dexcom"],
                    "diagnosisDate": "2020-01-02",
                    "isOtherPerson": True,
                    "email": "kim@example.com",
                    "about": {"x": 1},
                },
            },
            Profile(
                "Jane",
                PatientProfile(
                    "Kim",
                    "2014-06-05",
                    "7",
                    ("dexcom",),
                    diagnosis_date="2020-01-02",
                    is_other_person=True,
                ),
            ),
        ),
        (
            {"patient": {"birthday": "", "targetDevices": []}},
            Profile(None, PatientProfile(birthday="", target_devices=())),
        ),
        (
            {
                "fullName": "J\0ane\0",
                "patient": {
                    "fullName": "\0Kim",
                    "birthday": "2014\0-06-05",
                    "mrn": "\0",
                    "targetDevices": ["dex\0com"],
                    "diagnosisDate": "2020\0",
                },
            },
            Profile(
                "Jane",
                PatientProfile("Kim", "2014-06-05", "", ("dexcom",), diagnosis_date="2020"),
            ),
        ),
    ],
)
async def test_a_profile_is_read(
    profiles: TidepoolProfiles, platform: Platform, answer: Any, profile: Profile
) -> None:
    platform.answers_with(httpx.Response(200, json=answer))

    assert await profiles.find(JANE) == profile
    assert platform.asked[0].url.raw_path == b"/prefix/1000000001/profile"


async def test_no_profile_is_none(profiles: TidepoolProfiles, platform: Platform) -> None:
    platform.answers_with(httpx.Response(404))

    assert await profiles.find(JANE) is None


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 500])
async def test_any_other_answer_is_a_failure(
    profiles: TidepoolProfiles, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status, json={}))

    with pytest.raises(UsersUnavailable):
        await profiles.find(JANE)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"7", b"true"])
async def test_what_is_no_object_is_an_empty_profile(
    profiles: TidepoolProfiles, platform: Platform, body: bytes
) -> None:
    platform.answers_with(httpx.Response(200, content=body))

    assert await profiles.find(JANE) == Profile()


@pytest.mark.parametrize(
    "patient",
    [
        {"fullName": 5},
        {"birthday": {"x": 1}},
        {"mrn": 12345},
        {"targetDevices": "x"},
        {"targetDevices": ["a", None]},
        {"diagnosisDate": []},
        {"isOtherPerson": "true"},
        {"isOtherPerson": 1},
    ],
)
async def test_a_member_of_the_wrong_kind_is_absent(
    profiles: TidepoolProfiles, platform: Platform, patient: Any
) -> None:
    complete = {"fullName": "Kim", "mrn": "7", "targetDevices": ["a"], "isOtherPerson": True}
    expected = {name: value for name, value in complete.items() if name not in patient}
    platform.answers_with(
        httpx.Response(200, json={"fullName": "Jane", "patient": complete | patient}),
        httpx.Response(200, json={"fullName": "Jane", "patient": expected}),
    )

    assert await profiles.find(JANE) == await profiles.find(JANE)


@pytest.mark.parametrize(
    ("answer", "profile"),
    [
        ({"fullName": 7, "patient": {"mrn": "7"}}, Profile(None, PatientProfile(mrn="7"))),
        ({"fullName": "Jane", "patient": "x"}, Profile("Jane")),
        ({"fullName": "Jane", "patient": [1]}, Profile("Jane")),
    ],
)
async def test_what_else_the_profile_says_is_read(
    profiles: TidepoolProfiles, platform: Platform, answer: Any, profile: Profile
) -> None:
    platform.answers_with(httpx.Response(200, json=answer))

    assert await profiles.find(JANE) == profile


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'{"fullName":"\xff"}', b"[" * 100_000])
async def test_what_is_no_json_is_a_failure(
    profiles: TidepoolProfiles, platform: Platform, body: bytes
) -> None:
    platform.answers_with(httpx.Response(200, content=body))

    with pytest.raises(UsersUnavailable):
        await profiles.find(JANE)
