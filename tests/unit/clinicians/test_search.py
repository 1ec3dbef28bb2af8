"""What a search among clinicians finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinicians.search import parsed, ranked, score
from clinic_domain.testing.examples import a_clinician
from clinic_domain.values import ClinicId

CLINIC = ClinicId("c" * 24)

words = st.sampled_from(["ann", "bea", "cid", "dot", "example", "com"])
typed = st.text(st.sampled_from("ab \"-@.\t'*()\\") | st.characters(codec="utf-8"), max_size=20)


def called(name: str | None = None, email: str | None = None) -> Clinician:
    return a_clinician(CLINIC, name=name, email=email)


def names_found(text: str, *clinicians: Clinician) -> list[str | None]:
    return [clinician.name for clinician in ranked(clinicians, text)]


ANN = called("Ann Lee", "ann.lee@example.com")
BEA = called("Bea Lee-Smith", "bea@example.org")
CID = called("Cid", None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", ["Ann Lee"]),
        ("ANN", ["Ann Lee"]),
        ("lee", ["Ann Lee", "Bea Lee-Smith"]),
        ("smith", ["Bea Lee-Smith"]),
        ("org", ["Bea Lee-Smith"]),
        ("cid bea", ["Cid", "Bea Lee-Smith"]),
        ("ann.lee@example.com", ["Ann Lee", "Bea Lee-Smith"]),
        ("exam", []),
        ("nobody", []),
        ("", []),
        ("  ", []),
        ("@ .", []),
        ('"lee-smith"', ["Bea Lee-Smith"]),
        ('"ann lee"', ["Ann Lee"]),
        ('"lee ann"', []),
        ('cid "ann lee"', ["Ann Lee"]),
        ("lee -ann", ["Bea Lee-Smith"]),
        ("lee -org", ["Ann Lee"]),
        ("-ann", []),
        ("lee-smith", ["Bea Lee-Smith", "Ann Lee"]),
        ('"ann', ["Ann Lee"]),
        ('""', []),
    ],
)
def test_words_are_found_in_names_and_addresses(text: str, found: list[str]) -> None:
    """Whole words in any case, any of them; a phrase must occur, a word after a hyphen may not."""
    assert sorted(names_found(text, ANN, BEA, CID), key=str) == sorted(found)


def test_more_matches_come_first() -> None:
    """A full address finds its owner before those who share the domain."""
    colleagues = [called(f"Colleague {number}", f"c{number}@example.com") for number in range(3)]

    found = names_found("ann.lee@example.com", *colleagues, ANN)

    assert found == ["Ann Lee", "Colleague 0", "Colleague 1", "Colleague 2"]


def test_equal_matches_stay_in_their_order() -> None:
    same = [called(f"Lee {number}") for number in range(4)]

    assert ranked(same, "lee") == tuple(same)
    assert ranked(same[::-1], "lee") == tuple(same[::-1])


@given(typed, typed, typed)
def test_a_search_never_fails(text: str, name: str, email: str) -> None:
    """Whatever was typed, whatever people are called."""
    search = parsed(text)

    assert score(search, called(name, email)) >= 0
    assert not search.words & {""}
    assert set(search.phrases) <= {phrase for phrase in search.phrases if phrase}


@given(st.lists(words, min_size=1), words)
def test_a_word_more_finds_nobody_less(search: list[str], word: str) -> None:
    """Words are alternatives."""
    people = (ANN, BEA, CID, called("Dot", "dot@example.com"))

    fewer, more = (ranked(people, " ".join(text)) for text in (search, [*search, word]))

    assert set(fewer) <= set(more)


@given(st.lists(words), words)
def test_who_has_an_excluded_word_is_not_found(search: list[str], word: str) -> None:
    people = (ANN, BEA, CID, called("Dot", "dot@example.com"))

    found = ranked(people, " ".join([*search, f"-{word}"]))

    texts = [f"{one.name} {one.email}".lower().replace(".", " ").replace("@", " ") for one in found]
    assert not [text for text in texts if word in text.split()]


@given(st.permutations([ANN, BEA, CID]), words)
def test_a_search_finds_the_same_people_in_any_order(people: list[Clinician], word: str) -> None:
    assert set(ranked(people, word)) == set(ranked([ANN, BEA, CID], word))
