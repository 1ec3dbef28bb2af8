"""Accounts of the platform (PEER-4 to PEER-6, PAT-CUST)."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adapters.tidepool import Peer, TidepoolUsers
from clinic_domain.users import CustodialEmailTaken, EmailTaken, User, UsersUnavailable
from clinic_domain.values import ClinicId, UserId
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

CLINIC = ClinicId("6" * 24)
JANE = UserId("1000000001")


@pytest.fixture
def users(peer: Peer) -> TidepoolUsers:
    return TidepoolUsers(peer)


def sent(platform: Platform) -> tuple[str, str, Any]:
    request = platform.asked[-1]
    return request.method, request.url.raw_path.decode(), json.loads(request.content or b"null")


@pytest.mark.parametrize(
    ("answer", "user"),
    [
        (
            {
                "userid": JANE,
                "username": "Jane@example.com",
                "emails": ["Jane@example.com", "j@example.com"],
                "roles": ["clinic"],
                "passwordExists": True,
                "termsAccepted": "2020",
            },
            User(
                JANE,
                username="Jane@example.com",
                emails=("Jane@example.com", "j@example.com"),
                roles=("clinic",),
            ),
        ),
        ({"userid": JANE}, User(JANE)),
        ({"userid": JANE, "username": "", "emails": None, "roles": None}, User(JANE)),
        ({"userid": JANE, "username": "\0"}, User(JANE)),
        (
            {"userid": JANE, "username": "ja\0ne@example.com", "emails": ["\0j@x.org", "k@x.org"]},
            User(JANE, username=None, emails=("k@x.org",)),
        ),
    ],
)
async def test_an_account_is_found(
    users: TidepoolUsers, platform: Platform, answer: Any, user: User
) -> None:
    platform.answers_with(httpx.Response(200, json=answer))

    assert await users.find("jane+doe@example.com") == user
    assert sent(platform) == ("GET", "/prefix/user/jane%2Bdoe%40example.com", None)


async def test_an_account_without_content_has_its_id_alone(
    users: TidepoolUsers, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(204))

    assert await users.find(JANE) == User(JANE)


async def test_nobody_is_none(users: TidepoolUsers, platform: Platform) -> None:
    platform.answers_with(httpx.Response(404))

    assert await users.find(JANE) is None


@pytest.mark.parametrize("id_or_email", ["", "..", "a/../b", "a\n"])
async def test_what_leads_elsewhere_is_nobody(
    users: TidepoolUsers, platform: Platform, id_or_email: str
) -> None:
    assert await users.find(id_or_email) is None
    assert platform.asked == []


@pytest.mark.parametrize("status", [201, 302, 400, 401, 403, 409, 500])
async def test_any_other_answer_to_a_search_is_a_failure(
    users: TidepoolUsers, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status, json={"userid": JANE}))

    with pytest.raises(UsersUnavailable):
        await users.find(JANE)


async def test_garbage_is_a_failure(
    users: TidepoolUsers,
    platform: Platform,
    garbage: Callable[[int], list[httpx.Response]],
) -> None:
    answers = [*garbage(200), httpx.Response(200, json={"userid": ""})]
    for answer in answers:
        platform.answers_with(answer)
        with pytest.raises(UsersUnavailable):
            await users.find(JANE)


@pytest.mark.parametrize(
    ("email", "body"),
    [
        ("kim@example.com", {"username": "kim@example.com", "emails": ["kim@example.com"]}),
        ("", {}),
        (None, {}),
    ],
)
async def test_a_custodial_account_is_opened(
    users: TidepoolUsers, platform: Platform, email: str | None, body: Any
) -> None:
    platform.answers_with(httpx.Response(201, json={"userid": "4000000001"}))

    assert await users.create_custodial(CLINIC, email) == "4000000001"
    assert sent(platform) == ("POST", f"/prefix/v1/clinics/{CLINIC}/users", body)


async def test_an_address_is_given_to_one_account_alone(
    users: TidepoolUsers, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(409))

    with pytest.raises(EmailTaken, match=r"^duplicate: email address is already taken$"):
        await users.create_custodial(CLINIC, "kim@example.com")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 500])
async def test_only_201_opens_an_account(
    users: TidepoolUsers, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status, json={"userid": "4000000001"}))

    with pytest.raises(UsersUnavailable):
        await users.create_custodial(CLINIC, None)


async def test_an_account_without_an_id_was_not_opened(
    users: TidepoolUsers,
    platform: Platform,
    garbage: Callable[[int], list[httpx.Response]],
) -> None:
    for answer in [*garbage(201), httpx.Response(201, json={"userid": ""})]:
        platform.answers_with(answer)
        with pytest.raises(UsersUnavailable):
            await users.create_custodial(CLINIC, None)


@pytest.mark.parametrize(
    ("email", "updates"),
    [
        ("kim@example.com", {"username": "kim@example.com", "emails": ["kim@example.com"]}),
        ("", {"username": "", "emails": [""]}),
        (None, {"emails": []}),
    ],
)
async def test_a_custodial_account_is_updated(
    users: TidepoolUsers, platform: Platform, email: str | None, updates: Any
) -> None:
    platform.answers_with(httpx.Response(200))

    await users.update_custodial(JANE, email)

    assert sent(platform) == ("PUT", f"/prefix/user/{JANE}", {"updates": updates})


async def test_a_taken_address_is_told_apart_for_custodial_accounts(
    users: TidepoolUsers, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(409))

    with pytest.raises(CustodialEmailTaken, match=r"^unable to update custodial user: duplicate"):
        await users.update_custodial(JANE, "kim@example.com")


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 500])
async def test_only_200_updates_an_account(
    users: TidepoolUsers, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status))

    with pytest.raises(UsersUnavailable):
        await users.update_custodial(JANE, None)
