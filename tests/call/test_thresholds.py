"""The default thresholds are the bold values of the metric dictionary, and each of them reaches the metrics."""

import msgspec
import pytest

from cc_voice.call.analysis import Interval
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import between_two, local, measured

DICTIONARY = {
    "vad_gap_close_ms": 200,
    "vad_min_speech_ms": 90,
    "min_analysed_ms": 10_000,
    "long_silence_ms": 3_000,
    "dead_air_ms": 10_000,
    "wait_phrase_lookback_ms": 10_000,
    "overtalk_ms": 300,
    "dual_start_ms": 300,
    "terminal_overlap_ms": 500,
    "early_overlap_ms": 1_000,
    "taken_within_ms": 3_000,
    "taken_alone_ms": 1_000,
    "backchannel_max_ms": 1_000,
    "backchannel_max_words": 2,
    "backchannel_continue_ms": 500,
    "turn_gap_ms": 3_000,
    "monologue_ms": 90_000,
    "latency_cap_ms": 10_000,
    "min_wpm_words": 30,
    "min_wpm_talk_ms": 10_000,
    "digit_run_words": 6,
    "low_conf": 0.6,
    "lang_switch_ms": 1_500,
    "lang_switch_words": 3,
    "lang_switch_conf": 0.7,
    "lid_undecided_conf": 0.6,
    "cust_speech_on_hold": False,
    "quiet_dbfs": -45.0,
    "raised_voice_db": 10.0,
    "raised_voice_ms": 3_000,
    "raised_voice_agent": True,
}
OURS = {"transcript_prefer": "local", "min_transcript_conf": 0.75, "echo_correlation_pct": 40}
OURS |= {"qa_min_snr_db": 20.0, "qa_max_clipping_pct": 5.0, "qa_max_echo_pct": 10.0}
OURS |= {"sentiment": True}
"""Not of the dictionary: whose words are measured, from when on an echo is suspected, what makes doubtful who spoke when, and
whether words are scored."""


def test_defaults_are_those_of_the_dictionary() -> None:
    made = msgspec.to_builtins(ThresholdSet())
    assert {name: made[name] for name in DICTIONARY} == DICTIONARY
    assert {name: made[name] for name in OURS} == OURS
    assert set(made) - set(DICTIONARY) - set(OURS) == {"threshold_set_id", "name"}


AGENT: tuple[Interval, ...] = ((1_000, 12_000), (30_000, 36_000), (41_000, 43_000))
CUSTOMER: tuple[Interval, ...] = ((8_000, 14_000), (33_000, 33_600), (34_500, 35_200))
WORDS = " ".join(["word"] * 40)


@pytest.mark.parametrize(
    ("changed", "metric", "default", "value"),
    [
        ({"min_analysed_ms": 60_001}, "overtalk_count", 3, None),
        ({"long_silence_ms": 17_001}, "long_silence_count", 3, 0),
        ({"dead_air_ms": 20_000}, "dead_air_count", 2, 0),
        ({"overtalk_ms": 601}, "overtalk_count", 3, 2),
        ({"dual_start_ms": 7_000}, "interruptions_customer", 1, 0),
        ({"terminal_overlap_ms": 4_000}, "interruptions_customer", 1, 0),
        ({"early_overlap_ms": 7_001}, "interruptions_customer", 1, 0),
        ({"backchannel_max_ms": 600}, "interruptions_customer", 1, 2),
        ({"backchannel_continue_ms": 801}, "interruptions_customer", 1, 2),
        ({"turn_gap_ms": 5_001}, "longest_monologue_ms_agent", 11_000, 13_000),
        ({"monologue_ms": 11_000}, "monologue_count_agent", 0, 1),
        ({"min_wpm_words": 41}, "wpm_agent", 40 / 19 * 60, None),
        ({"min_wpm_talk_ms": 19_001}, "wpm_agent", 40 / 19 * 60, None),
        ({"low_conf": 0.95}, "low_conf_word_pct", 0, 100),
    ],
)
def test_a_site_can_match_its_previous_vendor(changed: dict[str, float], metric: str, default: float, value: float | None) -> None:
    call = between_two(AGENT, CUSTOMER, utterances=[local("a", (1_000, 12_000), WORDS)])
    for thresholds, expected in ((ThresholdSet(), default), (ThresholdSet(**changed), value)):
        found = getattr(measured(call, thresholds=thresholds)[1], metric)
        assert found == (None if expected is None else pytest.approx(expected))
