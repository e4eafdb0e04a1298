"""Recogniser: what the pipeline asks of one, whatever engine stands behind it.

One recogniser serves one segment of speech and is then thrown away; the engine behind it may serve others (recogniser_pool.py).
"""

from typing import Protocol

import msgspec

from cc_voice.call.utterances import Word


class RecognisedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one segment. Word times are ms since the segment's first sample; `conf` is the mean of the words', 0–1."""

    text: str
    words: tuple[Word, ...] = ()
    conf: float | None = None
    asr_model: str | None = None
    """What made the words, where it was not the model alone."""


class Recogniser(Protocol):
    """Hears one segment. Blocks may be cut anywhere, even inside a sample; the result is the same."""

    def accept(self, pcm: bytes) -> None:
        """Take the next audio: little-endian PCM at the rate the recogniser was made for."""

    def partial(self) -> str:
        """Return the words so far; they may still change."""

    def finish(self) -> RecognisedSegment:
        """Return the words of the segment. Nothing may be called afterwards."""


class RecogniserFactory(Protocol):
    """Makes recognisers that share one loaded model. May be used by several threads at once."""

    @property
    def model_name(self) -> str:
        """Name of the model, for the record."""

    @property
    def language(self) -> str:
        """BCP-47 tag of the model."""

    def create(self, sample_rate_hz: int) -> Recogniser:
        """Return a recogniser for one segment of PCM at this rate."""
