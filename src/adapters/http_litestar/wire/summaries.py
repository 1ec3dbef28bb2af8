"""
Glucose summaries.

A period has some hundred members, all alike, so its shapes are made from the list of metrics. In
answers the periods are what the storage returned: nothing is copied member by member.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from adapters.http_litestar.operations import SUMMARY_ID
from adapters.http_litestar.wire.fields import (
    DateTime,
    DateTimeText,
    Shaped,
    given,
    known,
    moment_of,
    rfc3339_or_unset,
)
from clinic_domain.patients.summaries import (
    FLAGS,
    MEASURES,
    REQUIRED,
    EncodedPeriods,
    Metric,
    Metrics,
    Stats,
    StatsConfig,
    StatsDates,
    Summary,
    SummaryKind,
    completed,
    is_whole,
)

# The document calls whole numbers numbers, too.
_Whole = Annotated[
    int, Meta(ge=-(2**63), le=2**63 - 1, extra_json_schema={"extra": {"type": "number"}})
]

_NONE: Final = b"{}"


class SummaryIdText(Shaped):
    pattern = SUMMARY_ID
    min_length = 0
    max_length = 24
    expected = "an id of up to 24 lower-case hexadecimal digits"


def _period(name: str, kind: SummaryKind) -> type[Struct]:
    """Return the shape of a period."""
    types = {
        **{measure: _Whole if is_whole(measure) else float for measure in MEASURES[kind]},
        **dict.fromkeys(FLAGS[kind], bool),
    }
    required = REQUIRED[kind]
    return msgspec.defstruct(
        name,
        [
            *((each, types[each]) for each in required),
            *(
                (each, type_ | UnsetType, UNSET)
                for each, type_ in types.items()
                if each not in required
            ),
        ],
        module=__name__,
    )


CgmPeriod: Final = _period("CgmPeriod", SummaryKind.CGM)
BgmPeriod: Final = _period("BgmPeriod", SummaryKind.BGM)


# Requests


class ConfigBody(Struct, rename="camel"):
    schema_version: _Whole
    very_low_glucose_threshold: float
    low_glucose_threshold: float
    high_glucose_threshold: float
    very_high_glucose_threshold: float

    def config(self) -> StatsConfig:
        return StatsConfig(*msgspec.structs.astuple(self))


class DatesBody(Struct, rename="camel"):
    has_first_data: bool
    has_last_data: bool
    has_last_upload_date: bool
    has_outdated_since: bool
    first_data: DateTimeText | UnsetType = UNSET
    last_data: DateTimeText | UnsetType = UNSET
    last_upload_date: DateTimeText | UnsetType = UNSET
    outdated_since: DateTimeText | UnsetType = UNSET
    outdated_since_limit: DateTimeText | UnsetType = UNSET
    last_updated_date: DateTimeText | UnsetType = UNSET
    last_updated_reason: list[str] | UnsetType = UNSET
    outdated_reason: list[str] | UnsetType = UNSET

    def dates(self) -> StatsDates:
        return StatsDates(
            has_first_data=self.has_first_data,
            first_data=moment_of(self.first_data),
            has_last_data=self.has_last_data,
            last_data=moment_of(self.last_data),
            has_last_upload_date=self.has_last_upload_date,
            last_upload_date=moment_of(self.last_upload_date),
            has_outdated_since=self.has_outdated_since,
            outdated_since=moment_of(self.outdated_since),
            outdated_since_limit=moment_of(self.outdated_since_limit),
            last_updated_date=moment_of(self.last_updated_date),
            last_updated_reason=_texts(self.last_updated_reason),
            outdated_reason=_texts(self.outdated_reason),
        )


class _StatsBody(Struct):
    id: SummaryIdText | UnsetType = UNSET
    config: ConfigBody | UnsetType = UNSET
    dates: DatesBody | UnsetType = UNSET

    def stats(self, raw: Mapping[str, Any]) -> Stats | None:
        """Return the block, or None where it has no id (SUMMARY-3)."""
        id_, config, dates = known(self.id), known(self.config), known(self.dates)
        if id_ is None:
            return None
        return Stats(
            str(id_),
            StatsConfig() if config is None else config.config(),
            StatsDates() if dates is None else dates.dates(),
            {name: _metrics(period) for name, period in raw.get("periods", {}).items()},
        )


class CgmStatsBody(_StatsBody):
    periods: dict[str, CgmPeriod] | UnsetType = UNSET  # type: ignore[valid-type]  # made above


class BgmStatsBody(_StatsBody):
    periods: dict[str, BgmPeriod] | UnsetType = UNSET  # type: ignore[valid-type]  # made above


class SummaryBody(Struct, rename="camel"):
    cgm_stats: CgmStatsBody | UnsetType = UNSET
    bgm_stats: BgmStatsBody | UnsetType = UNSET

    def parts(self, raw: Mapping[str, Any]) -> tuple[Stats | None, Stats | None]:
        """Return both blocks; *raw* is the same body, with the metrics that nobody knows yet."""
        cgm, bgm = known(self.cgm_stats), known(self.bgm_stats)
        return (
            None if cgm is None else cgm.stats(raw["cgmStats"]),
            None if bgm is None else bgm.stats(raw["bgmStats"]),
        )


def _metrics(period: Mapping[str, Any]) -> Metrics:
    """Return the numbers and flags of a period; whatever else it holds is no metric."""
    found = ((name, _metric(value)) for name, value in period.items())
    return {name: value for name, value in found if value is not None}


def _metric(value: object) -> Metric | None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        # No database keeps it as a whole number.
        try:
            return float(value)
        except OverflowError:
            return None
    return value if isinstance(value, int | float) else None


def _texts(values: list[str] | UnsetType) -> tuple[str, ...] | None:
    found = known(values)
    return None if found is None else tuple(found)


# Answers


class ConfigJson(Struct, rename="camel"):
    schema_version: int
    very_low_glucose_threshold: float
    low_glucose_threshold: float
    high_glucose_threshold: float
    very_high_glucose_threshold: float


class DatesJson(Struct, rename="camel"):
    has_first_data: bool
    has_last_data: bool
    has_last_upload_date: bool
    has_outdated_since: bool
    first_data: DateTime | UnsetType = UNSET
    last_data: DateTime | UnsetType = UNSET
    last_upload_date: DateTime | UnsetType = UNSET
    outdated_since: DateTime | UnsetType = UNSET
    outdated_since_limit: DateTime | UnsetType = UNSET
    last_updated_date: DateTime | UnsetType = UNSET
    last_updated_reason: tuple[str, ...] | UnsetType = UNSET
    outdated_reason: tuple[str, ...] | UnsetType = UNSET


class CgmStatsJson(Struct):
    id: str
    config: ConfigJson
    dates: DatesJson
    periods: dict[str, CgmPeriod] | UnsetType = UNSET  # type: ignore[valid-type]  # made above


class BgmStatsJson(Struct):
    id: str
    config: ConfigJson
    dates: DatesJson
    periods: dict[str, BgmPeriod] | UnsetType = UNSET  # type: ignore[valid-type]  # made above


class SummaryJson(Struct, rename="camel"):
    cgm_stats: CgmStatsJson | UnsetType = UNSET
    bgm_stats: BgmStatsJson | UnsetType = UNSET


def summary_json(summary: Summary | None) -> SummaryJson | UnsetType:
    if summary is None:
        return UNSET
    cgm, bgm = summary.cgm, summary.bgm
    return SummaryJson(
        UNSET if cgm is None else CgmStatsJson(*_stats_json(SummaryKind.CGM, cgm)),
        UNSET if bgm is None else BgmStatsJson(*_stats_json(SummaryKind.BGM, bgm)),
    )


def _stats_json(kind: SummaryKind, stats: Stats) -> Iterator[Any]:
    config, dates = stats.config, stats.dates
    yield stats.id
    yield ConfigJson(
        config.schema_version,
        config.very_low_glucose_threshold,
        config.low_glucose_threshold,
        config.high_glucose_threshold,
        config.very_high_glucose_threshold,
    )
    yield DatesJson(
        dates.has_first_data,
        dates.has_last_data,
        dates.has_last_upload_date,
        dates.has_outdated_since,
        rfc3339_or_unset(dates.first_data),
        rfc3339_or_unset(dates.last_data),
        rfc3339_or_unset(dates.last_upload_date),
        rfc3339_or_unset(dates.outdated_since),
        rfc3339_or_unset(dates.outdated_since_limit),
        rfc3339_or_unset(dates.last_updated_date),
        given(dates.last_updated_reason),
        given(dates.outdated_reason),
    )
    yield _periods_json(kind, stats.periods)


def _periods_json(kind: SummaryKind, periods: Mapping[str, Metrics]) -> Any:
    if isinstance(periods, EncodedPeriods) and periods.is_complete:
        return UNSET if periods.json == _NONE else Raw(periods.json)
    return {name: completed(kind, metrics) for name, metrics in periods.items()} or UNSET
