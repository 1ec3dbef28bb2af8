"""A tag that becomes a site."""

import attrs
import pytest

from clinic_domain.clinics.errors import NoRoomForConvertedSite, TagToConvertNotFound
from clinic_domain.clinics.model import CountedSite, Site
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, at
from support.world import World


async def test_patients_with_the_tag_get_the_site(world: World) -> None:
    """Site in, tag out, for the patients of this clinic alone (PAT-SITE-10)."""
    tag, other, site = a_tag("North"), a_tag("other"), a_site("South")
    clinic, elsewhere = a_clinic(tags=(tag, other), sites=(site,)), a_clinic(tags=(tag,))
    tagged = a_patient(clinic, tags=(tag.id, other.id), sites=at(site))
    only = a_patient(clinic, tags=(tag.id,))
    untouched = (a_patient(clinic, tags=(other.id,)), a_patient(elsewhere, tags=(tag.id,)))
    await world.has(clinic, elsewhere, tagged, only, *untouched)
    now = world.clock.advance()

    converted = await world.app.tags.convert_to_site(clinic.id, tag.id)

    new = converted.site
    assert converted == CountedSite(Site(new.id, "North"), patients=2)
    assert await world.patient(tagged) == attrs.evolve(
        tagged, tags=(other.id,), sites=at(site, new), updated_time=now
    )
    assert await world.patient(only) == attrs.evolve(only, tags=(), sites=at(new), updated_time=now)
    assert [await world.patient(patient) for patient in untouched] == [*untouched]


async def test_the_clinic_loses_the_tag_as_if_it_was_deleted(world: World) -> None:
    """The tag goes like any other, the last one leaving an empty list (TAG-7, TAG-9)."""
    tag = a_tag("North")
    clinic = a_clinic(tags=(tag,))
    await world.has(clinic)
    now = world.clock.advance()

    converted = await world.app.tags.convert_to_site(clinic.id, tag.id)

    assert converted.patients == 0
    assert await world.clinic(clinic) == attrs.evolve(
        clinic, tags=(), sites=(converted.site,), last_deleted_tag=tag.id, updated_time=now
    )


@pytest.mark.parametrize(
    ("sites", "name"),
    [
        ([], "A"),
        (["A"], "A (2)"),
        (["a"], "A (2)"),
        (["A", "A (2)"], "A (3)"),
        (["A (2)"], "A"),
    ],
)
async def test_the_site_gets_the_first_free_form_of_the_name(
    world: World, sites: list[str], name: str
) -> None:
    """A site of the name is in nobody's way (CONV-1)."""
    tag = a_tag("A")
    clinic = a_clinic(tags=(tag,), sites=tuple(map(a_site, sites)))
    await world.has(clinic)

    converted = await world.app.tags.convert_to_site(clinic.id, tag.id)

    assert converted.site.name == name


async def test_a_clinic_with_all_its_sites_converts_none(world: World) -> None:
    """The fifty-first site is refused, and the tag stays with its patients (CONV-2)."""
    tag = a_tag("A")
    clinic = a_clinic(tags=(tag,), sites=tuple(a_site(f"Site {number}") for number in range(50)))
    patient = a_patient(clinic, tags=(tag.id,))
    await world.has(clinic, patient)
    world.clock.advance()

    with pytest.raises(NoRoomForConvertedSite) as refusal:
        await world.app.tags.convert_to_site(clinic.id, tag.id)

    assert str(refusal.value) == "conflict"
    assert await world.clinic(clinic) == clinic
    assert await world.patient(patient) == patient


async def test_an_unknown_tag_is_not_converted(world: World) -> None:
    """A tag that only a patient still holds cannot become a site (TAG-8)."""
    stray = a_tag("stray")
    clinic = a_clinic(tags=(a_tag("A"),))
    patient = a_patient(clinic, tags=(stray.id,))
    await world.has(clinic, patient)

    with pytest.raises(TagToConvertNotFound) as refusal:
        await world.app.tags.convert_to_site(clinic.id, stray.id)

    assert str(refusal.value) == "unable to find patient tag: not found"
    assert await world.patient(patient) == patient
