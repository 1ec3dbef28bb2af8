"""Use cases on merges."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import pytest

from clinic_domain.clinicians.model import Role
from clinic_domain.clinics.errors import ClinicNotFound
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    PatientCountLimit,
    PatientCountSettings,
)
from clinic_domain.merging.errors import MergedIntoItself, MergePrevented
from clinic_domain.merging.model import ClinicsPlan, MergePlan, MergeRecordKind
from clinic_domain.merging.service import Progress, Stage
from clinic_domain.ports import Aside
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_tag
from clinic_domain.values import ClinicId, UserId
from support.world import HesitantStorage, World

T = TypeVar("T")

DEMO = UserId("demo")


@pytest.fixture
def world() -> World:
    return World(demo_patient=DEMO)


async def a_pair(world: World, **changes: Any) -> tuple[Clinic, Clinic]:
    """Store two clinics with a patient, an admin and the demo patient each."""
    source = a_clinic(**{"details": ClinicDetails("Alpha"), **changes})
    target = a_clinic(details=ClinicDetails("Beta"))
    for clinic in (source, target):
        admin = a_clinician(clinic, roles=(Role.CLINIC_ADMIN,))
        await world.has(clinic, admin, a_patient(clinic), a_patient(clinic, user_id=DEMO))
    return source, target


async def test_a_plan_changes_nothing(world: World) -> None:
    """Reports only read, with the numbers of tags as they are (MERGE-1, MERGE-LOAD-2)."""
    tag = a_tag()
    source, target = await a_pair(world, tags=(tag,))
    await world.has(a_patient(source, tags=(tag.id,)))

    plan = await world.app.merging.plan(source.id, target.id)

    assert plan.source.view.tag_patients == {tag.id: 1}
    assert await world.clinics() == (source, target)
    assert DEMO not in {each.user_id for each in plan.source.patients}
    # Newest first, whatever the number of members (MERGE-LOAD-3).
    assert plan.clinicians[0].clinician.clinic_id == source.id


async def test_others_go_on_while_a_merge_is_planned(world: World) -> None:
    """Also in the transaction of a merge."""
    source, target = await a_pair(world)
    computed: list[MergePlan] = []

    class Elsewhere(Aside):
        async def result(self, work: Callable[[], T]) -> T:
            computed.append(result := work())  # type: ignore[arg-type]  # nothing else is computed
            return result

    service = attrs.evolve(world.app.merging, aside=Elsewhere())
    plans = [await service.plan(source.id, target.id), await service.merge(source.id, target.id)]

    assert computed == plans


async def test_a_merge_leaves_nothing_of_the_source(world: World) -> None:
    """But what is in the records (MERGE-EXEC-3, MERGE-EXEC-4, MERGE-EXEC-5)."""
    source, target = await a_pair(world)

    plan = await world.app.merging.merge(source.id, target.id)

    (removed,) = await world.removed_clinics(source)
    (demo,) = await world.removed_patients(source)
    merged = await world.clinic(target)
    assert (removed.removed, removed.deletion.by) == (source, None)
    assert (demo.removed.user_id, demo.deletion.by) == (DEMO, None)
    assert await world.removed_clinicians(source) == ()
    assert await world.patients(source) == ()
    assert await world.clinicians(source) == ()
    assert len(await world.patients(target)) == 3
    assert merged.patient_count is not None
    assert (merged.patient_count.total, merged.patient_count.demo) == (3, 1)
    assert merged.share_codes == (target.share_code, source.share_code)
    assert plan.created_time == merged.updated_time


async def test_every_entry_of_the_plan_is_kept(world: World) -> None:
    """In the order of the plan, under one id, and both clinics last (MERGE-EXEC-2)."""
    source, target = await a_pair(world, tags=(a_tag(),))
    # The first id that a merge asks for is that of the plan.
    plan_id = f"{int(world.ids.new_id(), 16) + 1:024x}"

    plan = await world.app.merging.merge(source.id, target.id)

    records = await world.storage.read(lambda tx: tx.merge_records.of_plan(plan_id))  # type: ignore[arg-type]  # a text will do
    assert [record.kind for record in records] == [
        MergeRecordKind.TAG,
        *(2 * [MergeRecordKind.PATIENT]),
        *(2 * [MergeRecordKind.CLINICIAN]),
        MergeRecordKind.CLINIC,
    ]
    assert [record.plan for record in records[:-1]] == [
        *plan.tags,
        *plan.patients,
        *plan.clinicians,
    ]
    assert isinstance(records[-1].plan, ClinicsPlan)


async def test_the_plan_limit_of_the_target_does_not_matter(world: World) -> None:
    """The merge passes it, and nothing that is no clinic's is touched (MERGE-PAT-12)."""
    source, target = await a_pair(world)
    full = PatientCountSettings(PatientCountLimit(plan=1))
    limited = attrs.evolve(target, patient_count_settings=full)
    await world.storage.transaction(lambda tx: tx.clinics.save(limited, was=target))

    await world.app.merging.merge(source.id, target.id)

    assert (await world.clinic(target)).patient_count_settings == full


async def test_a_prevented_merge_changes_nothing(world: World) -> None:
    source, target = await a_pair(world, details=ClinicDetails("Alpha", "mg/dL"))

    with pytest.raises(MergePrevented):
        await world.app.merging.merge(source.id, target.id)

    assert await world.clinics() == (source, target)


async def test_clinics_have_to_be_two_that_there_are(world: World) -> None:
    """The source is looked for first, and then the target (MERGE-LOAD-1)."""
    source, target = await a_pair(world)
    nowhere = ClinicId("0" * 24)

    for ids in ((nowhere, target.id), (source.id, nowhere), (nowhere, nowhere)):
        with pytest.raises(ClinicNotFound):
            await world.app.merging.merge(*ids)
    with pytest.raises(MergedIntoItself):
        await world.app.merging.plan(source.id, source.id)


async def test_a_plan_is_made_from_what_is_there_when_it_is_executed() -> None:
    """
    Whoever comes meanwhile is in it, or the merge was first (MERGE-2, MERGE-3, MERGE-EXEC-6).

    Nothing else refers to the source but what is left to others (MERGE-EXEC-7).
    """
    world = World(storage=HesitantStorage(), demo_patient=DEMO)
    source, target = await a_pair(world)
    late = a_patient(source)

    async def join() -> None:
        async def work(tx: Any) -> None:
            clinic = await tx.clinics.find(source.id)
            if clinic is not None:
                await tx.patients.add(late)
                await tx.clinics.save(attrs.evolve(clinic, tier="x"), was=clinic)

        await world.storage.transaction(work)

    await asyncio.gather(world.app.merging.merge(source.id, target.id), join())

    assert await world.patients(source) == ()
    there = {patient.user_id for patient in await world.patients(target)}
    assert len(there) in {3, 4}
    assert (late.user_id in there) == (len(there) == 4)


async def test_who_watches_hears_of_every_stage(world: World) -> None:
    source, target = await a_pair(world)
    heard: list[Progress] = []

    await world.app.merging.merge(source.id, target.id, heard.append)

    assert list(dict.fromkeys(each.stage for each in heard)) == list(Stage)
    assert Progress(Stage.PATIENTS, 1, 1) in heard
