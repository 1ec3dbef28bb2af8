"""Share codes."""

import asyncio
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinics.errors import DuplicateShareCode
from clinic_domain.clinics.model import (
    ClinicDetails,
    ClinicQuery,
    ClinicView,
    InvalidShareCode,
    ShareCode,
)
from clinic_domain.clinics.share_codes import ALPHABET, MAX_ATTEMPTS, share_code
from clinic_domain.errors import BadRequest, NotFound
from clinic_domain.testing.examples import a_clinic
from support.world import HesitantStorage, World, user

DETAILS = ClinicDetails(name="Saint Vitus", preferred_bg_units="mg/dL")
TAKEN = "TAKE-NTAK-ENTA"


@given(st.data())
def test_a_code_has_the_form_of_codes(data: st.DataObject) -> None:
    """Three groups of four characters that nobody mistakes for others (SHARE-1)."""

    def choice(characters: Sequence[str]) -> str:
        return data.draw(st.sampled_from(characters))

    code = share_code(choice)

    assert re.fullmatch("[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{4}(-[^-]{4}){2}", code.value)
    assert set(code.value) <= set("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-")
    assert str(code) == code.value


def test_every_character_is_drawn_on_its_own() -> None:
    """Twelve draws from the whole alphabet make a code (SHARE-1)."""
    drawn: list[str] = []

    def choice(characters: Sequence[str]) -> str:
        drawn.append("".join(characters))
        return characters[len(drawn)]

    code = share_code(choice)

    assert drawn == 12 * [ALPHABET]
    assert len(set(ALPHABET)) == 32
    assert code.value.replace("-", "") == ALPHABET[1:13]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ABCD-EFGH-JKL",
        "ABCD-EFGH-JKLMN",
        "ABCDEFGHJKLM",
        "abcd-efgh-jklm",
        "ABCD-EFGH-JKL0",
        "ABCD-EFGH-JKLI",
        "ABCD-EFGH-JKLO",
        "ABCD-EFGH-JKL1",
        "ABCD-EFGH-JKLM\n",
        "ABCD EFGH JKLM",
    ],
)
def test_other_texts_are_no_codes(text: str) -> None:
    """A code that does not look like one cannot be made (SHARE-1)."""
    with pytest.raises(InvalidShareCode) as refusal:
        ShareCode(text)

    assert isinstance(refusal.value, BadRequest)


async def test_any_code_of_a_clinic_finds_it(world: World) -> None:
    """Codes of clinics that were merged into it lead to it, and it shows its own (SHARE-2)."""
    own, old = ShareCode("AAAA-AAAA-AAAA"), ShareCode("BBBB-BBBB-BBBB")
    clinic = a_clinic(share_code=own, share_codes=(own, old))
    await world.has(clinic, a_clinic())

    for code in (own, old):
        assert (await world.app.clinics.get_by_share_code(code.value)).clinic == clinic
    found = await world.app.clinics.list(ClinicQuery(share_code=old.value))
    assert [view.clinic for view in found] == [clinic]


@pytest.mark.parametrize("code", ["CCCC-CCCC-CCCC", "aaaa-aaaa-aaaa", "", "no code"])
async def test_an_unknown_code_finds_nothing(world: World, code: str) -> None:
    """Codes are compared as they are, and the text says nothing of clinics (SHARE-2)."""
    await world.has(a_clinic(share_code=ShareCode("AAAA-AAAA-AAAA")))

    with pytest.raises(NotFound) as refusal:
        await world.app.clinics.get_by_share_code(code)

    assert str(refusal.value) == "not found"


async def test_a_taken_code_is_drawn_again(world: World) -> None:
    """Ninety-nine collisions are no reason to give up (SHARE-3)."""
    await world.has(a_clinic(share_code=ShareCode(TAKEN)))
    world.users.add("alice", "alice@example.com")
    world.share_codes.given.extend([*99 * [TAKEN], "FREE-FREE-6789"])

    view = await world.app.clinics.create(DETAILS, user("alice"))

    assert view.clinic.share_code == ShareCode("FREE-FREE-6789")
    assert view.clinic.share_codes == (view.clinic.share_code,)


async def test_after_a_hundred_collisions_there_is_no_clinic(world: World) -> None:
    """A hundred is where the attempts end, and nothing of them stays (SHARE-3)."""
    await world.has(a_clinic(share_code=ShareCode(TAKEN)))
    world.users.add("alice", "alice@example.com")
    world.share_codes.given.extend(MAX_ATTEMPTS * [TAKEN])

    with pytest.raises(DuplicateShareCode) as refusal:
        await world.app.clinics.create(DETAILS, user("alice"))

    assert str(refusal.value) == "duplicate share code"
    assert MAX_ATTEMPTS == 100
    assert len(await world.clinics()) == 1


async def test_no_two_clinics_share_a_code() -> None:
    """Two that draw one code at the same moment end with two codes (SHARE-3, SHARE-4)."""
    world = World(storage=HesitantStorage())
    world.users.add("alice", "alice@example.com")
    world.share_codes.given.extend(2 * ["SAME-SAME-SAME"])

    created = await asyncio.gather(
        *(world.app.clinics.create(DETAILS, user("alice")) for _ in range(2))
    )

    assert len({view.clinic.share_code for view in created}) == 2
    assert len(await world.clinics()) == 2


async def test_codes_of_a_closed_clinic_are_free(world: World) -> None:
    """They belong to whoever draws them next (DEL-5)."""
    closed = a_clinic(share_code=ShareCode(TAKEN), admins=("alice",))
    await world.has(closed)
    world.users.add("alice", "alice@example.com")
    await world.app.clinics.delete(closed.id, user("alice"))
    world.share_codes.given.extend(2 * [TAKEN])

    view: ClinicView = await world.app.clinics.create(DETAILS, user("alice"))

    assert view.clinic.share_code == ShareCode(TAKEN)
