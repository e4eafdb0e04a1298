"""Confidence of words, and rates of disagreement (1.6)."""

import pytest

from cc_voice.call.metrics.recogniser_quality import disagreement_of
from cc_voice.call.reasons import Unmeasured
from cc_voice.call.transcript.disagreement import Compared
from tests.call.calls import between_two, channel, local, measured, reasons_of, stream, zoom


def test_zooms_words_have_no_confidence() -> None:
    said = [zoom("a", (0, 4_000), "hello"), zoom("c", (5_000, 9_000), "good day")]
    call, leg = measured(between_two([(0, 4_000)], [(5_000, 9_000)], utterances=said))
    assert (leg.word_count_agent, leg.backchannel_method) == (1, "duration")
    assert {reasons_of(call)[name] for name in ("asr_conf_mean", "low_conf_word_pct")} == {"zoom_words_only"}


@pytest.mark.parametrize(("conf", "low"), [(0.6, 0.0), (0.599, 50.0)])
def test_confidence_is_weighted_and_low_is_below_the_threshold(conf: float, low: float) -> None:
    said = [local("a", (0, 3_000), "hello", conf=conf), local("c", (5_000, 6_000), "yes", conf=1.0)]
    _, leg = measured(between_two([(0, 3_000)], [(5_000, 6_000)], utterances=said))
    assert (leg.asr_conf_mean, leg.low_conf_word_pct) == (pytest.approx((3 * conf + 1) / 4), low)


def test_on_a_mixed_channel_confidence_is_everybodys() -> None:
    said = [local("x", (0, 4_000), "hello there", conf=0.5)]
    _, leg = measured(stream(channel("x", (0, 4_000)), mixed_audio=True, utterances=said))
    assert (leg.asr_conf_mean, leg.low_conf_word_pct, leg.conversation_ms) == (0.5, 100.0, 4_000)


def test_a_party_of_which_nothing_was_compared_has_no_rate() -> None:
    assert set(disagreement_of("_agent", [], "one_recogniser").values()) == {Unmeasured("one_recogniser")}
    pieces = [Compared(channel_id="a", start_ms=0, end_ms=1, differing=n, words=4) for n in (1, 0)]
    assert disagreement_of("", pieces, "one_recogniser") == {
        "compared_word_count": 8,
        "differing_word_count": 1,
        "word_disagreement_pct": 12.5,
    }
