"""Times and pages."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.values import whole_milliseconds

moments = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - likewise
    timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)


@given(moments)
def test_times_are_cut_to_milliseconds_in_utc(moment: datetime) -> None:
    kept = whole_milliseconds(moment)

    assert kept.tzinfo is UTC
    assert kept.microsecond % 1000 == 0
    assert timedelta() <= moment - kept < timedelta(milliseconds=1)
    assert whole_milliseconds(kept) == kept


def test_the_offset_of_a_time_is_taken_into_account() -> None:
    moment = datetime(2024, 1, 1, 0, 0, 0, 120_999, tzinfo=timezone(timedelta(hours=2)))

    assert whole_milliseconds(moment) == datetime(2023, 12, 31, 22, 0, 0, 120_000, tzinfo=UTC)


def test_a_time_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="says nothing"):
        whole_milliseconds(datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point
