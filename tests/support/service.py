"""`clinic serve` as a process of its own."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import attrs
import httpx
import pytest

PATIENCE: Final = 60.0
UNSYNCED: Final = "sqlite:///clinic.db?synchronous=OFF"
"""A file in this folder that nobody waits for the disk for, which others may keep busy."""
# httpx would read all certificates that there are before each call.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CLINIC: Final = (sys.executable, "-m", "adapters.cli")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clinic(*arguments: str) -> str:
    """Run a command in this folder, and return what it printed."""
    done = subprocess.run([*CLINIC, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@attrs.frozen
class Server:
    process: "subprocess.Popen[bytes]"
    port: int
    metrics_port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", verify=NO_TLS, **options)

    def is_reachable(self) -> bool:
        """Tell whether it answers; it has a second, in which it may still be starting."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=1.0)) as connection:
            try:
                connection.request("GET", "/live")
                return connection.getresponse().status == httpx.codes.OK
            except (OSError, HTTPException):
                return False

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, if it is not over yet, and return the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """
    Serve on free ports until the context is left; the log goes to the file `log` here.

    One worker does so, unless the arguments say otherwise.
    """
    port, metrics_port = free_port(), free_port()
    with ExitStack() as stack:
        log = stack.enter_context(Path("log").open("wb"))
        command = [
            *CLINIC,
            *("serve", "--port", str(port), "--metrics-port", str(metrics_port), "--workers", "1"),
            *arguments,
        ]
        process = stack.enter_context(subprocess.Popen(command, stderr=log))
        server = Server(process, port, metrics_port)
        stack.callback(server.stop)
        wait_for(server)
        yield server


def wait_for(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.process.poll() is None, Path("log").read_text()
        if server.is_reachable():
            assert server.get("/ready").status_code == 200
            return
        time.sleep(0.05)
    pytest.fail("it was never ready:\n" + Path("log").read_text())
