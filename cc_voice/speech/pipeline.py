"""One channel, from PCM to utterances and intervals of speech.

Audio is contiguous from the stream's time 0; the caller fills holes with zeros. The same samples give the same result
however they are cut into calls of `feed` (a property test holds this), because every step works on whole frames.
A recogniser hears a segment while it is being spoken; only the silence that may end it is held back. Memory is
bounded by the longest block fed plus about two seconds.
"""

import bisect
from collections.abc import Callable, Iterable, Sequence

import msgspec

from cc_voice.call.analysis import Interval, SecondLevel
from cc_voice.call.intervals import canonical
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.speech.background import foreground
from cc_voice.speech.decoded_segments import Segment, of_speech, times, with_words
from cc_voice.speech.errors import RecogniserError
from cc_voice.speech.frames import FRAME_MS, FrameHistory
from cc_voice.speech.level_meter import LevelMeter
from cc_voice.speech.recogniser import Recogniser, RecogniserFactory
from cc_voice.speech.segmentation import Edge, TightRule, TightSpeech, WideSegment, close_gaps
from cc_voice.speech.voice_activity.detector import DetectorFactory, recorded_name
from cc_voice.speech.voice_activity.sounds import Sounds
from cc_voice.speech.voice_activity.webrtc import WebrtcDetector

_PADDING = 150 // FRAME_MS
"""Frames of silence around a segment: without, recognisers lose first and last phones."""
_GRID = 3
"""Frames. Recognisers of this kind decide every 30 ms, and which words noise costs depends on where they begin to count: on one
grid, a segment is heard as the same audio is within the whole channel (README)."""
_LOOKBACK = TightRule().window_ms // FRAME_MS + _PADDING + _GRID - 1
_BATCH_MS = 10_000


class PartialWords(msgspec.Struct, frozen=True, kw_only=True):
    """What is being said and may still change, in ms on the stream's clock; `end_ms` is how far the recogniser has heard."""

    start_ms: int
    end_ms: int
    text: str
    language: str


class ChannelPipeline:
    """Listen to one channel. Used by one thread at a time; recognition happens inside `feed`."""

    def __init__(
        self,
        channel_id: str,
        sample_rate_hz: int,
        recogniser_factory: RecogniserFactory | None,
        language: str,
        thresholds: ThresholdSet | None = None,
        detectors: DetectorFactory = WebrtcDetector,
    ) -> None:
        """`language` is the BCP-47 tag of what the factory recognises (see `switch`). Rates: 8000, 16000, 32000 or 48000 Hz.

        `detectors` makes the channel's detector; WebRTC's is the one that needs nothing but itself.
        """
        self.channel_id = channel_id
        self.failures: list[RecogniserError] = []
        """Segments whose words were lost; their speech intervals are kept."""
        self._rate = sample_rate_hz
        self._next = self._current = (recogniser_factory, language)
        """What the next segment is heard with, and what the open one is."""
        self._segments: list[Segment] = []
        self._thresholds = thresholds or ThresholdSet()
        self._history = FrameHistory(sample_rate_hz)
        self._detector = detectors(sample_rate_hz)
        self._meter = LevelMeter(sample_rate_hz)
        self._tight, self._wide = TightSpeech(), WideSegment()
        self._closed: list[Interval] = []
        self._recogniser: Recogniser | None = None
        self._segment_start = 0
        self._heard = 0
        """Frames already given to a recogniser: no audio is heard twice."""

    @property
    def detector(self) -> str:
        """Which voice detector this channel has, and by which rules it is believed."""
        return recorded_name(self._detector)

    @property
    def position_ms(self) -> int:
        """How much audio has been fed."""
        return self._history.position_ms

    def switch(self, recogniser_factory: RecogniserFactory | None, language: str) -> None:
        """Hear segments from the next one on in another language; the one being spoken ends as it began. From any thread."""
        self._next = (recogniser_factory, language)

    def segments(self) -> tuple[Segment, ...]:
        """Return the segments that have ended."""
        return tuple(self._segments)

    def feed(self, pcm: bytes) -> list[Utterance]:
        """Take the next audio (little-endian int16, cut anywhere) and return the utterances that it completes.

        One frame or ten minutes: both work; blocks of 200 ms to 10 s cost least.
        """
        found: list[Utterance] = []
        step = self._rate * _BATCH_MS // 1000 * 2
        view = memoryview(pcm)
        for at in range(0, len(pcm), step):
            found += self._examine(view[at : at + step])
        return found

    def finish(self) -> list[Utterance]:
        """The audio ends: return the utterances that were still being spoken. Nothing may be fed afterwards."""
        found = self._follow(self._detector.finish())
        self._meter.finish()
        if self._tight.finish() is Edge.CLOSED:
            self._note_speech()
        found += self._end_segment() if self._wide.finish() is Edge.CLOSED else []
        self._leave_out_background()
        return found

    def partial(self) -> str:
        """Return the words of the utterance being spoken, as far as they are known."""
        recogniser, words = self._recogniser, [""]
        if recogniser is not None:
            self._guarded(lambda: words.append(recogniser.partial()))
        return words[-1]

    def partial_words(self) -> PartialWords | None:
        """Return the words of the utterance being spoken with their place; None while there are none."""
        text = self.partial()
        if not text:
            return None
        start_ms, end_ms = self._segment_start * FRAME_MS, self._heard * FRAME_MS
        return PartialWords(start_ms=start_ms, end_ms=end_ms, text=text, language=self._current[1])

    def voiced(self) -> tuple[Interval, ...]:
        """Return the tight intervals of voice so far, in ms, as they were found; after `finish` without the background's."""
        opened = [(self._tight.start * FRAME_MS, self._tight.end * FRAME_MS)] if self._tight.open else []
        return (*self._closed, *opened)

    def recent_voice(self, since_ms: int) -> tuple[Interval, ...]:
        """Return the intervals of voice that end after a moment: a look at a call of hours must not cost hours."""
        opened = [(self._tight.start * FRAME_MS, self._tight.end * FRAME_MS)] if self._tight.open else []
        return (*self._closed[bisect.bisect_right(self._closed, since_ms, key=_end) :], *opened)

    def speech(self) -> tuple[Interval, ...]:
        """Return the tight intervals of speech so far."""
        return speech_of(self.voiced(), self._segments, self._thresholds)

    def sounds(self) -> Sounds:
        """Return the music and the tones so far."""
        return self._detector.sounds()

    def levels(self) -> tuple[SecondLevel, ...]:
        """Return how loud every second was; complete after `finish`."""
        return self._meter.levels()

    def envelope(self) -> bytes:
        """Return the level of every 20 ms (`LevelMeter.envelope`); complete after `finish`."""
        return self._meter.envelope()

    def _examine(self, pcm: memoryview) -> list[Utterance]:
        first = self._history.append(pcm)
        frames = self._history.slice(first, self._history.frames)
        self._meter.push(frames)
        found = self._follow(self._detector.push(frames))
        self._history.forget_before(self._heard if self._wide.open else self._tight.frames - _LOOKBACK)
        return found

    def _follow(self, answers: list[bool]) -> list[Utterance]:
        """Take the detector's answers for the frames next in order."""
        found: list[Utterance] = []
        self._meter.judge(answers)
        for voiced in answers:
            if self._tight.push(voiced) is Edge.CLOSED:
                self._note_speech()
            edge = self._wide.follow(self._tight)
            if edge is Edge.OPENED:
                self._begin_segment()
            elif edge is Edge.CLOSED:
                found += self._end_segment()
        if self._wide.open:
            self._listen()
        return found

    def _leave_out_background(self) -> None:
        sounds, voiced = self.sounds(), canonical(self._closed)
        kept = foreground(voiced, self.envelope(), (*sounds.music, *sounds.tones))
        if kept != voiced:
            self._closed = list(kept)
            self._segments = list(of_speech(self._segments, voiced, kept))

    def _note_speech(self) -> None:
        self._closed.append((self._tight.start * FRAME_MS, self._tight.end * FRAME_MS))

    def _begin_segment(self) -> None:
        start = max(0, self._wide.start - _PADDING)
        self._segment_start = self._heard = max(self._heard, start - start % _GRID)
        self._current = factory, _ = self._next
        if factory is not None:
            self._guarded(lambda: self._create(factory))

    def _create(self, factory: RecogniserFactory) -> None:
        self._recogniser = factory.create(self._rate)

    def _listen(self) -> None:
        """Give the recogniser what certainly belongs to the segment: speech, and at most the padding behind it."""
        end = min(self._wide.end + _PADDING, self._tight.frames)
        recogniser = self._recogniser
        if recogniser is not None and end > self._heard:
            pcm = self._history.slice(self._heard, end)
            self._guarded(lambda: recogniser.accept(pcm))
        self._heard = max(self._heard, end)

    def _end_segment(self) -> list[Utterance]:
        self._listen()
        recogniser, self._recogniser = self._recogniser, None
        factory, language = self._current
        segment = Segment(
            start_ms=self._segment_start * FRAME_MS,
            end_ms=self._heard * FRAME_MS,
            spoken=(self._wide.start * FRAME_MS, self._wide.end * FRAME_MS),
            language=language,
        )
        found = [segment]
        if recogniser is not None and factory is not None:
            name = factory.model_name
            self._guarded(lambda: found.append(with_words(segment, recogniser.finish(), self.channel_id, name, language)))
        self._segments.append(found[-1])
        return list(found[-1].utterances)

    def _guarded(self, act: Callable[[], None]) -> None:
        """Run one step of recognition. Where it fails the segment's words are lost and the call goes on."""
        try:
            act()
        except RecogniserError as error:
            self.failures.append(error)
            self._recogniser = None


def _end(interval: Interval) -> int:
    return interval[1]


def speech_of(voiced: Iterable[Interval], segments: Iterable[Segment], thresholds: ThresholdSet) -> tuple[Interval, ...]:
    """Return the tight intervals of speech, in ms: short gaps closed, specks without a word dropped."""
    words = [time for segment in segments for said in segment.utterances for time in times(said.words)]
    joined = close_gaps(list(voiced), thresholds.vad_gap_close_ms)
    return tuple(one for one in joined if one[1] - one[0] >= thresholds.vad_min_speech_ms or _has_word(one, words))


def _has_word(interval: Interval, words: Sequence[Interval]) -> bool:
    start, end = interval
    at = bisect.bisect_left(words, end, key=lambda word: word[0])
    return at > 0 and words[at - 1][1] > start
