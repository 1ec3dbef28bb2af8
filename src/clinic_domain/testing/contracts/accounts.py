"""Accounts and tokens of a stand-alone installation."""

from datetime import timedelta

import attrs
import pytest

from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import LONG_TEXT, keep
from clinic_domain.testing.examples import a_clinic, a_token, a_user_id, an_account
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.users import Account, EmailTaken, IssuedToken, PatientProfile, Profile, User


class AccountContract:
    """Accounts come back as they were stored; a name belongs to one of them."""

    async def test_an_account_comes_back_as_it_was_stored(self, storage: Storage) -> None:
        user_id = a_user_id()
        bare = Account(User(user_id), Profile(), A_MORNING)
        service = an_account("client", is_server=True, client_secret_hash="$argon2$…")
        custodial = an_account(custodian=a_clinic().id)
        full = Account(
            User(a_user_id(), "zoë@example.com", ("zoë@example.com", "z@b.c"), ("clinic", "")),
            Profile("Zoë 🩺", PatientProfile("", "2000-01-01", "é-1", ("b", "a"))),
            A_MORNING,
        )
        empty = Account(
            User(a_user_id(), "", (), ("",)),
            Profile("", PatientProfile(target_devices=())),
            A_MORNING,
        )
        accounts = [bare, service, custodial, full, empty]

        await keep(storage, *accounts)

        for account in accounts:
            assert await _find(storage, account) == account
        assert await storage.read(lambda tx: tx.accounts.find(a_user_id())) is None

    async def test_an_account_comes_back_as_it_was_saved(self, storage: Storage) -> None:
        account, other = an_account(), an_account()
        await keep(storage, account, other)
        user = User(account.user.id, "new@example.com", ("new@example.com",), ("clinic",))
        changed = attrs.evolve(account, user=user, profile=Profile(), custodian=None)

        await storage.transaction(lambda tx: tx.accounts.save(changed))

        assert await _find(storage, account) == changed
        assert await _find(storage, other) == other

    async def test_texts_of_accounts_come_back_letter_by_letter(self, storage: Storage) -> None:
        accounts = [an_account(profile=Profile(text)) for text in (*NASTY_TEXTS, LONG_TEXT)]

        await keep(storage, *accounts)

        for account in accounts:
            assert await _find(storage, account) == account

    async def test_an_account_is_found_by_its_name_in_any_case(self, storage: Storage) -> None:
        account = an_account("Zoë@Example.com")
        await keep(storage, account, an_account(), Account(User(a_user_id()), Profile(), A_MORNING))

        for name in ("Zoë@Example.com", "zoë@example.com", "ZOË@EXAMPLE.COM"):
            assert await _called(storage, name) == account
        for name in ("zoe@example.com", "zoë@example", "%", ""):
            assert await _called(storage, name) is None

    async def test_all_accounts_are_listed_in_the_order_of_their_creation(
        self, storage: Storage
    ) -> None:
        accounts = [
            an_account(created_time=A_MORNING + timedelta(milliseconds=ms)) for ms in range(3)
        ]
        await keep(storage, *accounts)

        changed = attrs.evolve(accounts[0], profile=Profile("Changed"))
        await storage.transaction(lambda tx: tx.accounts.save(changed))

        found = await storage.read(lambda tx: tx.accounts.all())
        assert found == (changed, accounts[1], accounts[2])

    async def test_no_two_accounts_have_one_name(self, storage: Storage) -> None:
        """Neither when they are added nor when they are saved, whatever the case."""
        account, other = an_account("Zoë@example.com"), an_account()
        await keep(storage, account, other)

        with pytest.raises(EmailTaken):
            await keep(storage, an_account("ZOË@EXAMPLE.COM"))
        user = attrs.evolve(other.user, username="zoë@example.com")
        greedy = attrs.evolve(other, user=user)
        with pytest.raises(EmailTaken):
            await storage.transaction(lambda tx: tx.accounts.save(greedy))

        assert await _find(storage, other) == other

    async def test_the_case_of_ones_own_name_can_change(self, storage: Storage) -> None:
        account = an_account("zoë@example.com")
        await keep(storage, account)
        changed = attrs.evolve(account, user=attrs.evolve(account.user, username="Zoë@example.com"))

        await storage.transaction(lambda tx: tx.accounts.save(changed))

        assert await _find(storage, account) == changed

    async def test_accounts_without_names_are_no_duplicates(self, storage: Storage) -> None:
        accounts = [Account(User(a_user_id()), Profile(), A_MORNING) for _ in range(2)]

        await keep(storage, *accounts)

        for account in accounts:
            assert await _find(storage, account) == account

    async def test_a_removed_account_takes_its_tokens_along(self, storage: Storage) -> None:
        """Its name is free, and to remove it again does nothing."""
        account, other = an_account("zoë@example.com"), an_account()
        token, kept = a_token(account), a_token(other)
        await keep(storage, account, other, token, kept)

        for _ in range(2):
            await storage.transaction(lambda tx: tx.accounts.remove(account.user.id))

        assert await _find(storage, account) is None
        assert await _token(storage, token.id) is None
        assert await storage.read(lambda tx: tx.accounts.tokens_of(account.user.id)) == ()
        assert await _token(storage, kept.id) == kept
        await keep(storage, an_account("zoë@example.com"))

    # Tokens

    async def test_a_token_comes_back_as_it_was_issued(self, storage: Storage) -> None:
        account, server = an_account(), an_account(is_server=True)
        tokens = [
            a_token(account, expires_time=A_MORNING + timedelta(days=30)),
            a_token(server, id="an id of any kind/é🩺"),
        ]

        await keep(storage, account, server, *tokens)

        for token in tokens:
            assert await _token(storage, token.id) == token
        assert await _token(storage, "unknown") is None

    async def test_tokens_of_a_user_are_listed_oldest_first(self, storage: Storage) -> None:
        account, other = an_account(), an_account()
        tokens = [
            a_token(account, issued_time=A_MORNING + timedelta(milliseconds=ms)) for ms in range(3)
        ]
        await keep(storage, account, other, *reversed(tokens), a_token(other))

        found = await storage.read(lambda tx: tx.accounts.tokens_of(account.user.id))

        assert list(found) == tokens

    async def test_a_revoked_token_is_gone(self, storage: Storage) -> None:
        account = an_account()
        token, kept = a_token(account), a_token(account)
        await keep(storage, account, token, kept)

        first = await storage.transaction(lambda tx: tx.accounts.remove_token(token.id))
        second = await storage.transaction(lambda tx: tx.accounts.remove_token(token.id))

        assert (first, second) == (True, False)
        assert await _token(storage, token.id) is None
        assert await storage.read(lambda tx: tx.accounts.tokens_of(account.user.id)) == (kept,)

    # The signing key

    async def test_the_first_candidate_becomes_the_signing_key(self, storage: Storage) -> None:
        first = await storage.transaction(lambda tx: tx.accounts.signing_key("first"))
        second = await storage.transaction(lambda tx: tx.accounts.signing_key("second"))

        assert (first, second) == ("first", "first")


async def _find(storage: Storage, account: Account) -> Account | None:
    return await storage.read(lambda tx: tx.accounts.find(account.user.id))


async def _called(storage: Storage, name: str) -> Account | None:
    return await storage.read(lambda tx: tx.accounts.find_by_email(name))


async def _token(storage: Storage, token_id: str) -> IssuedToken | None:
    return await storage.read(lambda tx: tx.accounts.find_token(token_id))
