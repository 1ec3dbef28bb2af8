"""What must not grow with a clinic does not, and nothing is written that stays as it was."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest
from sqlalchemy.dialects import sqlite

from adapters.sql import SqlStorage
from adapters.sql.statements import Statement
from clinic_domain.clinics.model import ClinicView, Site, Tag
from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import DataSource, Patient, Tally
from clinic_domain.patients.queries import Comparison, Measure, MetricFilter, PatientQuery
from clinic_domain.patients.summaries import Period, Stats, Summary, SummaryKind
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, at
from clinic_domain.values import ClinicId
from support.sql_statements import BY_SUMMARY, CHEAP, TOUCHES_SOME

_MARKS = {"dates": "has_last_data", **{str(period): "flags" for period in Period}}
Rows = Callable[[], dict[str, int]]


@pytest.fixture
def rows(raw: sqlite3.Connection) -> Rows:
    """Return what counts the rows that there are of summaries, and those that say something."""

    def number(what: str, table: str) -> int:
        return int(raw.execute(f"SELECT count({what}) FROM {table}").fetchone()[0])  # noqa: S608 - our names

    def rows() -> dict[str, int]:
        counts = {"whole": number("*", "patient_summaries")}
        for part, mark in _MARKS.items():
            counts[part] = number("*", f"summary_{part}")
            for kind in SummaryKind:
                counts[f"{part} {kind}"] = number(f"{kind}_{mark}", f"summary_{part}")
        return {name: count for name, count in counts.items() if count}

    return rows


@pytest.mark.parametrize("name", CHEAP)
def test_an_index_leads_to_the_records(name: str, raw: sqlite3.Connection) -> None:
    steps = _plan(raw, CHEAP[name])

    scanned = [step for step in steps if step.startswith("SCAN") and _is_of_tables(step)]
    # Where an order is read from an index, a scan of it ends with the page.
    assert [step for step in scanned if "USING" not in step] == []


@pytest.mark.parametrize("name", TOUCHES_SOME)
def test_nobody_looks_through_a_whole_clinic_for_some(name: str, raw: sqlite3.Connection) -> None:
    steps = [step for statement in TOUCHES_SOME[name] for step in _plan(raw, statement)]

    of_clinic = [step for step in steps if step.endswith("(clinic_id=?)")]
    assert [step for step in of_clinic if "tallies" not in step] == []


@pytest.mark.parametrize("name", BY_SUMMARY)
def test_a_list_reads_no_whole_summary(name: str, raw: sqlite3.Connection) -> None:
    raw.execute("ALTER TABLE patient_summaries RENAME TO out_of_sight")

    assert _plan(raw, BY_SUMMARY[name])


@pytest.mark.parametrize("name", BY_SUMMARY)
def test_a_list_reads_numbers_in_their_order(name: str, raw: sqlite3.Connection) -> None:
    """Those of one clinic are side by side, and those of one patient are found by key."""
    steps = _plan(raw, BY_SUMMARY[name])

    narrow = [step for step in steps if " summary_" in step]
    assert narrow
    assert [step for step in narrow if "USING PRIMARY KEY (clinic_id=?" not in step] == []


def _plan(raw: sqlite3.Connection, statement: Statement) -> list[str]:
    compiled = statement.compiled(sqlite.dialect())
    nothing = [None] * len(compiled.names)
    plan = raw.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", nothing)
    return [step[3] for step in plan.fetchall()]


def _is_of_tables(step: str) -> bool:
    return not any(word in step for word in ("CONSTANT", "VIRTUAL", "anon", "counts", "page"))


async def test_saving_writes_the_rows_that_differ(
    storage: SqlStorage, raw: sqlite3.Connection
) -> None:
    tags, sites = (a_tag("a"), a_tag("b"), a_tag("c")), (a_site("a"), a_site("b"))
    clinic = a_clinic(tags=tags, sites=sites)
    patient = a_patient(
        clinic,
        tags=(tags[0].id, tags[1].id),
        sites=at(*sites),
        data_sources=(DataSource("dexcom", "pending"), DataSource("twiist", "pending")),
    )

    async def add(tx: Transaction) -> None:
        await tx.clinics.add(clinic)
        await tx.patients.add(patient)

    await storage.transaction(add)
    for table in ("clinics", "clinic_tags", "patients", "patient_tags", "patient_data_sources"):
        for event in ("INSERT", "UPDATE", "DELETE"):
            raw.execute(
                f"CREATE TRIGGER log_{table}_{event} AFTER {event} ON {table} BEGIN "  # noqa: S608 - our names
                f"INSERT INTO log VALUES ('{event} {table}'); END"
            )
    raw.execute("CREATE TABLE log (entry TEXT)")

    def logged() -> Iterator[str]:
        for (entry,) in raw.execute("SELECT entry FROM log ORDER BY rowid").fetchall():
            yield entry
        raw.execute("DELETE FROM log")

    async def save(was: Patient, new: Patient) -> list[str]:
        await storage.transaction(lambda tx: tx.patients.save(new, was=was))
        return list(logged())

    later = attrs.evolve(patient, updated_time=patient.updated_time + timedelta(seconds=1))
    tagged = attrs.evolve(later, tags=(tags[1].id, tags[2].id))
    connected = attrs.evolve(
        tagged, data_sources=(DataSource("dexcom", "pending"), DataSource("twiist", "error"))
    )
    assert await save(patient, patient) == []
    assert await save(patient, later) == ["UPDATE patients"]
    assert await save(later, tagged) == ["DELETE patient_tags", "INSERT patient_tags"]
    assert [entry for entry in await save(tagged, connected) if "data_sources" in entry] == [
        "DELETE patient_data_sources",
        "INSERT patient_data_sources",
    ]

    renamed = attrs.evolve(clinic, tags=(tags[0], Tag(tags[1].id, "B!"), tags[2]))
    await storage.transaction(lambda tx: tx.clinics.save(renamed, was=clinic))
    assert list(logged()) == ["DELETE clinic_tags", "INSERT clinic_tags"]


async def test_names_of_tags_and_sites_can_be_swapped_at_once(storage: SqlStorage) -> None:
    one, other = a_tag("one"), a_tag("other")
    here, there = a_site("here"), a_site("there")
    clinic = a_clinic(tags=(one, other), sites=(here, there))
    await storage.transaction(lambda tx: tx.clinics.add(clinic))

    swapped = attrs.evolve(
        clinic,
        tags=(Tag(one.id, "other"), Tag(other.id, "one")),
        sites=(Site(here.id, "there"), Site(there.id, "here")),
    )
    await storage.transaction(lambda tx: tx.clinics.save(swapped, was=clinic))

    assert await storage.read(lambda tx: tx.clinics.get(clinic.id)) == swapped


async def test_a_patient_takes_everything_along_into_another_clinic(storage: SqlStorage) -> None:
    """What a merge does: one record changes its clinic, and the counts of both clinics follow."""
    tag, site = a_tag(), a_site()
    here, there = (a_clinic(tags=(tag,), sites=(site,)) for _ in range(2))
    patient = a_patient(
        here,
        tags=(tag.id,),
        sites=at(site),
        data_sources=(DataSource("twiist", "error"),),
        summary=Summary(cgm=Stats("a", periods={"7d": {"min": 2.5}})),
    )
    moved = attrs.evolve(patient, clinic_id=there.id)

    async def work(tx: Transaction) -> None:
        await tx.clinics.add(here)
        await tx.clinics.add(there)
        await tx.patients.add(patient)
        await tx.patients.save(moved, was=patient)

    await storage.transaction(work)

    assert await storage.read(lambda tx: tx.patients.find(here.id, patient.user_id)) is None
    assert await storage.read(lambda tx: tx.patients.find(there.id, patient.user_id)) == moved
    for clinic, number in ((here, 0), (there, 1)):
        tally, view = await _counts(storage, clinic.id)
        assert (tally.total, tally.outside_plan) == (number, number)
        assert view
        assert (view.tag_patients, view.site_patients) == ({tag.id: number}, {site.id: number})
        low = MetricFilter(Measure(SummaryKind.CGM, Period.WEEK, "min"), Comparison.BELOW, 3.0)
        assert await _matching(storage, PatientQuery(clinic.id, metrics=(low,))) == number


async def test_nothing_is_left_of_a_summary_that_is_gone(storage: SqlStorage, rows: Rows) -> None:
    clinic = a_clinic()
    stats = Stats("a", periods={"1d": {"min": 2.5}, "7d": {"min": 2.5}})
    one, two, three = (a_patient(clinic, summary=Summary(stats, stats)) for _ in range(3))

    async def add(tx: Transaction) -> None:
        await tx.clinics.add(clinic)
        for patient in (one, two, three):
            await tx.patients.add(patient)

    await storage.transaction(add)
    parts = ("", " cgm", " bgm")
    full = {f"{table}{of}": 3 for table in ("dates", "1d", "7d") for of in parts}
    assert rows() == {"whole": 6, **full}

    shorter = attrs.evolve(stats, periods={"7d": {"max": 9.5}})
    await storage.transaction(
        lambda tx: tx.patients.set_summary(one.user_id, shorter, None, one.updated_time)
    )
    assert rows() == {"whole": 6, **full, "1d cgm": 2}

    await storage.transaction(lambda tx: tx.patients.remove_summary(one.user_id, one.updated_time))
    await storage.transaction(lambda tx: tx.patients.remove(two, Deletion(two.updated_time)))
    assert rows() == {"whole": 2, **dict.fromkeys(full, 1)}

    await storage.transaction(lambda tx: tx.patients.remove_stats("a"))
    assert rows() == {}


async def test_a_summary_of_one_kind_goes_without_the_other(
    storage: SqlStorage, rows: Rows
) -> None:
    clinic = a_clinic()
    cgm = Stats("c", periods={"1d": {"min": 2.5}, "7d": {"min": 2.5}})
    bgm = Stats("b", periods={"7d": {"min": 2.5}, "30d": {"min": 2.5}})
    patient = a_patient(clinic, summary=Summary(cgm, bgm))

    async def add(tx: Transaction) -> None:
        await tx.clinics.add(clinic)
        await tx.patients.add(patient)

    await storage.transaction(add)
    only_cgm = {"whole", "dates", "dates cgm", "1d", "1d cgm", "7d", "7d cgm"}
    only_bgm = {"whole", "dates", "dates bgm", "7d", "7d bgm", "30d", "30d bgm"}
    assert rows() == {**dict.fromkeys(only_cgm | only_bgm, 1), "whole": 2}

    await storage.transaction(lambda tx: tx.patients.remove_stats("b"))
    assert rows() == dict.fromkeys(only_cgm, 1)

    later = attrs.evolve(patient, summary=Summary(bgm=bgm))
    await storage.transaction(
        lambda tx: tx.patients.save(later, was=attrs.evolve(patient, summary=Summary(cgm)))
    )
    assert rows() == dict.fromkeys(only_bgm, 1)

    await storage.transaction(lambda tx: tx.patients.remove_stats("b"))
    assert rows() == {}


async def test_a_search_does_not_reach_from_one_text_into_the_next(storage: SqlStorage) -> None:
    clinic = a_clinic()
    patient = a_patient(clinic, full_name="Ann", mrn="17", birth_date="1984-02-29")

    async def work(tx: Transaction) -> None:
        await tx.clinics.add(clinic)
        await tx.patients.add(patient)

    await storage.transaction(work)

    for text in ("Ann17", "Ann\x1f17", "nn\x1f", "Ann\x1e17", "171984"):
        assert await _matching(storage, PatientQuery(clinic.id, search=text)) == 0
    for text in ("ann", "17", "1984-02", ""):
        assert await _matching(storage, PatientQuery(clinic.id, search=text)) == 1


async def _matching(storage: SqlStorage, query: PatientQuery) -> int:
    return (await storage.read(lambda tx: tx.patients.page(query))).matching


async def _counts(storage: SqlStorage, clinic_id: ClinicId) -> tuple[Tally, ClinicView | None]:
    async def work(tx: Transaction) -> tuple[Tally, ClinicView | None]:
        return await tx.patients.tally(clinic_id), await tx.clinics.find_view(clinic_id)

    return await storage.read(work)
