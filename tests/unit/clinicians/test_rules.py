"""Roles, their history, and how records of clinicians come about."""

from datetime import timedelta
from itertools import pairwise
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinicians.errors import DuplicateClinician, EmptyInviteId, EmptyUserId
from clinic_domain.clinicians.model import Clinician, NewClinician, Role, RolesUpdate
from clinic_domain.clinicians.rules import (
    creator_of_clinic,
    joined,
    leaves_no_admin,
    new_clinician,
    service_account,
    with_roles,
)
from clinic_domain.testing.examples import a_clinic, a_clinician
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import PatientProfile, Profile, User
from clinic_domain.values import ClinicId, InviteId, RecordId, UserId

LATER: Final = A_MORNING + timedelta(minutes=1)
CLINIC: Final = ClinicId("c" * 24)
RECORD: Final = RecordId("d" * 24)
ADMIN, MEMBER, PRESCRIBER = Role.CLINIC_ADMIN, Role.CLINIC_MEMBER, Role.PRESCRIBER
role_lists = st.lists(st.sampled_from([*Role]), unique=True).map(tuple)


# New records


def test_a_new_record_holds_what_is_known() -> None:
    new = NewClinician("A@B.org", (MEMBER,), user_id=UserId("u"), name="Alice")

    assert new_clinician(RECORD, CLINIC, new, LATER) == Clinician(
        id=RECORD,
        clinic_id=CLINIC,
        created_time=LATER,
        updated_time=LATER,
        user_id=UserId("u"),
        email="a@b.org",
        name="Alice",
        roles=(MEMBER,),
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("X@Y.Z", "x@y.z"),
        (" x@y.z ", " x@y.z "),
        ("ÄRZTIN@Klinik.de", "ärztin@klinik.de"),
        ("", ""),
    ],
)
def test_an_address_is_kept_in_lower_case(typed: str, kept: str) -> None:
    """It is not trimmed (CLINICIAN-3)."""
    new = NewClinician(typed, (MEMBER,), invite_id=InviteId("key"))

    assert new_clinician(RECORD, CLINIC, new, LATER).email == kept


def test_an_invite_has_a_key() -> None:
    """An empty key would never be found again (CLINICIAN-1)."""
    with pytest.raises(EmptyInviteId) as refusal:
        new_clinician(
            RECORD, CLINIC, NewClinician("a@b.c", (MEMBER,), invite_id=InviteId("")), LATER
        )

    assert str(refusal.value) == "bad request: inviteId must not be empty"


def test_a_program_is_a_member_without_address() -> None:
    account = new_clinician(RECORD, CLINIC, service_account(UserId("p"), "Program"), LATER)

    assert account.is_service_account
    assert (account.roles, account.email, account.name) == ((MEMBER,), None, "Program")


@pytest.mark.parametrize(
    ("profile", "name"),
    [(None, None), (Profile(), None), (Profile("Alice", PatientProfile("Bob")), "Alice")],
)
def test_the_creator_of_a_clinic_is_its_admin(profile: Profile | None, name: str | None) -> None:
    """The name is that of the account's owner."""
    user = User(UserId("u"), "login", ("first@b.c", "second@b.c"))

    assert creator_of_clinic(user, profile) == NewClinician(
        "first@b.c", (ADMIN,), user_id=user.id, name=name
    )


@given(role_lists)
def test_a_new_record_has_no_history(roles: tuple[str, ...]) -> None:
    """What somebody begins with is no change (CLINICIAN-8)."""
    new = NewClinician("a@b.c", roles, user_id=UserId("u"))

    assert new_clinician(RECORD, CLINIC, new, LATER).roles_updates == ()


# Roles


@pytest.mark.parametrize(
    ("roles", "is_admin", "may_read"),
    [
        (None, False, False),
        ((), False, False),
        ((PRESCRIBER,), False, False),
        ((MEMBER,), False, True),
        ((PRESCRIBER, MEMBER), False, True),
        ((ADMIN,), True, True),
        ((PRESCRIBER, ADMIN), True, True),
        (("clinic_admin",), False, False),
    ],
)
def test_roles_give_access(
    roles: tuple[str, ...] | None, *, is_admin: bool, may_read: bool
) -> None:
    """Whatever else is in the list (AUTHZ-3)."""
    clinician = a_clinician(CLINIC, roles=roles)

    assert (clinician.is_admin, clinician.may_read) == (is_admin, may_read)


@pytest.mark.parametrize(
    ("old", "new", "kept", "is_change"),
    [
        ((ADMIN,), (ADMIN, PRESCRIBER), (ADMIN, PRESCRIBER), True),
        ((ADMIN,), (PRESCRIBER, ADMIN), (PRESCRIBER, ADMIN), True),
        ((MEMBER, ADMIN), (PRESCRIBER, ADMIN), (ADMIN, PRESCRIBER), True),
        ((PRESCRIBER, ADMIN), (PRESCRIBER, ADMIN), (ADMIN, PRESCRIBER), False),
        ((ADMIN, PRESCRIBER), (PRESCRIBER, ADMIN), (ADMIN, PRESCRIBER), False),
        ((MEMBER,), (MEMBER,), (MEMBER,), False),
        ((MEMBER,), (ADMIN,), (ADMIN,), True),
        (None, (PRESCRIBER, MEMBER), (PRESCRIBER, MEMBER), True),
        (None, (), (), False),
    ],
)
def test_roles_are_replaced(
    old: tuple[str, ...] | None,
    new: tuple[str, ...],
    kept: tuple[str, ...],
    *,
    is_change: bool,
) -> None:
    """As many as before are sorted, and another set is history (CLINICIAN-8, CLINICIAN-9)."""
    before = RolesUpdate((PRESCRIBER,), "somebody")
    clinician = a_clinician(CLINIC, roles=old, roles_updates=(before,), name="Before")

    changed = with_roles(clinician, "After", new, "boss", LATER)

    assert changed == attrs.evolve(
        clinician,
        name="After",
        roles=kept,
        roles_updates=(before, RolesUpdate(kept, "boss")) if is_change else (before,),
        updated_time=LATER,
    )


@given(role_lists, st.lists(role_lists))
def test_history_tells_how_the_roles_came_about(
    first: tuple[str, ...], later: list[tuple[str, ...]]
) -> None:
    """The last entry is what the roles are, and no entry repeats the one before (CLINICIAN-8)."""
    clinician = a_clinician(CLINIC, roles=first)
    for roles in later:
        clinician = with_roles(clinician, None, roles, "boss", LATER)

    sets = [set(first), *(set(update.roles) for update in clinician.roles_updates)]
    assert set(clinician.roles or ()) == sets[-1] == set(later[-1] if later else first)
    assert all(one != next_ for one, next_ in pairwise(sets))


def test_a_name_that_is_left_out_is_gone() -> None:
    """Name and roles are replaced together."""
    clinician = a_clinician(CLINIC, name="Alice", roles=(MEMBER,))

    assert with_roles(clinician, None, (MEMBER,), "boss", LATER).name is None


# Accepted invites


INVITE: Final = a_clinician(
    CLINIC, user_id=None, invite_id="key", email="as@invited.org", name="As Invited", roles=(ADMIN,)
)


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        (None, "As Invited"),
        (Profile(), "As Invited"),
        (Profile(""), "As Invited"),
        (Profile("Own Name"), "Own Name"),
    ],
)
def test_an_accepted_invite_is_a_membership(profile: Profile | None, name: str) -> None:
    """Address and roles stay, a name of one's own is taken, the key is used up (CLINICIAN-1)."""
    assert joined(INVITE, UserId("u"), profile, LATER) == attrs.evolve(
        INVITE, user_id=UserId("u"), invite_id=None, name=name, updated_time=LATER
    )


def test_nobody_accepts_no_invite() -> None:
    with pytest.raises(EmptyUserId) as refusal:
        joined(INVITE, UserId(""), None, LATER)

    assert str(refusal.value) == "bad request: userId must not be empty"


def test_a_record_of_somebody_else_is_not_taken_over() -> None:
    """A record with a user and a key belongs to its user (CLINICIAN-2)."""
    taken = attrs.evolve(INVITE, user_id=UserId("owner"))

    with pytest.raises(DuplicateClinician):
        joined(taken, UserId("u"), None, LATER)
    assert joined(taken, UserId("owner"), None, LATER).invite_id is None


# Departures


@pytest.mark.parametrize(
    ("roles", "admins", "remaining", "is_left_alone"),
    [
        ((ADMIN,), ("u",), [], True),
        ((ADMIN,), ("u",), [{"roles": (MEMBER,)}], True),
        ((ADMIN,), ("u",), [{"roles": (ADMIN,), "user_id": None, "invite_id": "key"}], True),
        ((ADMIN,), ("u", "v"), [{"roles": (ADMIN,), "user_id": "v"}], False),
        ((MEMBER,), ("v",), [{"roles": (ADMIN,), "user_id": "v"}], False),
        ((MEMBER,), (), [], False),
        ((MEMBER,), ("u",), [], True),
        ((ADMIN,), (), [], True),
        (None, (), [{"roles": (MEMBER,)}], False),
    ],
)
def test_a_clinic_is_left_alone_by_its_only_admin(
    roles: tuple[str, ...] | None,
    admins: tuple[str, ...],
    remaining: list[dict[str, object]],
    *,
    is_left_alone: bool,
) -> None:
    """Members and invites that stay are no admins; a plain member leaves nobody (CLINICIAN-11)."""
    clinic = a_clinic(admins=admins)
    leaving = a_clinician(clinic, user_id="u", roles=roles)
    others = [a_clinician(clinic, **record) for record in remaining]

    assert leaves_no_admin(clinic, leaving, others) == is_left_alone
