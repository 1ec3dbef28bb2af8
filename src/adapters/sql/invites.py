"""Invites in SQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import Inserts, following, insert_into, put_into, settled
from adapters.sql.documents import (
    moment_of,
    moment_or_none,
    number_of,
    number_or_none,
    text_or_none,
    value_of,
)
from adapters.sql.statements import Row, Session, Statement
from adapters.sql.tables import invites
from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.text import folded
from clinic_domain.values import ClinicId, InviteId, UserId


def invite_of(row: Row) -> Invite:
    """Return the invite that a row stands for."""
    (
        id_,
        kind,
        status,
        clinic_id,
        creator_id,
        created_time,
        modified_time,
        email,
        clinic_name,
        invitee_id,
        offer,
        expires_time,
    ) = row
    return Invite(
        id_,
        InviteKind(kind),
        InviteStatus(status),
        clinic_id,
        creator_id,
        moment_of(created_time),
        moment_or_none(modified_time),
        email,
        clinic_name,
        invitee_id,
        None if offer is None else value_of(offer),
        moment_or_none(expires_time),
    )


def row_of(invite: Invite) -> dict[str, Any]:
    return {
        "id": invite.id,
        "kind": invite.kind,
        "status": invite.status,
        "clinic_id": invite.clinic_id,
        "creator_id": invite.creator_id,
        "created_time": number_of(invite.created_time),
        "modified_time": number_or_none(invite.modified_time),
        "email": invite.email,
        "email_key": folded(invite.email),
        "clinic_name": invite.clinic_name,
        "invitee_id": invite.invitee_id,
        "offer": text_or_none(invite.offer),
        "expires_time": number_or_none(invite.expires_time),
    }


_FIELDS: Final = [column for column in invites.columns if column.name != "email_key"]
_CLINIC: Final = 3
"""Where among the fields the clinic is."""

_of_clinic: Final = invites.c.clinic_id == sa.bindparam("which_clinic")
_of_kind: Final = invites.c.kind == sa.bindparam("kind")
_in_status: Final = invites.c.status == sa.bindparam("status")
_of_invitee: Final = invites.c.invitee_id == sa.bindparam("which_user")
_of_creator: Final = invites.c.creator_id == sa.bindparam("which_user")


def _listed(*conditions: sa.ColumnElement[bool]) -> Statement:
    newest_first = (invites.c.created_time.desc(), invites.c.id.desc())
    return Statement(sa.select(*_FIELDS).where(*conditions).order_by(*newest_first))


def _cancelled(*conditions: sa.ColumnElement[bool]) -> Statement:
    values: dict[str, Any] = {
        "status": sa.bindparam("new_status"),
        "modified_time": sa.bindparam("now"),
    }
    return Statement(sa.update(invites).where(*conditions, _in_status).values(values))


_FIND: Final = _listed(invites.c.id == sa.bindparam("which_id"))
_OF_CLINIC: Final = _listed(_of_clinic, _of_kind, _in_status)
_OF_INVITEE: Final = _listed(_of_invitee, _of_kind)
_OF_CREATOR: Final = _listed(_of_creator, _of_kind)
_UNLINKED: Final = _listed(
    invites.c.email_key == sa.bindparam("which_email"),
    invites.c.invitee_id.is_(None),
    _of_kind,
    _in_status,
)
_PUT: Final = put_into(invites)
INSERTS: Final[Inserts] = ((insert_into(invites), lambda invite: [row_of(invite)]),)
FOLLOWING: Final = following(sa.select(*_FIELDS), invites.c.id)
_REMOVE_OF_INVITEE: Final = Statement(sa.delete(invites).where(_of_invitee, _of_kind))
_CANCEL_OF_CREATOR: Final = _cancelled(_of_creator, _of_kind)
_CANCEL_OF_CLINIC: Final = _cancelled(_of_clinic)


@attrs.frozen
class SqlInviteRepository(InviteRepository):
    """A row per invite; whoever reads one in a transaction holds its clinic."""

    _session: Session

    async def find(self, key: InviteId) -> Invite | None:
        found = await self._found(_FIND, which_id=key)
        return found[0] if found else None

    async def of_clinic(
        self, clinic_id: ClinicId, kind: InviteKind, status: InviteStatus
    ) -> tuple[Invite, ...]:
        await self._session.hold((clinic_id,))
        return await self._found(_OF_CLINIC, which_clinic=clinic_id, kind=kind, status=status)

    async def of_invitee(self, user_id: UserId) -> tuple[Invite, ...]:
        found = await self._found(_OF_INVITEE, which_user=user_id, kind=InviteKind.CLINICIAN)
        return tuple(invite for invite in found if invite.is_pending)

    async def of_creator(
        self, user_id: UserId, statuses: Collection[InviteStatus]
    ) -> tuple[Invite, ...]:
        found = await self._found(_OF_CREATOR, which_user=user_id, kind=InviteKind.PATIENT)
        return tuple(invite for invite in found if invite.status in statuses)

    async def unlinked(self, email: str) -> tuple[Invite, ...]:
        return await self._found(
            _UNLINKED,
            which_email=folded(email),
            kind=InviteKind.CLINICIAN,
            status=InviteStatus.PENDING,
        )

    async def put(self, invite: Invite) -> None:
        await self._session.hold((invite.clinic_id,))
        await self._session.run(_PUT, row_of(invite))

    async def remove_of_invitee(self, user_id: UserId) -> None:
        which = {"which_user": user_id, "kind": InviteKind.CLINICIAN}
        if await self._found(_OF_INVITEE, **which):
            await self._session.run(_REMOVE_OF_INVITEE, which)

    async def cancel_of_creator(self, user_id: UserId, now: datetime) -> None:
        which = {"which_user": user_id, "kind": InviteKind.PATIENT}
        if await self._found(_OF_CREATOR, **which):
            await self._session.run(_CANCEL_OF_CREATOR, {**which, **_cancelling(now)})

    async def cancel_of_clinic(self, clinic_id: ClinicId, now: datetime) -> None:
        await self._session.hold((clinic_id,))
        await self._session.run(_CANCEL_OF_CLINIC, {"which_clinic": clinic_id, **_cancelling(now)})

    async def _found(self, statement: Statement, **which: Any) -> tuple[Invite, ...]:
        rows = await settled(self._session, statement, which, clinic=_CLINIC)
        return tuple(map(invite_of, rows))


def _cancelling(now: datetime) -> dict[str, Any]:
    return {
        "status": InviteStatus.PENDING,
        "new_status": InviteStatus.CANCELED,
        "now": number_of(now),
    }
