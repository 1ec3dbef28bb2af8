"""Summaries that were shown lately are not read again, but when they are others by now."""

import sqlite3
from pathlib import Path

import attrs
import pytest

from adapters.sql import SqlStorage, create_engine
from adapters.sql.summaries import KnownSummaries, document_of
from clinic_domain.clinics.model import Clinic
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import Stats, Summary
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.values import RecordId

CLINIC = a_clinic()
STATS = Stats("a", periods={"7d": {"min": 2.5}})
EMPTY = Stats("a")
OTHERS = Stats("a", periods={"7d": {"min": 3.5}})
PATIENTS = (
    a_patient(CLINIC, summary=Summary(STATS, EMPTY)),
    a_patient(CLINIC, summary=Summary(bgm=OTHERS)),
    a_patient(CLINIC, summary=Summary()),
    a_patient(CLINIC),
)
IDS: list[RecordId] = [patient.id for patient in PATIENTS]


@pytest.fixture
async def shown(storage: SqlStorage) -> None:
    """Store everybody, and show them."""

    async def add(tx: Transaction) -> None:
        await tx.clinics.add(CLINIC)
        for patient in PATIENTS:
            await tx.patients.add(patient)

    await storage.transaction(add)
    assert await show(storage) == PATIENTS


async def show(storage: SqlStorage, clinic: Clinic = CLINIC) -> tuple[Patient, ...]:
    return await storage.read(lambda tx: tx.patients.with_ids(clinic.id, IDS))


@pytest.mark.usefixtures("shown")
async def test_what_was_shown_lately_is_not_read_again(
    storage: SqlStorage, raw: sqlite3.Connection
) -> None:
    raw.execute("UPDATE patient_summaries SET periods = 'nobody reads this'")

    assert await show(storage) == PATIENTS


@pytest.mark.usefixtures("shown")
async def test_what_another_process_has_written_is_shown_at_once(
    storage: SqlStorage, path: Path
) -> None:
    first, *rest = PATIENTS
    another = SqlStorage(create_engine(f"sqlite:///{path}"))
    now = first.updated_time

    async def replace(stats: Stats) -> None:
        await another.transaction(
            lambda tx: tx.patients.set_summary(first.user_id, stats, None, now)
        )

    for stats in (OTHERS, STATS, OTHERS):
        await replace(stats)
        changed = attrs.evolve(first, summary=Summary(stats, EMPTY))
        assert await show(storage) == (changed, *rest)
        assert await show(another) == (changed, *rest)

    await another.transaction(lambda tx: tx.patients.remove_summary(first.user_id, now))
    assert await show(storage) == (attrs.evolve(first, summary=None), *rest)
    assert await show(storage, a_clinic()) == ()
    await another.close()


@pytest.mark.usefixtures("shown")
async def test_summaries_of_an_earlier_version_have_no_digest(
    storage: SqlStorage, raw: sqlite3.Connection
) -> None:
    raw.execute("UPDATE patient_summaries SET head = json_remove(head, '$.digest')")

    assert [await show(storage), await show(storage)] == [PATIENTS, PATIENTS]


@pytest.mark.parametrize(
    ("room", "known"), [(2.5, [True, True]), (1.5, [False, True]), (0.5, [False, False])]
)
def test_those_shown_least_lately_go_when_there_are_too_many(
    room: float, known: list[bool]
) -> None:
    texts = ['{"7d":{"min":2.5}}', '{"7d":{"min":3.5}}']
    summaries = [Summary(stats) for stats in (STATS, OTHERS)]
    documents = [document_of(summary) for summary in summaries]
    kept = KnownSummaries(int(room * (2048 + len(texts[0]))))

    shown = [
        kept.keep(document, text, None) for document, text in zip(documents, texts, strict=True)
    ]

    assert shown == summaries
    assert [kept.find(document) is not None for document in documents] == known
