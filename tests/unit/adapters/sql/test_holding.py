"""No call on a repository looks at what belongs to a clinic before the transaction holds it."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable
from itertools import dropwhile
from typing import Any

import attrs
import pytest

from adapters.sql.changes import settled
from adapters.sql.clinicians import SqlClinicianRepository
from adapters.sql.clinics import SqlClinicRepository
from adapters.sql.deletions import SqlDeletionRepository
from adapters.sql.patient_statements import CLINICS_OF_USER
from adapters.sql.patients import SqlPatientRepository
from adapters.sql.statements import Parameters, Row, Session, Statement
from adapters.sql.storage import SqlTransaction
from clinic_domain.clinicians.model import AllCliniciansQuery, ClinicianQuery
from clinic_domain.clinics.model import ClinicQuery
from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import (
    DataSource,
    EhrPatientQuery,
    PatientSearch,
    PatientWalk,
)
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.patients.summaries import Stats, SummaryKind
from clinic_domain.storage import Transaction
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_site, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import InviteId, UserId


@attrs.define
class Recording(Session):
    """Notes what it is asked for, and gives the answers that it was told."""

    answers: list[list[Row]] = attrs.field(factory=list)
    news: list[bool] = attrs.field(factory=list)
    events: list[Any] = attrs.field(factory=list)

    async def hold(self, clinic_ids: Collection[str]) -> bool:
        self.events.append(set(clinic_ids))
        return self.news.pop(0) if self.news else False

    async def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        self.events.append("read")
        return self.answers.pop(0) if self.answers else []

    async def run(self, statement: Statement, parameters: Parameters) -> int:
        self.events.append("write")
        return 1

    async def run_for_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        self.events.append("write")


CLINIC = a_clinic()
CLINICIAN = a_clinician(CLINIC)
PATIENT = a_patient(CLINIC)
ID, USER, NOW, DELETION = CLINIC.id, UserId("user"), A_MORNING, Deletion(A_MORNING)
STATS = Stats("a", periods={"7d": {"min": 2.5}})
TAG, SITE, INVITE = a_tag(), a_site(), InviteId("invite")

Call = Callable[[Transaction], Awaitable[object]]

OF_ONE_CLINIC: dict[str, Call] = {
    "clinics.find": lambda tx: tx.clinics.find(ID),
    "clinics.find_view": lambda tx: tx.clinics.find_view(ID),
    "clinics.save": lambda tx: tx.clinics.save(attrs.evolve(CLINIC, tier="x"), was=CLINIC),
    "clinics.remove": lambda tx: tx.clinics.remove(CLINIC, DELETION),
    "clinicians.find": lambda tx: tx.clinicians.find(ID, USER),
    "clinicians.find_invited": lambda tx: tx.clinicians.find_invited(ID, INVITE),
    "clinicians.of_clinic": lambda tx: tx.clinicians.of_clinic(ClinicianQuery(ID)),
    "clinicians.add": lambda tx: tx.clinicians.add(CLINICIAN),
    "clinicians.save": lambda tx: tx.clinicians.save(
        attrs.evolve(CLINICIAN, name="x"), was=CLINICIAN
    ),
    "clinicians.remove": lambda tx: tx.clinicians.remove(CLINICIAN, DELETION),
    "clinicians.remove_of_clinic": lambda tx: tx.clinicians.remove_of_clinic(ID, DELETION),
    "patients.find": lambda tx: tx.patients.find(ID, USER),
    "patients.search": lambda tx: tx.patients.search(PatientSearch((ID,))),
    "patients.with_ids": lambda tx: tx.patients.with_ids(ID, [PATIENT.id]),
    "patients.walk": lambda tx: tx.patients.walk(PatientWalk((ID,))),
    "patients.by_mrn": lambda tx: tx.patients.by_mrn(EhrPatientQuery(ID)),
    "patients.with_mrn": lambda tx: tx.patients.with_mrn(ID, "1"),
    "patients.some_of_clinic": lambda tx: tx.patients.some_of_clinic(ID, 1),
    "patients.of_clinic": lambda tx: tx.patients.of_clinic(ID),
    "patients.tally": lambda tx: tx.patients.tally(ID),
    "patients.add": lambda tx: tx.patients.add(PATIENT),
    "patients.save": lambda tx: tx.patients.save(attrs.evolve(PATIENT, mrn="x"), was=PATIENT),
    "patients.save_all": lambda tx: tx.patients.save_all(
        [(attrs.evolve(PATIENT, require_unique_mrn=True), PATIENT)]
    ),
    "patients.forget_all": lambda tx: tx.patients.forget_all([PATIENT]),
    "patients.remove": lambda tx: tx.patients.remove(PATIENT, DELETION),
    "patients.remove_non_custodial": lambda tx: tx.patients.remove_non_custodial(ID, DELETION),
    "patients.add_tag": lambda tx: tx.patients.add_tag(ID, TAG.id, None, NOW),
    "patients.remove_tag": lambda tx: tx.patients.remove_tag(ID, TAG.id, None, NOW),
    "patients.rename_site": lambda tx: tx.patients.rename_site(ID, SITE, NOW),
    "patients.remove_site": lambda tx: tx.patients.remove_site(ID, SITE.id, NOW),
    "patients.move_site": lambda tx: tx.patients.move_site(ID, SITE.id, a_site(), NOW),
    "patients.tag_to_site": lambda tx: tx.patients.tag_to_site(ID, TAG.id, SITE, NOW),
    "deletions.clinics": lambda tx: tx.deletions.clinics(ID),
    "deletions.clinicians": lambda tx: tx.deletions.clinicians(ID),
    "deletions.patients": lambda tx: tx.deletions.patients(ID),
}
OF_THOSE_IT_FINDS: dict[str, Call] = {
    "clinics.views": lambda tx: tx.clinics.views(ClinicQuery()),
    "clinicians.of_user": lambda tx: tx.clinicians.of_user(USER),
    "clinicians.all": lambda tx: tx.clinicians.all(AllCliniciansQuery()),
    "clinicians.set_email": lambda tx: tx.clinicians.set_email(USER, "a@example.com", NOW),
    "patients.of_user": lambda tx: tx.patients.of_user(USER),
    "patients.set_email": lambda tx: tx.patients.set_email(USER, None, NOW),
    "patients.remove_of_user": lambda tx: tx.patients.remove_of_user(USER, DELETION),
    "patients.set_data_sources": lambda tx: tx.patients.set_data_sources(
        USER, (DataSource("x", "y"),), NOW
    ),
}
OF_PATIENTS: dict[str, Call] = {
    "patients.set_summary": lambda tx: tx.patients.set_summary(USER, STATS, STATS, NOW),
    "patients.remove_summary": lambda tx: tx.patients.remove_summary(USER, NOW),
    "patients.remove_stats": lambda tx: tx.patients.remove_stats("a"),
}
"""Summaries change while others hold the clinics."""
OF_NONE = {"clinics.add"}
"""Nobody else knows a clinic that is not committed."""


@pytest.mark.parametrize("name", OF_ONE_CLINIC)
async def test_a_clinic_is_held_first(name: str) -> None:
    session = Recording()

    await OF_ONE_CLINIC[name](SqlTransaction(session))

    assert session.events[0] == {ID}
    assert session.events[1:]


async def test_the_clinic_of_a_list_is_held_first() -> None:
    session = Recording(answers=[[(0, 0, None)]])

    await SqlTransaction(session).patients.matches(PatientQuery(ID))

    assert session.events == [{ID}, "read"]


@pytest.mark.parametrize("name", OF_THOSE_IT_FINDS)
async def test_what_is_found_is_held_before_anything_is_written(name: str) -> None:
    session = Recording(news=[True])

    await OF_THOSE_IT_FINDS[name](SqlTransaction(session))

    # What was held only now is read anew.
    assert session.events[:4] == ["read", set(), "read", set()]
    assert set(session.events[4:]) <= {"write"}


@pytest.mark.parametrize("name", OF_PATIENTS)
async def test_rows_are_locked_where_no_clinic_is_held(name: str) -> None:
    """In as many statements for a user of many clinics as for one of a single clinic."""
    events = []
    for number in (1, 100):
        rows: list[Row] = [(str(id_), kind) for id_ in range(number) for kind in SummaryKind]
        session = Recording(answers=[rows, rows])
        await OF_PATIENTS[name](SqlTransaction(session))
        events.append(session.events)

    assert events[0] == events[1]
    assert events[0][0] == "read"
    assert set(dropwhile(lambda event: event == "read", events[0])) == {"write"}


async def test_reading_goes_on_until_all_that_is_found_is_held() -> None:
    rows: list[list[Row]] = [[("a",)], [("a",), ("b",)], [("a",), ("b",)]]
    session = Recording(answers=[*rows], news=[True, True, False])

    found = await settled(session, CLINICS_OF_USER, {}, clinic=0)

    assert found == rows[-1]
    assert session.events == ["read", {"a"}, "read", {"a", "b"}, "read", {"a", "b"}]


async def test_a_patient_who_moves_holds_both_clinics() -> None:
    session = Recording()
    moved = attrs.evolve(PATIENT, clinic_id=a_clinic().id)

    await SqlTransaction(session).patients.save(moved, was=PATIENT)
    await SqlTransaction(session).patients.save_all([(moved, PATIENT)])

    held = [event for event in session.events if isinstance(event, set)]
    assert held == 2 * [{ID, moved.clinic_id}]
    assert session.events[0] == held[0]


def test_no_method_is_forgotten() -> None:
    repositories: dict[str, type[Any]] = {
        "clinics": SqlClinicRepository,
        "clinicians": SqlClinicianRepository,
        "patients": SqlPatientRepository,
        "deletions": SqlDeletionRepository,
    }
    methods = {
        f"{name}.{method}"
        for name, repository in repositories.items()
        for method, _ in inspect.getmembers(repository, inspect.iscoroutinefunction)
        if not method.startswith("_") and not method.startswith("get")
    }

    assert methods == {
        *OF_ONE_CLINIC,
        *OF_THOSE_IT_FINDS,
        *OF_PATIENTS,
        *OF_NONE,
        "patients.matches",
        "patients.page",
    }
