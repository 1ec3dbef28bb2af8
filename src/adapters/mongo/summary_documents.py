"""Glucose summaries as documents (section 2 of the chapter on queries)."""

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from math import isfinite
from typing import Any, Final

from adapters.mongo.documents import (
    FINITE,
    FLAG,
    MOMENT,
    TEXT,
    WHOLE_NUMBER,
    Codec,
    Document,
    Member,
    Presence,
    Shape,
    Unreadable,
    array_of,
    document_of,
    mapping_of,
)
from clinic_domain.patients.summaries import (
    FLAGS,
    MEASURES,
    PLAIN,
    Metric,
    Metrics,
    Stats,
    StatsConfig,
    StatsDates,
    Summary,
    SummaryKind,
    delta_of,
    is_whole,
)

_CONFIG: Final = Shape(
    StatsConfig,
    (
        Member("schema_version", "schemaVersion", WHOLE_NUMBER),
        Member("very_low_glucose_threshold", "veryLowGlucoseThreshold", FINITE),
        Member("low_glucose_threshold", "lowGlucoseThreshold", FINITE),
        Member("high_glucose_threshold", "highGlucoseThreshold", FINITE),
        Member("very_high_glucose_threshold", "veryHighGlucoseThreshold", FINITE),
    ),
)
_DATES: Final = Shape(
    StatsDates,
    (
        Member("has_first_data", "hasFirstData", FLAG),
        Member("first_data", "firstData", MOMENT),
        Member("has_last_data", "hasLastData", FLAG),
        Member("last_data", "lastData", MOMENT),
        Member("has_last_upload_date", "hasLastUploadDate", FLAG),
        Member("last_upload_date", "lastUploadDate", MOMENT),
        Member("has_outdated_since", "hasOutdatedSince", FLAG),
        Member("outdated_since", "outdatedSince", MOMENT),
        Member("outdated_since_limit", "outdatedSinceLimit", MOMENT),
        Member("last_updated_date", "lastUpdatedDate", MOMENT),
        Member("last_updated_reason", "lastUpdatedReason", array_of(TEXT)),
        Member("outdated_reason", "outdatedReason", array_of(TEXT)),
    ),
)

# Periods


_TYPES: Final[Mapping[SummaryKind, Mapping[str, type]]] = {
    kind: {
        **{name: int if is_whole(name) else float for name in MEASURES[kind]},
        **dict.fromkeys(FLAGS[kind], bool),
    }
    for kind in SummaryKind
}
"""The type of each metric; of those that nobody knows it is their own."""
_CODECS: Final[Mapping[type, Codec]] = {
    int: WHOLE_NUMBER,
    float: FINITE,
    bool: FLAG,
}
_NULL: Final[Mapping[SummaryKind, Document]] = {
    kind: dict.fromkeys(each for name in PLAIN[kind] for each in (name, delta_of(name)))
    for kind in SummaryKind
}
"""Metrics that are null where others are left out."""


def _period_document(kind: SummaryKind, metrics: Metrics) -> Document:
    types = _TYPES[kind]
    known = {name: types.get(name, type(value))(value) for name, value in metrics.items()}
    return {**_NULL[kind], **known}


def _metrics_of(kind: SummaryKind, stored: Any) -> Metrics:
    period = document_of(stored)
    # Nearly always a document is as it should be, and hundreds of them are read at once.
    types = tuple(map(type, period.values()))
    if types == _types_of(kind, tuple(period)) and isfinite(sum(period.values())):
        return period
    return dict(_metrics_in(period, _TYPES[kind]))


@lru_cache(maxsize=64)
def _types_of(kind: SummaryKind, names: tuple[str, ...]) -> tuple[type | None, ...]:
    return tuple(map(_TYPES[kind].get, names))


def _metrics_in(period: Document, types: Mapping[str, type]) -> Iterator[tuple[str, Metric]]:
    for name, value in period.items():
        if value is not None:
            kind = types.get(name)
            if kind is not None:
                try:
                    yield name, _CODECS[kind].decode(value)
                except Unreadable as error:
                    raise Unreadable(f"{name}: {error}") from None
            elif isinstance(value, bool):
                yield name, value
            elif isinstance(value, int):
                yield name, int(value)
            elif isinstance(value, float) and isfinite(value):
                yield name, value


def _stats(kind: SummaryKind) -> Codec:
    encode, decode = partial(_period_document, kind), partial(_metrics_of, kind)
    periods = mapping_of(Codec(encode, decode))
    return Shape(
        Stats,
        (
            Member("id", "id", TEXT, missing=""),
            Member("config", "config", _CONFIG.codec()),
            Member("dates", "dates", _DATES.codec()),
            Member("periods", "periods", periods, Presence.FILLED),
        ),
    ).codec()


STATS: Final = {kind: _stats(kind) for kind in SummaryKind}
"""The statistics of one kind of data."""

SUMMARY: Final = Shape(
    Summary,
    (
        Member("cgm", "cgmStats", STATS[SummaryKind.CGM]),
        Member("bgm", "bgmStats", STATS[SummaryKind.BGM]),
    ),
).codec()
