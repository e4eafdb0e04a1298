"""Disagreement of two recognisers about the same speech: quality of recognition, measured without anybody who knows what was said.

    word disagreement rate = (substitutions + insertions + deletions) ÷ words of the longer of the two

That is the word error rate (NIST's sclite: errors ÷ words of the reference) with the longer side in the reference's place, as
neither recogniser is the truth: it is the same whichever of them is called the reference, and never more than 1. Low disagreement
does not prove that both are right, but where they disagree one of them is wrong. Rates of several pieces of speech are joined as a
ratio of sums.

Two spellings of one word are no disagreement: words are compared as search compares them (`tokeniser.py`), so case, accents,
punctuation and hyphens do not count, and figures are spelt out in `en` and `es`. Scripts written without spaces are compared by
character, as nobody agrees where their words end.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec
from rapidfuzz.distance import Levenshtein

from cc_voice.call import tokeniser
from cc_voice.call.lexicon import normalise
from cc_voice.call.transcript.numerals import figures
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import primary


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

    An hour of speech that never paused is compared in some hundredths of a second.
    """
    return Levenshtein.distance(first, second)


def tokens(utterances: Iterable[Utterance]) -> tuple[str, ...]:
    """Return what is compared: words in one spelling, characters of scripts without spaces; what is hidden is not compared."""
    return tuple(
        token
        for said in utterances
        for word in said.words
        if word.hidden is None
        for token in _spellings(word.word, primary(said.language))
    )


_BETWEEN = re.compile(r"[-‐‑–—/.,:;_&+…]+")
_GROUPED = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_READ_OUT = re.compile(r"\d+(?:-\d+)+")


def _spellings(word: str, language: str) -> list[str]:
    return [unit for part in _parts(word, language) for unit in tokeniser.spellings(part)]


def _parts(word: str, language: str) -> list[str]:
    """Return a word with its figures spelt out and its hyphens parted."""
    text = normalise(word)
    if _READ_OUT.fullmatch(text):
        return [spelt for figure in text.replace("-", "") for spelt in figures(figure, language)]
    if _GROUPED.fullmatch(text):
        return figures(re.sub(r"\D", "", text), language, is_quantity=True)
    return [spelt for part in _BETWEEN.split(text) if part for spelt in figures(part, language)]
