"""How far two recognisers disagree about the same speech: quality of recognition, measured without anybody who knows what was said.

    word disagreement rate = (substitutions + insertions + deletions) ÷ words of the longer of the two

That is the word error rate (NIST's sclite: errors ÷ words of the reference) with the longer side in the reference's place, as
neither recogniser is the truth: it is the same whichever of them is called the reference, and never more than 1. Low disagreement
does not prove that both are right, but where they disagree one of them is wrong. Rates of several pieces of speech are joined as a
ratio of sums.

Two spellings of one word are no disagreement: case, punctuation and hyphens do not count, and figures are spelt out in `en` and
`es`. Languages written without spaces are compared by character, as nobody agrees where their words end.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.lexicon import UNSPACED, normalise, primary
from cc_voice.call.numerals import figures
from cc_voice.call.transcript import Utterance


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of speech that both recognisers heard in one language."""

    channel_id: str
    start_ms: int
    end_ms: int
    differing: int
    """Words to replace, insert and delete to turn one version into the other."""
    words: int
    """Words of the longer version, at least 1."""

    @property
    def middle_ms(self) -> int:
        """The instant that decides to which leg it belongs."""
        return (self.start_ms + self.end_ms) // 2

    @property
    def pct(self) -> float:
        """How much of it differs, in percent."""
        return 100 * self.differing / self.words


def edits(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the least number of replaced, inserted and deleted words between two sequences (Levenshtein 1966).

    Myers' bit-parallel algorithm (J. ACM 46, 1999) as Hyyrö simplified it (2003): a column of the table is two whole numbers, so
    that an hour of speech that never paused is compared in a second.
    """
    if not first or not second:
        return len(first) + len(second)
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    everywhere, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    rises, falls, distance = everywhere, 0, len(first)
    for word in second:
        equal = places.get(word, 0)
        level = equal | falls
        diagonal = (((equal & rises) + rises) ^ rises) | equal
        up, down = falls | (everywhere & ~(diagonal | rises)), rises & diagonal
        distance += bool(up & last) - bool(down & last)
        up, down = (up << 1 | 1) & everywhere, (down << 1) & everywhere
        rises, falls = down | (everywhere & ~(level | up)), up & level
    return distance


def tokens(utterances: Iterable[Utterance]) -> tuple[str, ...]:
    """Return what is compared: words in one spelling, characters of languages without spaces."""
    return tuple(token for said in utterances for word in said.words for token in _spellings(word.word, primary(said.language)))


_BETWEEN = re.compile(r"[-‐‑–—/.,:;_&+…]+")
_GROUPED = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_READ_OUT = re.compile(r"\d+(?:-\d+)+")


def _spellings(word: str, language: str) -> list[str]:
    if language in UNSPACED:
        return [character for character in normalise(word) if character.isalnum()]
    text = normalise(word)
    if _READ_OUT.fullmatch(text):
        return [spelt for figure in text.replace("-", "") for spelt in figures(figure, language)]
    if _GROUPED.fullmatch(text):
        return figures(re.sub(r"\D", "", text), language, is_quantity=True)
    return [spelt for part in _BETWEEN.split(text) if part for spelt in figures(part, language)]
