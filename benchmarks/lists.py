"""Lists of patients and the TIDE report over HTTP, in small clinics and in a large one."""

import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs
from rich.table import Table

from adapters.settings import read_settings
from adapters.system import ObjectIds, RandomShareCodes
from benchmarks.load import Measured, Target, load
from benchmarks.seeding import seeded
from benchmarks.serving import SERVICE, Server, a_token, server
from clinic_domain.storage import Storage
from clinic_domain.values import ClinicId, TagId

# The servers of the tests, where no others are named.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

SIZES: Final = (100, 1_000, 10_000)
ROUNDS: Final = 5
SECONDS: Final = 1.0
MEBIBYTE: Final = 1024 * 1024
_SORTED: Final = "limit=50&sort=%2BtimeInTargetPercent&sortType=cgm"
_DELTA: Final = "limit=50&sort=-timeInTargetPercentDelta&sortType=cgm"
_USE: Final = f"cgm.timeCGMUsePercent={quote('>0.3')}"
_AVERAGE: Final = f"bgm.averageGlucoseMmol={quote('<9.5')}"
_TIDE: Final = "period=7d&tags=RARE&lastDataCutoff=2025-12-01T00:00:00Z"
_OPERATIONS: Final = {
    "10 by name": "/patients",
    "50 by a metric": f"/patients?{_SORTED}",
    "50 by a metric, two filters": f"/patients?{_SORTED}&{_USE}&{_AVERAGE}",
    "50 by a metric, always others": f"/patients?{_SORTED}&offset=NEXT",
    "50 by a delta, filter, tag": f"/patients?{_DELTA}&{_USE}&tags=COMMON",
    "50 by last data, search": "/patients?limit=50&sort=-lastData&sortType=bgm&search=99",
    "TIDE, one tag of twenty": f"/tide_report?{_TIDE}",
    "1,000 by name": "/patients?limit=1000",
}


@attrs.frozen
class _Clinic:
    id: ClinicId
    size: int
    tags: tuple[TagId, ...]

    def paths(self, operation: str) -> tuple[str, ...]:
        path = _OPERATIONS[operation].replace("COMMON", self.tags[0]).replace("RARE", self.tags[-1])
        offsets = range(0, self.size, 50) if "NEXT" in path else range(1)
        return tuple(
            f"/v1/clinics/{self.id}{path.replace('NEXT', str(offset))}" for offset in offsets
        )


async def lists() -> Table:
    """Measure each storage behind the service, one worker, one connection, sizes in turns."""
    table = Table(title=f"Lists over HTTP at {' / '.join(f'{size:,}' for size in SIZES)} patients")
    for heading in ("storage", "operation", "a second", "median ms", "99 % ms", "kB", "ratio"):
        is_text = heading in ("storage", "operation")
        table.add_column(heading, justify="left" if is_text else "right")
    for name, opened in _storages():
        async with opened as (url, storage, settle):
            clinics = [await _seeded(storage, size) for size in SIZES]
            await settle()
            headers = {"x-tidepool-session-token": await a_token(storage)}
            async with server(SERVICE, url) as service:
                for operation in _OPERATIONS:
                    row = await _measured(service, clinics, operation, headers)
                    table.add_row(name, operation, *row)
                peak = service.peak_memory() / MEBIBYTE
                table.add_row(name, f"its processes held {peak:.0f} MiB at most")
        table.add_section()
    return table


async def _measured(
    service: Server, clinics: list[_Clinic], operation: str, headers: dict[str, str]
) -> tuple[str, ...]:
    targets = [Target(service.port, each.paths(operation), headers) for each in clinics]
    rounds = [
        [await load(target, connections=1, seconds=SECONDS) for target in targets]
        for _ in range(ROUNDS + 1)
    ][1:]  # the first warms up
    by_size: list[tuple[Measured, ...]] = list(zip(*rounds, strict=True))
    medians = [statistics.median(each.median for each in of_size) for of_size in by_size]
    return (
        " / ".join(f"{statistics.median(m.rate for m in each):,.0f}" for each in by_size),
        " / ".join(f"{median:.1f}" for median in medians),
        " / ".join(f"{statistics.median(m.p99 for m in each):.1f}" for each in by_size),
        " / ".join(f"{each[0].size / 1000:,.0f}" for each in by_size),
        f"{medians[-1] / medians[0]:.2f}",
    )


async def _seeded(storage: Storage, size: int) -> _Clinic:
    clinic_id = await seeded(storage, ObjectIds(), RandomShareCodes(), size, summaries=True)
    clinic = await storage.read(lambda tx: tx.clinics.get(clinic_id))
    return _Clinic(clinic_id, size, tuple(tag.id for tag in clinic.tags or ()))


_Settle = Callable[[], Awaitable[object]]
"""What a server does by itself within minutes of so many changes."""
_Place = tuple[str, Storage, _Settle]
_Opened = AbstractAsyncContextManager[_Place]


def _storages() -> Iterator[tuple[str, _Opened]]:
    yield "SQLite", _sqlite()
    yield "PostgreSQL", _postgresql()
    yield "MongoDB", _mongodb()


@asynccontextmanager
async def _sqlite() -> AsyncIterator[_Place]:
    with tempfile.TemporaryDirectory() as folder:
        async with _open(f"sqlite:///{Path(folder) / 'clinic.db'}") as opened:
            yield opened


@asynccontextmanager
async def _postgresql() -> AsyncIterator[_Place]:
    from support.postgresql import an_empty_database, connected  # noqa: PLC0415 - after the path
    from support.servers import a_postgresql  # noqa: PLC0415 - after the path

    with a_postgresql() as url:
        async with an_empty_database(url) as database, _open(database) as (_, storage, _settle):

            async def vacuum() -> None:
                async with connected(database) as connection:
                    await connection.execute("VACUUM ANALYZE")

            yield database, storage, vacuum


@asynccontextmanager
async def _mongodb() -> AsyncIterator[_Place]:
    from support.servers import a_mongodb  # noqa: PLC0415 - after the path

    with a_mongodb() as url:
        async with _open(url) as opened:
            yield opened


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[_Place]:
    from adapters.container import Container  # noqa: PLC0415 - it takes its time

    container = Container(settings=read_settings({"CLINIC_STORAGE": url}))
    async with container.opened_storage():
        yield url, container.storage(), _nothing


async def _nothing() -> None: ...
