"""Invites in MongoDB, beside confirmations of other kinds."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import attrs

from adapters.mongo.cursors import listed
from adapters.mongo.documents import Document
from adapters.mongo.indexes import CONFIRMATIONS, IGNORING_CASE
from adapters.mongo.invite_documents import OPTIONAL, OURS, TYPES, invite_document, invite_of
from adapters.mongo.scope import Scope
from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.invites.ports import InviteRepository
from clinic_domain.text import folded
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, UserId

_NEWEST_FIRST: Final = [("created", -1), ("_id", -1)]
_PENDING: Final = InviteStatus.PENDING.value


@attrs.frozen
class MongoInviteRepository(InviteRepository):
    """A document per invite; two transactions that write the same one meet there."""

    _scope: Scope

    async def find(self, key: InviteId) -> Invite | None:
        return await self._scope.one(CONFIRMATIONS, {"_id": key, **OURS}, invite_of)

    async def of_clinic(
        self, clinic_id: ClinicId, kind: InviteKind, status: InviteStatus
    ) -> tuple[Invite, ...]:
        return await self._where(
            {"clinicId": clinic_id, "type": TYPES[kind], "status": status.value}
        )

    async def of_invitee(self, user_id: UserId) -> tuple[Invite, ...]:
        return await self._where({**_to(user_id), "status": _PENDING})

    async def of_creator(
        self, user_id: UserId, statuses: Collection[InviteStatus]
    ) -> tuple[Invite, ...]:
        values = [status.value for status in statuses]
        return await self._where({**_by(user_id), "status": {"$in": values}})

    async def unlinked(self, email: str) -> tuple[Invite, ...]:
        found = await self._where(
            {
                "email": email,
                "type": TYPES[InviteKind.CLINICIAN],
                "clinicId": {"$exists": True},
                "status": _PENDING,
                "userId": "",
            },
            collation=IGNORING_CASE,
        )
        # The collation takes more for the same than the case of letters.
        return tuple(invite for invite in found if folded(invite.email) == folded(email))

    async def put(self, invite: Invite) -> None:
        await self._scope.store(CONFIRMATIONS, invite_document(invite), OPTIONAL)

    async def remove_of_invitee(self, user_id: UserId) -> None:
        to_a_clinic = {"userId": user_id, "clinicId": {"$exists": True}}
        between_persons = {
            "clinicId": {"$exists": False},
            "$or": [{"userId": user_id}, {"creatorId": user_id}],
        }
        for condition in (to_a_clinic, between_persons):
            await self._scope.delete(CONFIRMATIONS, condition)

    async def cancel_of_creator(self, user_id: UserId, now: datetime) -> None:
        await self._cancel(_by(user_id), now)

    async def cancel_of_clinic(self, clinic_id: ClinicId, now: datetime) -> None:
        await self._cancel({**OURS, "clinicId": clinic_id}, now)

    async def _where(self, condition: Document, **options: Any) -> tuple[Invite, ...]:
        cursor = self._scope.find(CONFIRMATIONS, condition, **options).sort(_NEWEST_FIRST)
        return await listed(cursor, EVERYTHING, invite_of)

    async def _cancel(self, condition: Document, now: datetime) -> None:
        change = {"$set": {"status": InviteStatus.CANCELED.value, "modified": now}}
        await self._scope.update_all(CONFIRMATIONS, {**condition, "status": _PENDING}, change)


def _to(user_id: UserId) -> Document:
    return {"userId": user_id, "type": TYPES[InviteKind.CLINICIAN], "clinicId": {"$exists": True}}


def _by(user_id: UserId) -> Document:
    return {"creatorId": user_id, "type": TYPES[InviteKind.PATIENT], "clinicId": {"$exists": True}}
