"""Enrolment by Xealth: forms, orders, programs and reports."""

from datetime import date, datetime, timedelta
from typing import Any

import attrs
import pytest

from clinic_domain.clinics.errors import ClinicNotFound
from clinic_domain.clinics.model import Clinic, MrnSettings
from clinic_domain.ehr.enrollment import problem_of_entry, program_status, tidied
from clinic_domain.ehr.errors import (
    AnotherDeployment,
    BirthDateMissing,
    DatasetsRequired,
    DemographicsRequired,
    DeploymentNotFound,
    FullNameMissing,
    IncompletePatient,
    InvalidRestrictedToken,
    MatchingPatientNotFound,
    MrnMissing,
    NoActiveSubscription,
    OrderNotFound,
    PreorderNotFound,
    PreorderRequired,
    SeveralClinicsOfDeployment,
    SeveralMatchingPatients,
    TokensUnavailable,
    TrackingIdRequired,
    XealthUnavailable,
)
from clinic_domain.ehr.model import (
    Applicant,
    Datasets,
    Demographics,
    Enrollee,
    FormKind,
    FormProblem,
    Identifier,
    OrderEvent,
    PlacedOrder,
    Preorder,
    RestrictedToken,
    Viewer,
)
from clinic_domain.patients.errors import MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import DataSource, EhrSubscription, Patient, Permission
from clinic_domain.patients.summaries import Stats, StatsDates, Summary
from clinic_domain.testing.examples import (
    a_clinic,
    a_patient,
    a_preorder,
    a_tag,
    an_enrollment_order,
    ehr_settings,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, UserId
from support.world import World

ADULT = date(1990, 1, 1)
PERSON = Demographics(("Ada", "Marie"), ("Coast",), ADULT, "ada@example.com")
ENROLLEE = Enrollee(
    "harbor", "program", (Identifier("7", "mr"),), Datasets(PERSON, Viewer("doctor", "d_one"))
)
EVENT = OrderEvent("harbor", "new", "1", "order", "1", "tidepool", "program", A_MORNING)
ON = EhrSubscription(active=True, provider="xealth", created_at=A_MORNING, updated_at=A_MORNING)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def clinic() -> Clinic:
    return a_clinic(ehr_settings=ehr_settings("xealth", "harbor"))


def an_ada(clinic: Clinic, **changes: Any) -> Patient:
    known = {"mrn": "7", "birth_date": "1990-01-01", "full_name": "Ada Coast"}
    return a_patient(clinic, **{**known, **changes})


def saying(**changes: Any) -> Enrollee:
    return attrs.evolve(ENROLLEE, datasets=Datasets(attrs.evolve(PERSON, **changes)))


# Matching


def test_names_are_joined() -> None:
    """XEALTH-2."""
    assert PERSON.full_name == "Ada Marie Coast"
    assert Demographics((), ("Coast",)).full_name == "Coast"
    assert Demographics((" ",), ()).full_name == ""


@pytest.mark.parametrize(
    ("enrollee", "error"),
    [
        (attrs.evolve(ENROLLEE, deployment="HARBOR"), DeploymentNotFound),
        (attrs.evolve(ENROLLEE, datasets=None), DatasetsRequired),
        (attrs.evolve(ENROLLEE, datasets=Datasets()), DemographicsRequired),
        (attrs.evolve(ENROLLEE, identifiers=()), MrnMissing),
        (attrs.evolve(ENROLLEE, identifiers=(Identifier("1", "enterprise"),)), MrnMissing),
        (saying(birth_date=None), BirthDateMissing),
        (saying(given=(), family=()), FullNameMissing),
    ],
)
async def test_what_every_request_has_to_say(
    world: World, clinic: Clinic, enrollee: Enrollee, error: type[Exception]
) -> None:
    """XEALTH-4, XEALTH-5."""
    await world.has(clinic)

    with pytest.raises(error, match=r"^matching initial preorder request: "):
        await world.app.enrollments.offer_form(enrollee, "1")


async def test_several_of_a_kind_are_too_many(world: World, clinic: Clinic) -> None:
    await world.has(clinic, an_ada(clinic), an_ada(clinic))
    with pytest.raises(SeveralMatchingPatients):
        await world.app.enrollments.offer_form(ENROLLEE, "1")

    await world.has(a_clinic(ehr_settings=ehr_settings("xealth", "harbor")))
    with pytest.raises(SeveralClinicsOfDeployment):
        await world.app.enrollments.offer_form(ENROLLEE, "1")


# Forms


async def test_a_stranger_gets_a_form(world: World, clinic: Clinic) -> None:
    """With a new id; a child's guardian gets another one (XEALTH-7, XEALTH-12)."""
    await world.has(clinic)

    form = await world.app.enrollments.offer_form(ENROLLEE, "id-1")
    child = await world.app.enrollments.offer_form(saying(birth_date=date(2020, 1, 1)), "id-2")

    assert form is not None
    assert (form.kind, form.problems) == (FormKind.PATIENT, ())
    assert form.preorder == Preorder("id-1", patient=Applicant("ada@example.com"))
    assert child is not None
    assert child.preorder == Preorder("id-2", guardian=Applicant())


async def test_a_patient_needs_none_unless_born_on_another_day(
    world: World, clinic: Clinic
) -> None:
    await world.has(clinic, an_ada(clinic))

    assert await world.app.enrollments.offer_form(ENROLLEE, "1") is None
    form = await world.app.enrollments.offer_form(saying(birth_date=date(1990, 1, 2)), "1")

    assert form is not None
    assert form.problems == (FormProblem.BIRTHDAY_MISMATCH,)


async def test_what_was_entered_is_kept_once(world: World, clinic: Clinic) -> None:
    """XEALTH-8, XEALTH-9."""
    await world.has(clinic)

    for email in ("new@example.com", "other@example.com"):
        entered = Preorder("1", patient=Applicant(email))
        assert await world.app.enrollments.take_form(ENROLLEE, lambda _, e=entered: e) is None  # type: ignore[misc]  # the loop binds it

    found = await world.storage.read(lambda tx: tx.enrollments.find_preorder("1"))
    assert found == Preorder("1", patient=Applicant("new@example.com"))


async def test_who_is_a_patient_by_now_needs_no_more(world: World, clinic: Clinic) -> None:
    await world.has(clinic, an_ada(clinic))

    assert await world.app.enrollments.take_form(ENROLLEE, _nothing) is None


def _nothing(_: FormKind) -> Preorder:
    raise AssertionError("nobody asks what was entered")


async def test_an_entry_needs_an_id(world: World, clinic: Clinic) -> None:
    await world.has(clinic)

    with pytest.raises(TrackingIdRequired):
        await world.app.enrollments.take_form(ENROLLEE, lambda _: Preorder(""))


async def test_an_address_that_somebody_has_comes_back(world: World, clinic: Clinic) -> None:
    """XEALTH-10."""
    world.users.add("somebody", "taken@example.com")
    await world.has(clinic)
    entered = Preorder("1", patient=Applicant("TAKEN@example.com", connect_dexcom=True))

    form = await world.app.enrollments.take_form(ENROLLEE, lambda _: entered)

    assert form is not None
    assert (form.problems, form.preorder) == ((FormProblem.DUPLICATE_EMAIL,), entered)
    assert await world.storage.read(lambda tx: tx.enrollments.find_preorder("1")) is None


@pytest.mark.parametrize(
    ("entered", "is_fine"),
    [
        (Preorder("1"), True),
        (Preorder("1", patient=Applicant()), True),
        (Preorder("1", patient=Applicant("Ada <a@b.c>")), True),
        (Preorder("1", patient=Applicant("  ")), False),
        (Preorder("1", patient=Applicant("ada")), False),
        (Preorder("1", guardian=Applicant(first_name="Ann", last_name=" ")), False),
        (Preorder("1", guardian=Applicant(first_name="Ann", last_name="Lee")), True),
    ],
)
def test_what_can_be_entered(entered: Preorder, is_fine: bool) -> None:
    assert (problem_of_entry(entered) is None) is is_fine


def test_nobody_is_asked_to_connect_without_an_address() -> None:
    """XEALTH-11."""
    both = Applicant(connect_abbott=True, connect_dexcom=True)

    assert tidied(Preorder("1", patient=both)).patient == attrs.evolve(both, connect_dexcom=False)
    with_address = attrs.evolve(both, email="a@b.c")
    assert tidied(Preorder("1", guardian=with_address)).guardian == with_address


# Orders


def placed(world: World, enrollee: Enrollee = ENROLLEE, tracking_id: str | None = "1") -> None:
    world.xealth_orders.orders["harbor", "1"] = PlacedOrder({}, enrollee, tracking_id)


async def test_an_order_enrols_a_new_patient(world: World, clinic: Clinic) -> None:
    """In one go: patient, requests to connect, subscription (XEALTH-14, XEALTH-15)."""
    tag = a_tag()
    home = attrs.evolve(clinic, tags=(tag,))
    applicant = Applicant("Ada.Coast@Example.com", connect_abbott=True, connect_dexcom=True)
    await world.has(home, a_preorder(Preorder("1", applicant, tag_ids=("x", tag.id, tag.id))))
    placed(world)

    await world.app.enrollments.follow(EVENT)

    [patient] = await world.patients(home)
    assert (patient.full_name, patient.mrn) == ("Ada Marie Coast", "7")
    assert (patient.email, patient.birth_date) == ("Ada.Coast@Example.com", "1990-01-01")
    assert patient.permissions == frozenset(Permission)
    assert (patient.tags, patient.invited_by) == ((tag.id,), None)
    assert [one.provider_name for one in patient.data_sources or ()] == ["abbott", "dexcom"]
    assert all(one.expiration_time for one in patient.data_sources or ())
    assert set(patient.connection_requests or ()) == {"abbott", "dexcom"}
    subscription = (patient.ehr_subscriptions or {})["xealthReports"]
    assert (subscription.active, subscription.provider) == (True, "xealth")
    [message] = subscription.matched_messages
    assert (message.data_model, message.event_type) == ("order", "new")
    assert patient.updated_time == patient.created_time


async def test_a_patient_is_enrolled_and_again_let_go(world: World, clinic: Clinic) -> None:
    await world.has(clinic, an_ada(clinic))
    placed(world, tracking_id=None)

    contexts = (("new", True), ("new", True), ("cancel", False))
    for number, (context, is_on) in enumerate(contexts, 1):
        await world.app.enrollments.follow(attrs.evolve(EVENT, event_context=context))
        [patient] = await world.patients(clinic)
        subscription = (patient.ehr_subscriptions or {})["xealthReports"]
        assert subscription.active is is_on
        assert len(subscription.matched_messages) == number


async def test_a_cancelled_order_creates_nobody(world: World, clinic: Clinic) -> None:
    """XEALTH-16."""
    await world.has(clinic, a_preorder(Preorder("1", Applicant())))
    placed(world)

    await world.app.enrollments.follow(attrs.evolve(EVENT, event_context="cancel"))

    assert await world.patients(clinic) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"event_type": "patient"},
        {"event_context": "update"},
        {"event_context": "New"},
        {"deployment": "elsewhere"},
        {"program_id": "another"},
        {"program_id": ""},
    ],
)
async def test_other_events_are_none_of_our_business(
    world: World, clinic: Clinic, change: dict[str, Any]
) -> None:
    await world.has(clinic, an_ada(clinic))
    world.xealth_orders.is_available = False

    await world.app.enrollments.follow(attrs.evolve(EVENT, **change))


async def test_what_stands_in_the_way_of_an_order(world: World, clinic: Clinic) -> None:
    await world.has(clinic)

    with pytest.raises(OrderNotFound):
        await world.app.enrollments.follow(EVENT)
    placed(world, attrs.evolve(ENROLLEE, deployment="elsewhere"))
    with pytest.raises(AnotherDeployment):
        await world.app.enrollments.follow(EVENT)
    placed(world)
    with pytest.raises(PreorderNotFound):
        await world.app.enrollments.follow(EVENT)
    placed(world, tracking_id=None)
    with pytest.raises(PreorderRequired, match=r"^unable to create patient create: bad request"):
        await world.app.enrollments.follow(EVENT)
    placed(world, attrs.evolve(ENROLLEE, datasets=None), tracking_id=None)
    with pytest.raises(DatasetsRequired, match=r"^handling new order: bad request: datasets"):
        await world.app.enrollments.follow(EVENT)
    world.xealth_orders.is_available = False
    with pytest.raises(XealthUnavailable):
        await world.app.enrollments.follow(EVENT)

    assert await world.patients(clinic) == ()


async def test_the_rules_of_the_clinic_hold_for_enrolled_patients(
    world: World, clinic: Clinic
) -> None:
    strict = attrs.evolve(clinic, mrn_settings=MrnSettings(required=True, unique=True))
    other = an_ada(clinic, birth_date="1990-01-02", require_unique_mrn=True)
    await world.has(strict, other, a_preorder(Preorder("1", Applicant("new@example.com"))))
    placed(world)

    with pytest.raises(
        MrnNotUnique, match=r"^unable to create new patient from order: bad request"
    ):
        await world.app.enrollments.follow(EVENT)

    assert await world.patients(clinic) == (other,)
    assert await world.users.find("new@example.com") is None


# Programs


async def test_a_program_says_how_an_enrolment_stands(world: World, clinic: Clinic) -> None:
    """XEALTH-17, XEALTH-20."""
    await world.has(clinic, an_ada(clinic))
    placed(world, tracking_id=None)
    assert await world.app.enrollments.program(ENROLLEE) is None
    await world.app.enrollments.follow(EVENT)

    before = await world.app.enrollments.program(ENROLLEE)
    viewed = world.clock.advance(timedelta(days=1))
    await world.app.enrollments.grant_report(ENROLLEE)
    after = await world.app.enrollments.program(ENROLLEE)
    nobody = attrs.evolve(ENROLLEE, datasets=Datasets(PERSON))

    assert before is not None
    assert (before.program_id, before.enrolled) == ("program", A_MORNING.date())
    assert (before.last_viewed, before.is_claimed) == (None, True)
    assert after == attrs.evolve(before, last_viewed=viewed)
    assert await world.app.enrollments.program(nobody) == before
    await world.app.enrollments.follow(attrs.evolve(EVENT, event_context="cancel"))
    assert await world.app.enrollments.program(ENROLLEE) is None
    elsewhere = attrs.evolve(ENROLLEE, deployment="elsewhere")
    assert await world.app.enrollments.program(elsewhere) is None


def test_news_are_what_came_after_the_last_look() -> None:
    dates = StatsDates(last_updated_date=A_MORNING, last_upload_date=A_MORNING)
    older = StatsDates(last_updated_date=A_MORNING - timedelta(days=1))
    summary = Summary(cgm=Stats("1", dates=dates), bgm=Stats("2", dates=older))
    patient = an_ada(a_clinic(), summary=summary, permissions=frozenset({Permission.CUSTODIAN}))
    order = an_enrollment_order(event=EVENT)

    def seen(last_viewed: datetime | None) -> bool:
        return program_status(patient, order, last_viewed).has_news

    assert seen(None)
    assert seen(A_MORNING - timedelta(milliseconds=1))
    assert not seen(A_MORNING)
    status = program_status(patient, order, None)
    assert (status.has_report, status.last_updated, status.is_claimed) == (True, A_MORNING, False)
    nothing = program_status(attrs.evolve(patient, summary=None, permissions=None), order, None)
    assert (nothing.has_report, nothing.has_news, nothing.is_claimed) == (False, False, False)


def test_the_latest_connection_of_each_provider_counts() -> None:
    """XEALTH-18."""
    early, late = A_MORNING, A_MORNING + timedelta(days=1)
    sources = (
        DataSource("dexcom", "a", modified_time=late),
        DataSource("dexcom", "b", modified_time=early),
        DataSource("dexcom", "c"),
        DataSource("abbott", "d"),
        DataSource("abbott", "e"),
    )
    patient = an_ada(a_clinic(), data_sources=sources)

    status = program_status(patient, an_enrollment_order(event=EVENT), None)

    assert [source.state for source in status.connections] == ["a", "e"]


# Reports


async def test_the_address_of_a_report_has_a_token_in_it(world: World, clinic: Clinic) -> None:
    """XEALTH-19."""
    ada = an_ada(clinic)
    await world.has(clinic, ada)

    access = await world.app.enrollments.grant_report(ENROLLEE)

    assert (access.clinic, access.patient) == (clinic, ada)
    assert world.restricted_tokens.tokens[access.token].user_id == ada.user_id
    with pytest.raises(MatchingPatientNotFound, match=r"^matching get program url request: "):
        await world.app.enrollments.grant_report(saying(birth_date=date(1990, 1, 2)))
    world.restricted_tokens.is_available = False
    with pytest.raises(TokensUnavailable):
        await world.app.enrollments.grant_report(ENROLLEE)


async def test_a_report_opens_for_its_patient_alone(world: World, clinic: Clinic) -> None:
    """XEALTH-21."""
    ada = an_ada(clinic, ehr_subscriptions={"xealthReports": ON})
    plain = a_clinic()
    there = an_ada(plain, user_id=ada.user_id, ehr_subscriptions={"xealthReports": ON})
    off = an_ada(clinic, ehr_subscriptions={"xealthReports": attrs.evolve(ON, active=False)})
    nameless = an_ada(clinic, full_name=None, ehr_subscriptions={"xealthReports": ON})
    await world.has(clinic, plain, ada, there, off, nameless)
    for patient in (ada, off, nameless):
        world.restricted_tokens.tokens[patient.user_id] = RestrictedToken(
            patient.user_id, patient.user_id, A_MORNING
        )

    async def open_(clinic_id: ClinicId, patient: UserId, token: str) -> Patient:
        access = await world.app.enrollments.open_report(clinic_id, patient, token)
        return access.patient

    assert await open_(clinic.id, ada.user_id, ada.user_id) == ada
    for clinic_id, user_id, token, error in (
        (clinic.id, ada.user_id, "", InvalidRestrictedToken),
        (clinic.id, ada.user_id, "unknown", InvalidRestrictedToken),
        (clinic.id, ada.user_id, off.user_id, InvalidRestrictedToken),
        (ClinicId("nowhere"), ada.user_id, ada.user_id, ClinicNotFound),
        (plain.id, off.user_id, off.user_id, PatientNotFound),
        (plain.id, ada.user_id, ada.user_id, NoActiveSubscription),
        (clinic.id, off.user_id, off.user_id, NoActiveSubscription),
        (clinic.id, nameless.user_id, nameless.user_id, IncompletePatient),
    ):
        with pytest.raises(error):
            await open_(clinic_id, user_id, token)
    world.clock.advance()
    with pytest.raises(InvalidRestrictedToken):
        await open_(clinic.id, ada.user_id, ada.user_id)
