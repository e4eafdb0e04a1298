"""Phrase windows: a part of a recorded call decoded again, for nothing but certain phrases: an account number, a yes. Stores
nothing."""

import numpy as np

from cc_voice.call.utterances import Word
from cc_voice.media.playback import CallAudio
from cc_voice.media.recordings import RecordingError
from cc_voice.speech.codecs import bytes_from_int16
from cc_voice.speech.frames import check_rate
from cc_voice.speech.phrase_boosting import OnlyPhrases
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.voice_activity.detector import DetectorFactory

_LEAD_MS = 3_000
"""Heard before the window: the detector gets to know the line, and a segment that the window cuts is heard whole."""
_TAIL_MS = 1_000
_BLOCK_MS = 10_000


def decode_window(
    audio: CallAudio, channel_id: str, start_ms: int, end_ms: int, factory: OnlyPhrases, detectors: DetectorFactory
) -> tuple[Word, ...]:
    """Return the words of the phrases that are said on a channel between two times of the call (ms); theirs are of the call too.

    A word belongs to the window that its middle lies in. Raises RecordingError, SpeechError, OSError.
    """
    if channel_id not in audio.channel_ids:
        raise RecordingError(f"nothing was recorded of channel {channel_id}; there are: {', '.join(audio.channel_ids)}")
    rate_hz, row = audio.sample_rate_hz, audio.channel_ids.index(channel_id)
    try:
        check_rate(rate_hz)
    except ValueError as error:
        raise RecordingError(f"the recording cannot be heard again: {error}") from error
    first = max(0, start_ms - _LEAD_MS) * rate_hz // 1000
    last = min(audio.length, (end_ms + _TAIL_MS) * rate_hz // 1000)
    pipeline = ChannelPipeline(channel_id, rate_hz, factory, factory.language, detectors=detectors)
    step = _BLOCK_MS * rate_hz // 1000
    found = []
    for at in range(first, last, step):
        block = audio.read(at, min(last, at + step))[row]
        found += pipeline.feed(bytes_from_int16(np.asarray(block, dtype=np.int16)))
    found += pipeline.finish()
    if pipeline.failures:
        raise pipeline.failures[0]
    begin_ms = first * 1000 // rate_hz
    words = [_moved(word, begin_ms) for utterance in found for word in utterance.words]
    return tuple(word for word in words if start_ms <= _middle(word) < end_ms)


def _moved(word: Word, by_ms: int) -> Word:
    return Word(word.word, (word.start_ms or 0) + by_ms, (word.end_ms or 0) + by_ms, word.conf)


def _middle(word: Word) -> int:
    return ((word.start_ms or 0) + (word.end_ms or 0)) // 2
