"""PostgreSQL as the storage uses it: its tables, its transactions, and what stands in the way."""

import asyncio
import secrets
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import asyncpg
import attrs
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.sql import (
    NewerSchema,
    SqlStorage,
    UnusableUrl,
    create_engine,
    open_storage,
)
from adapters.sql.patient_lists import Shape, matches_of, parameters_of
from adapters.sql.postgresql import PostgresqlDatabase
from adapters.sql.statements import Statement, UniqueViolation
from adapters.sql.storage import SqlTransaction
from adapters.sql.tables import metadata
from clinic_domain.clinics.errors import DuplicateShareCode
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.errors import BadRequest, StorageBusy, Unavailable
from clinic_domain.patients.model import Patient, Review
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.patients.summaries import Stats, StatsDates, Summary
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import EVERYTHING, ClinicId, TagId, UserId
from support.postgresql import Raw, a_fresh_database, an_empty_database, at, connected
from support.sql_statements import (
    BY_SUMMARY,
    CHEAP,
    come_apart_and_together,
    first_version,
    keys_are_made_anew,
)
from support.tallies import change_anything_and_count, remove_everything_and_count

pytestmark = pytest.mark.anyio

# What a table is made of, in words that are the same wherever it was made.
DEFINITIONS: Final = """
    SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), collname,
        attnotnull::text, pg_get_expr(adbin, adrelid)
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    LEFT JOIN pg_collation l ON l.oid = attcollation
    LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
    UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL SELECT tablename, indexname, indexdef, '', '', ''
    FROM pg_indexes WHERE schemaname = 'public'
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def url(postgresql: str) -> AsyncIterator[str]:
    """Return the URL of a database with empty tables."""
    async with an_empty_database(postgresql) as url:
        yield url


@pytest.fixture
async def storage(url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage(create_engine(url))
    yield storage
    await storage.close()


@pytest.fixture
async def raw(url: str) -> AsyncIterator[Raw]:
    async with connected(url) as connection:
        yield connection


class TestTables:
    async def test_migrations_make_the_tables_of_the_code(self, url: str) -> None:
        # To look a database over, SQLAlchemy needs JSON as values.
        engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            differences = await connection.run_sync(
                lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
            )
        await engine.dispose()

        assert differences == []

    async def test_migrations_make_the_same_database_as_the_code(
        self, postgresql: str, raw: Raw
    ) -> None:
        """Checks, collations and conditions included, which a comparison of metadata ignores."""
        async with a_fresh_database(postgresql) as url:
            engine = create_engine(url)
            async with engine.connect() as connection:
                await connection.run_sync(metadata.create_all)
            await engine.dispose()
            async with connected(url) as other:
                made = set(await other.fetch(DEFINITIONS))

        migrated = set(await raw.fetch(DEFINITIONS))

        assert {row for row in migrated if row[0] != "alembic_version"} == made

    async def test_patients_of_the_first_version_have_no_summary(self, postgresql: str) -> None:
        async with a_fresh_database(postgresql) as url:
            engine = create_engine(url)
            patient = await first_version(engine)
            await engine.dispose()

            storage = await open_storage(url)

            query = PatientQuery(patient.clinic_id)
            assert (await storage.read(lambda tx: tx.patients.page(query))).patients == (patient,)
            await storage.close()

    async def test_metrics_of_both_kinds_come_together_and_apart_again(
        self, postgresql: str
    ) -> None:
        async with a_fresh_database(postgresql) as url:
            await come_apart_and_together(url)

    async def test_keys_of_names_are_made_anew(self, postgresql: str) -> None:
        async with a_fresh_database(postgresql) as url:
            await keys_are_made_anew(url)

    async def test_all_indexes_are_in_the_order_of_code_points(self, raw: Raw) -> None:
        found = await raw.fetch(
            """SELECT indexrelid::regclass::text, collname
            FROM pg_index CROSS JOIN unnest(indcollation) AS used(collation_id)
            JOIN pg_collation c ON c.oid = used.collation_id
            WHERE indrelid::regclass::text IN
                (SELECT tablename FROM pg_tables WHERE schemaname = 'public')"""
        )

        assert len(found) > 40
        others = {name for name, collation in found if collation != "C"}
        assert others == {"alembic_version_pkc"}

    @pytest.mark.parametrize("name", CHEAP)
    async def test_an_index_leads_to_the_records(self, name: str, url: str, raw: Raw) -> None:
        engine = create_engine(url)
        compiled = CHEAP[name].compiled(engine.dialect)
        await raw.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        await raw.execute(f"PREPARE question AS {compiled.sql}")
        nothing = ", ".join("NULL" for _ in compiled.names)

        plan = await raw.fetch(f"EXPLAIN EXECUTE question({nothing})")

        assert [step for (step,) in plan if "Seq Scan" in step] == []

    @pytest.mark.parametrize("name", BY_SUMMARY)
    async def test_a_list_reads_no_whole_summary(self, name: str, url: str, raw: Raw) -> None:
        engine = create_engine(url)
        await raw.execute("ALTER TABLE patient_summaries RENAME TO out_of_sight")

        await raw.execute(f"PREPARE question AS {BY_SUMMARY[name].compiled(engine.dialect).sql}")

    async def test_a_list_is_planned_for_what_it_asks_and_all_else_once(self, url: str) -> None:
        """A tag is that of nearly all or of a few; a plan for the average serves neither."""
        engine = create_engine(url)
        database = PostgresqlDatabase(engine)
        session = await database.reading()
        query = PatientQuery(ClinicId("1" * 24), tags=(TagId("2" * 24),))
        listed, found = matches_of(Shape.of(query)), CHEAP["patient"]
        names = found.compiled(engine.dialect).names

        for _ in range(10):
            await session.all(listed, parameters_of(query))
            await session.all(found, dict.fromkeys(names, ""))

        plans = sa.table("pg_prepared_statements", *map(sa.column, ("statement", "generic_plans")))
        generic: dict[str, int] = {}
        for varies in (False, True):
            generic |= map(tuple, await session.all(Statement(sa.select(plans), varies=varies), {}))
        await database.close()
        assert generic[listed.compiled(engine.dialect).sql] == 0
        assert generic[found.compiled(engine.dialect).sql] > 0

    async def test_periods_that_were_shown_lately_are_not_sent_again(
        self, storage: SqlStorage, raw: Raw
    ) -> None:
        clinic = a_clinic()
        summary = Summary(Stats("a", periods={"7d": {"min": 2.5}}))
        await _add(storage, clinic, a_patient(clinic, summary=summary))
        query = PatientQuery(clinic.id)
        first = await storage.read(lambda tx: tx.patients.page(query))

        await raw.execute("UPDATE patient_summaries SET periods = 'nobody reads this'")

        assert await storage.read(lambda tx: tx.patients.page(query)) == first

    @pytest.mark.parametrize("seed", range(3))
    async def test_counts_are_those_that_counting_gives(
        self, seed: int, storage: SqlStorage, url: str
    ) -> None:
        engine = create_engine(url)
        await change_anything_and_count(storage, engine, seed)
        await engine.dispose()

    async def test_a_removed_clinic_leaves_no_counts(self, storage: SqlStorage, url: str) -> None:
        engine = create_engine(url)
        await remove_everything_and_count(storage, engine)
        await engine.dispose()


class TestUpgrades:
    async def test_processes_that_start_at_once_share_the_work(self, postgresql: str) -> None:
        program = (
            "import asyncio, sys; from adapters.sql import open_storage\n"
            "async def main():\n"
            "    storage = await open_storage(sys.argv[1])\n"
            "    await storage.ping()\n"
            "    await storage.close()\n"
            "asyncio.run(main())"
        )
        async with a_fresh_database(postgresql) as url:
            processes = [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", program, url), stderr=asyncio.subprocess.PIPE
                )
                for _ in range(3)
            ]

            outcomes = [await process.communicate() for process in processes]

        assert [errors for _, errors in outcomes] == [b""] * len(processes)

    async def test_a_migration_that_fails_leaves_nothing(self, postgresql: str) -> None:
        async with a_fresh_database(postgresql) as url, connected(url) as raw:
            await raw.execute("CREATE TABLE site_tallies (something INTEGER)")

            with pytest.raises(asyncpg.DuplicateTableError, match="already exists"):
                await open_storage(url)

            tables = await raw.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' UNION ALL "
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            )
        assert [name for (name,) in tables] == ["site_tallies"]

    async def test_a_database_of_a_newer_version_is_refused(self, url: str, raw: Raw) -> None:
        await raw.execute("UPDATE alembic_version SET version_num = '9999'")

        with pytest.raises(NewerSchema, match=r"revision '9999'.*newer version"):
            await open_storage(url)

    async def test_who_may_not_make_tables_is_told(self, postgresql: str) -> None:
        role = f"reader_{secrets.token_hex(4)}"
        async with a_fresh_database(postgresql) as url, connected(url) as raw:
            await raw.execute("REVOKE CREATE ON SCHEMA public FROM public")
            await raw.execute(f"CREATE ROLE {role}")
            await raw.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET role = {role}")
            try:
                with pytest.raises(UnusableUrl, match="permission denied for schema public"):
                    await open_storage(url)
            finally:
                await raw.execute(f"ALTER DATABASE {url.rpartition('/')[2]} RESET role")
                await raw.execute(f"DROP ROLE {role}")

    async def test_a_database_that_knows_no_unicode_is_refused(self, postgresql: str) -> None:
        name = f"clinic_latin_{secrets.token_hex(4)}"
        async with connected(postgresql) as raw:
            await raw.execute(
                f"CREATE DATABASE {name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0"
            )
            try:
                with pytest.raises(UnusableUrl, match="encoding LATIN1, and UTF8 is needed"):
                    await open_storage(at(postgresql, name))
            finally:
                await raw.execute(f"DROP DATABASE {name} WITH (FORCE)")


class TestUrls:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
    async def test_a_database_keeps_what_is_stored(self, scheme: str, url: str) -> None:
        url = f"{scheme}{url.removeprefix('postgresql')}?sslmode=prefer&application_name=mine"
        clinic = a_clinic()
        storage = await open_storage(url)
        await storage.transaction(lambda tx: tx.clinics.add(clinic))
        await storage.close()

        storage = await open_storage(url)

        assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) == clinic
        await storage.close()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"database": "missing"}, 'database "missing" does not exist'),
            ({"username": "nobody_here", "password": "hunter2"}, "nobody_here"),
            ({"query": {"sslmode": "maybe"}}, "sslmode"),
            ({"query": {"colour": "red"}}, "colour"),
        ],
    )
    async def test_a_refusal_is_told_in_the_words_of_the_server(
        self, change: dict[str, Any], message: str, postgresql: str
    ) -> None:
        with pytest.raises(UnusableUrl, match=message) as refusal:
            await open_storage(make_url(postgresql).set(**change))

        assert "hunter2" not in "".join(traceback.format_exception(refusal.value))

    async def test_a_server_that_does_not_answer_is_not_available(self) -> None:
        url = "postgresql://clinic:hunter2@127.0.0.1:9/clinic"

        with pytest.raises(Unavailable) as refusal:
            await open_storage(url)

        engine = create_engine(url)
        texts = (*traceback.format_exception(refusal.value), repr(engine), repr(engine.pool))
        assert "hunter2" not in "".join(texts)
        storage = SqlStorage(engine)
        assert "hunter2" not in repr(storage)
        with pytest.raises(Unavailable):
            await storage.ping()
        with pytest.raises(Unavailable):
            await storage.transaction(lambda tx: tx.clinics.add(a_clinic()))
        await storage.close()


async def _add(storage: SqlStorage, *records: Clinic | Patient) -> None:
    async def work(tx: Transaction) -> None:
        for record in records:
            if isinstance(record, Clinic):
                await tx.clinics.add(record)
            else:
                await tx.patients.add(record)

    await storage.transaction(work)


_STATS: Final = Stats(
    "c",
    dates=StatsDates(has_last_data=True, last_data=A_MORNING),
    periods={"7d": {"min": 2.5}},
)
_SUMMARY: Final = Summary(_STATS, attrs.evolve(_STATS, id="b"))
_WAITING: Final = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _meanwhile(
    storage: SqlStorage,
    raw: Raw,
    first: Callable[[Transaction], Awaitable[None]],
    second: Callable[[Transaction], Awaitable[object]],
) -> None:
    """Run two transactions, of which the second one has to wait for what the first has done."""
    tasks: list[asyncio.Task[object]] = []

    async def work(tx: Transaction) -> None:
        await first(tx)
        tasks.append(asyncio.create_task(storage.transaction(second)))
        async with asyncio.timeout(30):
            while not await raw.fetchval(_WAITING):  # noqa: ASYNC110 - a server has no events
                await asyncio.sleep(0.01)

    await storage.transaction(work)
    for task in tasks:
        await task


class TestTransactions:
    async def test_processes_take_turns(self, storage: SqlStorage, url: str) -> None:
        clinic = a_clinic(tier="0")
        await _add(storage, clinic)
        others = [SqlStorage(create_engine(url)) for _ in range(3)]

        async def count(tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            await tx.clinics.save(
                attrs.evolve(found, tier=str(int(found.tier or 0) + 1)), was=found
            )

        async def keep_counting(other: SqlStorage) -> None:
            for _ in range(25):
                await other.transaction(count)
            await other.close()

        await asyncio.gather(*map(keep_counting, others))

        assert (await storage.read(lambda tx: tx.clinics.get(clinic.id))).tier == "75"

    async def test_nobody_waits_for_another_clinic(self, storage: SqlStorage) -> None:
        here, there = a_clinic(), a_clinic()
        await _add(storage, here, there)

        async def work(tx: Transaction) -> None:
            await tx.clinics.get(here.id)
            await tx.patients.add(a_patient(here))
            async with asyncio.timeout(5):
                await _add(storage, a_patient(there))

        await storage.transaction(work)

    async def test_who_waits_too_long_for_a_clinic_gives_up(
        self, storage: SqlStorage, url: str, raw: Raw
    ) -> None:
        clinic = a_clinic()
        await _add(storage, clinic)
        database = PostgresqlDatabase(create_engine(url), patience=0.2)

        async with raw.transaction():
            await raw.execute("UPDATE clinics SET tier = 'x'")
            with pytest.raises(StorageBusy):
                async with database.writing() as session:
                    await SqlTransaction(session).clinics.find(clinic.id)
            assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) == clinic

        async with database.writing() as session:
            assert (await SqlTransaction(session).clinics.get(clinic.id)).tier == "x"
        await database.close()

    async def test_who_waits_too_long_for_a_connection_gives_up(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.sql.postgresql.WRITERS", 1)
        database = PostgresqlDatabase(create_engine(url), patience=0.1)

        async with database.writing():
            with pytest.raises(StorageBusy):
                async with database.writing():
                    pytest.fail("the only connection is in use")

        async with database.writing():
            pass
        await database.close()

    async def test_nothing_is_left_when_two_take_away_one_kind_of_a_summary_each(
        self, storage: SqlStorage, raw: Raw
    ) -> None:
        clinic = a_clinic()
        await _add(storage, clinic, a_patient(clinic, summary=_SUMMARY))

        async def take_away(tx: Transaction) -> None:
            await tx.patients.remove_stats("c")

        await _meanwhile(storage, raw, take_away, lambda tx: tx.patients.remove_stats("b"))

        for table in ("patient_summaries", "summary_dates", "summary_7d"):
            assert await raw.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - our names

    async def test_nothing_is_left_of_a_kind_that_is_taken_away_while_the_patient_moves(
        self, storage: SqlStorage, raw: Raw
    ) -> None:
        here, there = a_clinic(), a_clinic()
        patient = a_patient(here, summary=_SUMMARY)
        await _add(storage, here, there, patient)

        async def move(tx: Transaction) -> None:
            await tx.patients.save_all([(attrs.evolve(patient, clinic_id=there.id), patient)])

        await _meanwhile(storage, raw, move, lambda tx: tx.patients.remove_stats("c"))

        for column in ("cgm_has_last_data", "cgm_last_data"):
            assert await raw.fetchval(f"SELECT count({column}) FROM summary_dates") == 0  # noqa: S608 - our names
        assert await raw.fetchval("SELECT count(cgm_flags) FROM summary_7d") == 0
        found = await storage.read(lambda tx: tx.patients.get(there.id, patient.user_id))
        assert found.summary == attrs.evolve(_SUMMARY, cgm=None)

    async def test_of_two_that_wait_for_each_other_one_runs_again(
        self, storage: SqlStorage
    ) -> None:
        clinics = [a_clinic(tier="") for _ in range(2)]
        await _add(storage, *clinics)
        meeting, runs = asyncio.Barrier(2), []

        async def mark(order: list[Clinic], name: str) -> None:
            async def work(tx: Transaction) -> None:
                runs.append(name)
                for number, clinic in enumerate(order):
                    found = await tx.clinics.get(clinic.id)
                    if not number and len(runs) <= 2:
                        await meeting.wait()
                    marked = attrs.evolve(found, tier=f"{found.tier}{name}")
                    await tx.clinics.save(marked, was=found)

            await storage.transaction(work)

        await asyncio.gather(mark(clinics, "a"), mark(clinics[::-1], "b"))

        assert len(runs) == 3
        views = await storage.read(lambda tx: tx.clinics.views(ClinicQuery()))
        assert {view.clinic.tier for view in views} in ({"ab"}, {"ba"})

    async def test_what_goes_on_after_a_refusal_is_not_kept(self, storage: SqlStorage) -> None:
        clinic, other = a_clinic(), a_clinic()
        await _add(storage, clinic)

        async def work(tx: Transaction) -> None:
            await tx.clinics.add(other)
            try:
                await tx.clinics.add(attrs.evolve(a_clinic(), share_codes=clinic.share_codes))
            except DuplicateShareCode:
                return

        with pytest.raises(UniqueViolation, match="pk_clinic_share_codes"):
            await storage.transaction(work)

        assert await storage.read(lambda tx: tx.clinics.find(other.id)) is None

    async def test_a_transaction_that_is_cancelled_while_it_waits_leaves_no_lock(
        self, storage: SqlStorage, raw: Raw
    ) -> None:
        clinic = a_clinic()
        await _add(storage, clinic)
        async with raw.transaction():
            await raw.execute("UPDATE clinics SET tier = 'x'")
            waiting = asyncio.create_task(storage.transaction(lambda tx: tx.clinics.get(clinic.id)))
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        await raw.execute("UPDATE clinics SET tier = 'y'")
        found = await storage.transaction(lambda tx: tx.clinics.get(clinic.id))
        assert found.tier == "y"

    async def test_a_read_that_is_cancelled_leaves_a_connection_that_works(
        self, storage: SqlStorage
    ) -> None:
        clinic = a_clinic()
        await _add(storage, clinic)
        for steps in range(12):
            reading = asyncio.create_task(storage.read(lambda tx: tx.clinics.find(clinic.id)))
            for _ in range(steps):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])

            assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) == clinic

    async def test_a_patient_without_a_clinic_cannot_be_committed(
        self, storage: SqlStorage
    ) -> None:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await _add(storage, a_patient(a_clinic()))

        await _add(storage, a_clinic())

    async def test_work_that_only_reads_cannot_write(self, storage: SqlStorage) -> None:
        with pytest.raises(TypeError, match="cannot write"):
            await storage.read(lambda tx: tx.clinics.add(a_clinic()))


class TestLoss:
    async def test_a_lost_connection_undoes_the_transaction_and_is_replaced(
        self, storage: SqlStorage, raw: Raw
    ) -> None:
        clinic, other = a_clinic(), a_clinic()
        await _add(storage, clinic)

        async def work(tx: Transaction) -> None:
            await tx.clinics.add(other)
            await _disconnect_all(raw)
            await tx.clinics.get(clinic.id)

        with pytest.raises(Unavailable):
            await storage.transaction(work)

        assert await storage.read(lambda tx: tx.clinics.find(other.id)) is None
        await _add(storage, other)

    async def test_after_a_restart_of_the_server_everything_goes_on(
        self, storage: SqlStorage, raw: Raw
    ) -> None:
        clinic = a_clinic()
        await _add(storage, clinic)
        await asyncio.gather(
            *(storage.read(lambda tx: tx.clinics.find(clinic.id)) for _ in range(5))
        )

        await _disconnect_all(raw)

        assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) == clinic
        assert await storage.transaction(lambda tx: tx.clinics.find(clinic.id)) == clinic

    async def test_a_closed_storage_is_not_available(self, storage: SqlStorage) -> None:
        await storage.ping()
        await storage.close()

        with pytest.raises(Unavailable):
            await storage.ping()
        with pytest.raises(Unavailable):
            await _add(storage, a_clinic())


async def _disconnect_all(raw: Raw) -> None:
    """End all other connections to the database, and let their owners notice."""
    await raw.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await asyncio.sleep(0.1)


class TestLongTexts:
    async def test_names_of_any_length_are_listed_in_order(self, storage: SqlStorage) -> None:
        clinic = a_clinic()
        names = [f"{letter}{secrets.token_hex(5000)}" for letter in "cabd"]
        await _add(storage, clinic, *(a_patient(clinic, full_name=name) for name in names))

        query = PatientQuery(clinic.id, page=EVERYTHING)
        page = await storage.read(lambda tx: tx.patients.page(query))

        assert [patient.full_name for patient in page.patients] == sorted(names)

    async def test_an_mrn_of_any_length_is_found(self, storage: SqlStorage) -> None:
        clinic = a_clinic()
        mrn = secrets.token_hex(5000)
        patient = a_patient(clinic, mrn=mrn)
        await _add(storage, clinic, patient, a_patient(clinic, mrn=f"{mrn}0"))

        found = await storage.read(lambda tx: tx.patients.with_mrn(clinic.id, mrn.upper()))

        assert found == (patient,)

    async def test_a_text_that_no_index_takes_is_a_bad_request(self, storage: SqlStorage) -> None:
        clinic = a_clinic()
        patient = a_patient(clinic, mrn=secrets.token_hex(5000), require_unique_mrn=True)

        with pytest.raises(BadRequest, match="too long to be kept"):
            await _add(storage, clinic, patient)

    @pytest.mark.parametrize(
        "fields",
        [
            {"full_name": "Ji\0ll"},
            {"target_devices": ("a\0b",)},
            {"reviews": (Review(UserId("a\0"), A_MORNING),)},
        ],
    )
    async def test_a_nul_is_a_bad_request(
        self, storage: SqlStorage, fields: dict[str, Any]
    ) -> None:
        clinic = a_clinic()

        with pytest.raises(BadRequest, match="contains NUL"):
            await _add(storage, clinic, a_patient(clinic, **fields))

        assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) is None
