"""One channel from PCM to utterances: times, cuts, failures."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import RecogniserError
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecognisedSegment, Recogniser, RecogniserFactory
from cc_voice.speech.voice_activity.detector import DetectorFactory
from cc_voice.speech.voice_activity.webrtc import WebrtcDetector
from cc_voice.speech.vosk import VoskFactory
from tests.conftest import examples

RATE = 16000
Result = tuple[list[Utterance], tuple[tuple[int, int], ...], int]


def listened(
    factory: RecogniserFactory | None, pcm: bytes, cuts: list[int] | None = None, detectors: DetectorFactory = WebrtcDetector
) -> Result:
    pipeline = ChannelPipeline("ch-1", RATE, factory, "en-US", detectors=detectors)
    found: list[Utterance] = []
    for start, end in pairwise([0, *sorted(cuts or []), len(pcm)]):
        found += pipeline.feed(pcm[start:end])
    return found + pipeline.finish(), pipeline.speech(), pipeline.position_ms


class Scripted:
    """A recogniser and its factory in one: keeps what it hears, answers or fails as told."""

    model_name: str | None = "scripted"
    language: str | None = "en"

    def __init__(self, answer: RecognisedSegment | None = None, fails: str = "", times: int = 1) -> None:
        self.segments: list[bytes] = []
        self._answer = answer or RecognisedSegment(text="")
        self._fails, self._times = fails, times

    def create(self, sample_rate_hz: int) -> Recogniser:
        self._maybe_fail("create")
        self.segments.append(b"")
        return self

    def accept(self, pcm: bytes) -> None:
        self._maybe_fail("accept")
        self.segments[-1] += pcm

    def partial(self) -> str:
        self._maybe_fail("partial")
        return "so far"

    def finish(self) -> RecognisedSegment:
        self._maybe_fail("finish")
        return self._answer

    def _maybe_fail(self, step: str) -> None:
        if step == self._fails and self._times:
            self._times -= 1
            raise RecogniserError(f"{step} failed")


def test_words_and_utterances_lie_on_the_streams_clock(vosk_factory: VoskFactory, spoken: Samples) -> None:
    utterances, speech, position_ms = listened(vosk_factory, spoken.tobytes())
    assert len(utterances) >= 2
    assert position_ms == len(spoken) * 1000 // RATE
    for one in utterances:
        times = [time for word in one.words for time in (word.start_ms, word.end_ms) if time is not None]
        assert times == sorted(times)
        assert (one.start_ms, one.end_ms) == (times[0], times[-1])
        assert one.text == " ".join(word.word for word in one.words)
        assert (one.channel_id, one.language, one.source, one.asr_model) == ("ch-1", "en-US", "local", vosk_factory.model_name)
        assert any(start - 150 <= one.start_ms <= end for start, end in speech)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(utterances))


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 12 * RATE * 2), max_size=40))
def test_cuts_anywhere_change_nothing(
    vosk_factory: VoskFactory, spoken: Samples, two_stages: DetectorFactory, cuts: list[int]
) -> None:
    pcm = spoken.tobytes()
    for detectors in (WebrtcDetector, two_stages):
        assert listened(vosk_factory, pcm, cuts, detectors) == listened(vosk_factory, pcm, None, detectors)


@pytest.mark.parametrize("block_ms", [37, 1000])
def test_levels_are_those_of_the_speech_however_it_is_cut(spoken: Samples, two_stages: DetectorFactory, block_ms: int) -> None:
    pcm, step = spoken.tobytes(), RATE * 2 * block_ms // 1000
    whole, cut = (ChannelPipeline("ch-1", RATE, None, "en", detectors=two_stages) for _ in range(2))
    whole.feed(pcm)
    for at in range(0, len(pcm), step):
        cut.feed(pcm[at : at + step])
    whole.finish()
    cut.finish()
    levels = whole.levels()
    assert levels == cut.levels()
    assert len(levels) == len(spoken) // RATE
    spoken_ms = sum(end - start for start, end in whole.speech())
    assert sum(second.speech_ms for second in levels) == pytest.approx(spoken_ms, rel=0.2)
    assert all(second.level_cb is None or -400 < second.level_cb < 0 for second in levels)


@pytest.mark.parametrize("block_ms", [10, 20, 37, 200])
def test_packets_change_nothing(vosk_factory: VoskFactory, spoken: Samples, two_stages: DetectorFactory, block_ms: int) -> None:
    pcm = spoken.tobytes()
    cuts = list(range(0, len(pcm), RATE * 2 * block_ms // 1000))
    for detectors in (WebrtcDetector, two_stages):
        assert listened(vosk_factory, pcm, cuts, detectors) == listened(vosk_factory, pcm, None, detectors)


def test_both_detectors_give_the_recogniser_the_same_words(
    vosk_factory: VoskFactory, spoken: Samples, two_stages: DetectorFactory
) -> None:
    one, other = (listened(vosk_factory, spoken.tobytes(), None, detectors)[0] for detectors in (WebrtcDetector, two_stages))
    assert [said.text for said in one] == [said.text for said in other]


def test_words_leave_half_a_second_after_they_began(spoken: Samples, two_stages: DetectorFactory) -> None:
    """The second opinion is in when 160 ms of speech were heard; the rest is the block and the resampler."""
    _, speech, _ = listened(None, spoken.tobytes(), None, two_stages)
    heard_ms, pipeline = 0, ChannelPipeline("ch-1", RATE, Scripted(), "en", detectors=two_stages)
    while not pipeline.partial():
        pipeline.feed(spoken[heard_ms * RATE // 1000 : (heard_ms + 20) * RATE // 1000].tobytes())
        heard_ms += 20
    assert heard_ms <= speech[0][0] + 500


def test_hold_music_and_dialling_are_labelled_and_no_speech(two_stages: DetectorFactory) -> None:
    seconds = np.arange(RATE * 8) / RATE
    chord = sum(np.sin(2 * np.pi * pitch * seconds * 2 ** (np.floor(seconds * 2) % 5 / 12)) for pitch in (220, 277, 330, 440, 554))
    digit = np.sin(2 * np.pi * 770 * seconds) + np.sin(2 * np.pi * 1336 * seconds)
    sound = np.concatenate([chord * 2500, np.zeros(RATE * 2), (digit * 6000)[: RATE // 2], np.zeros(RATE)]).astype(np.int16)
    pipeline = ChannelPipeline("ch-1", RATE, None, "en", detectors=two_stages)
    pipeline.feed(sound.tobytes())
    pipeline.finish()
    assert pipeline.speech() == ()
    assert [(round(start, -3), round(end, -3)) for start, end in pipeline.sounds().music] == [(0, 8000)]
    assert [(round(start, -2), round(end, -2)) for start, end in pipeline.sounds().tones] == [(10_000, 10_500)]


def test_without_a_recogniser_speech_is_found_and_words_are_not(vosk_factory: VoskFactory, spoken: Samples) -> None:
    utterances, speech, _ = listened(None, spoken.tobytes())
    assert utterances == []
    assert speech == listened(vosk_factory, spoken.tobytes())[1]
    assert len(speech) >= 2


def test_a_hole_of_zeros_moves_everything_behind_it(vosk_factory: VoskFactory, spoken: Samples) -> None:
    straight, late = listened(vosk_factory, spoken.tobytes()), listened(vosk_factory, bytes(RATE * 2 * 5) + spoken.tobytes())
    assert [one.text for one in straight[0]] == [one.text for one in late[0]]
    for before, after in zip(straight[1], late[1], strict=True):
        assert np.abs(np.array(after) - np.array(before) - 5000).max() <= 50


@pytest.mark.parametrize("late_ms", [0, 10, 20, 3010])
def test_segments_begin_on_the_grid_of_recognisers(spoken: Samples, two_stages: DetectorFactory, late_ms: int) -> None:
    """A word more or less is lost to noise wherever a recogniser begins to count; on one grid it is the same as in the whole."""
    pipeline = ChannelPipeline("ch-1", RATE, Scripted(), "en", detectors=two_stages)
    pipeline.feed(bytes(RATE * 2 * late_ms // 1000) + spoken.tobytes())
    pipeline.finish()
    segments = pipeline.segments()
    assert len(segments) >= 2
    before_ms = 0
    for one in segments:
        assert one.start_ms % 30 == 0 or one.start_ms == before_ms
        assert max(before_ms, one.spoken[0] - 170) <= one.start_ms <= max(before_ms, one.spoken[0] - 150)
        before_ms = one.end_ms


def test_a_recogniser_hears_every_segment_once_and_in_order(spoken: Samples) -> None:
    scripted = Scripted()
    pcm = spoken.tobytes()
    _, speech, position_ms = listened(scripted, pcm, [40_001, 90_000])
    covered, at = [], 0
    for segment in scripted.segments:
        at = pcm.index(segment, at)
        covered.append((at * 1000 // (RATE * 2), (at + len(segment)) * 1000 // (RATE * 2)))
        at += len(segment)
    for start, end in speech:
        assert any(low <= max(0, start - 140) and high >= min(end + 140, position_ms) for low, high in covered)


@pytest.mark.parametrize("step", ["create", "accept", "finish"])
def test_a_failing_recogniser_costs_one_segments_words_and_nothing_else(spoken: Samples, step: str) -> None:
    answer = RecognisedSegment(text="yes", words=(Word("yes", 200, 400, 0.9),))
    well, ill = Scripted(answer), Scripted(answer, fails=step)
    expected, speech, _ = listened(well, spoken.tobytes())
    pipeline = ChannelPipeline("ch-1", RATE, ill, "en-US")
    found = pipeline.feed(spoken.tobytes()) + pipeline.finish()
    assert found == expected[1:]
    assert pipeline.speech() == speech
    assert [str(error) for error in pipeline.failures] == [f"{step} failed"]


def test_words_in_progress_are_told_while_somebody_speaks(spoken: Samples) -> None:
    pipeline = ChannelPipeline("ch-1", RATE, Scripted(), "en")
    pipeline.feed(bytes(RATE))
    assert pipeline.partial() == ""
    seen = set()
    for at in range(0, len(spoken), 3200):
        pipeline.feed(spoken[at : at + 3200].tobytes())
        seen.add(pipeline.partial())
    assert seen == {"", "so far"}
    pipeline.finish()
    assert pipeline.partial() == ""


def test_a_failing_partial_is_counted(spoken: Samples) -> None:
    pipeline = ChannelPipeline("ch-1", RATE, Scripted(fails="partial", times=1000), "en")
    for at in range(0, len(spoken), 3200):
        pipeline.feed(spoken[at : at + 3200].tobytes())
        assert pipeline.partial() == ""
    assert pipeline.failures


def test_an_utterance_without_word_times_has_its_segments(spoken: Samples) -> None:
    utterances, speech, _ = listened(Scripted(RecognisedSegment(text="yes no", words=(Word("yes"), Word("no")))), spoken.tobytes())
    assert utterances[0].start_ms == speech[0][0]
    assert utterances[-1].end_ms == speech[-1][1]
    assert utterances[0].words == (Word("yes"), Word("no"))


def test_word_times_beyond_the_segment_are_clipped(spoken: Samples) -> None:
    wild = RecognisedSegment(text="early late", words=(Word("early", 100, 100, 0.5), Word("late", 90_000, 91_000, 0.5)))
    utterances, _, position_ms = listened(Scripted(wild), spoken.tobytes())
    assert len(utterances) >= 2
    assert all(one.start_ms < one.end_ms <= position_ms for one in utterances)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(utterances))
    assert all(word.start_ms < word.end_ms for one in utterances for word in one.words if word.start_ms is not None and word.end_ms)


def test_audio_that_ends_in_mid_word_still_gives_its_utterance(vosk_factory: VoskFactory, spoken: Samples) -> None:
    whole, speech, _ = listened(vosk_factory, spoken.tobytes())
    middle_ms = sum(speech[0]) // 2
    utterances, cut, position_ms = listened(vosk_factory, spoken[: middle_ms * RATE // 1000].tobytes())
    assert cut == ((speech[0][0], middle_ms),)
    assert position_ms == middle_ms
    assert utterances[0].text
    assert whole[0].text.split()[:2] == utterances[0].text.split()[:2]
    assert utterances[0].end_ms <= middle_ms


def test_specks_are_dropped_unless_they_hold_a_word(spoken: Samples) -> None:
    strict = ThresholdSet(vad_min_speech_ms=60_000)
    yes = RecognisedSegment(text="yes", words=(Word("yes", 200, 400, 0.9),))
    deaf, hearing = (ChannelPipeline("ch-1", RATE, factory, "en", strict) for factory in (None, Scripted(yes)))
    for pipeline in (deaf, hearing):
        pipeline.feed(spoken.tobytes())
        pipeline.finish()
    assert deaf.speech() == ()
    assert 0 < len(hearing.speech()) <= len(listened(None, spoken.tobytes())[1])


def test_the_gap_to_close_is_the_sites_choice(spoken: Samples) -> None:
    pipeline = ChannelPipeline("ch-1", RATE, None, "en", ThresholdSet(vad_gap_close_ms=60_000))
    pipeline.feed(spoken.tobytes())
    _, speech, _ = listened(None, spoken.tobytes())
    assert pipeline.speech() == ((speech[0][0], speech[-1][1]),)


def test_speech_that_goes_on_is_visible_at_once(spoken: Samples) -> None:
    _, speech, _ = listened(None, spoken.tobytes())
    middle_ms = sum(speech[0]) // 2
    pipeline = ChannelPipeline("ch-1", RATE, None, "en")
    pipeline.feed(spoken[: middle_ms * RATE // 1000].tobytes())
    assert pipeline.speech()[0][0] == speech[0][0]


def test_no_audio_has_no_speech() -> None:
    assert listened(None, b"") == ([], (), 0)
    assert listened(None, b"\0") == ([], (), 0)
    assert listened(None, bytes(RATE * 2 * 60)) == ([], (), 60_000)


def test_rates_that_cannot_be_examined_are_refused(two_stages: DetectorFactory) -> None:
    for detectors in (WebrtcDetector, two_stages):
        with pytest.raises(ValueError, match="resample to 16000 Hz"):
            ChannelPipeline("ch-1", 44100, None, "en", detectors=detectors)
