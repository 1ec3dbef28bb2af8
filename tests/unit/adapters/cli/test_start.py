"""A process loads what it needs, and nothing else: that is its memory and the time of its start."""

import subprocess
import sys
from typing import Final

import pytest

CORE: Final = "clinic_domain.application"
STORAGES: Final = {"adapters.memory", "pymongo", "sqlalchemy"}
LARGE: Final = STORAGES | {
    "aiosmtplib",
    "alembic",
    "cryptography",
    "dependency_injector",
    "granian",
    "httpx",
    "jinja2",
    "joserfc",
    "litestar",
    "structlog",
    "xlsxwriter",
}


def loaded(program: str) -> set[str]:
    """Return the names of the modules that a fresh process has after *program*."""
    shown = "import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{shown}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_command_line_loads_no_part_of_the_service() -> None:
    assert loaded("import adapters.cli.main").isdisjoint(LARGE | {CORE, "asyncio"})


def test_the_process_that_looks_after_workers_stays_small() -> None:
    assert loaded("import adapters.cli.server").isdisjoint(
        LARGE - {"granian", "structlog"} | {CORE}
    )


@pytest.mark.parametrize(
    ("variables", "storage", "others"),
    [
        ({"CLINIC_STORAGE": "sqlite:///clinic.db"}, "sqlalchemy", {"httpx"}),
        (
            {
                "CLINIC_STORAGE": "mongodb://localhost:1/",
                "CLINIC_IDENTITY": "tidepool",
                "TIDEPOOL_SERVER_TOKEN": "a secret",
            },
            "pymongo",
            {"joserfc"},
        ),
    ],
)
def test_a_worker_loads_what_the_settings_name(
    variables: dict[str, str], storage: str, others: set[str]
) -> None:
    modules = loaded(
        "from adapters.container import Container\n"
        "from adapters.settings import read_settings\n"
        f"Container(settings=read_settings({variables!r})).asgi()"
    )

    assert modules & STORAGES == {storage}
    assert modules.isdisjoint({"aiosmtplib", "alembic", "xlsxwriter"} | others)
