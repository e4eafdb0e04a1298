"""Words and utterances: what was said, by whom, when, in which language, according to which recogniser."""

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
    lid_conf: float | None = None
