"""Which of a leg's metrics are shown, in which order and unit, and which stored intervals stand behind each number.

Names and meanings are in `analytics/columns.toml`, the formulas in `call/`; `call/evidence.py` says what intervals mean. A column
that is not here is in the API and the exports, but not on the page of a call.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice import dictionary
from cc_voice.store.calls import CallInterval
from cc_voice.web import words


class Evidence(msgspec.Struct, frozen=True):
    """Which intervals stand behind a metric. None does not restrict; `without` are subkinds that are not counted.

    `longest` takes only those of the greatest length; `otherwise` is what stands behind the metric where there is none of these.
    """

    kind: str
    party: str | None = None
    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    longest: bool = False
    otherwise: "Evidence | None" = None

    def behind(self, intervals: Sequence[CallInterval]) -> list[CallInterval]:
        """Return the intervals that stand behind the metric, in order."""
        found = [interval for interval in intervals if self._selects(interval)]
        if not found and self.otherwise is not None:
            return self.otherwise.behind(intervals)
        longest_ms = max((_length_ms(interval) for interval in found), default=0)
        return [interval for interval in found if not self.longest or _length_ms(interval) == longest_ms]

    def _selects(self, interval: CallInterval) -> bool:
        return (
            interval.kind == self.kind
            and (self.party is None or interval.party == self.party)
            and (self.only is None or interval.subkind in self.only)
            and interval.subkind not in self.without
        )


def _length_ms(interval: CallInterval) -> int:
    return interval.end_ms - interval.start_ms


class Metric(msgspec.Struct, frozen=True):
    """A row of the table; its words are those of `analytics/columns.toml`.

    `unit` says how the value is written: `%`, `ratio` and `conf` (0–1), `s` and `time` (milliseconds), `n`, `/min`, `speed`,
    `dB` and `dBFS`, `flag` (yes or no).
    """

    column: str
    unit: str
    evidence: Evidence | None = None

    @property
    def label(self) -> str:
        """What the row is called."""
        return self._told(dictionary.columns()[self.column].label)

    @property
    def meaning(self) -> str:
        """What it means, in a sentence."""
        return self._told(dictionary.columns()[self.column].meaning)

    def _told(self, text: str | None) -> str:
        if text is None:
            raise AssertionError(f"{self.column} is shown, so analytics/columns.toml has a label and a meaning for it")
        return text

    def shown(self, value: Any, leg: dict[str, Any]) -> tuple[str, str]:
        """Return a value and its unit as the page shows them."""
        match self.unit:
            case "%":
                return words.percent(value), "%"
            case "ratio":
                return words.percent(100 * value), "%"
            case "s":
                return words.seconds(value), "s"
            case "time":
                return words.clock(value), ""
            case "conf":
                return words.number(value, 2), ""
            case "/min":
                return words.number(value, 1), "/min"
            case "speed":
                return words.number(value), leg.get("talk_speed_unit") or "wpm"
            case "dBFS" | "dB":
                return words.number(value, 1), self.unit
            case "flag":
                return ("yes" if value else "no"), ""
            case _:
                return words.number(value), ""


class Section(msgspec.Struct, frozen=True):
    """A group of metrics with its heading."""

    title: str
    metrics: tuple[Metric, ...]


ON_HOLD = ("on_hold",)
_AGENT_SPEECH = Evidence("speech", "agent", without=ON_HOLD)
_CUSTOMER_SPEECH = Evidence("speech", "customer", without=ON_HOLD)
_LONG_SILENCE = Evidence("long_silence")
_DEAD_AIR = Evidence("dead_air")
_OVERTALK = Evidence("overtalk")
_HOLD = Evidence("hold")

SECTIONS: tuple[Section, ...] = (
    Section(
        "Talk and silence",
        (
            Metric("agent_talk_pct", "%", _AGENT_SPEECH),
            Metric("customer_talk_pct", "%", _CUSTOMER_SPEECH),
            Metric("talk_ratio_agent", "ratio", Evidence("speech", without=ON_HOLD)),
            Metric("silence_pct", "%", Evidence("silence")),
            Metric("long_silence_count", "n", _LONG_SILENCE),
            Metric(
                "longest_silence_ms",
                "s",
                # Not one kind alone: a colleague's words end a long silence and not a silence, and short ones are silences only
                Evidence("long_silence", longest=True, otherwise=Evidence("silence", longest=True)),
            ),
            Metric("dead_air_ms", "s", _DEAD_AIR),
            Metric("dead_air_agent_owed_ms", "s", Evidence("dead_air", "agent")),
        ),
    ),
    Section(
        "Overtalk and interruptions",
        (
            Metric("overtalk_pct", "%", _OVERTALK),
            Metric("overtalk_count", "n", Evidence("overtalk", without=("short",))),
            Metric("interruptions_agent", "n", Evidence("overtalk", "agent", only=("interruption",))),
            Metric("interruptions_customer", "n", Evidence("overtalk", "customer", only=("interruption",))),
            Metric("agent_overlap_turn_pct", "%", Evidence("turn", "agent")),
        ),
    ),
    Section(
        "Pace",
        (
            Metric("greeting_latency_ms", "s", Evidence("greeting")),
            Metric("response_latency_ms_agent_p50", "s", Evidence("latency", "agent")),
            Metric("response_latency_ms_agent_p90", "s", Evidence("latency", "agent")),
            Metric("response_latency_ms_customer_p50", "s", Evidence("latency", "customer")),
            Metric("wpm_agent", "speed", _AGENT_SPEECH),
            Metric("wpm_customer", "speed", _CUSTOMER_SPEECH),
            Metric("longest_monologue_ms_agent", "time", Evidence("turn", "agent")),
            Metric("longest_monologue_ms_customer", "time", Evidence("turn", "customer")),
            Metric("turn_switch_per_min", "/min", Evidence("turn")),
            Metric("question_count_agent", "n", Evidence("question", "agent")),
            Metric("repeat_request_count", "n", Evidence("repeat_request")),
        ),
    ),
    Section(
        "Handling",
        (
            Metric("answer_delay_ms", "s"),
            Metric("interaction_ms", "time"),
            Metric("hold_ms", "time", _HOLD),
            Metric("hold_count", "n", _HOLD),
            Metric("cust_speech_on_hold_ms", "s", Evidence("speech", "customer", only=ON_HOLD)),
            Metric("conference_ms", "time", Evidence("conference")),
            Metric("acw_ms", "time"),
            Metric("media_gap_ms", "s", Evidence("excluded")),
        ),
    ),
    Section(
        "Sound",
        (
            Metric("one_way_audio", "flag"),
            Metric("level_dbfs_agent", "dBFS", _AGENT_SPEECH),
            Metric("level_dbfs_customer", "dBFS", _CUSTOMER_SPEECH),
            Metric("quiet_pct_agent", "%"),
            Metric("quiet_pct_customer", "%"),
            Metric("clipping_pct_agent", "%"),
            Metric("clipping_pct_customer", "%"),
            Metric("snr_db_agent", "dB"),
            Metric("snr_db_customer", "dB"),
            Metric("raised_voice_count_agent", "n", Evidence("raised_voice", "agent")),
            Metric("raised_voice_count_customer", "n", Evidence("raised_voice", "customer")),
            Metric("echo_suspect", "flag", Evidence("echo")),
        ),
    ),
    Section(
        "Recognition",
        (
            Metric("asr_conf_mean", "conf"),
            Metric("low_conf_word_pct", "%"),
            Metric("word_disagreement_pct", "%", Evidence("disagreement")),
            Metric("word_disagreement_pct_agent", "%", Evidence("disagreement", "agent")),
            Metric("word_disagreement_pct_customer", "%", Evidence("disagreement", "customer")),
        ),
    ),
    Section(
        "Languages",
        (
            Metric("lang_switch_count_customer", "n", Evidence("lang_switch", "customer")),
            Metric("lang_switch_count_agent", "n", Evidence("lang_switch", "agent")),
            Metric("lang_mismatch_ms", "time", Evidence("lang_mismatch")),
            Metric("cmi_customer", "%"),
            # Where the site fixes the language nothing had to be found out: then all of the speech is in it
            Metric("unsupported_lang_ms", "time", Evidence("language", otherwise=Evidence("speech", without=ON_HOLD))),
            Metric("lid_conf_mean", "conf", Evidence("language")),
        ),
    ),
)

BY_COLUMN = {metric.column: metric for section in SECTIONS for metric in section.metrics}
