"""Copying, over archives that are lists."""

import weakref
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain import copying
from clinic_domain.copying import (
    AT_ONCE,
    Archive,
    Copied,
    CopyDiffers,
    Illegible,
    Kind,
    LeftOut,
    NotKept,
    Progress,
    Record,
    Stage,
    Watcher,
    checksum,
    copy,
    id_of,
)
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.patients.model import ConnectionRequest, PatientSite, Permission
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_patient,
    a_share_code,
    a_site,
    a_token,
    an_account,
    at,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import TagId

Anything = Record | Illegible

A, B = TagId("a"), TagId("b")


@attrs.define
class Lists(Archive[Record]):
    """An archive that keeps all records but some."""

    records: dict[Kind, list[Anything]] = attrs.field(factory=lambda: {kind: [] for kind in Kind})
    refused: frozenset[str] = frozenset()
    batches: list[int] = attrs.field(factory=list)
    is_by_id: bool = False
    """Yields records by their ids, in whatever order they were stored."""

    async def count(self, kind: Kind) -> int:
        return len(self.records[kind])

    async def scan(self, kind: Kind) -> AsyncGenerator[Anything]:
        records = self.records[kind]
        for record in sorted(records, key=id_of) if self.is_by_id else records:
            yield record

    async def store(self, kind: Kind, records: Sequence[Record]) -> None:
        self.batches.append(len(records))
        if self.refused & set(map(id_of, records)):
            raise NotKept("no place")
        self.records[kind].extend(records)


def lists(records: Iterable[Anything], kind: Kind = Kind.PATIENTS) -> Lists:
    archive = Lists()
    archive.records[kind].extend(records)
    return archive


def patients(number: int) -> list[Record]:
    clinic = a_clinic()
    return [a_patient(clinic) for _ in range(number)]


@pytest.fixture
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "AT_ONCE", 4)


async def test_nothing_is_copied_from_nothing() -> None:
    nothing = Lists()

    copied = await copy(Lists(), nothing)

    assert nothing == Lists()
    assert (copied.records, copied.found, copied.left_out) == (0, 0, 0)


@pytest.mark.parametrize("number", [1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE - 1])
async def test_records_come_in_batches(number: int) -> None:
    source, destination = lists(patients(number)), Lists()

    await copy(source, destination)

    assert destination.records == source.records
    assert max(destination.batches) <= AT_ONCE
    assert len(destination.batches) == -(-number // AT_ONCE)


async def test_what_is_in_memory_does_not_grow_with_what_is_copied() -> None:
    """The batch that is written, and what a scan has at hand."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    class Endless(Lists):
        async def count(self, kind: Kind) -> int:
            return 10 * AT_ONCE if kind is Kind.TOKENS else 0

        async def scan(self, kind: Kind) -> AsyncGenerator[Anything]:
            nonlocal most
            for number in range(await self.count(kind)):
                record = a_token(account, id=str(number))
                alive.add(record)
                most = max(most, len(alive))
                yield record

    class Forgetful(Endless):
        """Has what is stored, and yields it anew."""

        stored = 0

        async def count(self, kind: Kind) -> int:
            return Forgetful.stored if kind is Kind.TOKENS else 0

        async def store(self, kind: Kind, records: Sequence[Record]) -> None:
            Forgetful.stored += len(records)

    account = an_account()

    copied = await copy(Endless(), Forgetful())

    assert copied.records == 10 * AT_ONCE
    assert most < AT_ONCE + 10


@pytest.mark.usefixtures("_few_at_once")
@given(
    number=st.integers(0, 30),
    there=st.sets(st.integers(0, 29)),
    refused=st.sets(st.integers(0, 29), max_size=5),
    illegible=st.sets(st.integers(0, 29), max_size=3),
)
async def test_whatever_is_lacking_is_copied_and_whatever_is_refused_is_told(
    number: int, there: set[int], refused: set[int], illegible: set[int]
) -> None:
    """Also when something was left out before, and is still refused, or not any more."""
    records = patients(number)
    legible = {at: record for at, record in enumerate(records) if at not in illegible}
    source = lists(
        [legible.get(at) or Illegible(id_of(record), "?") for at, record in enumerate(records)]
    )
    found = [record for at, record in legible.items() if at in there]
    destination = lists(found)
    destination.is_by_id = True
    destination.refused = frozenset(
        id_of(record) for at, record in legible.items() if at in refused - there
    )
    lost: list[LeftOut] = []

    copied = await copy(source, destination, Watcher(left_out=lost.append))

    kept = [record for at, record in legible.items() if at not in refused - there]
    assert sorted(destination.records[Kind.PATIENTS], key=id_of) == kept
    assert (copied.records, copied.found) == (len(kept), len(found))
    assert copied.left_out == len(lost) == number - len(kept)
    assert {each.id for each in lost} == set(map(id_of, records)) - set(map(id_of, kept))


async def test_one_that_is_refused_is_found_in_a_few_steps() -> None:
    records = patients(AT_ONCE)
    destination = Lists(refused=frozenset({id_of(records[123])}))
    lost: list[LeftOut] = []

    await copy(lists(records), destination, Watcher(left_out=lost.append))

    assert lost == [LeftOut(Kind.PATIENTS, id_of(records[123]), "no place")]
    assert len(destination.batches) < 25


@pytest.mark.parametrize(
    "kind", [Kind.ACCOUNTS, Kind.PATIENTS], ids=["met at once", "met in the end"]
)
async def test_nothing_is_written_where_anything_else_is(kind: Kind) -> None:
    source = lists([an_account(), an_account()], Kind.ACCOUNTS)
    source.records[Kind.PATIENTS] = [*patients(2)]
    stranger: Record = an_account() if kind is Kind.ACCOUNTS else patients(1)[0]
    destination = lists([stranger], kind)

    with pytest.raises(CopyDiffers) as refusal:
        await copy(source, destination)

    assert refusal.value.args == (kind, id_of(stranger))
    assert destination == lists([stranger], kind)


async def test_a_record_that_was_changed_is_another_one() -> None:
    patient = a_patient(a_clinic())
    destination = lists([attrs.evolve(patient, email="new@example.com")])

    with pytest.raises(CopyDiffers):
        await copy(lists([patient]), destination)


async def test_a_destination_with_more_is_no_copy() -> None:
    records = patients(2)

    with pytest.raises(CopyDiffers):
        await copy(lists(records[:1]), lists(records))


@pytest.mark.parametrize("end", ["source", "destination"])
async def test_whoever_writes_meanwhile_is_found_out(end: str) -> None:
    """A change after the copy, and before everything is compared."""
    records = patients(3)
    archives = {"source": lists(records[:2]), "destination": Lists()}

    def write(progress: Progress) -> None:
        written = archives[end].records[Kind.PATIENTS]
        if progress == Progress(Stage.COPYING, Kind.PATIENT_DELETIONS, 0, 0):
            written.append(records[2])

    with pytest.raises(CopyDiffers):
        await copy(archives["source"], archives["destination"], Watcher(write))


async def test_progress_ends_with_everything() -> None:
    told: list[Progress] = []
    source = lists(patients(AT_ONCE + 1))
    destination = lists(source.records[Kind.PATIENTS][:1])

    await copy(source, destination, Watcher(told.append))

    seen = [each for each in told if each.kind is Kind.PATIENTS]
    assert [each.stage for each in seen] == sorted(
        (each.stage for each in seen), key=list(Stage).index
    )
    for stage, total in ((Stage.COMPARING, 1), (Stage.COPYING, 501), (Stage.VERIFYING, 501)):
        last = [each for each in seen if each.stage is stage][-1]
        assert (last.done, last.total) == (total, total)


async def test_what_counts_once_is_copied_once() -> None:
    """Sets that other programs kept as lists."""
    site, other = a_site(), a_site()
    code = a_share_code()
    clinic = a_clinic(share_code=code, share_codes=(code, code))
    renamed = PatientSite(site.id, "old")
    patient = a_patient(clinic, tags=(B, A, B), sites=(*at(site, other), renamed))
    source, destination = lists([patient]), Lists()
    source.records[Kind.CLINICS] = [clinic]

    await copy(source, destination)

    assert destination.records[Kind.CLINICS] == [attrs.evolve(clinic, share_codes=(code,))]
    assert destination.records[Kind.PATIENTS] == [
        attrs.evolve(patient, tags=(B, A), sites=at(site, other))
    ]
    assert await checksum(source) == await checksum(destination)


# Checksums


async def test_equal_records_have_one_checksum() -> None:
    """Mappings have no order, and words of the domain are texts."""
    request = (ConnectionRequest("dexcom", A_MORNING),)
    patient = a_patient(
        a_clinic(),
        connection_requests={"a": request, "b": ()},
        permissions=frozenset({Permission.VIEW, Permission.NOTE}),
    )
    same = attrs.evolve(
        patient,
        connection_requests={"b": (), "a": request},
        permissions=frozenset(map(Permission, ("note", "view"))),
    )

    assert patient == same
    assert await checksum(lists([patient])) == await checksum(lists([same]))


async def test_records_that_differ_have_different_checksums() -> None:
    patient, clinic = a_patient(a_clinic(), tags=(A, B)), a_clinic()
    different: list[list[Anything]] = [
        [],
        [patient],
        [patient, patient],
        [attrs.evolve(patient, tags=(B, A))],
        [attrs.evolve(patient, tags=())],
        [attrs.evolve(patient, tags=None)],
        [attrs.evolve(patient, full_name="")],
        [attrs.evolve(patient, full_name="None")],
        [attrs.evolve(patient, full_name=None)],
        [attrs.evolve(patient, created_time=A_MORNING + timedelta(milliseconds=1))],
        [DeletionRecord(patient, Deletion(A_MORNING))],
        [clinic],
        [a_clinician(clinic)],
    ]

    checksums = [await checksum(lists(records)) for records in different]

    assert len(set(checksums)) == len(different)


async def test_the_checksum_of_a_copy_is_told() -> None:
    source, destination = lists(patients(3)), Lists()

    copied = await copy(source, destination)

    assert copied == Copied(3, 0, 0, (await checksum(source))[1])
    assert await checksum(destination) == (3, copied.checksum)
