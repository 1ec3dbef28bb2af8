"""Clinicians in memory."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells, without
from adapters.memory.deletions import keep
from adapters.memory.paging import cut
from clinic_domain.clinicians.errors import ClinicianNotFound, DuplicateClinician, DuplicateEmail
from clinic_domain.clinicians.model import AllCliniciansQuery, Clinician, ClinicianQuery
from clinic_domain.clinicians.ports import ClinicianRepository
from clinic_domain.clinicians.search import ranked
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, Page, RecordId, UserId


@attrs.frozen
class MemoryClinicianRepository(ClinicianRepository):
    """The clinicians of a clinic by record, with an index by user over all clinics."""

    _cells: Cells

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Clinician | None:
        own = (one for one in self._of_clinic(clinic_id) if one.user_id == user_id)
        return next(own, None)

    async def find_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> Clinician | None:
        own = (one for one in self._of_clinic(clinic_id) if one.invite_id == invite_id)
        return next(own, None)

    async def of_clinic(self, query: ClinicianQuery) -> tuple[Clinician, ...]:
        matching = _newest_first(
            one for one in self._of_clinic(query.clinic_id) if _matches(one, query)
        )
        if query.search is not None:
            return cut(ranked(matching, query.search), query.page)
        return cut(matching, query.page)

    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Clinician, ...]:
        return cut(_newest_first(self._of_user(user_id)), page)

    async def all(self, query: AllCliniciansQuery) -> tuple[Clinician, ...]:
        clinic_ids = self._cells.read(layout.CLINICS_WITH_CLINICIANS)
        everybody = (one for clinic_id in clinic_ids for one in self._of_clinic(clinic_id))
        return cut(_newest_first(one for one in everybody if _is_among(one, query)), query.page)

    async def add(self, clinician: Clinician) -> None:
        self._store(clinician)

    async def save(self, clinician: Clinician, *, was: Clinician) -> None:
        stored = self._stored(was)
        if clinician.clinic_id != was.clinic_id:
            self._remove(stored, None)
        self._store(clinician)

    async def set_email(self, user_id: UserId, email: str, now: datetime) -> None:
        changed = [
            attrs.evolve(one, email=email, updated_time=now) for one in self._of_user(user_id)
        ]
        # Nothing is changed unless all can be.
        for clinician in changed:
            if self._clashes(clinician):
                raise DuplicateEmail(clinician.clinic_id)
        for clinician in changed:
            self._store(clinician)

    async def remove(self, clinician: Clinician, deletion: Deletion | None) -> None:
        self._remove(self._stored(clinician), deletion)

    async def remove_of_clinic(self, clinic_id: ClinicId, deletion: Deletion) -> None:
        for clinician in self._of_clinic(clinic_id):
            self._remove(clinician, deletion)

    # What is there

    def _of_clinic(self, clinic_id: ClinicId) -> tuple[Clinician, ...]:
        return tuple(self._cells.read(layout.clinicians(clinic_id)).values())

    def _of_user(self, user_id: UserId) -> tuple[Clinician, ...]:
        clinic_ids = self._cells.read(layout.clinics_of_clinician(user_id))
        everybody = (one for clinic_id in sorted(clinic_ids) for one in self._of_clinic(clinic_id))
        return tuple(one for one in everybody if one.user_id == user_id)

    def _stored(self, clinician: Clinician) -> Clinician:
        stored = self._cells.read(layout.clinicians(clinician.clinic_id)).get(clinician.id)
        if stored is None:
            raise ClinicianNotFound(clinician.clinic_id, clinician.id)
        return stored

    def _clashes(self, clinician: Clinician) -> bool:
        return any(
            other.id != clinician.id
            and (
                _are_same(other.user_id, clinician.user_id)
                or _are_same(other.invite_id, clinician.invite_id)
                or _are_same(other.email, clinician.email)
            )
            for other in self._of_clinic(clinician.clinic_id)
        )

    # Changes

    def _store(self, clinician: Clinician) -> None:
        if self._clashes(clinician):
            raise DuplicateClinician(clinician.clinic_id)
        cell = layout.clinicians(clinician.clinic_id)
        clinicians = self._cells.read(cell)
        self._unlist(clinicians.get(clinician.id))
        self._write(clinician.clinic_id, {**clinicians, clinician.id: clinician})
        if clinician.user_id is not None:
            clinics = layout.clinics_of_clinician(clinician.user_id)
            self._cells.write(clinics, self._cells.read(clinics) | {clinician.clinic_id})

    def _remove(self, clinician: Clinician, deletion: Deletion | None) -> None:
        self._unlist(clinician)
        clinicians = self._cells.read(layout.clinicians(clinician.clinic_id))
        self._write(clinician.clinic_id, without(clinicians, clinician.id))
        if deletion is not None:
            records = [DeletionRecord(clinician, deletion)]
            keep(self._cells, layout.removed_clinicians(clinician.clinic_id), records)

    def _unlist(self, clinician: Clinician | None) -> None:
        if clinician is not None and clinician.user_id is not None:
            clinics = layout.clinics_of_clinician(clinician.user_id)
            self._cells.write(clinics, self._cells.read(clinics) - {clinician.clinic_id})

    def _write(self, clinic_id: ClinicId, clinicians: Mapping[RecordId, Clinician]) -> None:
        self._cells.write(layout.clinicians(clinic_id), clinicians)
        clinic_ids = self._cells.read(layout.CLINICS_WITH_CLINICIANS)
        if (clinic_id in clinic_ids) != bool(clinicians):
            self._cells.write(layout.CLINICS_WITH_CLINICIANS, clinic_ids ^ {clinic_id})


def _are_same(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _newest_first(clinicians: Iterable[Clinician]) -> list[Clinician]:
    return sorted(clinicians, key=lambda one: (one.created_time, one.id), reverse=True)


def _matches(clinician: Clinician, query: ClinicianQuery) -> bool:
    return (query.email is None or query.email.lower() == clinician.email) and (
        query.role is None or query.role in (clinician.roles or ())
    )


def _is_among(clinician: Clinician, query: AllCliniciansQuery) -> bool:
    return (
        (query.created_from is None or query.created_from <= clinician.created_time)
        and (query.created_before is None or clinician.created_time < query.created_before)
        and (query.role is None or query.role in (clinician.roles or ()))
    )
