"""How texts are compared: one place for every kind of "the same"."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# Forms of one letter: final ones in Hebrew; in Japanese small ones, and those of the other script.
_FINAL: Final = dict(zip("ךםןףץ", "כמנפצ", strict=True))
_SMALL: Final = dict(zip("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ", strict=True))
_KANA: Final = {
    chr(ord(kana) + script): _SMALL.get(kana, kana)
    for kana in map(chr, range(ord("ぁ"), ord("ゖ") + 1))
    for script in (0, ord("ァ") - ord("ぁ"))
}
# Letters that Unicode does not take apart but that collation treats as a plain letter with a mark,
# or as several letters.
_PLAIN: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l"}
    | _FINAL
    | _KANA
)
_PLAIN_LETTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzабвгдежзиклмнопрстуфхцчшщъыьэюяءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي"
)
# Letters of their own, each after all that begins with the plain one before it.
_LETTERS: Final = (
    "aⱥɐɑɒbʙƀɓƃcȼƈɕdɖɗƌȡeɇǝəɛɘɚɜɝɞʚɤfƒgɡɢǥɠʛɣƣhʜƕɦⱨɧʻʽiıɪɨɩjȷɉʝɟʄkƙⱪʞlỻʟƚⱡɫɬɭȴɮƛʎmɱnɴɲƞɳȵŋ"
    "oɶɔɵɷȣpƥɸqȹʠɋĸrʀɍɹɺɻɼɽɾɿʁsʂȿẜẝʃƪʅʆtŧⱦƫƭʈȶʇuʉɥʮʯɯɰʊvʋỽʌwʍxyʏɏƴỿȝzƍƶȥʐʑɀⱬʒƹƺʓþƿƻƨƽƅʔɂ"
    "аәӕбвгғӻҕӷдԁђԃҙеєжԫҗзԅԑѕӡԇиҋійјкқӄҡҟҝԟԛлӆԯԓԡљԉԕмӎнԩӊңӈԣҥњԋоөпԥҧҁрҏԗсԍҫтԏҭћуүұѹфхӽӿҳһԧѡѿѽѻ"
    "цҵчԭҷӌҹҽҿџшщъыьҍѣэюяԙѥѧѫѩѭѯѱѳѵҩԝӏ"
    "أٲٱإٳبٻپڀثٹٺټٽٿجڃڄچڿڇخځڂڅذڈډڊڋڌڍڎڏڐزڑڒړڔڕږڗژڙشښڛڜضڝڞظڟغڠفڡڢڣڤڥڦقڧڨكکڪګڬڭڮگڰڱڲڳڴػؼلڵڶڷڸنںڻڼڽڹهھہۃوۄۅۆۇۈۉۊۋۏ"
    "يیۍێېۑؽؾؿؠے"
)


def _own_letters() -> Iterator[tuple[str, str]]:
    """Yield each letter of its own, and what stands for it: the plain one, and its rank behind."""
    plain, rank = "", 0
    for letter in _LETTERS:
        plain, rank = (letter, 0) if letter in _PLAIN_LETTERS else (plain, rank + 1)
        if rank:
            yield letter, plain + chr(_BEHIND + rank)


_BEHIND: Final = 0x10FF00
"""Where characters begin that no text has, and that come after all others."""
# Letters that Unicode takes apart, or does not, against what collation makes of them.
_UNLIKE_UNICODE: Final = {
    "\N{LATIN SMALL LETTER L WITH MIDDLE DOT}": "l",
    "\N{CYRILLIC SMALL LETTER GHE WITH UPTURN}": "\N{CYRILLIC SMALL LETTER GHE}",
    **{letter: letter for letter in "آأؤإئ"},
    **dict(_own_letters()),
}
# White space and signs as they stand before all others.
_SIGNS: Final = (
    "\t\n\v\f\r\x85\u2028\u2029 "
    "_-\u2010\u2012\u2013\u2014\u2015,;:!¡?¿.·'\u2018\u2019\u201a\u201b\u2039\u203a"
    '"\u201c\u201d\u201e\u201f«»()[]{}§¶@*/\\&#%\u2030\u2020\u2021\u2022'
    "`\u00b4^¯¨\u00b8°©®+±÷\u00d7<=>¬|¦~¤¢$£¥€"
)


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
    return "".join(map(_weights, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=4096)
def _weights(character: str) -> str:
    plain = _UNLIKE_UNICODE.get(character.casefold())
    if plain is None:
        parts = unicodedata.normalize("NFKD", character)
        # An accent that stands alone is a sign, not a space with a mark.
        if character in _RANKS or (parts[0] == " " and not character.isspace()):
            return _weight(unicodedata.normalize("NFD", character)[0])
        # Marks go first: some become letters with the case.
        letters = (part for part in parts if unicodedata.category(part) not in _IGNORED)
        parts = unicodedata.normalize("NFKD", "".join(letters).casefold().translate(_PLAIN))
        plain = "".join(_UNLIKE_UNICODE.get(part, part) for part in parts)
    return "".join(map(_weight, plain))


def _weight(character: str) -> str:
    if character in _RANKS:
        return "1" + _RANKS[character]
    category = unicodedata.category(character)
    return "" if category in _IGNORED else _GROUP.get(category[0], "4") + character


def has_nul(value: object) -> bool:
    """Whether *value* is a text with NUL, which not every database stores or looks for."""
    return isinstance(value, str) and "\0" in value


_RANKS: Final = {sign: chr(ord("!") + rank) for rank, sign in enumerate(_SIGNS)}
_IGNORED: Final = frozenset({"Mn", "Me", "Cc", "Cf", "Cs"})
_GROUP: Final = {"Z": "2", "P": "2", "S": "2", "N": "3"}
