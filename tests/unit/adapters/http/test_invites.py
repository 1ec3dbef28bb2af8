"""What callers of operations on invites are told where the reference told them nothing of use."""

from typing import Any, Final

import attrs
import pytest

from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.model import Clinic, MrnSettings
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_clinician_invite,
    a_patient,
    a_patient_invite,
)
from clinic_domain.users import PatientProfile, Profile
from clinic_domain.values import UserId

ADMIN, JANE, PAT = "1000000001", "1000000002", "2000000001"
UNKNOWN: Final = "f" * 24
INVITED: Final = {"email": "new@example.com", "roles": ["CLINIC_MEMBER"]}


@pytest.fixture
async def clinic(call: Any) -> Clinic:
    """Return a clinic with an admin, an invited clinician and an invite of a patient."""
    clinic = a_clinic(admins=(ADMIN,))
    world = call.world
    await world.has(
        clinic,
        a_clinician(clinic, user_id=ADMIN, roles=(Role.CLINIC_ADMIN,)),
        a_clinician(clinic, user_id=None, invite_id="key/1", email="jane@example.com"),
        a_clinician_invite(clinic, id="key/1", email="Jane@example.com", creator_id=ADMIN),
        a_patient_invite(clinic, id="key-2", creator_id=PAT, offer={"view": {"a": [1]}}),
    )
    for user_id, name in ((ADMIN, "ada"), (JANE, "jane"), (PAT, "pat")):
        world.users.add(user_id, f"{name}@example.com")
    world.profiles.profiles[UserId(PAT)] = Profile(
        "Pat", PatientProfile(diagnosis_date="2020-01-02", is_other_person=True)
    )
    return clinic


def reason(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert body["code"] == answer.status_code
    return answer.status_code, body["reason"]


async def test_an_invite_is_shown_whole(call: Any, clinic: Clinic) -> None:
    answer = await call("GET", f"/v1/clinics/{clinic.id}/invites/patients")

    assert answer.json() == [
        {
            "key": "key-2",
            "type": "careteam_invitation",
            "status": "pending",
            "email": "",
            "creatorId": PAT,
            "created": "2026-03-14T09:26:53.589Z",
            "modified": "0001-01-01T00:00:00Z",
            "creator": {
                "userid": PAT,
                "profile": {
                    "fullName": "Pat",
                    "patient": {
                        "birthday": "",
                        "diagnosisDate": "2020-01-02",
                        "isOtherPerson": True,
                        "fullName": "",
                    },
                },
            },
            "clinicId": clinic.id,
            "context": {"view": {"a": [1]}},
            "expiresAt": "2026-03-21T09:26:53.589Z",
            "restrictions": None,
        }
    ]


async def test_a_clinic_that_is_not_there_is_not_found(call: Any, clinic: Clinic) -> None:
    for method, path, body in (
        ("POST", f"/v1/clinics/{UNKNOWN}/invites/clinicians", INVITED),
        ("PATCH", f"/v1/clinics/{UNKNOWN}/invites/clinicians/key%2F1", None),
    ):
        answer = await call(method, path, body=body)

        assert reason(answer) == (404, "Error finding the clinic")


async def test_an_id_that_makes_no_sense_is_refused(call: Any, clinic: Clinic) -> None:
    share = {"shareCode": clinic.share_code.value, "permissions": {}}
    for method, path, body in (
        ("DELETE", "/v1/clinics/not-an-id/invites/clinicians/key%2F1", None),
        ("POST", "/confirm/send/invite/not-an-id/clinic", share),
    ):
        answer = await call(method, path, body=body)

        assert answer.status_code == 400
        assert "Id" in answer.json()["message"]


@pytest.mark.parametrize(
    "email", [None, "", "a@b.c", 501 * "a"], ids=["null", "empty", "short", "long"]
)
async def test_an_address_has_a_length(call: Any, clinic: Clinic, email: str | None) -> None:
    path = f"/v1/clinics/{clinic.id}/invites/clinicians"
    answer = await call("POST", path, body=INVITED | {"email": email})
    missing = await call("POST", path, body={"roles": INVITED["roles"]})

    assert (answer.status_code, missing.status_code) == (400, 400)
    assert "email" in answer.json()["message"]
    assert "email" in missing.json()["message"]
    assert await call.world.owed() == ()


async def test_an_invite_is_linked_and_then_accepted_once(call: Any, clinic: Clinic) -> None:
    """A key with a slash is like any other, and no content type is asked for."""
    path = f"/v1/clinicians/{JANE}/invites/key%2F1"
    accepted = await call("PUT", path, token=f"user {JANE}", content=b"", headers={})
    again = await call("PUT", path, token=f"user {JANE}")

    assert (accepted.status_code, accepted.json()["id"]) == (200, JANE)
    assert accepted.headers["content-type"] == "application/json"
    assert reason(again) == (404, "No matching invite was found")


async def test_who_is_a_member_already_is_told_so(call: Any, clinic: Clinic) -> None:
    await call.world.has(a_clinician(clinic, user_id=JANE, email="old@example.com"))
    answer = await call("PUT", f"/v1/clinicians/{JANE}/invites/key%2F1", token=f"user {JANE}")

    assert reason(answer) == (409, "The user is already an existing member")


async def test_refusals_about_clinicians_look_as_elsewhere(call: Any, clinic: Clinic) -> None:
    path = f"/v1/clinics/{clinic.id}/invites/clinicians"
    duplicate = await call("POST", path, body=INVITED | {"email": "JANE@example.com"})
    unknown = await call("GET", f"{path}/unknown")

    assert (duplicate.status_code, list(duplicate.json())) == (409, ["message"])
    assert (unknown.status_code, unknown.json()) == (404, {"message": "clinician not found"})


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"birthDate": "2010-02-30"}, "birthDate"),
        ({"mrn": 7}, "mrn"),
        ({"fullName": 501 * "a"}, "fullName"),
        ({"tags": ["no id"]}, "tags"),
        ({"tags": [UNKNOWN, UNKNOWN]}, "tags"),
        ({"sites": [{"id": "no id", "name": "x"}]}, "id"),
        ({"diagnosisType": "cold"}, "diagnosisType"),
        ({"mrn": "7"}, "mrn must be unique"),
        ([], "object"),
    ],
)
async def test_a_patient_is_accepted_with_what_makes_sense(
    call: Any, clinic: Clinic, body: Any, name: str
) -> None:
    """Else the invite stays open, and what is wrong is named."""
    strict = attrs.evolve(clinic, mrn_settings=MrnSettings(required=False, unique=True))
    await call.world.storage.transaction(lambda tx: tx.clinics.save(strict, was=clinic))
    await call.world.has(a_patient(clinic, mrn="7", require_unique_mrn=True))
    path = f"/v1/clinics/{clinic.id}/invites/patients/key-2"
    refused = await call("PUT", path, body=body)

    assert reason(refused) == (400, "Error creating patient")
    assert name in refused.json()["message"]
    assert (await call.world.invite("key-2")).is_pending
    accepted = await call("PUT", path, body={"diagnosisType": "lada", "mrn": "8"})
    assert accepted.json()["diagnosisType"] == "lada"


async def test_an_offer_that_nobody_could_store_is_unreadable(call: Any, clinic: Clinic) -> None:
    deep: Any = {}
    for _ in range(30):
        deep = {"a": deep}
    for offer in (deep, {"view": {"a": 2**70}}, {"view": {"a": "\0"}}, {"view": {"\0": 1}}):
        body = {"shareCode": clinic.share_code.value, "permissions": offer}
        answer = await call("POST", f"/confirm/send/invite/{JANE}/clinic", body=body)

        assert reason(answer) == (400, "Error decoding the confirmation")


async def test_only_patients_and_who_acts_for_them_send(call: Any, clinic: Clinic) -> None:
    body = {"shareCode": clinic.share_code.value, "permissions": {"view": {}}}
    path, parent = f"/confirm/send/invite/{JANE}/clinic", f"user {ADMIN}"
    refused = await call("POST", path, body=body, token=parent)
    call.world.representatives.pairs.add((JANE, ADMIN))
    sent = await call("POST", path, body=body, token=parent)
    call.world.representatives.is_available = False
    unknown = await call("GET", f"/confirm/invite/{JANE}", token=parent)

    assert reason(refused) == (401, "Not authorized for requested operation")
    assert sent.json()["creatorId"] == JANE
    assert unknown.status_code == 503
    assert unknown.headers["retry-after"] == "1"
    assert unknown.json()["code"] == 503


async def test_an_unknown_patient_is_not_found(call: Any, clinic: Clinic) -> None:
    body = {"shareCode": clinic.share_code.value, "permissions": {}}
    answer = await call("POST", "/confirm/send/invite/9999999999/clinic", body=body)

    assert reason(answer) == (404, "Error finding the user")


async def test_an_account_without_an_address_has_no_invites(call: Any, clinic: Clinic) -> None:
    call.world.users.add(JANE)
    answer = await call("GET", f"/v1/clinicians/{JANE}/invites", token=f"user {JANE}")

    assert reason(answer) == (404, "Nothing found")


async def test_nothing_is_stored_where_accounts_are_unknown(call: Any, clinic: Clinic) -> None:
    call.world.users.is_available = False
    path = f"/v1/clinics/{clinic.id}/invites/clinicians"
    answer = await call("POST", path, body=INVITED)

    assert reason(answer)[0] == 503
    assert len(await call.world.clinicians(clinic)) == 2
