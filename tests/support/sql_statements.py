"""Statements of the SQL storage whose cost must not grow with what they are not about."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql import (
    clinicians,
    clinics,
    create_engine,
    open_storage,
    patient_statements,
    summaries,
    upgrade,
)
from adapters.sql.migrating import config_of, migrate
from adapters.sql.patient_lists import Shape, matches_of
from adapters.sql.patient_rows import row_of
from adapters.sql.patient_statements import in_clinics
from adapters.sql.statements import Statement
from adapters.sql.tables import patients as patients_table
from adapters.sql.tables import summary_dates, summary_metrics
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import (
    BY_NAME,
    Comparison,
    DateName,
    LastDataFilter,
    Measure,
    MetricFilter,
    Order,
    PatientQuery,
    SortKey,
    SummaryDate,
    WithoutData,
    order_by,
)
from clinic_domain.patients.summaries import Period, Stats, StatsDates, Summary, SummaryKind
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, SiteId, TagId


def _list(order: Order = BY_NAME, **conditions: Any) -> Statement:
    return matches_of(Shape.of(PatientQuery(ClinicId(""), order=order, **conditions)))


def _by(key: SortKey) -> Order:
    return order_by(key, descending=True)


_CGM, _BGM = SummaryKind.CGM, SummaryKind.BGM
_TARGET: Final = Measure(_CGM, Period.WEEK, "timeInTargetPercent")
_MOST: Final = Measure(_BGM, Period.DAY, "max")
_LAST_DATA: Final = SummaryDate(_CGM, DateName.LAST_DATA)
_FILTERS: Final = tuple(MetricFilter(key, Comparison.BELOW, 0.5) for key in (_TARGET, _MOST))
_TAGS: Final = (TagId("a"), TagId("b"))

_WEEK: Final = summary_metrics[Period.WEEK]


def _cleared(what: str, table: sa.Table) -> dict[str, Statement]:
    clear, drop = summaries.removal_from(table, (_CGM,))
    (drop_all,) = summaries.removal_from(table, (_CGM, _BGM))
    return {
        f"{what} of one kind that go": clear,
        f"{what} without another kind": drop,
        f"{what} that go": drop_all,
    }


CHEAP: Final[dict[str, Statement]] = {
    "clinic": clinics._FIND,
    "clinic view": clinics._FIND_VIEW,
    "clinician": clinicians._FIND,
    "clinicians of a clinic": clinicians._newest_first(("which_clinic",)),
    "clinicians of a user": clinicians._newest_first(("which_user",)),
    "all clinicians": clinicians._newest_first(()),
    "patient": patient_statements.FIND,
    "patients with an MRN": patient_statements.WITH_MRN,
    "some patients": patient_statements.SOME,
    "tally": patient_statements.TALLY,
    "first patients": _list(),
    "delete patient": patient_statements.DELETE,
    "copy patient": patient_statements.MOVE,
    "holders of a tag": patient_statements.REMOVE_TAG[False][0],
    "holders of a site": patient_statements.REMOVE_SITE[0],
    "patients of several clinics": in_clinics(()),
    "patients with ids": patient_statements.WITH_IDS,
    "patients of a user whose summary changes": summaries.SET,
    "patients with a summary": summaries.OWNERS,
    "summaries with an id": summaries.REMOVE_BY_ID,
    "numbers that are replaced": summaries.put_into(_WEEK, (_CGM,)),
    **_cleared("numbers", _WEEK),
    **_cleared("dates", summary_dates),
    "documents that go": summaries.REMOVE_WHOLE,
}

TOUCHES_SOME: Final[dict[str, tuple[Statement, ...]]] = {
    "tag removed": patient_statements.REMOVE_TAG[False],
    "tag removed from some": patient_statements.REMOVE_TAG[True],
    "tag added to some": patient_statements.ADD_TAG[True],
    "site renamed": patient_statements.RENAME_SITE,
    "site removed": patient_statements.REMOVE_SITE,
    "site moved": patient_statements.MOVE_SITE,
    "tag converted": patient_statements.TAG_TO_SITE,
    "list by tag": (_list(tags=_TAGS[:1]),),
    "list by tags": (_list(tags=_TAGS),),
    "list by site": (_list(sites=(SiteId(""),)),),
    "list by tag in the order of a metric": (_list(_by(_TARGET), tags=_TAGS[:1]),),
    "list by tags and metrics": (_list(_by(_TARGET), tags=_TAGS, metrics=_FILTERS),),
}

BY_SUMMARY: Final[dict[str, Statement]] = {
    "by a metric": _list(metrics=_FILTERS[:1]),
    "by metrics of several kinds": _list(_by(_TARGET), metrics=_FILTERS),
    "in the order of a metric": _list(_by(_MOST)),
    "in the order of a date": _list(_by(_LAST_DATA)),
    "by a date": _list(last_data=(LastDataFilter(_CGM, since=A_MORNING),)),
    "without data": _list(_by(_LAST_DATA), without_data=WithoutData(A_MORNING, A_MORNING)),
}
"""Lists of patients for which summaries matter."""


async def first_version(engine: AsyncEngine) -> Patient:
    """Make the tables of the first version in an empty database, with the patient that it gives."""
    clinic = a_clinic()
    patient = a_patient(clinic)
    rows = {"clinics": clinics.row_of(clinic), "patients": row_of(patient)}
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: migrate(sync, "0001"))
        for table, of_now in rows.items():
            nothing = await connection.execute(sa.text(f"SELECT * FROM {table} LIMIT 0"))  # noqa: S608 - our names
            columns = set(nothing.keys())
            row = {name: value for name, value in of_now.items() if name in columns}
            values = ", ".join(f":{name}" for name in row)
            insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"  # noqa: S608 - our names
            await connection.execute(sa.text(insert), row)
    return patient


async def apart(engine: AsyncEngine) -> dict[str, int]:
    """Go back to when each kind had tables of its own; return how many rows they have."""
    tables = [f"{kind}_{part}" for kind in SummaryKind for part in ("dates", *Period)]
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.downgrade(config_of(sync), "0005"))
        number = sa.func.count()
        found = [
            await connection.scalar(sa.select(number).select_from(sa.table(name)))
            for name in tables
        ]
        await connection.commit()
    return {name: number for name, number in zip(tables, found, strict=True) if number}


async def rows_of_metrics(engine: AsyncEngine) -> list[list[tuple[Any, ...]]]:
    """Return what lists ask about."""
    async with engine.connect() as connection:
        found = [
            await connection.execute(sa.select(table).order_by(table.c.patient_id))
            for table in summaries.TABLES
        ]
    return [[tuple(row) for row in rows] for rows in found]


async def keys_are_made_anew(url: str) -> None:
    """Check that a migration derives keys again of what they are derived of."""
    clinic = a_clinic()
    patients = [a_patient(clinic, full_name=name, mrn=f"{name}7") for name in ("Єва", "Eve", None)]
    storage = await open_storage(url)
    await keep(storage, clinic, *patients)
    await storage.close()
    engine = create_engine(url)
    keys = sa.select(
        *(patients_table.c[name] for name in ("id", "name_key", "mrn_key", "birth_date_key"))
    ).order_by(patients_table.c.id)
    async with engine.connect() as connection:
        before = (await connection.execute(keys)).all()
        await connection.run_sync(lambda sync: command.downgrade(config_of(sync), "0006"))
        old = {"name_key": "old", "mrn_key": "old", "birth_date_key": "old"}
        await connection.execute(sa.update(patients_table).values(old))
        await connection.commit()

    await upgrade(engine)

    async with engine.connect() as connection:
        assert (await connection.execute(keys)).all() == before
    await engine.dispose()


async def come_apart_and_together(url: str) -> None:
    """Check that summaries of both kinds, of one and of none go both ways unchanged."""
    clinic = a_clinic()
    cgm = Stats("c", periods={"1d": {"min": 2.5, "hasTotalRecords": True}, "7d": {"min": 3.5}})
    bgm = Stats("b", periods={"7d": {"max": 9.5}}, dates=StatsDates(last_data=A_MORNING))
    storage = await open_storage(url)

    both = (Summary(cgm, bgm), Summary(cgm), Summary(bgm=bgm), Summary(), None)
    patients = [a_patient(clinic, summary=summary) for summary in both]
    await keep(storage, clinic, *patients)
    await storage.close()
    engine = create_engine(url)
    before = await rows_of_metrics(engine)
    assert [len(rows) for rows in before] == [3, 2, 3, 0, 0]

    number = await apart(engine)
    assert number == {"cgm_dates": 2, "cgm_1d": 2, "cgm_7d": 2, "bgm_dates": 2, "bgm_7d": 2}
    await upgrade(engine)

    assert await rows_of_metrics(engine) == before
    await engine.dispose()
