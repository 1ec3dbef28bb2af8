"""The command line in a folder of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from adapters.cli.main import app

PREFIXES = ("CLINIC_", "TIDEPOOL_", "PROMETHEUS_", "LOG_LEVEL")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "dumb")
    yield
    structlog.reset_defaults()


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command; return its exit code and what it printed."""
    monkeypatch.setattr("adapters.cli.logs.configure", lambda _level: None)

    def run(*arguments: str, **options: Any) -> Any:
        return CliRunner().invoke(app, arguments, **options)

    return run
