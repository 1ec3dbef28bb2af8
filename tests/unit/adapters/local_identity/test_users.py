"""Accounts and profiles in the service's own storage."""

import re
from typing import Final

import pytest

from adapters.local_identity import LocalAccounts, LocalProfiles, LocalUsers
from adapters.memory import MemoryStorage
from clinic_domain.users import (
    CustodialEmailTaken,
    EmailTaken,
    PatientProfile,
    Profile,
    User,
    UserNotFound,
)
from clinic_domain.values import ClinicId, UserId
from unit.adapters.local_identity.conftest import StandingClock

pytestmark = pytest.mark.anyio

CLINIC: Final = ClinicId("6" * 24)
# What the API takes for a user id.
USER_ID: Final = re.compile(
    r"([0-9a-f]{10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)
JANE: Final = Profile("Jane Doe", PatientProfile("Kim Doe", "2014-06-05", "7", ("dexcom",)))


@pytest.fixture
def users(storage: MemoryStorage, clock: StandingClock) -> LocalUsers:
    return LocalUsers(storage, clock)


@pytest.fixture
def profiles(storage: MemoryStorage) -> LocalProfiles:
    return LocalProfiles(storage)


async def test_a_user_is_found_by_id_and_by_address(
    users: LocalUsers, accounts: LocalAccounts
) -> None:
    account = await accounts.add("Jane@example.com", JANE, ["clinic"])

    assert account.user == User(
        account.user.id,
        username="Jane@example.com",
        emails=("Jane@example.com",),
        roles=("clinic",),
    )
    assert await users.find(account.user.id) == account.user
    assert await users.find("jane@EXAMPLE.com") == account.user
    assert await users.find("nobody@example.com") is None


async def test_a_profile_is_what_was_said_of_a_user(
    profiles: LocalProfiles, accounts: LocalAccounts
) -> None:
    account = await accounts.add("jane@example.com", JANE)

    assert await profiles.find(account.user.id) == JANE
    assert await profiles.find(UserId("0000000000")) is None


@pytest.mark.parametrize("email", ["kim@example.com", "", None])
async def test_a_custodial_account_belongs_to_its_clinic(
    users: LocalUsers, accounts: LocalAccounts, email: str | None
) -> None:
    user_id = await users.create_custodial(CLINIC, email)

    account = await accounts.get(user_id)
    assert account.custodian == CLINIC
    assert account.user.username == (email or None)
    assert account.user.email == (email or None)
    assert USER_ID.fullmatch(user_id)


async def test_accounts_without_an_address_do_not_clash(users: LocalUsers) -> None:
    first = await users.create_custodial(CLINIC, None)

    assert await users.create_custodial(CLINIC, "") != first


async def test_an_address_is_given_to_one_account_alone(
    users: LocalUsers, accounts: LocalAccounts
) -> None:
    await accounts.add("jane@example.com", JANE)
    kim = await users.create_custodial(CLINIC, "kim@example.com")

    with pytest.raises(EmailTaken):
        await accounts.add("KIM@example.com", Profile())
    with pytest.raises(EmailTaken):
        await users.create_custodial(CLINIC, "Jane@example.com")
    with pytest.raises(CustodialEmailTaken):
        await users.update_custodial(kim, "Jane@example.com")


async def test_the_address_of_a_custodial_account_changes_and_goes(users: LocalUsers) -> None:
    kim = await users.create_custodial(CLINIC, "kim@example.com")

    await users.update_custodial(kim, "k@example.com")
    assert await users.find("k@example.com") is not None
    assert await users.find("kim@example.com") is None

    for gone in (None, ""):
        await users.update_custodial(kim, gone)
        assert await users.find(kim) == User(kim, roles=("patient",))


async def test_an_account_that_is_not_there_cannot_be_updated(users: LocalUsers) -> None:
    with pytest.raises(UserNotFound):
        await users.update_custodial(UserId("0000000000"), None)
