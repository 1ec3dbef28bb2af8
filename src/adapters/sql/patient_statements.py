"""The statements on patients."""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from adapters.sql.changes import BY_ID, appended_to, circumstances, following, insert_into, moved
from adapters.sql.dialects import aggregated, texts_in
from adapters.sql.statements import Statement
from adapters.sql.summaries import PERIODS_BESIDE, SUMMARY, SUMMARY_WITHOUT_PERIODS
from adapters.sql.tables import (
    PATIENT_FIELDS,
    patient_data_sources,
    patient_deletions,
    patient_sites,
    patient_tags,
    patient_tallies,
    patients,
    provider_tallies,
)

SOURCE_COLUMNS: Final = (
    "provider_name",
    "state",
    "data_source_id",
    "modified_time",
    "expiration_time",
    "latest_data_time",
)


def _part(table: sa.Table, *columns: str) -> sa.ScalarSelect[Any]:
    """Return what stands in another table for a patient, as JSON."""
    rows = (
        sa.select(*(table.c[name] for name in columns))
        .where(table.c.patient_id == patients.c.id)
        .order_by(table.c.position)
        .correlate(patients)
    )
    return aggregated(rows, *columns)


# "Never set" is not the same as empty, so the rows alone do not say it.
_SOURCES: Final = sa.case(
    (patients.c.data_sources_set, _part(patient_data_sources, *SOURCE_COLUMNS))
)
_PARTS: Final[dict[str, sa.ColumnElement[Any]]] = {
    "tags": sa.case((patients.c.tags_set, _part(patient_tags, "tag_id"))),
    "sites": sa.case((patients.c.sites_set, _part(patient_sites, "site_id", "name"))),
    "data_sources": _SOURCES,
    "summary": SUMMARY_WITHOUT_PERIODS,
}
_IN_SHORT: Final = [
    _PARTS[name].label(name) if name in _PARTS else patients.c[name] for name in PATIENT_FIELDS
]
"""A patient without the periods of the summary."""
_FIELDS: Final = [*_IN_SHORT, *PERIODS_BESIDE]
_MOVED: Final = [SUMMARY if field.name == "summary" else field for field in _IN_SHORT]

_by_id: Final = patients.c.id == sa.bindparam(BY_ID)
_of_clinic: Final = patients.c.clinic_id == sa.bindparam("which_clinic")
_of_user: Final = patients.c.user_id == sa.bindparam("which_user")
_of_users: Final = patients.c.user_id.in_(texts_in(sa.bindparam("users")))
_non_custodial: Final = ~patients.c.is_custodial
_which: Final = texts_in(sa.bindparam("which"))
_by_name: Final = (patients.c.name_key, patients.c.id)
_limit: Final[sa.BindParameter[int]] = sa.bindparam("limit")
_offset: Final[sa.BindParameter[int]] = sa.bindparam("offset")


def _select(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(*_FIELDS).where(*conditions)


def _select_in_short(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(*_IN_SHORT).where(*conditions)


def _page(found: sa.Select[Any]) -> sa.Select[Any]:
    return found.order_by(*_by_name).limit(_limit).offset(_offset)


def _moved(*conditions: sa.ColumnElement[bool]) -> Statement:
    order = (patients.c.clinic_id, patients.c.id)
    return moved(
        patient_deletions,
        sa.select(*circumstances(), *_MOVED).where(*conditions).order_by(*order),
    )


# One record

FIND: Final = Statement(_select(_of_clinic, _of_user))
INSERT: Final = insert_into(patients, but=["outside_plan"])
MOVE: Final = _moved(_by_id)
DELETE: Final = Statement(sa.delete(patients).where(_by_id))

INSERT_TAG: Final = insert_into(patient_tags)
INSERT_SITE: Final = insert_into(patient_sites)
INSERT_SOURCE: Final = insert_into(patient_data_sources)

_OWN: Final = sa.select(patients.c.id).where(_by_id)
APPEND_TAG: Final = appended_to(
    patient_tags,
    "patient_id",
    _OWN,
    {"clinic_id": patients.c.clinic_id, "tag_id": "tag"},
)
APPEND_SITE: Final = appended_to(
    patient_sites,
    "patient_id",
    _OWN,
    {
        "clinic_id": patients.c.clinic_id,
        "site_id": "site",
        "name": "site_name",
    },
)


def _part_gone(table: sa.Table, key: str) -> Statement:
    return Statement(
        sa.delete(table).where(
            table.c.patient_id == sa.bindparam(BY_ID), table.c[key] == sa.bindparam("gone")
        )
    )


DELETE_TAG: Final = _part_gone(patient_tags, "tag_id")
DELETE_SITE: Final = _part_gone(patient_sites, "site_id")
DELETE_SOURCE: Final = _part_gone(patient_data_sources, "position")

# Lists

OF_USER: Final = Statement(_page(_select(_of_user)))
WITH_MRN: Final = Statement(
    _select(_of_clinic, patients.c.mrn_key == sa.bindparam("mrn_key"))
    .order_by(patients.c.id)
    .limit(sa.literal_column("2"))
)
OF_CLINIC: Final = Statement(_select_in_short(_of_clinic).order_by(patients.c.id))
SOME: Final = Statement(_select(_of_clinic).limit(_limit))
FOLLOWING: Final = following(_select(), patients.c.id)
WITH_IDS: Final = Statement(_select(_of_clinic, patients.c.id.in_(_which)))
WITH_IDS_IN_SHORT: Final = Statement(_select_in_short(_of_clinic, patients.c.id.in_(_which)))


@cache
def in_clinics(keys: tuple[str, ...]) -> Statement:
    """Return a SELECT of patients of some clinics whose keys are as given, by name."""
    wanted = texts_in(sa.bindparam("clinics"))
    if keys:
        where = [patients.c[key] == sa.bindparam(key) for key in keys]
        found = _select(patients.c.clinic_id.in_(wanted), *where)
        return Statement(_page(found))
    # The first of each clinic are enough, and an index knows them.
    clinic = wanted.subquery("clinic")
    own = patients.alias("own")
    first = (
        sa.select(own.c.id)
        .where(own.c.clinic_id == clinic.c.value)
        .order_by(own.c.name_key, own.c.id)
        .limit(sa.bindparam("enough"))
        .correlate(clinic)
    )
    found = sa.select(*_FIELDS).select_from(clinic.join(patients, patients.c.id.in_(first)))
    each = first.lateral("each")
    lateral = sa.select(*_FIELDS).select_from(
        clinic.join(each, sa.true()).join(patients, patients.c.id == each.c.id)
    )
    return Statement(_page(found), postgresql=_page(lateral))


_WALKED: Final[dict[str, sa.ColumnElement[bool]]] = {
    "behind": patients.c.id > sa.bindparam("behind"),
    "which_user": _of_user,
    # As it stands in the index that knows them.
    "has_reports": sa.literal_column("patients.sends_reports"),
    "lacks_email": patients.c.is_custodial & (sa.func.coalesce(patients.c.email, "") == ""),
}


@cache
def walk_of(conditions: tuple[str, ...]) -> Statement:
    """Return a SELECT of the next patients of some clinics, by id."""
    clinics = patients.c.clinic_id.in_(texts_in(sa.bindparam("clinics")))
    found = _select(clinics, *(_WALKED[name] for name in conditions))
    return Statement(found.order_by(patients.c.id).limit(_limit))


_subscriptions: Final = sa.func.coalesce(sa.cast(patients.c.ehr_subscriptions, sa.Text), "{}")
_has_subscription: Final = (_subscriptions != "{}") & (_subscriptions != "null")
_has_mrn: Final = sa.func.coalesce(patients.c.mrn, "") != ""
_OF_EHR: Final[dict[str, sa.ColumnElement[bool]]] = {
    "user": _of_user,
    "subscription": _has_subscription,
    "no subscription": ~_has_subscription,
    "mrn": _has_mrn,
    "no mrn": ~_has_mrn,
}


@cache
def by_mrn(conditions: tuple[str, ...]) -> tuple[Statement, Statement]:
    """Return a SELECT of a page of patients of a clinic by MRN, and one of how many there are."""
    where = [_of_clinic, *(_OF_EHR[name] for name in conditions)]
    order = (sa.func.coalesce(patients.c.mrn, ""), patients.c.id)
    page = _select(*where).order_by(*order).limit(_limit).offset(_offset)
    number = sa.select(sa.func.count()).select_from(patients).where(*where)
    return Statement(page), Statement(number)


_STATES: Final = aggregated(
    sa.select(
        provider_tallies.c.provider_name, provider_tallies.c.state, provider_tallies.c.data_sources
    )
    .where(
        provider_tallies.c.clinic_id == patient_tallies.c.clinic_id,
        provider_tallies.c.data_sources > 0,
    )
    .order_by(provider_tallies.c.provider_name, provider_tallies.c.state)
    .correlate(patient_tallies),
    "provider_name",
    "state",
    "data_sources",
)
TALLY: Final = Statement(
    sa.select(patient_tallies.c.total, patient_tallies.c.outside_plan, _STATES).where(
        patient_tallies.c.clinic_id == sa.bindparam("which_clinic")
    )
)

# Many records

CLINICS_OF_USER: Final = Statement(sa.select(patients.c.clinic_id).where(_of_user))
_in_clinics: Final = patients.c.clinic_id.in_(texts_in(sa.bindparam("clinics")))
MOVE_OF_USER: Final = _moved(_of_user, _in_clinics)
DELETE_OF_USER: Final = Statement(sa.delete(patients).where(_of_user, _in_clinics))
MOVE_NON_CUSTODIAL: Final = _moved(_of_clinic, _non_custodial)
DELETE_NON_CUSTODIAL: Final = Statement(sa.delete(patients).where(_of_clinic, _non_custodial))

_now: Final[dict[str, Any]] = {"updated_time": sa.bindparam("now")}
SET_EMAIL: Final = Statement(
    sa.update(patients)
    .where(_of_user, _in_clinics, patients.c.email.is_distinct_from(sa.bindparam("new_email")))
    .values(email=sa.bindparam("new_email"), email_search=sa.bindparam("email_search"), **_now)
)

SOURCES_OF_USER: Final = Statement(
    sa.select(patients.c.id, patients.c.clinic_id, _SOURCES)
    .where(_of_user)
    .order_by(patients.c.clinic_id)
)
DELETE_SOURCES: Final = Statement(
    sa.delete(patient_data_sources).where(patient_data_sources.c.patient_id.in_(_which))
)
INSERT_SOURCE_OF_SOME: Final = Statement(
    sa.insert(patient_data_sources).from_select(
        ["patient_id", "clinic_id", "position", *SOURCE_COLUMNS],
        sa.select(
            patients.c.id,
            patients.c.clinic_id,
            sa.bindparam("position"),
            *(sa.bindparam(name) for name in SOURCE_COLUMNS),
        ).where(patients.c.id.in_(_which)),
    )
)
TOUCH_WITH_SOURCES: Final = Statement(
    sa.update(patients).where(patients.c.id.in_(_which)).values(data_sources_set=sa.true(), **_now)
)


# In this order: when the patients go, what belongs to them has gone already, all of it at once.
FORGET: Final = (
    *(
        Statement(sa.delete(table).where(table.c.patient_id.in_(_which)))
        for table in (patient_tags, patient_sites, patient_data_sources)
    ),
    Statement(sa.delete(patients).where(patients.c.id.in_(_which))),
)
DELETE_TAGS, DELETE_SITES = FORGET[:2]


@cache
def update_of_many(columns: tuple[str, ...]) -> Statement:
    """Return a statement that gives some columns of many patients the same values."""
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    return Statement(sa.update(patients).where(patients.c.id.in_(_which)).values(values))


def _has(table: sa.Table, key: str, parameter: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        table.c.patient_id == patients.c.id, table.c[key] == sa.bindparam(parameter)
    )


def _holders(table: sa.Table, key: str, parameter: str) -> sa.Select[Any]:
    """Return a SELECT of the patients of a clinic who have something."""
    return sa.select(table.c.patient_id).where(
        table.c.clinic_id == sa.bindparam("which_clinic"), table.c[key] == sa.bindparam(parameter)
    )


def _touched(*conditions: sa.ColumnElement[bool], **values: Any) -> Statement:
    return Statement(sa.update(patients).where(*conditions).values(**_now, **values))


def _taken(table: sa.Table, key: str, parameter: str, *conditions: Any) -> Statement:
    return Statement(
        sa.delete(table).where(
            table.c.clinic_id == sa.bindparam("which_clinic"),
            table.c[key] == sa.bindparam(parameter),
            *conditions,
        )
    )


def _appended_site(*conditions: sa.ColumnElement[bool]) -> Statement:
    owners = sa.select(patients.c.id).where(*conditions, ~_has(patient_sites, "site_id", "site"))
    return appended_to(
        patient_sites,
        "patient_id",
        owners,
        {
            "clinic_id": patients.c.clinic_id,
            "site_id": "site",
            "name": "site_name",
        },
    )


def _add_tag(*conditions: sa.ColumnElement[bool]) -> tuple[Statement, ...]:
    lacking = (*conditions, ~_has(patient_tags, "tag_id", "tag"))
    return (
        _touched(*lacking, tags_set=sa.true()),
        appended_to(
            patient_tags,
            "patient_id",
            sa.select(patients.c.id).where(*lacking),
            {"clinic_id": patients.c.clinic_id, "tag_id": "tag"},
        ),
    )


_with_tag: Final = patients.c.id.in_(_holders(patient_tags, "tag_id", "tag"))
_some: Final = (_of_clinic, _of_users)

# By whether they concern some patients of a clinic, or all.
ADD_TAG: Final = {False: _add_tag(_of_clinic), True: _add_tag(*_some)}
REMOVE_TAG: Final = {
    False: (_touched(_with_tag), _taken(patient_tags, "tag_id", "tag")),
    True: (
        _touched(*_some, _has(patient_tags, "tag_id", "tag")),
        _taken(
            patient_tags,
            "tag_id",
            "tag",
            patient_tags.c.patient_id.in_(sa.select(patients.c.id).where(*_some)),
        ),
    ),
}

_named_otherwise: Final = patient_sites.c.name != sa.bindparam("site_name")
RENAME_SITE: Final = (
    _touched(patients.c.id.in_(_holders(patient_sites, "site_id", "site").where(_named_otherwise))),
    Statement(
        sa.update(patient_sites)
        .where(
            patient_sites.c.clinic_id == sa.bindparam("which_clinic"),
            patient_sites.c.site_id == sa.bindparam("site"),
            _named_otherwise,
        )
        .values(name=sa.bindparam("site_name"))
    ),
)
REMOVE_SITE: Final = (
    _touched(patients.c.id.in_(_holders(patient_sites, "site_id", "site"))),
    _taken(patient_sites, "site_id", "site"),
)
_at_source: Final = patients.c.id.in_(_holders(patient_sites, "site_id", "source"))
MOVE_SITE: Final = (
    _touched(_at_source),
    _appended_site(_at_source),
    _taken(patient_sites, "site_id", "source"),
)
TAG_TO_SITE: Final = (
    _touched(_with_tag, sites_set=sa.true()),
    _appended_site(_with_tag),
    _taken(patient_tags, "tag_id", "tag"),
)
