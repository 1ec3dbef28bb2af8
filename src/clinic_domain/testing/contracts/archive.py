"""What every archive promises."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.copying import AT_ONCE, Archive, Kind, NotKept, Record, SigningKey, id_of
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts import (
    clinicians,
    clinics,
    ehr,
    invites,
    merging,
    outbox,
    patients,
)
from clinic_domain.testing.contracts.support import LONG_TEXT, clinic_of, keep, patient_of, remove
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_clinician_invite,
    a_message,
    a_migration,
    a_notification,
    a_patient,
    a_patient_invite,
    a_preorder,
    a_report_order,
    a_report_view,
    a_site,
    a_tag,
    a_token,
    a_user_id,
    an_account,
    an_enrollment_order,
    at,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import clinicians as any_clinician
from clinic_domain.testing.strategies import clinics as any_clinic
from clinic_domain.testing.strategies import patients as any_patient
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.users import Account, PatientProfile, Profile, User
from clinic_domain.values import InviteId, UserId

R = TypeVar("R")
Content = dict[Kind, list[Record]]

BY_SOMEBODY: Final = Deletion(A_MORNING + timedelta(hours=1), UserId("somebody"))
BY_NOBODY: Final = Deletion(A_MORNING)
"""Earlier than the other one, although it comes later in these tests."""

_AS_WRITTEN: Final = (
    Kind.ACCOUNTS,
    Kind.TOKENS,
    Kind.SIGNING_KEY,
    Kind.CLINIC_DELETIONS,
    Kind.CLINICIAN_DELETIONS,
    Kind.PATIENT_DELETIONS,
)
_EXAMPLES = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def everything() -> Content:
    """Return records of all kinds, every field with every kind of value that it can hold."""
    some_clinics = [a_clinic(**changes) for changes in clinics.CHANGES]
    home = some_clinics[0]
    members = [a_clinician(home, **changes) for changes in clinicians.CHANGES]
    people = [a_patient(home, **changes) for changes in patients.CHANGES]
    accounts = [*map(_an_account_of, NASTY_TEXTS), *_accounts()]
    message = a_message(meta=ehr.FULL_META, content=ehr.CONTENT)
    return {
        Kind.ACCOUNTS: [*accounts],
        Kind.TOKENS: [a_token(account) for account in (*accounts, accounts[0])],
        Kind.SIGNING_KEY: [SigningKey("a key 🔑")],
        Kind.CLINICS: [*some_clinics],
        Kind.CLINICIANS: [*members, a_clinician(some_clinics[1])],
        Kind.PATIENTS: [*people, a_patient(some_clinics[1])],
        Kind.INVITES: [
            *(a_clinician_invite(home, **changes) for changes in invites.CHANGES),
            *(a_patient_invite(home, **changes) for changes in invites.CHANGES_OF_PATIENTS),
            a_patient_invite(a_clinic()),
        ],
        Kind.NOTIFICATIONS: [a_notification(**changes) for changes in outbox.CHANGES],
        Kind.MIGRATIONS: [a_migration(home), a_migration(a_clinic(), status="")],
        Kind.MESSAGES: [message, a_message()],
        Kind.REPORT_ORDERS: [a_report_order(home), a_report_order(home, message_id=message.id)],
        Kind.PREORDERS: [*map(a_preorder, ehr.ENTRIES)],
        Kind.ENROLLMENT_ORDERS: [an_enrollment_order(), an_enrollment_order()],
        Kind.REPORT_VIEWS: [a_report_view(home), a_report_view(home, login="x")],
        Kind.CLINIC_DELETIONS: [*_removed([a_clinic(**each) for each in clinics.CHANGES])],
        Kind.CLINICIAN_DELETIONS: [*_removed([*members, a_clinician(a_clinic())])],
        Kind.PATIENT_DELETIONS: [*_removed([*people, a_patient(a_clinic())])],
        Kind.MERGE_RECORDS: [*merging.a_merge()[1], *merging.a_merge()[1]],
    }


def _an_account_of(name: str) -> Account:
    return an_account(profile=Profile(name, PatientProfile(name, name, name, (name, name))))


def _accounts() -> list[Account]:
    return [
        Account(User(a_user_id()), Profile(), A_MORNING),
        an_account("Zoë", created_time=A_MORNING - timedelta(days=1)),
        an_account("program", is_server=True, client_secret_hash="$argon2$…"),
        an_account(custodian=a_clinic().id, profile=Profile(LONG_TEXT)),
    ]


def _removed(records: Sequence[R]) -> list[DeletionRecord[R]]:
    """Return *records* as they were removed, by turns in this clinic and in that."""
    backwards = records[::-1]
    return [
        DeletionRecord(record, (BY_SOMEBODY, BY_NOBODY)[number % 2])
        for number, record in enumerate(backwards)
    ]


async def fill(archive: Archive[Record], content: Content) -> None:
    """Store all of *content*."""
    for kind in Kind:
        if content.get(kind):
            await archive.store(kind, content[kind])


async def content_of(archive: Archive[Record]) -> Content:
    """Return everything that is there."""
    return {kind: await scanned(archive, kind) for kind in Kind}


async def scanned(archive: Archive[Record], kind: Kind) -> list[Record]:
    """Return all records of a kind."""
    return [cast("Record", record) async for record in archive.scan(kind)]


def in_order(content: Content) -> Content:
    """Return *content* in the order in which archives yield it."""
    return {
        kind: content[kind] if kind in _AS_WRITTEN else sorted(content[kind], key=id_of)
        for kind in content
    }


class ArchiveContract:
    """
    What every Archive promises.

    Subclass it and provide the fixtures `storage` and `archive`, of one storage that is empty.
    """

    pytestmark = pytest.mark.anyio

    @pytest.fixture(scope="class")
    @classmethod
    def anyio_backend(cls) -> str:
        """Return the only event loop that storages have to work with."""
        return "asyncio"

    async def test_an_empty_storage_holds_nothing(self, archive: Archive[Record]) -> None:
        for kind in Kind:
            assert await archive.count(kind) == 0
            assert await scanned(archive, kind) == []

    async def test_everything_that_was_stored_comes_in_order(
        self, archive: Archive[Record]
    ) -> None:
        content = everything()

        await fill(archive, {kind: records[::-1] for kind, records in content.items()})

        stored = in_order({kind: records[::-1] for kind, records in content.items()})
        assert await content_of(archive) == stored
        assert [await archive.count(kind) for kind in Kind] == [len(stored[kind]) for kind in Kind]

    @given(records=st.tuples(any_clinic(), any_clinician(), any_patient()))
    @_EXAMPLES
    async def test_anything_comes_back(
        self, archive: Archive[Record], records: tuple[Clinic, Clinician, Patient]
    ) -> None:
        clinic, clinician, patient = records
        home = a_clinic()
        fresh: dict[str, Any] = {
            "id": home.id,
            "share_code": home.share_code,
            "share_codes": home.share_codes,
        }
        clinic = attrs.evolve(clinic, **fresh)
        clinician = attrs.evolve(clinician, id=a_clinician(home).id, clinic_id=home.id)
        patient = attrs.evolve(patient, id=a_patient(home).id, clinic_id=home.id)
        content: Content = {
            Kind.CLINICS: [clinic],
            Kind.CLINICIANS: [clinician],
            Kind.PATIENTS: [patient],
            Kind.CLINIC_DELETIONS: [DeletionRecord(clinic, BY_NOBODY)],
            Kind.CLINICIAN_DELETIONS: [DeletionRecord(clinician, BY_SOMEBODY)],
            Kind.PATIENT_DELETIONS: [DeletionRecord(patient, BY_NOBODY)],
        }

        await fill(archive, content)

        for kind, (record,) in content.items():
            # Examples share the storage; the ids of later ones are greater.
            assert (await scanned(archive, kind))[-1] == record

    async def test_repositories_find_what_was_stored(
        self, storage: Storage, archive: Archive[Record]
    ) -> None:
        content = everything()

        await fill(archive, content)

        for record in content[Kind.CLINICS]:
            assert isinstance(record, Clinic)
            assert await clinic_of(storage, record.id) == record
        for record in content[Kind.PATIENTS]:
            assert isinstance(record, Patient)
            assert await patient_of(storage, record.clinic_id, record.user_id) == record
        for record in content[Kind.ACCOUNTS]:
            assert isinstance(record, Account)
            assert await _account(storage, record.user.id) == record
        [key] = content[Kind.SIGNING_KEY]
        assert key == SigningKey(await storage.transaction(lambda tx: tx.accounts.signing_key("")))

    async def test_what_was_stored_is_counted(
        self, storage: Storage, archive: Archive[Record]
    ) -> None:
        tags, sites = (a_tag("a"), a_tag("b")), (a_site("a"), a_site("b"))
        clinic = a_clinic(tags=tags, sites=sites)
        source = DataSource("twiist", "connected")
        people: list[Record] = [
            a_patient(clinic, tags=(tags[0].id, tags[1].id), sites=at(sites[0])),
            a_patient(clinic, tags=(tags[0].id,), data_sources=(source,)),
            a_patient(clinic, sites=at(sites[0]), data_sources=(source, source)),
        ]

        await fill(archive, {Kind.CLINICS: [clinic], Kind.PATIENTS: people})

        view = await storage.read(lambda tx: tx.clinics.find_view(clinic.id))
        assert view is not None
        assert view.tag_patients == {tags[0].id: 2, tags[1].id: 1}
        assert {site: number for site, number in view.site_patients.items() if number} == {
            sites[0].id: 2
        }
        tally = await storage.read(lambda tx: tx.patients.tally(clinic.id))
        assert (tally.total, tally.outside_plan) == (3, 2)
        assert tally.providers["twiist"].total == 3
        page = await storage.read(lambda tx: tx.patients.page(PatientQuery(clinic.id)))
        assert page.total == 3

    async def test_what_use_cases_write_is_there(
        self, storage: Storage, archive: Archive[Record]
    ) -> None:
        homes = [a_clinic(), a_clinic()]
        members = [a_clinician(home) for home in homes]
        people = [a_patient(home) for home in homes]
        account = an_account()
        token = a_token(account)
        migration = a_migration(homes[0])
        message, report, preorder = a_message(), a_report_order(homes[0]), a_preorder()
        order, view = an_enrollment_order(), a_report_view(homes[0])

        sent, owed = a_patient_invite(homes[0]), a_notification()

        await keep(storage, *homes, *members, *people, migration, account, token, sent, owed)
        await keep(storage, message, report, preorder, order, view)
        await storage.transaction(lambda tx: tx.accounts.signing_key("key"))

        assert await content_of(archive) == {
            **{kind: [] for kind in Kind},
            Kind.ACCOUNTS: [account],
            Kind.TOKENS: [token],
            Kind.SIGNING_KEY: [SigningKey("key")],
            Kind.CLINICS: homes,
            Kind.CLINICIANS: members,
            Kind.PATIENTS: people,
            Kind.INVITES: [sent],
            Kind.NOTIFICATIONS: [owed],
            Kind.MIGRATIONS: [migration],
            Kind.MESSAGES: [message],
            Kind.REPORT_ORDERS: [report],
            Kind.PREORDERS: [preorder],
            Kind.ENROLLMENT_ORDERS: [order],
            Kind.REPORT_VIEWS: [view],
        }

    async def test_deletion_records_come_as_they_were_written(
        self, storage: Storage, archive: Archive[Record]
    ) -> None:
        """Whatever their clinics and times, and whoever wrote them."""
        homes = [a_clinic(), a_clinic()]
        people = [a_patient(homes[number % 2]) for number in range(6)]
        records = _removed(people)
        await keep(storage, *homes, *people)
        await archive.store(Kind.PATIENT_DELETIONS, records[:2])

        for record in records[2:]:
            await remove(storage, record.removed, record.deletion)

        assert await scanned(archive, Kind.PATIENT_DELETIONS) == records
        for home in homes:
            own = await storage.read(lambda tx, id_=home.id: tx.deletions.patients(id_))  # type: ignore[misc]  # the loop binds it
            assert list(own) == [each for each in records if each.removed.clinic_id == home.id]

    async def test_accounts_come_as_they_were_written(
        self, storage: Storage, archive: Archive[Record]
    ) -> None:
        """Whoever wrote them, and although they were changed meanwhile."""
        first, second, third = (an_account(created_time=BY_NOBODY.time) for _ in range(3))
        tokens = [a_token(first, expires_time=BY_SOMEBODY.time), a_token(second), a_token(first)]
        changed = attrs.evolve(first, profile=Profile("changed"))
        await archive.store(Kind.ACCOUNTS, [first, second])
        await archive.store(Kind.TOKENS, tokens[:2])

        await storage.transaction(lambda tx: tx.accounts.save(changed))
        await keep(storage, third, tokens[2])

        assert await scanned(archive, Kind.ACCOUNTS) == [changed, second, third]
        assert await scanned(archive, Kind.TOKENS) == tokens

    async def test_many_records_come_once_each(self, archive: Archive[Record]) -> None:
        home = a_clinic()
        members = [a_clinician(home) for _ in range(2 * AT_ONCE)]
        tokens = [a_token(an_account()) for _ in range(2 * AT_ONCE + 1)]

        await fill(
            archive,
            {Kind.CLINICS: [home], Kind.CLINICIANS: [*members], Kind.TOKENS: [*tokens]},
        )

        assert await scanned(archive, Kind.CLINICIANS) == members
        assert await scanned(archive, Kind.TOKENS) == tokens

    async def test_what_has_no_place_keeps_all_out(
        self, storage: Storage, archive: Archive[Record]
    ) -> None:
        home = a_clinic()
        member = a_clinician(home, invite_id=InviteId("key"))
        unique = a_patient(home, mrn="1", require_unique_mrn=True)
        account = an_account("alice@example.com")
        migration = a_migration(a_clinic())
        await keep(storage, home, member, unique, migration, account)
        before = await content_of(archive)

        for kind, clash in (
            (Kind.ACCOUNTS, an_account("Alice@Example.com")),
            (Kind.CLINICS, a_clinic(share_code=home.share_code, share_codes=home.share_codes)),
            (Kind.CLINICIANS, a_clinician(home, user_id=member.user_id)),
            (Kind.CLINICIANS, a_clinician(home, invite_id=member.invite_id)),
            (Kind.CLINICIANS, a_clinician(home, email=member.email)),
            (Kind.PATIENTS, a_patient(home, user_id=unique.user_id)),
            (Kind.PATIENTS, a_patient(home, mrn="1", require_unique_mrn=True)),
            (Kind.MIGRATIONS, a_migration(home, user_id=migration.user_id)),
        ):
            innocent: dict[Kind, Record] = {
                Kind.ACCOUNTS: an_account(),
                Kind.CLINICS: a_clinic(),
                Kind.CLINICIANS: a_clinician(home),
                Kind.PATIENTS: a_patient(home),
                Kind.MIGRATIONS: a_migration(home),
            }
            with pytest.raises(NotKept) as refusal:
                await archive.store(kind, [innocent[kind], cast("Record", clash)])

            assert all("Alice" not in str(reason) for reason in refusal.value.args)
            assert await content_of(archive) == before


async def _account(storage: Storage, user_id: UserId) -> Account | None:
    async def work(tx: Transaction) -> Account | None:
        return await tx.accounts.find(user_id)

    return await storage.read(work)
