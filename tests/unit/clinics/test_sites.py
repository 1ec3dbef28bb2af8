"""Sites of a clinic and of its patients."""

import asyncio
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.errors import (
    BlankName,
    ClinicNotFound,
    DuplicateSite,
    RenamedSiteClinicNotFound,
    RenamedSiteDuplicate,
    SiteMergedIntoItself,
    SiteNotFound,
    TargetSiteNotFound,
    TooManySites,
    UnknownSite,
)
from clinic_domain.clinics.model import CountedSite, Site
from clinic_domain.clinics.sites import (
    MAX_SITES,
    free_site_name,
    site_key,
    site_name,
    with_renamed_site,
    with_site,
    without_site,
)
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, at
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId
from support.world import HesitantStorage, World

LATER = A_MORNING + timedelta(minutes=1)
NOWHERE = ClinicId("f" * 24)

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]), max_size=20)
# Names that meet each other, numbered or not.
few_names = st.sampled_from(
    [
        "A",
        "a",
        "A (2)",
        "a (2)",
        "A (3)",
        "A (02)",
        "A (2) (2)",
        "A(2)",
        "A (x)",
        "(2)",
        " (2)",
        "B",
    ]
)


def many_sites() -> tuple[Site, ...]:
    return tuple(a_site(f"Site {number}") for number in range(50))


# Names


@pytest.mark.parametrize("typed", ["Main St", "Main St ", "№ 1"])
def test_a_name_stays_as_it_was_typed(typed: str) -> None:
    """Nothing is trimmed (SITE-2)."""
    assert site_name(typed) == typed


@pytest.mark.parametrize("typed", ["", " ", "   "])
def test_a_name_is_not_blank(typed: str) -> None:
    with pytest.raises(BlankName):
        site_name(typed)


def test_a_space_makes_another_name() -> None:
    """Names with and without a space at the end stand side by side (SITE-2)."""
    clinic = a_clinic(sites=(a_site("Main St"),))

    changed = with_site(clinic, a_site("Main St "), LATER)

    assert [site.name for site in changed.sites] == ["Main St", "Main St "]


@pytest.mark.parametrize(("one", "other"), [("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("main ST", "MAIN st")])
def test_case_makes_no_other_site(one: str, other: str) -> None:
    """Names clash whatever their case (SITE-3)."""
    clinic = a_clinic(sites=(a_site(one),))

    with pytest.raises(DuplicateSite) as refusal:
        with_site(clinic, a_site(other), LATER)

    assert str(refusal.value) == "duplicate site name"


@pytest.mark.parametrize(("one", "other"), [("Straße", "STRASSE"), ("Ulm", "Ülm"), ("A B", "AB")])
def test_only_case_is_ignored(one: str, other: str) -> None:
    """Spelling and spaces tell names apart (SITE-3)."""
    assert site_key(one) != site_key(other)


@given(names)
def test_the_key_of_a_key_is_itself(name: str) -> None:
    """Comparison is an equivalence (SITE-3)."""
    assert site_key(site_key(name)) == site_key(name)


# Rules


def test_a_new_site_comes_last() -> None:
    first, second = a_site("B"), a_site("A")

    changed = with_site(a_clinic(sites=(first,)), second, LATER)

    assert changed.sites == (first, second)
    assert changed.updated_time == LATER


def test_the_fiftieth_site_is_the_last() -> None:
    """A clinic has fifty sites at most (SITE-4)."""
    full = with_site(a_clinic(sites=many_sites()[:49]), a_site("the fiftieth"), LATER)

    assert len(full.sites) == MAX_SITES == 50
    with pytest.raises(TooManySites) as refusal:
        with_site(full, a_site("one more"), LATER)
    assert str(refusal.value) == (
        "constraint violation: the clinic already has the maximum number of 50 sites"
    )


def test_names_are_compared_before_sites_are_counted() -> None:
    """In a full clinic a taken name is refused as taken, unlike for tags (SITE-4)."""
    with pytest.raises(DuplicateSite):
        with_site(a_clinic(sites=many_sites()), a_site("site 0"), LATER)


@pytest.mark.parametrize("name", ["North", "NORTH"])
def test_a_site_keeps_its_own_name_in_any_case(name: str) -> None:
    """A site does not clash with itself (SITE-7)."""
    site, other = a_site("North"), a_site("South")

    changed = with_renamed_site(a_clinic(sites=(site, other)), Site(site.id, name), LATER)

    assert changed.sites == (Site(site.id, name), other)
    assert changed.updated_time == LATER


def test_a_site_takes_no_other_name_that_is_taken() -> None:
    """Renaming asks for names of the other sites (SITE-7)."""
    site = a_site("South")
    clinic = a_clinic(sites=(a_site("North"), site))

    with pytest.raises(RenamedSiteDuplicate) as refusal:
        with_renamed_site(clinic, Site(site.id, "north"), LATER)

    assert str(refusal.value) == "checking site constraints: duplicate site name"


def test_an_unknown_site_is_not_renamed() -> None:
    """The name is compared first (SITE-7)."""
    clinic = a_clinic(sites=(a_site("North"),))

    with pytest.raises(RenamedSiteDuplicate):
        with_renamed_site(clinic, a_site("NORTH"), LATER)
    with pytest.raises(UnknownSite) as refusal:
        with_renamed_site(clinic, a_site("free"), LATER)
    assert str(refusal.value) == ("constraint violation: the clinic has no site with that name")


def test_only_sites_of_the_clinic_are_removed() -> None:
    gone, stays = a_site("gone"), a_site("stays")
    clinic = a_clinic(sites=(gone, stays))

    assert without_site(clinic, gone.id, LATER) == attrs.evolve(
        clinic, sites=(stays,), updated_time=LATER
    )
    with pytest.raises(SiteNotFound) as refusal:
        without_site(clinic, a_site().id, LATER)
    assert str(refusal.value) == "site not found"


# Names of sites that are made of something else


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [
        ("A", [], "A"),
        ("A", ["A"], "A (2)"),
        ("A", ["a"], "A (2)"),
        ("A", ["A", "A (2)"], "A (3)"),
        ("A", ["A", "a (2)"], "A (3)"),
        ("A", ["A (2)"], "A"),
        ("B (9)", ["B (9)"], "B (10)"),
        ("B (007)", ["B (007)"], "B (8)"),
        ("A(2)", ["A(2)"], "A(2) (2)"),
        ("A (2) ", ["A (2) "], "A (2)  (2)"),
        ("A (٢)", ["A (٢)"], "A (٢) (2)"),
        ("A (2) (5)", ["A (2) (5)"], "A (2) (6)"),
        ("A ()", ["A ()"], "A () (2)"),
    ],
)
def test_a_taken_name_is_numbered(wanted: str, taken: list[str], name: str) -> None:
    """A number at the very end goes up, and where there is none it begins with two (CONV-1)."""
    assert free_site_name(wanted, taken) == name


@given(few_names | names, st.lists(few_names | names))
def test_a_free_name_is_free(wanted: str, taken: list[str]) -> None:
    """A name is found however many are taken, and a free one is left alone (CONV-1)."""
    name = free_site_name(wanted, taken)

    keys = {site_key(other) for other in taken}
    assert site_key(name) not in keys
    assert (name == wanted) == (site_key(wanted) not in keys)


@given(st.integers(min_value=0, max_value=60))
def test_numbers_are_given_without_a_gap(sites: int) -> None:
    """Sites of one wanted name are numbered one after another (CONV-1)."""
    taken: list[str] = []
    for _ in range(sites):
        taken.append(free_site_name("A", taken))

    assert taken == ["A", *(f"A ({number})" for number in range(2, sites + 1))][:sites]


# Use cases


async def test_a_clinic_gets_a_site(world: World) -> None:
    clinic = a_clinic()
    await world.has(clinic)
    now = world.clock.advance()

    site = await world.app.sites.create(clinic.id, "North")

    assert (await world.clinic(clinic)).sites == (site,)
    assert (await world.clinic(clinic)).updated_time == now


async def test_sites_belong_to_a_clinic(world: World) -> None:
    site, other = a_site(), a_site()
    for refused in (
        world.app.sites.create(NOWHERE, "North"),
        world.app.sites.delete(NOWHERE, site.id),
        world.app.sites.merge(NOWHERE, site.id, other.id),
    ):
        with pytest.raises(ClinicNotFound) as refusal:
            await refused
        assert str(refusal.value) == "clinic not found"
    with pytest.raises(RenamedSiteClinicNotFound) as refusal:
        await world.app.sites.rename(NOWHERE, site.id, "North")
    assert str(refusal.value) == "checking site constraints: clinic not found"


async def test_patients_follow_the_name_of_their_site(world: World) -> None:
    """A rename reaches all patients of the site, and no others (PAT-SITE-7)."""
    site, other = a_site("North"), a_site("South")
    clinic, elsewhere = a_clinic(sites=(site, other)), a_clinic(sites=(site,))
    here = a_patient(clinic, sites=at(other, site))
    untouched = (a_patient(clinic, sites=at(other)), a_patient(elsewhere, sites=at(site)))
    await world.has(clinic, elsewhere, here, *untouched)
    now = world.clock.advance()

    renamed = await world.app.sites.rename(clinic.id, site.id, "NORTH")

    assert renamed == CountedSite(Site(site.id, "NORTH"), patients=1)
    assert await world.patient(here) == attrs.evolve(
        here, sites=at(other, Site(site.id, "NORTH")), updated_time=now
    )
    assert [await world.patient(patient) for patient in untouched] == [*untouched]
    assert (await world.clinic(clinic)).updated_time == now


async def test_a_refused_rename_changes_nobody(world: World) -> None:
    """Clinic and patients change together or not at all (SITE-7, PAT-SITE-7)."""
    site = a_site("North")
    clinic = a_clinic(sites=(site, a_site("South")))
    patient = a_patient(clinic, sites=at(site))
    await world.has(clinic, patient)
    world.clock.advance()

    for name, error in (("south", RenamedSiteDuplicate), (" ", BlankName)):
        with pytest.raises(error):
            await world.app.sites.rename(clinic.id, site.id, name)

    assert await world.clinic(clinic) == clinic
    assert await world.patient(patient) == patient


async def test_a_deleted_site_leaves_its_patients(world: World) -> None:
    """Who had it loses it, and is empty rather than never set (PAT-SITE-8)."""
    gone, stays = a_site("gone"), a_site("stays")
    clinic = a_clinic(sites=(gone, stays))
    both, one = a_patient(clinic, sites=at(gone, stays)), a_patient(clinic, sites=at(gone))
    none = a_patient(clinic, sites=at(stays))
    await world.has(clinic, both, one, none)
    now = world.clock.advance()

    await world.app.sites.delete(clinic.id, gone.id)

    assert (await world.clinic(clinic)).sites == (stays,)
    assert await world.patient(both) == attrs.evolve(both, sites=at(stays), updated_time=now)
    assert await world.patient(one) == attrs.evolve(one, sites=(), updated_time=now)
    assert await world.patient(none) == none


async def test_an_unknown_site_is_not_deleted(world: World) -> None:
    """A patient who holds a site that the clinic lost keeps it (PAT-SITE-8)."""
    stray = a_site("stray")
    clinic = a_clinic()
    patient = a_patient(clinic, sites=at(stray))
    await world.has(clinic, patient)

    with pytest.raises(SiteNotFound):
        await world.app.sites.delete(clinic.id, stray.id)
    assert await world.patient(patient) == patient
    assert await world.clinic(clinic) == clinic


async def test_a_merge_moves_the_patients(world: World) -> None:
    """Nobody has the target twice, and the answer counts whom it has now (PAT-SITE-9)."""
    source, target = a_site("siteA"), a_site("siteB")
    clinic = a_clinic(sites=(source, target))
    first, second, both = (
        a_patient(clinic, sites=at(*sites)) for sites in ([source], [source], [source, target])
    )
    already = a_patient(clinic, sites=at(target))
    await world.has(clinic, first, second, both, already)
    now = world.clock.advance()

    merged = await world.app.sites.merge(clinic.id, source.id, target.id)

    assert merged == CountedSite(target, patients=4)
    assert (await world.clinic(clinic)).sites == (target,)
    assert {(await world.patient(patient)).sites for patient in (first, second, both)} == {
        at(target)
    }
    assert (await world.patient(both)).updated_time == now
    assert await world.patient(already) == already


async def test_a_site_is_not_merged_into_itself(world: World) -> None:
    """That is refused before anything is looked up (SITE-8)."""
    site = a_site()

    with pytest.raises(SiteMergedIntoItself) as refusal:
        await world.app.sites.merge(NOWHERE, site.id, site.id)

    assert str(refusal.value) == "can't merge a site into itself: bad request"


async def test_a_merge_of_unknown_sites_changes_nobody(world: World) -> None:
    """The target is looked for first, and a missing source leaves no patient moved."""
    site, stray = a_site("site"), a_site("stray")
    clinic = a_clinic(sites=(site,))
    patient = a_patient(clinic, sites=at(stray))
    await world.has(clinic, patient)
    world.clock.advance()

    with pytest.raises(TargetSiteNotFound) as no_target:
        await world.app.sites.merge(clinic.id, a_site().id, stray.id)
    with pytest.raises(SiteNotFound) as no_source:
        await world.app.sites.merge(clinic.id, stray.id, site.id)

    assert str(no_target.value) == "not found"
    assert str(no_source.value) == "site not found"
    assert await world.patient(patient) == patient
    assert await world.clinic(clinic) == clinic


async def test_patients_hold_names_and_no_counts(world: World) -> None:
    """What patients keep of a site is its id and its name (SITE-9)."""
    source, target = a_site("siteA"), a_site("siteB")
    clinic = a_clinic(sites=(source, target))
    patient = a_patient(clinic, sites=at(source))
    await world.has(clinic, patient)

    await world.app.sites.merge(clinic.id, source.id, target.id)

    held = (await world.patient(patient)).sites or ()
    assert [attrs.asdict(site) for site in held] == [{"id": target.id, "name": "siteB"}]


async def test_two_at_once_do_not_make_two_sites_of_a_name() -> None:
    """Checking and writing are one step, also where transactions overlap (SITE-3)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic(sites=many_sites()[:48])
    await world.has(clinic)

    attempts = [world.app.sites.create(clinic.id, name) for name in ("A", "a", "B", "C")]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Site, DuplicateSite, Site, TooManySites]
    assert [site.name for site in (await world.clinic(clinic)).sites[48:]] == ["A", "B"]
