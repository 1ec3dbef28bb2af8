"""Clinicians in MongoDB."""

import re
from datetime import datetime
from typing import Any, Final

import attrs
from bson import ObjectId
from pymongo import DESCENDING

from adapters.mongo.changes import updates_between
from adapters.mongo.clinician_documents import (
    CLINICIAN_LAYOUT,
    clinician_document,
    clinician_of,
)
from adapters.mongo.cursors import listed
from adapters.mongo.deletions import Grave, move, move_one
from adapters.mongo.documents import Document, equal_to
from adapters.mongo.indexes import CLINICIAN_DELETIONS, CLINICIANS
from adapters.mongo.scope import Scope, refusals
from clinic_domain.clinicians.errors import ClinicianNotFound, DuplicateClinician, DuplicateEmail
from clinic_domain.clinicians.model import AllCliniciansQuery, Clinician, ClinicianQuery
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinicians.search import ranked
from clinic_domain.deletions import Deletion
from clinic_domain.errors import DomainError
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, Page, UserId

GRAVE: Final = Grave(CLINICIAN_DELETIONS, "clinician")

_UNIQUE_EMAIL: Final = "UniqueClinicMemberEmail"
_NEWEST_FIRST: Final = [("createdTime", DESCENDING), ("_id", DESCENDING)]


@attrs.frozen
class MongoClinicianRepository(ClinicianRepository):
    """One document per clinician; unique indexes guard users, invites and addresses."""

    _scope: Scope

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Clinician | None:
        condition = {"clinicId": equal_to(clinic_id), "userId": user_id}
        return await self._scope.one(CLINICIANS, condition, clinician_of)

    async def find_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> Clinician | None:
        condition = {"clinicId": equal_to(clinic_id), "inviteId": invite_id}
        return await self._scope.one(CLINICIANS, condition, clinician_of)

    async def of_clinic(self, query: ClinicianQuery) -> tuple[Clinician, ...]:
        condition: Document = {"clinicId": equal_to(query.clinic_id)}
        if query.email is not None:
            # Other programs stored some addresses as they were typed.
            condition["email"] = {"$regex": rf"\A{re.escape(query.email)}\z", "$options": "i"}
        if query.role is not None:
            condition["roles"] = query.role
        if query.search is None:
            return await self._listed(condition, query.page)
        # What a search means does not depend on the storage, and a clinic has few members.
        found = ranked(await self._listed(condition, EVERYTHING), query.search)
        end = None if query.page.limit is None else query.page.offset + query.page.limit
        return found[query.page.offset : end]

    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Clinician, ...]:
        return await self._listed({"userId": user_id}, page)

    async def all(self, query: AllCliniciansQuery) -> tuple[Clinician, ...]:
        condition: Document = {}
        created: dict[str, Any] = {}
        if query.created_from is not None:
            created["$gte"] = query.created_from
        if query.created_before is not None:
            created["$lt"] = query.created_before
        if created:
            condition["createdTime"] = created
        if query.role is not None:
            condition["roles"] = query.role
        return await self._listed(condition, query.page)

    async def add(self, clinician: Clinician) -> None:
        with refusals(_refusals_of(clinician)):
            await self._scope.insert(CLINICIANS, clinician_document(clinician))

    async def save(self, clinician: Clinician, *, was: Clinician) -> None:
        updates = updates_between(
            clinician_document(was), clinician_document(clinician), CLINICIAN_LAYOUT
        )
        if not updates:
            return
        with refusals(_refusals_of(clinician)):
            if not await self._scope.update(CLINICIANS, _identity(was), updates):
                raise ClinicianNotFound(clinician.clinic_id, clinician.id)

    async def set_email(self, user_id: UserId, email: str, now: datetime) -> None:
        with refusals({_UNIQUE_EMAIL: DuplicateEmail(user_id)}):
            await self._scope.update_all(
                CLINICIANS, {"userId": user_id}, {"$set": {"email": email, "updatedTime": now}}
            )

    async def remove(self, clinician: Clinician, deletion: Deletion | None) -> None:
        if not await self._remove(_identity(clinician), deletion):
            raise ClinicianNotFound(clinician.clinic_id, clinician.id)

    async def remove_of_clinic(self, clinic_id: ClinicId, deletion: Deletion) -> None:
        condition = {"clinicId": ObjectId(clinic_id)}
        await move(self._scope, CLINICIANS, condition, GRAVE, deletion)

    async def _listed(self, condition: Document, page: Page) -> tuple[Clinician, ...]:
        cursor = self._scope.find(CLINICIANS, condition).sort(_NEWEST_FIRST)
        return await listed(cursor, page, clinician_of)

    async def _remove(self, condition: Document, deletion: Deletion | None) -> bool:
        if deletion is not None:
            return await move_one(self._scope, CLINICIANS, condition, GRAVE, deletion)
        return await self._scope.delete(CLINICIANS, condition) > 0


def _identity(clinician: Clinician) -> Document:
    return {"_id": ObjectId(clinician.id), "clinicId": ObjectId(clinician.clinic_id)}


def _refusals_of(clinician: Clinician) -> dict[str, DomainError]:
    taken = DuplicateClinician(clinician.clinic_id)
    return dict.fromkeys(("UniqueClinicianUserId", "UniqueInviteId", _UNIQUE_EMAIL), taken)
