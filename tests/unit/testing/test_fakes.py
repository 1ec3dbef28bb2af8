"""The stand-ins behave like what they stand in for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from clinic_domain.clinics.model import ShareCode
from clinic_domain.testing.fakes import (
    A_MORNING,
    FakeProfiles,
    FakeServiceAccounts,
    FakeUsers,
    FixedClock,
    RecordingJournal,
    SequentialIds,
    SequentialShareCodes,
    TickingClock,
)
from clinic_domain.users import (
    CredentialsRefused,
    CustodialEmailTaken,
    EmailTaken,
    Profile,
    UsersUnavailable,
)
from clinic_domain.values import ClinicId, UserId

CLINIC = ClinicId("0" * 24)


def test_a_fixed_clock_stands_still_until_it_is_put_forward() -> None:
    clock = FixedClock()

    assert clock.now() == clock.now() == A_MORNING
    assert clock.advance(timedelta(hours=1)) == clock.now() == A_MORNING + timedelta(hours=1)


def test_clocks_show_whole_milliseconds_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))

    for clock in (FixedClock(noon), TickingClock(noon)):
        assert clock.now() == datetime(2026, 1, 1, 11, 0, 0, 123_000, tzinfo=UTC)
        assert clock.now().tzinfo is UTC


def test_a_ticking_clock_never_shows_one_time_twice() -> None:
    clock = TickingClock()

    times = [clock.now() for _ in range(5)]

    assert times == sorted(set(times))
    assert times[0] == A_MORNING


def test_ids_ascend_and_differ_between_series() -> None:
    one, other = SequentialIds(), SequentialIds(series=1)

    ids = [one.new_id() for _ in range(300)]

    assert ids == sorted(set(ids))
    assert {len(id_) for id_ in ids} == {24}
    assert set(ids).isdisjoint(other.new_id() for _ in range(300))


def test_share_codes_are_different_share_codes() -> None:
    codes = SequentialShareCodes(given=["WANT-THAT-CDDE"])

    drawn = [ShareCode(codes.new_code()).value for _ in range(100)]

    assert drawn[:3] == ["WANT-THAT-CDDE", "AAAA-AAAA-AAAA", "AAAA-AAAA-AAAB"]
    assert len(set(drawn)) == 100


async def test_a_user_is_found_by_id_and_by_address_in_any_case() -> None:
    users = FakeUsers()
    alice = users.add("alice", "alice@example.com")

    assert await users.find("alice") == alice
    assert await users.find("ALICE@example.com") == alice
    assert await users.find("nobody") is None


async def test_custodial_accounts_have_addresses_that_nobody_else_has() -> None:
    users = FakeUsers()
    users.add("alice", "alice@example.com")
    bob = await users.create_custodial(CLINIC, "bob@example.com")
    nameless = await users.create_custodial(CLINIC, None)

    with pytest.raises(EmailTaken):
        await users.create_custodial(CLINIC, "Alice@example.com")
    with pytest.raises(CustodialEmailTaken):
        await users.update_custodial(bob, "alice@example.com")

    await users.update_custodial(bob, "bob@example.com")
    await users.update_custodial(nameless, "new@example.com")
    await users.update_custodial(bob, None)
    found = await users.find(bob)
    assert found is not None
    assert found.email is None
    assert await users.find("new@example.com") == await users.find(nameless)


async def test_services_can_be_switched_off() -> None:
    users, profiles, accounts = FakeUsers(), FakeProfiles(), FakeServiceAccounts()
    users.is_available = profiles.is_available = accounts.is_available = False

    for call in (
        users.find("alice"),
        users.create_custodial(CLINIC, None),
        users.update_custodial(UserId("alice"), None),
        profiles.find(UserId("alice")),
        accounts.user_id_of("client", "secret"),
    ):
        with pytest.raises(UsersUnavailable):
            await call


async def test_profiles_are_those_that_were_given() -> None:
    profiles = FakeProfiles({UserId("alice"): Profile("Alice")})

    assert await profiles.find(UserId("alice")) == Profile("Alice")
    assert await profiles.find(UserId("bob")) is None


async def test_service_accounts_ask_for_the_right_secret() -> None:
    accounts = FakeServiceAccounts({("client", "secret"): UserId("program")})

    assert await accounts.user_id_of("client", "secret") == "program"
    with pytest.raises(CredentialsRefused):
        await accounts.user_id_of("client", "wrong")


def test_a_journal_keeps_what_it_is_told() -> None:
    journal = RecordingJournal()

    journal.warning("something", user="alice")

    assert journal.warnings == [("something", {"user": "alice"})]
