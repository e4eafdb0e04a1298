"""Recognition of a channel: it follows the recording at its own pace.

The recording is the buffer. The media loop only writes; a listener reads what lies between its own position and how far
the stream has certainly come, and hears holes as silence. Audio that arrives where silence was heard (Zoom filled a gap
late, or one party's packets after the other's) makes it stale: the channel is heard again from its start when the stream
has ended, so that the stored result never depends on the order of arrival.

Ranges of received audio belong to the event loop, which changes them while a listener's thread runs. So the loop decides how
far to hear (`begin`) and notes what it decided to take for silence; the thread reads samples only.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import msgspec
import structlog

from cc_voice.call.analysis import Interval, SecondLevel
from cc_voice.call.intervals import Intervals, canonical
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.media.ranges import Ranges
from cc_voice.media.recordings import ChannelFile
from cc_voice.speech.decoded_segments import Segment, cut_to_speech, of_speech
from cc_voice.speech.pipeline import ChannelPipeline, PartialWords, speech_of
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.voice_activity.sounds import Sounds

log = structlog.get_logger()

PipelineFactory = Callable[[str, int], ChannelPipeline]
"""(channel_id, sample_rate_hz) → a fresh pipeline."""

T = TypeVar("T")


class BlockRunner(Protocol):
    """Runs a block of hearing, in its turn or at once, and returns what it returns."""

    def __call__(self, block: Callable[[], T], /) -> T: ...


BLOCK_MS = 1_000
"""How much is read and heard in one go: bounds memory, and how long others wait for a thread (priority_pool.py)."""
HOLE_PATIENCE_MS = 1_000
"""How long packets of one channel may lag behind another channel's before their absence counts as silence."""


class RecognisedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard on one channel from its first sample to its last; intervals in ms."""

    voiced: tuple[Interval, ...]
    """As they were found; `speech` is what counts."""
    sounds: Sounds
    levels: tuple[SecondLevel, ...]
    envelope: bytes
    """As `LevelMeter.envelope`; needed until echoes have been looked for."""
    segments: tuple[Segment, ...]
    detector: str
    """Which voice detector made the intervals."""

    @property
    def speech(self) -> tuple[Interval, ...]:
        """Speech, given the words of the segments: what is shorter than 90 ms needs one."""
        return speech_of(self.voiced, self.segments, ThresholdSet())

    def only(self, speech: Intervals) -> "RecognisedChannel":
        """Return the channel with so much of its voice: what else was heard is no speech of its party, nor are the words in it."""
        return msgspec.structs.replace(self, voiced=speech, segments=of_speech(self.segments, canonical(self.voiced), speech))

    def cut_to(self, speech: Intervals) -> "RecognisedChannel":
        """Return the same, its segments cut to that voice and to be decoded again."""
        return msgspec.structs.replace(self, voiced=speech, segments=cut_to_speech(self.segments, canonical(self.voiced), speech))

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        return tuple(said for segment in self.segments for said in segment.utterances)


def at_once(block: Callable[[], T], /) -> T:
    """Run a block of hearing in the thread that asks for it."""
    return block()


class ChannelRecognition:
    """Hears one channel of a recording. `advance` and `finish` run in a worker thread, one at a time; the rest in the loop."""

    def __init__(self, file: ChannelFile, make_pipeline: PipelineFactory) -> None:
        self.file = file
        self.failed = False
        """Recognition raised: the channel is heard again from its recording."""
        self._pipeline = make_pipeline(file.channel_id, file.rate_hz)
        self._position = 0
        self._silence: list[tuple[int, int]] = []
        self._stopped = False

    @property
    def position(self) -> int:
        """How far the channel was heard, in samples."""
        return self._position

    @property
    def position_ms(self) -> int:
        return self._position * 1000 // self.file.rate_hz

    @property
    def stale(self) -> bool:
        """Whether audio has arrived where silence was heard."""
        return any(_has_audio(self.file.ranges, start, end) for start, end in self._silence)

    def begin(self, stream_ms: int) -> int | None:
        """Return the sample up to which to hear next, a block at most, given how far (ms) any channel is; None: wait.

        Call it while nothing is being heard, and hear what it returned.
        """
        start, ranges = self._position, self.file.ranges
        block_end = start + self._block
        run_end = ranges.end_of_run(start)
        if run_end is not None:
            return min(run_end, block_end)
        end = min(block_end, (stream_ms - HOLE_PATIENCE_MS) * self.file.rate_hz // 1000)
        if (next_start := ranges.next_start(start)) is not None:
            end = min(end, next_start)
        if end <= start:
            return None
        if self._silence and self._silence[-1][1] == start:
            start = self._silence.pop()[0]
        self._silence.append((start, end))
        return end

    def advance(self, to: int, run: BlockRunner = at_once) -> list[Utterance]:
        """Hear up to sample `to`, unless stopped on the way, and return the utterances that became final."""
        found: list[Utterance] = []
        while self._position < to and not self._stopped:
            found += run(partial(self._hear, min(to, self._position + self._block)))
        return found

    def partial_words(self) -> PartialWords | None:
        """Return what is being said where the channel was heard up to; None: nothing is."""
        return self._pipeline.partial_words()

    def recent_voice(self, since_ms: int) -> Intervals:
        """Return where somebody was heard after a moment, up to where the channel was heard."""
        return canonical(self._pipeline.recent_voice(since_ms))

    def switch(self, recogniser: RecogniserFactory | None, language: str) -> None:
        """Hear what is said from the next segment on in another language."""
        self._pipeline.switch(recogniser, language)

    def stop(self) -> None:
        """Stop hearing after the block being heard: nobody wants the result any more."""
        self._stopped = True

    def finish(self, run: BlockRunner = at_once) -> list[Utterance]:
        """Hear the rest of the channel and return the last utterances."""
        return self.advance(self.file.ranges.end, run) + run(self._pipeline.finish)

    def heard(self) -> RecognisedChannel:
        """Put together what was heard; valid after `finish`. Words that were lost are told."""
        if lost := self._pipeline.failures:
            log.error("segments lost their words", channel_id=self.file.channel_id, segments=len(lost), error=str(lost[0]))
        return RecognisedChannel(
            voiced=self._pipeline.voiced(),
            sounds=self._pipeline.sounds(),
            levels=self._pipeline.levels(),
            envelope=self._pipeline.envelope(),
            segments=self._pipeline.segments(),
            detector=self._pipeline.detector,
        )

    @property
    def _block(self) -> int:
        return BLOCK_MS * self.file.rate_hz // 1000

    def _hear(self, to: int) -> list[Utterance]:
        found = self._pipeline.feed(self.file.read(self._position, to))
        self._position = to
        return found


def _has_audio(ranges: Ranges, start: int, end: int) -> bool:
    """Whether any of samples [start, end) was received."""
    if ranges.end_of_run(start) is not None:
        return True
    next_start = ranges.next_start(start)
    return next_start is not None and next_start < end


def recognise_channel(file: ChannelFile, make_pipeline: PipelineFactory, run: BlockRunner = at_once) -> RecognisedChannel:
    """Hear a whole recorded channel, block by block as `run` lets it."""
    listener = ChannelRecognition(file, make_pipeline)
    listener.finish(run)
    return listener.heard()
