"""How many patients a clinic may have: settings, the count, the limit."""

import asyncio
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.errors import (
    ClinicNotFound,
    InvalidPatientCountSettings,
    PatientCountExceeded,
)
from clinic_domain.clinics.model import (
    ClinicDetails,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    ProviderCount,
)
from clinic_domain.clinics.rules import applicable_patient_count_settings, refuse_beyond_plan
from clinic_domain.patients.model import ALL_PERMISSIONS, DataSource, JoiningDetails, PatientDetails
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, UserId
from support.world import SERVER, HesitantStorage, World, user

NOWHERE = ClinicId("f" * 24)
A_DAY = timedelta(days=1)
A_MOMENT = timedelta(milliseconds=1)
LIMITED = PatientCountSettings(PatientCountLimit(3), PatientCountLimit(2))
UNLIMITED = PatientCountSettings()
ALICE = PatientDetails("Alice Example", "1984-02-29")


# Which settings apply


@pytest.mark.parametrize(
    ("country", "tier", "settings"),
    [
        (None, None, LIMITED),
        ("", "", LIMITED),
        ("US", "tier0100", LIMITED),
        ("us", None, UNLIMITED),
        ("USA", None, UNLIMITED),
        ("CA", None, UNLIMITED),
        ("US", "tier0200", UNLIMITED),
        ("US", "tier9900", UNLIMITED),
    ],
)
def test_limits_are_for_clinics_in_the_us_that_pay_nothing(
    country: str | None, tier: str | None, settings: PatientCountSettings
) -> None:
    """Elsewhere and on other tiers there is no limit, whatever is stored (PCS-1, PAT-LIM-2)."""
    clinic = a_clinic(
        details=ClinicDetails(country=country), tier=tier, patient_count_settings=LIMITED
    )

    assert applicable_patient_count_settings(clinic) == settings


def test_a_clinic_without_settings_has_no_limit() -> None:
    """Nothing stored is no limit (PCS-1)."""
    assert applicable_patient_count_settings(a_clinic()) == UNLIMITED


async def test_settings_are_stored_also_where_they_do_not_apply(world: World) -> None:
    """The answer is what applies, and that changes with the country (PCS-1, UPD-3)."""
    clinic = a_clinic(details=ClinicDetails(name="n", country="CA"))
    await world.has(clinic)
    settings = world.app.settings

    assert await settings.set_patient_count_settings(clinic.id, LIMITED) == UNLIMITED
    assert await settings.patient_count_settings(clinic.id) == UNLIMITED
    await world.app.clinics.update(clinic.id, ClinicDetails(name="n", country="US"))
    assert await settings.patient_count_settings(clinic.id) == LIMITED
    assert await settings.set_patient_count_settings(clinic.id, UNLIMITED) == UNLIMITED


@pytest.mark.parametrize("which", ["hard_limit", "soft_limit"])
async def test_a_limit_does_not_end_before_it_starts(world: World, which: str) -> None:
    """It may end the moment it starts, and then is stored as it is."""
    clinic = a_clinic(patient_count_settings=LIMITED)
    await world.has(clinic)
    world.clock.advance()
    settings, moment = world.app.settings, A_MORNING
    reversed_ = PatientCountSettings(**{which: PatientCountLimit(1, moment, moment - A_MOMENT)})
    point = PatientCountSettings(**{which: PatientCountLimit(1, moment, moment)})

    with pytest.raises(InvalidPatientCountSettings) as refusal:
        await settings.set_patient_count_settings(clinic.id, reversed_)
    assert str(refusal.value) == "bad request"
    assert await world.clinic(clinic) == clinic
    assert await settings.set_patient_count_settings(clinic.id, point) == point


async def test_limits_of_an_unknown_clinic_are_not_found(world: World) -> None:
    with pytest.raises(ClinicNotFound):
        await world.app.settings.patient_count_settings(NOWHERE)


# The count


async def test_a_kept_count_is_not_counted_again(world: World) -> None:
    """What the clinic keeps is shown until somebody refreshes it (PC-1)."""
    kept = PatientCount(total=9, plan=9)
    clinic = a_clinic(patient_count=kept)
    await world.has(clinic, a_patient(clinic))

    assert await world.app.patient_counts.get(clinic.id) == kept


async def test_a_clinic_that_keeps_no_count_is_counted(world: World) -> None:
    """A count that was never made is made for whoever asks (PC-1)."""
    clinic = a_clinic()
    await world.has(clinic, a_patient(clinic), a_patient(clinic))

    assert await world.app.patient_counts.get(clinic.id) == PatientCount(total=2, plan=2)


async def test_the_count_of_a_clinic_with_demo_patient_and_devices() -> None:
    """The worked example: one who counts, one on a provider outside of plans (PC-2)."""
    world = World(demo_patient=UserId("demo"))
    clinic = a_clinic()
    sources = (DataSource("twiist", "connected"), DataSource("dexcom", "pending"))
    await world.has(
        clinic,
        a_patient(clinic, user_id="demo", data_sources=(DataSource("dexcom", "connected"),)),
        a_patient(clinic),
        a_patient(clinic, data_sources=sources),
    )
    now = world.clock.advance()

    await world.app.patient_counts.refresh(clinic.id)

    count = PatientCount(
        total=3,
        demo=1,
        plan=1,
        providers={
            "dexcom": ProviderCount(1, {"pending": 1}),
            "twiist": ProviderCount(1, {"connected": 1}),
        },
    )
    assert await world.clinic(clinic) == attrs.evolve(clinic, patient_count=count, updated_time=now)


async def test_an_unknown_clinic_has_no_count(world: World) -> None:
    """Neither is it shown nor refreshed (PC-3)."""
    for call in (world.app.patient_counts.get, world.app.patient_counts.refresh):
        with pytest.raises(ClinicNotFound):
            await call(NOWHERE)


# The limit


@pytest.mark.parametrize(
    ("limit", "plan", "refused"),
    [
        (None, 1000, False),
        (PatientCountLimit(3), 2, False),
        (PatientCountLimit(3), 3, True),
        (PatientCountLimit(3), 4, True),
        (PatientCountLimit(0), 0, True),
        (PatientCountLimit(3, start_date=A_MORNING), 3, True),
        (PatientCountLimit(3, start_date=A_MORNING + A_MOMENT), 3, False),
        (PatientCountLimit(3, end_date=A_MORNING), 3, True),
        (PatientCountLimit(3, end_date=A_MORNING - A_MOMENT), 3, False),
        (PatientCountLimit(3, A_MORNING - A_DAY, A_MORNING + A_DAY), 3, True),
    ],
)
def test_a_limit_holds_within_its_dates(
    limit: PatientCountLimit | None, plan: int, *, refused: bool
) -> None:
    """Who is refused is refused for payment (PCL-2, PCL-3, PCL-4, PAT-LIM-3, PAT-LIM-4)."""
    clinic = a_clinic(patient_count_settings=PatientCountSettings(hard_limit=limit))
    count = PatientCount(total=plan, plan=plan)

    if refused:
        with pytest.raises(PatientCountExceeded) as refusal:
            refuse_beyond_plan(clinic, count, A_MORNING)
        assert str(refusal.value) == "payment required: patient count exceeds limit"
    else:
        refuse_beyond_plan(clinic, count, A_MORNING)


@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from([None, "CA"]), st.booleans())
def test_the_limit_is_where_the_plan_is_reached(
    plan: int, count: int, country: str | None, is_soft: bool
) -> None:
    """The soft limit refuses nobody (PCL-4, PCL-5)."""
    limits = PatientCountSettings(
        **{"soft_limit" if is_soft else "hard_limit": PatientCountLimit(plan)}
    )
    clinic = a_clinic(details=ClinicDetails(country=country), patient_count_settings=limits)
    refused = False
    try:
        refuse_beyond_plan(clinic, PatientCount(plan=count), A_MORNING)
    except PatientCountExceeded:
        refused = True

    assert refused == (count >= plan and country is None and not is_soft)


async def test_the_last_patient_of_a_plan_is_welcome(world: World) -> None:
    """One more is not, until the clinic pays for another tier (PCL-4, PAT-LIM-4)."""
    clinic = a_clinic(patient_count_settings=LIMITED)
    await world.has(clinic, a_patient(clinic), a_patient(clinic))
    patients, by = world.app.patients, user("alice")

    await patients.create_custodial(clinic.id, ALICE, by)
    assert (await world.clinic(clinic)).patient_count == PatientCount(total=3, plan=3)
    with pytest.raises(PatientCountExceeded):
        await patients.create_custodial(clinic.id, ALICE, by)
    assert len(await world.patients(clinic)) == 3
    assert len(world.users.accounts) == 1

    await world.app.clinics.update(clinic.id, ClinicDetails(name="n", country="CA"))
    await patients.create_custodial(clinic.id, ALICE, by)
    assert len(await world.patients(clinic)) == 4


async def test_only_custodial_patients_are_limited(world: World) -> None:
    """Who brings his own account is welcome, unless the clinic shall hold it (PCL-1, PAT-LIM-1)."""
    clinic = a_clinic(patient_count_settings=PatientCountSettings(PatientCountLimit(0)))
    await world.has(clinic)
    for name in ("own", "held"):
        world.users.add(name)

    await world.app.patients.add_existing(clinic.id, UserId("own"), JoiningDetails())
    with pytest.raises(PatientCountExceeded):
        await world.app.patients.add_existing(
            clinic.id, UserId("held"), JoiningDetails(permissions=ALL_PERMISSIONS)
        )
    assert [patient.user_id for patient in await world.patients(clinic)] == ["own"]


async def test_the_kept_count_decides(world: World) -> None:
    """The limit looks at what the clinic keeps, and counts only where it keeps none (PAT-LIM-4)."""
    settings = PatientCountSettings(PatientCountLimit(1))
    behind = a_clinic(patient_count_settings=settings, patient_count=PatientCount())
    never = a_clinic(patient_count_settings=settings)
    await world.has(behind, never, a_patient(behind), a_patient(never))

    await world.app.patients.create_custodial(behind.id, ALICE, SERVER)
    with pytest.raises(PatientCountExceeded):
        await world.app.patients.create_custodial(never.id, ALICE, SERVER)

    assert (await world.clinic(behind)).patient_count == PatientCount(total=2, plan=2)


async def test_two_at_once_do_not_pass_the_limit() -> None:
    """The limit and the record are one step, also where transactions overlap (PCL-6, PAT-LIM-5)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic(patient_count_settings=LIMITED, patient_count=PatientCount())
    await world.has(clinic)

    outcomes = await asyncio.gather(
        *(world.app.patients.create_custodial(clinic.id, ALICE, SERVER) for _ in range(5)),
        return_exceptions=True,
    )

    refusals = [outcome for outcome in outcomes if isinstance(outcome, PatientCountExceeded)]
    assert len(refusals) == 2
    assert len(await world.patients(clinic)) == 3
    assert (await world.clinic(clinic)).patient_count == PatientCount(total=3, plan=3)
