"""What lies beside the clone: the API document, the recorded answers and the peers."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

SHARED: Final = Path(__file__).parents[3] / "shared"


def needed(path: str) -> Path:
    """Return where *path* lies; without it a test is skipped, and fails on the build server."""
    found = SHARED / path
    if not found.exists():
        reason = f"../shared/{path} is not there"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def module(path: str) -> ModuleType:
    """Return a program that lies there, imported once."""
    file = needed(path)
    name = f"shared_{file.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        sys.modules[name] = loaded
    return sys.modules[name]
