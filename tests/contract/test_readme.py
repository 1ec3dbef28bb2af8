"""What the README shows does what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from support.service import UNSYNCED, serving

README: Final = (Path(__file__).parents[2] / "README.md").read_text()
BIN: Final = Path(sys.executable).parent


def block(after: str, language: str) -> str:
    """Return the first block of a language after a heading or a mark."""
    found = re.search(rf"```{language}\n(.*?)```", README.partition(after)[2], re.DOTALL)
    assert found
    return found[1]


def test_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of the tour is taken against a running server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLINIC_STORAGE", UNSYNCED)
    with serving() as server:
        tour = subprocess.run(
            ["bash", "-euc", block("<!-- tour -->", "bash")],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "API": server.address},
        )
        server.stop()

    assert tour.returncode == 0, tour.stderr
    answers = [json.loads(line) for line in tour.stdout.splitlines()]
    member, site, permissions, clinic, clinicians, found, sam, count, left = answers
    assert member["roles"] == ["CLINIC_MEMBER"]
    assert (site["name"], site["patients"]) == ("North", 1)
    assert permissions == {"view": {}}
    assert [tag["name"] for tag in clinic["patientTags"]] == ["New"]
    assert [each["name"] for each in clinic["sites"]] == ["South", "North"]
    assert {each["name"] for each in clinicians} == {"Ada Admin", "Max Member"}
    assert [patient["fullName"] for patient in found["data"]] == ["Pat Doe"]
    assert sam["permissions"] == {"view": {}}
    assert count == {"total": 2, "demo": 0, "plan": 2}
    assert left["meta"] == {"count": 1, "totalCount": 1}


def test_the_embedding() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", block("## Embed it", "python")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert re.fullmatch(r"([A-HJ-NP-Z2-9]{4}-?){3} \('1234567890',\)\n", printed)


def test_the_property(tmp_path: Path) -> None:
    (tmp_path / "test_names.py").write_text(block("## Test by property", "python"))

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert "1 passed" in run.stdout


def test_the_settings_are_all_there() -> None:
    table = subprocess.run(
        [str(BIN / "clinic"), "settings", "--markdown"], capture_output=True, text=True, check=True
    ).stdout

    assert table.strip() in README
