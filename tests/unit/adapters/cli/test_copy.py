"""`clinic copy`, between files."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.sql import open_storage
from clinic_domain.copying import Kind, id_of
from clinic_domain.testing.contracts.archive import Content, everything, fill

Clinic = Callable[..., Any]

FROM, TO = ("--from", "sqlite:///old.db"), ("--to", "sqlite:///new.db")


def filled(path: str, content: Content) -> int:
    async def run() -> None:
        storage = await open_storage(f"sqlite:///{path}")
        await fill(storage.archive, content)
        await storage.close()

    asyncio.run(run())
    return sum(map(len, content.values()))


def refused(result: Any) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.output
    return str(result.stderr)


def test_everything_is_copied_and_verified(clinic: Clinic) -> None:
    number = filled("old.db", everything())

    result = clinic("copy", *FROM, *TO)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"verified: {number:,} records, checksum ")
    assert "copying patients: " in result.stderr
    assert "going on" not in result.stderr
    back = clinic("copy", "--from", "sqlite:///new.db", "--to", "sqlite:///back.db")
    assert back.stdout == result.stdout


def test_what_is_there_stays_there(clinic: Clinic) -> None:
    content = everything()
    number = filled("old.db", content)
    found = filled("new.db", {Kind.ACCOUNTS: content[Kind.ACCOUNTS][:3]})

    result = clinic("copy", *FROM, *TO)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"verified: {number:,} records, ")
    assert f"The destination holds {found} of the records already; going on." in result.stderr


def test_addresses_may_come_from_the_environment(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no list of processes shows a password."""
    filled("old.db", everything())
    monkeypatch.setenv("CLINIC_COPY_FROM", FROM[1])
    monkeypatch.setenv("CLINIC_COPY_TO", TO[1])

    assert clinic("copy").exit_code == 0


def test_a_destination_with_anything_else_is_left_alone(clinic: Clinic) -> None:
    content = everything()
    filled("old.db", content)
    filled("new.db", {Kind.ACCOUNTS: content[Kind.ACCOUNTS][1:2] + everything()[Kind.ACCOUNTS][:1]})
    before = Path("new.db").read_bytes()

    said = refused(clinic("copy", *FROM, *TO))

    assert "--to: it holds what the source does not (accounts, user-" in said
    assert "nothing was written" in said
    assert Path("new.db").read_bytes() == before


def test_what_has_no_place_is_listed(clinic: Clinic) -> None:
    """Nothing is lost in silence, and a script has to say that it does not mind."""
    content = everything()
    number = filled("old.db", content)
    lost = id_of(content[Kind.PATIENTS][0])
    with closing(sqlite3.connect("old.db")) as old, old:
        old.execute("UPDATE patients SET clinic_id = ? WHERE id = ?", ("f" * 24, lost))

    result = clinic("copy", *FROM, *TO, "--left-out", "lost.jsonl")

    assert result.exit_code == 3, result.output
    assert result.stdout.startswith(f"verified: {number - 1:,} records, ")
    assert result.stdout.endswith("; not copied: 1\n")
    reason = "what it belongs to is not there"
    assert f"not copied, 1 patients: {reason} ({lost})" in result.stderr
    [line] = Path("lost.jsonl").read_text().splitlines()
    assert json.loads(line) == {"kind": "patients", "id": lost, "reason": reason}
    assert clinic("copy", *FROM, *TO, "--partial").exit_code == 0


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("sqlite:///old.db", "sqlite:///./old.db", "--to: this is the storage that --from names"),
        (
            "postgresql://a:secret@host/db",
            "postgresql://b@host/db?x=1",
            "--to: this is the storage that --from names",
        ),
        ("sqlite:///none.db", "sqlite:///new.db", "--from: there is no file none.db"),
        ("sqlite:///old.db", "sqlite:///no/new.db", "--to: "),
        ("sqlite:///empty.db", "sqlite:///new.db", "--from: it holds no clinics, or those of an"),
        ("sqlite:///bare.db", "sqlite:///new.db", "--from: it holds nothing"),
        ("sqlite:///old.db", "memory:", "--to: what is in memory ends with its process"),
        ("memory:", "sqlite:///new.db", "--from: what is in memory ends with its process"),
        ("mysql://a:secret@host/db", "sqlite:///new.db", "--from: mysql is no storage"),
        ("sqlite:///old.db", "postgresql://a:secret@127.0.0.1:1/db", "--to: the database does not"),
        ("postgresql://a:secret@127.0.0.1:1/db", "sqlite:///new.db", "--from: the database does"),
        (
            "mongodb://a:secret@127.0.0.1:1/db?serverSelectionTimeoutMS=1",
            "sqlite:///new.db",
            "--from: the database does not answer",
        ),
        ("mongodb://a:sec/ret@host", "sqlite:///new.db", "--from: this is no address like"),
    ],
)
def test_what_cannot_be_copied_is_said_in_a_sentence(
    clinic: Clinic, source: str, destination: str, said: str
) -> None:
    filled("old.db", everything())
    filled("bare.db", {})
    Path("empty.db").touch()

    result = clinic("copy", "--from", source, "--to", destination)

    assert said in refused(result)
    assert "secret" not in result.output
    assert "sec/ret" not in result.output
    assert not Path("none.db").exists()
    with closing(sqlite3.connect("empty.db")) as empty:
        assert empty.execute("SELECT * FROM sqlite_master").fetchall() == []
