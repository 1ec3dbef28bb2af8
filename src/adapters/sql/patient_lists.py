"""Lists of patients: which tables a query needs, and what it asks of them."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, Literal

import attrs
import sqlalchemy as sa

from adapters.sql.changes import cut
from adapters.sql.dialects import by_code_points, occurs_in, texts_in
from adapters.sql.documents import number_of, number_or_none, text_of
from adapters.sql.patient_rows import searched
from adapters.sql.statements import Statement
from adapters.sql.tables import (
    FLAG_BITS,
    column_of,
    flags_of,
    patient_data_sources,
    patient_sites,
    patient_tags,
    patient_tallies,
    patients,
    summary_dates,
    summary_metrics,
)
from clinic_domain.patients.model import DataSourceState, Provider
from clinic_domain.patients.queries import (
    Absent,
    Attribute,
    Comparison,
    DateName,
    Measure,
    Order,
    PatientQuery,
    SummaryDate,
)
from clinic_domain.patients.summaries import FLAGGED, SummaryKind, flag_of
from clinic_domain.values import ClinicId

Column = sa.ColumnElement[Any]


@attrs.frozen
class Shape:
    """What a query asks about, and in which order; what it compares with are parameters."""

    search: bool
    tags: Literal["one", "all", "none"] | None
    sites: Literal["any", "none"] | None
    last_reviewed: bool
    omit_non_standard_ranges: bool
    metrics: tuple[tuple[Measure, Comparison, bool], ...]
    last_data: tuple[tuple[SummaryKind, bool, bool], ...]
    without_data: bool
    excluded: bool
    order: Order
    only_present: bool = False
    """Whether those are left out who may lack what the list is ordered by."""

    @property
    def ends_with_absent(self) -> bool:
        """Whether all of a clinic are listed, and last those who lack what they are ordered by."""
        return (
            not isinstance(self.order.by, Attribute)
            and (self.order.descending or self.order.absent is not Absent.LOWEST)
            and self == Shape.of(PatientQuery(ClinicId(""), order=self.order))
        )

    @classmethod
    def of(cls, query: PatientQuery) -> "Shape":
        return cls(
            query.search is not None,
            None if query.tags is None else _number_of_tags(len(set(query.tags))),
            None if query.sites is None else "any" if query.sites else "none",
            query.last_reviewed is not None,
            query.omit_non_standard_ranges,
            tuple((each.measure, each.comparison, each.or_absent) for each in query.metrics),
            tuple(
                (each.kind, each.since is not None, each.before is not None)
                for each in query.last_data
            ),
            query.without_data is not None,
            bool(query.excluded),
            query.order,
        )


def _number_of_tags(number: int) -> Literal["one", "all", "none"]:
    return "all" if number > 1 else "one" if number else "none"


def parameters_of(query: PatientQuery) -> dict[str, Any]:
    """Return what the statement of a query's shape compares with."""
    found: dict[str, Any] = {"which_clinic": query.clinic_id, **cut(query.page)}
    if query.search is not None:
        found["search"] = searched(query.search)
    if query.tags:
        found["tag"] = query.tags[0]
        found |= {"tags": text_of(query.tags), "number_of_tags": len(set(query.tags))}
    if query.sites:
        found["sites"] = text_of(query.sites)
    if query.last_reviewed is not None:
        found["last_reviewed"] = number_of(query.last_reviewed)
    for at, wanted in enumerate(query.metrics):
        found[f"limit_{at}"] = wanted.limit
    for at, span in enumerate(query.last_data):
        found[f"since_{at}"] = number_or_none(span.since)
        found[f"before_{at}"] = number_or_none(span.before)
    if query.without_data is not None:
        found["cutoff"] = number_of(query.without_data.cutoff)
        found["stale_before"] = number_of(query.without_data.stale_before)
    if query.excluded:
        found["excluded"] = text_of(sorted(query.excluded))
    return found


# Tables


def _metric(measure: Measure) -> sa.Column[Any]:
    return summary_metrics[measure.period].c[column_of(measure.kind, measure.name)]


def _date(key: SummaryDate) -> sa.Column[Any]:
    return summary_dates.c[column_of(key.kind, key.name)]


def _last_data(kind: SummaryKind) -> sa.Column[Any]:
    return _date(SummaryDate(kind, DateName.LAST_DATA))


_ATTRIBUTES: Final[dict[Attribute, Column]] = {
    Attribute.FULL_NAME: patients.c.name_key,
    Attribute.BIRTH_DATE: by_code_points(patients.c.birth_date),
    Attribute.LAST_REVIEWED: patients.c.last_reviewed,
}


def _value(order: Order) -> Column:
    match order.by:
        case Measure():
            return _metric(order.by)
        case SummaryDate():
            return _date(order.by)
        case Attribute():
            return _ATTRIBUTES[order.by]


def _flag(order: Order) -> Column | None:
    """Return the flag that an order goes by first."""
    if order.absent is not Absent.BY_FLAG:
        return None
    match order.by:
        case Measure(kind, period, name) if name in FLAGGED[kind]:
            flags = summary_metrics[period].c[flags_of(kind)]
            bit: sa.ColumnElement[int] = sa.literal_column(str(FLAG_BITS[kind][flag_of(name)]))
            known = flags.bitwise_rshift(bit).bitwise_and(sa.literal_column("3"))
            return sa.func.nullif(known, sa.literal_column("0"))
        case SummaryDate():
            return summary_dates.c[column_of(order.by.kind, f"has_{order.by.name}")]
        case _:
            return None


def _id_in(table: sa.Table) -> sa.Column[Any]:
    return table.c.id if table is patients else table.c.patient_id


class _Tables:
    """
    The tables that a list needs, and no others.

    Where a condition holds only for those who have a row in a table, that is where the list begins:
    with a tag before all, of which there may be few.
    """

    def __init__(self, shape: Shape) -> None:
        with_row = [_metric(each).table for each, _, or_absent in shape.metrics if not or_absent]
        if shape.last_data:
            with_row.append(summary_dates)
        maybe = [_metric(each).table for each, _, or_absent in shape.metrics if or_absent]
        if not isinstance(shape.order.by, Attribute):
            (with_row if shape.only_present else maybe).append(_value(shape.order).table)
        if shape.without_data:
            maybe.append(summary_dates)
        if (
            not with_row
            or shape.search
            or shape.last_reviewed
            or shape.omit_non_standard_ranges
            or isinstance(shape.order.by, Attribute)
        ):
            with_row.append(patients)
        if shape.tags in {"one", "all"}:
            with_row.insert(0, patient_tags)
        first, *others = dict.fromkeys(with_row)
        self.first = first
        self.id = _id_in(first)
        self.joined: sa.FromClause = first
        for table in others:
            self.joined = self.joined.join(table, self._is_same(table))
        for table in dict.fromkeys(maybe):
            if table not in with_row:
                self.joined = self.joined.outerjoin(table, self._is_same(table))

    def _is_same(self, table: sa.Table) -> Column:
        return (table.c.clinic_id == sa.bindparam("which_clinic")) & (_id_in(table) == self.id)


# Conditions

_COMPARED: Final = {
    Comparison.ABOVE: sa.Column.__gt__,
    Comparison.AT_LEAST: sa.Column.__ge__,
    Comparison.BELOW: sa.Column.__lt__,
    Comparison.AT_MOST: sa.Column.__le__,
}


def _with_tags(*, several: bool) -> Iterable[Column]:
    """Yield what holds of those who have a tag, and as many of some tags as there are."""
    yield patient_tags.c.tag_id == sa.bindparam("tag")
    if several:
        own = patient_tags.alias("own")
        number = sa.select(sa.func.count()).where(
            own.c.patient_id == patient_tags.c.patient_id,
            own.c.tag_id.in_(texts_in(sa.bindparam("tags"))),
        )
        yield number.scalar_subquery() == sa.bindparam("number_of_tags")


def _with_any_site() -> sa.Select[Any]:
    return sa.select(patient_sites.c.patient_id).where(
        patient_sites.c.clinic_id == sa.bindparam("which_clinic"),
        patient_sites.c.site_id.in_(texts_in(sa.bindparam("sites"))),
    )


def _conditions(shape: Shape, id_: sa.Column[Any]) -> Iterable[Column]:
    if shape.search:
        wanted: sa.BindParameter[str] = sa.bindparam("search")
        yield (occurs_in(patients.c.search_text, wanted) > 0) | (
            occurs_in(patients.c.email_search, wanted) > 0
        )
    if shape.tags == "none":
        yield _without(patient_tags, id_)
    elif shape.tags:
        yield from _with_tags(several=shape.tags == "all")
    if shape.sites:
        yield id_.in_(_with_any_site()) if shape.sites == "any" else _without(patient_sites, id_)
    if shape.last_reviewed:
        yield patients.c.last_reviewed <= sa.bindparam("last_reviewed")
    if shape.omit_non_standard_ranges:
        yield ~patients.c.non_standard_ranges
    if shape.excluded:
        yield id_.not_in(texts_in(sa.bindparam("excluded")))
    yield from _conditions_on_summaries(shape, id_)


def _conditions_on_summaries(shape: Shape, id_: sa.Column[Any]) -> Iterable[Column]:
    for at, (measure, comparison, or_absent) in enumerate(shape.metrics):
        column = _metric(measure)
        holds = _COMPARED[comparison](column, sa.bindparam(f"limit_{at}"))
        yield holds | column.is_(None) if or_absent else holds
    for at, (kind, since, before) in enumerate(shape.last_data):
        last_data = _last_data(kind)
        yield last_data.is_not(None)
        if since:
            yield last_data >= sa.bindparam(f"since_{at}")
        if before:
            yield last_data < sa.bindparam(f"before_{at}")
    if shape.without_data:
        last_data = _last_data(SummaryKind.CGM)
        is_old = last_data < sa.bindparam("cutoff")
        is_stale = last_data < sa.bindparam("stale_before")
        yield last_data.is_(None) | (is_stale & (is_old | _with_broken_dexcom(id_)))


def _without(table: sa.Table, id_: sa.Column[Any]) -> Column:
    return ~sa.exists().where(table.c.patient_id == id_)


def _with_broken_dexcom(id_: sa.Column[Any]) -> Column:
    return sa.exists().where(
        patient_data_sources.c.patient_id == id_,
        patient_data_sources.c.provider_name == sa.literal_column(f"'{Provider.DEXCOM}'"),
        patient_data_sources.c.state != sa.literal_column(f"'{DataSourceState.CONNECTED}'"),
    )


# Statements

_TOTAL: Final = sa.func.coalesce(
    sa.select(patient_tallies.c.total)
    .where(patient_tallies.c.clinic_id == sa.bindparam("which_clinic"))
    .scalar_subquery(),
    0,
)


def _arranged(order: Order, found: Any) -> list[Column]:
    """Return what rows of *found* are sorted by."""
    by: list[Column] = []
    if "flag" in found:
        by.append(found.flag.desc().nulls_last())
    value = found.value.desc() if order.descending else found.value.asc()
    if order.by is Attribute.FULL_NAME:
        by.append(value)  # as the index has it
    elif order.descending or order.absent is Absent.LAST:
        by.append(value.nulls_last())
    else:
        by.append(value.nulls_first())
    return [*by, found.id]


@lru_cache(maxsize=256)
def matches_of(shape: Shape) -> Statement:
    """
    Return a SELECT of a page of ids, each behind the two counts.

    One statement sees one state, so page and counts agree. Without conditions nothing is counted:
    the number of all patients is kept.
    """
    tables = _Tables(shape)
    conditions = list(_conditions(shape, tables.id))
    columns = [tables.id.label("id"), _value(shape.order).label("value")]
    flag = _flag(shape.order)
    if flag is not None:
        columns.append(flag.label("flag"))
    found = sa.select(*columns).select_from(tables.joined).where(*conditions)
    if shape.only_present:
        found = found.where(columns[-1].element.is_not(None))
    # Who has a site is known by clinic, so nobody has to look through all of it.
    if tables.first is not patients or shape.sites != "any":
        found = found.where(tables.first.c.clinic_id == sa.bindparam("which_clinic"))
    if conditions:
        matched = found.cte("matched")
        matching: Any = sa.select(sa.func.count()).select_from(matched).scalar_subquery()
        page = sa.select(matched).order_by(*_arranged(shape.order, matched.c))
    else:
        matching = _TOTAL
        page = found.order_by(*_arranged(shape.order, found.selected_columns))
    counts = sa.select(matching.label("matching"), _TOTAL.label("total")).subquery("counts")
    cut_out = page.limit(sa.bindparam("limit")).offset(sa.bindparam("offset")).subquery("page")
    return Statement(
        sa.select(counts.c.matching, counts.c.total, cut_out.c.id)
        .select_from(counts.outerjoin(cut_out, sa.true()))
        .order_by(*_arranged(shape.order, cut_out.c)),
        varies=True,
    )
