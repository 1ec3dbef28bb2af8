"""What `clinic copy` does: everything from one storage to another."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

import attrs
import typer
from rich.console import Console
from rich.progress import Progress as Bars

from adapters.cli.bars import bars_on
from adapters.cli.failures import INTERRUPTED, Failed
from adapters.cli.running import opened, quiet
from adapters.container import Container
from adapters.settings import SettingError, Settings, read_settings
from clinic_domain.copying import (
    Archive,
    Copied,
    CopyDiffers,
    Kind,
    LeftOut,
    Progress,
    Stage,
    Watcher,
    copy,
)
from clinic_domain.errors import StorageUnusable, Unavailable

INCOMPLETE: Final = 3
_IDS_SHOWN: Final = 10


def copy_all(source: str, destination: str, left_out: Path | None, *, is_partial: bool) -> None:
    """Copy, show how far it is, and tell what came of it."""
    quiet()
    ends = _settings("--from", source), _settings("--to", destination)
    if _place(ends[0]) == _place(ends[1]):
        raise Failed("--to: this is the storage that --from names")
    with _opened_file(left_out) as file:
        display = _Display(Console(stderr=True, highlight=False), file)
        with display.bars, _told(display):
            copied = asyncio.run(_run(*ends, display))
    display.tell_losses()
    typer.echo(
        f"verified: {copied.records:,} records, checksum {copied.checksum}"
        + (f"; not copied: {copied.left_out:,}" if copied.left_out else "")
    )
    if copied.left_out and not is_partial:
        raise typer.Exit(INCOMPLETE)


def _settings(name: str, url: str) -> Settings:
    try:
        settings = read_settings({"CLINIC_STORAGE": url})
    except SettingError as error:
        raise Failed(str(error).replace("CLINIC_STORAGE", name, 1)) from None
    if settings.storage_kind == "memory":
        raise Failed(f"{name}: what is in memory ends with its process")
    return settings


def _place(settings: Settings) -> object:
    """Return what is equal for two addresses of one storage, as far as addresses tell."""
    url = settings.storage_url or ""
    if url.startswith("sqlite"):
        from sqlalchemy.engine import make_url  # noqa: PLC0415 - between two MongoDBs none is needed

        return Path(make_url(url).database or "").absolute().resolve()
    _, _, rest = url.partition("://")
    return settings.storage_kind, rest.rpartition("@")[2].partition("?")[0].rstrip("/")


async def _run(source: Settings, destination: Settings, display: "_Display") -> Copied:
    async with AsyncExitStack() as stack:
        open_source = opened(source, name="--from", as_source=True)
        ours = await stack.enter_async_context(open_source)
        if not await _holds_anything(ours.archive()):
            raise Failed("--from: it holds nothing; is it the right one?")
        theirs = await stack.enter_async_context(opened(destination, name="--to"))
        return await copy(*_archives(ours, theirs), Watcher(display.show, display.lose))


def _archives(source: Container, destination: Container) -> tuple[Archive[Any], Archive[Any]]:
    kinds = {source.settings().storage_kind, destination.settings().storage_kind}
    if kinds == {"mongo"}:
        return source.documents(), destination.documents()
    return source.archive(), destination.archive()


async def _holds_anything(archive: Archive[Any]) -> bool:
    for kind in Kind:
        if await archive.count(kind):
            return True
    return False


@contextmanager
def _opened_file(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with path.open("w", encoding="utf-8") as file:
        yield file


@contextmanager
def _told(display: "_Display") -> Iterator[None]:
    """Say in a sentence why a copy ended early."""
    try:
        yield
    except KeyboardInterrupt:
        display.say("Stopped. What was copied stays there; the same command goes on with the rest.")
        raise typer.Exit(INTERRUPTED) from None
    except CopyDiffers as error:
        raise Failed(_difference(display.stage, *error.args)) from None
    except Unavailable:
        reason = "the source or the destination does not answer any more"
    except StorageUnusable as error:
        reason = str(error)
    else:
        return
    raise Failed(f"{reason}; the same command goes on with the rest")


def _difference(stage: Stage, kind: Kind, id_: str = "") -> str:
    what = f"{kind}, {id_}" if id_ else kind
    if stage is Stage.COMPARING:
        return (
            f"--to: it holds what the source does not ({what}), so it is no copy that could be "
            "completed; nothing was written"
        )
    return (
        f"source and destination are not equal ({what}): somebody wrote to one of them; stop "
        "whoever does, and start with an empty destination"
    )


@attrs.define(eq=False)
class _Display:
    """What is to be seen of a copy: bars on a terminal, else a line for each kind."""

    _console: Console
    _file: TextIO | None
    bars: Bars = attrs.field(init=False)
    stage: Stage = attrs.field(init=False, default=Stage.COMPARING)
    _found: int = attrs.field(init=False, default=0)
    _tasks: dict[Kind, Any] = attrs.field(init=False, factory=dict)
    _ends: set[tuple[Stage, Kind]] = attrs.field(init=False, factory=set)
    _losses: Counter[tuple[Kind, str]] = attrs.field(init=False, factory=Counter)
    _lost_ids: dict[tuple[Kind, str], list[str]] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.bars = bars_on(self._console)

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False)

    def show(self, progress: Progress) -> None:
        if progress.stage is Stage.COPYING and self.stage is Stage.COMPARING and self._found:
            self.say(f"The destination holds {self._found:,} of the records already; going on.")
        self.stage = progress.stage
        if not progress.total:
            return
        description = f"{progress.stage} {progress.kind}"
        if progress.kind not in self._tasks:
            self._tasks[progress.kind] = self.bars.add_task(description)
        self.bars.update(
            self._tasks[progress.kind],
            description=description,
            completed=progress.done,
            total=progress.total,
        )
        if progress.done == progress.total:
            self._end(progress)

    def _end(self, progress: Progress) -> None:
        end = (progress.stage, progress.kind)
        if end in self._ends:
            return
        self._ends.add(end)
        if progress.stage is Stage.COMPARING:
            self._found += progress.total
        if self.bars.disable:
            self.say(f"{progress.stage} {progress.kind}: {progress.total:,}")

    def lose(self, lost: LeftOut) -> None:
        """Take note of a record that stays behind."""
        reason = (lost.kind, lost.reason)
        self._losses[reason] += 1
        ids = self._lost_ids.setdefault(reason, [])
        if len(ids) < _IDS_SHOWN:
            ids.append(lost.id)
        if self._file is not None:
            self._file.write(json.dumps(attrs.asdict(lost)) + "\n")

    def tell_losses(self) -> None:
        for (kind, reason), number in self._losses.items():
            ids = self._lost_ids[kind, reason]
            more = " ..." if number > len(ids) else ""
            self.say(f"not copied, {number:,} {kind}: {reason} ({', '.join(ids)}{more})")
