"""A load on an HTTP server: a few connections that ask for one thing again and again."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from itertools import cycle

import attrs


@attrs.frozen
class Target:
    """What is asked of one server on this machine: one path, or several in turn, for ever."""

    port: int
    path: str | tuple[str, ...]
    headers: Mapping[str, str] = attrs.field(factory=dict)
    requests: Iterator[bytes] = attrs.field(init=False, repr=False, eq=False)

    @requests.default
    def _(self) -> Iterator[bytes]:
        fields = {"host": "127.0.0.1", **self.headers}.items()
        head = "\r\n".join(f"{name}: {value}" for name, value in fields)
        paths = (self.path,) if isinstance(self.path, str) else self.path
        return cycle([f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode() for path in paths])


@attrs.frozen
class Measured:
    """What a load saw; latencies in milliseconds."""

    requests: int
    seconds: float
    latencies: tuple[float, ...]
    size: int = 0
    """Bytes of one answer."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p99(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)]


async def load(target: Target, *, connections: int, seconds: float) -> Measured:
    """Ask for *target* over some connections for a while; any other answer than 200 is an error."""
    end = time.perf_counter() + seconds
    runs = await asyncio.gather(*(_connection(target, end) for _ in range(connections)))
    latencies = tuple(latency for run, _ in runs for latency in run)
    return Measured(len(latencies), seconds, latencies, runs[0][1])


async def _connection(target: Target, end: float) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    latencies, size = [], 0
    try:
        while (start := time.perf_counter()) < end:
            writer.write(next(target.requests))
            size = len(await _answer(reader))
            latencies.append((time.perf_counter() - start) * 1000)
    finally:
        writer.close()
    return latencies, size


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        msg = f"the server answered {head.splitlines()[0].decode()}"
        raise RuntimeError(msg)
    fields = dict(line.lower().split(b":", 1) for line in head.splitlines()[1:] if b":" in line)
    if b"content-length" in fields:
        return await reader.readexactly(int(fields[b"content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body
