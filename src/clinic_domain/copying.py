"""
Moving everything from one storage to another.

Records are copied kind by kind, in the order that they have, and as they are. A copy that was
interrupted goes on with what the destination lacks; one that holds anything else is left as it is.
At the end each record of the destination is held against the source.
"""

import hashlib
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.deletions import DeletionRecord
from clinic_domain.ehr.model import (
    EnrollmentOrder,
    Message,
    ReportOrder,
    ReportView,
    StoredPreorder,
)
from clinic_domain.errors import Conflict, ConstraintViolation
from clinic_domain.invites.model import Invite
from clinic_domain.merging.model import MergeRecord
from clinic_domain.migrations.model import Migration
from clinic_domain.notifications.model import Notification
from clinic_domain.patients.model import Patient, PatientSite
from clinic_domain.users import Account, IssuedToken
from clinic_domain.values import SiteId

AT_ONCE: Final = 500
"""Records that are in memory together, and in one transaction of the destination."""


class Kind(StrEnum):
    """What a storage keeps, in an order in which nothing refers to what comes later."""

    ACCOUNTS = "accounts"
    TOKENS = "tokens"
    SIGNING_KEY = "signing key"
    CLINICS = "clinics"
    CLINICIANS = "clinicians"
    PATIENTS = "patients"
    INVITES = "invites"
    NOTIFICATIONS = "notifications"
    MIGRATIONS = "migrations"
    MESSAGES = "messages of Redox"
    REPORT_ORDERS = "report orders"
    PREORDERS = "pre-orders of Xealth"
    ENROLLMENT_ORDERS = "orders of Xealth"
    REPORT_VIEWS = "report views"
    CLINIC_DELETIONS = "clinic deletions"
    CLINICIAN_DELETIONS = "clinician deletions"
    PATIENT_DELETIONS = "patient deletions"
    MERGE_RECORDS = "merge records"


@attrs.frozen
class SigningKey:
    """The key with which an installation signs its tokens."""

    value: str


Record = (
    Account
    | IssuedToken
    | SigningKey
    | Clinic
    | Clinician
    | Patient
    | Invite
    | Notification
    | Migration
    | Message
    | ReportOrder
    | StoredPreorder
    | EnrollmentOrder
    | ReportView
    | DeletionRecord[Clinic]
    | DeletionRecord[Clinician]
    | DeletionRecord[Patient]
    | MergeRecord
)


@attrs.frozen
class Illegible:
    """Stands for something in a storage that cannot be understood."""

    id: str
    reason: str


R = TypeVar("R")


class Archive(Protocol[R]):
    """
    All records of a storage, without a use case in between.

    A kind has one order that never changes: accounts, tokens and deletion records as they were
    written, everything else by id.
    """

    @abstractmethod
    async def count(self, kind: Kind) -> int:
        """Return how many records of a kind there are, legible or not."""

    @abstractmethod
    def scan(self, kind: Kind) -> AsyncGenerator[R | Illegible]:
        """Yield the records of a kind in order; what is in memory does not grow with them."""

    @abstractmethod
    async def store(self, kind: Kind, records: Sequence[R]) -> None:
        """
        Add records as they are, all or none, behind those of their kind.

        Raises:
            NotKept: at least one of them has no place here.
        """


class NotKept(ConstraintViolation):
    """A storage has no place for a record; `args` say why, without what the record holds."""

    message = "constraint violation: the storage cannot keep a record"


class CopyDiffers(Conflict):
    """The destination holds what the source does not; `args` name the kind, and a record."""

    message = "conflict: the destination is no copy of the source"


class Stage(StrEnum):
    """What is being done, one after another."""

    COMPARING = "comparing"
    COPYING = "copying"
    VERIFYING = "verifying"


@attrs.frozen
class Progress:
    """How far a stage is with a kind."""

    stage: Stage
    kind: Kind
    done: int
    total: int


@attrs.frozen
class LeftOut:
    """A record of the source that the destination has no place for, or that nobody can read."""

    kind: Kind
    id: str
    reason: str


@attrs.frozen
class Copied:
    """What came of a copy."""

    records: int
    """How many the destination holds now, each equal to that of the source."""
    found: int
    """How many of them it held before."""
    left_out: int
    checksum: str


@attrs.frozen
class Watcher:
    """Whoever wants to know how it goes."""

    progress: Callable[[Progress], None] = lambda _: None
    left_out: Callable[[LeftOut], None] = lambda _: None


async def copy(
    source: Archive[R],
    destination: Archive[R],
    watcher: Watcher = Watcher(),
) -> Copied:
    """
    Copy what the destination lacks, then compare everything.

    Nobody else may write to either of them meanwhile. What the destination has no place for is left
    out and told.

    Raises:
        CopyDiffers: the destination held something else, and nothing was written; or somebody
            wrote.
    """
    return await _Copy(source, destination, watcher).run()


async def checksum(archive: Archive[R]) -> tuple[int, str]:
    """Return the number of all records, and a digest that is equal for equal ones."""
    digest, number = _Digest(), 0
    for kind in Kind:
        async with aclosing(archive.scan(kind)) as records:
            async for record in records:
                digest.add(_tidy(record))
                number += 1
    return number, str(digest)


@attrs.frozen
class _Copy(Generic[R]):
    """One copy, in three passes."""

    _source: Archive[R]
    _destination: Archive[R]
    _watcher: Watcher

    async def run(self) -> Copied:
        # Before anything is written it is clear that it is written to the right place.
        found = {kind: await self._compare(kind) for kind in Kind}
        left_out = {kind: await self._copy(kind, found[kind]) for kind in Kind}
        digest = _Digest()
        records = [await self._verify(kind, left_out[kind], digest) for kind in Kind]
        return Copied(sum(records), sum(found.values()), sum(left_out.values()), str(digest))

    async def _compare(self, kind: Kind) -> int:
        """Return how many records the destination holds. Raises CopyDiffers."""
        number, total = await self._destination.count(kind), await self._source.count(kind)
        if number > total:
            raise CopyDiffers(kind)
        seen = 0
        async with aclosing(self._matched(kind, number)) as records:
            async for _, is_there in records:
                if seen == number:
                    break
                if is_there:
                    seen += 1
                    self._tell(Stage.COMPARING, kind, seen, number)
        return number

    async def _copy(self, kind: Kind, found: int) -> int:
        """Store what the destination lacks; return how much of it has no place there."""
        total = await self._source.count(kind)
        done = left_out = 0
        batch: list[R] = []
        async with aclosing(self._matched(kind, found)) as records:
            # Where nothing is lacking nobody has to look again.
            while found < total and (matched := await anext(records, None)) is not None:
                record, is_there = matched
                if isinstance(record, Illegible):
                    left_out += self._leave_out(kind, record.id, record.reason)
                elif not is_there:
                    batch.append(record)
                done += 1
                if len(batch) == AT_ONCE:
                    left_out += await self._store(kind, batch)
                    batch = []
                if not batch:
                    self._tell(Stage.COPYING, kind, done, total)
        left_out += await self._store(kind, batch)
        self._tell(Stage.COPYING, kind, total, total)
        return left_out

    async def _store(self, kind: Kind, batch: Sequence[R]) -> int:
        """Store all that has a place; return how many have none."""
        if not batch:
            return 0
        try:
            await self._destination.store(kind, batch)
        except NotKept as refusal:
            if len(batch) == 1:
                return self._leave_out(kind, id_of(batch[0]), ", ".join(map(str, refusal.args)))
            middle = len(batch) // 2
            return sum([await self._store(kind, half) for half in (batch[:middle], batch[middle:])])
        return 0

    async def _verify(self, kind: Kind, left_out: int, digest: "_Digest") -> int:
        """Return how many records the destination holds. Raises CopyDiffers."""
        number = await self._destination.count(kind)
        seen, lacking = 0, 0
        async with aclosing(self._matched(kind, number)) as records:
            async for record, is_there in records:
                if is_there:
                    digest.add(record)
                    seen += 1
                    self._tell(Stage.VERIFYING, kind, seen, number)
                else:
                    lacking += 1
        if lacking != left_out:
            raise CopyDiffers(kind)
        return seen

    async def _matched(self, kind: Kind, number: int) -> AsyncGenerator[tuple[R | Illegible, bool]]:
        """
        Yield the records of the source, and whether the destination has them.

        The first *number* of the destination have to be among them, in the same order. Raises
        CopyDiffers.
        """
        async with (
            aclosing(self._source.scan(kind)) as ours,
            aclosing(_first(number, self._destination.scan(kind))) as theirs,
        ):
            expected = await anext(theirs, None)
            async for record in ours:
                tidy = _tidy(record)
                is_there = tidy == expected
                if is_there:
                    expected = await anext(theirs, None)
                yield tidy, is_there
            if expected is not None:
                raise CopyDiffers(kind, id_of(expected))

    def _tell(self, stage: Stage, kind: Kind, done: int, total: int) -> None:
        if done % AT_ONCE == 0 or done == total:
            self._watcher.progress(Progress(stage, kind, done, total))

    def _leave_out(self, kind: Kind, id_: str, reason: str) -> int:
        """Tell that one record stays behind."""
        self._watcher.left_out(LeftOut(kind, id_, reason))
        return 1


async def _first(number: int, records: AsyncGenerator[R]) -> AsyncGenerator[R]:
    """Yield so many of *records*, and ask for no more."""
    async with aclosing(records):
        while number and (record := await anext(records, None)) is not None:
            yield record
            number -= 1


def id_of(record: object) -> str:
    """Return what tells a record from others of its kind, and nothing else of it."""
    match record:
        case Account():
            return record.user.id
        case DeletionRecord():
            return id_of(record.removed)
        case _:
            return str(getattr(record, "id", ""))


def _tidy(record: R) -> R:
    """
    Return a record without what is there twice and counts once.

    Other programs may have stored it; storages that keep sets do not.
    """
    match record:
        case Patient():
            tags = record.tags and tuple(dict.fromkeys(record.tags))
            sites = record.sites and _first_by_id(record.sites)
            if (tags, sites) == (record.tags, record.sites):
                return record
            return cast("R", attrs.evolve(record, tags=tags, sites=sites))
        case Clinic():
            codes = tuple(dict.fromkeys(record.share_codes))
            if codes == record.share_codes:
                return record
            return cast("R", attrs.evolve(record, share_codes=codes))
        case _:
            return record


def _first_by_id(sites: tuple[PatientSite, ...]) -> tuple[PatientSite, ...]:
    first: dict[SiteId, PatientSite] = {}
    for site in sites:
        first.setdefault(site.id, site)
    return tuple(first.values())


class _Digest:
    """A digest of values, in the order in which they are added."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, value: object) -> None:
        self._hash.update(_canonical(value).encode() + b"\n")

    def __str__(self) -> str:
        """Return it as hexadecimal digits."""
        return self._hash.hexdigest()


def _canonical(value: object) -> str:
    """Return a text that is equal for equal values; mappings and sets have no order."""
    match value:
        case None | bool() | int() | float() | bytes():
            return repr(value)
        case str():
            return ascii(str(value))
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return f"({', '.join(map(_canonical, value))})"
        case frozenset():
            return f"{{{', '.join(sorted(map(_canonical, value)))}}}"
        case Mapping():
            pairs = (f"{_canonical(key)}: {_canonical(value[key])}" for key in value)
            return f"{{{', '.join(sorted(pairs))}}}"
        case _:
            kind = cast("Any", type(value))
            fields = ", ".join(_canonical(getattr(value, name)) for name in _names(kind))
            return f"{kind.__name__}({fields})"


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))
