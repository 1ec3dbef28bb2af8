"""How many patients a clinic has, and when it counts them."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.model import PatientCount, ProviderCount
from clinic_domain.patients.model import (
    ALL_PERMISSIONS,
    DataSource,
    JoiningDetails,
    Patient,
    PatientDetails,
    Permission,
    Tally,
)
from clinic_domain.patients.rules import is_outside_plan, patient_count, tally_of
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.values import ClinicId, UserId
from support.world import SERVER, World, user

CLINIC: Final = ClinicId("c" * 24)
DEMO: Final = UserId("demo")
DETAILS: Final = PatientDetails("Alice Example", "1984-02-29")
DEXCOM, TWIIST = DataSource("dexcom", "connected"), DataSource("twiist", "error")

sources = st.builds(
    DataSource,
    provider_name=st.sampled_from(["dexcom", "twiist", "abbott", "else"]),
    state=st.sampled_from(["connected", "pending", "strange"]),
)
patients = st.builds(
    lambda sources: a_patient(CLINIC, data_sources=sources),
    st.none() | st.lists(sources, max_size=3).map(tuple),
)


def recounted(patients: list[Patient], demo: Patient | None) -> PatientCount:
    """Count as a reader of the definition would, one question at a time."""
    others = [patient for patient in patients if patient is not demo]
    entries = Counter(
        (source.provider_name, source.state)
        for patient in others
        for source in patient.data_sources or ()
    )
    names = {source.provider_name for patient in others for source in patient.data_sources or ()}
    return PatientCount(
        total=len(patients),
        demo=len(patients) - len(others),
        plan=sum(
            "twiist" not in [source.provider_name for source in patient.data_sources or ()]
            for patient in others
        ),
        providers={
            name: ProviderCount(
                sum(number for (provider, _), number in entries.items() if provider == name),
                {
                    state: number
                    for (provider, state), number in entries.items()
                    if provider == name
                },
            )
            for name in names
        },
    )


# Rules


@given(st.lists(patients), st.integers(min_value=-1, max_value=9))
def test_counting_agrees_with_the_definition(patients: list[Patient], index: int) -> None:
    """
    Taking the demo patient off a tally is the same as not counting him (PC-2, PAT-CNT-1).

    What is counted is in COUNT-1, COUNT-2, COUNT-3, COUNT-4, COUNT-5 and COUNT-6.
    """
    demo = patients[index] if 0 <= index < len(patients) else None

    assert patient_count(tally_of(patients), demo) == recounted(patients, demo)


@given(st.lists(patients), st.lists(patients))
def test_tallies_add_up(one: list[Patient], other: list[Patient]) -> None:
    """A tally can be kept by adding and subtracting, patient by patient."""
    first, second, both = map(tally_of, (one, other, one + other))

    assert both == tally_of(other + one)
    assert both.total == first.total + second.total
    assert both.outside_plan == first.outside_plan + second.outside_plan
    for provider, count in both.providers.items():
        parts = [tally.providers.get(provider) for tally in (first, second)]
        assert count.total == sum(part.total for part in parts if part)
        assert count.total == sum(count.states.values())


def test_nobody_counts_for_nothing() -> None:
    assert tally_of([]) == Tally()
    assert patient_count(Tally(), None) == PatientCount()


def test_every_entry_counts_for_its_provider_and_the_patient_once() -> None:
    """Several entries of one provider are several, in whatever states (PC-2)."""
    twice = a_patient(CLINIC, data_sources=(DEXCOM, DEXCOM, DataSource("dexcom", "error"), TWIIST))

    assert tally_of([twice, a_patient(CLINIC)]) == Tally(
        total=2,
        outside_plan=1,
        providers={
            "dexcom": ProviderCount(3, {"connected": 2, "error": 1}),
            "twiist": ProviderCount(1, {"error": 1}),
        },
    )


@pytest.mark.parametrize("state", ["pending", "connected", "disconnected", "error", "strange"])
def test_one_provider_takes_its_patients_out_of_the_plan(state: str) -> None:
    """In whatever state it is (PC-2)."""
    assert is_outside_plan([DEXCOM, DataSource("twiist", state)])
    assert not is_outside_plan([DataSource("dexcom", state), DataSource("Twiist", state)])
    assert not is_outside_plan([])


# When it is counted


Change = Callable[[World, ClinicId, UserId], Awaitable[object]]


def create(world: World, clinic: ClinicId, _: UserId) -> Awaitable[object]:
    return world.app.patients.create_custodial(clinic, DETAILS, SERVER)


def join(world: World, clinic: ClinicId, _: UserId) -> Awaitable[object]:
    world.users.add("newcomer")
    return world.app.patients.add_existing(clinic, UserId("newcomer"), JoiningDetails())


def update(world: World, clinic: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.patients.update(clinic, patient, DETAILS)


def delete(world: World, clinic: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.patients.delete(clinic, patient, user("ann"))


def forbid(world: World, clinic: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.patients.set_permissions(clinic, patient, frozenset())


def forbid_viewing(world: World, clinic: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.patients.remove_permission(clinic, patient, Permission.VIEW)


def connect(world: World, clinic: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.patients.request_connection(clinic, patient, "dexcom")


def change_sources(world: World, _: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.patients.set_data_sources(patient, (DEXCOM,))


def remove_everywhere(world: World, _: ClinicId, patient: UserId) -> Awaitable[object]:
    return world.app.accounts.remove_everywhere(patient, SERVER)


NOT_FOR_THE_DEMO_PATIENT: Final[list[Change]] = [update, connect, change_sources]
CHANGES: Final[list[Change]] = [
    *NOT_FOR_THE_DEMO_PATIENT,
    create,
    join,
    delete,
    forbid,
    forbid_viewing,
    remove_everywhere,
]


@pytest.mark.parametrize("change", CHANGES)
async def test_changes_of_patients_refresh_the_count(change: Change) -> None:
    """Afterwards the clinic keeps what a recount finds, and is newer (PC-4, PAT-CNT-2)."""
    world = World(demo_patient=DEMO)
    clinic = a_clinic()
    patient = a_patient(clinic, data_sources=(DEXCOM,))
    demo = a_patient(clinic, user_id=DEMO, data_sources=(TWIIST,))
    await world.has(clinic, patient, demo)
    now = world.clock.advance()

    await change(world, clinic.id, patient.user_id)

    stored = await world.clinic(clinic)
    current = list(await world.patients(clinic))
    own = next(one for one in current if one.user_id == DEMO)
    assert stored.patient_count == recounted(current, own)
    assert stored.updated_time == now


@pytest.mark.parametrize("change", NOT_FOR_THE_DEMO_PATIENT)
async def test_changes_of_the_demo_patient_do_not(change: Change) -> None:
    """He counts for nothing that they could change (PC-4, PAT-CNT-2, PAT-DEMO-2)."""
    world = World(demo_patient=DEMO)
    clinic = a_clinic()
    demo = a_patient(clinic, user_id=DEMO, data_sources=(DEXCOM, TWIIST))
    await world.has(clinic, demo)
    now = world.clock.advance()

    await change(world, clinic.id, DEMO)

    assert (await world.patient(demo)).updated_time == now
    assert await world.clinic(clinic) == clinic


async def test_a_deleted_demo_patient_is_counted_out() -> None:
    """He is a patient like others (PAT-DEMO-2)."""
    world = World(demo_patient=DEMO)
    clinic = a_clinic(patient_count=PatientCount(total=1, demo=1))
    await world.has(clinic, a_patient(clinic, user_id=DEMO))

    await world.app.patients.delete(clinic.id, DEMO, user("ann"))

    assert (await world.clinic(clinic)).patient_count == PatientCount()


async def test_a_refused_change_is_not_counted(world: World) -> None:
    """The count changes with the patients or not at all (PAT-CNT-2)."""
    clinic = a_clinic()
    patient = a_patient(clinic, user_id="held", permissions=ALL_PERMISSIONS)
    await world.has(clinic, patient)
    world.users.add("held")
    world.clock.advance()

    with pytest.raises(Exception, match="already a member"):
        await world.app.patients.add_existing(clinic.id, UserId("held"), JoiningDetails())

    assert await world.clinic(clinic) == clinic


async def test_data_sources_are_counted_in_every_clinic_of_the_user(world: World) -> None:
    """All his clinics keep the new count (PAT-DS-1, PAT-INT-1)."""
    clinics = [a_clinic() for _ in range(3)]
    await world.has(*clinics, *(a_patient(clinic, user_id="u") for clinic in clinics[:2]))
    now = world.clock.advance()

    await world.app.patients.set_data_sources(UserId("u"), (TWIIST,))

    count = PatientCount(1, 0, 0, {"twiist": ProviderCount(1, {"error": 1})})
    for clinic in clinics[:2]:
        assert await world.clinic(clinic) == attrs.evolve(
            clinic, patient_count=count, updated_time=now
        )
    assert await world.clinic(clinics[2]) == clinics[2]
