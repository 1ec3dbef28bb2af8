"""Run all measurements, or those that are named: `python -m benchmarks costs throughput`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

from benchmarks.copying import copies
from benchmarks.costs import costs
from benchmarks.lists import lists
from benchmarks.merging import merging
from benchmarks.storages import storages
from benchmarks.throughput import throughput

MEASUREMENTS: dict[str, Callable[[], Awaitable[Table]]] = {
    "costs": costs,
    "throughput": throughput,
    "storages": storages,
    "copies": copies,
    "lists": lists,
    "merging": merging,
}


async def main(names: list[str]) -> None:
    if unknown := set(names) - MEASUREMENTS.keys():
        sys.exit(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    for name in names or MEASUREMENTS:
        Console().print(await MEASUREMENTS[name]())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
