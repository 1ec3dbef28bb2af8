"""Messages of Redox: kept, matched, and answered by orders of reports."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.model import Clinic
from clinic_domain.ehr.addresses import address_in, email_in, is_child
from clinic_domain.ehr.errors import (
    BirthDateMissing,
    EmailUnusable,
    FullNameMissing,
    InvalidDocumentId,
    InvalidMetadata,
    MatchingClinicNotFound,
    MessageNotFound,
    SeveralMatchingClinics,
    SourceIdRequired,
    UnreadableOrder,
)
from clinic_domain.ehr.matching import wanted_by_order
from clinic_domain.ehr.model import (
    Criterion,
    EhrProvider,
    Identifier,
    MatchAction,
    MatchRequest,
    Message,
    MessageMeta,
    Order,
    Subscription,
    SubscriptionUpdate,
)
from clinic_domain.ehr.subscriptions import subscribed
from clinic_domain.patients.model import Patient, PatientDetails
from clinic_domain.testing.examples import (
    a_clinic,
    a_message,
    a_patient,
    a_record_id,
    ehr_settings,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import RecordId
from support.world import World

SETTINGS = ehr_settings("redox", "source")
LATER = A_MORNING + timedelta(hours=1)


def content(**demographics: Any) -> dict[str, Any]:
    person = {"FirstName": "Timothy", "LastName": "Bixby", "DOB": "2008-01-06", **demographics}
    return {
        "Meta": {"DataModel": "Order", "EventType": "New", "Source": {"ID": "source"}},
        "Patient": {"Identifiers": [{"ID": "7", "IDType": "MR"}], "Demographics": person},
    }


def asking(message: Message, *criteria: Criterion, action: MatchAction | None = None) -> Any:
    return MatchRequest(message.id, "Order", "New", criteria, action)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def clinic() -> Clinic:
    return a_clinic(ehr_settings=SETTINGS)


def a_bixby(clinic: Clinic, **changes: Any) -> Patient:
    known = {"full_name": "Timothy Bixby", "birth_date": "2008-01-06", "mrn": "7"}
    return a_patient(clinic, **{**known, **changes})


# Keeping


async def test_messages_are_kept_each_time(world: World) -> None:
    """Whatever they are about (REDOX-2, REDOX-3)."""
    meta = MessageMeta("Scheduling", "Cancel")

    ids = [await world.app.messages.receive(meta, {"x": 1}) for _ in range(2)]

    for id_ in ids:
        found = await world.storage.read(lambda tx, id_=id_: tx.messages.find(id_))  # type: ignore[misc]  # the loop binds it
        assert found == Message(id_, meta, {"x": 1})
    assert len(set(ids)) == 2


@pytest.mark.parametrize("meta", [MessageMeta("", "New"), MessageMeta("Order", "")])
async def test_a_message_has_to_say_what_it_is(world: World, meta: MessageMeta) -> None:
    with pytest.raises(InvalidMetadata):
        await world.app.messages.receive(meta, {})


# Matching


async def test_an_order_finds_its_clinic_and_its_patients(world: World, clinic: Clinic) -> None:
    """In the order of the criteria, nobody twice (MATCH-1, MATCH-2, REDOX-5, REDOX-7)."""
    named = a_bixby(clinic, mrn="8")
    numbered = a_bixby(clinic, full_name="Another", birth_date="1999-01-01")
    both = a_bixby(clinic, full_name="TIMOTHÝ bixby")
    message = a_message(content=content())
    await world.has(clinic, named, numbered, both, a_bixby(a_clinic()), message)

    async def found(*criteria: Criterion) -> set[str]:
        match = await world.app.messages.match(asking(message, *criteria))
        assert (match.clinic.clinic, match.settings) == (clinic, SETTINGS)
        assert len({one.id for one in match.patients}) == len(match.patients)
        return {one.user_id for one in match.patients}

    assert await found() == set()
    assert await found(Criterion.MRN) == {numbered.user_id, both.user_id}
    assert await found(Criterion.MRN_DOB) == {both.user_id}
    assert await found(Criterion.DOB_FULLNAME) == {named.user_id, both.user_id}
    assert await found(*Criterion) == {named.user_id, numbered.user_id, both.user_id}


async def test_reports_go_on_and_off_for_the_only_patient(world: World, clinic: Clinic) -> None:
    """REDOX-8; what is returned is the patient of before."""
    patient = a_bixby(clinic)
    on, off = a_message(content=content()), a_message(content=content())
    await world.has(clinic, patient, on, off)

    async def act(message: Message, action: MatchAction) -> bool:
        request = asking(message, Criterion.MRN_DOB, action=action)
        before = await world.patient(patient)
        match = await world.app.messages.match(request)
        assert match.patients == (before,)
        subscriptions = (await world.patient(patient)).ehr_subscriptions or {}
        return subscriptions[Subscription.SUMMARY_AND_REPORTS].active

    assert await act(on, MatchAction.ENABLE_REPORTS)
    assert await act(on, MatchAction.DISABLE_REPORTS)  # the message was applied before
    assert not await act(off, MatchAction.DISABLE_REPORTS)


async def test_several_patients_are_left_alone(world: World, clinic: Clinic) -> None:
    patients = [a_bixby(clinic), a_bixby(clinic)]
    message = a_message(content=content())
    await world.has(clinic, *patients, message)

    request = asking(message, Criterion.MRN, action=MatchAction.ENABLE_REPORTS)
    await world.app.messages.match(request)

    assert set(await world.patients(clinic)) == set(patients)


async def test_what_cannot_be_matched(world: World, clinic: Clinic) -> None:
    elsewhere = a_message(content={**content(), "Meta": {"Source": {"ID": "SOURCE"}}})
    nowhere = a_message(content={})
    wrong = a_message(content={**content(), "Patient": {"Identifiers": [{"ID": 5}]}})
    other = a_message(meta=MessageMeta("Order", "Cancel"), content=content())
    await world.has(clinic, elsewhere, nowhere, wrong, other)

    for message, error in (
        (elsewhere, MatchingClinicNotFound),
        (nowhere, SourceIdRequired),
        (wrong, UnreadableOrder),
        (other, MessageNotFound),
        (a_message(), MessageNotFound),
    ):
        with pytest.raises(error):
            await world.app.messages.match(asking(message))
    for id_ in ("", "xyz", "0" * 23, "g" * 24):
        with pytest.raises(InvalidDocumentId):
            await world.app.messages.match(MatchRequest(id_, "Order", "New"))


async def test_two_clinics_of_one_source_are_one_too_many(world: World, clinic: Clinic) -> None:
    """MATCH-3."""
    message = a_message(content=content())
    await world.has(clinic, a_clinic(ehr_settings=SETTINGS), message)

    with pytest.raises(SeveralMatchingClinics):
        await world.app.messages.match(asking(message))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order(identifiers=(Identifier("1", "mr"), Identifier("2", "MR"))), BirthDateMissing),
        (Order(identifiers=(Identifier("1", "MR"),), birth_date="x"), FullNameMissing),
        (Order(identifiers=(Identifier("1", "EHRID"),)), None),
        (Order(identifiers=(Identifier("", "MR"), Identifier("2", "MR"))), None),
    ],
)
def test_what_is_known_of_a_patient(order: Order, expected: type[Exception] | None) -> None:
    """The first number of the kind counts, and without one nothing else is looked at (REDOX-6)."""
    if expected is None:
        assert wanted_by_order(order, SETTINGS) is None
    else:
        with pytest.raises(expected):
            wanted_by_order(order, SETTINGS)


# Subscriptions


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=8))
def test_a_message_counts_once(steps: list[tuple[int, bool]]) -> None:
    """The first word of each message stands, whatever it says later (SUB-1, SUB-2, SUB-5)."""
    patient = before = a_patient(a_clinic())
    said: dict[int, bool] = {}
    for number, (message, active) in enumerate(steps):
        now = A_MORNING + timedelta(minutes=number)
        update = SubscriptionUpdate(
            *(Subscription.SUMMARY_AND_REPORTS, EhrProvider.REDOX, active),
            *(RecordId(str(message)), "Order", "New"),
        )
        changed = subscribed(patient, update, now)
        assert (changed == patient) == (message in said)
        assert message in said or changed.updated_time == now
        said.setdefault(message, active)
        patient = changed

    subscriptions = patient.ehr_subscriptions or {}
    assert bool(subscriptions) == bool(steps)
    for subscription in subscriptions.values():
        assert [one.id for one in subscription.matched_messages] == [str(one) for one in said]
        assert subscription.active == list(said.values())[-1]
        assert subscription.created_at == A_MORNING
    assert attrs.evolve(patient, ehr_subscriptions=None, updated_time=before.updated_time) == before


async def test_another_mrn_ends_all_subscriptions(world: World, clinic: Clinic) -> None:
    """And only a new order begins one again (SUB-3, SUB-4)."""
    patient = a_bixby(clinic)
    message = a_message(content=content())
    await world.has(clinic, patient, message)
    request = asking(message, Criterion.MRN, action=MatchAction.ENABLE_REPORTS)
    await world.app.messages.match(request)

    async def active_with(mrn: str | None) -> bool:
        details = PatientDetails(patient.full_name, patient.birth_date, mrn=mrn)
        await world.app.patients.update(clinic.id, patient.user_id, details)
        subscriptions = (await world.patient(patient)).ehr_subscriptions or {}
        return all(one.active for one in subscriptions.values())

    assert await active_with("7")
    assert not await active_with("8")
    assert not await active_with("7")


# Orders of reports


async def test_reports_of_a_clinic_are_ordered(world: World, clinic: Clinic) -> None:
    """Once for each patient whose reports are on, behind the order before (REDOX-9, REDOX-11)."""
    patients = [a_bixby(clinic, mrn=str(number)) for number in range(3)]
    await world.has(clinic, *patients)
    for number in (0, 1):
        message = a_message(content=content())
        numbered = attrs.evolve(
            message,
            content={
                **message.content,
                "Patient": {
                    **message.content["Patient"],
                    "Identifiers": [{"ID": str(number), "IDType": "MR"}],
                },
            },
        )
        await world.has(numbered)
        request = asking(numbered, Criterion.MRN, action=MatchAction.ENABLE_REPORTS)
        await world.app.messages.match(request)

    for _ in range(2):
        world.clock.advance()
        await world.app.messages.order_reports_of_clinic(clinic.id)

    orders = await world.storage.read(lambda tx: tx.messages.reports_ordered(clinic.id))
    assert [one.user_id for one in orders] == [patients[0].user_id, patients[1].user_id] * 2
    assert [one.preceding and one.preceding.id for one in orders] == [
        *(None, None),
        *(orders[0].id, orders[1].id),
    ]
    assert len({one.created_time for one in orders}) == 2
    assert all(one.message_id for one in orders)


async def test_reports_of_other_clinics_are_not_ordered(world: World) -> None:
    clinics = [
        a_clinic(),
        a_clinic(ehr_settings=ehr_settings("xealth")),
        a_clinic(ehr_settings=ehr_settings(enabled=False)),
    ]
    await world.has(*clinics)

    for clinic in (*clinics, a_clinic()):
        with pytest.raises(MatchingClinicNotFound):
            await world.app.messages.order_reports_of_clinic(clinic.id)


async def test_many_reports_are_ordered_once_each(world: World, clinic: Clinic) -> None:
    """REDOX-12."""
    update = SubscriptionUpdate(
        *(Subscription.SUMMARY_AND_REPORTS, EhrProvider.REDOX, True),
        *(a_record_id(), "Order", "New"),
    )
    patients = [subscribed(a_patient(clinic), update, A_MORNING) for _ in range(250)]
    await world.has(clinic, *patients)

    await world.app.messages.order_reports_of_clinic(clinic.id)

    orders = await world.storage.read(lambda tx: tx.messages.reports_ordered(clinic.id))
    assert [one.user_id for one in orders] == [patient.user_id for patient in patients]
    assert {one.message_id for one in orders} == {None}  # nobody has the message any more
    assert len({one.created_time for one in orders}) == 1


async def test_a_patients_reports_are_ordered_where_uploads_matter(
    world: World, clinic: Clinic
) -> None:
    """REDOX-10."""
    reports = attrs.evolve(SETTINGS.scheduled_reports, on_upload_enabled=False)
    quiet = a_clinic(ehr_settings=attrs.evolve(SETTINGS, scheduled_reports=reports))
    update = SubscriptionUpdate(
        *(Subscription.SUMMARY_AND_REPORTS, EhrProvider.REDOX, True),
        *(a_record_id(), "Order", "New"),
    )
    here = subscribed(a_patient(clinic), update, A_MORNING)
    there = subscribed(a_patient(quiet, user_id=here.user_id), update, A_MORNING)
    await world.has(clinic, quiet, here, there, subscribed(a_patient(clinic), update, A_MORNING))

    for user_id in (here.user_id, a_patient(clinic).user_id):
        await world.app.messages.order_reports_of_patient(user_id)

    async def ordered(of: Clinic) -> list[str]:
        found = await world.storage.read(lambda tx: tx.messages.reports_ordered(of.id))
        return [one.user_id for one in found]

    assert await ordered(clinic) == [here.user_id]
    assert await ordered(quiet) == []


async def test_orders_of_reports_are_forgotten_after_a_while(world: World, clinic: Clinic) -> None:
    update = SubscriptionUpdate(
        *(Subscription.SUMMARY_AND_REPORTS, EhrProvider.REDOX, True),
        *(a_record_id(), "Order", "New"),
    )
    await world.has(clinic, subscribed(a_patient(clinic), update, A_MORNING))
    for days in (0, 89, 2):
        world.clock.advance(timedelta(days=days))
        await world.app.messages.order_reports_of_clinic(clinic.id)

    orders = await world.storage.read(lambda tx: tx.messages.reports_ordered(clinic.id))
    assert [(world.clock.now() - one.created_time).days for one in orders] == [2, 0]


# Addresses


@pytest.mark.parametrize(
    ("mailbox", "address"),
    [
        ("g2@x.org", "g2@x.org"),
        (" blanks@example.com ", "blanks@example.com"),
        ("Guard Ian <g2@x.org>", "g2@x.org"),
        ('"Ian, Guard" <g2@x.org>', "g2@x.org"),
        ("<g2@x.org>", "g2@x.org"),
        ("zoë@exämple.org", "zoë@exämple.org"),
        ('"a b"@x.org', '"a b"@x.org'),
        ("james", None),
        ("james@", None),
        ("@x.org", None),
        ("a@b.c, d@e.f", None),
        ("a@b.c>", None),
        ("a..b@c.d", None),
        ("a b@c.d", None),
        ("  ", None),
        ("", None),
        ("a" * 2000 + "@b.c", None),
    ],
)
def test_an_address_is_a_mailbox(mailbox: str, address: str | None) -> None:
    assert address_in(mailbox) == address


@pytest.mark.parametrize(
    ("born", "now", "expected"),
    [
        ("2010-03-15", datetime(2023, 3, 14, 23, 59, tzinfo=UTC), True),
        ("2010-03-15", datetime(2023, 3, 15, tzinfo=UTC), False),
        ("2012-02-29", datetime(2025, 2, 28, tzinfo=UTC), True),
        ("2012-02-29", datetime(2025, 3, 1, tzinfo=UTC), False),
        ("9999-12-31", datetime(2025, 3, 1, tzinfo=UTC), True),
        ("0001-01-01", datetime(2025, 3, 1, tzinfo=UTC), False),
    ],
)
def test_who_is_a_child(born: str, now: datetime, expected: bool) -> None:
    """XEALTH-3."""
    assert is_child(date.fromisoformat(born), now) is expected


def test_a_child_has_the_address_of_the_guarantor() -> None:
    """RXW-6."""
    order = Order(patient_emails=("p@x.org",), guarantor_emails=("Guard <g@x.org>",))
    child = attrs.evolve(order, birth_date="2020-01-01")
    adult = attrs.evolve(order, birth_date="1990-01-01")

    assert email_in(child, A_MORNING) == "g@x.org"
    assert email_in(adult, A_MORNING) == "p@x.org"
    assert email_in(attrs.evolve(adult, patient_emails=()), A_MORNING) is None
    with pytest.raises(BirthDateMissing):
        email_in(order, A_MORNING)
    for address, reason in (
        (5, "patient email address is not a string"),
        ("x", "email address is invalid"),
    ):
        with pytest.raises(EmailUnusable, match=reason):
            email_in(attrs.evolve(adult, patient_emails=(address,)), A_MORNING)
