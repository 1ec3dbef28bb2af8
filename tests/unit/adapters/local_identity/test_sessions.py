"""Session tokens: signed, bounded in time, and gone when they are revoked."""

import base64
import json
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from adapters.local_identity import (
    InvalidName,
    IsNoService,
    IsService,
    LocalAccounts,
    LocalSessions,
    LocalTokens,
)
from adapters.local_identity.sessions import TRUST
from adapters.memory import MemoryStorage
from clinic_domain.access.model import Principal
from clinic_domain.users import Profile, UserNotFound
from unit.adapters.local_identity.conftest import StandingClock

pytestmark = pytest.mark.anyio

HOUR: Final = timedelta(hours=1)


async def token_of_jane(accounts: LocalAccounts, lifetime: timedelta = HOUR) -> str:
    await accounts.add("jane@example.com", Profile())
    return await accounts.issue("jane@example.com", lifetime)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_stands_for_its_user(
    accounts: LocalAccounts, sessions: LocalSessions
) -> None:
    token = await token_of_jane(accounts)
    jane = await accounts.get("jane@example.com")

    assert await sessions.identify(token) == Principal(jane.user.id)
    assert await sessions.identify(f" {token} ") == Principal(jane.user.id)


async def test_a_service_has_a_name_for_its_subject(
    accounts: LocalAccounts, sessions: LocalSessions
) -> None:
    tokens = [await accounts.issue_for_service("reports", HOUR) for _ in range(2)]

    for token in tokens:
        principal = await sessions.identify(token)
        assert principal is not None
        assert (principal.subject, principal.is_server) == ("reports", True)
    assert len(await accounts.all()) == 1


async def test_a_service_has_to_be_meant(accounts: LocalAccounts) -> None:
    await accounts.issue_for_service("reports", HOUR)
    await accounts.add("jane@example.com", Profile())

    with pytest.raises(IsService):
        await accounts.issue("reports", HOUR)
    with pytest.raises(IsNoService):
        await accounts.issue_for_service("jane@example.com", HOUR)
    for name in ("", "two words", "é", "a" * 101):
        with pytest.raises(InvalidName):
            await accounts.issue_for_service(name, HOUR)


async def test_nobody_gets_no_token(accounts: LocalAccounts) -> None:
    with pytest.raises(UserNotFound):
        await accounts.issue("nobody@example.com", HOUR)


async def test_a_token_ends_on_time(
    accounts: LocalAccounts, sessions: LocalSessions, clock: StandingClock
) -> None:
    token = await token_of_jane(accounts)
    outcomes = []
    for step in (timedelta(), HOUR - timedelta(seconds=2), timedelta(seconds=2)):
        clock.advance(step)
        outcomes.append(await sessions.identify(token) is not None)

    assert outcomes == [True, True, False]


async def test_a_revoked_token_ends_within_a_second(
    accounts: LocalAccounts, sessions: LocalSessions, clock: StandingClock
) -> None:
    token = await token_of_jane(accounts)
    other = await accounts.issue("jane@example.com", HOUR)
    await sessions.identify(token)

    assert await accounts.revoke(token + "\n")
    clock.advance(TRUST)
    assert await sessions.identify(token) is None
    clock.advance(-TRUST)
    assert await sessions.identify(token) is None
    assert await sessions.identify(other) is not None
    assert not await accounts.revoke(token)
    assert not await accounts.revoke("nonsense")


async def test_all_tokens_of_a_user_end_together(
    accounts: LocalAccounts, sessions: LocalSessions
) -> None:
    first = await token_of_jane(accounts)
    second = await accounts.issue("jane@example.com", HOUR)

    assert await accounts.revoke_all("jane@example.com") == 2
    assert await sessions.identify(first) is await sessions.identify(second) is None


async def test_a_removed_user_has_no_sessions(
    accounts: LocalAccounts, sessions: LocalSessions
) -> None:
    token = await token_of_jane(accounts)

    await accounts.remove("jane@example.com")

    assert await sessions.identify(token) is None
    with pytest.raises(UserNotFound):
        await accounts.remove("jane@example.com")


async def test_tokens_outlive_the_process_that_made_them(
    storage: MemoryStorage, accounts: LocalAccounts, clock: StandingClock
) -> None:
    token = await token_of_jane(accounts)
    later = LocalSessions(storage, LocalTokens(storage), clock)

    assert await later.identify(token) is not None


async def test_expired_tokens_are_cleared_away(
    accounts: LocalAccounts, storage: MemoryStorage, clock: StandingClock
) -> None:
    await token_of_jane(accounts)
    jane = await accounts.get("jane@example.com")
    clock.advance(2 * HOUR)
    await accounts.issue("jane@example.com", HOUR)

    assert len(await storage.read(lambda tx: tx.accounts.tokens_of(jane.user.id))) == 1


async def test_a_forged_token_is_none(accounts: LocalAccounts, sessions: LocalSessions) -> None:
    header, payload, signature = (await token_of_jane(accounts)).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    another_key = OctKey.import_key("another key of another installation")
    forged = [
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        f"{header}.{part(claims | {'server': True})}.{signature}",
        f"{header}.{payload}.{'A' * len(signature)}",
        jwt.encode({"alg": "HS256"}, claims, another_key),
        f"{header}.{payload}",
        "a" * 100_000,
        "",
    ]

    for text in forged:
        assert await sessions.identify(text) is None


@pytest.mark.parametrize("crit", [1, 1.5, True, None, [], [1], [None], [[]], [{}], {}, "exp"])
async def test_a_header_of_any_kind_has_an_answer(sessions: LocalSessions, crit: object) -> None:
    header = part({"alg": "HS256", "crit": crit})

    assert await sessions.identify(f"{header}.{part({})}.AA") is None


async def test_what_a_token_says_of_itself_gives_no_rights(
    tokens: LocalTokens, accounts: LocalAccounts, sessions: LocalSessions
) -> None:
    """Only the record counts, so that a signing key alone opens nothing."""
    await token_of_jane(accounts)
    key = await tokens._installations_key()
    claims = {"sub": "server", "jti": "unknown", "exp": 4_000_000_000, "server": True}

    assert await sessions.identify(jwt.encode({"alg": "HS256"}, claims, key)) is None
    assert await sessions.identify(jwt.encode({"alg": "HS256"}, {"sub": "x"}, key)) is None


@given(st.text(max_size=50) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
async def test_any_text_has_an_answer(text: str) -> None:
    storage = MemoryStorage()

    sessions = LocalSessions(storage, LocalTokens(storage), StandingClock())

    assert await sessions.identify(text) is None
