"""Log lines on standard error: JSON for machines, colours for a terminal."""

import atexit
import io
import logging
import logging.config
import sys
import threading
import traceback
from collections import deque
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Final, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

_encode: Final = msgspec.json.Encoder(enc_hook=repr).encode


class DelayedLines(io.TextIOBase):
    """
    Writes lines to standard error ten times a second, and at the end of the process.

    A write lets go of the interpreter, and getting it back from the threads of the database costs
    more than the rest of a request.
    """

    _DELAY: ClassVar = 0.1

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque()
        self._ended = threading.Event()
        atexit.register(self.close)
        threading.Thread(target=self._write_on, daemon=True).start()

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)

    def close(self) -> None:
        self._ended.set()
        self._write_all()

    def _write_on(self) -> None:
        while not self._ended.wait(self._DELAY):
            self._write_all()

    def _write_all(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines:
            sys.stderr.write("".join(lines))
            sys.stderr.flush()


class NamedLogger(structlog.WriteLogger):
    """A logger that knows its name."""

    def __init__(self, stream: TextIO | DelayedLines, name: str = "clinic") -> None:
        super().__init__(cast("TextIO", stream))
        self.name = name


def configure(level: str, *, delayed: bool = False) -> None:
    """
    Set up structlog for this process; what others log with the standard library joins in.

    With *delayed* lines wait for a moment, as suits a process that writes one for each request.
    """
    stream: TextIO | DelayedLines = DelayedLines() if delayed else sys.stderr
    structlog.configure(
        processors=[*_shared(), _renderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=partial(NamedLogger, stream),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(configuration(level))
    logging.captureWarnings(True)


def configuration(level: str) -> dict[str, Any]:
    """Return the configuration of the standard library's logging, also for granian."""
    chatty = "INFO" if level == "debug" else "WARNING"
    server = "INFO" if level == "debug" else level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"shared": {"()": "adapters.cli.logs.formatter"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "shared",
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {
            "_granian": {"level": server},
            "granian.access": {"level": server},
            # The addresses of calls have tokens and e-mail addresses in them.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "alembic": {"level": chatty},
            # What they log for debugging has the records of patients in it.
            "aiosqlite": {"level": "WARNING"},
            "asyncpg": {"level": "WARNING"},
            "pymongo": {"level": "WARNING"},
            "sqlalchemy": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
            "environ_config": {"level": "WARNING"},
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
    }


def formatter() -> logging.Formatter:
    """Return what makes a line of ours out of a record of the standard library."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer()],
    )


def _shared() -> list[Processor]:
    return [structlog.processors.add_log_level, _with_name_and_time, _with_frames]


def _renderer() -> Processor:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer(serializer=_serialized)


def _serialized(event: MutableMapping[str, Any], **_: Any) -> str:
    return _encode(event).decode()


def _with_name_and_time(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    event.setdefault("logger", getattr(record or logger, "name", "clinic"))
    event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return event


def _with_frames(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its kind and place: what it says may be about a patient."""
    error = _exception(event.pop("exc_info")) if "exc_info" in event else None
    if error is not None:
        event["kind"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["frames"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
    return event


def _exception(exc_info: ExcInfo | BaseException | bool | None) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None
