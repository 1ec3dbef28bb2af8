"""What use cases cost in a small clinic and in a large one: they are to cost the same."""

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from rich.table import Table

from adapters.sql import open_storage
from adapters.system import LogJournal, ObjectIds, RandomInviteKeys, RandomShareCodes, SystemClock
from benchmarks.seeding import seeded
from clinic_domain.access.model import Principal
from clinic_domain.application import Application
from clinic_domain.patients.model import PatientDetails
from clinic_domain.testing.fakes import (
    FakeProfiles,
    FakeRepresentatives,
    FakeServiceAccounts,
    FakeUsers,
    RecordingMailer,
)
from clinic_domain.values import ClinicId, UserId

SMALL: Final = 10
LARGE: Final = 10_000
ROUNDS: Final = 300
BOUND: Final = 1.5


async def costs() -> Table:
    """Measure use cases on SQLite, small and large clinic in turns, and compare the medians."""
    table = Table(title=f"Median milliseconds on SQLite, {ROUNDS} times each, bound {BOUND}")
    for heading in ("use case", f"{SMALL:,} patients", f"{LARGE:,} patients", "ratio"):
        table.add_column(heading, justify="left" if heading == "use case" else "right")
    ids, codes, member = ObjectIds(), RandomShareCodes(), Principal(UserId("1000000001"))
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{Path(folder) / 'clinic.db'}")
        application = Application.over(
            storage,
            users=FakeUsers(),
            profiles=FakeProfiles(),
            service_accounts=FakeServiceAccounts(),
            clock=SystemClock(),
            ids=ids,
            share_codes=codes,
            journal=LogJournal(),
            representatives=FakeRepresentatives(),
            invite_keys=RandomInviteKeys(),
            mailer=RecordingMailer(),
        )
        small = await seeded(storage, ids, codes, SMALL)
        large = await seeded(storage, ids, codes, LARGE)
        use_cases: dict[str, Callable[[ClinicId], Awaitable[object]]] = {
            "read a clinic": application.clinics.get,
            "create a patient": lambda clinic: application.patients.create_custodial(
                clinic, PatientDetails("New Patient", "2000-01-01"), member
            ),
            "refresh the patient count": application.patient_counts.refresh,
        }
        for name, use_case in use_cases.items():
            times = await _in_turns(use_case, (small, large))
            table.add_row(name, *(f"{time_:.3f}" for time_ in times), f"{times[1] / times[0]:.2f}")
        await storage.close()
    return table


async def _in_turns(
    use_case: Callable[[ClinicId], Awaitable[object]], clinics: tuple[ClinicId, ClinicId]
) -> list[float]:
    """Return the median milliseconds for each clinic; in turns, so that noise meets both alike."""
    times: dict[ClinicId, list[float]] = {clinic: [] for clinic in clinics}
    for _ in range(ROUNDS):
        for clinic in clinics:
            start = time.perf_counter()
            await use_case(clinic)
            times[clinic].append((time.perf_counter() - start) * 1000)
    return [statistics.median(times[clinic]) for clinic in clinics]
