"""A clinic with as many patients as a measurement wants."""

from datetime import UTC, datetime
from typing import Final

from clinic_domain.clinics.model import Clinic, ClinicDetails, ShareCode, Site, Tag
from clinic_domain.patients.model import ALL_PERMISSIONS, Patient, PatientSite
from clinic_domain.ports import IdGenerator, ShareCodeGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId, RecordId, SiteId, TagId, UserId

_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TAGS: Final = 20
_SITES: Final = 5
_AT_ONCE: Final = 1000


async def seeded(
    storage: Storage, ids: IdGenerator, codes: ShareCodeGenerator, patients: int
) -> ClinicId:
    """Store a clinic with *patients* patients, each with two tags and a site."""
    clinic = Clinic(
        id=ClinicId(ids.new_id()),
        share_code=ShareCode(codes.new_code()),
        created_time=_NOW,
        updated_time=_NOW,
        details=ClinicDetails("Harbour Clinic", "mg/dL", country="NL"),
        admins=(UserId("1000000001"),),
        is_migrated=True,
        tags=tuple(Tag(TagId(ids.new_id()), f"Tag {number}") for number in range(_TAGS)),
        sites=tuple(Site(SiteId(ids.new_id()), f"Site {number}") for number in range(_SITES)),
    )
    await storage.transaction(lambda tx: tx.clinics.add(clinic))
    for start in range(0, patients, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, patients))
        batch = [_patient(clinic, RecordId(ids.new_id()), number) for number in numbers]

        async def add_all(tx: Transaction, batch: list[Patient] = batch) -> None:
            for patient in batch:
                await tx.patients.add(patient)

        await storage.transaction(add_all)
    return clinic.id


def _patient(clinic: Clinic, record_id: RecordId, number: int) -> Patient:
    tags, site = clinic.tags or (), clinic.sites[number % _SITES]
    return Patient(
        id=record_id,
        clinic_id=clinic.id,
        user_id=UserId(f"{number:010x}"),
        created_time=_NOW,
        updated_time=_NOW,
        full_name=f"Patient {number * 7919 % 100_000:05}",
        birth_date=f"{1950 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
        email=f"patient{number}@example.com",
        mrn=f"M-{number:06}",
        tags=(tags[number % _TAGS].id, tags[(number + 7) % _TAGS].id),
        sites=(PatientSite(site.id, site.name),),
        permissions=ALL_PERMISSIONS,
    )
