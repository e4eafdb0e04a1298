"""The thresholds of the metric dictionary in one place, so that a site can match the numbers of its previous vendor."""

from typing import Literal

import msgspec


class ThresholdSet(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are the bold values of the metric dictionary. All in milliseconds unless the name says otherwise."""

    threshold_set_id: int = 1
    name: str = "default"
    vad_gap_close_ms: int = 200
    vad_min_speech_ms: int = 90
    min_analysed_ms: int = 10_000
    long_silence_ms: int = 3_000
    dead_air_ms: int = 10_000
    wait_phrase_lookback_ms: int = 10_000
    overtalk_ms: int = 300
    dual_start_ms: int = 300
    terminal_overlap_ms: int = 500
    early_overlap_ms: int = 1_000
    taken_within_ms: int = 3_000
    taken_alone_ms: int = 1_000
    backchannel_max_ms: int = 1_000
    backchannel_max_words: int = 2
    backchannel_continue_ms: int = 500
    turn_gap_ms: int = 3_000
    monologue_ms: int = 90_000
    latency_cap_ms: int = 10_000
    min_wpm_words: int = 30
    min_wpm_talk_ms: int = 10_000
    digit_run_words: int = 6
    low_conf: float = 0.6
    transcript_prefer: Literal["local", "zoom", "best"] = "local"
    """Whose words are the transcript where our recogniser and Zoom's transcript heard the same speech."""
    min_transcript_conf: float = 0.75
    """`best` takes our words from this mean confidence on. Ours: above `low_conf`, as a mean of that has many doubtful words."""
    cust_speech_on_hold: bool = False
    """Sensitive: measured only where the site says so."""
