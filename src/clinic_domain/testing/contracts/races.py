"""Transactions that meet end as if they had run one after another."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import attrs

from clinic_domain.clinicians.errors import DuplicateClinician, LastAdmin
from clinic_domain.clinicians.model import Role, RolesUpdate
from clinic_domain.clinics.errors import (
    ClinicNotEmpty,
    ClinicNotFound,
    DuplicateShareCode,
    DuplicateSite,
    DuplicateTag,
    PatientCountExceeded,
)
from clinic_domain.clinics.model import ClinicDetails, PatientCount
from clinic_domain.clinics.rules import without_admin
from clinic_domain.clinics.sites import with_site
from clinic_domain.clinics.tags import with_tag
from clinic_domain.deletions import Deletion
from clinic_domain.errors import DomainError
from clinic_domain.patients.errors import DuplicatePatient, MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import Permission, Review
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import (
    all_clinicians,
    clinic_of,
    found_clinic,
    keep,
    patient_of,
    patients_of,
    pause,
    together,
)
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_patient,
    a_share_code,
    a_site,
    a_tag,
    a_user_id,
    an_account,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import EmailTaken
from clinic_domain.values import ClinicId, InviteId, UserId

LATER: Final = A_MORNING + timedelta(hours=1)
RIVALS: Final = 8


class RaceContract:
    """Nothing is lost, and no invariant is broken, when many do the same at the same time."""

    # Lost updates

    async def test_no_change_of_a_clinic_is_lost(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)

        async def add_admin(user_id: UserId, tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            await pause()
            changed = attrs.evolve(found, admins=(*found.admins, user_id))
            await tx.clinics.save(changed, was=found)

        users = [a_user_id() for _ in range(RIVALS)]
        await together(*(storage.transaction(partial(add_admin, user)) for user in users))

        assert sorted((await clinic_of(storage, clinic.id)).admins) == sorted(users)

    async def test_no_change_of_a_clinician_is_lost(self, storage: Storage) -> None:
        clinician = a_clinician(a_clinic())
        await keep(storage, clinician)
        user_id = clinician.user_id or UserId("")

        async def note(by: str, tx: Transaction) -> None:
            found = await tx.clinicians.get(clinician.clinic_id, user_id)
            await pause()
            history = (*found.roles_updates, RolesUpdate((), by))
            await tx.clinicians.save(attrs.evolve(found, roles_updates=history), was=found)

        notes = [f"by {number}" for number in range(RIVALS)]
        await together(*(storage.transaction(partial(note, by)) for by in notes))

        (found,) = await all_clinicians(storage)
        assert sorted(update.updated_by for update in found.roles_updates) == notes

    async def test_no_change_of_a_patient_is_lost(self, storage: Storage) -> None:
        patient = a_patient(a_clinic())
        await keep(storage, patient)

        async def review(by: UserId, tx: Transaction) -> None:
            found = await tx.patients.get(patient.clinic_id, patient.user_id)
            await pause()
            reviews = (Review(by, A_MORNING), *(found.reviews or ()))
            await tx.patients.save(attrs.evolve(found, reviews=reviews), was=found)

        users = [a_user_id() for _ in range(RIVALS)]
        await together(*(storage.transaction(partial(review, user)) for user in users))

        found = await patient_of(storage, patient.clinic_id, patient.user_id)
        assert sorted(each.clinician_id for each in found.reviews or ()) == sorted(users)

    async def test_changes_of_different_fields_are_both_kept(self, storage: Storage) -> None:
        """Also where one of them changes all patients and the other a single one."""
        patient = a_patient(a_clinic())
        tag = a_tag().id
        await keep(storage, patient)

        async def rename(tx: Transaction) -> None:
            found = await tx.patients.get(patient.clinic_id, patient.user_id)
            await pause()
            await tx.patients.save(attrs.evolve(found, full_name="Renamed"), was=found)

        async def assign(tx: Transaction) -> None:
            await pause()
            await tx.patients.add_tag(patient.clinic_id, tag, None, LATER)

        async def mail(tx: Transaction) -> None:
            await tx.patients.set_email(patient.user_id, "new@example.com", LATER)
            await pause()

        await together(*(storage.transaction(work) for work in (rename, assign, mail)))

        found = await patient_of(storage, patient.clinic_id, patient.user_id)
        assert found.full_name == "Renamed"
        assert found.tags == (tag,)
        assert found.email == "new@example.com"

    async def test_transactions_on_different_clinics_do_not_disturb_each_other(
        self, storage: Storage
    ) -> None:
        clinics = [a_clinic() for _ in range(RIVALS)]
        await keep(storage, *clinics)

        async def work(clinic_id: ClinicId, tx: Transaction) -> None:
            clinic = await tx.clinics.get(clinic_id)
            await tx.patients.add(a_patient(clinic))
            await pause()
            named = attrs.evolve(clinic, details=ClinicDetails(name=clinic_id))
            await tx.clinics.save(named, was=clinic)

        await together(*(storage.transaction(partial(work, clinic.id)) for clinic in clinics))

        for clinic in clinics:
            assert (await clinic_of(storage, clinic.id)).details.name == clinic.id
            assert len(await patients_of(storage, clinic.id)) == 1

    # Uniqueness

    async def test_of_clinics_with_one_share_code_one_is_stored(self, storage: Storage) -> None:
        code = a_share_code()
        clinics = [a_clinic(share_code=code, share_codes=(code,)) for _ in range(RIVALS)]

        async def work(clinic: Any, tx: Transaction) -> None:
            await pause()
            await tx.clinics.add(clinic)
            await pause()

        await _one_wins(storage, work, clinics, DuplicateShareCode)

    async def test_of_tags_with_one_name_one_is_stored(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)
        tags = [a_tag(name) for name in ("Type 1", "type1", "TYPE  1", " t y p e 1 ") * 2]

        async def work(tag: Any, tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            await pause()
            await tx.clinics.save(with_tag(found, tag, LATER), was=found)

        await _one_wins(storage, work, tags, DuplicateTag)
        assert len((await clinic_of(storage, clinic.id)).tags or ()) == 1

    async def test_of_sites_with_one_name_one_is_stored(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)
        sites = [a_site(name) for name in ("Ω Street", "ω street", "Ω STREET", "ω Street") * 2]

        async def work(site: Any, tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            await pause()
            await tx.clinics.save(with_site(found, site, LATER), was=found)

        await _one_wins(storage, work, sites, DuplicateSite)
        assert len((await clinic_of(storage, clinic.id)).sites) == 1

    async def test_of_records_of_one_user_one_is_stored(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)
        user_id = a_user_id()
        patients = [a_patient(clinic, user_id=user_id) for _ in range(RIVALS)]

        async def work(patient: Any, tx: Transaction) -> None:
            await pause()
            await tx.patients.add(patient)
            await pause()

        await _one_wins(storage, work, patients, DuplicatePatient)
        assert len(await patients_of(storage, clinic.id)) == 1

    async def test_of_patients_with_one_unique_mrn_one_is_stored(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)
        patients = [a_patient(clinic, mrn="1", require_unique_mrn=True) for _ in range(RIVALS)]

        async def work(patient: Any, tx: Transaction) -> None:
            await pause()
            await tx.patients.add(patient)
            await pause()

        await _one_wins(storage, work, patients, MrnNotUnique)
        assert len(await patients_of(storage, clinic.id)) == 1

    async def test_of_patients_who_change_to_one_mrn_one_does(self, storage: Storage) -> None:
        clinic = a_clinic()
        patients = [
            a_patient(clinic, mrn=str(number), require_unique_mrn=True) for number in range(RIVALS)
        ]
        await keep(storage, clinic, *patients)

        async def work(patient: Any, tx: Transaction) -> None:
            found = await tx.patients.get(clinic.id, patient.user_id)
            await pause()
            await tx.patients.save(attrs.evolve(found, mrn="same"), was=found)

        await _one_wins(storage, work, patients, MrnNotUnique)

    async def test_of_patients_with_mrns_that_are_equal_but_for_case_one_is_stored(
        self, storage: Storage
    ) -> None:
        """The check reads the clinic, whose count is written with the patient."""
        clinic = a_clinic()
        await keep(storage, clinic)
        patients = [
            a_patient(clinic, mrn=mrn, require_unique_mrn=True)
            for mrn in ("É-1", "é-1", "e-1", "E-1") * 2
        ]

        async def work(patient: Any, tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            holders = await tx.patients.with_mrn(clinic.id, patient.mrn)
            await pause()
            if holders:
                raise MrnNotUnique(clinic.id)
            await tx.patients.add(patient)
            tally = await tx.patients.tally(clinic.id)
            counted = attrs.evolve(found, patient_count=PatientCount(tally.total))
            await tx.clinics.save(counted, was=found)

        await _one_wins(storage, work, patients, MrnNotUnique)
        assert len(await patients_of(storage, clinic.id)) == 1

    async def test_of_clinicians_with_one_address_one_is_stored(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)
        for field, value in (
            ("email", "same@example.com"),
            ("user_id", a_user_id()),
            ("invite_id", InviteId("key")),
        ):
            rivals = [a_clinician(clinic, **{field: value}) for _ in range(RIVALS)]

            async def work(clinician: Any, tx: Transaction) -> None:
                await pause()
                await tx.clinicians.add(clinician)
                await pause()

            await _one_wins(storage, work, rivals, DuplicateClinician)
        assert len(await all_clinicians(storage)) == 3

    async def test_of_accounts_with_one_name_one_is_stored(self, storage: Storage) -> None:
        names = ("zoë@example.com", "Zoë@example.com", "ZOË@example.com", "zoë@EXAMPLE.com") * 2

        async def work(account: Any, tx: Transaction) -> None:
            await pause()
            await tx.accounts.add(account)
            await pause()

        await _one_wins(storage, work, [an_account(name) for name in names], EmailTaken)
        assert len(await storage.read(lambda tx: tx.accounts.all())) == 1

    async def test_everybody_gets_the_same_signing_key(self, storage: Storage) -> None:
        async def work(candidate: str, tx: Transaction) -> str:
            await pause()
            return await tx.accounts.signing_key(candidate)

        keys, _ = await together(
            *(storage.transaction(partial(work, f"key {number}")) for number in range(RIVALS))
        )

        assert len(keys) == RIVALS
        assert len(set(keys)) == 1
        assert await storage.transaction(lambda tx: tx.accounts.signing_key("late")) == keys[0]

    # Invariants that a use case guards with what it reads

    async def test_admins_who_remove_each_other_leave_one(self, storage: Storage) -> None:
        admins = [a_user_id() for _ in range(RIVALS)]
        clinic = a_clinic(admins=tuple(admins))
        members = [
            a_clinician(clinic, user_id=admin, roles=(Role.CLINIC_ADMIN,)) for admin in admins
        ]
        await keep(storage, clinic, *members)

        async def work(admin: UserId, tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            member = await tx.clinicians.get(clinic.id, admin)
            await pause()
            await tx.clinicians.remove(member, Deletion(LATER))
            await tx.clinics.save(without_admin(found, admin, LATER), was=found)

        _, refusals = await together(
            *(storage.transaction(partial(work, admin)) for admin in admins)
        )

        assert [type(refusal) for refusal in refusals] == [LastAdmin]
        (left,) = await all_clinicians(storage)
        assert (await clinic_of(storage, clinic.id)).admins == (left.user_id,)

    async def test_no_plan_is_passed_by_patients_who_come_at_once(self, storage: Storage) -> None:
        clinic = a_clinic()
        await keep(storage, clinic)
        plan = 3

        async def work(tx: Transaction) -> None:
            found = await tx.clinics.get(clinic.id)
            count = found.patient_count or PatientCount()
            await pause()
            if count.total >= plan:
                raise PatientCountExceeded(clinic.id)
            await tx.patients.add(a_patient(clinic, permissions=frozenset(Permission)))
            tally = await tx.patients.tally(clinic.id)
            counted = attrs.evolve(found, patient_count=PatientCount(tally.total))
            await tx.clinics.save(counted, was=found)

        _, refusals = await together(*(storage.transaction(work) for _ in range(RIVALS)))

        assert [type(refusal) for refusal in refusals] == (RIVALS - plan) * [PatientCountExceeded]
        assert len(await patients_of(storage, clinic.id)) == plan
        assert (await clinic_of(storage, clinic.id)).patient_count == PatientCount(plan)

    async def test_no_patient_joins_a_clinic_that_is_removed(self, storage: Storage) -> None:
        """Who writes rests on the clinic that was read: a patient and no clinic is no outcome."""
        for _ in range(5):
            clinic = a_clinic()
            await keep(storage, clinic)

            async def join(clinic_id: ClinicId, tx: Transaction) -> None:
                found = await tx.clinics.get(clinic_id)
                await pause()
                await tx.patients.add(a_patient(found))

            async def close(clinic_id: ClinicId, tx: Transaction) -> None:
                found = await tx.clinics.get(clinic_id)
                patients = await tx.patients.some_of_clinic(clinic_id, 2)
                await pause()
                if patients:
                    raise ClinicNotEmpty(clinic_id)
                await tx.clinics.remove(found, Deletion(LATER))

            _, refusals = await together(
                storage.transaction(partial(join, clinic.id)),
                storage.transaction(partial(close, clinic.id)),
            )

            exists = await found_clinic(storage, clinic.id)
            patients = await patients_of(storage, clinic.id)
            expected = (ClinicNotEmpty, 1) if exists else (ClinicNotFound, 0)
            assert [(type(refusal), len(patients)) for refusal in refusals] == [expected]

    async def test_a_patient_is_removed_once(self, storage: Storage) -> None:
        patient = a_patient(a_clinic())
        await keep(storage, patient)

        async def work(tx: Transaction) -> None:
            found = await tx.patients.get(patient.clinic_id, patient.user_id)
            await pause()
            await tx.patients.remove(found, Deletion(LATER))

        _, refusals = await together(*(storage.transaction(work) for _ in range(RIVALS)))

        assert [type(refusal) for refusal in refusals] == (RIVALS - 1) * [PatientNotFound]
        records = await storage.read(lambda tx: tx.deletions.patients(patient.clinic_id))
        assert [record.removed for record in records] == [patient]

    async def test_who_is_changed_and_removed_at_once_is_removed(self, storage: Storage) -> None:
        """The copy in the deletion records has the change or the change was refused."""
        patient = a_patient(a_clinic())
        await keep(storage, patient)

        async def change(tx: Transaction) -> None:
            found = await tx.patients.get(patient.clinic_id, patient.user_id)
            await pause()
            await tx.patients.save(attrs.evolve(found, mrn="changed"), was=found)

        async def remove(tx: Transaction) -> None:
            found = await tx.patients.get(patient.clinic_id, patient.user_id)
            await pause()
            await tx.patients.remove(found, Deletion(LATER))

        _, refusals = await together(storage.transaction(change), storage.transaction(remove))

        assert await patients_of(storage, patient.clinic_id) == {}
        (record,) = await storage.read(lambda tx: tx.deletions.patients(patient.clinic_id))
        if refusals:
            assert [type(refusal) for refusal in refusals] == [PatientNotFound]
            assert record.removed == patient
        else:
            assert record.removed.mrn == "changed"

    async def test_counts_are_right_after_a_crowd(self, storage: Storage) -> None:
        tag = a_tag()
        clinic = a_clinic(tags=(tag,))
        leaving = [a_patient(clinic, tags=(tag.id,)) for _ in range(RIVALS)]
        coming = [a_patient(clinic, tags=(tag.id,)) for _ in range(RIVALS)]
        await keep(storage, clinic, *leaving)

        async def come(patient: Any, tx: Transaction) -> None:
            await pause()
            await tx.patients.add(patient)

        async def leave(patient: Any, tx: Transaction) -> None:
            await tx.patients.remove(patient, Deletion(LATER))
            await pause()

        await together(
            *(storage.transaction(partial(come, patient)) for patient in coming),
            *(storage.transaction(partial(leave, patient)) for patient in leaving),
        )

        assert await patients_of(storage, clinic.id) == {one.user_id: one for one in coming}
        view = await storage.read(lambda tx: tx.clinics.find_view(clinic.id))
        assert view is not None
        assert view.tag_patients == {tag.id: RIVALS}
        assert (await storage.read(lambda tx: tx.patients.tally(clinic.id))).total == RIVALS


async def _one_wins(
    storage: Storage,
    work: Callable[[Any, Transaction], Awaitable[object]],
    rivals: Sequence[Any],
    refusal: type[DomainError],
) -> None:
    """Assert that of all who do *work* at once one succeeds and the others get the refusal."""
    winners, refusals = await together(
        *(storage.transaction(partial(work, rival)) for rival in rivals)
    )

    assert len(winners) == 1
    assert [type(each) for each in refusals] == (len(rivals) - 1) * [refusal]
