"""How texts are compared."""

import re
import sys
import unicodedata
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clinic_domain.text import collation_key, folded, lowered

EVERY_CHARACTER: Final = "".join(
    chr(number)
    for number in range(sys.maxunicode + 1)
    if unicodedata.category(chr(number)) not in {"Cn", "Co", "Cs"}
)
OF_ANOTHER_CAPITAL: Final = {"\N{LATIN SMALL LETTER DOTLESS I}", "\N{LATIN SMALL LETTER KRA}"}
# Texts with case, marks, several scripts, punctuation and digits.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cn", "Co"]), max_size=12)
marks = st.sampled_from("\u0301\u0308\u0327\u030a")
ascii_letters = st.sampled_from("abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("main st", "MAIN ST"),
        ("Ärzte", "äRZTE"),
        ("ẞ", "ß"),
        ("\N{KELVIN SIGN}", "k"),
    ],
)
def test_names_that_differ_in_case_fold_to_one(one: str, other: str) -> None:
    """Every kind of capital agrees with its small letter (SITE-3)."""
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Straße", "STRASSE"), ("é", "e"), ("a b", "ab"), ("ﬁ", "fi")]
)
def test_folding_is_no_spelling(one: str, other: str) -> None:
    """One code point is never the same as two, nor as one with a mark (SITE-3)."""
    assert folded(one) != folded(other)


@pytest.mark.parametrize("same", [folded, lowered])
def test_every_character_becomes_one_that_stays(same: type[str]) -> None:
    """Folding and lowering go code point by code point, and twice is as good as once."""
    once = same(EVERY_CHARACTER)

    assert len(once) == len(EVERY_CHARACTER)
    assert same(once) == once


def test_every_capital_folds_as_its_small_letter() -> None:
    """There is one exception, whose capital is that of another letter (SITE-3)."""
    differing = {
        character
        for character in EVERY_CHARACTER
        for variant in (character.lower(), character.upper(), character.title())
        if len(variant) == 1 and folded(variant) != folded(character)
    }

    assert differing == {"\N{LATIN SMALL LETTER DOTLESS I}"}


def test_nothing_folds_to_an_unrelated_character() -> None:
    """Comparison that ignores case has its own tables in the standard library (SITE-3)."""
    changed = [character for character in EVERY_CHARACTER if folded(character) != character]
    unrelated = [
        character
        for character in changed
        if not re.fullmatch(re.escape(character), folded(character), re.IGNORECASE)
    ]

    assert len(changed) > 1000
    assert not unrelated


@given(texts)
def test_folding_does_not_ask_how_it_was_typed(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert folded(text) == "".join(map(folded, text))


def test_lowering_has_no_context() -> None:
    """A sigma at the end of a word is one like the others (TAG-3)."""
    assert lowered("ΟΔΟΣ") == "οδοσ"
    assert lowered("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}") == "i"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ABC-é1", "abc-E1"),
        ("Ångström", "angstrom"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("Œuvre", "oeuvre"),
        ("ﬁn", "FIN"),
        ("ᾠδή", "ωδη"),
        ("Ґалаґан", "галаган"),
        ("たなか", "タナカ"),
        ("ﾀﾅｶ", "たなか"),
        ("ちょう", "チヨウ"),
        ("שלום", "שלומ"),
    ],
)
def test_case_and_accents_do_not_count(one: str, other: str) -> None:
    """Numbers and names are found however their letters were typed (PAT-MRN-4)."""
    assert collation_key(one) == collation_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abcE1", "abc-E1"),
        (" abc", "abc"),
        ("a b", "ab"),
        ("a.b", "a-b"),
        ("abc", "abd"),
        ("", " "),
    ],
)
def test_spaces_and_punctuation_count(one: str, other: str) -> None:
    """A number without its hyphen is another number (PAT-MRN-4)."""
    assert collation_key(one) != collation_key(other)


@pytest.mark.parametrize(
    "names",
    [
        "Андрій Ґалаґан Ђорђе Єва Іван Їжак Јован Љиљана Петро Ћира Яна",
        "Bala Ɓala Dan Ɗan Hawai\N{MODIFIER LETTER TURNED COMMA}i Hawaiian Ida Kim Ƙarfe Zed",
        "Eva Ɛsi Femi Ŋgũgĩ Oto Ɔkra Pia",
        "Öst Þór Ωδή Яна שלום أحمد احمد باران پروین تارا",
    ],
)
def test_letters_of_their_own_stand_behind_those_that_they_look_like(names: str) -> None:
    """SORT-5."""
    assert sorted(names.split(), key=collation_key) == names.split()


@given(texts)
def test_no_case_changes_a_key(text: str) -> None:
    """Upper and lower case of a text are equal, where they are of one letter (PAT-MRN-4)."""
    assume(not set(text) & OF_ANOTHER_CAPITAL)

    assert collation_key(text.upper()) == collation_key(text)
    assert collation_key(text.lower()) == collation_key(text)


@given(texts, marks, st.integers(min_value=0, max_value=12))
def test_no_mark_changes_a_key(text: str, mark: str, position: int) -> None:
    """An accent more is no difference (PAT-MRN-4)."""
    marked = text[:position] + mark + text[position:]

    assert collation_key(marked) == collation_key(text)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@given(text=texts)
def test_how_marks_are_encoded_does_not_count(form: str, text: str) -> None:
    assert collation_key(unicodedata.normalize(form, text)) == collation_key(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("й", "и"),
        ("\N{LATIN SMALL LETTER DOTLESS I}", "i"),
        ("Ŧ", "T"),
        ("þ", "th"),
        ("\N{ACUTE ACCENT}", " "),
    ],
)
def test_letters_that_look_alike_may_be_others(one: str, other: str) -> None:
    """Some letters with a mark are letters of their own (PAT-MRN-4)."""
    assert collation_key(one) != collation_key(other)


def test_a_letter_of_its_own_stands_behind_the_one_that_it_looks_like() -> None:
    """The short i follows all words with i, as in a dictionary (PAT-LOC-1)."""
    assert sorted(["к", "Йод", "ия", "и"], key=collation_key) == ["и", "ия", "Йод", "к"]


@given(texts, st.sampled_from(" -_.,;:/()'\"&+<>=$%#@!?"), st.integers(min_value=0, max_value=12))
def test_another_sign_changes_a_key(text: str, sign: str, position: int) -> None:
    """Nothing of a text is left out but case and marks (PAT-MRN-4)."""
    longer = text[:position] + sign + text[position:]

    assert collation_key(longer) != collation_key(text)


def test_signs_come_before_digits_and_digits_before_letters() -> None:
    """Lists stand in the order of the collation (PAT-LOC-1)."""
    signs = "\t _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
    words = ["0z", "9a", "a", "a b", "a-b", "Áb", "abc", "Z"]
    in_order = ["", *(sign + "z" for sign in signs), *words]

    assert sorted(sorted(in_order), key=collation_key) == in_order


@given(st.lists(st.tuples(ascii_letters, ascii_letters).map("".join)))
def test_plain_words_stand_as_in_a_dictionary(words: list[str]) -> None:
    assert sorted(words, key=collation_key) == sorted(words)
    assert sorted(map(str.upper, words), key=collation_key) == sorted(map(str.upper, words))
