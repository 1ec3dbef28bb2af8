"""How texts are compared: one place for every kind of "the same"."""

import unicodedata
from typing import Final

# Letters that Unicode does not take apart but that collation treats as a plain letter with a mark,
# or as several letters.
_PLAIN: Final = str.maketrans(
    {
        "æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d",
        "ħ": "h", "\u0131": "i", "ł": "l", "ŧ": "t", "ĸ": "q",
    }
)  # fmt: skip


def folded(text: str) -> str:
    """
    Return *text* without its case, code point by code point (SITE-3).

    Simple case folding: `Σίσυφος` and `ΣΊΣΥΦΟΣ` agree, `Straße` and `STRASSE` do not.
    """
    return "".join(map(_folded_character, text))


def _folded_character(character: str) -> str:
    for candidate in (character.casefold(), character.lower()):
        if len(candidate) == 1:
            return candidate
    return character


def lowered(text: str) -> str:
    """Return *text* in lower case, code point by code point (TAG-3)."""
    # Where a code point becomes several, the first is the one that it maps to on its own.
    return "".join(character.lower()[0] for character in text)


def collation_key(text: str) -> str:
    """
    Return a key that orders and equates texts as the collation {locale: en, strength: 1} does.

    Case and accents do not count, white space and punctuation do. Characters stand in the order
    white space, punctuation, symbols, digits, letters. Equal keys mean equal texts (PAT-MRN-4), the
    order of keys is that of lists (SORT-5).
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN)
    return "".join(map(_weight, unicodedata.normalize("NFKD", decomposed)))


def _weight(character: str) -> str:
    if character.isspace():
        return "0" + character
    category = unicodedata.category(character)
    return "" if category in _IGNORED else _GROUP.get(category[0], "4") + character


_IGNORED: Final = frozenset({"Mn", "Me", "Cc", "Cf", "Cs"})
_GROUP: Final = {"P": "1", "S": "2", "N": "3"}
