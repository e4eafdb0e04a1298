"""Words and utterances: what was said, by whom, when, in which language, according to which recogniser."""

from collections.abc import Iterable

import msgspec


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One recognised word. Times are None where the source gives none (Zoom's transcript); `conf` is 0–1 or None."""

    word: str
    start_ms: int | None = None
    end_ms: int | None = None
    conf: float | None = None


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


def mean_confidence(words: Iterable[Word]) -> float | None:
    """Return the confidence of words weighted by duration (1.6), None where none has one."""
    heard = [
        (word.conf, max(1, word.end_ms - word.start_ms) if word.start_ms is not None and word.end_ms is not None else 1)
        for word in words
        if word.conf is not None
    ]
    return sum(conf * ms for conf, ms in heard) / sum(ms for _, ms in heard) if heard else None
