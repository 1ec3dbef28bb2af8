"""Reviews of a patient's data."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.access.model import Principal
from clinic_domain.patients.errors import (
    PatientNotFound,
    ReviewNotFound,
    ReviewOfSomebodyElse,
    UserTokenRequired,
)
from clinic_domain.patients.model import Patient, Review
from clinic_domain.patients.rules import with_review, without_review
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, UserId
from support.world import SERVER, World, user

ANN, BEA = UserId("ann"), UserId("bea")
PATIENT = a_patient(ClinicId("c" * 24))


def by(clinician_id: str, minute: int = 0) -> Review:
    return Review(UserId(clinician_id), A_MORNING + timedelta(minutes=minute))


def reviewed(*reviews: Review) -> Patient:
    return attrs.evolve(PATIENT, reviews=reviews)


# Rules


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans())))
def test_reviews_are_a_short_pile(steps: list[tuple[str, bool]]) -> None:
    """
    The newest two stay, newest first, and only its author takes the newest back.

    PAT-REV-1, PAT-REV-2, PAT-REV-3, PAT-REV-5.
    """
    patient, model = PATIENT, list[Review]()
    for minute, (who, is_review) in enumerate(steps):
        if is_review:
            patient = with_review(patient, by(who, minute))
            model = [by(who, minute), *model][:2]
        elif not model:
            with pytest.raises(ReviewNotFound):
                without_review(patient, UserId(who))
        elif model[0].clinician_id != who:
            with pytest.raises(ReviewOfSomebodyElse):
                without_review(patient, UserId(who))
        else:
            patient = without_review(patient, UserId(who))
            model = model[1:]

        assert list(patient.reviews or ()) == model
    assert attrs.evolve(patient, reviews=None) == PATIENT


@pytest.mark.parametrize("reviews", [None, ()])
def test_there_may_be_no_review_to_take_back(reviews: tuple[Review, ...] | None) -> None:
    """Never reviewed and not reviewed any more are the same (PAT-REV-5)."""
    with pytest.raises(ReviewNotFound) as refusal:
        without_review(attrs.evolve(PATIENT, reviews=reviews), ANN)

    assert str(refusal.value) == "review not found"


def test_nobody_takes_back_the_review_of_somebody_else() -> None:
    """His own, below it, is not his newest word (PAT-REV-3)."""
    with pytest.raises(ReviewOfSomebodyElse) as refusal:
        without_review(reviewed(by("bea", 1), by("ann")), ANN)

    assert str(refusal.value) == "conflict: cannot revert review from another clinician"


def test_a_review_that_was_pushed_out_does_not_come_back() -> None:
    """Taking back is no undoing (PAT-REV-6)."""
    full = reviewed(by("ann", 2), by("ann", 1))

    assert without_review(with_review(full, by("bea", 3)), BEA) == reviewed(by("ann", 2))


def test_more_than_two_stored_reviews_shrink() -> None:
    """Whatever an older record holds, two remain after the next one (PAT-REV-1)."""
    many = reviewed(*(by("ann", 9 - minute) for minute in range(5)))

    assert with_review(many, by("bea", 10)).reviews == (by("bea", 10), by("ann", 9))


# Use cases


async def test_clinicians_review_and_take_back(world: World) -> None:
    """The worked example, in which the record itself does not get newer (PAT-REV-1, PAT-DOC-3)."""
    clinic = a_clinic()
    patient = a_patient(clinic)
    await world.has(clinic, patient)
    patients, times = world.app.patients, []

    async def review(caller: Principal) -> str:
        times.append(world.clock.advance())
        return letters(await patients.add_review(clinic.id, patient.user_id, caller))

    async def revert(caller: Principal) -> str:
        return letters(await patients.revert_review(clinic.id, patient.user_id, caller))

    def letters(reviews: tuple[Review, ...]) -> str:
        return " ".join(f"{one.clinician_id}{times.index(one.time) + 1}" for one in reviews)

    assert [await review(user("A")) for _ in range(3)] == ["A1", "A2 A1", "A3 A2"]
    assert await review(user("B")) == "B4 A3"
    with pytest.raises(ReviewOfSomebodyElse):
        await revert(user("A"))
    assert await revert(user("B")) == "A3"
    assert await revert(user("A")) == ""
    with pytest.raises(ReviewNotFound):
        await revert(user("A"))
    assert await world.patient(patient) == attrs.evolve(patient, reviews=())


async def test_nobody_can_be_reviewed(world: World) -> None:
    """The clinic may have other patients (PAT-REV-4)."""
    clinic = a_clinic()
    await world.has(clinic, a_patient(clinic))

    for call in (world.app.patients.add_review, world.app.patients.revert_review):
        with pytest.raises(PatientNotFound) as refusal:
            await call(clinic.id, UserId("nobody"), user(ANN))
        assert str(refusal.value) == "patient not found"


async def test_a_service_looks_at_nobody(world: World) -> None:
    """Reviews and reminders are for people (AUTHZ-11)."""
    clinic = a_clinic()
    patient = a_patient(clinic, reviews=(Review(SERVER.subject, A_MORNING),))
    await world.has(clinic, patient)
    patients = world.app.patients

    for call in (patients.add_review, patients.revert_review, patients.send_upload_reminder):
        with pytest.raises(UserTokenRequired):
            await call(clinic.id, patient.user_id, SERVER)
    assert await world.patient(patient) == patient
