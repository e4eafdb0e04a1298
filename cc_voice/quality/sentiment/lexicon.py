"""Sentiment lexicon: phrases with a score from -5 to +5, and what an utterance scores by them.

Longest entries first; what they take is not looked at again. Their sum is cut to ±5. A negation within three words before an entry
of one word turns it by -0.7. An entry of 0 is there to keep its words from others: `have a great day` is no praise.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from cc_voice.call.tokeniser import words

MODEL = "lexicon-1"
LANGUAGE = "en"
FORMAT = 1
LARGEST = 5.0
MOST_WORDS = 8
"""An entry has no more words; a site that pastes sentences is told."""
NEGATION_TURNS = -0.7
NEGATION_REACHES = 3
FEWEST_WORDS = 3
"""An utterance without an entry is neutral from so many words on; of less nothing can be said."""

Label = Literal["pos", "neg", "neu", "mixed"]

_CHIP = re.compile(r"\[[A-Z][A-Z_]*\]")
"""What stands where words were hidden."""
_BEFORE_T = frozenset(
    (
        "don",
        "doesn",
        "didn",
        "isn",
        "wasn",
        "aren",
        "weren",
        "won",
        "wouldn",
        "can",
        "couldn",
        "shouldn",
        "haven",
        "hasn",
        "hadn",
        "ain",
    )
)
"""`don't` is two words to the tokeniser, `don t`."""
_NEGATIONS = frozenset(("not", "never", "cannot", *(f"{verb}t" for verb in _BEFORE_T)))
"""Recognisers write `dont`, too."""


class LexiconError(Exception):
    """A lexicon cannot be used; the message is for whoever wrote it."""


class LexiconEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phrase and its score."""

    phrase: str
    score: float
    party: Literal["customer", "any"] = "any"
    """Whose words it is for. Agents are not measured, so both mean the customer until somebody else is."""


class _LexiconFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    language: str
    entries: tuple[LexiconEntry, ...]


class UtteranceSentiment(msgspec.Struct, frozen=True):
    """What an utterance scores."""

    score: float
    label: Label


class Lexicon:
    """Entries, ready for utterances. Of two entries with the same words the later counts."""

    def __init__(self, entries: Iterable[LexiconEntry], model: str = MODEL) -> None:
        self.model = model
        self._scores: dict[tuple[str, ...], float] = {tuple(words(entry.phrase)): entry.score for entry in entries}
        self._lengths = sorted({len(phrase) for phrase in self._scores}, reverse=True)

    def __len__(self) -> int:
        return len(self._scores)

    def sentiment(self, text: str) -> UtteranceSentiment | None:
        """Return what an utterance of the customer scores; None where it is too short to say."""
        runs = [words(part) for part in _CHIP.split(text)]
        hits = [score for run in runs for score in self._hits(run)]
        if not hits and sum(map(len, runs)) < FEWEST_WORDS:
            return None
        # Rounded, as 0.1 + 0.2 is not 0.3 and a limit must not depend on the order of words
        good = round(sum(score for score in hits if score > 0), 6)
        bad = round(-sum(score for score in hits if score < 0), 6)
        score = max(-LARGEST, min(LARGEST, round(good - bad, 6)))
        return UtteranceSentiment(score, _label(score, good, bad))

    def _hits(self, run: Sequence[str]) -> Iterator[float]:
        taken = [False] * len(run)
        for length in self._lengths:
            for at in range(len(run) - length + 1):
                score = self._scores.get(tuple(run[at : at + length]))
                if score is None or any(taken[at : at + length]):
                    continue
                taken[at : at + length] = [True] * length
                yield score * NEGATION_TURNS if length == 1 and _is_negated(run, at) else score


def _label(score: float, good: float, bad: float) -> Label:
    if good >= 1 and bad >= 1:
        return "mixed"
    return "pos" if score >= 1 else "neg" if score <= -1 else "neu"


def _is_negated(run: Sequence[str], at: int) -> bool:
    before = range(max(0, at - NEGATION_REACHES), at)
    return any(run[one] in _NEGATIONS or (run[one] == "t" and one > 0 and run[one - 1] in _BEFORE_T) for one in before)


def read_entries(text: str, name: str) -> tuple[LexiconEntry, ...]:
    """Return the entries of a file. Raises LexiconError."""
    try:
        found = msgspec.convert(tomllib.loads(text), _LexiconFile)
    except (tomllib.TOMLDecodeError, RecursionError, msgspec.ValidationError) as error:
        raise LexiconError(f"{name}: {error}") from error
    if found.format != FORMAT:
        raise LexiconError(f"{name}: format is {found.format}; this program reads format {FORMAT}")
    if found.language != LANGUAGE:
        raise LexiconError(f"{name}: language is {found.language!r}; there is a model of {LANGUAGE!r} only")
    for entry in found.entries:
        length = len(words(entry.phrase))
        if not 1 <= length <= MOST_WORDS:
            raise LexiconError(f"{name}: {entry.phrase!r} has {length} words; an entry has 1 to {MOST_WORDS}")
        if not -LARGEST <= entry.score <= LARGEST:  # not a number fails, too
            raise LexiconError(f"{name}: {entry.phrase!r} scores {entry.score}; scores are {-LARGEST:g} to {LARGEST:g}")
    return found.entries


def lexicon(shipped: Sequence[LexiconEntry], of_site: Mapping[str, Sequence[LexiconEntry]]) -> Lexicon:
    """Return the lexicon of a site: ours, and its own files in order of their names. Its name tells its words from others'."""
    own = [entry for name in sorted(of_site) for entry in of_site[name]]
    if not own:
        return Lexicon(shipped)
    return Lexicon([*shipped, *own], f"{MODEL}+{hashlib.sha256(msgspec.json.encode(own)).hexdigest()[:8]}")
