"""Commands that look after an installation."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import described

Clinic = Callable[..., Any]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\n")
TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+\n")


def refused(result: Any) -> str:
    """Return what a command said that failed as expected."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    return str(result.stderr)


def listed(clinic: Clinic) -> list[dict[str, str]]:
    lines = clinic("user", "list", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def doctor(clinic: Clinic) -> str:
    result = clinic("user", "add", "doctor@example.com", "--name", "Dr. Doe")
    assert result.exit_code == 0, result.output
    return str(result.stdout.strip())


def test_a_new_user_is_told_by_id_alone(clinic: Clinic) -> None:
    result = clinic(
        *("user", "add", "pat@example.com", "--name", "Pat", "--role", "clinic"),
        *("--patient-name", "Kim", "--birthday", "2014-06-05", "--mrn", "7", "--device", "pump"),
    )

    assert (result.exit_code, result.stderr) == (0, "")
    assert UUID.fullmatch(result.stdout)
    [row] = listed(clinic)
    assert row["id"] == result.stdout.strip()
    assert (row["username"], row["name"], row["kind"], row["roles"]) == (
        "pat@example.com",
        "Pat",
        "user",
        "clinic",
    )


def test_ids_are_listed_whole(clinic: Clinic, doctor: str) -> None:
    result = clinic("user", "list")

    assert doctor in result.stdout
    assert "doctor@example.com" in result.stdout


def test_an_empty_list_says_what_to_do(clinic: Clinic) -> None:
    assert "clinic user add" in clinic("user", "list").stderr


def test_an_address_is_taken_once(clinic: Clinic, doctor: str) -> None:
    assert "already" in refused(clinic("user", "add", "Doctor@example.com"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add", "no address"),
        ("user", "add", "pat@example.com", "--birthday", "31.1.1990"),
        ("token", "issue", "doctor@example.com", "--lifetime", "1 day"),
        ("token", "issue", "doctor@example.com", "--lifetime", "0s"),
        ("token", "revoke"),
        ("token", "revoke", "x", "--user", "y"),
        ("serve", "--port", "http"),
    ],
)
def test_a_wrong_argument_is_explained(clinic: Clinic, arguments: tuple[str, ...]) -> None:
    result = clinic(*arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_user_is_removed_when_that_is_confirmed(clinic: Clinic, doctor: str) -> None:
    assert clinic("user", "remove", doctor, input="n\n").exit_code == 1
    assert len(listed(clinic)) == 1

    assert clinic("user", "remove", doctor, input="y\n").exit_code == 0
    assert listed(clinic) == []


def test_a_user_is_removed_everywhere(clinic: Clinic, doctor: str) -> None:
    assert clinic("user", "remove", "doctor@example.com", "--everywhere", "--yes").exit_code == 0
    assert listed(clinic) == []


def test_a_token_is_printed_alone(clinic: Clinic, doctor: str) -> None:
    for name in (doctor, "doctor@example.com", "DOCTOR@example.com"):
        result = clinic("token", "issue", name)

        assert (result.exit_code, result.stderr) == (0, "")
        assert TOKEN.fullmatch(result.stdout)


def test_a_token_of_a_service_needs_no_account(clinic: Clinic) -> None:
    result = clinic("token", "issue", "--server", "reports", "--lifetime", "720h")

    assert TOKEN.fullmatch(result.stdout)
    assert [(row["id"], row["kind"]) for row in listed(clinic)] == [("reports", "service")]


def test_users_and_services_are_kept_apart(clinic: Clinic, doctor: str) -> None:
    clinic("token", "issue", "--server", "reports")

    assert "--server" in refused(clinic("token", "issue", "reports"))
    assert "--server" in refused(clinic("token", "issue", "--server", "doctor@example.com"))


def test_a_token_is_revoked(clinic: Clinic, doctor: str) -> None:
    first, second = (clinic("token", "issue", doctor).stdout.strip() for _ in range(2))

    assert clinic("token", "revoke", first).exit_code == 0
    assert clinic("token", "revoke", "-", input=second + "\n").exit_code == 0
    assert "no token" in refused(clinic("token", "revoke", first))


def test_all_tokens_of_a_user_are_revoked(clinic: Clinic, doctor: str) -> None:
    clinic("token", "issue", doctor)
    clinic("token", "issue", doctor)

    assert clinic("token", "revoke", "--user", "doctor@example.com").stderr == "2 revoked\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "issue", "nobody@example.com"),
        ("token", "revoke", "--user", "nobody@example.com"),
        ("user", "remove", "--yes", "nobody@example.com"),
    ],
)
def test_nobody_is_named(clinic: Clinic, arguments: tuple[str, ...]) -> None:
    assert "there is no user nobody@example.com" in refused(clinic(*arguments))


def test_a_program_gets_a_secret_once(clinic: Clinic) -> None:
    result = clinic("user", "add-program", "my-program", "--name", "My program")

    assert re.fullmatch(r"[\w-]{43}\n", result.stdout)
    assert "my-program" in result.stderr
    assert listed(clinic)[0]["kind"] == "program"
    assert "already" in refused(clinic("user", "add-program", "my-program"))


def test_the_database_is_brought_up_to_date(clinic: Clinic, tmp_path: Path) -> None:
    for _ in range(2):
        assert clinic("db", "upgrade").exit_code == 0

    tables = sqlite3.connect(tmp_path / "clinic.db").execute("SELECT name FROM sqlite_master")
    assert ("clinics",) in tables.fetchall()


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"CLINIC_STORAGE": "sqlite:////nowhere/clinic.db"}, "CLINIC_STORAGE"),
        ({"CLINIC_STORAGE": "oracle:"}, "CLINIC_STORAGE"),
        ({"CLINIC_STORAGE": "memory:"}, "memory"),
        ({"CLINIC_IDENTITY": "tidepool", "TIDEPOOL_SERVER_TOKEN": "s"}, "platform"),
        (
            {"TIDEPOOL_STORE_ADDRESSES": "localhost", "TIDEPOOL_STORE_SCHEME": "http"},
            "TIDEPOOL_STORE_SCHEME",
        ),
        (
            {"TIDEPOOL_STORE_ADDRESSES": "localhost:none"},
            "TIDEPOOL_STORE_ADDRESSES: this is no address",
        ),
        ({"CLINIC_TOKEN_LIFETIME": "soon"}, "CLINIC_TOKEN_LIFETIME"),
    ],
)
def test_what_cannot_work_is_said(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], word: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert word in refused(clinic("token", "issue", "--server", "reports"))


def test_a_file_that_is_no_database_is_said(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "clinic.db").write_text("This is no database at all. " * 100)

    refused(clinic("db", "upgrade"))


def test_settings_are_listed(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_PORT", "9000")
    monkeypatch.setenv("TIDEPOOL_SERVER_TOKEN", "hush")
    monkeypatch.setenv("CLINIC_STORAGE", "postgresql://clinic:hush@host/clinic")

    for_people = clinic("settings").stdout
    markdown = clinic("settings", "--markdown").stdout

    for one in described():
        assert one.name in for_people
        assert f"| `{one.name}` |" in markdown
    assert "now '9000'" in for_people
    assert "now 'postgresql://…@host/clinic'" in for_people
    assert "hush" not in for_people


def test_help_teaches_by_example(clinic: Clinic) -> None:
    commands = (
        ((), "clinic token issue"),
        (("serve",), "--workers 4"),
        (("user", "add"), "--birthday 2014-06-05"),
        (("token", "issue"), "TOKEN=$(clinic"),
        (("token", "revoke"), 'clinic token revoke "$TOKEN"'),
    )
    for command, example in commands:
        result = clinic(*command, "--help")

        assert result.exit_code == 0
        assert example in result.stdout


def test_the_version_is_told(clinic: Clinic) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", clinic("--version").stdout)
