"""Use cases on merges."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Final, TypeVar

import attrs

from clinic_domain.clinicians.model import ClinicianQuery
from clinic_domain.clinics.errors import ClinicNotEmpty, ClinicNotFound
from clinic_domain.clinics.model import ClinicView
from clinic_domain.deletions import Deletion
from clinic_domain.invites.patients import move_pending
from clinic_domain.merging.execution import Execution, execution_of, records_of
from clinic_domain.merging.model import MergePlan, PlanId, RecordAction, Snapshot
from clinic_domain.merging.rules import merge_plan, refuse_merge_into_itself, refuse_prevented
from clinic_domain.notifications.service import Announcements
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.ports import Aside, Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import EVERYTHING, ClinicId

T = TypeVar("T")

AT_ONCE: Final = 1000
"""Records that are written by one call of a storage."""


class Stage(StrEnum):
    """What is being done, one after another; a conflict begins it all again."""

    READING = "reading both clinics"
    PLANNING = "planning"
    PATIENTS = "moving patients"
    CLINICIANS = "moving clinicians"
    RECORDS = "keeping the plan"
    CLOSING = "closing the source"


@attrs.frozen
class Progress:
    """How far a stage is."""

    stage: Stage
    done: int = 0
    total: int = 0


Watcher = Callable[[Progress], None]


def _unwatched(_: Progress) -> None:
    pass


class Here(Aside):
    """Lets everything else wait."""

    async def result(self, work: Callable[[], T]) -> T:
        return work()


HERE: Final = Here()


@attrs.frozen
class MergeService:
    """
    Plans merges of two clinics, tells about them and executes them.

    To plan one of large clinics takes seconds, in which others want answers: that is done *aside*.
    """

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _counter: PatientCounter
    _announcements: Announcements
    _aside: Aside = HERE

    async def plan(self, source: ClinicId, target: ClinicId) -> MergePlan:
        """
        Return what a merge would do now; nothing is written (MERGE-1).

        Raises:
            MergedIntoItself: both are one clinic.
            ClinicNotFound: one of them does not exist.
        """
        return await self._storage.read(lambda tx: self._planned(tx, source, target, _unwatched))

    async def merge(
        self, source: ClinicId, target: ClinicId, watcher: Watcher = _unwatched
    ) -> MergePlan:
        """
        Merge *source* into *target*, and return the plan that was carried out.

        The plan is made from what the transaction reads that executes it (MERGE-2).

        Raises:
            MergedIntoItself, ClinicNotFound: as `plan` does.
            MergePrevented: there are reasons against it.
            ClinicNotEmpty: the source holds a patient that cannot be read, so nobody planned it.
        """
        plan_id = PlanId(self._ids.new_id())

        async def work(tx: Transaction) -> MergePlan:
            plan = await self._planned(tx, source, target, watcher)
            refuse_prevented(plan)
            await self._execute(tx, plan, plan_id, watcher)
            return plan

        plan = await self._storage.exclusively((source, target), work)
        await self._announcements.made()
        return plan

    async def _planned(
        self, tx: Transaction, source: ClinicId, target: ClinicId, watcher: Watcher
    ) -> MergePlan:
        watcher(Progress(Stage.READING))
        # Always in the same order, so that two merges of the same clinics do not wait in a circle.
        views = {id_: await _view(tx, id_) for id_ in sorted((source, target))}
        refuse_merge_into_itself(source, target)
        ours, theirs = [await self._snapshot(tx, views[id_]) for id_ in (source, target)]
        watcher(Progress(Stage.PLANNING))
        now = self._clock.now()
        return await self._aside.result(lambda: merge_plan(ours, theirs, now))

    async def _snapshot(self, tx: Transaction, view: ClinicView) -> Snapshot:
        clinic_id = view.clinic.id
        patients = await tx.patients.of_clinic(clinic_id)
        demo = self._counter.demo_patient
        return Snapshot(
            view,
            await tx.clinicians.of_clinic(ClinicianQuery(clinic_id, page=EVERYTHING)),
            tuple(patient for patient in patients if patient.user_id != demo),
            next((patient for patient in patients if patient.user_id == demo), None),
        )

    async def _execute(
        self, tx: Transaction, plan: MergePlan, plan_id: PlanId, watcher: Watcher
    ) -> None:
        now = plan.created_time
        source = plan.source
        # Whoever could not be read is in no plan, and would be lost.
        if (await tx.patients.tally(source.clinic.id)).total != source.number_of_patients:
            raise ClinicNotEmpty(source.clinic.id)
        execution = execution_of(plan, self._ids.new_id, now)
        await _write_patients(tx, execution, watcher)
        await _write_clinicians(tx, execution, watcher)
        records = tuple(records_of(plan, plan_id, self._ids.new_id))
        for batch in _batches(records, Stage.RECORDS, watcher):
            await tx.merge_records.add(batch)
        watcher(Progress(Stage.CLOSING))
        await self._tell(tx, plan)
        await move_pending(tx, source.clinic.id, plan.target.clinic.id, self._clock)
        await _close(tx, source, Deletion(now))
        # Only now, for no two clinics have a share code.
        await tx.clinics.save(execution.target, was=plan.target.clinic)

    async def _tell(self, tx: Transaction, plan: MergePlan) -> None:
        """Owe mails to those of the source, and to who was an admin of the target."""
        ours = (each for each in plan.clinicians if each.action in _OF_SOURCE)
        theirs = (each for each in plan.clinicians if each.action not in _OF_SOURCE)
        await self._announcements.clinics_merged(
            tx,
            plan.source.clinic,
            plan.target.clinic,
            plan.created_time,
            patients=(each.user_id for each in plan.source.patients),
            clinicians=(each.clinician.user_id for each in ours if each.clinician.user_id),
            admins=(
                each.clinician.user_id
                for each in theirs
                if each.clinician.user_id and each.clinician.is_admin
            ),
        )


_OF_SOURCE: Final = frozenset({RecordAction.MOVE, RecordAction.MERGE})


async def _close(tx: Transaction, source: Snapshot, deletion: Deletion) -> None:
    """Remove the source and its demo patient, all that is left of it (MERGE-EXEC-3)."""
    await tx.invites.cancel_of_clinic(source.clinic.id, deletion.time)
    if source.demo is not None:
        await tx.patients.remove(source.demo, deletion)
    await tx.clinicians.remove_of_clinic(source.clinic.id, deletion)
    await tx.clinics.remove(source.clinic, deletion)


async def _view(tx: Transaction, clinic_id: ClinicId) -> ClinicView:
    view = await tx.clinics.find_view(clinic_id)
    if view is None:
        raise ClinicNotFound(clinic_id)
    return view


async def _write_patients(tx: Transaction, execution: Execution, watcher: Watcher) -> None:
    # A user has one record in a clinic, so those that go do so first.
    for gone in _batches(execution.forgotten_patients, Stage.PATIENTS, watcher):
        await tx.patients.forget_all(gone)
    for changed in _batches(execution.changed_patients, Stage.PATIENTS, watcher):
        await tx.patients.save_all(changed)


async def _write_clinicians(tx: Transaction, execution: Execution, watcher: Watcher) -> None:
    watcher(Progress(Stage.CLINICIANS))
    for clinician in execution.forgotten_clinicians:
        await tx.clinicians.remove(clinician, None)
    for moved, was in execution.moved_clinicians:
        await tx.clinicians.save(moved, was=was)


def _batches(items: Sequence[T], stage: Stage, watcher: Watcher) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        watcher(Progress(stage, start, len(items)))
        yield items[start : start + AT_ONCE]
    if items:
        watcher(Progress(stage, len(items), len(items)))
