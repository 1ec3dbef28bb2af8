"""How clinicians are kept and listed."""

from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from clinic_domain.clinicians.errors import ClinicianNotFound, DuplicateClinician, DuplicateEmail
from clinic_domain.clinicians.model import (
    AllCliniciansQuery,
    Clinician,
    ClinicianQuery,
    Role,
    RolesUpdate,
)
from clinic_domain.deletions import Deletion
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import (
    LONG_TEXT,
    all_clinicians,
    change,
    keep,
    remove,
)
from clinic_domain.testing.examples import a_clinic, a_clinician, a_user_id
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.values import ClinicId, InviteId, Page, UserId

LATER: Final = A_MORNING + timedelta(hours=1)

CHANGES: Final[tuple[dict[str, Any], ...]] = (
    {"updated_time": LATER},
    {"user_id": None},
    {"user_id": None, "invite_id": InviteId("a-b_c+d/e=")},
    {"invite_id": InviteId("schlüssel")},
    {"email": None},
    {"email": None, "is_service_account": True},
    {"name": ""},
    {"name": "Dr. Zoë 🩺"},
    {"roles": None},
    {"roles": ()},
    *({"roles": (role,)} for role in Role),
    {"roles": (Role.PRESCRIBER, Role.CLINIC_ADMIN)},
    {"roles": ("SOMETHING_ELSE",)},
    {
        "roles_updates": (
            RolesUpdate((Role.CLINIC_ADMIN,), "b"),
            RolesUpdate((), "a"),
            RolesUpdate((Role.CLINIC_ADMIN, Role.PRESCRIBER), "b"),
        )
    },
)
"""Changes of a plain member: every field with every kind of value that it can hold."""


class ClinicianContract:
    """Clinicians come back as they were stored, and within a clinic each is there once."""

    # One clinician

    async def test_nobody_knows_an_unknown_clinician(self, storage: Storage) -> None:
        clinic = a_clinic()
        stranger, elsewhere = a_clinician(clinic), a_clinician(a_clinic())
        await keep(storage, clinic, elsewhere)

        for user_id in (stranger.user_id, elsewhere.user_id):
            assert await _find(storage, clinic.id, user_id) is None
            with pytest.raises(ClinicianNotFound):
                await _get(storage, clinic.id, user_id)

    async def test_a_clinician_comes_back_as_it_was_added(self, storage: Storage) -> None:
        clinic = a_clinic()
        clinicians = [a_clinician(clinic, **changes) for changes in CHANGES]

        await keep(storage, clinic, *clinicians)

        assert _by_id(await all_clinicians(storage)) == _by_id(clinicians)

    async def test_a_clinician_comes_back_as_it_was_saved(self, storage: Storage) -> None:
        clinic = a_clinic()
        plain = a_clinician(clinic)
        await keep(storage, clinic, plain)
        for changes in CHANGES:
            changed = attrs.evolve(plain, **changes)

            await change(storage, plain, changed)
            assert await all_clinicians(storage) == (changed,)

            await change(storage, changed, plain)
            assert await all_clinicians(storage) == (plain,)

    async def test_texts_of_clinicians_come_back_letter_by_letter(self, storage: Storage) -> None:
        clinic = a_clinic()
        clinicians = [a_clinician(clinic, name=text) for text in (*NASTY_TEXTS, LONG_TEXT)]

        await keep(storage, clinic, *clinicians)

        for clinician in clinicians:
            assert await _find(storage, clinic.id, clinician.user_id) == clinician

    async def test_a_member_is_found_by_user_and_an_invite_by_its_key(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        member = a_clinician(clinic)
        invite = a_clinician(clinic, user_id=None, invite_id=InviteId("key"))
        await keep(storage, clinic, member, invite)

        assert await _find(storage, clinic.id, member.user_id) == member
        assert await _find_invited(storage, clinic.id, "key") == invite
        assert await _find(storage, clinic.id, UserId("key")) is None
        assert await _find_invited(storage, clinic.id, "KEY") is None
        assert await _find_invited(storage, a_clinic().id, "key") is None
        with pytest.raises(ClinicianNotFound):
            await storage.read(lambda tx: tx.clinicians.get_invited(clinic.id, InviteId("?")))

    async def test_an_invite_that_was_accepted_is_a_member_and_no_invite(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        invite = a_clinician(clinic, user_id=None, invite_id=InviteId("key"))
        await keep(storage, clinic, invite)
        member = attrs.evolve(invite, user_id=a_user_id(), invite_id=None)

        await change(storage, invite, member)

        assert await _find(storage, clinic.id, member.user_id) == member
        assert await _find_invited(storage, clinic.id, "key") is None

    async def test_a_user_can_be_in_several_clinics(self, storage: Storage) -> None:
        member = a_clinician(a_clinic())
        elsewhere = a_clinician(a_clinic(), user_id=member.user_id, email=member.email)

        await keep(storage, member, elsewhere)

        assert await _find(storage, member.clinic_id, member.user_id) == member
        assert await _find(storage, elsewhere.clinic_id, member.user_id) == elsewhere

    # Uniqueness

    @pytest.mark.parametrize("field", ["user_id", "invite_id", "email"])
    async def test_no_two_records_of_a_clinic_share(self, storage: Storage, field: str) -> None:
        """Neither when they are added nor when they are saved."""
        clinic = a_clinic()
        first = a_clinician(clinic, invite_id=InviteId("one"))
        second = a_clinician(clinic, invite_id=InviteId("two"))
        clash = {field: getattr(first, field)}
        await keep(storage, clinic, first, second)

        with pytest.raises(DuplicateClinician):
            await keep(storage, a_clinician(clinic, **clash))
        with pytest.raises(DuplicateClinician):
            await change(storage, second, attrs.evolve(second, **clash))

        assert _by_id(await all_clinicians(storage)) == _by_id([first, second])

    async def test_records_that_lack_something_do_not_share_it(self, storage: Storage) -> None:
        clinic = a_clinic()
        invites = [a_clinician(clinic, user_id=None, email=None) for _ in range(3)]

        await keep(storage, clinic, *invites)

        assert _by_id(await all_clinicians(storage)) == _by_id(invites)

    async def test_a_member_who_left_can_come_back(self, storage: Storage) -> None:
        clinic = a_clinic()
        first = a_clinician(clinic)
        again = a_clinician(clinic, user_id=first.user_id, email=first.email)
        await keep(storage, clinic, first)

        await remove(storage, first, Deletion(LATER))
        await keep(storage, again)

        assert await _find(storage, clinic.id, first.user_id) == again

    # Lists

    async def test_clinicians_are_listed_newest_first(self, storage: Storage) -> None:
        """Of those that were added at the same time, the one with the greater id comes first."""
        clinic = a_clinic()
        old, one, two, new = (
            a_clinician(clinic, created_time=A_MORNING + timedelta(milliseconds=ms))
            for ms in (0, 1, 1, 2)
        )
        await keep(storage, clinic, two, new, old, one, a_clinician(a_clinic()))

        assert await _of_clinic(storage, clinic.id) == [new, two, one, old]
        assert await _of_clinic(storage, clinic.id, page=Page(1, 2)) == [two, one]
        assert await _of_clinic(storage, clinic.id, page=Page(3, 2)) == [old]
        assert await _of_clinic(storage, clinic.id, page=Page(4, 2)) == []

    async def test_nobody_is_in_an_unknown_clinic(self, storage: Storage) -> None:
        await keep(storage, a_clinician(a_clinic()))

        assert await _of_clinic(storage, a_clinic().id) == []

    async def test_clinicians_are_listed_by_address_and_role(self, storage: Storage) -> None:
        clinic = a_clinic()
        admin = a_clinician(
            clinic, email="zoë@example.com", roles=(Role.PRESCRIBER, Role.CLINIC_ADMIN)
        )
        member = a_clinician(clinic, email="joe@example.com", roles=(Role.CLINIC_MEMBER,))
        nobody = a_clinician(clinic, email=None, roles=None)
        await keep(storage, clinic, nobody, member, admin)

        assert await _of_clinic(storage, clinic.id, email="joe@example.com") == [member]
        assert await _of_clinic(storage, clinic.id, email="JOE@Example.COM") == [member]
        assert await _of_clinic(storage, clinic.id, email="ZOË@example.com") == [admin]
        assert await _of_clinic(storage, clinic.id, email="joe") == []
        assert await _of_clinic(storage, clinic.id, role=Role.PRESCRIBER) == [admin]
        assert await _of_clinic(storage, clinic.id, role="CLINIC") == []
        both = await _of_clinic(storage, clinic.id, email="joe@example.com", role="PRESCRIBER")
        assert both == []

    async def test_a_search_finds_whole_words_of_names_and_addresses(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        zoe = a_clinician(clinic, name="Zoë Quick", email="zq@example.com")
        joe = a_clinician(clinic, name="Joe Quick Quick", email="joe@example.org")
        unnamed = a_clinician(clinic, name=None, email=None)
        await keep(storage, clinic, zoe, joe, unnamed)

        assert await _of_clinic(storage, clinic.id, search="ZOË") == [zoe]
        assert await _of_clinic(storage, clinic.id, search="org") == [joe]
        assert await _of_clinic(storage, clinic.id, search="quick") == [joe, zoe]
        assert await _of_clinic(storage, clinic.id, search="qui") == []
        assert await _of_clinic(storage, clinic.id, search="quick -joe") == [zoe]
        assert await _of_clinic(storage, clinic.id, search='"quick quick"') == [joe]
        page = Page(1, 1)
        assert await _of_clinic(storage, clinic.id, search="quick", page=page) == [zoe]

    async def test_a_search_keeps_to_the_other_conditions(self, storage: Storage) -> None:
        clinic = a_clinic()
        admin = a_clinician(clinic, name="Quick", roles=(Role.CLINIC_ADMIN,))
        member = a_clinician(clinic, name="Quick")
        elsewhere = a_clinician(a_clinic(), name="Quick", roles=(Role.CLINIC_ADMIN,))
        await keep(storage, clinic, admin, member, elsewhere)

        found = await _of_clinic(storage, clinic.id, search="quick", role=Role.CLINIC_ADMIN)
        assert found == [admin]

    async def test_clinicians_of_a_user_are_listed_newest_first(self, storage: Storage) -> None:
        user_id = a_user_id()
        old, one, two, new = (
            a_clinician(
                a_clinic(), user_id=user_id, created_time=A_MORNING + timedelta(milliseconds=ms)
            )
            for ms in (0, 1, 1, 2)
        )
        await keep(storage, one, new, two, old, a_clinician(old.clinic_id))

        async def of_user(page: Page) -> list[Clinician]:
            return list(await storage.read(lambda tx: tx.clinicians.of_user(user_id, page)))

        assert await of_user(Page(limit=None)) == [new, two, one, old]
        assert await of_user(Page(1, 2)) == [two, one]
        assert await storage.read(lambda tx: tx.clinicians.of_user(a_user_id())) == ()

    async def test_clinicians_of_all_clinics_are_listed_newest_first(
        self, storage: Storage
    ) -> None:
        times = [A_MORNING + timedelta(hours=hour) for hour in range(4)]
        clinicians = [a_clinician(a_clinic(), created_time=time) for time in times]
        admin = attrs.evolve(clinicians[2], roles=(Role.CLINIC_ADMIN,))
        clinicians[2] = admin
        await keep(storage, *clinicians)
        newest_first = clinicians[::-1]

        async def all_of(**conditions: Any) -> list[Clinician]:
            query = AllCliniciansQuery(**conditions)
            return list(await storage.read(lambda tx: tx.clinicians.all(query)))

        assert await all_of() == newest_first
        assert await all_of(page=Page(1, 2)) == newest_first[1:3]
        assert await all_of(created_from=times[1]) == newest_first[:3]
        assert await all_of(created_before=times[1]) == newest_first[3:]
        assert await all_of(created_from=times[1], created_before=times[3]) == newest_first[1:3]
        assert await all_of(role=Role.CLINIC_ADMIN) == [admin]

    # All records of a user or of a clinic

    async def test_an_address_changes_in_all_clinics_of_a_user(self, storage: Storage) -> None:
        user_id = a_user_id()
        here, there = (a_clinician(a_clinic(), user_id=user_id) for _ in range(2))
        colleague = a_clinician(here.clinic_id)
        await keep(storage, here, there, colleague)

        await storage.transaction(
            lambda tx: tx.clinicians.set_email(user_id, "new@example.com", LATER)
        )

        changed = (
            attrs.evolve(one, email="new@example.com", updated_time=LATER) for one in (here, there)
        )
        assert _by_id(await all_clinicians(storage)) == _by_id([*changed, colleague])

    async def test_an_address_that_somebody_else_has_in_one_clinic_changes_in_none(
        self, storage: Storage
    ) -> None:
        user_id = a_user_id()
        records = [a_clinician(a_clinic(), user_id=user_id) for _ in range(3)]
        colleague = a_clinician(records[1].clinic_id, email="taken@example.com")
        await keep(storage, *records, colleague)

        with pytest.raises(DuplicateEmail):
            await storage.transaction(
                lambda tx: tx.clinicians.set_email(user_id, "taken@example.com", LATER)
            )

        assert _by_id(await all_clinicians(storage)) == _by_id([*records, colleague])

    async def test_who_has_no_records_has_no_address_to_change(self, storage: Storage) -> None:
        clinician = a_clinician(a_clinic())
        await keep(storage, clinician)

        await storage.transaction(
            lambda tx: tx.clinicians.set_email(a_user_id(), clinician.email or "", LATER)
        )

        assert await all_clinicians(storage) == (clinician,)


def _by_id(clinicians: Any) -> dict[str, Clinician]:
    return {clinician.id: clinician for clinician in clinicians}


async def _find(storage: Storage, clinic_id: ClinicId, user_id: UserId | None) -> Clinician | None:
    return await storage.read(lambda tx: tx.clinicians.find(clinic_id, user_id or UserId("")))


async def _get(storage: Storage, clinic_id: ClinicId, user_id: UserId | None) -> Clinician:
    return await storage.read(lambda tx: tx.clinicians.get(clinic_id, user_id or UserId("")))


async def _find_invited(storage: Storage, clinic_id: ClinicId, key: str) -> Clinician | None:
    return await storage.read(lambda tx: tx.clinicians.find_invited(clinic_id, InviteId(key)))


async def _of_clinic(storage: Storage, clinic_id: ClinicId, **conditions: Any) -> list[Clinician]:
    query = ClinicianQuery(clinic_id, **conditions)
    return list(await storage.read(lambda tx: tx.clinicians.of_clinic(query)))
