"""The adapter for the platform against stand-ins of its services."""

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Final

import httpx
import pytest

from adapters.tidepool import (
    Peer,
    ServerToken,
    TidepoolProfiles,
    TidepoolServiceAccounts,
    TidepoolSessions,
    TidepoolUsers,
)
from clinic_domain.access.model import Principal
from clinic_domain.users import (
    CredentialsRefused,
    CustodialEmailTaken,
    EmailTaken,
    PatientProfile,
    Profile,
    User,
)
from clinic_domain.values import ClinicId, UserId
from support.shared import module

pytestmark = pytest.mark.anyio

CLINIC: Final = ClinicId("6" * 24)
CLINICIAN: Final = UserId("1000000001")
PATIENT: Final = UserId("2000000002")


@pytest.fixture
def peers() -> ModuleType:
    loaded = module("peers/peers.py")
    loaded.STATE.reset()
    return loaded


@pytest.fixture
async def client(peers: ModuleType) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(peers.app)) as client:
        yield client


@pytest.fixture
def token(client: httpx.AsyncClient) -> ServerToken:
    return ServerToken(client, "http://peers/shoreline", "a secret")


@pytest.fixture
def shoreline(client: httpx.AsyncClient, token: ServerToken) -> Peer:
    return Peer("shoreline", client, "http://peers/shoreline", token)


@pytest.fixture
def users(shoreline: Peer) -> TidepoolUsers:
    return TidepoolUsers(shoreline)


@pytest.fixture
def sessions(shoreline: Peer) -> TidepoolSessions:
    return TidepoolSessions(shoreline)


@pytest.fixture
def profiles(client: httpx.AsyncClient, token: ServerToken) -> TidepoolProfiles:
    return TidepoolProfiles(Peer("seagull", client, "http://peers/seagull/", token))


@pytest.fixture
def service_accounts(client: httpx.AsyncClient) -> TidepoolServiceAccounts:
    return TidepoolServiceAccounts(client, "http://peers/keycloak/realms/test/token")


@pytest.mark.parametrize(
    ("text", "principal"),
    [
        ("server", Principal(UserId("server"), is_server=True)),
        ("user-1000000001", Principal(CLINICIAN)),
        ("user-1000000001.google", Principal(CLINICIAN, identity_provider="google")),
        ("service-account", Principal(UserId("9999999999"))),
        ("user-nobody", None),
        ("nonsense", None),
    ],
)
async def test_tokens_name_their_bearers(
    sessions: TidepoolSessions, text: str, principal: Principal | None
) -> None:
    assert await sessions.identify(text) == principal


@pytest.mark.parametrize(
    "text", ["../user/1000000001", "..%2fuser%2f1000000001", "a/../../user/1000000001", ".."]
)
async def test_no_token_reaches_an_account(
    sessions: TidepoolSessions, peers: ModuleType, text: str
) -> None:
    assert await sessions.identify(text) is None
    assert not [call for call in peers.STATE.calls if call["method"] == "GET"]


async def test_one_login_serves_many_calls(users: TidepoolUsers, peers: ModuleType) -> None:
    await users.find(CLINICIAN)
    await users.find(PATIENT)

    logins = [call for call in peers.STATE.calls if call["path"] == "/serverlogin"]
    assert len(logins) == 1


@pytest.mark.parametrize("key", [CLINICIAN, "Clinician1@EXAMPLE.com"])
async def test_accounts_are_found(users: TidepoolUsers, key: str) -> None:
    email = "clinician1@example.com"

    assert await users.find(key) == User(
        CLINICIAN, username=email, emails=(email,), roles=("clinician",)
    )


@pytest.mark.parametrize("key", ["0000000000", "nobody@example.com", "a/b@example.com", ".."])
async def test_nobody_is_none(users: TidepoolUsers, key: str) -> None:
    assert await users.find(key) is None


async def test_a_custodial_account_has_one_life(users: TidepoolUsers) -> None:
    user_id = await users.create_custodial(CLINIC, "kim@example.com")
    await users.update_custodial(user_id, "kim.doe@example.com")
    await users.update_custodial(user_id, None)
    await users.update_custodial(user_id, "")

    found = await users.find(user_id)

    assert found is not None
    assert (found.id, found.username) == (user_id, None)


async def test_a_taken_address_stays_where_it_is(users: TidepoolUsers) -> None:
    user_id = await users.create_custodial(CLINIC, None)

    with pytest.raises(EmailTaken):
        await users.create_custodial(CLINIC, "Clinician1@example.com")
    with pytest.raises(CustodialEmailTaken):
        await users.update_custodial(user_id, "clinician1@example.com")


async def test_profiles_are_found(profiles: TidepoolProfiles) -> None:
    patient = PatientProfile("Patient Two", "2014-06-05", is_other_person=True)

    assert await profiles.find(PATIENT) == Profile("Caregiver Two", patient)
    assert await profiles.find(UserId("1000000009")) is None


async def test_programs_sign_in(service_accounts: TidepoolServiceAccounts) -> None:
    assert await service_accounts.user_id_of("my-client", "a secret") == "9999999999"

    with pytest.raises(CredentialsRefused):
        await service_accounts.user_id_of("unknown-client", "a secret")
