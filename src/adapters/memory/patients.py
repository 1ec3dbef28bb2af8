"""Patients in memory."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cell, Cells
from adapters.memory.deletions import keep
from adapters.memory.paging import cut
from clinic_domain.clinics.model import Site
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.patients.errors import DuplicatePatient, MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import (
    DataSource,
    EhrPatientQuery,
    Patient,
    PatientSearch,
    PatientSite,
    PatientWalk,
    Tally,
)
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.patients.queries import (
    PatientMatches,
    PatientPage,
    PatientQuery,
    arranged,
    matches,
)
from clinic_domain.patients.rules import sends_reports, tally_of
from clinic_domain.patients.summaries import Stats, Summary, SummaryKind
from clinic_domain.text import collation_key
from clinic_domain.values import EVERYTHING, ClinicId, Page, RecordId, SiteId, TagId, UserId

Change = Callable[[Patient], Patient]


@attrs.frozen
class MemoryPatientRepository(PatientRepository):
    """The patients of a clinic by user; indexes by user over all clinics and by MRN within one."""

    _cells: Cells

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Patient | None:
        return self._find(clinic_id, user_id)

    async def matches(self, query: PatientQuery) -> PatientMatches:
        patients = self._of_clinic(query.clinic_id)
        found = arranged((each for each in patients if matches(each, query)), query.order)
        ids = tuple(patient.id for patient in cut(found, query.page))
        return PatientMatches(ids, len(found), len(patients))

    async def with_ids(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> tuple[Patient, ...]:
        patients = {patient.id: patient for patient in self._of_clinic(clinic_id)}
        return tuple(patients[record_id] for record_id in ids if record_id in patients)

    async def search(self, search: PatientSearch) -> tuple[Patient, ...]:
        mrn, birth_date = _key(search.mrn), _key(search.birth_date)
        name = _key(search.full_name)
        found = _by_name(
            patient
            for clinic_id in set(search.clinic_ids)
            for patient in self._of_clinic(clinic_id)
            if (mrn is None or mrn == _key(patient.mrn))
            and (birth_date is None or birth_date == _key(patient.birth_date))
            and (name is None or name == _key(patient.full_name or ""))
        )
        return cut(found, search.page)

    async def walk(self, walk: PatientWalk) -> tuple[Patient, ...]:
        everybody = (
            patient for clinic_id in set(walk.clinic_ids) for patient in self._of_clinic(clinic_id)
        )
        found = sorted((one for one in everybody if _is_met(one, walk)), key=lambda one: one.id)
        return tuple(found[: walk.limit])

    async def by_mrn(self, query: EhrPatientQuery) -> PatientPage:
        patients = self._of_clinic(query.clinic_id)
        matching = [patient for patient in patients if _is_wanted(patient, query)]
        matching.sort(key=lambda patient: (patient.mrn or "", patient.id))
        return PatientPage(cut(matching, query.page), len(matching), len(patients))

    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Patient, ...]:
        return cut(_by_name(self._of_user(user_id)), page)

    async def with_mrn(self, clinic_id: ClinicId, mrn: str) -> tuple[Patient, ...]:
        patients = self._cells.read(layout.patients(clinic_id))
        holders = self._cells.read(layout.patients_with(clinic_id, collation_key(mrn)))
        return tuple(patients[user_id] for user_id in sorted(holders)[:2])

    async def some_of_clinic(self, clinic_id: ClinicId, limit: int) -> tuple[Patient, ...]:
        return self._of_clinic(clinic_id)[:limit]

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Patient, ...]:
        return tuple(sorted(self._of_clinic(clinic_id), key=lambda patient: patient.id))

    async def tally(self, clinic_id: ClinicId) -> Tally:
        return tally_of(self._of_clinic(clinic_id))

    async def add(self, patient: Patient) -> None:
        if self._find(patient.clinic_id, patient.user_id):
            raise DuplicatePatient(patient.clinic_id, patient.user_id)
        self._store(patient)

    async def save(self, patient: Patient, *, was: Patient) -> None:
        self._stored(patient)
        self._store(patient)

    async def save_all(self, changes: Sequence[tuple[Patient, Patient]]) -> None:
        changed = [_as_stored(new, was, self._stored(was)) for new, was in changes]
        self._leave([was for new, was in changes if new.clinic_id != was.clinic_id])
        for (_, was), new in zip(changes, changed, strict=True):
            if new.clinic_id != was.clinic_id and self._find(new.clinic_id, new.user_id):
                raise DuplicatePatient(new.clinic_id, new.user_id)
        for clinic_id, of_clinic in _by_clinic(changed).items():
            cell = layout.patients(clinic_id)
            others = self._cells.read(cell)
            self._cells.write(cell, {**others, **of_clinic})
        for patient in changed:
            self._list_clinic(patient)
            self._list_mrn(patient)
            self._list_summary(patient)
            self._refuse_taken_mrn(patient)

    async def remove(self, patient: Patient, deletion: Deletion) -> None:
        self._remove([self._stored(patient)], deletion)

    async def forget_all(self, patients: Sequence[Patient]) -> None:
        self._leave([self._stored(patient) for patient in patients])

    async def remove_of_user(self, user_id: UserId, deletion: Deletion) -> tuple[ClinicId, ...]:
        patients = self._of_user(user_id)
        self._remove(patients, deletion)
        return tuple(patient.clinic_id for patient in patients)

    async def remove_non_custodial(self, clinic_id: ClinicId, deletion: Deletion) -> int:
        patients = [patient for patient in self._of_clinic(clinic_id) if not patient.is_custodial]
        self._remove(patients, deletion)
        return len(patients)

    async def set_email(self, user_id: UserId, email: str | None, now: datetime) -> None:
        self._change(
            self._of_user(user_id), lambda patient: attrs.evolve(patient, email=email), now
        )

    async def set_data_sources(
        self, user_id: UserId, data_sources: tuple[DataSource, ...], now: datetime
    ) -> tuple[ClinicId, ...]:
        patients = self._of_user(user_id)
        self._change(
            patients, lambda patient: attrs.evolve(patient, data_sources=data_sources), now
        )
        return tuple(patient.clinic_id for patient in patients)

    async def set_summary(
        self, user_id: UserId, cgm: Stats | None, bgm: Stats | None, now: datetime
    ) -> int:
        return self._resummarise(
            self._of_user(user_id), lambda patient: _with_stats(patient, cgm, bgm, now)
        )

    async def remove_summary(self, user_id: UserId, now: datetime) -> int:
        return self._resummarise(
            self._of_user(user_id),
            lambda patient: attrs.evolve(patient, summary=None, updated_time=now),
        )

    async def remove_stats(self, summary_id: str) -> int:
        holders = self._cells.read(layout.patients_with_summary(summary_id))
        found = (self._find(clinic_id, user_id) for clinic_id, user_id in sorted(holders))
        return self._resummarise(
            [patient for patient in found if patient],
            lambda patient: _without_stats(patient, summary_id),
        )

    async def add_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        self._change(
            self._some(clinic_id, user_ids), lambda patient: _with_tag(patient, tag_id), now
        )

    async def remove_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        self._change(
            self._some(clinic_id, user_ids), lambda patient: _without_tag(patient, tag_id), now
        )

    async def rename_site(self, clinic_id: ClinicId, site: Site, now: datetime) -> None:
        self._change(self._of_clinic(clinic_id), lambda patient: _renamed(patient, site), now)

    async def remove_site(self, clinic_id: ClinicId, site_id: SiteId, now: datetime) -> None:
        self._change(
            self._of_clinic(clinic_id), lambda patient: _without_site(patient, site_id), now
        )

    async def move_site(
        self, clinic_id: ClinicId, source: SiteId, target: Site, now: datetime
    ) -> None:
        self._change(
            [patient for patient in self._of_clinic(clinic_id) if _has_site(patient, source)],
            lambda patient: _without_site(_with_site(patient, target), source),
            now,
        )

    async def tag_to_site(
        self, clinic_id: ClinicId, tag_id: TagId, site: Site, now: datetime
    ) -> None:
        self._change(
            [patient for patient in self._of_clinic(clinic_id) if tag_id in (patient.tags or ())],
            lambda patient: _without_tag(_with_site(patient, site), tag_id),
            now,
        )

    # What is there

    def _find(self, clinic_id: ClinicId, user_id: UserId) -> Patient | None:
        return self._cells.read(layout.patients(clinic_id)).get(user_id)

    def _stored(self, patient: Patient) -> Patient:
        stored = self._find(patient.clinic_id, patient.user_id)
        if not stored:
            raise PatientNotFound(patient.clinic_id, patient.user_id)
        return stored

    def _of_clinic(self, clinic_id: ClinicId) -> tuple[Patient, ...]:
        return tuple(self._cells.read(layout.patients(clinic_id)).values())

    def _of_user(self, user_id: UserId) -> tuple[Patient, ...]:
        clinic_ids = self._cells.read(layout.clinics_of_patient(user_id))
        found = (self._find(clinic_id, user_id) for clinic_id in sorted(clinic_ids))
        return tuple(patient for patient in found if patient)

    def _some(
        self, clinic_id: ClinicId, user_ids: Collection[UserId] | None
    ) -> tuple[Patient, ...]:
        if user_ids is None:
            return self._of_clinic(clinic_id)
        found = (self._find(clinic_id, user_id) for user_id in dict.fromkeys(user_ids))
        return tuple(patient for patient in found if patient)

    # Changes

    def _change(self, patients: Iterable[Patient], change: Change, now: datetime) -> None:
        """Store who comes out changed; names, numbers and clinics stay, so the indexes do."""
        pairs = ((patient, change(patient)) for patient in patients)
        changed = [attrs.evolve(new, updated_time=now) for old, new in pairs if new != old]
        for clinic_id, of_clinic in _by_clinic(changed).items():
            cell = layout.patients(clinic_id)
            unchanged = self._cells.read(cell)
            self._cells.write(cell, {**unchanged, **of_clinic})

    def _resummarise(self, patients: Collection[Patient], change: Change) -> int:
        for patient in patients:
            self._store(change(patient))
        return len(patients)

    def _store(self, patient: Patient) -> None:
        self._refuse_taken_mrn(patient)
        cell = layout.patients(patient.clinic_id)
        patients = self._cells.read(cell)
        self._unlist(patients.get(patient.user_id))
        self._list_mrn(patient)
        self._list_summary(patient)
        self._list_clinic(patient)
        self._cells.write(cell, {**patients, patient.user_id: patient})

    def _remove(self, patients: Collection[Patient], deletion: Deletion) -> None:
        self._leave(patients)
        for clinic_id, leaving in _by_clinic(patients).items():
            records = [DeletionRecord(patient, deletion) for patient in leaving.values()]
            keep(self._cells, layout.removed_patients(clinic_id), records)

    def _leave(self, patients: Collection[Patient]) -> None:
        """Take records out of their clinics."""
        for patient in patients:
            self._unlist(patient)
            clinics = layout.clinics_of_patient(patient.user_id)
            self._cells.write(clinics, self._cells.read(clinics) - {patient.clinic_id})
        for clinic_id, leaving in _by_clinic(patients).items():
            cell = layout.patients(clinic_id)
            staying = {
                user_id: patient
                for user_id, patient in self._cells.read(cell).items()
                if user_id not in leaving
            }
            self._cells.write(cell, staying)

    def _list_clinic(self, patient: Patient) -> None:
        clinics = layout.clinics_of_patient(patient.user_id)
        if patient.clinic_id not in self._cells.read(clinics):
            self._cells.write(clinics, self._cells.read(clinics) | {patient.clinic_id})

    def _refuse_taken_mrn(self, patient: Patient) -> None:
        if patient.mrn is None or not patient.require_unique_mrn:
            return
        patients = self._cells.read(layout.patients(patient.clinic_id))
        for user_id in self._cells.read(_holders(patient.clinic_id, patient.mrn)):
            other = patients[user_id]
            if user_id != patient.user_id and other.require_unique_mrn and other.mrn == patient.mrn:
                raise MrnNotUnique(patient.clinic_id)

    def _list_mrn(self, patient: Patient) -> None:
        if patient.mrn is not None:
            cell = _holders(patient.clinic_id, patient.mrn)
            self._cells.write(cell, self._cells.read(cell) | {patient.user_id})

    def _list_summary(self, patient: Patient) -> None:
        for cell in _summaries(patient):
            self._cells.write(cell, self._cells.read(cell) | {_place(patient)})

    def _unlist(self, patient: Patient | None) -> None:
        if patient is None:
            return
        if patient.mrn is not None:
            cell = _holders(patient.clinic_id, patient.mrn)
            self._cells.write(cell, self._cells.read(cell) - {patient.user_id})
        for summary in _summaries(patient):
            self._cells.write(summary, self._cells.read(summary) - {_place(patient)})


def _as_stored(new: Patient, was: Patient, stored: Patient) -> Patient:
    """Return what is stored, with what differs between two states that may lack something."""
    names = [field.name for field in attrs.fields(Patient)]
    changes = {
        name: getattr(new, name) for name in names if getattr(new, name) != getattr(was, name)
    }
    return attrs.evolve(stored, **changes)


def _by_clinic(patients: Iterable[Patient]) -> dict[ClinicId, dict[UserId, Patient]]:
    clinics: dict[ClinicId, dict[UserId, Patient]] = {}
    for patient in patients:
        clinics.setdefault(patient.clinic_id, {})[patient.user_id] = patient
    return clinics


def _holders(clinic_id: ClinicId, mrn: str) -> Cell[frozenset[UserId]]:
    return layout.patients_with(clinic_id, collation_key(mrn))


def _summaries(patient: Patient) -> list[Cell[frozenset[tuple[ClinicId, UserId]]]]:
    summary = patient.summary or Summary()
    ids = dict.fromkeys(stats.id for stats in (summary.cgm, summary.bgm) if stats)
    return [layout.patients_with_summary(id_) for id_ in ids]


def _place(patient: Patient) -> tuple[ClinicId, UserId]:
    return patient.clinic_id, patient.user_id


def _key(text: str | None) -> str | None:
    return None if text is None else collation_key(text)


def _by_name(patients: Iterable[Patient]) -> list[Patient]:
    return sorted(
        patients, key=lambda patient: (collation_key(patient.full_name or ""), patient.id)
    )


def _is_met(patient: Patient, walk: PatientWalk) -> bool:
    return (
        (walk.behind is None or walk.behind < patient.id)
        and (walk.user_id is None or walk.user_id == patient.user_id)
        and (not walk.has_reports or sends_reports(patient))
        and (not walk.lacks_email or (patient.is_custodial and not patient.email))
    )


def _is_wanted(patient: Patient, query: EhrPatientQuery) -> bool:
    return (
        (query.user_id is None or query.user_id == patient.user_id)
        and query.has_subscription in (None, bool(patient.ehr_subscriptions))
        and query.has_mrn in (None, bool(patient.mrn))
    )


def _has_site(patient: Patient, site_id: SiteId) -> bool:
    return any(site.id == site_id for site in patient.sites or ())


def _with_tag(patient: Patient, tag_id: TagId) -> Patient:
    tags = patient.tags or ()
    return patient if tag_id in tags else attrs.evolve(patient, tags=(*tags, tag_id))


def _without_tag(patient: Patient, tag_id: TagId) -> Patient:
    tags = patient.tags and tuple(tag for tag in patient.tags if tag != tag_id)
    return attrs.evolve(patient, tags=tags)


def _with_site(patient: Patient, site: Site) -> Patient:
    if _has_site(patient, site.id):
        return patient
    return attrs.evolve(patient, sites=(*(patient.sites or ()), PatientSite(site.id, site.name)))


def _without_site(patient: Patient, site_id: SiteId) -> Patient:
    sites = patient.sites and tuple(site for site in patient.sites if site.id != site_id)
    return attrs.evolve(patient, sites=sites)


def _renamed(patient: Patient, site: Site) -> Patient:
    sites = patient.sites and tuple(
        PatientSite(site.id, site.name) if own.id == site.id else own for own in patient.sites
    )
    return attrs.evolve(patient, sites=sites)


def _with_stats(patient: Patient, cgm: Stats | None, bgm: Stats | None, now: datetime) -> Patient:
    summary = patient.summary
    if cgm or bgm:
        known = summary or Summary()
        summary = Summary(cgm or known.cgm, bgm or known.bgm)
    return attrs.evolve(patient, summary=summary, updated_time=now)


def _without_stats(patient: Patient, summary_id: str) -> Patient:
    summary = patient.summary or Summary()
    kept = {
        kind.value: stats
        for kind in SummaryKind
        if (stats := summary.of(kind)) and stats.id != summary_id
    }
    return attrs.evolve(patient, summary=Summary(**kept))
