"""Words and utterances: what was said, by whom, when, in which language, according to which recogniser."""

from collections.abc import Iterable

import msgspec


class HiddenWords(msgspec.Struct, frozen=True, array_like=True):
    """What is left of the words that a chip hides: enough to count them where they were said, nothing of what was said."""

    words: int
    """Between spaces."""
    units: int
    """Counted as speech: without fillers."""
    digits: int
    """0 where only the other recogniser's words tell that there was a number."""
    runs: tuple[tuple[int, int, int], ...] = ()
    """(start_ms, end_ms, units) of words with no pause between them; none where words have no times."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One recognised word. Times are None where the source gives none (Zoom's transcript); `conf` is 0–1 or None."""

    word: str
    start_ms: int | None = None
    end_ms: int | None = None
    conf: float | None = None
    hidden: HiddenWords | None = None
    """Of a chip; None: a word that was said."""

    @property
    def size(self) -> int:
        """How many words it stands for."""
        return self.hidden.words if self.hidden is not None else 1


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of speech with words: one channel, one language, one recogniser.

    `source` is `local` (our recogniser) or `zoom` (Zoom's transcript). `asr_model` names the local model, None for Zoom's words.
    """

    channel_id: str
    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...]
    language: str
    """BCP-47 tag."""
    source: str
    asr_model: str | None = None
    tagged: str | None = None
    """The language that Zoom's transcript gave it; None where it gave none, and for local words."""
    lid: tuple[tuple[str, float], ...] = ()
    """What identification makes of Zoom's text: (primary subtag, probability) of every language asked for; empty if not asked."""
    lid_conf: float | None = None
    """How sure the language is, 0–1; set when the call is measured (`call/transcript/language_track.py`)."""


def word_count(words: Iterable[Word]) -> int:
    """Return how many words were said; a chip is as many as it hides."""
    return sum(word.size for word in words)


def moved(word: Word, by_ms: int) -> Word:
    """Return a word that is said later by so much."""
    if word.start_ms is None and word.end_ms is None and word.hidden is None:
        return word
    hidden = word.hidden
    if hidden is not None:
        runs = tuple((start + by_ms, end + by_ms, units) for start, end, units in hidden.runs)
        hidden = HiddenWords(hidden.words, hidden.units, hidden.digits, runs)
    start, end = (None if at_ms is None else at_ms + by_ms for at_ms in (word.start_ms, word.end_ms))
    return Word(word.word, start, end, word.conf, hidden)


def mean_confidence(words: Iterable[Word]) -> float | None:
    """Return the confidence of words weighted by duration (1.6), None where none has one."""
    heard = [
        (word.conf, max(1, word.end_ms - word.start_ms) if word.start_ms is not None and word.end_ms is not None else 1)
        for word in words
        if word.conf is not None
    ]
    return sum(conf * ms for conf, ms in heard) / sum(ms for _, ms in heard) if heard else None
