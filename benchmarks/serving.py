"""Server processes to be measured."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

from adapters.local_identity import LocalAccounts, LocalTokens
from adapters.system import SystemClock
from clinic_domain.storage import Storage

SERVICE: Final = ("-m", "adapters.cli", "serve")


@attrs.frozen
class Server:
    """A server on this machine."""

    port: int
    _process: int

    def peak_memory(self) -> int:
        """Return the largest sum of bytes that its processes have held, each at its own time."""
        return sum(_peak(process) for process in _family(self._process))


@asynccontextmanager
async def server(command: tuple[str, ...], url: str) -> AsyncIterator[Server]:
    """Run a server of one worker on a free port until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "CLINIC_STORAGE": url,
        "CLINIC_IDENTITY": "local",
        "CLINIC_PORT": str(port),
        "CLINIC_METRICS_PORT": "0",
        "CLINIC_WORKERS": "1",
        "GRANIAN_PORT": str(port),
    }
    process = subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, *command],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await _listening(port)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


async def a_token(storage: Storage) -> str:
    """Return a token of a backend service."""
    accounts = LocalAccounts(storage, LocalTokens(storage), SystemClock())
    return await accounts.issue_for_service("benchmarks", timedelta(hours=6))


async def _listening(port: int) -> None:
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    msg = f"no server came up on port {port}"
    raise RuntimeError(msg)


def _family(process: int) -> list[int]:
    """Return a process and all that it has started."""
    children = Path(f"/proc/{process}/task/{process}/children")
    found = children.read_text().split() if children.exists() else []
    return [process, *(one for child in found for one in _family(int(child)))]


def _peak(process: int) -> int:
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
