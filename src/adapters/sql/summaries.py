"""Glucose summaries in SQL: as documents, and as rows of numbers that lists ask for."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from cachetools import LRUCache
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.changes import Inserts, insert_into
from adapters.sql.dialects import texts_in
from adapters.sql.documents import number_or_none, text_of
from adapters.sql.statements import Parameters, Session, Statement
from adapters.sql.tables import (
    DATES,
    FLAG_BITS,
    column_of,
    flags_of,
    patient_summaries,
    patients,
    summary_dates,
    summary_metrics,
)
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import (
    MEASURES,
    EncodedPeriods,
    Period,
    Stats,
    StatsConfig,
    StatsDates,
    Summary,
    SummaryKind,
    are_complete,
)
from clinic_domain.values import RecordId

# Documents

_ENCODER: Final = msgspec.json.Encoder()


class _Head(msgspec.Struct):
    """One kind of summary without its periods."""

    id: str
    config: StatsConfig
    dates: StatsDates
    is_complete: bool
    digest: str = ""
    """Of the text of the periods; where an earlier version wrote it, there is none."""

    @classmethod
    def of(cls, kind: SummaryKind, stats: Stats, periods: bytes) -> "_Head":
        is_complete = are_complete(kind, stats.periods)
        return cls(stats.id, stats.config, stats.dates, is_complete, _digest_of(periods))


def _digest_of(periods: bytes) -> str:
    return hashlib.blake2b(periods, digest_size=16).hexdigest()


def _encoded(stats: Stats) -> bytes:
    return _ENCODER.encode({**stats.periods})


class _Stored(msgspec.Struct):
    """One kind of summary as it is kept; its periods are not looked into without need."""

    head: _Head
    periods: msgspec.Raw

    @classmethod
    def of(cls, kind: SummaryKind, stats: Stats) -> "_Stored":
        periods = _encoded(stats)
        return cls(_Head.of(kind, stats, periods), msgspec.Raw(periods))

    def stats(self, beside: str | None, *, remember: bool) -> Stats:
        head, periods = self.head, bytes(self.periods) if beside is None else beside.encode()
        encoded = EncodedPeriods(
            periods, _PERIODS.decode, is_complete=head.is_complete, remembers=remember
        )
        return Stats(head.id, head.config, head.dates, encoded)


class _StoredSummary(msgspec.Struct):
    cgm: _Stored | None
    bgm: _Stored | None

    @classmethod
    def of(cls, summary: Summary) -> "_StoredSummary":
        return cls(
            *(
                None if stats is None else _Stored.of(kind, stats)
                for kind in SummaryKind
                for stats in [summary.of(kind)]
            )
        )

    def summary(self, cgm: str | None, bgm: str | None, *, remember: bool) -> Summary:
        """Return what it says; of periods that come beside it, each kind comes by itself."""
        return Summary(
            None if self.cgm is None else self.cgm.stats(cgm, remember=remember),
            None if self.bgm is None else self.bgm.stats(bgm, remember=remember),
        )

    @property
    def is_identified(self) -> bool:
        """Whether no periods but these go with it."""
        return all(stored.head.digest for stored in (self.cgm, self.bgm) if stored is not None)


_DECODER: Final = msgspec.json.Decoder(_StoredSummary)
_PERIODS: Final = msgspec.json.Decoder(dict[str, dict[str, float | int | bool]])


def document_of(summary: Summary) -> str:
    """Return a summary as JSON."""
    return _ENCODER.encode(_StoredSummary.of(summary)).decode()


def summary_of(
    document: str | None, cgm: str | None = None, bgm: str | None = None
) -> Summary | None:
    """
    Return the summary that JSON stands for; what is not there was never set.

    Periods that come beside the document, each kind as JSON of its own, are not looked through.
    """
    return None if document is None else _DECODER.decode(document).summary(cgm, bgm, remember=True)


class KnownSummaries:
    """
    The summaries that were shown lately, each under its document without the periods.

    These are nearly all of it. The document has the digest of what they say, so they need not be
    read again while it is the same.
    """

    def __init__(self, capacity: int = 32 * 2**20) -> None:
        self._kept: LRUCache[str, Summary] = LRUCache(capacity, _size_of)

    def find(self, document: str) -> Summary | None:
        """Return the summary of a document without periods, if it is known."""
        return self._kept.get(document)

    def keep(self, document: str, cgm: str | None, bgm: str | None) -> Summary:
        """Return the summary of a document and the periods beside it; keep it if there is room."""
        stored = _DECODER.decode(document)
        summary = stored.summary(cgm, bgm, remember=False)
        if stored.is_identified:
            with suppress(ValueError):  # more than there is room for
                self._kept[document] = summary
        return summary


_BESIDE: Final = 2048
"""Bytes of a summary without its periods, about."""


def _size_of(summary: Summary) -> int:
    return _BESIDE + summary.encoded_size


def _text(text: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{text}'", sa.Text)


def _own(kind: SummaryKind, column: sa.ColumnElement[str]) -> sa.ScalarSelect[str]:
    stored = patient_summaries.c
    own = sa.select(column).where(stored.patient_id == patients.c.id, stored.kind == _text(kind))
    return own.correlate(patients).scalar_subquery()


def _stored(kind: SummaryKind, periods: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    head = patient_summaries.c.head
    whole = _text('{"head":') + head + _text(',"periods":') + periods + _text("}")
    return sa.func.coalesce(_own(kind, whole), _text("null"))


def _summary(periods: sa.ColumnElement[str]) -> sa.ColumnElement[str | None]:
    cgm, bgm = (_stored(kind, periods) for kind in (SummaryKind.CGM, SummaryKind.BGM))
    whole = _text('{"cgm":') + cgm + _text(',"bgm":') + bgm + _text("}")
    return sa.case((patients.c.summary_set, whole))


SUMMARY: Final = _summary(patient_summaries.c.periods)
"""The summary of a patient as JSON: the texts as they are."""
SUMMARY_WITHOUT_PERIODS: Final = _summary(_text("{}"))
PERIODS_BESIDE: Final = [_own(kind, patient_summaries.c.periods) for kind in SummaryKind]
"""What is missing there, as columns of their own."""

# Rows

New = Mapping[SummaryKind, Stats | None]
"""What patients have of some kinds from now on: a summary, or none."""

TABLES: Final = (summary_dates, *summary_metrics.values())
"""What lists ask about; rows of periods go with those of dates."""

_METRICS: Final = {
    kind: [(column_of(kind, name), name) for name in MEASURES[kind]] for kind in SummaryKind
}


def _whole_rows(new: New) -> Iterable[dict[str, Any]]:
    for kind, stats in new.items():
        if stats is not None:
            periods = _encoded(stats)
            head = _ENCODER.encode(_Head.of(kind, stats, periods))
            yield {
                "kind": kind.value,
                "summary_id": stats.id,
                "head": head.decode(),
                "periods": periods.decode(),
            }


def _row(table: sa.Table, new: New) -> dict[str, Any] | None:
    """Return the columns of some kinds, or None where there is nothing in them."""
    row: dict[str, Any] = {}
    for kind, stats in new.items():
        if stats is not None:
            row |= _VALUES[table](kind, stats)
    return {**dict.fromkeys(_columns(table, tuple(new))), **row} if row else None


def _dates(kind: SummaryKind, stats: Stats) -> dict[str, Any]:
    values = {f"has_{name}": getattr(stats.dates, f"has_{name}") for name in DATES}
    values |= {name: number_or_none(getattr(stats.dates, name)) for name in DATES}
    return {column_of(kind, name): value for name, value in values.items()}


def _metrics(period: Period, kind: SummaryKind, stats: Stats) -> dict[str, Any]:
    metrics = stats.periods.get(period)
    if metrics is None:
        return {}
    flags = sum(
        (0b11 if metrics[name] else 0b01) << bit
        for name, bit in FLAG_BITS[kind].items()
        if name in metrics
    )
    values = {column: float(metrics[name]) for column, name in _METRICS[kind] if name in metrics}
    return {flags_of(kind): flags, **values}


_VALUES: Final[Mapping[sa.Table, Callable[[SummaryKind, Stats], dict[str, Any]]]] = {
    summary_dates: _dates,
    **{table: partial(_metrics, period) for period, table in summary_metrics.items()},
}


@cache
def _columns(table: sa.Table, kinds: tuple[SummaryKind, ...]) -> tuple[str, ...]:
    """Return the columns of some kinds; the first of a kind is never empty where there is one."""
    beginnings = tuple(f"{kind}_" for kind in kinds)
    return tuple(column.name for column in table.c if column.name.startswith(beginnings))


def _keyed(patient: Patient, rows: Iterable[dict[str, Any] | None]) -> list[Parameters]:
    """Return the rows that there are, as those of a patient."""
    own = {"patient_id": patient.id, "clinic_id": patient.clinic_id}
    return [{**own, **row} for row in rows if row is not None]


def _kinds_of(patient: Patient) -> New:
    summary = patient.summary or Summary()
    return {kind: summary.of(kind) for kind in SummaryKind}


def _insert(table: sa.Table) -> tuple[Statement, Callable[[Patient], list[Parameters]]]:
    return insert_into(table), lambda patient: _keyed(patient, [_row(table, _kinds_of(patient))])


INSERTS: Final[Inserts] = (
    (
        insert_into(patient_summaries),
        lambda patient: _keyed(patient, _whole_rows(_kinds_of(patient))),
    ),
    *map(_insert, TABLES),
)

# Statements

_which: Final = texts_in(sa.bindparam("which"))


def _put(table: sa.Table, columns: Iterable[str]) -> Statement:
    """Return a statement that stores some columns for some patients, and leaves the others."""
    own: dict[str, sa.ColumnElement[Any]] = {
        "patient_id": patients.c.id,
        "clinic_id": patients.c.clinic_id,
    }
    values = {name: column for name, column in own.items() if name in table.c}
    values |= {name: sa.bindparam(name, type_=table.c[name].type) for name in columns}
    rows = sa.select(*values.values()).where(patients.c.id.in_(_which))
    keys = table.primary_key.columns.keys()

    def upsert(insert: Any) -> Any:
        new = insert(table).from_select([*values], rows)
        others = {name: new.excluded[name] for name in values if name not in keys}
        return new.on_conflict_do_update(index_elements=keys, set_=others)

    return Statement(upsert(sqlite.insert), postgresql=upsert(postgresql.insert))


PUT_WHOLE: Final = _put(patient_summaries, ("kind", "summary_id", "head", "periods"))
REMOVE_WHOLE: Final = Statement(
    sa.delete(patient_summaries).where(
        patient_summaries.c.patient_id.in_(_which),
        patient_summaries.c.kind == sa.bindparam("which_kind"),
    )
)


@cache
def put_into(table: sa.Table, kinds: tuple[SummaryKind, ...]) -> Statement:
    """Return a statement that stores the columns of some kinds for some patients."""
    return _put(table, _columns(table, kinds))


@cache
def removal_from(table: sa.Table, kinds: tuple[SummaryKind, ...]) -> tuple[Statement, ...]:
    """Return statements that leave nothing of some kinds, nor rows with nothing in them."""
    owners = sa.select(patients.c.clinic_id, patients.c.id).where(patients.c.id.in_(_which))
    mine = sa.tuple_(table.c.clinic_id, table.c.patient_id).in_(owners)
    others = [kind for kind in SummaryKind if kind not in kinds]
    nothing_else = [table.c[_columns(table, (kind,))[0]].is_(None) for kind in others]
    drop = Statement(sa.delete(table).where(mine, *nothing_else))
    if not others:
        return (drop,)
    clear = sa.update(table).where(mine).values(dict.fromkeys(_columns(table, kinds), sa.null()))
    return Statement(clear), drop


# Changes

_touched: Final = (
    sa.update(patients)
    .where(patients.c.user_id == sa.bindparam("which_user"))
    .returning(patients.c.id)
)
_now: Final[dict[str, Any]] = {"updated_time": sa.bindparam("now")}
TOUCH: Final = Statement(_touched.values(_now))
SET: Final = Statement(_touched.values(**_now, summary_set=sa.true()))
UNSET: Final = Statement(_touched.values(**_now, summary_set=sa.false()))
_with_id: Final = patient_summaries.c.summary_id == sa.bindparam("which_summary")
_owners: Final = (
    sa.select(patients.c.id)
    .where(patients.c.id.in_(sa.select(patient_summaries.c.patient_id).where(_with_id)))
    .order_by(patients.c.id)
)
OWNERS: Final = Statement(_owners, to_change=Statement(_owners.with_for_update(key_share=True)))
"""Who has a summary; until the transaction ends nobody else changes it, or moves them."""
REMOVE_BY_ID: Final = Statement(
    sa.delete(patient_summaries)
    .where(_with_id, patient_summaries.c.patient_id.in_(_which))
    .returning(patient_summaries.c.patient_id, patient_summaries.c.kind)
)


async def put(session: Session, ids: Collection[RecordId], new: New) -> None:
    """Give some patients summaries in place of what they have of the same kinds."""
    if not (ids and new):
        return
    which, kinds = {"which": text_of(list(ids))}, tuple(new)
    for kind in kinds:
        if new[kind] is None:
            await session.run(REMOVE_WHOLE, {**which, "which_kind": kind.value})
    await session.run_for_each(PUT_WHOLE, [{**which, **row} for row in _whole_rows(new)])
    for table in TABLES:
        row = _row(table, new)
        if row is not None:
            await session.run(put_into(table, kinds), {**which, **row})
        else:
            for statement in removal_from(table, kinds):
                await session.run(statement, which)
