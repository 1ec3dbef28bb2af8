"""What may become of invites, and who may join."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.system import RandomInviteKeys
from clinic_domain.clinics.model import MembershipRestriction
from clinic_domain.invites.errors import InviteClosed, MayNotJoin
from clinic_domain.invites.model import Admission, Invite, InviteKind, InviteStatus
from clinic_domain.invites.rules import (
    admission,
    answered,
    blocks,
    concerns,
    granted,
    linked,
    moved,
    name_of,
    name_of_patient,
    owner_of,
    refuse_outsider,
    sent_again,
)
from clinic_domain.testing.examples import a_clinic, a_clinician_invite, a_patient_invite
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import emails, invites, membership_restrictions, offers
from clinic_domain.users import PatientProfile, Profile, User
from clinic_domain.values import ClinicId, UserId

LATER: Final = A_MORNING + timedelta(days=1)
PENDING, COMPLETED, CANCELED, DECLINED = InviteStatus

HOME: Final = a_clinic()
OKTA: Final = MembershipRestriction("example.com", "okta")
OPEN: Final = MembershipRestriction("example.com")


def test_a_key_is_32_characters_that_need_no_encoding() -> None:
    """Keys are drawn, so no two are the same (INVITE-1)."""
    keys = {RandomInviteKeys().new_key() for _ in range(100)}

    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}
    assert all(
        letter.isascii() and (letter.isalnum() or letter in "-_") for letter in "".join(keys)
    )


@pytest.mark.parametrize(
    ("kind", "status", "possible"),
    [
        (InviteKind.CLINICIAN, PENDING, {COMPLETED, CANCELED, DECLINED}),
        (InviteKind.PATIENT, PENDING, {COMPLETED, CANCELED, DECLINED}),
        (InviteKind.PATIENT, DECLINED, {CANCELED, DECLINED}),
        (InviteKind.CLINICIAN, DECLINED, set()),
        *((kind, status, set()) for kind in InviteKind for status in (COMPLETED, CANCELED)),
    ],
)
def test_what_may_become_of_an_invite(
    kind: InviteKind, status: InviteStatus, possible: set[InviteStatus]
) -> None:
    """A clinician's is answered once (INVITE-4); declined is not the end (INVITE-5)."""
    make = a_clinician_invite if kind is InviteKind.CLINICIAN else a_patient_invite
    invite = make(HOME, status=status)

    for new in InviteStatus:
        if new in possible:
            assert answered(invite, new, LATER) == attrs.evolve(
                invite, status=new, modified_time=LATER
            )
        else:
            with pytest.raises(InviteClosed):
                answered(invite, new, LATER)


class Life(RuleBasedStateMachine):
    """Whatever people try, and in whatever order, an invite stays what it was and ends once."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[InviteStatus] = [PENDING]
        self.first = self.invite = a_clinician_invite(HOME)

    @initialize(invite=invites())
    def send(self, invite: Invite) -> None:
        self.first = self.invite = attrs.evolve(invite, status=PENDING, modified_time=None)

    @rule(status=st.sampled_from(InviteStatus), later=st.integers(1, 1000))
    def answer(self, status: InviteStatus, later: int) -> None:
        now = self.first.created_time + timedelta(days=later)
        try:
            self.invite = answered(self.invite, status, now)
        except InviteClosed:
            return
        self.path.append(status)
        assert self.invite.modified_time == now

    @rule(user=st.sampled_from([UserId("a"), UserId("b")]))
    def link(self, user: UserId) -> None:
        self.invite = linked(self.invite, user)

    @invariant()
    def what_was_sent_stays(self) -> None:
        changed = attrs.evolve(
            self.invite,
            status=PENDING,
            modified_time=None,
            invitee_id=self.first.invitee_id,
        )
        assert changed == self.first

    @invariant()
    def the_end_is_the_end(self) -> None:
        assert self.path.count(PENDING) == 1
        assert not {COMPLETED, CANCELED} & set(self.path[:-1])
        assert self.first.kind is InviteKind.PATIENT or len(self.path) <= 2
        assert self.path[-1] is self.invite.status


TestLife = Life.TestCase


# Clinicians


def test_sending_again_keeps_key_age_and_sender() -> None:
    """Address, name and invitee are new; an invitee who was known stays (INVITE-11)."""
    invite = a_clinician_invite(HOME, invitee_id="u")
    renamed = attrs.evolve(HOME, details=attrs.evolve(HOME.details, name="Renamed"))
    again = sent_again(invite, renamed, "new@example.com", None, LATER)

    assert again == attrs.evolve(
        invite, email="new@example.com", clinic_name="Renamed", modified_time=LATER
    )
    assert sent_again(invite, HOME, "x", User(UserId("v")), LATER).invitee_id == "v"


def test_an_account_that_was_found_by_its_id_does_not_have_the_address() -> None:
    """Nobody gets an invite because his id was typed as an address (INVITE-3)."""
    user = User(UserId("1000000001"), "Zoë@example.com", ("zoë@example.com",))

    assert owner_of("ZOË@example.com", user) == user
    assert owner_of("1000000001", user) is None
    assert owner_of("zoë@example.com", None) is None


def test_an_invite_concerns_the_owner_of_the_first_address() -> None:
    """While it is pending and nobody is linked (INVITE-3)."""
    invite = a_clinician_invite(HOME, email="Jane@Example.com")

    assert concerns(invite, User(UserId("u"), emails=("jane@example.COM", "other@example.com")))
    assert not concerns(invite, User(UserId("u"), emails=("other@example.com", "jane@example.com")))
    assert not concerns(invite, User(UserId("u"), username="jane@example.com"))
    for taken in ({"invitee_id": "v"}, {"status": DECLINED}):
        assert not concerns(
            attrs.evolve(invite, **taken), User(UserId("u"), emails=("jane@example.com",))
        )
    assert not concerns(
        a_patient_invite(HOME, email="a@b.cd"), User(UserId("u"), emails=("a@b.cd",))
    )


@pytest.mark.parametrize(
    ("restrictions", "provider", "expected"),
    [
        ([], None, Admission(True)),
        ([OKTA], None, Admission(False, "okta")),
        ([OKTA], "OKTA", Admission(True)),
        ([OKTA], "google", Admission(False, "okta")),
        ([MembershipRestriction("other.com")], "okta", Admission(False)),
        ([OKTA, OPEN], None, Admission(False, "okta")),
        ([OPEN, OKTA], None, Admission(True)),
        ([MembershipRestriction("ample.com")], None, Admission(False)),
        ([MembershipRestriction("Example.COM")], None, Admission(True)),
        ([MembershipRestriction("")], None, Admission(False)),
    ],
)
def test_the_first_restriction_for_a_domain_decides(
    restrictions: Sequence[MembershipRestriction], provider: str | None, expected: Admission
) -> None:
    """As the examples of INVITE-10 and MEMB-1 have it."""
    assert admission(restrictions, "Third@example.com", provider) == expected


@given(st.lists(membership_restrictions()), emails(), st.none() | st.sampled_from(["okta", "x"]))
def test_whoever_is_refused_is_an_outsider(
    restrictions: list[MembershipRestriction], username: str, provider: str | None
) -> None:
    clinic = attrs.evolve(HOME, membership_restrictions=tuple(restrictions))
    decided = admission(restrictions, username, provider)

    assert decided.required_idp is None or not decided.can_accept
    if decided.can_accept:
        refuse_outsider(clinic, username, provider)
    else:
        with pytest.raises(MayNotJoin):
            refuse_outsider(clinic, username, provider)


def test_an_account_without_a_name_is_in_no_domain() -> None:
    assert admission([OPEN], None, "okta") == Admission(False)


# Patients


def test_an_invite_blocks_others_for_seven_days() -> None:
    """Expired ones stay pending all the same (INVITE-7, INVITE-8)."""
    invite = a_patient_invite(HOME)

    assert blocks(invite, A_MORNING + timedelta(days=7, milliseconds=-1))
    assert not blocks(invite, A_MORNING + timedelta(days=7))
    assert not blocks(attrs.evolve(invite, status=DECLINED), A_MORNING)
    assert invite.is_pending


@given(offers())
def test_three_permissions_take_effect_whatever_their_conditions(offer: dict[str, object]) -> None:
    """Nobody offers custody (INVITE-9)."""
    assert granted(a_patient_invite(HOME, offer=offer)) == {"view", "upload", "note"} & set(offer)


users = st.sampled_from([UserId(letter) for letter in "abc"])
few_invites = st.lists(
    invites(users=users, clinics=st.just(HOME.id)).filter(
        lambda invite: invite.kind is InviteKind.PATIENT
    ),
    max_size=6,
)


@given(few_invites, few_invites)
def test_of_a_patient_one_pending_invite_moves_at_most(
    here: list[Invite], there: list[Invite]
) -> None:
    """Where one is pending at the target already it stays, and those that cannot move are over."""
    target = ClinicId("f" * 24)
    pending = [invite for invite in here if invite.is_pending]
    result = moved(pending, there, target, LATER)

    came = [invite.creator_id for invite in result if invite.clinic_id == target]
    waiting = {invite.creator_id for invite in there if invite.is_pending}
    assert len(result) == len(pending)
    assert len(set(came)) == len(came)
    assert waiting.isdisjoint(came)
    assert waiting | set(came) >= {invite.creator_id for invite in pending}
    assert all(invite.status is CANCELED for invite in result if invite.clinic_id != target)


def test_people_are_called_by_their_names() -> None:
    child = Profile("Parent", PatientProfile("Child", is_other_person=True))

    assert name_of(Profile("Jane")) == "Jane"
    assert name_of(None) == name_of(Profile()) == name_of_patient(None) == "Tidepool User"
    assert name_of_patient(Profile("Jane", PatientProfile("Other"))) == "Jane"
    assert name_of_patient(child) == "Child"
    assert name_of_patient(Profile("P", PatientProfile(is_other_person=True))) == "Tidepool User"
