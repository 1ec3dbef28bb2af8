"""A clinic keeps at least one admin: the rule as it shows in use cases."""

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest

from clinic_domain.clinicians.errors import LastAdmin
from clinic_domain.clinicians.model import NewClinician, Role
from clinic_domain.clinics.model import Clinic
from clinic_domain.testing.examples import a_clinic, a_clinician
from clinic_domain.values import InviteId, UserId
from support.world import SERVER, HesitantStorage, World, user

A, B, M = UserId("A"), UserId("B"), UserId("M")
ADMIN, MEMBER, PRESCRIBER = Role.CLINIC_ADMIN, Role.CLINIC_MEMBER, Role.PRESCRIBER
KEY = InviteId("key")

Change = Callable[[World, Clinic], Awaitable[object]]


@attrs.frozen
class Step:
    """Something that is done in a clinic."""

    name: str
    run: Change

    def __str__(self) -> str:
        return self.name


def delete(user_id: UserId) -> Step:
    return Step(
        f"delete {user_id}",
        lambda world, clinic: world.app.clinicians.delete(clinic.id, user_id, user(A)),
    )


def update(user_id: UserId, *roles: str) -> Step:
    return Step(
        f"make {user_id} {' and '.join(roles)}",
        lambda world, clinic: world.app.clinicians.update(
            clinic.id, user_id, "New Name", roles, user(A)
        ),
    )


def create(*roles: str, user_id: UserId | None = None, invite_id: InviteId | None = None) -> Step:
    new = NewClinician("new@example.com", roles, user_id, invite_id)
    return Step(
        f"create {user_id or invite_id} as {' and '.join(roles)}",
        lambda world, clinic: world.app.clinicians.create(clinic.id, new),
    )


def associate(user_id: UserId) -> Step:
    return Step(
        f"let {user_id} accept",
        lambda world, clinic: world.app.clinicians.associate(clinic.id, KEY, user_id),
    )


def add_program() -> Step:
    def run(world: World, clinic: Clinic) -> Awaitable[object]:
        world.service_accounts.accounts["id", "secret"] = UserId("program")
        return world.app.clinicians.add_service_account(clinic.id, "Program", "id", "secret")

    return Step("add a program", run)


async def a_clinic_with(
    world: World, admins: str, members: dict[UserId, Role], *, invite: Role | None = None
) -> Clinic:
    clinic = a_clinic(admins=tuple(admins))
    records = [
        a_clinician(clinic, user_id=user_id, roles=(role,)) for user_id, role in members.items()
    ]
    if invite:
        records.append(a_clinician(clinic, user_id=None, invite_id=KEY, roles=(invite,)))
    await world.has(clinic, *records)
    return clinic


@pytest.mark.parametrize(
    ("admins", "members", "invite", "step"),
    [
        ("A", {A: ADMIN}, None, delete(A)),
        ("A", {A: ADMIN}, None, update(A, MEMBER)),
        ("A", {A: ADMIN}, None, update(A, PRESCRIBER, MEMBER)),
        ("A", {A: ADMIN, M: MEMBER}, None, delete(A)),
        ("A", {A: ADMIN}, ADMIN, delete(A)),
        ("", {M: MEMBER}, None, update(M, MEMBER)),
        ("", {M: MEMBER}, None, delete(M)),
        ("", {}, None, create(MEMBER, user_id=M)),
        ("", {}, None, add_program()),
        ("", {}, MEMBER, associate(B)),
    ],
    ids=str,
)
async def test_what_leaves_a_clinic_without_admin_is_refused(
    world: World, admins: str, members: dict[UserId, Role], invite: Role | None, step: Step
) -> None:
    """And nothing of it is kept, no deletion record either (CLINICIAN-4, CLINICIAN-5)."""
    clinic = await a_clinic_with(world, admins, members, invite=invite)
    before = await world.clinicians(clinic)
    world.clock.advance()

    with pytest.raises(LastAdmin) as refusal:
        await step.run(world, clinic)

    assert str(refusal.value) == "constraint violation: the clinic must have at least one admin"
    assert await world.clinic(clinic) == clinic
    assert await world.clinicians(clinic) == before
    assert await world.removed_clinicians(clinic) == ()


@pytest.mark.parametrize(
    ("admins", "members", "invite", "step", "left"),
    [
        ("A", {A: ADMIN}, None, update(A, ADMIN, PRESCRIBER), "A"),
        ("A", {A: ADMIN, M: MEMBER}, None, delete(M), "A"),
        ("A", {A: ADMIN, M: MEMBER}, None, update(M, ADMIN), "AM"),
        ("A", {A: ADMIN}, None, create(MEMBER, user_id=M), "A"),
        ("A", {A: ADMIN}, None, create(ADMIN, user_id=B), "AB"),
        ("AB", {A: ADMIN, B: ADMIN}, None, delete(A), "B"),
        ("AB", {A: ADMIN, B: ADMIN}, None, update(A, MEMBER), "B"),
        ("A", {A: ADMIN}, ADMIN, associate(B), "AB"),
        ("A", {A: ADMIN}, MEMBER, associate(B), "A"),
        ("", {M: MEMBER}, None, update(M, ADMIN), "M"),
        ("", {}, None, create(ADMIN, user_id=B), "B"),
        ("", {}, ADMIN, associate(B), "B"),
    ],
    ids=str,
)
async def test_the_admins_of_a_clinic_follow_its_records(
    world: World,
    *,
    admins: str,
    members: dict[UserId, Role],
    invite: Role | None,
    step: Step,
    left: str,
) -> None:
    """The clinic is newer afterwards even if its admins are the same (CLINICIAN-6)."""
    clinic = await a_clinic_with(world, admins, members, invite=invite)
    now = world.clock.advance()

    await step.run(world, clinic)

    assert await world.clinic(clinic) == attrs.evolve(
        clinic, admins=tuple(map(UserId, left)), updated_time=now
    )


@pytest.mark.parametrize(
    "step", [create(ADMIN, invite_id=KEY), create(MEMBER, invite_id=KEY)], ids=str
)
async def test_a_clinic_without_admin_may_invite(world: World, step: Step) -> None:
    """An invite changes no admins, and so not the clinic (CLINICIAN-5, ADMIN-4)."""
    clinic = await a_clinic_with(world, "", {})
    world.clock.advance()

    await step.run(world, clinic)

    assert len(await world.clinicians(clinic)) == 1
    assert await world.clinic(clinic) == clinic


async def test_an_invite_may_be_withdrawn_from_a_clinic_without_admin(world: World) -> None:
    """Invites are outside of the rule (CLINICIAN-4)."""
    clinic = await a_clinic_with(world, "", {}, invite=ADMIN)

    await world.app.clinicians.delete_invited(clinic.id, KEY)

    assert await world.clinicians(clinic) == ()


async def test_a_removed_account_leaves_a_clinic_without_admin(world: World) -> None:
    """Who is removed everywhere is not asked for a successor (ADMIN-3, CLINICIAN-4)."""
    clinic = await a_clinic_with(world, "A", {A: ADMIN})
    now = world.clock.advance()

    await world.app.accounts.remove_everywhere(A, SERVER)

    orphan = await world.clinic(clinic)
    assert (orphan.admins, orphan.updated_time) == ((), now)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (delete(A), delete(B)),
        (update(A, MEMBER), update(B, MEMBER)),
        (delete(A), update(B, PRESCRIBER)),
    ],
    ids=str,
)
async def test_two_who_go_at_once_leave_one_admin(one: Step, other: Step) -> None:
    """Transactions that overlap end as if one had come after the other (CLINICIAN-7)."""
    world = World(storage=HesitantStorage())
    clinic = await a_clinic_with(world, "AB", {A: ADMIN, B: ADMIN})

    outcomes = await asyncio.gather(
        one.run(world, clinic), other.run(world, clinic), return_exceptions=True
    )

    records = await world.clinicians(clinic)
    assert [isinstance(outcome, LastAdmin) for outcome in outcomes] == [False, True]
    assert (await world.clinic(clinic)).admins == (B,)
    assert [record.user_id for record in records if record.is_admin] == [B]
