"""Programs that sign in (PEER-11)."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from adapters.tidepool import TidepoolServiceAccounts
from clinic_domain.users import CredentialsRefused, UsersUnavailable
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

ENDPOINT = "http://keycloak/realms/x/token"
GRANT = {"grant_type": ["client_credentials"], "scope": ["openid"]}


def jwt(claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def signed_in(claims: Any, **others: Any) -> httpx.Response:
    return httpx.Response(200, json={"access_token": "a", "id_token": jwt(claims)} | others)


@pytest.fixture
def accounts(client: httpx.AsyncClient) -> TidepoolServiceAccounts:
    return TidepoolServiceAccounts(client, ENDPOINT)


async def test_the_subject_of_the_token_is_the_user(
    accounts: TidepoolServiceAccounts, platform: Platform
) -> None:
    platform.answers_with(signed_in({"sub": "9999999999", "aud": ["x"]}, expires_in=1))

    assert await accounts.user_id_of("my program", "p:w/ä") == "9999999999"

    [request] = platform.asked
    credentials = base64.b64encode(b"my+program:p%3Aw%2F%C3%A4").decode()
    assert (request.method, str(request.url)) == ("POST", ENDPOINT)
    assert request.headers["authorization"] == f"Basic {credentials}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == GRANT


async def test_a_server_that_wants_them_in_the_form_gets_them_there(
    accounts: TidepoolServiceAccounts, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(401), signed_in({"sub": "9999999999"}))

    assert await accounts.user_id_of("a", "b") == "9999999999"

    second = platform.asked[1]
    assert "authorization" not in second.headers
    credentials = {"client_id": ["a"], "client_secret": ["b"]}
    assert parse_qs(second.content.decode()) == GRANT | credentials


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_credentials_that_are_refused_twice_are_wrong(
    accounts: TidepoolServiceAccounts, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status))

    with pytest.raises(CredentialsRefused):
        await accounts.user_id_of("a", "b")

    assert len(platform.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(302),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("down"),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"access_token": "a"}),
        httpx.Response(200, json={"access_token": "a", "id_token": None}),
        signed_in({"sub": "9"}, access_token=""),
        signed_in({"sub": "9"}, id_token="only.two"),
        signed_in({"sub": "9"}, id_token="a.!!!!.c"),
        signed_in({"sub": "9"}, id_token="a.é.c"),
        signed_in({"sub": ""}),
        signed_in({"sub": 7}),
        signed_in({}),
        signed_in([]),
    ],
)
async def test_anything_else_is_a_failure(
    accounts: TidepoolServiceAccounts, platform: Platform, answer: Any
) -> None:
    platform.answers_with(answer)

    with pytest.raises(UsersUnavailable):
        await accounts.user_id_of("a", "b")


@pytest.mark.parametrize("endpoint", [None, ""])
async def test_without_an_endpoint_nobody_signs_in(
    client: httpx.AsyncClient, platform: Platform, endpoint: str | None
) -> None:
    with pytest.raises(UsersUnavailable):
        await TidepoolServiceAccounts(client, endpoint).user_id_of("a", "b")

    assert platform.asked == []


async def test_credentials_stay_out_of_logs(
    accounts: TidepoolServiceAccounts, platform: Platform, log: list[Any]
) -> None:
    platform.answers_with(httpx.Response(500))

    with pytest.raises(UsersUnavailable) as raised:
        await accounts.user_id_of("client-id", "client-secret")

    assert log
    assert "client-" not in repr(log) + repr(raised.value.args)
