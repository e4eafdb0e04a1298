"""The tokeniser: how a text becomes the words that are compared and counted, whoever asks.

Search, the filter of the call list, reports and snippets compare words in one spelling, in SQL as `search_words` (migrations
`one_tokeniser` and `redaction`) and here as `words`; the two are equal for every text (`tests/store/test_tokeniser.py`). So a text
is folded:

1. Compatibility characters become what they stand for (NFKC): full-width letters, ①, ﬁ, half-width kana; all digits become 0–9.
2. What is not seen goes: Unicode's default ignorables (joiners, soft hyphens, marks of direction) and the Arabic tatweel.
3. Whatever is no letter, mark or number parts words: also apostrophes and hyphens, so `don't` is `don t`.
4. Canonical composition, lower case, final sigma as sigma; letters of Latin, Greek, Cyrillic, Hebrew and Arabic lose their marks
   (elsewhere a mark is no accent but half of the letter), and ł ø đ ħ ı ß æ œ become their plain spellings.
5. What redaction hid stands in a text as a chip, `[CARD_NUMBER]`. It is one term that no word is: nobody finds redacted calls by
   "card number", and no phrase crosses a chip.
6. A script that writes no spaces is taken apart into characters, each with its marks: a word of it is found as a phrase.

Characters are those of Unicode 14, the version of Python 3.11; younger ones part words, so that an index does not depend on which
version of Python or DuckDB made it.

Counted are *units of speech* (`units`): words where scripts have spaces, characters where not, by the text itself and not by a
language that somebody claims for it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator

_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u3005-\u3007\u3021-\u302f\u3031-\u3035\u3038-\u303c\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3041-\u3096\u3099-\u309f\u30a1-\u30ff\u31f0-\u31ff\U0001aff0-\U0001afff\U0001b000-\U0001b16f"  # kana
)
"""Characters of scripts that are written without spaces."""
_MARKS = (
    "\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd"
    "\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d"
    "\ua9e5\uaa7b-\uaa7d\u17b6-\u17d3\u17dd\u302a-\u302f\u3099\u309a"
)
"""What belongs to the character before it."""
_ACCENTED = (
    "a-z\u00c0-\u02af\u0370-\u052f\u0591-\u06ff\u0750-\u077f\u0870-\u08ff"
    "\u1c80-\u1c8f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\u2de0-\u2dff\ua640-\ua69f\ua720-\ua7ff\uab30-\uab6f"
)
"""Lower-case letters of scripts whose marks are accents."""
_IGNORED = (
    "\u00ad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point, and the tatweel, which stretches a word."""
_PARTING = frozenset("\u02b9\u02ba\u02bb\u02bc\u02bd\u0374")
"""Apostrophes that Unicode calls letters."""
_YOUNGER = (
    "0CF3 0ECE 10EFD-10EFF 1123F-11241 11F00-11F59 1342F 13440-13455 1B132 1B155 1D2C0-1D2D3 1DF25-1DF2A 1E030-1E08F 1E4D0-1E4F9 "
    "2B739 2EBF0-2EE5D 31350-323AF"
)
"""Letters, marks and numbers of Unicode 15.0 and 15.1."""
_SPELLINGS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "ς": "σ", "ß": "ss", "æ": "ae", "œ": "oe"})

CHIP_TERM = "0redacted0"
"""What a chip is to all who compare words. Nobody can search for it (`store/search/query.py`)."""
CHIP = re.compile(r"\[[A-Z_]+\]")
"""A chip as it stands in a text."""
_SPACED_CHIP = f" {CHIP_TERM} "

_CUT = re.compile(f"[{_UNSPACED}][{_MARKS}]*|[^ {_UNSPACED}]+")
_ALONE = re.compile(f"[{_UNSPACED}]")
_PARTS = re.compile(f"[{_UNSPACED}][{_MARKS}]*|[^{_UNSPACED}\u3000-\u3003\u3008-\u301f\u30fb\uff01-\uff0f\uff1a-\uff1f…]+")
_HAS_ACCENTS = re.compile(f"[0-9]*[{_ACCENTED}]")
_ASCII = re.compile("[a-z0-9]+")
_IS_IGNORED = re.compile(f"[{_IGNORED}]")
_YOUNG = sorted((int(first, 16), int(last or first, 16)) for first, _, last in (each.partition("-") for each in _YOUNGER.split()))


class _Letters(dict[int, str]):
    """Character → what stands in its place before words are cut: itself, its expansion, a space, or nothing."""

    def __missing__(self, number: int) -> str:
        self[number] = found = _stands_for(chr(number))
        return found


_LOWER = {"İ": "i", "Σ": "σ"}
"""Where Python's lower case depends on what stands around a letter, or is two."""


def _stands_for(letter: str) -> str:
    if _IS_IGNORED.match(letter):
        return ""
    place = bisect_right(_YOUNG, (ord(letter), 0x110000)) - 1
    if letter in _PARTING or (place >= 0 and ord(letter) <= _YOUNG[place][1]):
        return " "
    if unicodedata.category(letter) == "Nd":
        return str(unicodedata.decimal(letter))
    expanded = unicodedata.normalize("NFKC", letter)
    if expanded == unicodedata.normalize("NFC", letter):
        return _LOWER.get(letter, letter) if _is_letter(letter) else " "
    if expanded.startswith(" "):  # an accent that stands alone
        return " "
    kept = (one if _is_letter(one) and one not in _PARTING else " " for one in _IS_IGNORED.sub("", expanded))
    return "".join(kept).replace("Σ", "σ")


def _is_letter(one: str) -> bool:
    return unicodedata.category(one)[0] in "LNM"


_LETTERS = _Letters()


def words(text: str) -> list[str]:
    """Return the words of a text in order, in the one spelling in which words are compared."""
    if "[" in text:
        text = CHIP.sub(_SPACED_CHIP, text)
    if text.isascii():
        return _ASCII.findall(text.lower())
    cut: list[str] = _CUT.findall(unicodedata.normalize("NFC", text.translate(_LETTERS)).lower())
    return [_folded(word) for word in cut]


def _folded(word: str) -> str:
    if not _HAS_ACCENTS.match(word):
        return word
    plain = "".join(one for one in unicodedata.normalize("NFD", word) if unicodedata.category(one)[0] != "M")
    return unicodedata.normalize("NFC", plain).translate(_SPELLINGS)


def without_chips(text: str) -> str:
    """Return a text without what stands for hidden words: a chip is in no language."""
    return CHIP.sub(" ", text) if "[" in text else text


def spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text stand in it (start, end), one for each of `words`.

    Empty where the two do not agree, as for marks that stand in no order that is written anywhere.
    """
    spread = list(_spread(text))
    places = [place for letters, place in spread for _ in letters]
    found = _CUT.finditer("".join(letters for letters, _ in spread))
    where = [(places[match.start()][0], places[match.end() - 1][1]) for match in found]
    return where if len(where) == len(words(text)) else []


def _spread(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield what the characters of a text stand for and where each is in it (start, end); a chip is one."""
    chips = {match.start(): match.end() for match in CHIP.finditer(text)}
    at = 0
    while at < len(text):
        end = chips.get(at, at + 1)
        yield _SPACED_CHIP if at in chips else _LETTERS[ord(text[at])], (at, end)
        at = end


def units(text: str) -> int:
    """Return how many units of speech a text has: its words between spaces, and each character of a script without spaces.

    `don't` and `3,000` are one; a sentence of Japanese has as many as it has characters, and Latin words in it one each.
    """
    return sum(len(parts(token)) for token in text.split())


def parts(token: str) -> list[str]:
    """Return the units of speech of a token, as what stands between spaces is called: itself, but for scripts without spaces."""
    seen = token if token.isascii() else token.translate(_LETTERS_AND_MARKS)
    if token.isascii() or not _ALONE.search(seen):
        return [token] if any(map(str.isalnum, token)) else []
    found = (match.group() for match in _PARTS.finditer(seen))
    return [part for part in found if any(map(_is_letter, part))]


def spellings(token: str) -> list[str]:
    """Return the units of speech of a token in the spelling in which words are compared; `don't` and `dont` are the same word."""
    return [folded for part in parts(token) if (folded := "".join(words(part)))]


class _Seen(dict[int, str]):
    """Character → what it stands for where that is a letter, itself where it parts no words that have a space between them."""

    def __missing__(self, number: int) -> str:
        letter = chr(number)
        self[number] = found = _LETTERS[number] if _LETTERS[number].strip() or _IS_IGNORED.match(letter) else letter
        return found


_LETTERS_AND_MARKS = _Seen()
