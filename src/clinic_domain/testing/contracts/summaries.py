"""Glucose summaries are kept in all clinics of a patient at once."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Final

import attrs
import pytest

from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import Stats, StatsConfig, StatsDates, Summary
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import keep, patient_of
from clinic_domain.testing.examples import a_clinic, a_patient, a_user_id
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import UserId

_LATER: Final = A_MORNING + timedelta(days=3)
_CGM: Final = Stats(
    "c1",
    StatsConfig(5, 3.0, 3.9, 10.0, 13.9),
    StatsDates(
        has_last_data=True,
        last_data=A_MORNING,
        last_updated_reason=(),
        outdated_reason=("DATA_ADDED",),
    ),
    {
        "7d": {"timeInTargetPercent": 0.75, "totalRecords": 2016, "hasTotalRecords": True},
        "90d": {"min": 2.5, "somethingNew": 7, "isNew": False},
    },
)
_BGM: Final = Stats("b1", periods={"1d": {"max": 11.25, "daysWithData": 2**40}})


class SummaryContract:
    """A summary is replaced part by part, and removed as a whole or by the id of a part."""

    async def test_a_part_replaces_that_part_alone(self, storage: Storage) -> None:
        """In every clinic, with the time of the change (SUMMARY-3 to SUMMARY-5)."""
        user_id = a_user_id()
        one = a_patient(a_clinic(), user_id=user_id, summary=Summary(cgm=_CGM, bgm=_BGM))
        two = a_patient(a_clinic(), user_id=user_id)
        other = a_patient(a_clinic(), summary=Summary(cgm=_CGM))
        await keep(storage, one, two, other)
        new = Stats("c2", periods={"30d": {"min": 3.5}})

        assert await _set(storage, user_id, new, None) == 2

        assert await _now(storage, one) == _changed(one, Summary(cgm=new, bgm=_BGM))
        assert await _now(storage, two) == _changed(two, Summary(cgm=new))
        assert await _now(storage, other) == other

    async def test_both_parts_come_back_as_they_were_given(self, storage: Storage) -> None:
        """Metrics that nobody knows as well."""
        patient = a_patient(a_clinic())
        await keep(storage, patient)

        assert await _set(storage, patient.user_id, _CGM, _BGM) == 1

        assert await _now(storage, patient) == _changed(patient, Summary(cgm=_CGM, bgm=_BGM))

    @pytest.mark.parametrize("summary", [None, Summary(), Summary(bgm=_BGM)], ids=str)
    async def test_without_a_part_only_the_time_is_new(
        self, storage: Storage, summary: Summary | None
    ) -> None:
        """SUMMARY-2."""
        patient = a_patient(a_clinic(), summary=summary)
        await keep(storage, patient)

        assert await _set(storage, patient.user_id, None, None) == 1

        assert await _now(storage, patient) == _changed(patient, summary)

    async def test_a_summary_is_removed_in_every_clinic(self, storage: Storage) -> None:
        """SUMMARY-1."""
        user_id = a_user_id()
        one = a_patient(a_clinic(), user_id=user_id, summary=Summary(cgm=_CGM, bgm=_BGM))
        two = a_patient(a_clinic(), user_id=user_id)
        await keep(storage, one, two)

        number = await storage.transaction(lambda tx: tx.patients.remove_summary(user_id, _LATER))

        assert number == 2
        assert await _now(storage, one) == _changed(one, None)
        assert await _now(storage, two) == _changed(two, None)

    async def test_of_an_unknown_user_there_is_no_record(self, storage: Storage) -> None:
        """SUMMARY-6."""
        await keep(storage, a_patient(a_clinic()))
        nobody = a_user_id()

        assert await _set(storage, nobody, _CGM, _BGM) == 0
        assert await storage.transaction(lambda tx: tx.patients.remove_summary(nobody, _LATER)) == 0

    async def test_a_part_is_removed_by_its_id(self, storage: Storage) -> None:
        """What is left stays, and so does the time of the last change (SUMMARY-8, SUMMARY-9)."""
        one = a_patient(a_clinic(), summary=Summary(cgm=_CGM, bgm=_BGM))
        two = a_patient(a_clinic(), summary=Summary(cgm=_CGM))
        both = a_patient(a_clinic(), summary=Summary(cgm=_CGM, bgm=attrs.evolve(_BGM, id="c1")))
        other = a_patient(a_clinic(), summary=Summary(bgm=_BGM))
        await keep(storage, one, two, both, other)

        assert await storage.transaction(lambda tx: tx.patients.remove_stats("c1")) == 3

        assert await _now(storage, one) == attrs.evolve(one, summary=Summary(bgm=_BGM))
        assert await _now(storage, two) == attrs.evolve(two, summary=Summary())
        assert await _now(storage, both) == attrs.evolve(both, summary=Summary())
        assert await _now(storage, other) == other
        assert await storage.transaction(lambda tx: tx.patients.remove_stats("c1")) == 0

    async def test_a_summary_goes_into_the_deletion_record(self, storage: Storage) -> None:
        patient = a_patient(a_clinic(), summary=Summary(cgm=_CGM, bgm=_BGM))
        await keep(storage, patient)

        await storage.transaction(lambda tx: tx.patients.remove(patient, Deletion(_LATER, None)))

        records = await storage.read(lambda tx: tx.deletions.patients(patient.clinic_id))
        assert [record.removed for record in records] == [patient]

    async def test_nothing_of_a_refused_change_is_kept(self, storage: Storage) -> None:
        patient = a_patient(a_clinic(), summary=Summary(cgm=_CGM))
        await keep(storage, patient)

        with pytest.raises(ZeroDivisionError):
            await storage.transaction(
                lambda tx: _set_and_fail(
                    tx.patients.set_summary(patient.user_id, None, _BGM, _LATER)
                )
            )

        assert await _now(storage, patient) == patient


async def _set_and_fail(change: Awaitable[int]) -> None:
    await change
    raise ZeroDivisionError


async def _set(storage: Storage, user_id: UserId, cgm: Stats | None, bgm: Stats | None) -> int:
    return await storage.transaction(lambda tx: tx.patients.set_summary(user_id, cgm, bgm, _LATER))


def _changed(patient: Patient, summary: Summary | None, now: datetime = _LATER) -> Patient:
    return attrs.evolve(patient, summary=summary, updated_time=now)


async def _now(storage: Storage, patient: Patient) -> Patient | None:
    return await patient_of(storage, patient.clinic_id, patient.user_id)
