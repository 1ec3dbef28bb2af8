"""A clinic with as many patients as a measurement wants."""

import random
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from clinic_domain.clinics.model import Clinic, ClinicDetails, ShareCode, Site, Tag
from clinic_domain.patients.model import ALL_PERMISSIONS, Patient, PatientSite
from clinic_domain.patients.summaries import (
    FLAGS,
    MEASURES,
    Metric,
    Period,
    Stats,
    StatsConfig,
    StatsDates,
    Summary,
    SummaryKind,
    is_whole,
)
from clinic_domain.ports import IdGenerator, ShareCodeGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId, RecordId, SiteId, TagId, UserId

_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TAGS: Final = 20
_SITES: Final = 5
_AT_ONCE: Final = 200


async def seeded(
    storage: Storage,
    ids: IdGenerator,
    codes: ShareCodeGenerator,
    patients: int,
    *,
    summaries: bool = False,
) -> ClinicId:
    """Store a clinic with *patients* patients, each with two tags, a site, perhaps a summary."""
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
        if summaries:
            batch = [attrs.evolve(each, summary=_summary(int(each.id, 16))) for each in batch]

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
        # The first tag is that of three quarters, each of the others of a twentieth or so.
        tags=(tags[number % 4 == 0].id, tags[2 + number % (_TAGS - 2)].id),
        sites=(PatientSite(site.id, site.name),),
        permissions=ALL_PERMISSIONS,
    )


def _summary(number: int) -> Summary:
    """Return a summary with everything that there is: some 22 kB of JSON."""
    rng = random.Random(number)
    last_data = _NOW - timedelta(hours=rng.randrange(24 * 40))
    dates = StatsDates(
        has_first_data=True,
        first_data=last_data - timedelta(days=90),
        has_last_data=True,
        last_data=last_data,
        has_last_upload_date=True,
        last_upload_date=last_data,
        last_updated_date=last_data,
        last_updated_reason=("DATA_ADDED",),
    )
    config = StatsConfig(5, 3.0, 3.9, 10.0, 13.9)
    cgm, bgm = (
        Stats(
            f"{rng.getrandbits(96):024x}",
            config,
            dates,
            {str(period): _metrics(rng, kind) for period in Period},
        )
        for kind in SummaryKind
    )
    return Summary(cgm, bgm)


def _metrics(rng: random.Random, kind: SummaryKind) -> dict[str, Metric]:
    return {
        **dict.fromkeys(FLAGS[kind], True),
        **{name: _value(rng, name) for name in MEASURES[kind]},
    }


def _value(rng: random.Random, name: str) -> Metric:
    if is_whole(name):
        return rng.randrange(8640)
    if name.endswith("Percent"):
        return round(rng.random(), 6)
    return round(rng.uniform(-0.5, 0.5) if name.endswith("Delta") else rng.uniform(2, 12), 6)
