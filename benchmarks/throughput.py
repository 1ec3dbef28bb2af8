"""How many clinics a second the service shows, beside a bare handler that reads the same row."""

import statistics
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.table import Table

from adapters.local_identity import LocalAccounts, LocalTokens
from adapters.sql import open_storage
from adapters.system import ObjectIds, RandomShareCodes, SystemClock
from benchmarks.load import Measured, Target, load
from benchmarks.seeding import seeded
from benchmarks.serving import SERVICE, server
from clinic_domain.users import Profile

ROUNDS: Final = 7
SECONDS: Final = 1.5
CONNECTIONS: Final = 8
BOUND: Final = 0.5
_BARE: Final = ("-m", "granian", "--interface", "asgi", "--no-ws", "benchmarks.bare:app")


async def throughput() -> Table:
    """Load both in turns, one worker each, on the same SQLite file, and compare the medians."""
    table = Table(title=f"GET a clinic, {CONNECTIONS} connections, bound {BOUND}")
    for heading in ("who answers", "a second", "median ms", "99 % ms", "ratio"):
        table.add_column(heading, justify="left" if heading == "who answers" else "right")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'clinic.db'}"
        path, token = await _prepared(url)
        async with server(_BARE, url) as bare, server(SERVICE, url) as service:
            targets = (
                Target(bare.port, path),
                Target(service.port, path, {"x-tidepool-session-token": token}),
            )
            rounds = [
                [await load(target, connections=CONNECTIONS, seconds=SECONDS) for target in targets]
                for _ in range(ROUNDS + 1)
            ][1:]  # the first warms up
    ratio = statistics.median(ours.rate / bare.rate for bare, ours in rounds)
    _add(table, "a bare handler, one read", [bare for bare, _ in rounds], "1")
    _add(table, "the service", [ours for _, ours in rounds], f"{ratio:.2f}")
    return table


def _add(table: Table, name: str, measured: list[Measured], ratio: str) -> None:
    rate = statistics.median(each.rate for each in measured)
    median = statistics.median(each.median for each in measured)
    p99 = statistics.median(each.p99 for each in measured)
    table.add_row(name, f"{rate:,.0f}", f"{median:.2f}", f"{p99:.2f}", ratio)


async def _prepared(url: str) -> tuple[str, str]:
    """Return the path of a stored clinic, and a token of a user."""
    storage = await open_storage(url)
    clinic_id = await seeded(storage, ObjectIds(), RandomShareCodes(), patients=100)
    accounts = LocalAccounts(storage, LocalTokens(storage), SystemClock())
    await accounts.add("reader@example.com", Profile("A Reader"))
    token = await accounts.issue("reader@example.com", timedelta(hours=1))
    await storage.close()
    return f"/v1/clinics/{clinic_id}", token
