"""Glucose summaries in SQL: as documents, and as rows of numbers that lists ask for."""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import attrs
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

    def stats(self, periods: bytes) -> Stats:
        encoded = EncodedPeriods(periods, _PERIODS.decode, is_complete=self.is_complete)
        return Stats(self.id, self.config, self.dates, encoded)


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

    def summary(self, cgm: str | None, bgm: str | None) -> Summary:
        return Summary(
            *(
                None
                if stored is None
                else stored.head.stats(bytes(stored.periods) if text is None else text.encode())
                for stored, text in ((self.cgm, cgm), (self.bgm, bgm))
            )
        )


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
    return None if document is None else _DECODER.decode(document).summary(cgm, bgm)


class KnownPeriods:
    """
    The periods of summaries that were shown lately, each under the digest of what it says.

    They are nearly all of a record, and need not be read again while the summary has that digest.
    """

    def __init__(self, capacity: int = 32 * 2**20) -> None:
        self._texts: LRUCache[str, bytes] = LRUCache(capacity, len)

    def summary_of(self, document: str) -> Summary | None:
        """Return the summary of a document without periods, or None where some are not known."""
        stored = _DECODER.decode(document)
        try:
            return Summary(self._stats(stored.cgm), self._stats(stored.bgm))
        except KeyError:
            return None

    def _stats(self, stored: _Stored | None) -> Stats | None:
        return None if stored is None else stored.head.stats(self._texts[stored.head.digest])

    def keep(self, document: str | None, *periods: str | None) -> None:
        """Keep what stands beside a document, until there is too much."""
        if document is None:
            return
        stored = _DECODER.decode(document)
        for part, text in zip((stored.cgm, stored.bgm), periods, strict=True):
            if part is not None and text is not None and part.head.digest:
                with suppress(ValueError):  # more than there is room for
                    self._texts[part.head.digest] = text.encode()


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

RowOf = Callable[[Stats], dict[str, Any] | None]

_COLUMNS: Final = {
    kind: [(column_of(name), name) for name in MEASURES[kind]] for kind in SummaryKind
}
_which: Final = texts_in(sa.bindparam("which"))


@attrs.frozen
class Part:
    """A table that holds a row of each summary of a kind, or none."""

    kind: SummaryKind
    row_of: RowOf
    insert: Statement
    """Stores a row of a new patient."""
    put: Statement
    """Stores the same row for some patients, in place of what they have."""
    remove: Statement
    """Takes the rows of some patients away."""

    def rows_of(self, patient: Patient) -> Iterable[Parameters]:
        stats = patient.summary and patient.summary.of(self.kind)
        row = self.row_of(stats) if stats else None
        own = {"patient_id": patient.id, "clinic_id": patient.clinic_id}
        return [] if row is None else [{**own, **row}]


def _whole_row(kind: SummaryKind) -> RowOf:
    def row_of(stats: Stats) -> dict[str, Any]:
        periods = _encoded(stats)
        head = _ENCODER.encode(_Head.of(kind, stats, periods))
        return {
            "kind": kind.value,
            "summary_id": stats.id,
            "head": head.decode(),
            "periods": periods.decode(),
        }

    return row_of


def _dates_row(stats: Stats) -> dict[str, Any]:
    flags = {f"has_{name}": getattr(stats.dates, f"has_{name}") for name in DATES}
    return flags | {name: number_or_none(getattr(stats.dates, name)) for name in DATES}


def _metrics_row(kind: SummaryKind, period: Period) -> RowOf:
    def row_of(stats: Stats) -> dict[str, Any] | None:
        metrics = stats.periods.get(period)
        if metrics is None:
            return None
        flags = sum(
            (0b11 if metrics[name] else 0b01) << bit
            for name, bit in FLAG_BITS[kind].items()
            if name in metrics
        )
        values = {
            column: float(metrics[name]) if name in metrics else None
            for column, name in _COLUMNS[kind]
        }
        return {"flags": flags, **values}

    return row_of


def _part(kind: SummaryKind, table: sa.Table, row_of: RowOf) -> Part:
    keys = [column.name for column in table.primary_key]
    own = {"patient_id": patients.c.id, "clinic_id": patients.c.clinic_id}
    row = [own.get(each.name, sa.bindparam(each.name, type_=each.type)) for each in table.c]
    rows = sa.select(*row).where(patients.c.id.in_(_which))

    def put(insert: Any) -> Any:
        new = insert(table).from_select(table.c.keys(), rows)
        values = {
            column.name: new.excluded[column.name] for column in table.c if column.name not in keys
        }
        return new.on_conflict_do_update(index_elements=keys, set_=values)

    if "kind" in keys:
        mine: sa.ColumnElement[bool] = table.c.patient_id.in_(_which) & (
            table.c.kind == _text(kind)
        )
    else:
        owners = sa.select(patients.c.clinic_id, patients.c.id).where(patients.c.id.in_(_which))
        mine = sa.tuple_(table.c.clinic_id, table.c.patient_id).in_(owners)
    return Part(
        kind,
        row_of,
        insert_into(table),
        Statement(put(sqlite.insert), postgresql=put(postgresql.insert)),
        Statement(sa.delete(table).where(mine)),
    )


WHOLE: Final = {
    kind: (
        _part(kind, patient_summaries, _whole_row(kind)),
        _part(kind, summary_dates[kind], _dates_row),
    )
    for kind in SummaryKind
}
"""What everyone has a row in who has a summary; the rows of periods go with it."""
PERIODS: Final = {
    kind: tuple(
        _part(kind, summary_metrics[kind, period], _metrics_row(kind, period)) for period in Period
    )
    for kind in SummaryKind
}
INSERTS: Final[Inserts] = tuple(
    (part.insert, part.rows_of) for kind in SummaryKind for part in (*WHOLE[kind], *PERIODS[kind])
)

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
REMOVE_BY_ID: Final = Statement(
    sa.delete(patient_summaries)
    .where(patient_summaries.c.summary_id == sa.bindparam("which_summary"))
    .returning(patient_summaries.c.patient_id, patient_summaries.c.kind)
)


async def put(session: Session, ids: Iterable[RecordId], kind: SummaryKind, stats: Stats) -> None:
    """Store the summary of some patients in place of what they have of this kind."""
    which = {"which": text_of(list(ids))}
    for part in (*WHOLE[kind], *PERIODS[kind]):
        row = part.row_of(stats)
        if row is None:
            await session.run(part.remove, which)
        else:
            await session.run(part.put, {**which, **row})


async def remove(session: Session, ids: Iterable[RecordId], kind: SummaryKind) -> None:
    """Take away what some patients have of this kind."""
    which = {"which": text_of(list(ids))}
    for part in WHOLE[kind]:
        await session.run(part.remove, which)
