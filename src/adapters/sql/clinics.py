"""Clinics in SQL."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, Generic, TypeVar

import attrs
import sqlalchemy as sa

from adapters.sql.changes import (
    BY_ID,
    Inserts,
    changed,
    circumstances,
    cut,
    following,
    insert_into,
    moved,
    settled,
    update,
    values_of,
)
from adapters.sql.dialects import aggregated, texts_in
from adapters.sql.documents import (
    moment_of,
    number_of,
    number_or_none,
    reader_of,
    text_of,
    value_of,
    writer_of,
)
from adapters.sql.statements import Row, Session, Statement, UniqueViolation
from adapters.sql.tables import (
    CLINIC_FIELDS,
    TEXTS_OF_DETAILS,
    clinic_deletions,
    clinic_share_codes,
    clinic_sites,
    clinic_tags,
    clinics,
    site_tallies,
    tag_tallies,
)
from clinic_domain.clinics.errors import (
    ClinicNotFound,
    DuplicateShareCode,
    DuplicateSite,
    DuplicateTag,
)
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    ClinicQuery,
    ClinicView,
    EhrSettings,
    MembershipRestriction,
    MrnSettings,
    PatientCount,
    PatientCountSettings,
    PhoneNumber,
    ShareCode,
    Site,
    SuppressedNotifications,
    Tag,
)
from clinic_domain.clinics.ports import ClinicRepository
from clinic_domain.deletions import Deletion
from clinic_domain.text import folded, lowered
from clinic_domain.values import ClinicId

L = TypeVar("L", Tag, Site)

# Rows

_read_phone_numbers = reader_of(tuple[PhoneNumber, ...])
_read_suppressed = reader_of(SuppressedNotifications)
_read_restrictions = reader_of(tuple[MembershipRestriction, ...])
_read_mrn_settings = reader_of(MrnSettings)
_read_ehr_settings = reader_of(EhrSettings)
_read_count_settings = reader_of(PatientCountSettings)
_read_count = reader_of(PatientCount)

_write_phone_numbers = writer_of(tuple[PhoneNumber, ...])
_write_suppressed = writer_of(SuppressedNotifications)
_write_restrictions = writer_of(tuple[MembershipRestriction, ...])
_write_mrn_settings = writer_of(MrnSettings)
_write_ehr_settings = writer_of(EhrSettings)
_write_count_settings = writer_of(PatientCountSettings)
_write_count = writer_of(PatientCount)

KEPT: Final = 1000
"""Rows whose meaning is remembered."""
_details: Final[Callable[..., ClinicDetails]] = ClinicDetails
_BEFORE_TEXTS: Final = 4
_AFTER_TEXTS: Final = _BEFORE_TEXTS + len(TEXTS_OF_DETAILS)
_TAGS: Final = CLINIC_FIELDS.index("tags")
_SITES: Final = CLINIC_FIELDS.index("sites")


@lru_cache(KEPT)
def clinic_of(row: Row) -> Clinic:
    """
    Return the clinic that a row of CLINIC_FIELDS stands for.

    Clinics are read far more often than they change, and equal rows stand for equal clinics.
    """
    (
        phone_numbers,
        timezone,
        share_codes,
        admins,
        is_migrated,
        tier,
        tags,
        sites,
        last_deleted_tag,
        suppressed_notifications,
        membership_restrictions,
        mrn_settings,
        ehr_settings,
        patient_count_settings,
        patient_count,
    ) = row[_AFTER_TEXTS : len(CLINIC_FIELDS)]
    return Clinic(
        id=row[0],
        share_code=ShareCode(row[1]),
        created_time=moment_of(row[2]),
        updated_time=moment_of(row[3]),
        details=_details(
            *row[_BEFORE_TEXTS:_AFTER_TEXTS], _read_phone_numbers(phone_numbers), timezone
        ),
        share_codes=tuple(map(ShareCode, value_of(share_codes))),
        admins=tuple(value_of(admins)),
        is_migrated=bool(is_migrated),
        tier=tier,
        tags=None if tags is None else tuple(Tag(tag[0], tag[1]) for tag in value_of(tags)),
        sites=tuple(Site(site[0], site[1]) for site in value_of(sites)),
        last_deleted_tag=last_deleted_tag,
        suppressed_notifications=_read_suppressed(suppressed_notifications),
        membership_restrictions=_read_restrictions(membership_restrictions) or (),
        mrn_settings=_read_mrn_settings(mrn_settings),
        ehr_settings=_read_ehr_settings(ehr_settings),
        patient_count_settings=_read_count_settings(patient_count_settings),
        patient_count=_read_count(patient_count),
    )


@lru_cache(KEPT)
def view_of(row: Row) -> ClinicView:
    """Return what a row with counts stands for: they come third in tags and sites."""
    tags, sites = row[_TAGS], row[_SITES]
    return ClinicView(
        clinic_of(row),
        {} if tags is None else {tag[0]: tag[2] for tag in value_of(tags)},
        {site[0]: site[2] for site in value_of(sites)},
    )


def row_of(clinic: Clinic) -> dict[str, Any]:
    """Return the columns of a clinic itself."""
    ehr = clinic.ehr_settings
    return {
        "id": clinic.id,
        "share_code": clinic.share_code.value,
        "created_time": number_of(clinic.created_time),
        "updated_time": number_of(clinic.updated_time),
        **{name: getattr(clinic.details, name) for name in TEXTS_OF_DETAILS},
        "phone_numbers": _write_phone_numbers(clinic.details.phone_numbers),
        "timezone": clinic.details.timezone,
        "admins": text_of(clinic.admins),
        "is_migrated": clinic.is_migrated,
        "tier": clinic.tier,
        "tags_set": clinic.tags is not None,
        "last_deleted_tag": clinic.last_deleted_tag,
        "suppressed_notifications": _write_suppressed(clinic.suppressed_notifications),
        "membership_restrictions": _write_restrictions(clinic.membership_restrictions),
        "mrn_settings": _write_mrn_settings(clinic.mrn_settings),
        "ehr_settings": _write_ehr_settings(ehr),
        "ehr_enabled": None if ehr is None else ehr.enabled,
        "ehr_source_id": None if ehr is None else ehr.source_id,
        "ehr_provider": None if ehr is None else ehr.provider,
        "patient_count_settings": _write_count_settings(clinic.patient_count_settings),
        "patient_count": _write_count(clinic.patient_count),
    }


def _code_rows(clinic: Clinic) -> list[dict[str, Any]]:
    codes = dict.fromkeys(clinic.share_codes)
    return [
        {"code": code.value, "clinic_id": clinic.id, "position": position}
        for position, code in enumerate(codes)
    ]


def _tag_row(clinic_id: ClinicId, position: int, tag: Tag) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "tag_id": tag.id,
        "position": position,
        "name": tag.name,
        "name_key": lowered(tag.name).replace(" ", ""),  # TAG-3
    }


def _site_row(clinic_id: ClinicId, position: int, site: Site) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "site_id": site.id,
        "position": position,
        "name": site.name,
        "name_key": folded(site.name),  # SITE-3
    }


# Statements


def _fields(*, counted: bool) -> list[sa.ColumnElement[Any]]:
    """Return expressions for CLINIC_FIELDS."""
    codes = (
        sa.select(clinic_share_codes.c.code)
        .where(clinic_share_codes.c.clinic_id == clinics.c.id)
        .order_by(clinic_share_codes.c.position)
        .correlate(clinics)
    )
    of_clinic = {
        "share_codes": aggregated(codes, "code"),
        "tags": sa.case(
            (clinics.c.tags_set, _labels(clinic_tags, tag_tallies, "tag_id", counted=counted))
        ),
        "sites": _labels(clinic_sites, site_tallies, "site_id", counted=counted),
    }
    return [
        of_clinic[name].label(name) if name in of_clinic else clinics.c[name]
        for name in CLINIC_FIELDS
    ]


def _labels(
    labels: sa.Table, tallies: sa.Table, id_: str, *, counted: bool
) -> sa.ScalarSelect[Any]:
    rows = (
        sa.select(labels.c[id_], labels.c.name)
        .where(labels.c.clinic_id == clinics.c.id)
        .order_by(labels.c.position)
        .correlate(clinics)
    )
    if not counted:
        return aggregated(rows, id_, "name")
    same = (tallies.c.clinic_id == labels.c.clinic_id) & (tallies.c[id_] == labels.c[id_])
    rows = rows.add_columns(sa.func.coalesce(tallies.c.patients, 0).label("patients")).select_from(
        labels.outerjoin(tallies, same)
    )
    return aggregated(rows, id_, "name", "patients")


_by_id: Final = clinics.c.id == sa.bindparam(BY_ID)
_FIND: Final = Statement(sa.select(*_fields(counted=False)).where(_by_id))
_FIND_VIEW: Final = Statement(sa.select(*_fields(counted=True)).where(_by_id))
_INSERT: Final = insert_into(clinics)
_DELETE: Final = Statement(sa.delete(clinics).where(_by_id))
FOLLOWING: Final = following(sa.select(*_fields(counted=False)), clinics.c.id)
_MOVE: Final = moved(
    clinic_deletions, sa.select(*circumstances(), *_fields(counted=False)).where(_by_id)
)

_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "ids": clinics.c.id.in_(texts_in(sa.bindparam("ids"))),
    "share_code": clinics.c.id.in_(
        sa.select(clinic_share_codes.c.clinic_id).where(
            clinic_share_codes.c.code == sa.bindparam("share_code")
        )
    ),
    "created_from": clinics.c.created_time >= sa.bindparam("created_from"),
    "created_before": clinics.c.created_time < sa.bindparam("created_before"),
    "ehr_enabled": clinics.c.ehr_enabled == sa.bindparam("ehr_enabled"),
    "ehr_source_id": clinics.c.ehr_source_id == sa.bindparam("ehr_source_id"),
    "ehr_provider": clinics.c.ehr_provider == sa.bindparam("ehr_provider"),
}


@cache
def _views(conditions: tuple[str, ...]) -> Statement:
    return Statement(
        sa.select(*_fields(counted=True))
        .where(*(_CONDITIONS[name] for name in conditions))
        .order_by(clinics.c.id)
        .limit(sa.bindparam("limit"))
        .offset(sa.bindparam("offset"))
    )


def _conditions(query: ClinicQuery) -> dict[str, Any]:
    given = {
        "ids": None if query.ids is None else text_of(query.ids),
        "share_code": query.share_code,
        "created_from": number_or_none(query.created_from),
        "created_before": number_or_none(query.created_before),
        "ehr_enabled": query.ehr_enabled,
        "ehr_source_id": query.ehr_source_id,
        "ehr_provider": query.ehr_provider,
    }
    return {name: value for name, value in given.items() if value is not None}


@attrs.frozen
class _Labels(Generic[L]):
    """Where the tags, or the sites, of clinics are kept."""

    table: sa.Table
    id_column: str
    row_of: Callable[[ClinicId, int, L], dict[str, Any]]
    insert: Statement = attrs.field(init=False)
    delete: Statement = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        columns = self.table.c
        theirs = (columns.clinic_id == sa.bindparam("which_clinic")) & (
            columns[self.id_column].in_(texts_in(sa.bindparam("ids")))
        )
        object.__setattr__(self, "insert", insert_into(self.table))
        object.__setattr__(self, "delete", Statement(sa.delete(self.table).where(theirs)))

    def rows_of(self, clinic_id: ClinicId, labels: Sequence[L] | None) -> list[dict[str, Any]]:
        return [self.row_of(clinic_id, at, label) for at, label in enumerate(labels or ())]

    async def store(
        self, session: Session, clinic_id: ClinicId, new: Sequence[L], old: Sequence[L]
    ) -> None:
        """Write the rows that differ; the position of a row is its place in the list."""
        before, after = dict(enumerate(old)), dict(enumerate(new))
        gone = [label.id for at, label in before.items() if after.get(at) != label]
        come = [(at, label) for at, label in after.items() if before.get(at) != label]
        if gone:
            await session.run(self.delete, {"which_clinic": clinic_id, "ids": text_of(gone)})
        await session.run_for_each(
            self.insert, [self.row_of(clinic_id, at, label) for at, label in come]
        )


_TAGS_OF_CLINICS: Final = _Labels(clinic_tags, "tag_id", _tag_row)
_SITES_OF_CLINICS: Final = _Labels(clinic_sites, "site_id", _site_row)
_INSERT_CODE: Final = insert_into(clinic_share_codes)
INSERTS: Final[Inserts] = (
    (_INSERT, lambda clinic: [row_of(clinic)]),
    (_INSERT_CODE, _code_rows),
    (_TAGS_OF_CLINICS.insert, lambda clinic: _TAGS_OF_CLINICS.rows_of(clinic.id, clinic.tags)),
    (_SITES_OF_CLINICS.insert, lambda clinic: _SITES_OF_CLINICS.rows_of(clinic.id, clinic.sites)),
)
_DELETE_CODES: Final = Statement(
    sa.delete(clinic_share_codes).where(clinic_share_codes.c.clinic_id == sa.bindparam(BY_ID))
)


@attrs.frozen
class SqlClinicRepository(ClinicRepository):
    """A row per clinic, with share codes, tags and sites in tables of their own."""

    _session: Session

    async def find(self, clinic_id: ClinicId) -> Clinic | None:
        await self._session.hold((clinic_id,))
        row = await self._session.first(_FIND, {BY_ID: clinic_id})
        return None if row is None else clinic_of(row)

    async def find_view(self, clinic_id: ClinicId) -> ClinicView | None:
        await self._session.hold((clinic_id,))
        row = await self._session.first(_FIND_VIEW, {BY_ID: clinic_id})
        return None if row is None else view_of(row)

    async def views(self, query: ClinicQuery) -> tuple[ClinicView, ...]:
        if query.ids == ():
            return ()
        given = _conditions(query)
        parameters = {**given, **cut(query.page)}
        rows = await settled(self._session, _views(tuple(given)), parameters, clinic=0)
        return tuple(map(view_of, rows))

    async def add(self, clinic: Clinic) -> None:
        try:
            await self._session.run(_INSERT, row_of(clinic))
            await self._add_codes(clinic)
        except UniqueViolation:
            raise DuplicateShareCode(clinic.share_code) from None
        await self._store_labels(clinic, (), ())

    async def save(self, clinic: Clinic, *, was: Clinic) -> None:
        columns = changed(row_of(clinic), row_of(was))
        await self._session.hold((clinic.id,))
        try:
            if not await update(self._session, clinics, clinic.id, columns):
                raise ClinicNotFound(clinic.id)
            if clinic.share_codes != was.share_codes:
                await self._session.run(_DELETE_CODES, {BY_ID: clinic.id})
                await self._add_codes(clinic)
        except UniqueViolation:
            raise DuplicateShareCode(clinic.share_code) from None
        await self._store_labels(clinic, was.tags or (), was.sites)

    async def remove(self, clinic: Clinic, deletion: Deletion) -> None:
        await self._session.hold((clinic.id,))
        await self._session.run(_MOVE, {BY_ID: clinic.id, **values_of(deletion)})
        if not await self._session.run(_DELETE, {BY_ID: clinic.id}):
            raise ClinicNotFound(clinic.id)

    async def _add_codes(self, clinic: Clinic) -> None:
        await self._session.run_for_each(_INSERT_CODE, _code_rows(clinic))

    async def _store_labels(
        self, clinic: Clinic, old_tags: Sequence[Tag], old_sites: Sequence[Site]
    ) -> None:
        try:
            await _TAGS_OF_CLINICS.store(self._session, clinic.id, clinic.tags or (), old_tags)
        except UniqueViolation:
            raise DuplicateTag(clinic.id) from None
        try:
            await _SITES_OF_CLINICS.store(self._session, clinic.id, clinic.sites, old_sites)
        except UniqueViolation:
            raise DuplicateSite(clinic.id) from None
