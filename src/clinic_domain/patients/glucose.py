"""Use cases on glucose summaries: keeping them, and the report that rests on them."""

from collections.abc import Iterable

import attrs

from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import Stats
from clinic_domain.patients.tide import (
    MAX_SELECTED,
    Category,
    TideQuery,
    TideReport,
    category_query,
    no_data_query,
)
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import RecordId, UserId


@attrs.frozen
class SummaryService:
    """Keeps the summaries of patients, in all clinics at once."""

    _storage: Storage
    _clock: Clock

    async def replace(self, user_id: UserId, cgm: Stats | None, bgm: Stats | None) -> int:
        """
        Replace what is given of a user's summary; return the number of records (SUMMARY-2 to 5).

        Without either only the time of the last change is new.
        """
        now = self._clock.now()
        return await self._storage.transaction(
            lambda tx: tx.patients.set_summary(user_id, cgm, bgm, now)
        )

    async def remove(self, user_id: UserId) -> int:
        """Take away a user's summary; return the number of records (SUMMARY-1, SUMMARY-5)."""
        now = self._clock.now()
        return await self._storage.transaction(lambda tx: tx.patients.remove_summary(user_id, now))

    async def remove_stats(self, summary_id: str) -> int:
        """Take away the part of summaries that has an id; return how many (SUMMARY-8, 9)."""
        return await self._storage.transaction(lambda tx: tx.patients.remove_stats(summary_id))


@attrs.frozen
class TideService:
    """Makes TIDE reports."""

    _storage: Storage
    _clock: Clock

    async def report(self, query: TideQuery) -> TideReport:
        """Return who is to be called first; nobody in a clinic that does not exist (TIDE)."""
        now = self._clock.now()

        async def work(tx: Transaction) -> TideReport:
            selected: set[RecordId] = set()
            categories: dict[Category, tuple[RecordId, ...]] = {}
            for category in dict.fromkeys(query.categories):
                room = MAX_SELECTED - len(selected)
                if room == 0:
                    break
                found = await tx.patients.matches(category_query(query, category, selected, room))
                categories[category] = found.ids
                selected.update(found.ids)
            without: tuple[RecordId, ...] = ()
            if not query.exclude_no_data:
                without = (await tx.patients.matches(no_data_query(query, now))).ids
            shown = await tx.patients.with_ids(query.clinic_id, [*selected.union(without)])
            patients = {patient.id: patient for patient in shown}

            def of(ids: Iterable[RecordId]) -> tuple[Patient, ...]:
                # Who was removed meanwhile is left out.
                return tuple(patients[id_] for id_ in ids if id_ in patients)

            return TideReport(
                {category: of(ids) for category, ids in categories.items()},
                None if query.exclude_no_data else of(without),
            )

        return await self._storage.read(work)
