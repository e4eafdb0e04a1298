"""The thresholds of the metric dictionary in one place, so that a site can match the numbers of its previous vendor.

They stand at the bottom of the house: the configuration holds sets of them, the metrics are measured with one.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from cc_voice.config.alert_thresholds import AlertThresholds

SITE_SET = "default"
"""Name of the set that is in force where no other is."""


class ThresholdSet(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are the bold values of the metric dictionary. All in milliseconds unless the name says otherwise."""

    threshold_set_id: int = 1
    """Given by the store; cannot be set."""
    name: str = SITE_SET
    """`default` is the site's set."""
    vad_gap_close_ms: int = 200
    """Gaps in a party's speech up to this are closed. Part of how speech is stored: cannot be set."""
    vad_min_speech_ms: int = 90
    """Shorter sounds without a word are no speech. Part of how speech is stored: cannot be set."""
    min_analysed_ms: int = 10_000
    """A leg with less analysed time is too short for rates, and not eligible for quality."""
    long_silence_ms: int = 3_000
    """Neither speaks for so long: a long silence."""
    dead_air_ms: int = 10_000
    """A silence so long is dead air, unless the agent announced the wait."""
    wait_phrase_lookback_ms: int = 10_000
    """How long before a silence an agent's phrase may have announced it."""
    overtalk_ms: int = 300
    """Both speak for so long: an overtalk event."""
    dual_start_ms: int = 300
    """Both began within this of each other: a dual start, nobody's interruption."""
    terminal_overlap_ms: int = 500
    """The speaker ended within this of the other's beginning: no interruption."""
    early_overlap_ms: int = 1_000
    """The speaker's turn was younger than this: no interruption."""
    taken_within_ms: int = 3_000
    """An interruption is taken where the speaker ends within this …"""
    taken_alone_ms: int = 1_000
    """… and who interrupted goes on alone for so long; else it was attempted."""
    backchannel_max_ms: int = 1_000
    """A listening sound ("mhm") is no longer than this …"""
    backchannel_max_words: int = 2
    """… has no more words than this, or only such sounds …"""
    backchannel_continue_ms: int = 500
    """… and the other goes on for at least so long after it."""
    turn_gap_ms: int = 3_000
    """A party's speech is one turn where its pauses are shorter than this and the other takes no turn between."""
    monologue_ms: int = 90_000
    """A turn of so long is a monologue."""
    latency_cap_ms: int = 10_000
    """Longer waits for an answer count as this much."""
    min_wpm_words: int = 30
    """No talk speed from fewer words."""
    min_wpm_talk_ms: int = 10_000
    """No talk speed from less speech."""
    digit_run_words: int = 6
    """So many digits in a row are a number read out, left out of talk speed with its time."""
    low_conf: float = 0.6
    """Words below this confidence are doubtful."""
    lang_switch_ms: int = 1_500
    """A change of language needs so much speech …"""
    lang_switch_words: int = 3
    """… so many words …"""
    lang_switch_conf: float = 0.7
    """… and so sure an identification."""
    lid_undecided_conf: float = 0.6
    """Speech whose language is less sure than this counts as undecided."""
    transcript_prefer: Literal["local", "zoom", "best"] = "local"
    """Whose words are the transcript where our recogniser and Zoom's transcript heard the same speech."""
    min_transcript_conf: float = 0.75
    """`best` takes our words from this mean confidence on. Ours: above `low_conf`, as a mean of that has many doubtful words."""
    quiet_dbfs: float = -45.0
    """Speech below this level is quiet; -100 to 0 dBFS."""
    raised_voice_db: float = 10.0
    """A voice is raised so much above the speaker's own median …"""
    raised_voice_ms: int = 3_000
    """… for so long."""
    raised_voice_agent: bool = True
    """Whether agents are measured too; customers always are. Off at the site is off for every queue."""
    sentiment: bool = True
    """Whether the customer's words are scored by a word list; agents' never are. Off at the site is off for every queue."""
    echo_correlation_pct: int = 40
    """A channel follows the other's level this closely: an echo is suspected; 0 to 100."""
    qa_min_snr_db: float = 20.0
    """Speech of a party less far above the noise of the line makes the leg not eligible for quality …"""
    qa_max_clipping_pct: float = 5.0
    """… and so does more of it cut off at full scale …"""
    qa_max_echo_pct: float = 10.0
    """… or, where an echo is suspected, more of it where that may be."""
    cust_speech_on_hold: bool = False
    """Sensitive: measured only where the site says so."""


class QueueThresholds(ThresholdSet, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set and the queues, by id or name, whose legs are measured with it."""

    queues: tuple[str, ...] = ()
    """Ids or names of the queues; none: the set is tried by hand, or is the site's where it is named `default`."""
    alerts: AlertThresholds = AlertThresholds()
    """From when a supervisor is told of a call that goes on."""

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
        shares = ("echo_correlation_pct", "qa_max_clipping_pct", "qa_max_echo_pct")
        if over := next((name for name in shares if getattr(self, name) > 100), None):
            return f"{over} is {getattr(self, over)}; percentages are 0 to 100"
        high = next((name for name in ("low_conf", "min_transcript_conf") if getattr(self, name) > 1), None)
        return f"{high} is {getattr(self, high)}; confidences are 0 to 1" if high else self.alerts.problem()

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
        sentiment=own.sentiment and site.sentiment,
        transcript_prefer=site.transcript_prefer,
        min_transcript_conf=site.min_transcript_conf,
    )


def alerts_for_queue(sets: Sequence[QueueThresholds], queue_id: str | None, queue_name: str | None) -> AlertThresholds:
    """Return from when a supervisor is told of calls of a queue: as its first set says, else the site's."""
    names = {queue_id, queue_name} - {None}
    own = next((entry for entry in sets if names.intersection(entry.queues)), None)
    found = own or next((entry for entry in sets if entry.name == SITE_SET), None)
    return found.alerts if found else AlertThresholds()


def problem(sets: Sequence[QueueThresholds]) -> str | None:
    """Return why a site cannot use these sets together, None where it can."""
    names = [entry.name for entry in sets]
    queues = [queue for entry in sets for queue in entry.queues]
    for what, listed in (("sets of thresholds have the name", names), ("sets of thresholds are for the queue", queues)):
        if twice := next((name for name in listed if listed.count(name) > 1), None):
            return f"two {what} {twice!r}; see [[thresholds]]"
    found = ((entry.name, entry.problem()) for entry in sets)
    return next((f"thresholds {name!r}: {told}" for name, told in found if told), None)


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
