"""What a clinic has set: tier, notifications, restrictions, MRNs and health records."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from clinic_domain.clinicians.model import NewClinician
from clinic_domain.clinics.errors import ClinicNotFound, SettingsNotFound
from clinic_domain.clinics.model import (
    Clinic,
    EhrDestinations,
    EhrProcedureCodes,
    EhrSettings,
    EhrTags,
    MembershipRestriction,
    MrnSettings,
    PatientCountSettings,
    ScheduledReports,
    SuppressedNotifications,
)
from clinic_domain.clinics.settings import SettingsService
from clinic_domain.clinics.tiers import Tier, description_of, tier_of
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.values import ClinicId, UserId
from support.world import World

NOWHERE = ClinicId("f" * 24)
REPORTS = ScheduledReports("7d", on_upload_enabled=True, on_upload_note_event_type="Replace")
EHR = EhrSettings(
    enabled=True,
    provider="redox",
    source_id="source",
    mrn_id_type="EPI",
    procedure_codes=EhrProcedureCodes(create_account="123"),
    scheduled_reports=REPORTS,
    destination_ids=EhrDestinations("flow", "notes", "results"),
    tags=EhrTags(("a", "b"), ","),
)
RESTRICTIONS = (MembershipRestriction("b.org", "okta"), MembershipRestriction("a.com"))
SILENCE = SuppressedNotifications(patient_clinic_invitation=True)

setters: list[tuple[str, Callable[[SettingsService, ClinicId], Awaitable[object]], object]] = [
    ("tier", lambda settings, clinic: settings.set_tier(clinic, Tier.PREMIUM), Tier.PREMIUM),
    (
        "suppressed_notifications",
        lambda settings, clinic: settings.suppress_notifications(clinic, SILENCE),
        SILENCE,
    ),
    (
        "membership_restrictions",
        lambda settings, clinic: settings.restrict_membership(clinic, RESTRICTIONS),
        RESTRICTIONS,
    ),
    (
        "mrn_settings",
        lambda settings, clinic: settings.set_mrn_settings(clinic, MrnSettings(True, False)),
        MrnSettings(required=True, unique=False),
    ),
    ("ehr_settings", lambda settings, clinic: settings.set_ehr_settings(clinic, EHR), EHR),
    (
        "patient_count_settings",
        lambda settings, clinic: settings.set_patient_count_settings(
            clinic, PatientCountSettings()
        ),
        PatientCountSettings(),
    ),
]


@pytest.mark.parametrize(("field", "call", "value"), setters, ids=[setter[0] for setter in setters])
async def test_a_setting_is_replaced_and_nothing_else(
    world: World,
    field: str,
    call: Callable[[SettingsService, ClinicId], Awaitable[object]],
    value: object,
) -> None:
    """The clinic is newer afterwards, and as it was in all other respects."""
    clinic = a_clinic(admins=("a",), tier="tier0200")
    await world.has(clinic)
    now = world.clock.advance()

    await call(world.app.settings, clinic.id)

    changes: dict[str, Any] = {field: value, "updated_time": now}
    assert await world.clinic(clinic) == attrs.evolve(clinic, **changes)


@pytest.mark.parametrize(
    "call", [call for _, call, _ in setters], ids=[name for name, *_ in setters]
)
async def test_settings_belong_to_a_clinic(
    world: World, call: Callable[[SettingsService, ClinicId], Awaitable[object]]
) -> None:
    with pytest.raises(ClinicNotFound) as refusal:
        await call(world.app.settings, NOWHERE)

    assert str(refusal.value) == "clinic not found"


@pytest.mark.parametrize(
    ("stored", "tier", "description"),
    [
        (None, "tier0100", "Free"),
        ("", "tier0100", "Free"),
        ("tier0100", "tier0100", "Free"),
        ("tier0200", "tier0200", "Standard"),
        ("tier0300", "tier0300", "Premium"),
        ("tier0400", "tier0400", "Enterprise"),
        ("tier9900", "tier9900", ""),
    ],
)
def test_a_tier_has_a_description(stored: str | None, tier: str, description: str) -> None:
    """No tier is the free one, and an unknown one is shown without a description (CLINIC-2)."""
    clinic = a_clinic(tier=stored)

    assert tier_of(clinic) == tier
    assert description_of(tier_of(clinic)) == description
    assert clinic.tier == stored


@pytest.mark.parametrize(
    "suppressed",
    [SuppressedNotifications(), SuppressedNotifications(False), SuppressedNotifications(True)],
)
async def test_suppressed_notifications_are_replaced_as_a_whole(
    world: World, suppressed: SuppressedNotifications
) -> None:
    """Nothing said is kept as nothing said, not as what was said before."""
    clinic = a_clinic(suppressed_notifications=SILENCE)
    await world.has(clinic)

    await world.app.settings.suppress_notifications(clinic.id, suppressed)

    assert (await world.clinic(clinic)).suppressed_notifications == suppressed


async def test_restrictions_keep_their_order(world: World) -> None:
    """They are tried one after another, and none at all restricts nobody."""
    clinic = a_clinic()
    await world.has(clinic)
    settings = world.app.settings

    assert await settings.membership_restrictions(clinic.id) == ()
    assert await settings.restrict_membership(clinic.id, RESTRICTIONS) == RESTRICTIONS
    assert await settings.membership_restrictions(clinic.id) == RESTRICTIONS
    assert await settings.restrict_membership(clinic.id, ()) == ()


async def test_who_adds_a_clinician_is_not_restricted(world: World) -> None:
    """Restrictions are for people who join, not for backend services (MEMB-2)."""
    clinic = a_clinic(admins=("a",), membership_restrictions=RESTRICTIONS)
    await world.has(clinic)
    outsider = NewClinician("x@elsewhere.net", ("CLINIC_MEMBER",), user_id=UserId("x"))

    added = await world.app.clinicians.create(clinic.id, outsider)

    assert added in await world.clinicians(clinic)


async def test_settings_that_were_never_set_are_not_found(world: World) -> None:
    clinic = a_clinic()
    await world.has(clinic)
    settings = world.app.settings

    for read in (settings.mrn_settings, settings.ehr_settings):
        with pytest.raises(SettingsNotFound) as never:
            await read(clinic.id)
        with pytest.raises(ClinicNotFound) as nowhere:
            await read(NOWHERE)

        assert (str(never.value), str(nowhere.value)) == ("not found", "clinic not found")


async def test_mrn_settings_leave_existing_patients_alone(world: World) -> None:
    """They hold from the next change of a patient on (MRN-1, PAT-MRN-5)."""
    clinic = a_clinic()
    patient = a_patient(clinic, mrn=None)
    await world.has(clinic, patient)
    demanding = MrnSettings(required=True, unique=True)

    assert await world.app.settings.set_mrn_settings(clinic.id, demanding) == demanding
    assert await world.app.settings.mrn_settings(clinic.id) == demanding
    assert await world.patient(patient) == patient


async def test_a_note_type_is_kept_where_reports_follow_uploads(world: World) -> None:
    """Without reports on upload there are no notes whose type could matter."""
    clinic = a_clinic()
    await world.has(clinic)
    silent = attrs.evolve(EHR, scheduled_reports=attrs.evolve(REPORTS, on_upload_enabled=False))

    assert await world.app.settings.set_ehr_settings(clinic.id, EHR) == EHR
    kept = await world.app.settings.set_ehr_settings(clinic.id, silent)

    assert kept.scheduled_reports == ScheduledReports("7d", on_upload_enabled=False)
    assert await world.app.settings.ehr_settings(clinic.id) == kept


async def test_several_clinics_may_have_one_source(world: World) -> None:
    """Nothing keeps two clinics from naming the same source of their health records."""
    one, other = a_clinic(ehr_settings=EHR), a_clinic()
    await world.has(one, other)

    await world.app.settings.set_ehr_settings(other.id, EHR)

    stored: list[Clinic] = [await world.clinic(one), await world.clinic(other)]
    assert [clinic.ehr_settings for clinic in stored] == [EHR, EHR]
