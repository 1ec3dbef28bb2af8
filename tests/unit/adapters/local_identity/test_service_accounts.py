"""Programs that sign in at a stand-alone installation."""

import pytest

from adapters.local_identity import InvalidName, LocalAccounts, LocalServiceAccounts
from adapters.memory import MemoryStorage
from clinic_domain.users import CredentialsRefused, EmailTaken, Profile

pytestmark = pytest.mark.anyio


@pytest.fixture
def programs(storage: MemoryStorage) -> LocalServiceAccounts:
    return LocalServiceAccounts(storage)


async def test_a_program_signs_in_with_its_secret(
    programs: LocalServiceAccounts, accounts: LocalAccounts
) -> None:
    account, secret = await accounts.add_program("reports", Profile("Reports"))

    assert await programs.user_id_of("reports", secret) == account.user.id
    assert account.client_secret_hash is not None
    assert secret not in account.client_secret_hash


@pytest.mark.parametrize("secret", ["", "wrong", "é", "\ud800"])
async def test_a_wrong_secret_is_refused(
    programs: LocalServiceAccounts, accounts: LocalAccounts, secret: str
) -> None:
    await accounts.add_program("reports", Profile())

    with pytest.raises(CredentialsRefused):
        await programs.user_id_of("reports", secret)


async def test_a_user_is_no_program(
    programs: LocalServiceAccounts, accounts: LocalAccounts
) -> None:
    await accounts.add("jane@example.com", Profile())

    for client_id in ("jane@example.com", "nobody"):
        with pytest.raises(CredentialsRefused):
            await programs.user_id_of(client_id, "")


async def test_a_client_id_names_one_account(accounts: LocalAccounts) -> None:
    jane = await accounts.add("jane@example.com", Profile())
    await accounts.add_program("reports", Profile())

    for taken in ("Reports", "jane@example.com", jane.user.id):
        with pytest.raises(EmailTaken):
            await accounts.add_program(taken, Profile())
    with pytest.raises(InvalidName):
        await accounts.add_program("two words", Profile())
