"""Invites: found by key, clinic, invitee, patient and address; changed alone or together."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import attrs
from hypothesis import HealthCheck, given, settings

from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.invites.rules import answered
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import LONG_TEXT, keep, pause, together
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician_invite,
    a_patient_invite,
    a_user_id,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import invites
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.values import ClinicId, InviteId, UserId

LATER: Final = A_MORNING + timedelta(hours=1)
_PENDING: Final = InviteStatus.PENDING
_EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

CHANGES: Final[Sequence[dict[str, Any]]] = (
    {},
    {"modified_time": None, "clinic_name": None, "email": ""},
    {"invitee_id": UserId("somebody"), "status": InviteStatus.COMPLETED, "modified_time": LATER},
    *({"email": text, "clinic_name": text or None} for text in NASTY_TEXTS),
    {"clinic_name": LONG_TEXT},
)
"""What invites of clinicians can hold."""

CHANGES_OF_PATIENTS: Final[Sequence[dict[str, Any]]] = (
    {},
    {"offer": {}, "status": InviteStatus.DECLINED, "modified_time": LATER},
    {"offer": {"view": {"until": "2030", "a": [1, 2.5, None, True, {"b": []}]}, "é<&>": {}}},
    {"offer": None, "expires_time": None},
    {"offer": {"$gt": {"a.b": ""}, "": {}}},
)
"""What invites of patients can hold."""


class InviteContract:
    """Invites come back as they were stored."""

    async def test_an_invite_comes_back_as_it_was_put(self, storage: Storage) -> None:
        clinic = a_clinic()
        stored = [
            *(a_clinician_invite(clinic, **changes) for changes in CHANGES),
            *(a_patient_invite(clinic, **changes) for changes in CHANGES_OF_PATIENTS),
            a_clinician_invite(clinic, id="a+key/of=old é"),
        ]
        await keep(storage, *stored)

        assert [await _found(storage, invite.id) for invite in stored] == stored
        assert await _found(storage, InviteId("unknown")) is None

    async def test_an_invite_that_is_put_again_is_replaced(self, storage: Storage) -> None:
        clinic = a_clinic()
        invites_ = [a_clinician_invite(clinic), a_patient_invite(clinic)]
        await keep(storage, *invites_)
        changed = [
            attrs.evolve(
                invites_[0],
                status=InviteStatus.DECLINED,
                modified_time=LATER,
                email="other@example.com",
                clinic_name=None,
                invitee_id=a_user_id(),
            ),
            attrs.evolve(invites_[1], status=InviteStatus.CANCELED, clinic_id=a_clinic().id),
        ]

        await keep(storage, *changed)

        assert [await _found(storage, invite.id) for invite in invites_] == changed

    @given(first=invites(), second=invites())
    @_EXAMPLES
    async def test_any_invite_comes_back_as_it_was_put(
        self, storage: Storage, first: Invite, second: Invite
    ) -> None:
        clinic = a_clinic()
        key = a_clinician_invite(clinic).id
        for invite in (first, second):
            put = attrs.evolve(invite, id=key, clinic_id=clinic.id)
            await keep(storage, put)

            assert await _found(storage, key) == put

    async def test_a_clinic_has_its_invites_newest_first(self, storage: Storage) -> None:
        clinic, other = a_clinic(), a_clinic()
        wanted = [a_patient_invite(clinic, created_time=_at(ms)) for ms in (3, 2, 1)]
        same_time = [a_patient_invite(clinic, created_time=_at(0)) for _ in range(3)]
        await keep(
            storage,
            *wanted[::-1],
            *same_time,
            a_patient_invite(other),
            a_clinician_invite(clinic),
            a_patient_invite(clinic, status=InviteStatus.DECLINED),
        )

        found = await storage.read(
            lambda tx: tx.invites.of_clinic(clinic.id, InviteKind.PATIENT, _PENDING)
        )

        by_key = sorted(same_time, key=lambda invite: invite.id, reverse=True)
        assert list(found) == [*wanted, *by_key]

    async def test_an_invitee_has_what_is_pending_newest_first(self, storage: Storage) -> None:
        """In all clinics; a patient's own invites are none of these."""
        user_id = a_user_id()
        wanted = [
            a_clinician_invite(a_clinic(), invitee_id=user_id, created_time=_at(ms))
            for ms in (2, 1)
        ]
        await keep(
            storage,
            *wanted[::-1],
            a_clinician_invite(a_clinic(), invitee_id=a_user_id()),
            a_clinician_invite(a_clinic(), invitee_id=user_id, status=InviteStatus.DECLINED),
            a_patient_invite(a_clinic(), creator_id=user_id),
        )

        assert list(await storage.read(lambda tx: tx.invites.of_invitee(user_id))) == wanted

    async def test_a_patient_has_what_was_sent_newest_first(self, storage: Storage) -> None:
        user_id = a_user_id()
        pending, declined, canceled = (
            a_patient_invite(a_clinic(), creator_id=user_id, status=status, created_time=_at(ms))
            for ms, status in enumerate(
                (_PENDING, InviteStatus.DECLINED, InviteStatus.CANCELED), start=1
            )
        )
        await keep(
            storage,
            pending,
            declined,
            canceled,
            a_patient_invite(a_clinic()),
            a_clinician_invite(a_clinic(), creator_id=user_id),
        )

        async def of(*statuses: InviteStatus) -> tuple[Invite, ...]:
            return await storage.read(lambda tx: tx.invites.of_creator(user_id, statuses))

        assert await of(_PENDING, InviteStatus.DECLINED) == (declined, pending)
        assert await of(_PENDING) == (pending,)
        assert await of(InviteStatus.COMPLETED) == ()

    async def test_invites_to_an_address_are_found_whatever_its_case(
        self, storage: Storage
    ) -> None:
        """Those that nobody is linked to and that are pending, and no similar address."""
        wanted = [
            a_clinician_invite(a_clinic(), email=email, created_time=_at(-ms))
            for ms, email in enumerate(("Zoë+1@Example.com", "ZOË+1@example.COM"))
        ]
        others = [
            a_clinician_invite(a_clinic(), email=email)
            for email in ("zoe+1@example.com", "zoëx1@example.com", " zoë+1@example.com", "")
        ]
        taken = a_clinician_invite(a_clinic(), email="zoë+1@example.com", invitee_id=a_user_id())
        over = a_clinician_invite(
            a_clinic(), email="zoë+1@example.com", status=InviteStatus.CANCELED
        )
        await keep(storage, *wanted[::-1], *others, taken, over, a_patient_invite(a_clinic()))

        for email in ("zoë+1@example.com", "ZOË+1@EXAMPLE.COM"):
            assert list(await storage.read(_unlinked(email))) == wanted
        assert await storage.read(_unlinked("zoë.1@example.com")) == ()

    async def test_the_invites_to_a_user_are_removed(self, storage: Storage) -> None:
        """Whatever their status; those that the user sent stay."""
        user_id = a_user_id()
        to_user = [
            a_clinician_invite(a_clinic(), invitee_id=user_id, status=status)
            for status in InviteStatus
        ]
        staying = [
            a_clinician_invite(a_clinic(), creator_id=user_id),
            a_clinician_invite(a_clinic(), invitee_id=a_user_id()),
            a_patient_invite(a_clinic(), creator_id=user_id),
        ]
        await keep(storage, *to_user, *staying)

        for _ in range(2):
            await storage.transaction(lambda tx: tx.invites.remove_of_invitee(user_id))

        assert [await _found(storage, invite.id) for invite in to_user] == [None] * len(to_user)
        assert [await _found(storage, invite.id) for invite in staying] == staying

    async def test_what_a_patient_sent_is_cancelled_while_it_is_pending(
        self, storage: Storage
    ) -> None:
        user_id = a_user_id()
        pending = [a_patient_invite(a_clinic(), creator_id=user_id) for _ in range(2)]
        staying = [
            a_patient_invite(a_clinic(), creator_id=user_id, status=InviteStatus.DECLINED),
            a_patient_invite(a_clinic()),
            a_clinician_invite(a_clinic(), creator_id=user_id),
        ]
        await keep(storage, *pending, *staying)

        await storage.transaction(lambda tx: tx.invites.cancel_of_creator(user_id, LATER))

        assert [await _found(storage, one.id) for one in pending] == _cancelled(pending)
        assert [await _found(storage, one.id) for one in staying] == staying

    async def test_all_that_is_pending_in_a_clinic_is_cancelled(self, storage: Storage) -> None:
        clinic = a_clinic()
        pending = [a_patient_invite(clinic), a_clinician_invite(clinic, invitee_id=a_user_id())]
        staying = [
            a_clinician_invite(clinic, status=InviteStatus.COMPLETED),
            a_patient_invite(a_clinic()),
        ]
        await keep(storage, *pending, *staying)

        await storage.transaction(lambda tx: tx.invites.cancel_of_clinic(clinic.id, LATER))

        assert [await _found(storage, one.id) for one in pending] == _cancelled(pending)
        assert [await _found(storage, one.id) for one in staying] == staying

    # Races

    async def test_of_many_who_send_at_once_one_does(self, storage: Storage) -> None:
        """Who found no invite in a clinic that was read first can rely on it (INVITE-7)."""
        clinic, user_id = a_clinic(), a_user_id()
        await keep(storage, clinic)

        async def send(tx: Transaction) -> bool:
            await tx.clinics.get(clinic.id)
            sent = await tx.invites.of_creator(user_id, [_PENDING])
            await pause()
            if not sent:
                await tx.invites.put(a_patient_invite(clinic, creator_id=user_id))
            return not sent

        done, refused = await together(*(storage.transaction(send) for _ in range(6)))

        assert (sorted(done), refused) == ([False] * 5 + [True], [])
        assert len(await _pending_of(storage, clinic.id)) == 1

    async def test_an_invite_is_answered_once(self, storage: Storage) -> None:
        """Whoever finds it answered leaves it, although the clinic is read only afterwards."""
        clinic = a_clinic()
        invite = a_clinician_invite(clinic, invitee_id=a_user_id())
        await keep(storage, clinic, invite)

        async def answer(status: InviteStatus, tx: Transaction) -> bool:
            found = await tx.invites.find(invite.id)
            await pause()
            await tx.clinics.find(clinic.id)
            if found is None or not found.is_pending:
                return False
            await tx.invites.put(answered(found, status, LATER))
            return True

        statuses = [InviteStatus.COMPLETED, InviteStatus.DECLINED, InviteStatus.CANCELED] * 2
        done, refused = await together(
            *(storage.transaction(partial(answer, status)) for status in statuses)
        )

        assert (sorted(done), refused) == ([False] * 5 + [True], [])

    async def test_nobody_answers_what_is_cancelled(self, storage: Storage) -> None:
        """As when a patient is removed everywhere while a clinic accepts the invite."""
        for _ in range(4):
            clinic, user_id = a_clinic(), a_user_id()
            invite = a_patient_invite(clinic, creator_id=user_id)
            await keep(storage, clinic, invite)

            async def accept(
                tx: Transaction, clinic_id: ClinicId = clinic.id, key: InviteId = invite.id
            ) -> bool:
                await tx.clinics.find(clinic_id)
                found = await tx.invites.find(key)
                await pause()
                if found is None or not found.is_pending:
                    return False
                await tx.invites.put(answered(found, InviteStatus.COMPLETED, LATER))
                return True

            async def cancel(tx: Transaction, user_id: UserId = user_id) -> bool:
                await tx.invites.cancel_of_creator(user_id, LATER)
                return False

            done, refused = await together(storage.transaction(accept), storage.transaction(cancel))

            left = await _found(storage, invite.id)
            assert refused == []
            assert left is not None
            assert left.status is (InviteStatus.COMPLETED if any(done) else InviteStatus.CANCELED)

    async def test_what_a_failed_transaction_put_is_not_there(self, storage: Storage) -> None:
        invite = a_patient_invite(a_clinic())

        async def work(tx: Transaction) -> None:
            await tx.invites.put(invite)
            raise LookupError

        with suppress(LookupError):
            await storage.transaction(work)

        assert await _found(storage, invite.id) is None
        assert await _pending_of(storage, invite.clinic_id) == ()


def _at(milliseconds: int) -> Any:
    return A_MORNING + timedelta(milliseconds=milliseconds)


def _cancelled(invites_: Sequence[Invite]) -> list[Invite]:
    return [
        attrs.evolve(invite, status=InviteStatus.CANCELED, modified_time=LATER)
        for invite in invites_
    ]


async def _found(storage: Storage, key: InviteId) -> Invite | None:
    return await storage.read(lambda tx: tx.invites.find(key))


def _unlinked(email: str) -> Any:
    return lambda tx: tx.invites.unlinked(email)


async def _pending_of(storage: Storage, clinic_id: ClinicId) -> tuple[Invite, ...]:
    return await storage.read(
        lambda tx: tx.invites.of_clinic(clinic_id, InviteKind.PATIENT, _PENDING)
    )
