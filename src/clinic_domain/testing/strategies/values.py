"""Strategies for texts, times and ids."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from hypothesis import strategies as st

from clinic_domain.clinics.model import ShareCode
from clinic_domain.clinics.share_codes import ALPHABET
from clinic_domain.values import ClinicId, InviteId, RecordId, SiteId, TagId, UserId

T = TypeVar("T")

NASTY_TEXTS: Final = (
    "",
    " ",
    " leading and trailing ",
    "line\nbreaks\r\nand\ttabs",
    'O\'Brien "the" \\ back/slash',
    "%_*?[a-z]${x}{{y}}<b>&amp;",
    "null",
    "0",
    "1e3",
    "Zoë Ångström",
    "Zoe\u0308 A\u030angstro\u0308m",
    "Σίσυφος Иван Čeňka İı ß ẞ ﬁ",
    "עברית العربية \u200fRTL\u200e",
    "日本語 한국어",
    "𝒜𝓁𝒾𝒸𝑒 🩺 👩🏽‍⚕️ 🇩🇪",  # noqa: RUF001 - letters of four bytes are the point
    "\ufeff\u00a0\u2003\u3000\u200b",
)
"""Texts that storages are known to change on their way."""

PLAIN_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_ACCENTED_LETTERS: Final = "áàâäãåçéèêëíìîïñóòôöúùûüýÿčěňřšž"
LATIN_LETTERS: Final = (PLAIN_LETTERS + _ACCENTED_LETTERS) + (
    PLAIN_LETTERS + _ACCENTED_LETTERS
).upper()


# Texts


def texts(*, max_size: int = 20) -> st.SearchStrategy[str]:
    """Texts of any kind that a storage has to give back letter by letter; no NUL, no surrogates."""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.sampled_from(NASTY_TEXTS) | st.text(characters, max_size=max_size)


def latin_names(*, max_size: int = 8) -> st.SearchStrategy[str]:
    """Names whose order all collations agree on: Latin letters with and without accents, blanks."""
    return st.text(LATIN_LETTERS + " 09", max_size=max_size)


def spellings(text: str) -> st.SearchStrategy[str]:
    """Texts that differ from *text* in case, accents and Unicode normal form at most."""
    return st.builds(
        lambda written, base: written(base),
        st.sampled_from((str, str.upper, str.lower, str.swapcase, _taken_apart)),
        st.sampled_from((text, _without_accents(text))),
    )


def _taken_apart(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _without_accents(text: str) -> str:
    marked = _taken_apart(text)
    return "".join(character for character in marked if not unicodedata.combining(character))


# Times


def times(
    *,
    min_value: datetime = datetime(1970, 1, 1, tzinfo=UTC),
    max_value: datetime = datetime(2100, 1, 1, tzinfo=UTC),
) -> st.SearchStrategy[datetime]:
    """Times in UTC and whole milliseconds."""
    milliseconds = (max_value - min_value) // timedelta(milliseconds=1)
    return st.integers(0, milliseconds).map(lambda ms: min_value + timedelta(milliseconds=ms))


def spans_of_time() -> st.SearchStrategy[tuple[datetime, datetime]]:
    """Two times of which the second is no earlier."""
    return st.tuples(times(), times()).map(lambda pair: (min(pair), max(pair)))


# Ids


def hexadecimal_ids() -> st.SearchStrategy[str]:
    """Ids of the form that everything has which this service makes."""
    return st.integers(0, 16**24 - 1).map("{:024x}".format)


def clinic_ids() -> st.SearchStrategy[ClinicId]:
    """Ids of clinics."""
    return hexadecimal_ids().map(ClinicId)


def record_ids() -> st.SearchStrategy[RecordId]:
    """Ids of patient and clinician records."""
    return hexadecimal_ids().map(RecordId)


def tag_ids() -> st.SearchStrategy[TagId]:
    """Ids of tags."""
    return hexadecimal_ids().map(TagId)


def site_ids() -> st.SearchStrategy[SiteId]:
    """Ids of sites."""
    return hexadecimal_ids().map(SiteId)


def user_ids() -> st.SearchStrategy[UserId]:
    """Ids of users: of old accounts, of new ones, and whatever else the platform may think of."""
    old = st.text("0123456789abcdef", min_size=10, max_size=10)
    other = st.text(LATIN_LETTERS + "-_", min_size=1, max_size=8)
    return (old | st.uuids().map(str) | other).map(UserId)


def invite_ids() -> st.SearchStrategy[InviteId]:
    """Keys of confirmations, old ones with a plus or a slash included."""
    return st.text(PLAIN_LETTERS + "0123456789-_+/=", min_size=1, max_size=32).map(InviteId)


def share_codes() -> st.SearchStrategy[ShareCode]:
    """Share codes of any letters that may occur."""
    groups = st.lists(st.text(ALPHABET, min_size=4, max_size=4), min_size=3, max_size=3)
    return groups.map("-".join).map(ShareCode)


# Lists


def tuples_of(
    items: st.SearchStrategy[T],
    *,
    unique_by: Callable[[T], object] | tuple[Callable[[T], object], ...] | None = None,
) -> st.SearchStrategy[tuple[T, ...]]:
    """Short lists in the form in which entities hold them."""
    return st.lists(items, max_size=3, unique_by=unique_by).map(tuple)
