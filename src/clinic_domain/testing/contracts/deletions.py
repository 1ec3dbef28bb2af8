"""What is removed leaves a full copy of itself."""

from datetime import timedelta
from typing import Any, Final

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic, ClinicQuery
from clinic_domain.deletions import Deletion, DeletionRecord
from clinic_domain.patients.model import Patient, Permission
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts import clinicians, clinics, patients
from clinic_domain.testing.contracts.support import (
    all_clinicians,
    found_clinic,
    keep,
    patients_of,
    remove,
)
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_share_code, a_user_id
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, InviteId, UserId

BY_SOMEBODY: Final = Deletion(A_MORNING + timedelta(hours=1), UserId("somebody"))
BY_NOBODY: Final = Deletion(A_MORNING + timedelta(hours=2))


class DeletionContract:
    """A removed record is nowhere but in the deletion records."""

    async def test_nothing_is_removed_at_first(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic, a_clinician(clinic), a_patient(clinic))

        assert await storage.read(lambda tx: tx.deletions.clinics(clinic.id)) == ()
        assert await storage.read(lambda tx: tx.deletions.clinicians(clinic.id)) == ()
        assert await storage.read(lambda tx: tx.deletions.patients(clinic.id)) == ()

    # Clinics

    async def test_a_removed_clinic_leaves_a_copy(self, storage: Storage) -> None:
        for number, changes in enumerate(clinics.CHANGES):
            clinic = a_clinic(**changes)
            deletion = (BY_SOMEBODY, BY_NOBODY)[number % 2]
            await keep(storage, clinic)

            await remove(storage, clinic, deletion)

            records = await _removed_clinics(storage, clinic.id)
            assert records == [DeletionRecord(clinic, deletion)]
            assert await found_clinic(storage, clinic.id) is None

    async def test_a_removed_clinic_is_in_no_list(self, storage: Storage) -> None:
        codes = (a_share_code(), a_share_code())
        clinic = a_clinic(share_code=codes[0], share_codes=codes)
        other = a_clinic()
        await keep(storage, clinic, other)

        await remove(storage, clinic, BY_NOBODY)
        again = a_clinic(share_code=codes[1], share_codes=codes)
        await keep(storage, again)

        views = await storage.read(lambda tx: tx.clinics.views(ClinicQuery()))
        assert [view.clinic for view in views] == [other, again]
        assert await storage.read(lambda tx: tx.clinics.find_view(clinic.id)) is None

    # Clinicians

    async def test_a_removed_clinician_leaves_a_copy(self, storage: Storage) -> None:
        clinic = a_clinic()
        members = [a_clinician(clinic, **changes) for changes in clinicians.CHANGES]
        await keep(storage, clinic, *members)

        for member in members:
            await remove(storage, member, BY_SOMEBODY)

        assert await all_clinicians(storage) == ()
        records = await _removed_clinicians(storage, clinic.id)
        assert records == [DeletionRecord(member, BY_SOMEBODY) for member in members]

    async def test_a_clinician_can_be_removed_without_a_copy(self, storage: Storage) -> None:
        """As withdrawn invites are."""
        clinic = a_clinic()
        invite = a_clinician(clinic, user_id=None, invite_id=InviteId("key"))
        await keep(storage, clinic, invite)

        await storage.transaction(lambda tx: tx.clinicians.remove(invite, None))

        assert await all_clinicians(storage) == ()
        assert await _removed_clinicians(storage, clinic.id) == []

    async def test_all_clinicians_of_a_clinic_leave_copies(self, storage: Storage) -> None:
        clinic = a_clinic()
        members = [a_clinician(clinic), a_clinician(clinic, user_id=None, invite_id=InviteId("k"))]
        elsewhere = a_clinician(a_clinic(), user_id=members[0].user_id)
        await keep(storage, clinic, *members, elsewhere)

        await storage.transaction(lambda tx: tx.clinicians.remove_of_clinic(clinic.id, BY_NOBODY))

        assert await all_clinicians(storage) == (elsewhere,)
        records = await _removed_clinicians(storage, clinic.id)
        assert _by_id(records) == _by_id(DeletionRecord(one, BY_NOBODY) for one in members)
        assert await _removed_clinicians(storage, elsewhere.clinic_id) == []

    # Patients

    async def test_a_removed_patient_leaves_a_copy(self, storage: Storage) -> None:
        clinic = a_clinic()
        everybody = [a_patient(clinic, **changes) for changes in patients.CHANGES]
        await keep(storage, clinic, *everybody)

        for patient in everybody:
            await remove(storage, patient, BY_NOBODY)

        assert await patients_of(storage, clinic.id) == {}
        records = await _removed_patients(storage, clinic.id)
        assert records == [DeletionRecord(patient, BY_NOBODY) for patient in everybody]

    async def test_a_copy_is_of_the_last_state(self, storage: Storage) -> None:
        patient = a_patient(a_clinic())
        await keep(storage, patient)
        changed = attrs.evolve(patient, mrn="1", tags=())

        async def work(tx: Transaction) -> None:
            await tx.patients.save(changed, was=patient)
            await tx.patients.remove(changed, BY_SOMEBODY)

        await storage.transaction(work)

        records = await _removed_patients(storage, patient.clinic_id)
        assert records == [DeletionRecord(changed, BY_SOMEBODY)]

    async def test_who_is_removed_twice_leaves_two_copies(self, storage: Storage) -> None:
        """Records are kept in the order in which they were written."""
        patient = a_patient(a_clinic())
        again = attrs.evolve(a_patient(patient.clinic_id), user_id=patient.user_id)

        for each, deletion in ((patient, BY_NOBODY), (again, BY_SOMEBODY)):
            await keep(storage, each)
            await remove(storage, each, deletion)

        records = await _removed_patients(storage, patient.clinic_id)
        assert records == [DeletionRecord(patient, BY_NOBODY), DeletionRecord(again, BY_SOMEBODY)]

    async def test_all_records_of_a_user_leave_copies(self, storage: Storage) -> None:
        user_id = a_user_id()
        here, there = (a_patient(a_clinic(), user_id=user_id) for _ in range(2))
        neighbour = a_patient(here.clinic_id)
        await keep(storage, here, there, neighbour)

        affected = await storage.transaction(
            lambda tx: tx.patients.remove_of_user(user_id, BY_NOBODY)
        )

        assert sorted(affected) == sorted([here.clinic_id, there.clinic_id])
        assert await storage.read(lambda tx: tx.patients.of_user(user_id)) == ()
        assert await patients_of(storage, here.clinic_id) == {neighbour.user_id: neighbour}
        for patient in (here, there):
            records = await _removed_patients(storage, patient.clinic_id)
            assert records == [DeletionRecord(patient, BY_NOBODY)]
        again = await storage.transaction(lambda tx: tx.patients.remove_of_user(user_id, BY_NOBODY))
        assert again == ()

    async def test_patients_without_custodian_leave_copies(self, storage: Storage) -> None:
        clinic = a_clinic()
        custodial = [
            a_patient(clinic, permissions=permissions)
            for permissions in (frozenset({Permission.CUSTODIAN}), frozenset(Permission))
        ]
        others = [
            a_patient(clinic, permissions=permissions)
            for permissions in (None, frozenset[Permission](), frozenset({Permission.VIEW}))
        ]
        elsewhere = a_patient(a_clinic(), permissions=None)
        await keep(storage, clinic, *custodial, *others, elsewhere)

        number = await storage.transaction(
            lambda tx: tx.patients.remove_non_custodial(clinic.id, BY_SOMEBODY)
        )

        assert number == 3
        assert await patients_of(storage, clinic.id) == {one.user_id: one for one in custodial}
        assert len(await patients_of(storage, elsewhere.clinic_id)) == 1
        records = await _removed_patients(storage, clinic.id)
        assert _by_id(records) == _by_id(DeletionRecord(one, BY_SOMEBODY) for one in others)

    async def test_copies_outlive_their_clinic(self, storage: Storage) -> None:
        clinic = a_clinic()
        member, patient = a_clinician(clinic), a_patient(clinic)
        await keep(storage, clinic, member, patient)

        async def close(tx: Transaction) -> None:
            await tx.patients.remove(patient, BY_SOMEBODY)
            await tx.clinicians.remove_of_clinic(clinic.id, BY_SOMEBODY)
            await tx.clinics.remove(clinic, BY_SOMEBODY)

        await storage.transaction(close)

        assert await _removed_patients(storage, clinic.id) == [DeletionRecord(patient, BY_SOMEBODY)]
        assert await _removed_clinicians(storage, clinic.id) == [
            DeletionRecord(member, BY_SOMEBODY)
        ]


async def _removed_clinics(storage: Storage, clinic_id: ClinicId) -> list[DeletionRecord[Clinic]]:
    return list(await storage.read(lambda tx: tx.deletions.clinics(clinic_id)))


async def _removed_clinicians(
    storage: Storage, clinic_id: ClinicId
) -> list[DeletionRecord[Clinician]]:
    return list(await storage.read(lambda tx: tx.deletions.clinicians(clinic_id)))


async def _removed_patients(storage: Storage, clinic_id: ClinicId) -> list[DeletionRecord[Patient]]:
    return list(await storage.read(lambda tx: tx.deletions.patients(clinic_id)))


def _by_id(records: Any) -> dict[str, Any]:
    return {record.removed.id: record for record in records}
