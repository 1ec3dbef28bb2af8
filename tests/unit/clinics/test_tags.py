"""Patient tags of a clinic."""

import asyncio
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.errors import (
    BlankName,
    ClinicNotFound,
    DuplicateTag,
    TagNotFound,
    TooManyTags,
)
from clinic_domain.clinics.model import Clinic, Tag
from clinic_domain.clinics.tags import (
    MAX_TAGS,
    tag_key,
    tag_name,
    with_renamed_tag,
    with_tag,
    without_tag,
)
from clinic_domain.testing.examples import a_clinic, a_patient, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import ClinicId, TagId
from support.world import HesitantStorage, World

LATER = A_MORNING + timedelta(minutes=1)
NOWHERE = ClinicId("f" * 24)

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]), max_size=20)
visible_names = names.filter(str.strip)
few_names = st.sampled_from(["Type 1", "type1", "TYPE  1", "Type 2", "Pump", "PUMP", "Ålesund"])


def tags_named(*names: str) -> tuple[Tag, ...]:
    return tuple(map(a_tag, names))


def many_tags() -> tuple[Tag, ...]:
    return tags_named(*(f"Tag {number}" for number in range(50)))


# Names


@pytest.mark.parametrize(
    ("typed", "name"),
    [("Type 2 ", "Type 2"), ("\u2003Pump\n", "Pump"), ("a  b", "a  b"), ("Loop", "Loop")],
)
def test_a_name_loses_the_white_space_around_it(typed: str, name: str) -> None:
    """What is inside stays (TAG-2)."""
    assert tag_name(typed) == name


@pytest.mark.parametrize("typed", ["", " ", "\t\n", "\u2003"])
def test_a_name_is_not_blank(typed: str) -> None:
    with pytest.raises(BlankName):
        tag_name(typed)


@given(visible_names)
def test_a_name_is_made_once(typed: str) -> None:
    assert tag_name(tag_name(typed)) == tag_name(typed)


@pytest.mark.parametrize("same", ["Type 1", "type1", "TYPE  1", " t y p e 1 "])
def test_spaces_and_case_make_no_other_tag(same: str) -> None:
    """Names are compared without their spaces and in lower case (TAG-3)."""
    assert tag_key(same) == tag_key("Type 1")


@pytest.mark.parametrize("other", ["Type\t1", "Type\u00a01", "Type-1", "Type 11", "Typé 1"])
def test_only_spaces_and_case_are_ignored(other: str) -> None:
    """Other white space, marks and signs tell names apart (TAG-3)."""
    assert tag_key(other) != tag_key("Type 1")


@given(names)
def test_the_key_of_a_key_is_itself(name: str) -> None:
    """Comparison is an equivalence (TAG-3)."""
    assert tag_key(tag_key(name)) == tag_key(name)
    assert tag_key(name.replace(" ", "  ")) == tag_key(name)


# Rules


def test_a_new_tag_comes_last() -> None:
    clinic = a_clinic(tags=tags_named("B"))
    tag = a_tag("A")

    changed = with_tag(clinic, tag, LATER)

    assert [own.name for own in changed.tags or ()] == ["B", "A"]
    assert changed.updated_time == LATER


@pytest.mark.parametrize("name", ["tYpE1", "Type 1", "T Y P E 1"])
def test_no_second_tag_of_a_name(name: str) -> None:
    """Names that differ in spaces and case alone clash (TAG-3)."""
    clinic = a_clinic(tags=tags_named("Type 1"))

    with pytest.raises(DuplicateTag) as refusal:
        with_tag(clinic, a_tag(name), LATER)

    assert str(refusal.value) == "duplicate patient tag"


def test_the_fiftieth_tag_is_the_last() -> None:
    """A clinic has fifty tags at most (TAG-4)."""
    clinic = a_clinic(tags=many_tags()[:49])
    full = with_tag(clinic, a_tag("the fiftieth"), LATER)

    assert len(full.tags or ()) == MAX_TAGS == 50
    with pytest.raises(TooManyTags) as refusal:
        with_tag(full, a_tag("one more"), LATER)
    assert str(refusal.value) == (
        "constraint violation: the clinic already has the maximum number of 50 patient tags"
    )


def test_a_full_clinic_is_not_asked_for_names() -> None:
    """With fifty tags even an existing name is one too many (TAG-4)."""
    with pytest.raises(TooManyTags):
        with_tag(a_clinic(tags=many_tags()), a_tag("Tag 0"), LATER)


def test_a_tag_may_change_its_case() -> None:
    """A tag does not clash with itself (TAG-5)."""
    tag = a_tag("Type 2")
    clinic = a_clinic(tags=(*tags_named("Type 1"), tag))

    changed = with_renamed_tag(clinic, Tag(tag.id, "TYPE 2"), LATER)

    assert [own.name for own in changed.tags or ()] == ["Type 1", "TYPE 2"]
    assert changed.updated_time == LATER


def test_a_full_clinic_may_rename() -> None:
    """Renaming makes no tag more (TAG-5)."""
    tags = many_tags()

    changed = with_renamed_tag(a_clinic(tags=tags), Tag(tags[7].id, "seven"), LATER)

    assert changed.tags == (*tags[:7], Tag(tags[7].id, "seven"), *tags[8:])


def test_a_tag_takes_no_other_name_that_is_taken() -> None:
    """Renaming asks for names like adding (TAG-5)."""
    tag = a_tag("Type 2")
    clinic = a_clinic(tags=(*tags_named("Type 1"), tag))

    with pytest.raises(DuplicateTag):
        with_renamed_tag(clinic, Tag(tag.id, "type 1"), LATER)


def test_names_are_compared_before_the_tag_is_looked_for() -> None:
    """An unknown tag with a taken name is refused for the name, with a free one as unknown."""
    clinic = a_clinic(tags=tags_named("Type 1"))

    with pytest.raises(DuplicateTag):
        with_renamed_tag(clinic, a_tag("type1"), LATER)
    with pytest.raises(TagNotFound) as refusal:
        with_renamed_tag(clinic, a_tag("free"), LATER)
    assert str(refusal.value) == "patient tag not found"


def test_a_deleted_tag_is_noted() -> None:
    """The clinic keeps which tag went last, for whoever takes it from the patients (TAG-7)."""
    gone, stays = tags_named("A", "B")

    changed = without_tag(a_clinic(tags=(gone, stays)), gone.id, LATER)

    assert changed.tags == (stays,)
    assert changed.last_deleted_tag == gone.id
    assert changed.updated_time == LATER


def test_an_unknown_tag_is_noted_as_well() -> None:
    """Deleting what the clinic does not have changes no tag but is noted (TAG-7)."""
    clinic = a_clinic(tags=tags_named("A"))
    unknown = TagId("e" * 24)

    changed = without_tag(clinic, unknown, LATER)

    assert changed == attrs.evolve(clinic, last_deleted_tag=unknown, updated_time=LATER)


def test_without_its_last_tag_a_clinic_has_an_empty_list() -> None:
    """No tags left is something else than never any (TAG-9)."""
    tag = a_tag()

    assert without_tag(a_clinic(tags=(tag,)), tag.id, LATER).tags == ()
    assert without_tag(a_clinic(), tag.id, LATER).tags is None


@given(st.lists(st.tuples(st.sampled_from(["add", "rename", "delete"]), few_names)))
def test_no_two_tags_ever_agree(steps: list[tuple[str, str]]) -> None:
    """Whatever happens to the tags of a clinic, their names stay apart (TAG-3, TAG-5)."""
    clinic = a_clinic()
    for step, name in steps:
        clinic = _after(step, name, clinic)

        keys = [tag.name.lower().replace(" ", "") for tag in clinic.tags or ()]
        assert len(set(keys)) == len(keys)


def _after(step: str, name: str, clinic: Clinic) -> Clinic:
    first = (clinic.tags or (a_tag("?"),))[0]
    try:
        if step == "add":
            return with_tag(clinic, a_tag(name), LATER)
        if step == "rename":
            return with_renamed_tag(clinic, Tag(first.id, name), LATER)
    except (DuplicateTag, TagNotFound):
        return clinic
    return without_tag(clinic, first.id, LATER)


# Use cases


async def test_a_clinic_gets_a_tag(world: World) -> None:
    """The answer names the tag, and the clinic keeps it trimmed (TAG-2)."""
    clinic = a_clinic()
    await world.has(clinic)
    now = world.clock.advance()

    tag = await world.app.tags.create(clinic.id, "Type 2 ")

    assert tag.name == "Type 2"
    assert (await world.clinic(clinic)).tags == (tag,)
    assert (await world.clinic(clinic)).updated_time == now


async def test_what_is_refused_leaves_the_clinic_as_it_is(world: World) -> None:
    """The worked example of tags that clash (TAG-3, TAG-5)."""
    clinic = a_clinic()
    await world.has(clinic)
    tags = world.app.tags
    first, second = await tags.create(clinic.id, "Type 1"), await tags.create(clinic.id, "Type 2 ")
    before = await world.clinic(clinic)
    world.clock.advance()

    for refused in (
        tags.create(clinic.id, "tYpE1"),
        tags.rename(clinic.id, second.id, "type 1"),
    ):
        with pytest.raises(DuplicateTag):
            await refused
    assert await world.clinic(clinic) == before

    renamed = await tags.rename(clinic.id, second.id, "TYPE 2")
    assert (await world.clinic(clinic)).tags == (first, renamed)
    assert renamed == Tag(second.id, "TYPE 2")


async def test_blank_names_are_refused(world: World) -> None:
    clinic = a_clinic(tags=(tag := a_tag(),))
    await world.has(clinic)

    with pytest.raises(BlankName):
        await world.app.tags.create(clinic.id, " \t")
    with pytest.raises(BlankName):
        await world.app.tags.rename(clinic.id, tag.id, "")
    assert (await world.clinic(clinic)).tags == (tag,)


async def test_a_deleted_tag_dangles_on_patients(world: World) -> None:
    """Patients keep its id for a while, and nothing counts it any more (TAG-7, TAG-8)."""
    gone, stays = tags_named("gone", "stays")
    clinic = a_clinic(tags=(gone, stays))
    patient = a_patient(clinic, tags=(gone.id, stays.id))
    await world.has(clinic, patient)

    await world.app.tags.delete(clinic.id, gone.id)

    view = await world.app.clinics.get(clinic.id)
    assert await world.patient(patient) == patient
    assert view.clinic.last_deleted_tag == gone.id
    assert dict(view.tag_patients) == {stays.id: 1}


async def test_a_new_tag_of_an_old_name_has_no_patients(world: World) -> None:
    """Patients hold ids, so that the old ones do not come back with the name (TAG-8)."""
    gone = a_tag("Pump")
    clinic = a_clinic(tags=(gone,))
    await world.has(clinic, a_patient(clinic, tags=(gone.id,)))
    await world.app.tags.delete(clinic.id, gone.id)

    again = await world.app.tags.create(clinic.id, "Pump")

    assert again.id != gone.id
    assert (await world.app.clinics.get(clinic.id)).tag_patients[again.id] == 0


async def test_renaming_does_not_touch_patients(world: World) -> None:
    """Patients hold ids alone (PAT-TAG-2)."""
    tag = a_tag("old")
    clinic = a_clinic(tags=(tag,))
    patient = a_patient(clinic, tags=(tag.id,))
    await world.has(clinic, patient)
    world.clock.advance()

    await world.app.tags.rename(clinic.id, tag.id, "new")

    assert await world.patient(patient) == patient


async def test_tags_belong_to_a_clinic(world: World) -> None:
    for refused in (
        world.app.tags.create(NOWHERE, "Type 1"),
        world.app.tags.rename(NOWHERE, a_tag().id, "Type 1"),
        world.app.tags.delete(NOWHERE, a_tag().id),
        world.app.tags.convert_to_site(NOWHERE, a_tag().id),
    ):
        with pytest.raises(ClinicNotFound) as refusal:
            await refused
        assert str(refusal.value) == "clinic not found"


async def test_two_at_once_do_not_make_two_tags_of_a_name() -> None:
    """Checking and writing are one step, also where transactions overlap (TAG-6)."""
    world = World(storage=HesitantStorage())
    clinic = a_clinic(tags=many_tags()[:48])
    await world.has(clinic)

    attempts = [world.app.tags.create(clinic.id, name) for name in ("Pump", "PUMP", "Loop", "Pen")]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    stored = [tag.name for tag in (await world.clinic(clinic)).tags or ()]
    assert [type(outcome) for outcome in outcomes] == [Tag, DuplicateTag, Tag, TooManyTags]
    assert stored[48:] == ["Pump", "Loop"]
