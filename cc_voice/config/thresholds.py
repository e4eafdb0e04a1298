"""The thresholds of the metric dictionary in one place, so that a site can match the numbers of its previous vendor.

They stand at the bottom of the house: the configuration holds sets of them, the metrics are measured with one.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

SITE_SET = "default"
"""Name of the set that is in force where no other is."""


class ThresholdSet(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are the bold values of the metric dictionary. All in milliseconds unless the name says otherwise."""

    threshold_set_id: int = 1
    name: str = SITE_SET
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
    lang_switch_ms: int = 1_500
    lang_switch_words: int = 3
    lang_switch_conf: float = 0.7
    lid_undecided_conf: float = 0.6
    transcript_prefer: Literal["local", "zoom", "best"] = "local"
    """Whose words are the transcript where our recogniser and Zoom's transcript heard the same speech."""
    min_transcript_conf: float = 0.75
    """`best` takes our words from this mean confidence on. Ours: above `low_conf`, as a mean of that has many doubtful words."""
    quiet_dbfs: float = -45.0
    raised_voice_db: float = 10.0
    raised_voice_ms: int = 3_000
    raised_voice_agent: bool = True
    """Whether agents are measured too; customers always are. Off at the site is off for every queue."""
    echo_correlation_pct: int = 40
    cust_speech_on_hold: bool = False
    """Sensitive: measured only where the site says so."""


class QueueThresholds(ThresholdSet, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set and the queues, by id or name, whose legs are measured with it."""

    queues: tuple[str, ...] = ()

    def problem(self) -> str | None:
        """Return why a site cannot use these values, None where it can."""
        fixed = ("threshold_set_id", "vad_gap_close_ms", "vad_min_speech_ms", "transcript_prefer")
        for name, value in msgspec.structs.asdict(self.values).items():
            if name in fixed and value != getattr(_DEFAULTS, name):
                return f"{name} cannot be set here"
            if isinstance(value, int | float) and value < 0 and name != "quiet_dbfs":
                return f"{name} is {value}; write 0 or more"
        if self.queues and self.min_transcript_conf != _DEFAULTS.min_transcript_conf:
            return "min_transcript_conf is chosen for whole calls, not for queues; write it in the set named default"
        if not -100 <= self.quiet_dbfs <= 0:
            return f"quiet_dbfs is {self.quiet_dbfs}; levels are -100 to 0 dBFS"
        if self.echo_correlation_pct > 100:
            return f"echo_correlation_pct is {self.echo_correlation_pct}; percentages are 0 to 100"
        high = next((name for name in ("low_conf", "min_transcript_conf") if getattr(self, name) > 1), None)
        return f"{high} is {getattr(self, high)}; confidences are 0 to 1" if high else None

    @property
    def values(self) -> ThresholdSet:
        """The set alone: what is stored with the legs."""
        return ThresholdSet(**{name: getattr(self, name) for name in ThresholdSet.__struct_fields__})


_DEFAULTS = ThresholdSet()


def for_queue(
    site: ThresholdSet, by_queue: Sequence[QueueThresholds], queue_id: str | None, queue_name: str | None
) -> ThresholdSet:
    """Return what a leg of a queue is measured with: the first set that names the queue, else the site's.

    Whose words count is chosen for a call as a whole, before it has legs: that part is always the site's.
    """
    names = {queue_id, queue_name} - {None}
    own = next((entry.values for entry in by_queue if names.intersection(entry.queues)), site)
    return msgspec.structs.replace(
        own,
        raised_voice_agent=own.raised_voice_agent and site.raised_voice_agent,
        transcript_prefer=site.transcript_prefer,
        min_transcript_conf=site.min_transcript_conf,
    )


# -- thresholds in texts ---------------------------------------------------------------------------------------------

_PLACE = re.compile(r"\{(\w+)\}")


def told(text: str, sets: Iterable[ThresholdSet]) -> str:
    """Return a text about thresholds with their numbers in it: `silences of {long_silence_s} s` becomes "silences of 3 s".

    A place names a field of the sets, times also in seconds (`_s`). Where the sets differ all values are told ("3 or 5 s"), as
    what is said holds for whatever was measured with any of them. Raises AttributeError for another name.
    """
    known = tuple(sets)

    def values(place: re.Match[str]) -> str:
        if not known:
            raise ValueError(f"{place[0]} is told from at least one set of thresholds")
        return " or ".join(_written(value) for value in sorted({_value(each, place[1]) for each in known}))

    return _PLACE.sub(values, text)


def _value(chosen: ThresholdSet, name: str) -> float:
    in_ms = f"{name[:-2]}_ms"
    is_seconds = name.endswith("_s") and in_ms in ThresholdSet.__struct_fields__
    value: float = getattr(chosen, in_ms) / 1000 if is_seconds else getattr(chosen, name)
    return value


def _written(value: float) -> str:
    return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")
