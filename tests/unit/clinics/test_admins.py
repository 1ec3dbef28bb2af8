"""The admins of a clinic, which mirror its members with that role."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinicians.errors import LastAdmin
from clinic_domain.clinicians.rules import with_admins_of
from clinic_domain.clinics.rules import orphaned, with_admin, without_admin
from clinic_domain.testing.examples import a_clinic, a_clinician
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import UserId

LATER = A_MORNING + timedelta(minutes=1)
A, B = UserId("a"), UserId("b")
few_users = st.sampled_from([UserId(letter) for letter in "abcd"])


def test_an_admin_is_added_once() -> None:
    """Who is an admin already does not become one twice, but the clinic is newer (ADMIN-1)."""
    clinic = a_clinic(admins=("a",))

    once = with_admin(clinic, UserId("b"), LATER)

    assert once == attrs.evolve(clinic, admins=(A, B), updated_time=LATER)
    assert with_admin(once, UserId("b"), LATER) == once
    assert with_admin(clinic, UserId("a"), LATER).updated_time == LATER


def test_the_last_admin_stays() -> None:
    """Without him nobody could run the clinic (ADMIN-2)."""
    clinic = a_clinic(admins=("a", "b"))
    alone = without_admin(clinic, UserId("a"), LATER)

    assert alone == attrs.evolve(clinic, admins=(B,), updated_time=LATER)
    with pytest.raises(LastAdmin) as refusal:
        without_admin(alone, UserId("b"), LATER)
    assert str(refusal.value) == ("constraint violation: the clinic must have at least one admin")


def test_who_was_no_admin_leaves_the_admins_as_they_are() -> None:
    """The clinic is newer all the same (ADMIN-2)."""
    clinic = a_clinic(admins=("a",))

    assert without_admin(clinic, UserId("m"), LATER) == attrs.evolve(clinic, updated_time=LATER)


def test_a_clinic_without_admins_refuses_whoever_leaves() -> None:
    """Only the result counts, not who leaves (ADMIN-2, CLINICIAN-5)."""
    with pytest.raises(LastAdmin):
        without_admin(a_clinic(), UserId("m"), LATER)


def test_a_user_who_is_gone_orphans_a_clinic() -> None:
    """The removal of an account asks for no successor (ADMIN-3)."""
    clinic = a_clinic(admins=("a",))

    assert orphaned(clinic, UserId("a"), LATER) == attrs.evolve(
        clinic, admins=(), updated_time=LATER
    )


@pytest.mark.parametrize("roles", [("CLINIC_ADMIN",), ("CLINIC_MEMBER",), None])
def test_an_invite_touches_no_admins(roles: tuple[str, ...] | None) -> None:
    """Who has not accepted yet is nobody's admin, not even of a clinic without (ADMIN-4)."""
    clinic = a_clinic()
    invite = a_clinician(clinic, user_id=None, invite_id="key", roles=roles)

    assert with_admins_of(clinic, invite, LATER) == clinic


@pytest.mark.parametrize("roles", [("PRESCRIBER", "CLINIC_ADMIN"), ("CLINIC_ADMIN",)])
def test_whoever_has_the_role_is_an_admin(roles: tuple[str, ...]) -> None:
    """Other roles beside it make no difference (ADMIN-1)."""
    clinic = a_clinic(admins=("a",))
    member = a_clinician(clinic, user_id="b", roles=roles)

    assert with_admins_of(clinic, member, LATER).admins == ("a", "b")


@given(st.lists(st.tuples(st.booleans(), few_users)))
def test_any_sequence_of_changes_agrees_with_a_set(steps: list[tuple[bool, UserId]]) -> None:
    """Promotions and removals do to a clinic what they do to a set of users (ADMIN-1, ADMIN-2)."""
    clinic, model = a_clinic(admins=("a",)), {"a"}
    for is_promotion, user_id in steps:
        if is_promotion:
            clinic = with_admin(clinic, user_id, LATER)
            model.add(user_id)
        elif model - {user_id}:
            clinic = without_admin(clinic, user_id, LATER)
            model.discard(user_id)
        else:
            with pytest.raises(LastAdmin):
                without_admin(clinic, user_id, LATER)

        assert sorted(clinic.admins) == sorted(model)
