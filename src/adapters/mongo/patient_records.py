"""
The records that lists have shown lately, kept in memory while nobody changes them.

Nearly all of a record is the periods of its summary, twenty kilobytes. To decode those of a page,
and to write them as JSON, takes several times as long as all else, so they are kept as JSON.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import attrs
import msgspec
from bson import ObjectId
from cachetools import LRUCache
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from adapters.mongo.cursors import listed
from adapters.mongo.documents import Document, equal_to, object_id
from adapters.mongo.indexes import BY_ID, PATIENTS
from adapters.mongo.patient_changes import Changes, Lost
from adapters.mongo.patient_documents import patient_of
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import (
    EncodedPeriods,
    Stats,
    Summary,
    SummaryKind,
    are_complete,
)
from clinic_domain.values import EVERYTHING, ClinicId, RecordId

CAPACITY: Final = 32 * 2**20
"""Bytes that are kept, about."""

_BESIDE: Final = 4096
"""Bytes of a record without its periods, about."""
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(dict[str, dict[str, float | int | bool]])


async def patients_in(
    database: AsyncDatabase[Document],
    clinic_id: ClinicId,
    ids: Iterable[RecordId],
    session: AsyncClientSession | None,
) -> tuple[Patient, ...]:
    """Return some patients of a clinic, in the order of *ids*, from what the server says now."""
    wanted = [id_ for id_ in map(object_id, ids) if id_ is not None]
    condition = {"_id": {"$in": wanted}, "clinicId": equal_to(clinic_id)}
    cursor = database[PATIENTS].find(condition, session=session, hint=BY_ID)
    found = {patient.id: patient for patient in await listed(cursor, EVERYTHING, patient_of)}
    return tuple(found[id_] for id_ in ids if id_ in found)


@attrs.define(eq=False)
class Records:
    """Patients of any clinics; those shown least lately go when there are too many."""

    _database: AsyncDatabase[Document]
    _changes: Changes
    _capacity: int = CAPACITY
    _kept: LRUCache[RecordId, Patient] = attrs.field(init=False)

    @_kept.default
    def _(self) -> LRUCache[RecordId, Patient]:
        return LRUCache(self._capacity, _size_of)

    def __attrs_post_init__(self) -> None:
        self._changes.tell(self)

    def note(self, record_id: ObjectId, _clinic_id: ObjectId | None) -> None:
        self._kept.pop(RecordId(str(record_id)), None)

    def forget(self) -> None:
        self._kept.clear()

    async def some(
        self, clinic_id: ClinicId, ids: Sequence[RecordId], *, is_caught_up: bool = False
    ) -> tuple[Patient, ...]:
        """
        Return some patients of a clinic, in the order of *ids*, as they were after the question.

        Or, to who *is_caught_up* already, after the last one.
        """
        found = await self._known(clinic_id, ids, is_caught_up=is_caught_up)
        missing = [id_ for id_ in ids if id_ not in found]
        if missing:
            found |= {patient.id: patient for patient in await self._read(clinic_id, missing)}
        return tuple(found[id_] for id_ in ids if id_ in found)

    async def _known(
        self, clinic_id: ClinicId, ids: Sequence[RecordId], *, is_caught_up: bool
    ) -> dict[RecordId, Patient]:
        try:
            await self._changes.follow(is_caught_up=is_caught_up)
        except Lost:
            return {}
        kept = {id_: self._kept[id_] for id_ in ids if id_ in self._kept}
        return {id_: patient for id_, patient in kept.items() if patient.clinic_id == clinic_id}

    async def _read(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> tuple[Patient, ...]:
        with self._changes.noted() as changed:
            async with self._changes.session() as session:
                found = await patients_in(self._database, clinic_id, ids, session)
            found = tuple(map(_encoded, found))
            for patient in found:
                if not changed.is_lost and ObjectId(patient.id) not in changed.ids:
                    with suppress(ValueError):  # more than there is room for
                        self._kept[patient.id] = patient
        return found


def _encoded(patient: Patient) -> Patient:
    """Return the same patient, whose periods are JSON."""
    if patient.summary is None:
        return patient
    parts = (_encoded_stats(kind, patient.summary.of(kind)) for kind in SummaryKind)
    return attrs.evolve(patient, summary=Summary(*parts))


def _encoded_stats(kind: SummaryKind, stats: Stats | None) -> Stats | None:
    if stats is None:
        return None
    periods = EncodedPeriods(
        _ENCODER.encode(stats.periods),
        _DECODER.decode,
        is_complete=are_complete(kind, stats.periods),
        remembers=False,
    )
    return attrs.evolve(stats, periods=periods)


def _size_of(patient: Patient) -> int:
    return _BESIDE + (0 if patient.summary is None else patient.summary.encoded_size)
