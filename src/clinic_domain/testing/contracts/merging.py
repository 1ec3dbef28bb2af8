"""Merges: records that move between clinics, and what is kept of it."""

from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from clinic_domain.clinicians.errors import DuplicateClinician
from clinic_domain.clinicians.model import Clinician, ClinicianQuery, Role
from clinic_domain.clinics.model import Clinic, ClinicDetails, ClinicView
from clinic_domain.merging.errors import MergePrevented
from clinic_domain.merging.execution import records_of
from clinic_domain.merging.model import MergePlan, MergeRecord, PlanId, Snapshot
from clinic_domain.merging.rules import measures, merge_plan
from clinic_domain.merging.service import MergeService
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.errors import DuplicatePatient, MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.patients.rules import tally_of
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import clinic_of, found_clinic, keep, patients_of
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_patient,
    a_site,
    a_tag,
    a_user_id,
    at,
)
from clinic_domain.testing.fakes import A_MORNING, FixedClock, SequentialIds
from clinic_domain.testing.strategies.merging import pairs_of_clinics
from clinic_domain.values import EVERYTHING, ClinicId

LATER: Final = A_MORNING + timedelta(hours=1)

_EXAMPLES: Final = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
_IDS: Final = SequentialIds(series=0xF)


class MergingContract:
    """Whole clinics come together, whatever the storage needs for that."""

    async def test_patients_of_a_clinic_come_by_id(self, storage: Storage) -> None:
        clinic = a_clinic()
        patients = [a_patient(clinic, full_name=name) for name in "cab"]
        await keep(storage, *reversed(patients), a_patient(a_clinic()))

        found = await storage.read(lambda tx: tx.patients.of_clinic(clinic.id))

        assert list(found) == patients

    async def test_many_patients_move_with_all_that_they_have(self, storage: Storage) -> None:
        """Tags are replaced, and the counts of both clinics follow."""
        here, there, old, new = a_clinic(), a_clinic(), a_tag(), a_tag("new")
        site = a_site()
        here, there = attrs.evolve(here, tags=(old,), sites=(site,)), _with(there, new, site)
        patients = [
            a_patient(here, tags=(old.id,), sites=at(site), data_sources=_SOURCES, mrn=f"{n}")
            for n in range(30)
        ]
        staying = a_patient(here, tags=(old.id,))
        moved = [
            attrs.evolve(
                each,
                clinic_id=there.id,
                tags=(new.id,) if number % 2 else (),
                require_unique_mrn=number % 3 == 0,
                updated_time=LATER,
            )
            for number, each in enumerate(patients)
        ]
        await keep(storage, here, there, *patients, staying)

        await storage.transaction(
            lambda tx: tx.patients.save_all(list(zip(moved, patients, strict=True)))
        )

        assert await patients_of(storage, here.id) == {staying.user_id: staying}
        assert await patients_of(storage, there.id) == {each.user_id: each for each in moved}
        for clinic_id, of_clinic in ((here.id, [staying]), (there.id, moved)):
            await _expect_counts(storage, clinic_id, of_clinic)

    async def test_sites_are_renamed_and_added_where_patients_are(self, storage: Storage) -> None:
        clinic, first, second = a_clinic(), a_site("first"), a_site("second")
        patient = a_patient(clinic, sites=at(first))
        bare = a_patient(clinic)
        renamed = attrs.evolve(first, name="renamed")
        changed = attrs.evolve(patient, sites=at(renamed, second), updated_time=LATER)
        given_ = attrs.evolve(bare, sites=at(second), updated_time=LATER)
        await keep(storage, patient, bare)

        await storage.transaction(
            lambda tx: tx.patients.save_all([(changed, patient), (given_, bare)])
        )

        found = await patients_of(storage, clinic.id)
        assert found == {patient.user_id: changed, bare.user_id: given_}

    async def test_nobody_comes_where_he_is_already(self, storage: Storage) -> None:
        here, there, user_id = a_clinic(), a_clinic(), a_user_id()
        patient, same = a_patient(here, user_id=user_id), a_patient(there, user_id=user_id)
        await keep(storage, patient, same)

        moved = attrs.evolve(patient, clinic_id=there.id)
        with pytest.raises(DuplicatePatient):
            await storage.transaction(lambda tx: tx.patients.save_all([(moved, patient)]))

        assert await patients_of(storage, here.id) == {user_id: patient}

    async def test_nobody_comes_with_a_number_that_has_to_be_unique(self, storage: Storage) -> None:
        here, there = a_clinic(), a_clinic()
        patient = a_patient(here, mrn="1")
        holder = a_patient(there, mrn="1", require_unique_mrn=True)
        await keep(storage, patient, holder)

        moved = attrs.evolve(patient, clinic_id=there.id, require_unique_mrn=True)
        with pytest.raises(MrnNotUnique):
            await storage.transaction(lambda tx: tx.patients.save_all([(moved, patient)]))

    async def test_forgotten_patients_leave_nothing(self, storage: Storage) -> None:
        clinic, tag, site = a_clinic(), a_tag(), a_site()
        clinic = _with(clinic, tag, site)
        gone = [
            a_patient(clinic, tags=(tag.id,), sites=at(site), data_sources=_SOURCES)
            for _ in range(5)
        ]
        staying = a_patient(clinic, tags=(tag.id,))
        await keep(storage, clinic, *gone, staying)

        await storage.transaction(lambda tx: tx.patients.forget_all(gone))

        assert await patients_of(storage, clinic.id) == {staying.user_id: staying}
        assert await storage.read(lambda tx: tx.deletions.patients(clinic.id)) == ()
        await _expect_counts(storage, clinic.id, [staying])

    async def test_who_is_gone_can_neither_move_nor_be_forgotten(self, storage: Storage) -> None:
        clinic, there = a_clinic(), a_clinic()
        stranger = a_patient(clinic)
        await keep(storage, clinic, there)

        moved = attrs.evolve(stranger, clinic_id=there.id)
        with pytest.raises(PatientNotFound):
            await storage.transaction(lambda tx: tx.patients.save_all([(moved, stranger)]))
        with pytest.raises(PatientNotFound):
            await storage.transaction(lambda tx: tx.patients.forget_all([stranger]))

    async def test_a_clinician_moves_to_another_clinic(self, storage: Storage) -> None:
        here, there = a_clinic(), a_clinic()
        clinician = a_clinician(here, roles=(Role.CLINIC_ADMIN,))
        moved = attrs.evolve(clinician, clinic_id=there.id, updated_time=LATER)
        await keep(storage, clinician, there)

        await storage.transaction(lambda tx: tx.clinicians.save(moved, was=clinician))

        assert await _clinicians_of(storage, here) == ()
        assert await _clinicians_of(storage, there) == (moved,)
        found = await storage.read(lambda tx: tx.clinicians.of_user(moved.user_id or _NOBODY))
        assert found == (moved,)

    async def test_a_clinician_does_not_come_where_the_address_is_taken(
        self, storage: Storage
    ) -> None:
        here, there = a_clinic(), a_clinic()
        clinician = a_clinician(here, email="a@example.com")
        await keep(storage, clinician, a_clinician(there, email="a@example.com"))

        moved = attrs.evolve(clinician, clinic_id=there.id)
        with pytest.raises(DuplicateClinician):
            await storage.transaction(lambda tx: tx.clinicians.save(moved, was=clinician))

        assert await _clinicians_of(storage, here) == (clinician,)

    async def test_records_of_a_merge_are_kept_in_their_order(self, storage: Storage) -> None:
        plan_id, records = a_merge()
        middle = len(records) // 2

        for some in (records[:middle], records[middle:]):
            await storage.transaction(lambda tx, some=some: tx.merge_records.add(some))  # type: ignore[misc]  # a default binds it

        assert await storage.read(lambda tx: tx.merge_records.of_plan(plan_id)) == records
        assert await storage.read(lambda tx: tx.merge_records.of_plan(_NO_PLAN)) == ()

    @_EXAMPLES
    @given(pair=pairs_of_clinics())
    async def test_a_merge_does_what_its_plan_says_or_nothing(
        self, storage: Storage, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        source, target = map(anew, pair)
        demo = a_patient(source.clinic)
        for snapshot in (source, target):
            await keep(storage, snapshot.clinic, *snapshot.clinicians, *snapshot.patients)
        await keep(storage, demo)
        service = MergeService(
            storage, FixedClock(LATER), _IDS, PatientCounter(demo.user_id), Announcements(_IDS)
        )
        before = await state_of(storage, source, target)
        plan = await service.plan(source.clinic.id, target.clinic.id)

        if plan.reasons():
            with pytest.raises(MergePrevented):
                await service.merge(source.clinic.id, target.clinic.id)
            assert await state_of(storage, source, target) == before
            return

        done = await service.merge(source.clinic.id, target.clinic.id)
        expected = merge_plan(attrs.evolve(source, demo=demo), target, LATER)
        assert done == plan
        assert (plan.patients, plan.clinicians) == (expected.patients, expected.clinicians)
        await expect_merged(storage, plan)
        removed = await storage.read(lambda tx: tx.deletions.patients(source.clinic.id))
        assert [record.removed for record in removed] == [demo]


_SOURCES: Final = (DataSource("twiist", "error"), DataSource("dexcom", "connected"))
_NOBODY: Final = a_user_id()
_NO_PLAN: Final = PlanId(a_clinic().id)


def a_merge() -> tuple[PlanId, tuple[MergeRecord, ...]]:
    """Return what would be kept of a merge of two clinics with everything."""
    tag, site = a_tag("Pump"), a_site("North")
    details = ClinicDetails("Alpha")
    source = attrs.evolve(_with(a_clinic(details=details), tag, site), tags=(tag, a_tag("New")))
    target = _with(a_clinic(), a_tag("pump"), a_site("north"))
    shared, user_id = a_user_id(), a_user_id()
    patients = [
        a_patient(source, user_id=user_id, tags=(tag.id,), sites=at(site), mrn="7"),
        a_patient(source, full_name="Zoë", data_sources=_SOURCES),
    ]
    others = [a_patient(target, user_id=user_id), a_patient(target, mrn="7", full_name=None)]
    clinicians = [a_clinician(source, user_id=shared), a_clinician(source, roles=None)]
    plan = merge_plan(
        _snapshot(source, patients, clinicians),
        _snapshot(target, others, [a_clinician(target, user_id=shared)]),
        A_MORNING,
    )
    plan_id = PlanId(_IDS.new_id())
    return plan_id, tuple(records_of(plan, plan_id, _IDS.new_id))


def _snapshot(clinic: Clinic, patients: list[Patient], clinicians: list[Clinician]) -> Snapshot:
    return Snapshot(ClinicView(clinic, {}, {}), tuple(clinicians), tuple(patients))


def _with(clinic: Clinic, *labels: Any) -> Clinic:
    tag, site = labels
    return attrs.evolve(clinic, tags=(tag,), sites=(site,))


def anew(snapshot: Snapshot) -> Snapshot:
    """Return the same clinic under other ids: a storage sees several examples."""
    fresh = a_clinic()
    clinic = attrs.evolve(
        snapshot.clinic, id=fresh.id, share_code=fresh.share_code, share_codes=fresh.share_codes
    )
    return Snapshot(
        attrs.evolve(snapshot.view, clinic=clinic),
        # Newest first is by descending ids where times are equal.
        tuple(_of(clinic, each) for each in reversed(snapshot.clinicians))[::-1],
        tuple(_of(clinic, each) for each in snapshot.patients),
    )


def _of(clinic: Clinic, record: Any) -> Any:
    return attrs.evolve(record, id=_IDS.new_id(), clinic_id=clinic.id)


async def state_of(storage: Storage, *snapshots: Snapshot) -> list[Any]:
    """Return all that is stored of some clinics."""
    return [
        part
        for snapshot in snapshots
        for part in (
            await found_clinic(storage, snapshot.clinic.id),
            await _clinicians_of(storage, snapshot.clinic),
            await patients_of(storage, snapshot.clinic.id),
        )
    ]


async def expect_merged(storage: Storage, plan: MergePlan) -> None:
    """Hold what is stored against a plan that was carried out."""
    expected, target = measures(plan), plan.target.clinic.id
    clinic = await clinic_of(storage, target)
    patients = await patients_of(storage, target)
    clinicians = await _clinicians_of(storage, clinic)
    tags = {tag.id: tag.name for tag in clinic.tags or ()}
    assert len(tags) == expected.tags
    assert len(clinic.sites) == expected.sites
    assert len(clinicians) == expected.members
    assert len(patients) == expected.patients
    assert sorted(site.name for site in clinic.sites) == sorted(
        each.display_name for each in plan.sites
    )
    for each in plan.patients:
        patient = patients[(each.source_patient or each.target_patient or _nobody()).user_id]
        names = sorted(tags[tag_id] for tag_id in patient.tags or () if tag_id in tags)
        sites = sorted(site.name for site in patient.sites or ())
        if each.source_patient is not None:
            assert names == sorted(each.resulting_tag_names or ())
            assert sites == sorted(each.resulting_site_names or ())
    roles = {each.user_id: each.roles for each in clinicians}
    for member in plan.clinicians:
        assert roles[member.clinician.user_id] == member.resulting_roles
    assert await found_clinic(storage, plan.source.clinic.id) is None
    assert await patients_of(storage, plan.source.clinic.id) == {}
    assert await _clinicians_of(storage, plan.source.clinic) == ()
    await _expect_counts(storage, target, list(patients.values()))


def _nobody() -> Patient:
    raise AssertionError("a plan is about somebody")


async def _expect_counts(storage: Storage, clinic_id: ClinicId, patients: list[Patient]) -> None:
    async def work(tx: Transaction) -> Any:
        return await tx.patients.tally(clinic_id), await tx.clinics.find_view(clinic_id)

    tally, view = await storage.read(work)
    assert tally == tally_of(patients)
    for tag in view.clinic.tags or ():
        holders = sum(tag.id in (patient.tags or ()) for patient in patients)
        assert view.tag_patients.get(tag.id, 0) == holders
    for site in view.clinic.sites:
        holders = sum(site.id in {own.id for own in patient.sites or ()} for patient in patients)
        assert view.site_patients.get(site.id, 0) == holders


async def _clinicians_of(storage: Storage, clinic: Clinic) -> tuple[Clinician, ...]:
    query = ClinicianQuery(clinic.id, page=EVERYTHING)
    return await storage.read(lambda tx: tx.clinicians.of_clinic(query))
