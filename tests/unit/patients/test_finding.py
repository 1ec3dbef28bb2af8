"""Patients across clinics; case and accents of texts do not count (LIST-5)."""

from datetime import timedelta
from typing import Any

import pytest

from clinic_domain.clinics.errors import UnknownWorkspaceType
from clinic_domain.clinics.model import (
    ClinicQuery,
    EhrProcedureCodes,
    EhrSettings,
    ScheduledReports,
)
from clinic_domain.clinics.rules import workspace_query
from clinic_domain.patients.errors import WorkspaceTypeRequired
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import EVERYTHING, ClinicId, Page, UserId
from support.world import World, user

ANN = user("ann")
ONE, TWO, THREE = (ClinicId(digit * 24) for digit in "123")
STRANGE = ClinicId("9" * 24)


def connected(source_id: str, *, enabled: bool) -> EhrSettings:
    return EhrSettings(
        enabled=enabled,
        provider="redox",
        source_id=source_id,
        mrn_id_type="MRN",
        procedure_codes=EhrProcedureCodes(),
        scheduled_reports=ScheduledReports("14d", on_upload_enabled=False),
    )


@pytest.fixture
async def three_clinics(world: World) -> World:
    """Let Ann be a member of two clinics and a prescriber in a third, each with patients."""
    clinics = [
        a_clinic(id=ONE, ehr_settings=connected("north", enabled=True)),
        a_clinic(id=TWO, ehr_settings=connected("north", enabled=False)),
        a_clinic(id=THREE, ehr_settings=connected("north", enabled=True)),
        a_clinic(id=STRANGE),
    ]
    members = [
        a_clinician(ONE, user_id="ann", roles=("CLINIC_MEMBER",)),
        a_clinician(TWO, user_id="ann", roles=("CLINIC_ADMIN",)),
        a_clinician(THREE, user_id="ann", roles=("PRESCRIBER",)),
        a_clinician(STRANGE, user_id=None, invite_id="ann", roles=("CLINIC_ADMIN",)),
    ]
    await world.has(
        *clinics,
        *members,
        a_patient(ONE, full_name="bob", mrn="É-1", birth_date="2000-01-01"),
        a_patient(ONE, full_name="Ánn", mrn="2", birth_date="2000-01-01"),
        a_patient(TWO, full_name="Alice", mrn="e-1", birth_date="1999-09-09"),
        a_patient(THREE, full_name="Prescribed", mrn="E-1"),
        a_patient(STRANGE, full_name="Stranger", mrn="E-1"),
    )
    return world


async def names(world: World, **conditions: Any) -> list[str | None]:
    found = await world.app.patients.find(ANN, **({"page": EVERYTHING} | conditions))
    return [pair.patient.full_name for pair in found]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ["Alice", "Ánn", "bob"]),
        ({"mrn": "E-1"}, ["Alice", "bob"]),
        ({"mrn": "E1"}, []),
        ({"birth_date": "2000-01-01"}, ["Ánn", "bob"]),
        ({"birth_date": "2000-1-1"}, []),
        ({"mrn": "e-1", "birth_date": "2000-01-01"}, ["bob"]),
        ({"page": Page(offset=1, limit=1)}, ["Ánn"]),
        ({"page": Page(limit=2)}, ["Alice", "Ánn"]),
        ({"workspace_type": "anything"}, ["Alice", "Ánn", "bob"]),
        ({"workspace_id": TWO, "workspace_type": "clinicId"}, ["Alice"]),
        ({"workspace_id": THREE, "workspace_type": "clinicId"}, []),
        ({"workspace_id": STRANGE, "workspace_type": "clinicId"}, []),
        ({"workspace_id": "no id", "workspace_type": "clinicId"}, []),
        ({"workspace_id": "north", "workspace_type": "ehrSourceId"}, ["Alice", "Ánn", "bob"]),
        ({"workspace_id": "North", "workspace_type": "ehrSourceId"}, []),
        ({"workspace_id": "north", "workspace_type": "ehrSourceId", "mrn": "2"}, ["Ánn"]),
    ],
)
async def test_patients_of_ones_own_clinics_are_found(
    three_clinics: World, conditions: dict[str, Any], found: list[str]
) -> None:
    """
    Where the caller may read, by name, ignoring case and accents in what is asked for.

    PAT-FIND-1, PAT-FIND-3, PAT-FIND-4; a workspace is of clinics or of their sources (WS-1).
    """
    assert await names(three_clinics, **conditions) == found


async def test_a_workspace_has_a_type(three_clinics: World) -> None:
    """Only two types are known (PAT-FIND-2, WS-1)."""
    with pytest.raises(WorkspaceTypeRequired) as no_type:
        await names(three_clinics, workspace_id=ONE)
    for unknown in ("clinicid", "ehrSource"):
        with pytest.raises(UnknownWorkspaceType) as unknown_type:
            await names(three_clinics, workspace_id=ONE, workspace_type=unknown)
        assert str(unknown_type.value) == "bad request: unknown workspace identifier type"

    assert str(no_type.value) == "bad request: workspace id type is required"


@pytest.mark.parametrize(
    ("ids", "workspace", "query"),
    [
        ((ONE, TWO), (TWO, "clinicId"), ClinicQuery(ids=(TWO,))),
        ((ONE, TWO), (THREE, "clinicId"), ClinicQuery(ids=())),
        ((ONE,), ("s", "ehrSourceId"), ClinicQuery(ids=(ONE,), ehr_source_id="s")),
        ((), ("s", "ehrSourceId"), ClinicQuery(ids=(), ehr_source_id="s")),
    ],
)
def test_a_workspace_is_never_wider_than_ones_clinics(
    ids: tuple[ClinicId, ...], workspace: tuple[str, str], query: ClinicQuery
) -> None:
    """Whatever is asked for is looked for among the given clinics (WS-1)."""
    assert workspace_query(ids, *workspace) == query


@pytest.mark.parametrize("kind", ["", "clinic", "EHRSOURCEID"])
def test_other_workspaces_are_unknown(kind: str) -> None:
    """Also with no clinic to look in (WS-1)."""
    with pytest.raises(UnknownWorkspaceType):
        workspace_query((), ONE, kind)


async def test_who_belongs_to_no_clinic_finds_nobody(three_clinics: World) -> None:
    """That is no error (PAT-FIND-5)."""
    found = await three_clinics.app.patients.find(user("nobody"), page=EVERYTHING)

    assert found == ()


async def test_found_patients_come_with_their_clinic(three_clinics: World) -> None:
    """As it is shown, with its counts (PAT-FIND-5)."""
    tag = await three_clinics.app.tags.create(TWO, "Pump")
    await three_clinics.app.patients.assign_tag(TWO, tag.id, None)

    (pair,) = await three_clinics.app.patients.find(ANN, birth_date="1999-09-09", page=Page())

    assert pair.clinic == await three_clinics.app.clinics.get(TWO)
    assert dict(pair.clinic.tag_patients) == {tag.id: 1}
    assert pair.patient.tags == (tag.id,)


async def test_patients_of_a_clinic_that_is_gone_are_left_out(world: World) -> None:
    """Among those found, and among the clinics of a patient (PAT-FIND-7, PAT-LOC-2)."""
    clinic = a_clinic()
    here = a_patient(clinic, user_id="u", full_name="here")
    gone = a_patient(STRANGE, user_id="u", full_name="gone")
    await world.has(
        clinic, here, gone, a_clinician(clinic, user_id="ann"), a_clinician(STRANGE, user_id="ann")
    )

    assert await names(world) == ["here"]
    shown = await world.app.patients.clinics_of(UserId("u"), EVERYTHING)
    assert [pair.patient for pair in shown] == [here]


async def test_a_patient_sees_his_clinics(world: World) -> None:
    """One entry for each record, by the name that it has there (PAT-LOC-1)."""
    tag = a_tag()
    clinics = [a_clinic(tags=(tag,)) for _ in range(4)]
    called = zip(clinics, ["b", "Á", None, "C"], strict=True)
    patients = [a_patient(clinic, user_id="u", full_name=name) for clinic, name in called]
    await world.has(*clinics, *patients, a_patient(clinics[0], tags=(tag.id,)))
    clinics_of = world.app.patients.clinics_of

    shown = await clinics_of(UserId("u"), EVERYTHING)

    expected = [patients[number] for number in (2, 1, 0, 3)]
    assert [pair.patient for pair in shown] == expected
    assert [pair.clinic.clinic.id for pair in shown] == [one.clinic_id for one in expected]
    assert dict(shown[2].clinic.tag_patients) == {tag.id: 1}
    assert await clinics_of(UserId("u"), Page(offset=1, limit=2)) == shown[1:3]
    assert await clinics_of(UserId("nobody"), Page()) == ()


async def test_a_page_has_ten_unless_said_otherwise(world: World) -> None:
    """Of everything that is listed in pages (PAGE-1, PAT-LOC-1)."""
    clinics = [a_clinic() for _ in range(12)]
    await world.has(*clinics, *(a_patient(clinic, user_id="u") for clinic in clinics))

    shown = await world.app.patients.clinics_of(UserId("u"), Page())

    assert len(shown) == 10
    assert Page() == Page(offset=0, limit=10)


async def test_a_caller_with_very_many_clinics_searches_the_newest(world: World) -> None:
    """A thousand memberships are looked at (PAT-FIND-1)."""
    old, new = a_clinic(id=ONE), a_clinic(id=TWO)
    others = [
        a_clinician(
            ClinicId(f"{number:024}"),
            user_id="ann",
            created_time=A_MORNING + timedelta(milliseconds=1),
        )
        for number in range(999)
    ]
    await world.has(
        old,
        new,
        a_clinician(old, user_id="ann"),
        a_clinician(new, user_id="ann", created_time=A_MORNING + timedelta(milliseconds=2)),
        *others,
        a_patient(old, full_name="old"),
        a_patient(new, full_name="new"),
    )

    assert await names(world) == ["new"]
