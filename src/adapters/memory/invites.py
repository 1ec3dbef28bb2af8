"""Invites in memory."""

from collections.abc import Callable, Collection
from datetime import datetime

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.invites.rules import answered
from clinic_domain.text import folded
from clinic_domain.values import ClinicId, InviteId, UserId


@attrs.frozen
class MemoryInviteRepository(InviteRepository):
    """All invites share a cell."""

    _cells: Cells

    async def find(self, key: InviteId) -> Invite | None:
        return self._cells.read(layout.INVITES).get(key)

    async def of_clinic(
        self, clinic_id: ClinicId, kind: InviteKind, status: InviteStatus
    ) -> tuple[Invite, ...]:
        return self._where(
            lambda one: (one.clinic_id, one.kind, one.status) == (clinic_id, kind, status)
        )

    async def of_invitee(self, user_id: UserId) -> tuple[Invite, ...]:
        return self._where(lambda one: one.is_pending and _is_linked(one, user_id))

    async def of_creator(
        self, user_id: UserId, statuses: Collection[InviteStatus]
    ) -> tuple[Invite, ...]:
        return self._where(lambda one: _is_sent_by(one, user_id) and one.status in statuses)

    async def unlinked(self, email: str) -> tuple[Invite, ...]:
        wanted = folded(email)
        return self._where(
            lambda one: (
                one.kind is InviteKind.CLINICIAN
                and one.is_pending
                and one.invitee_id is None
                and folded(one.email) == wanted
            )
        )

    async def put(self, invite: Invite) -> None:
        self._put(invite)

    async def remove_of_invitee(self, user_id: UserId) -> None:
        invites = self._cells.read(layout.INVITES)
        staying = {key: one for key, one in invites.items() if not _is_linked(one, user_id)}
        if len(staying) < len(invites):
            self._cells.write(layout.INVITES, staying)

    async def cancel_of_creator(self, user_id: UserId, now: datetime) -> None:
        self._cancel(lambda one: _is_sent_by(one, user_id), now)

    async def cancel_of_clinic(self, clinic_id: ClinicId, now: datetime) -> None:
        self._cancel(lambda one: one.clinic_id == clinic_id, now)

    def _where(self, is_wanted: Callable[[Invite], bool]) -> tuple[Invite, ...]:
        found = filter(is_wanted, self._cells.read(layout.INVITES).values())
        return tuple(sorted(found, key=lambda one: (one.created_time, one.id), reverse=True))

    def _put(self, *invites: Invite) -> None:
        stored = self._cells.read(layout.INVITES)
        self._cells.write(layout.INVITES, {**stored, **{one.id: one for one in invites}})

    def _cancel(self, is_meant: Callable[[Invite], bool], now: datetime) -> None:
        pending = self._where(lambda one: one.is_pending and is_meant(one))
        if pending:
            self._put(*(answered(one, InviteStatus.CANCELED, now) for one in pending))


def _is_linked(invite: Invite, user_id: UserId) -> bool:
    return invite.kind is InviteKind.CLINICIAN and invite.invitee_id == user_id


def _is_sent_by(invite: Invite, user_id: UserId) -> bool:
    return invite.kind is InviteKind.PATIENT and invite.creator_id == user_id
