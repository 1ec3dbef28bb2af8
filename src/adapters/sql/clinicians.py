"""Clinicians in SQL."""

from datetime import datetime
from functools import cache
from typing import Any, Final

import attrs
import sqlalchemy as sa

from adapters.sql.changes import (
    BY_ID,
    Inserts,
    changed,
    circumstances,
    cut,
    following,
    insert_into,
    moved,
    settled,
    update,
    values_of,
)
from adapters.sql.dialects import texts_in
from adapters.sql.documents import (
    moment_of,
    number_of,
    number_or_none,
    reader_of,
    text_of,
    text_or_none,
    tuple_or_none,
    writer_of,
)
from adapters.sql.statements import Row, Session, Statement, UniqueViolation
from adapters.sql.tables import CLINICIAN_FIELDS, clinician_deletions, clinicians
from clinic_domain.clinicians.errors import ClinicianNotFound, DuplicateClinician, DuplicateEmail
from clinic_domain.clinicians.model import (
    AllCliniciansQuery,
    Clinician,
    ClinicianQuery,
    RolesUpdate,
)
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinicians.search import ranked
from clinic_domain.deletions import Deletion
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, Page, UserId

_read_updates = reader_of(tuple[RolesUpdate, ...])
_write_updates = writer_of(tuple[RolesUpdate, ...])


def clinician_of(row: Row) -> Clinician:
    """Return the clinician that a row of CLINICIAN_FIELDS stands for."""
    (
        id_,
        clinic_id,
        created_time,
        updated_time,
        user_id,
        invite_id,
        email,
        name,
        roles,
        roles_updates,
        is_service_account,
    ) = row
    return Clinician(
        id_,
        clinic_id,
        moment_of(created_time),
        moment_of(updated_time),
        user_id,
        invite_id,
        email,
        name,
        tuple_or_none(roles),
        _read_updates(roles_updates),
        bool(is_service_account),
    )


def row_of(clinician: Clinician) -> dict[str, Any]:
    return {
        "id": clinician.id,
        "clinic_id": clinician.clinic_id,
        "created_time": number_of(clinician.created_time),
        "updated_time": number_of(clinician.updated_time),
        "user_id": clinician.user_id,
        "invite_id": clinician.invite_id,
        "email": clinician.email,
        "name": clinician.name,
        "roles": text_or_none(clinician.roles),
        "roles_updates": _write_updates(clinician.roles_updates),
        "is_service_account": clinician.is_service_account,
    }


_FIELDS: Final = [clinicians.c[name] for name in CLINICIAN_FIELDS]
_by_id: Final = clinicians.c.id == sa.bindparam(BY_ID)
_of_clinic: Final = clinicians.c.clinic_id == sa.bindparam("which_clinic")
_of_user: Final = clinicians.c.user_id == sa.bindparam("which_user")

_FIND: Final = Statement(sa.select(*_FIELDS).where(_of_clinic, _of_user))
_FIND_INVITED: Final = Statement(
    sa.select(*_FIELDS).where(_of_clinic, clinicians.c.invite_id == sa.bindparam("which_invite"))
)
_INSERT: Final = insert_into(clinicians)
INSERTS: Final[Inserts] = ((_INSERT, lambda clinician: [row_of(clinician)]),)
FOLLOWING: Final = following(sa.select(*_FIELDS), clinicians.c.id)
_CLINICS_OF_USER: Final = Statement(sa.select(clinicians.c.clinic_id).where(_of_user))
_SET_EMAIL: Final = Statement(
    sa.update(clinicians)
    .where(_of_user, clinicians.c.clinic_id.in_(texts_in(sa.bindparam("clinics"))))
    .values(email=sa.bindparam("email"), updated_time=sa.bindparam("updated_time"))
)
_MOVE: Final = moved(clinician_deletions, sa.select(*circumstances(), *_FIELDS).where(_by_id))
_DELETE: Final = Statement(sa.delete(clinicians).where(_by_id))
_MOVE_OF_CLINIC: Final = moved(
    clinician_deletions,
    sa.select(*circumstances(), *_FIELDS).where(_of_clinic).order_by(clinicians.c.id),
)
_DELETE_OF_CLINIC: Final = Statement(sa.delete(clinicians).where(_of_clinic))

_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "which_clinic": _of_clinic,
    "which_user": _of_user,
    "which_email": clinicians.c.email == sa.bindparam("which_email"),
    "which_role": sa.bindparam("which_role").in_(
        texts_in(clinicians.c.roles).correlate(clinicians)
    ),
    "created_from": clinicians.c.created_time >= sa.bindparam("created_from"),
    "created_before": clinicians.c.created_time < sa.bindparam("created_before"),
}


@cache
def _newest_first(conditions: tuple[str, ...]) -> Statement:
    return Statement(
        sa.select(*_FIELDS)
        .where(*(_CONDITIONS[name] for name in conditions))
        .order_by(clinicians.c.created_time.desc(), clinicians.c.id.desc())
        .limit(sa.bindparam("limit"))
        .offset(sa.bindparam("offset"))
    )


@attrs.frozen
class SqlClinicianRepository(ClinicianRepository):
    """A row per record; three partial unique indexes keep users, invites and addresses apart."""

    _session: Session

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Clinician | None:
        await self._session.hold((clinic_id,))
        row = await self._session.first(_FIND, {"which_clinic": clinic_id, "which_user": user_id})
        return None if row is None else clinician_of(row)

    async def find_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> Clinician | None:
        await self._session.hold((clinic_id,))
        row = await self._session.first(
            _FIND_INVITED, {"which_clinic": clinic_id, "which_invite": invite_id}
        )
        return None if row is None else clinician_of(row)

    async def of_clinic(self, query: ClinicianQuery) -> tuple[Clinician, ...]:
        await self._session.hold((query.clinic_id,))
        conditions = {
            "which_clinic": query.clinic_id,
            "which_email": None if query.email is None else query.email.lower(),
            "which_role": query.role,
        }
        if query.search is None:
            return await self._list(conditions, query.page)
        # What matches better is not for a database to say; the members of one clinic are few.
        found = ranked(await self._list(conditions, EVERYTHING), query.search)
        end = None if query.page.limit is None else query.page.offset + query.page.limit
        return found[query.page.offset : end]

    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Clinician, ...]:
        return await self._list({"which_user": user_id}, page)

    async def all(self, query: AllCliniciansQuery) -> tuple[Clinician, ...]:
        conditions = {
            "created_from": number_or_none(query.created_from),
            "created_before": number_or_none(query.created_before),
            "which_role": query.role,
        }
        return await self._list(conditions, query.page)

    async def add(self, clinician: Clinician) -> None:
        await self._session.hold((clinician.clinic_id,))
        try:
            await self._session.run(_INSERT, row_of(clinician))
        except UniqueViolation:
            raise DuplicateClinician(clinician.clinic_id) from None

    async def save(self, clinician: Clinician, *, was: Clinician) -> None:
        columns = changed(row_of(clinician), row_of(was))
        await self._session.hold({clinician.clinic_id, was.clinic_id})
        try:
            is_there = await update(self._session, clinicians, clinician.id, columns)
        except UniqueViolation:
            raise DuplicateClinician(clinician.clinic_id) from None
        if not is_there:
            raise ClinicianNotFound(clinician.clinic_id, clinician.id)

    async def set_email(self, user_id: UserId, email: str, now: datetime) -> None:
        of_user = {"which_user": user_id}
        rows = await settled(self._session, _CLINICS_OF_USER, of_user, clinic=0)
        values = {
            **of_user,
            "clinics": text_of([row[0] for row in rows]),
            "email": email,
            "updated_time": number_of(now),
        }
        try:
            await self._session.run(_SET_EMAIL, values)
        except UniqueViolation:
            raise DuplicateEmail(user_id) from None

    async def remove(self, clinician: Clinician, deletion: Deletion | None) -> None:
        await self._session.hold((clinician.clinic_id,))
        if deletion is not None:
            await self._session.run(_MOVE, {BY_ID: clinician.id, **values_of(deletion)})
        if not await self._session.run(_DELETE, {BY_ID: clinician.id}):
            raise ClinicianNotFound(clinician.clinic_id, clinician.id)

    async def remove_of_clinic(self, clinic_id: ClinicId, deletion: Deletion) -> None:
        of_clinic = {"which_clinic": clinic_id}
        await self._session.hold((clinic_id,))
        await self._session.run(_MOVE_OF_CLINIC, {**of_clinic, **values_of(deletion)})
        await self._session.run(_DELETE_OF_CLINIC, of_clinic)

    async def _list(self, conditions: dict[str, Any], page: Page) -> tuple[Clinician, ...]:
        given = {name: value for name, value in conditions.items() if value is not None}
        statement = _newest_first(tuple(given))
        rows = await settled(self._session, statement, {**given, **cut(page)}, clinic=1)
        return tuple(map(clinician_of, rows))
