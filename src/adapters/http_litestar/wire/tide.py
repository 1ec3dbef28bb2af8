"""The TIDE report (section 9.4 of the chapter on queries)."""

import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http_litestar.wire.fields import DateTime, DateTimeText, given, rfc3339_or_unset
from adapters.http_litestar.wire.patients import (
    DataSourceJson,
    ReviewJson,
    data_sources_json,
    reviews_json,
)
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import Period, Stats, Summary
from clinic_domain.patients.tide import NO_DATA, TideQuery, TideReport

_SCHEMA_VERSION: Final = 2
_THRESHOLDS: Final = (3.0, 3.9, 10.0, 13.9, 19.4)
"""Of very low, low, high, very high and extremely high glucose, in mmol/L."""
_FRACTION: Final = re.compile(r"\.(\d*?)0*(?=[Z+-])")

_Number = Annotated[int, Meta(extra_json_schema={"extra": {"type": "number"}})]
_Text = str | UnsetType
_Value = float | UnsetType


class FiltersJson(Struct, rename="camel", frozen=True):
    """What is always shown, whatever was asked for; the unset ones are never there."""

    time_in_very_low_percent: _Text = ">0.01"
    time_in_any_low_percent: _Text = ">0.04"
    drop_in_time_in_target_percent: _Text = "<-0.15"
    time_in_target_percent: _Text = "<0.7"
    time_in_high_percent: _Text = UNSET
    time_in_very_high_percent: _Text = UNSET
    time_in_extreme_high_percent: _Text = UNSET
    time_cgm_use_percent: _Text = msgspec.field(default="<0.7", name="timeCGMUsePercent")


class TideConfigJson(Struct, rename="camel"):
    clinic_id: str
    period: str
    last_data_cutoff: DateTime
    tags: list[str]
    schema_version: _Number
    very_low_glucose_threshold: float
    low_glucose_threshold: float
    high_glucose_threshold: float
    very_high_glucose_threshold: float
    extreme_high_glucose_threshold: float
    filters: FiltersJson


class TidePatientJson(Struct, rename="camel"):
    id: str
    tags: tuple[str, ...]
    reviews: list[ReviewJson]
    data_sources: list[DataSourceJson] | None
    email: _Text = UNSET
    full_name: _Text = UNSET


class TideEntryJson(Struct, rename="camel"):
    patient: TidePatientJson
    last_data: DateTime | UnsetType = UNSET
    average_glucose_mmol: _Value = UNSET
    glucose_management_indicator: _Value = UNSET
    time_in_very_low_percent: _Value = UNSET
    time_in_low_percent: _Value = UNSET
    time_in_any_low_percent: _Value = UNSET
    time_in_target_percent: _Value = UNSET
    time_in_target_percent_delta: _Value = UNSET
    time_in_high_percent: _Value = UNSET
    time_in_very_high_percent: _Value = UNSET
    time_in_extreme_high_percent: _Value = UNSET
    time_in_any_high_percent: _Value = UNSET
    time_cgm_use_percent: _Value = msgspec.field(default=UNSET, name="timeCGMUsePercent")
    time_cgm_use_minutes: _Number | UnsetType = msgspec.field(
        default=UNSET, name="timeCGMUseMinutes"
    )


_METRICS: Final = tuple(
    (field.name, field.encode_name)
    for field in msgspec.structs.fields(TideEntryJson)
    if field.encode_name not in ("patient", "lastData")
)
"""Members of an entry, each with the metric that it shows."""


class TideJson(Struct):
    config: TideConfigJson
    results: dict[str, list[TideEntryJson]]


def tide_json(query: TideQuery, cutoff: DateTimeText, report: TideReport) -> TideJson:
    """Return the report; *cutoff* is shown with the offset that it came with."""
    results = {str(category): patients for category, patients in report.categories.items()}
    if report.without_data is not None:
        results[NO_DATA] = report.without_data
    return TideJson(
        TideConfigJson(
            query.clinic_id,
            query.period,
            _shortened(cutoff),
            [*query.tags],
            _SCHEMA_VERSION,
            *_THRESHOLDS,
            FiltersJson(),
        ),
        {
            name: [_entry_json(patient, query.period) for patient in patients]
            for name, patients in results.items()
        },
    )


def _shortened(text: str) -> str:
    """Return a time without trailing zeros in its fraction."""
    return _FRACTION.sub(lambda found: f".{found[1]}" if found[1] else "", text)


def _entry_json(patient: Patient, period: Period) -> TideEntryJson:
    stats = (patient.summary or Summary()).cgm or Stats("")
    metrics = stats.periods.get(period, {})
    values: dict[str, Any] = {field: given(metrics.get(metric)) for field, metric in _METRICS}
    return TideEntryJson(
        TidePatientJson(
            patient.user_id,
            patient.tags or (),
            reviews_json(patient.reviews or ()),
            data_sources_json(patient.data_sources),
            given(patient.email),
            given(patient.full_name),
        ),
        rfc3339_or_unset(stats.dates.last_data),
        **values,
    )
