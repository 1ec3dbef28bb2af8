"""Data sources, requests to connect them, and reminders."""

from datetime import datetime, timedelta
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.patients.errors import PatientNotFound, PatientToConnectNotFound
from clinic_domain.patients.model import (
    ConnectionRequest,
    DataSource,
    DataSourceState,
    Patient,
    Provider,
)
from clinic_domain.patients.rules import with_connection_request
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, UserId
from support.world import World, user

CLINIC: Final = ClinicId("c" * 24)
LONG_AGO: Final = A_MORNING - timedelta(days=999)
LATER: Final = A_MORNING + timedelta(minutes=1)
IN_A_MONTH: Final = LATER + timedelta(hours=720)

sources = st.builds(
    DataSource,
    provider_name=st.sampled_from(Provider),
    state=st.sampled_from(DataSourceState),
    modified_time=st.sampled_from([None, LONG_AGO]),
    expiration_time=st.sampled_from([None, LONG_AGO]),
)


def with_sources(*data_sources: DataSource) -> Patient:
    return a_patient(CLINIC, data_sources=data_sources)


# Rules


@pytest.mark.parametrize("state", [*DataSourceState, "strange"])
def test_who_never_connected_is_asked_to(state: str) -> None:
    """The source waits for a month, whatever its state was (PAT-CONN-3)."""
    patient = with_sources(DataSource("dexcom", state, "5" * 24))

    changed = with_connection_request(patient, "dexcom", LATER)

    assert changed == attrs.evolve(
        patient,
        data_sources=(DataSource("dexcom", "pending", "5" * 24, expiration_time=IN_A_MONTH),),
        connection_requests={"dexcom": (ConnectionRequest("dexcom", LATER),)},
        updated_time=LATER,
    )


@pytest.mark.parametrize("state", [*DataSourceState, "strange"])
def test_who_was_connected_is_asked_to_connect_again(state: str) -> None:
    """A source that was ever modified was connected (PAT-CONN-3)."""
    source = DataSource("dexcom", state, modified_time=LONG_AGO, latest_data_time=LONG_AGO)

    changed = with_connection_request(with_sources(source), "dexcom", LATER)

    assert changed.data_sources == (
        attrs.evolve(
            source, state="pendingReconnect", modified_time=LATER, expiration_time=IN_A_MONTH
        ),
    )


@pytest.mark.parametrize(
    ("first", "last", "state", "modified"),
    [
        (None, LONG_AGO, "pendingReconnect", LATER),
        (LONG_AGO, None, "pending", LONG_AGO),
    ],
)
def test_of_several_sources_the_last_decides_and_the_first_changes(
    first: object, last: object, state: str, modified: object
) -> None:
    """Others, between and around them, stay as they are (PAT-CONN-6)."""
    other = DataSource("abbott", "connected")
    one, two = (
        DataSource("dexcom", "error", modified_time=time)  # type: ignore[arg-type]
        for time in (first, last)
    )

    changed = with_connection_request(with_sources(other, one, other, two), "dexcom", LATER)

    requested = attrs.evolve(
        one,
        state=state,
        modified_time=modified,  # type: ignore[arg-type]
        expiration_time=IN_A_MONTH,
    )
    assert changed.data_sources == (other, requested, other, two)


@given(st.lists(sources, max_size=4).map(tuple), st.lists(st.sampled_from(Provider)))
def test_requests_are_kept_newest_first(
    data_sources: tuple[DataSource, ...], providers: list[Provider]
) -> None:
    """However many there were (PAT-CONN-4, PAT-CONN-5), of providers with a source (PAT-CONN-2)."""
    patient, model = with_sources(*data_sources), dict[str, list[ConnectionRequest]]()
    prepared = {source.provider_name for source in data_sources}
    for minute, provider in enumerate(providers):
        now = LATER + timedelta(minutes=minute)
        if provider not in prepared:
            with pytest.raises(PatientNotFound):
                with_connection_request(patient, provider, now)
            continue
        patient = with_connection_request(patient, provider, now)
        model.setdefault(provider, []).insert(0, ConnectionRequest(provider, now))

        assert patient.updated_time == now
        assert len(patient.data_sources or ()) == len(data_sources)
    requests = {name: list(made) for name, made in (patient.connection_requests or {}).items()}
    assert requests == model


@pytest.mark.parametrize("data_sources", [None, (), (DataSource("abbott", "connected"),)])
def test_a_source_has_to_be_prepared(data_sources: tuple[DataSource, ...] | None) -> None:
    """A provider that the patient never heard of is not requested (PAT-CONN-2)."""
    with pytest.raises(PatientNotFound) as refusal:
        with_connection_request(a_patient(CLINIC, data_sources=data_sources), "dexcom", LATER)

    assert str(refusal.value) == "patient not found"


# Use cases


async def test_asking_again_extends_the_request(world: World) -> None:
    """A second request is another entry of the history (PAT-CONN-4, PAT-CONN-5)."""
    clinic = a_clinic()
    patient = a_patient(clinic, data_sources=(DataSource("dexcom", "pending"),))
    await world.has(clinic, patient)
    times: list[datetime] = []
    for _ in range(2):
        times.insert(0, world.clock.advance())
        await world.app.patients.request_connection(clinic.id, patient.user_id, "dexcom")

    stored = await world.patient(patient)
    assert [request.created_time for request in (stored.connection_requests or {})["dexcom"]] == (
        times
    )
    assert [source.expiration_time for source in stored.data_sources or ()] == [
        times[0] + timedelta(days=30)
    ]


async def test_nobody_is_asked_to_connect(world: World) -> None:
    """Who is not there and who has no such source are refused in different words (PAT-CONN-1)."""
    clinic = a_clinic()
    patient = a_patient(clinic)
    await world.has(clinic, patient)
    request = world.app.patients.request_connection

    with pytest.raises(PatientToConnectNotFound) as nobody:
        await request(clinic.id, UserId("nobody"), "dexcom")
    with pytest.raises(PatientNotFound) as no_source:
        await request(clinic.id, patient.user_id, "dexcom")

    assert str(nobody.value) == "error finding patient: patient not found"
    assert str(no_source.value) == "patient not found"
    assert await world.patient(patient) == patient


async def test_data_sources_are_replaced_in_all_clinics(world: World) -> None:
    """Nothing of the old ones stays, and none is merged or dropped (PAT-DS-1, PAT-DS-4)."""
    one, other = a_clinic(), a_clinic()
    old = (DataSource("dexcom", "pending", expiration_time=LATER),)
    own = [a_patient(clinic, user_id="u", data_sources=old) for clinic in (one, other)]
    stranger = a_patient(one, data_sources=old)
    await world.has(one, other, *own, stranger)
    new = 2 * (DataSource("dexcom", "connected", "5" * 24, LONG_AGO, None, LATER),)
    now = world.clock.advance()

    await world.app.patients.set_data_sources(UserId("u"), new)

    for patient in own:
        assert await world.patient(patient) == attrs.evolve(
            patient, data_sources=new, updated_time=now
        )
    assert await world.patient(stranger) == stranger


async def test_no_data_sources_are_an_empty_list(world: World) -> None:
    """Said to be none, they are none rather than never set (PAT-DS-3)."""
    clinic = a_clinic()
    patient = a_patient(clinic, data_sources=(DataSource("dexcom", "pending"),))
    await world.has(clinic, patient)

    await world.app.patients.set_data_sources(patient.user_id, ())

    assert (await world.patient(patient)).data_sources == ()


async def test_sources_of_who_is_nobodys_patient_are_nobodys(world: World) -> None:
    """A user without record is no error (PAT-DS-2)."""
    clinic = a_clinic()
    await world.has(clinic, patient := a_patient(clinic))

    await world.app.patients.set_data_sources(UserId("nobody"), ())

    assert await world.patients(clinic) == (patient,)
    assert await world.clinic(clinic) == clinic


async def test_a_patient_is_reminded(world: World) -> None:
    """As often as somebody wishes; nobody is not found (PAT-REM-1)."""
    clinic = a_clinic()
    patient = a_patient(clinic)
    await world.has(clinic, patient)
    remind = world.app.patients.send_upload_reminder
    for _ in range(2):
        now = world.clock.advance()

        reminded = await remind(clinic.id, patient.user_id, user("ann"))

        assert reminded == await world.patient(patient)
        assert reminded == attrs.evolve(patient, last_upload_reminder_time=now, updated_time=now)
    with pytest.raises(PatientNotFound):
        await remind(clinic.id, UserId("nobody"), user("ann"))
