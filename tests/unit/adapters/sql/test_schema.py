"""Migrations lead from nothing to the tables that the code expects."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from adapters.sql import (
    NewerSchema,
    accounts,
    clinicians,
    clinics,
    create_engine,
    deletions,
    invites,
    migration_records,
    open_storage,
    outbox,
    patient_statements,
    storage,
    summaries,
    upgrade,
)
from adapters.sql.schema import MIGRATIONS, revisions
from adapters.sql.statements import Statement
from adapters.sql.tables import CLINIC_FIELDS, CLINICIAN_FIELDS, PATIENT_FIELDS, metadata
from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic, ClinicDetails
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.patients.summaries import SummaryKind
from support.sql_statements import (
    BY_SUMMARY,
    come_apart_and_together,
    first_version,
    keys_are_made_anew,
)


async def test_migrations_make_the_tables_of_the_code(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    await engine.dispose()

    assert differences == []


async def test_migrations_make_the_same_database_as_the_code(path: Path, tmp_path: Path) -> None:
    """Checks and storage options included, which a comparison of metadata does not see."""
    engine = create_engine(f"sqlite:///{tmp_path}/made.db")
    async with engine.connect() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()

    migrated, made = _definitions(path), _definitions(tmp_path / "made.db")
    del migrated["alembic_version"]
    assert migrated == made


def test_scripts_are_named_after_their_revisions() -> None:
    """Alembic itself is asked only where there is something to be done."""
    scripts = ScriptDirectory(str(MIGRATIONS))

    assert revisions() == tuple(
        script.revision for script in reversed(list(scripts.walk_revisions()))
    )


async def test_an_upgrade_of_what_is_new_changes_nothing(path: Path) -> None:
    before = _definitions(path)

    await (await open_storage(f"sqlite:///{path}")).close()

    assert _definitions(path) == before


async def test_a_database_of_a_newer_version_is_refused(
    path: Path, raw: sqlite3.Connection
) -> None:
    raw.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(NewerSchema, match=r"revision '9999'.*newer version"):
        await open_storage(f"sqlite:///{path}")


async def test_patients_of_the_first_version_have_no_summary(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/clinic.db"
    engine = create_engine(url)
    patient = await first_version(engine)
    await engine.dispose()

    storage = await open_storage(url)

    query = PatientQuery(patient.clinic_id)
    assert (await storage.read(lambda tx: tx.patients.page(query))).patients == (patient,)
    await storage.close()


async def test_metrics_of_both_kinds_come_together_and_apart_again(tmp_path: Path) -> None:
    await come_apart_and_together(f"sqlite:///{tmp_path}/clinic.db")


async def test_keys_of_names_are_made_anew(tmp_path: Path) -> None:
    await keys_are_made_anew(f"sqlite:///{tmp_path}/clinic.db")


async def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/clinic.db")
    async with engine.connect() as connection:
        await connection.exec_driver_sql("CREATE TABLE installation (something INTEGER)")

    with pytest.raises(Exception, match="installation already exists"):
        await upgrade(engine)
    await engine.dispose()

    assert list(_definitions(tmp_path / "clinic.db")) == ["installation"]


def test_processes_that_start_at_once_share_the_work(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from adapters.sql import open_storage\n"
        "async def main():\n"
        "    storage = await open_storage(sys.argv[1])\n"
        "    await storage.ping()\n"
        "    await storage.close()\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{tmp_path}/clinic.db"]

    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]

    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert errors == [""] * len(processes)


@pytest.mark.parametrize(
    ("model", "columns"), [(Clinician, CLINICIAN_FIELDS), (Patient, PATIENT_FIELDS)]
)
def test_every_field_of_a_record_is_kept(model: type[Any], columns: tuple[str, ...]) -> None:
    assert columns == tuple(field.name for field in attrs.fields(model))


def test_every_field_of_a_clinic_is_kept() -> None:
    fields = {field.name for model in (Clinic, ClinicDetails) for field in attrs.fields(model)}

    assert set(CLINIC_FIELDS) == fields - {"details"}


def test_every_statement_can_be_spelled_for_postgresql() -> None:
    modules = (
        accounts,
        clinicians,
        clinics,
        deletions,
        invites,
        outbox,
        patient_statements,
        storage,
        summaries,
        migration_records,
    )
    statements = [
        value for module in modules for value in vars(module).values() if type(value) is Statement
    ]

    statements += BY_SUMMARY.values()
    statements += [summaries.put_into(table, (*SummaryKind,)) for table in summaries.TABLES]

    texts = [statement.compiled(_postgresql()).sql for statement in statements]

    assert len(texts) > 40
    assert not [text for text in texts if "json_each" in text or "json_group_array" in text]


def _postgresql() -> sa.Dialect:
    return postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


def _definitions(path: Path) -> dict[str, list[str]]:
    """Return what tables and indexes are made of, by name; the order in a definition is free."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type <> 'trigger'")
        return {
            name: sorted(re.split("[,()]+", "".join(sql.split()))) for name, sql in found if sql
        }
