"""Patients as rows, and rows as patients."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from adapters.sql.documents import (
    moment_of,
    moment_or_none,
    number_of,
    number_or_none,
    reader_of,
    text_of,
    text_or_none,
    tuple_or_none,
    value_of,
    writer_of,
)
from adapters.sql.statements import Row
from adapters.sql.summaries import KnownSummaries, summary_of
from adapters.sql.tables import PATIENT_FIELDS
from clinic_domain.patients.model import (
    ConnectionRequest,
    DataSource,
    EhrSubscription,
    GlycemicRanges,
    Patient,
    PatientSite,
    Permission,
    Permissions,
    Review,
)
from clinic_domain.patients.queries import has_own_ranges
from clinic_domain.patients.rules import sends_reports
from clinic_domain.patients.summaries import Summary
from clinic_domain.text import collation_key, folded

_Requests = Mapping[str, tuple[ConnectionRequest, ...]]
_Subscriptions = Mapping[str, EhrSubscription]

_read_reviews = reader_of(tuple[Review, ...])
_read_requests = reader_of(_Requests)
_read_subscriptions = reader_of(_Subscriptions)
_read_ranges = reader_of(GlycemicRanges)

_write_reviews = writer_of(tuple[Review, ...])
_write_requests = writer_of(_Requests)
_write_subscriptions = writer_of(_Subscriptions)
_write_ranges = writer_of(GlycemicRanges)

# What somebody looks for can hold no separator, so it cannot reach from one text into the next.
_SEPARATOR: Final = "\x1f"
_NO_SEPARATOR: Final = "\x1e"

_LONGEST_KEY: Final = 500  # an entry of an index has 2700 bytes, a character up to four


def patient_of(row: Row, known: KnownSummaries | None = None) -> Patient:
    """
    Return the patient that a row stands for.

    Args:
        row: PATIENT_FIELDS, and perhaps periods beside them.
        known: where to keep a summary whose periods stand beside it.
    """
    *fields, document = row[: len(PATIENT_FIELDS)]
    periods = row[len(PATIENT_FIELDS) :]
    if document is None or known is None:
        return patient_with(fields, summary_of(document, *periods))
    return patient_with(fields, known.keep(document, *periods))


def patient_with(fields: Row, summary: Summary | None) -> Patient:
    """Return a patient whose summary is known, of all columns before it."""
    (
        id_,
        clinic_id,
        user_id,
        created_time,
        updated_time,
        full_name,
        birth_date,
        email,
        mrn,
        target_devices,
        tags,
        sites,
        data_sources,
        permissions,
        is_migrated,
        legacy_clinician_ids,
        invited_by,
        require_unique_mrn,
        reviews,
        last_upload_reminder_time,
        connection_requests,
        ehr_subscriptions,
        glycemic_ranges,
        diagnosis_type,
    ) = fields
    return Patient(
        id_,
        clinic_id,
        user_id,
        moment_of(created_time),
        moment_of(updated_time),
        full_name,
        birth_date,
        email,
        mrn,
        tuple_or_none(target_devices),
        tuple_or_none(tags),
        None if sites is None else tuple(PatientSite(*site) for site in value_of(sites)),
        None if data_sources is None else tuple(map(_data_source_of, value_of(data_sources))),
        None if permissions is None else _permissions_of(permissions),
        bool(is_migrated),
        tuple(value_of(legacy_clinician_ids)),
        invited_by,
        bool(require_unique_mrn),
        _read_reviews(reviews),
        moment_or_none(last_upload_reminder_time),
        _read_requests(connection_requests),
        _read_subscriptions(ehr_subscriptions),
        _read_ranges(glycemic_ranges),
        diagnosis_type,
        summary,
    )


@cache
def _permissions_of(text: str) -> Permissions:
    return frozenset(map(Permission, value_of(text)))


def _data_source_of(values: list[Any]) -> DataSource:
    provider, state, id_, modified, expiration, latest_data = values
    return DataSource(
        provider,
        state,
        id_,
        moment_or_none(modified),
        moment_or_none(expiration),
        moment_or_none(latest_data),
    )


def row_of(patient: Patient) -> dict[str, Any]:
    """Return the columns of a patient itself."""
    permissions, reviews, ranges = patient.permissions, patient.reviews, patient.glycemic_ranges
    return {
        "id": patient.id,
        "clinic_id": patient.clinic_id,
        "user_id": patient.user_id,
        "created_time": number_of(patient.created_time),
        "updated_time": number_of(patient.updated_time),
        "full_name": patient.full_name,
        "name_key": indexed(collation_key(patient.full_name or "")),
        "birth_date": patient.birth_date,
        "birth_date_key": key_or_none(patient.birth_date),
        "email": patient.email,
        "email_search": None if patient.email is None else searched(patient.email),
        "mrn": patient.mrn,
        "mrn_key": key_or_none(patient.mrn),
        "search_text": _search_text(patient),
        "target_devices": text_or_none(patient.target_devices),
        "tags_set": patient.tags is not None,
        "sites_set": patient.sites is not None,
        "data_sources_set": patient.data_sources is not None,
        "permissions": None if permissions is None else text_of(sorted(permissions)),
        "is_custodial": patient.is_custodial,
        "is_migrated": patient.is_migrated,
        "legacy_clinician_ids": text_of(patient.legacy_clinician_ids),
        "invited_by": patient.invited_by,
        "require_unique_mrn": patient.require_unique_mrn,
        "reviews": _write_reviews(reviews),
        "last_reviewed": number_of(reviews[0].time) if reviews else None,
        "last_upload_reminder_time": number_or_none(patient.last_upload_reminder_time),
        "connection_requests": _write_requests(patient.connection_requests),
        "ehr_subscriptions": _write_subscriptions(patient.ehr_subscriptions),
        "sends_reports": sends_reports(patient),
        "glycemic_ranges": _write_ranges(ranges),
        "non_standard_ranges": has_own_ranges(patient),
        "diagnosis_type": patient.diagnosis_type,
        "summary_set": patient.summary is not None,
    }


def data_source_row(source: DataSource) -> dict[str, Any]:
    """Return what a data source says, in the order in which it is read."""
    return {
        "provider_name": source.provider_name,
        "state": source.state,
        "data_source_id": source.data_source_id,
        "modified_time": number_or_none(source.modified_time),
        "expiration_time": number_or_none(source.expiration_time),
        "latest_data_time": number_or_none(source.latest_data_time),
    }


def key_or_none(text: str | None) -> str | None:
    """Return what stands in an index for a text."""
    return None if text is None else indexed(collation_key(text))


def indexed(key: str) -> str:
    """
    Return *key*, or something shorter in its place: an index has no room for texts of any length.

    It is equal where *key* is, and so is its order to those that differ near their beginning.
    """
    if len(key) <= _LONGEST_KEY:
        return key
    return key[:_LONGEST_KEY] + hashlib.sha256(key.encode()).hexdigest()


def searched(text: str) -> str:
    """Return *text* as it is looked for, and looked for in (FILTER-5)."""
    return folded(text).replace(_SEPARATOR, _NO_SEPARATOR)


def _search_text(patient: Patient) -> str:
    texts = (patient.full_name, patient.mrn, patient.birth_date)
    return _SEPARATOR.join(searched(text) for text in texts if text is not None)
