"""What a search among clinicians finds: words, anywhere in names and addresses."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

import attrs

from clinic_domain.clinicians.model import Clinician
from clinic_domain.text import folded

_PART: Final = re.compile(r'(?P<without>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<words>[^\s"]+))')
_WORD: Final = re.compile(r"\w+")


@attrs.frozen
class Search:
    """
    A search as it is meant.

    Any of the words suffices, every phrase must occur, no excluded word may. Words match whole and
    ignoring case; white space and punctuation separate them.
    """

    words: frozenset[str]
    phrases: tuple[str, ...]
    excluded: frozenset[str]


def parsed(text: str) -> Search:
    """
    Return what somebody who typed *text* looks for.

    A hyphen before a word excludes it, quotes make a phrase.
    """
    words: set[str] = set()
    excluded: set[str] = set()
    phrases: list[str] = []
    for part in _PART.finditer(folded(text)):
        phrase = part["phrase"]
        found = _WORD.findall(phrase if phrase is not None else part["words"])
        if part["without"]:
            excluded.update(found)
            continue
        words.update(found)
        if phrase:
            phrases.append(phrase)
    return Search(frozenset(words), tuple(phrases), frozenset(excluded))


def score(search: Search, clinician: Clinician) -> float:
    """Return how well a clinician matches: 0 for not at all, more for more of the words."""
    fields = [folded(text) for text in (clinician.name, clinician.email) if text]
    counts = [Counter(_WORD.findall(field)) for field in fields]
    if any(word in count for word in search.excluded for count in counts):
        return 0.0
    if not all(any(phrase in field for field in fields) for phrase in search.phrases):
        return 0.0
    return sum(
        sum(count[word] for word in search.words) * (0.5 + 0.5 / count.total())
        for count in counts
        if count
    )


def ranked(clinicians: Iterable[Clinician], text: str) -> tuple[Clinician, ...]:
    """Return those of *clinicians* that match, best first; equal matches stay in their order."""
    search = parsed(text)
    scored = ((score(search, clinician), clinician) for clinician in clinicians)
    found = sorted(((s, c) for s, c in scored if s > 0), key=lambda pair: -pair[0])
    return tuple(clinician for _, clinician in found)
