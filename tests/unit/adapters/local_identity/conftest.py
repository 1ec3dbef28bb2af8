"""An installation in memory, with a clock that stands still."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from adapters.local_identity import LocalAccounts, LocalSessions, LocalTokens
from adapters.memory import MemoryStorage
from clinic_domain.ports import Clock


@attrs.define
class StandingClock(Clock):
    time: datetime = datetime(2024, 2, 29, 12, 0, 0, 500_000, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, step: timedelta) -> None:
        self.time += step


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def tokens(storage: MemoryStorage) -> LocalTokens:
    return LocalTokens(storage)


@pytest.fixture
def accounts(storage: MemoryStorage, tokens: LocalTokens, clock: StandingClock) -> LocalAccounts:
    return LocalAccounts(storage, tokens, clock)


@pytest.fixture
def sessions(storage: MemoryStorage, tokens: LocalTokens, clock: StandingClock) -> LocalSessions:
    return LocalSessions(storage, tokens, clock)
