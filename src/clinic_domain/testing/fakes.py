"""
Stand-ins for what use cases need from outside: deterministic, and without I/O.

    clock = FixedClock()
    users = FakeUsers()
    users.add("alice", "alice@example.com")
    patients = PatientService(
        MemoryStorage(), clock, SequentialIds(), users, FakeProfiles(), PatientCounter()
    )

The platform's services can be switched off with `is_available`; whoever asks them then learns that
they are unavailable, as from the real ones.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Final

import attrs

from clinic_domain.access.ports import Representatives
from clinic_domain.clinics.share_codes import ALPHABET
from clinic_domain.ehr.errors import TokensUnavailable, XealthUnavailable
from clinic_domain.ehr.model import PlacedOrder, RestrictedToken
from clinic_domain.ehr.ports import RestrictedTokens, XealthOrders
from clinic_domain.invites.ports import InviteKeyGenerator
from clinic_domain.notifications.model import Notification
from clinic_domain.notifications.ports import Bell, Mailer, MailNotTaken
from clinic_domain.ports import Clock, IdGenerator, Journal, ShareCodeGenerator
from clinic_domain.users import (
    CredentialsRefused,
    CustodialEmailTaken,
    EmailTaken,
    Profile,
    Profiles,
    ServiceAccounts,
    User,
    Users,
    UsersUnavailable,
)
from clinic_domain.values import ClinicId, InviteId, UserId, whole_milliseconds

A_MORNING: Final = datetime(2026, 3, 14, 9, 26, 53, 589_000, tzinfo=UTC)
"""The time that clocks of tests show at first."""


@attrs.define
class FixedClock(Clock):
    """A clock that stands still until it is set or put forward."""

    time: datetime = attrs.field(default=A_MORNING, converter=whole_milliseconds)

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta = timedelta(milliseconds=1)) -> datetime:
        """Put the clock forward and return what it shows."""
        self.time += by
        return self.time


@attrs.define
class TickingClock(Clock):
    """A clock that goes on by one *tick* each time that somebody looks: no two times are equal."""

    start: datetime = attrs.field(default=A_MORNING, converter=whole_milliseconds)
    tick: timedelta = timedelta(milliseconds=1)
    _looks: "Iterator[int]" = attrs.field(factory=count, init=False)

    def now(self) -> datetime:
        return self.start + next(self._looks) * self.tick


@attrs.define
class SequentialIds(IdGenerator):
    """Ids `0…01`, `0…02`, …; generators with different *series* never make the same id."""

    series: int = 0
    _numbers: "Iterator[int]" = attrs.field(factory=lambda: count(1), init=False)

    def new_id(self) -> str:
        return f"{self.series:08x}{next(self._numbers):016x}"


@attrs.define
class SequentialShareCodes(ShareCodeGenerator):
    """Codes `AAAA-AAAA-AAAA`, `AAAA-AAAA-AAAB`, …, or first those that are *given*."""

    given: list[str] = attrs.field(factory=list)
    _codes: "Iterator[tuple[str, ...]]" = attrs.field(
        factory=lambda: product(ALPHABET, repeat=12), init=False
    )

    def new_code(self) -> str:
        if self.given:
            return self.given.pop(0)
        letters = "".join(next(self._codes))
        return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


@attrs.define
class FakeUsers(Users):
    """Accounts in a dictionary; custodial ones get the ids `custodial-1`, `custodial-2`, …."""

    accounts: dict[UserId, User] = attrs.field(factory=dict)
    is_available: bool = True
    _numbers: "Iterator[int]" = attrs.field(factory=lambda: count(1), init=False)

    async def find(self, id_or_email: str) -> User | None:
        self._refuse_when_down()
        by_id = self.accounts.get(UserId(id_or_email))
        return by_id or self._owner_of(id_or_email)

    async def create_custodial(self, clinic_id: ClinicId, email: str | None) -> UserId:
        self._refuse_when_down()
        if email and self._owner_of(email):
            raise EmailTaken(email)
        user_id = UserId(f"custodial-{next(self._numbers)}")
        self._store(user_id, email)
        return user_id

    async def update_custodial(self, user_id: UserId, email: str | None) -> None:
        self._refuse_when_down()
        owner = self._owner_of(email) if email else None
        if owner and owner.id != user_id:
            raise CustodialEmailTaken(email)
        self._store(user_id, email)

    def add(self, user_id: str, email: str | None = None) -> User:
        """Open an account, as if it had always been there."""
        return self._store(UserId(user_id), email)

    def _store(self, user_id: UserId, email: str | None) -> User:
        user = User(user_id, username=email or None, emails=(email,) if email else ())
        self.accounts[user_id] = user
        return user

    def _owner_of(self, email: str) -> User | None:
        wanted = email.lower()
        own = (
            user
            for user in self.accounts.values()
            if wanted in {address.lower() for address in user.emails}
        )
        return next(own, None)

    def _refuse_when_down(self) -> None:
        if not self.is_available:
            raise UsersUnavailable


@attrs.define
class FakeProfiles(Profiles):
    """Profiles in a dictionary."""

    profiles: dict[UserId, Profile] = attrs.field(factory=dict)
    is_available: bool = True

    async def find(self, user_id: UserId) -> Profile | None:
        if not self.is_available:
            raise UsersUnavailable
        return self.profiles.get(user_id)


@attrs.define
class FakeServiceAccounts(ServiceAccounts):
    """Users by client id and secret."""

    accounts: dict[tuple[str, str], UserId] = attrs.field(factory=dict)
    is_available: bool = True

    async def user_id_of(self, client_id: str, client_secret: str) -> UserId:
        if not self.is_available:
            raise UsersUnavailable
        try:
            return self.accounts[client_id, client_secret]
        except KeyError:
            raise CredentialsRefused(client_id) from None


@attrs.define
class FakeRepresentatives(Representatives):
    """Pairs of a patient and a user who may act for the patient."""

    pairs: set[tuple[str, str]] = attrs.field(factory=set)
    is_available: bool = True

    async def may_act_for(self, patient_id: UserId, user_id: UserId) -> bool:
        if not self.is_available:
            raise UsersUnavailable
        return (patient_id, user_id) in self.pairs


@attrs.define
class SequentialInviteKeys(InviteKeyGenerator):
    """Keys `invite-00…01`, `invite-00…02`, …, as long as real ones."""

    _numbers: "Iterator[int]" = attrs.field(factory=lambda: count(1), init=False)

    def new_key(self) -> InviteId:
        return InviteId(f"invite-{next(self._numbers):025}")


@attrs.define
class RecordingMailer(Mailer):
    """Keeps what it is given; it refuses everything while it is down, and some addresses always."""

    sent: list[tuple[Notification, tuple[str, ...]]] = attrs.field(factory=list)
    refused: set[str] = attrs.field(factory=set)
    is_available: bool = True

    async def send(self, notification: Notification, recipients: Sequence[str]) -> None:
        if not self.is_available or not self.refused.isdisjoint(recipients):
            raise MailNotTaken
        self.sent.append((notification, tuple(recipients)))


@attrs.define
class CountingBell(Bell):
    """Counts how often somebody rang."""

    rings: int = 0

    async def ring(self) -> None:
        self.rings += 1


@attrs.define
class FakeXealthOrders(XealthOrders):
    """Orders by deployment and id."""

    orders: dict[tuple[str, str], PlacedOrder] = attrs.field(factory=dict)
    is_available: bool = True

    async def find(self, deployment: str, order_id: str) -> PlacedOrder | None:
        if not self.is_available:
            raise XealthUnavailable
        return self.orders.get((deployment, order_id))


@attrs.define
class FakeRestrictedTokens(RestrictedTokens):
    """Tokens `token-1`, `token-2`, …, good until somebody says otherwise."""

    tokens: dict[str, RestrictedToken] = attrs.field(factory=dict)
    is_available: bool = True

    async def create(self, user_id: UserId) -> RestrictedToken:
        self._refuse_when_down()
        token = RestrictedToken(f"token-{len(self.tokens) + 1}", user_id)
        self.tokens[token.id] = token
        return token

    async def find(self, token_id: str) -> RestrictedToken | None:
        self._refuse_when_down()
        return self.tokens.get(token_id)

    def _refuse_when_down(self) -> None:
        if not self.is_available:
            raise TokensUnavailable


@attrs.define
class RecordingJournal(Journal):
    """Keeps what it is told, for tests to look at."""

    warnings: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)

    def warning(self, event: str, **ids: str) -> None:
        self.warnings.append((event, ids))
