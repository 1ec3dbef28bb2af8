"""Clinics in memory."""

from collections import Counter

import attrs

from adapters.memory import layout
from adapters.memory.cells import Cells
from adapters.memory.deletions import keep
from adapters.memory.paging import cut
from clinic_domain.clinics.errors import ClinicNotFound, DuplicateShareCode
from clinic_domain.clinics.model import Clinic, ClinicQuery, ClinicView, ShareCode
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.values import ClinicId, SiteId, TagId


@attrs.frozen
class MemoryClinicRepository(ClinicRepository):
    _cells: Cells

    async def find(self, clinic_id: ClinicId) -> Clinic | None:
        return self._cells.read(layout.clinic(clinic_id))

    async def find_view(self, clinic_id: ClinicId) -> ClinicView | None:
        clinic = self._cells.read(layout.clinic(clinic_id))
        return self._view(clinic) if clinic else None

    async def views(self, query: ClinicQuery) -> tuple[ClinicView, ...]:
        ids = self._cells.read(layout.CLINIC_IDS) if query.ids is None else set(query.ids)
        clinics = (self._cells.read(layout.clinic(clinic_id)) for clinic_id in sorted(ids))
        matching = [clinic for clinic in clinics if clinic and _matches(clinic, query)]
        return tuple(self._view(clinic) for clinic in cut(matching, query.page))

    def _view(self, clinic: Clinic) -> ClinicView:
        tags: Counter[TagId] = Counter()
        sites: Counter[SiteId] = Counter()
        for patient in self._cells.read(layout.patients(clinic.id)).values():
            tags.update(set(patient.tags or ()))
            sites.update({site.id for site in patient.sites or ()})
        return ClinicView(
            clinic,
            tag_patients={tag.id: tags[tag.id] for tag in clinic.tags or ()},
            site_patients={site.id: sites[site.id] for site in clinic.sites},
        )

    async def add(self, clinic: Clinic) -> None:
        ids = self._cells.read(layout.CLINIC_IDS)
        self._take_codes(clinic)
        self._cells.write(layout.CLINIC_IDS, ids | {clinic.id})
        self._cells.write(layout.clinic(clinic.id), clinic)

    async def save(self, clinic: Clinic, *, was: Clinic) -> None:
        stored = self._stored(clinic.id)
        self._take_codes(clinic)
        for code in _codes(stored) - _codes(clinic):
            self._cells.write(layout.clinic_with(code), None)
        self._cells.write(layout.clinic(clinic.id), clinic)

    async def remove(self, clinic: Clinic, deletion: Deletion) -> None:
        stored = self._stored(clinic.id)
        ids = self._cells.read(layout.CLINIC_IDS)
        self._cells.write(layout.CLINIC_IDS, ids - {clinic.id})
        self._cells.write(layout.clinic(clinic.id), None)
        for code in _codes(stored):
            self._cells.write(layout.clinic_with(code), None)
        records = [DeletionRecord(stored, deletion)]
        keep(self._cells, layout.removed_clinics(clinic.id), records)

    def _stored(self, clinic_id: ClinicId) -> Clinic:
        clinic = self._cells.read(layout.clinic(clinic_id))
        if clinic is None:
            raise ClinicNotFound(clinic_id)
        return clinic

    def _take_codes(self, clinic: Clinic) -> None:
        owners = {code: self._cells.read(layout.clinic_with(code)) for code in _codes(clinic)}
        for code, owner in owners.items():
            if owner not in (None, clinic.id):
                raise DuplicateShareCode(code)
        for code, owner in owners.items():
            if owner is None:
                self._cells.write(layout.clinic_with(code), clinic.id)


def _codes(clinic: Clinic) -> frozenset[ShareCode]:
    return frozenset({clinic.share_code, *clinic.share_codes})


def _matches(clinic: Clinic, query: ClinicQuery) -> bool:
    codes = (code.value for code in clinic.share_codes)
    ehr = clinic.ehr_settings
    return (
        (query.share_code is None or query.share_code in codes)
        and (query.created_from is None or query.created_from <= clinic.created_time)
        and (query.created_before is None or clinic.created_time < query.created_before)
        and (query.ehr_enabled is None or (ehr is not None and ehr.enabled == query.ehr_enabled))
        and (
            query.ehr_source_id is None
            or (ehr is not None and ehr.source_id == query.ehr_source_id)
        )
        and (query.ehr_provider is None or (ehr is not None and ehr.provider == query.ehr_provider))
    )
