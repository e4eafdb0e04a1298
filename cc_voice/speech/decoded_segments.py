"""A segment of speech and what a recogniser of one language made of it: while it was spoken, or again from the recording."""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, canonical, contains, intersect, length, overlapping, subtract
from cc_voice.call.utterances import Utterance, Word
from cc_voice.speech.recogniser import RecognisedSegment, RecogniserFactory
from cc_voice.speech.segmentation import close_gaps

UNDECODED = "und"
"""Language of a segment that no recogniser has heard as it is now."""
_BESIDE_MS = 200
_JOINED_MS, _PADDING_MS = 500, 150
"""As segments are made while they are spoken."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Audio that is recognised as a whole, in ms on the stream's clock (a multiple of 10, so no sample is cut)."""

    start_ms: int
    end_ms: int
    """With the padding around the speech: what a recogniser hears."""
    spoken: Interval
    """Without."""
    language: str
    """BCP-47 tag that it was recognised in."""
    utterances: tuple[Utterance, ...] = ()
    """One, or none where no word was recognised."""


def decode(segment: Segment, pcm: bytes, channel_id: str, rate_hz: int, factory: RecogniserFactory, language: str) -> Segment:
    """Recognise a segment again in another language; `pcm` is its audio. Raises RecogniserError."""
    recogniser = factory.create(rate_hz)
    recogniser.accept(pcm)
    heard = recogniser.finish()
    return with_words(segment, heard, channel_id, factory.model_name, language)


def with_words(segment: Segment, heard: RecognisedSegment, channel_id: str, model_name: str, language: str) -> Segment:
    """Put the words of a segment on the stream's clock. A segment without words has no utterance."""
    utterances: tuple[Utterance, ...] = ()
    if heard.text:
        words = tuple(_placed(word, segment.start_ms, segment.end_ms) for word in heard.words)
        timed = times(words)
        start, end = (timed[0][0], timed[-1][1]) if timed else segment.spoken
        said = Utterance(
            channel_id=channel_id,
            start_ms=start,
            end_ms=end,
            text=heard.text,
            words=words,
            language=language,
            source="local",
            asr_model=heard.asr_model or model_name,
        )
        utterances = (said,)
    return msgspec.structs.replace(segment, language=language, utterances=utterances)


def of_speech(segments: Iterable[Segment], heard: Intervals, speech: Intervals) -> tuple[Segment, ...]:
    """Return the segments less what was heard and turned out to be no speech of this channel: a segment, or words in its midst.

    Words next to speech stay: they may be its soft ends.
    """
    taken = subtract(heard, canonical((start - _BESIDE_MS, end + _BESIDE_MS) for start, end in speech))
    return tuple(_without(one, taken) for one in segments if subtract((one.spoken,), taken))


def cut_to_speech(segments: Iterable[Segment], heard: Intervals, speech: Intervals) -> tuple[Segment, ...]:
    """Return the segments cut to what is speech of this channel; those that are cut have no words any more, to be decoded again.

    A recogniser that heard an echo before a sentence understood neither.
    """
    whole: list[Segment] = []
    for one in of_speech(segments, heard, speech):
        kept = intersect((one.spoken,), speech)
        if length(subtract(intersect((one.spoken,), heard), kept)) <= _BESIDE_MS:
            whole.append(one)
            continue
        for start, end in close_gaps(list(kept), _JOINED_MS):
            first, last = max(one.start_ms, start - _PADDING_MS), min(one.end_ms, end + _PADDING_MS)
            whole.append(Segment(start_ms=first // 10 * 10, end_ms=last // 10 * 10, spoken=(start, end), language=UNDECODED))
    return tuple(whole)


def _without(segment: Segment, taken: Intervals) -> Segment:
    if not overlapping(taken, segment.spoken):
        return segment
    left = [_of_words(said, [word for word in said.words if not _lies_in(word, taken)]) for said in segment.utterances]
    return msgspec.structs.replace(segment, utterances=tuple(said for said in left if said is not None))


def _of_words(said: Utterance, words: Sequence[Word]) -> Utterance | None:
    if len(words) == len(said.words):
        return said
    timed = times(words)
    if not timed:
        return None
    text = " ".join(word.word for word in words)
    return msgspec.structs.replace(said, words=tuple(words), text=text, start_ms=timed[0][0], end_ms=timed[-1][1])


def _lies_in(word: Word, taken: Intervals) -> bool:
    return word.start_ms is not None and word.end_ms is not None and contains(taken, (word.start_ms + word.end_ms) // 2)


def times(words: Iterable[Word]) -> list[Interval]:
    """Return the times of those words that have some."""
    return [(word.start_ms, word.end_ms) for word in words if word.start_ms is not None and word.end_ms is not None]


def _placed(word: Word, low: int, high: int) -> Word:
    """Move a word's times from its segment (which lies at low … high) to the stream; never outside, never empty."""
    if word.start_ms is None or word.end_ms is None:
        return word
    start = min(low + word.start_ms, high - 1)
    return Word(word.word, start, max(start + 1, min(low + word.end_ms, high)), word.conf)
