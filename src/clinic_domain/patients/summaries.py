"""
Glucose summaries: what the platform computed from the data of a patient, and what is in them.

Times in a range are fractions from 0 to 1 ("percents"), minutes or records; glucose is in mmol/L.
"""

from collections.abc import Callable, ItemsView, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import attrs


class SummaryKind(StrEnum):
    """Where the data come from: a continuous monitor, or a blood glucose meter."""

    CGM = "cgm"
    BGM = "bgm"


class Period(StrEnum):
    """The periods that can be asked for; a summary may hold others."""

    DAY = "1d"
    WEEK = "7d"
    TWO_WEEKS = "14d"
    MONTH = "30d"


Metric = float | int | bool
"""A measure, a count, or a flag that says whether there is a measure."""
Metrics = Mapping[str, Metric]
"""The metrics of one period by name; those without a value are not there."""


class EncodedPeriods(Mapping[str, Metrics]):
    """
    Periods as somebody keeps them: as JSON, which is decoded when it is looked into.

    Who publishes them in that form passes `json` on as it is. `is_complete` tells whether every
    period has all that it needs (see `completed`). Unless it *remembers*, it is decoded each time:
    decoded it takes several times the room, which who keeps many of them does not have.
    """

    __slots__ = ("_decode", "_decoded", "_remembers", "is_complete", "json")

    def __init__(
        self,
        json: bytes,
        decode: Callable[[bytes], Mapping[str, Metrics]],
        *,
        is_complete: bool,
        remembers: bool = True,
    ) -> None:
        self.json = json
        self.is_complete = is_complete
        self._decode = decode
        self._decoded: Mapping[str, Metrics] | None = None
        self._remembers = remembers

    @property
    def decoded(self) -> Mapping[str, Metrics]:
        """The periods themselves."""
        decoded = self._decode(self.json) if self._decoded is None else self._decoded
        if self._remembers:
            self._decoded = decoded
        return decoded

    def items(self) -> ItemsView[str, Metrics]:
        return self.decoded.items()

    def __getitem__(self, name: str) -> Metrics:
        return self.decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.decoded)

    def __len__(self) -> int:
        return len(self.decoded)

    def __repr__(self) -> str:
        return repr(self.decoded)


@attrs.frozen
class StatsConfig:
    """How a summary was computed; thresholds in mmol/L."""

    schema_version: int = 0
    very_low_glucose_threshold: float = 0.0
    low_glucose_threshold: float = 0.0
    high_glucose_threshold: float = 0.0
    very_high_glucose_threshold: float = 0.0


@attrs.frozen
class StatsDates:
    """When the data of a summary begin and end, and when it was computed and why."""

    has_first_data: bool = False
    first_data: datetime | None = None
    has_last_data: bool = False
    last_data: datetime | None = None
    has_last_upload_date: bool = False
    last_upload_date: datetime | None = None
    has_outdated_since: bool = False
    outdated_since: datetime | None = None
    outdated_since_limit: datetime | None = None
    last_updated_date: datetime | None = None
    last_updated_reason: tuple[str, ...] | None = None
    outdated_reason: tuple[str, ...] | None = None


@attrs.frozen
class Stats:
    """The summary of one kind of data; `id` is the platform's, up to 24 hexadecimal digits."""

    id: str
    config: StatsConfig = StatsConfig()
    dates: StatsDates = StatsDates()
    periods: Mapping[str, Metrics] = attrs.field(factory=dict)


@attrs.frozen
class Summary:
    """The summaries of a patient; each is replaced whole, without the other (SUMMARY-4)."""

    cgm: Stats | None = None
    bgm: Stats | None = None

    def of(self, kind: SummaryKind) -> Stats | None:
        """Return the summary of one kind of data."""
        return self.cgm if kind is SummaryKind.CGM else self.bgm

    @property
    def encoded_size(self) -> int:
        """How many bytes those periods take that are kept as JSON."""
        parts = (stats.periods for stats in (self.cgm, self.bgm) if stats is not None)
        return sum(len(each.json) for each in parts if isinstance(each, EncodedPeriods))

    @property
    def last_upload_date(self) -> datetime | None:
        """The later of both upload times of the last value."""
        return max(
            (dates.last_upload_date for dates in self._dates() if dates.last_upload_date),
            default=None,
        )

    @property
    def last_updated_date(self) -> datetime | None:
        """The later of both times of calculation."""
        return max(
            (dates.last_updated_date for dates in self._dates() if dates.last_updated_date),
            default=None,
        )

    @property
    def last_data(self) -> datetime | None:
        """The later of both times of the last value."""
        return max((dates.last_data for dates in self._dates() if dates.last_data), default=None)

    def _dates(self) -> Iterator[StatsDates]:
        return (stats.dates for stats in (self.cgm, self.bgm) if stats)


# Which metrics there are (section 2.4 of the chapter on queries)

RANGES: Final = (
    "VeryLow",
    "Low",
    "AnyLow",
    "Target",
    "High",
    "VeryHigh",
    "ExtremeHigh",
    "AnyHigh",
)
PERCENTS: Final = tuple(f"timeIn{range_}Percent" for range_ in RANGES)
MINUTES: Final = tuple(f"timeIn{range_}Minutes" for range_ in RANGES)
RECORDS: Final = tuple(f"timeIn{range_}Records" for range_ in RANGES)
_CGM_USE: Final = ("timeCGMUsePercent", "timeCGMUseMinutes", "timeCGMUseRecords")

FLAGGED: Final[Mapping[SummaryKind, tuple[str, ...]]] = {
    SummaryKind.CGM: (
        *("averageGlucoseMmol", "glucoseManagementIndicator", *_CGM_USE),
        *(*PERCENTS, *MINUTES, *RECORDS, "totalRecords", "averageDailyRecords"),
    ),
    SummaryKind.BGM: (
        *("averageGlucoseMmol", *PERCENTS, *RECORDS),
        *("totalRecords", "averageDailyRecords"),
    ),
}
"""Metrics that a flag goes with; they and their deltas may have no value."""

ALWAYS_KNOWN: Final[Mapping[SummaryKind, tuple[str, ...]]] = {
    SummaryKind.CGM: (
        *("min", "max", "standardDeviation", "coefficientOfVariation"),
        *("hoursWithData", "daysWithData"),
    ),
    SummaryKind.BGM: ("min", "max", "daysWithData"),
}
"""Metrics that every period has, with their deltas."""

PLAIN: Final[Mapping[SummaryKind, tuple[str, ...]]] = {
    SummaryKind.CGM: (),
    SummaryKind.BGM: ("standardDeviation", "coefficientOfVariation"),
}
"""Metrics that may have no value, and no flag says so."""


def delta_of(name: str) -> str:
    """Return the name of the change of a metric against the period before."""
    return f"{name}Delta"


def flag_of(name: str) -> str:
    """Return the name of the flag that goes with a metric."""
    return f"has{name[0].upper()}{name[1:]}"


def _measures(kind: SummaryKind) -> tuple[str, ...]:
    names = (*FLAGGED[kind], *ALWAYS_KNOWN[kind], *PLAIN[kind])
    return tuple(each for name in names for each in (name, delta_of(name)))


MEASURES: Final = {kind: _measures(kind) for kind in SummaryKind}
"""The names of all numbers of a period."""
FLAGS: Final = {kind: tuple(map(flag_of, FLAGGED[kind])) for kind in SummaryKind}
"""The names of all flags of a period."""


def is_whole(name: str) -> bool:
    """Tell whether a metric or delta is a whole number: of minutes, records, hours or days."""
    name = name.removesuffix("Delta")
    return name != "averageDailyRecords" and name.endswith(("Minutes", "Records", "WithData"))


REQUIRED: Final = {
    kind: (*FLAGS[kind], *(each for name in names for each in (name, delta_of(name))))
    for kind, names in ALWAYS_KNOWN.items()
}
"""What every period is published with."""
_DEFAULTS: Final = {
    kind: {name: False if name in FLAGS[kind] else 0 for name in names}
    for kind, names in REQUIRED.items()
}


def completed(kind: SummaryKind, metrics: Metrics) -> Metrics:
    """Return the metrics of a period with 0 or false for what it needs and was stored without."""
    defaults = _DEFAULTS[kind]
    return metrics if defaults.keys() <= metrics.keys() else {**defaults, **metrics}


def are_complete(kind: SummaryKind, periods: Mapping[str, Metrics]) -> bool:
    """Tell whether every period has all that it needs."""
    return all(_DEFAULTS[kind].keys() <= metrics.keys() for metrics in periods.values())
