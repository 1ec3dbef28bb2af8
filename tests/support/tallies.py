"""What triggers count, held against what counting gives."""

import json
import random
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql import SqlStorage
from clinic_domain.clinics.model import Clinic
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, at

_STEPS: Final = 60

_KEPT: Final = {
    "patient_tallies": "SELECT clinic_id, total, outside_plan FROM patient_tallies WHERE total > 0",
    "provider_tallies": (
        "SELECT clinic_id, provider_name, state, data_sources FROM provider_tallies"
        " WHERE data_sources > 0"
    ),
    "tag_tallies": "SELECT clinic_id, tag_id, patients FROM tag_tallies WHERE patients > 0",
    "site_tallies": "SELECT clinic_id, site_id, patients FROM site_tallies WHERE patients > 0",
}
_COUNTED: Final = {
    "patient_tallies": """
        SELECT clinic_id, count(*), count(*) FILTER (WHERE EXISTS
            (SELECT 1 FROM patient_data_sources
            WHERE patient_id = patients.id AND provider_name = 'twiist'))
        FROM patients GROUP BY clinic_id""",
    "provider_tallies": """
        SELECT p.clinic_id, provider_name, state, count(*)
        FROM patient_data_sources JOIN patients p ON p.id = patient_id
        GROUP BY p.clinic_id, provider_name, state""",
    "tag_tallies": """
        SELECT p.clinic_id, tag_id, count(*)
        FROM patient_tags JOIN patients p ON p.id = patient_id GROUP BY p.clinic_id, tag_id""",
    "site_tallies": """
        SELECT p.clinic_id, site_id, count(*)
        FROM patient_sites JOIN patients p ON p.id = patient_id GROUP BY p.clinic_id, site_id""",
}
# Of the records some are those whose patient comes before or after a chosen one.
_STATEMENTS: Final = (
    "DELETE FROM patients WHERE id = :patient",
    "DELETE FROM patients WHERE clinic_id = :clinic AND id > :patient",
    "UPDATE patients SET clinic_id = :clinic WHERE id = :patient",
    "UPDATE patients SET clinic_id = :clinic WHERE id > :patient",
    "UPDATE patients SET full_name = 'Alice'",
    "DELETE FROM patient_tags WHERE tag_id = :tag AND patient_id < :patient",
    """UPDATE patient_tags SET tag_id = :tag WHERE patient_id = :patient
    AND position = (SELECT min(position) FROM patient_tags own WHERE own.patient_id = :patient)
    AND NOT EXISTS (SELECT 1 FROM patient_tags own
        WHERE own.patient_id = :patient AND own.tag_id = :tag)""",
    """INSERT INTO patient_tags (patient_id, clinic_id, tag_id, position)
    SELECT id, clinic_id, :tag, 9 FROM patients WHERE id > :patient
    AND NOT EXISTS (SELECT 1 FROM patient_tags WHERE patient_id = id AND tag_id = :tag)""",
    "DELETE FROM patient_sites WHERE patient_id = :patient",
    "UPDATE patient_sites SET site_id = :tag WHERE patient_id > :patient",
    "DELETE FROM patient_data_sources WHERE patient_id = :patient AND position = 0",
    "DELETE FROM patient_data_sources WHERE provider_name = :provider AND patient_id > :patient",
    "UPDATE patient_data_sources SET provider_name = :provider WHERE patient_id < :patient",
    "UPDATE patient_data_sources SET state = :provider WHERE patient_id > :patient",
    """INSERT INTO patient_data_sources (patient_id, clinic_id, position, provider_name, state)
    SELECT id, clinic_id, :position, :provider, 'error' FROM patients WHERE id < :patient""",
)


async def change_anything_and_count(storage: SqlStorage, engine: AsyncEngine, seed: int) -> None:
    """Change rows behind the back of the storage; assert that the counts follow each time."""
    chance = random.Random(seed)
    tags = [a_tag(name) for name in "abc"]
    clinics = [a_clinic() for _ in range(3)]
    patients = [
        a_patient(
            chance.choice(clinics),
            tags=tuple(tag.id for tag in chance.sample(tags, 2)),
            sites=at(a_site()),
            data_sources=tuple(
                DataSource(chance.choice(("twiist", "dexcom")), "connected")
                for _ in range(chance.randrange(4))
            ),
        )
        for _ in range(60)
    ]
    await _keep(storage, clinics, patients)
    async with engine.connect() as connection:
        assert await _rows(connection, _KEPT) == await _rows(connection, _COUNTED)
        for step in range(_STEPS):
            statement = sa.text(chance.choice(_STATEMENTS))
            values = {
                "patient": chance.choice(patients).id,
                "clinic": chance.choice(clinics).id,
                "tag": chance.choice(tags).id,
                "provider": chance.choice(("twiist", "dexcom")),
                "position": 100 + step,
            }
            await connection.execute(statement, {name: values[name] for name in _names(statement)})
            assert await _rows(connection, _KEPT) == await _rows(connection, _COUNTED)


async def remove_everything_and_count(storage: SqlStorage, engine: AsyncEngine) -> None:
    """Remove a clinic and its patients; assert that no counts are left."""
    clinic = a_clinic()
    patient = a_patient(clinic, tags=(a_tag().id,), data_sources=(DataSource("twiist", "error"),))
    await _keep(storage, [clinic], [patient])
    async with engine.connect() as connection:
        for statement in ("BEGIN", "DELETE FROM clinics", "DELETE FROM patients", "COMMIT"):
            await connection.exec_driver_sql(statement)
        everything = {table: f"SELECT * FROM {table}" for table in _KEPT}  # noqa: S608 - our names
        assert await _rows(connection, everything) == {table: [] for table in _KEPT}


def _names(statement: sa.TextClause) -> list[str]:
    return list(statement.compile().params)


async def _keep(storage: SqlStorage, clinics: list[Clinic], patients: list[Patient]) -> None:
    async def work(tx: Transaction) -> None:
        for clinic in clinics:
            await tx.clinics.add(clinic)
        for patient in patients:
            await tx.patients.add(patient)

    await storage.transaction(work)


async def _rows(connection: AsyncConnection, queries: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, Any] = {
        table: await connection.exec_driver_sql(query) for table, query in queries.items()
    }
    return {table: sorted(json.dumps(list(row)) for row in rows) for table, rows in found.items()}
