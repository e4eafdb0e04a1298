"""How a leg's metrics are shown: name, meaning in a sentence, unit, and which stored intervals stand behind the number.

The formulas themselves live in `call/`; `call/evidence.py` says what intervals mean. A column that is not here is in the API
and the exports, but not on the page of a call.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

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
    """A row of the table.

    `unit` says how the value is written: `%`, `ratio` and `conf` (0–1), `s` and `time` (milliseconds), `n`, `/min`, `speed`.
    """

    column: str
    label: str
    meaning: str
    unit: str
    evidence: Evidence | None = None

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
            Metric("agent_talk_pct", "Agent talk", "Share of analysed time in which the agent speaks.", "%", _AGENT_SPEECH),
            Metric(
                "customer_talk_pct", "Customer talk", "Share of analysed time in which the customer speaks.", "%", _CUSTOMER_SPEECH
            ),
            Metric(
                "talk_ratio_agent",
                "Agent share of speech",
                "The agent’s speech as a share of both parties’ speech; silence plays no part.",
                "ratio",
                Evidence("speech", without=ON_HOLD),
            ),
            Metric("silence_pct", "Silence", "Share of analysed time in which nobody speaks.", "%", Evidence("silence")),
            Metric("long_silence_count", "Long silences", "Silences of 3 s or more.", "n", _LONG_SILENCE),
            Metric(
                "longest_silence_ms",
                "Longest silence",
                "The longest stretch in which nobody speaks.",
                "s",
                # Not one kind alone: a colleague's words end a long silence and not a silence, and short ones are silences only
                Evidence("long_silence", longest=True, otherwise=Evidence("silence", longest=True)),
            ),
            Metric("dead_air_ms", "Dead air", "Silences of 10 s or more that the agent did not announce.", "s", _DEAD_AIR),
            Metric(
                "dead_air_agent_owed_ms",
                "Dead air owed by agent",
                "Dead air after which it was the agent’s turn: the customer spoke last.",
                "s",
                Evidence("dead_air", "agent"),
            ),
        ),
    ),
    Section(
        "Overtalk and interruptions",
        (
            Metric("overtalk_pct", "Overtalk", "Share of analysed time in which both speak.", "%", _OVERTALK),
            Metric(
                "overtalk_count",
                "Overtalk events",
                "Times both speak for 300 ms or more, whatever came of it.",
                "n",
                Evidence("overtalk", without=("short",)),
            ),
            Metric(
                "interruptions_agent",
                "Interruptions by agent",
                "The agent starts while the customer holds the floor and goes on; hand-overs and listening sounds are not counted.",
                "n",
                Evidence("overtalk", "agent", only=("interruption",)),
            ),
            Metric(
                "interruptions_customer",
                "Interruptions by customer",
                "The customer starts while the agent holds the floor and goes on; hand-overs and listening sounds are not counted.",
                "n",
                Evidence("overtalk", "customer", only=("interruption",)),
            ),
            Metric(
                "agent_overlap_turn_pct",
                "Agent turns into speech",
                "Share of the agent’s turns that begin while the customer speaks.",
                "%",
                Evidence("turn", "agent"),
            ),
        ),
    ),
    Section(
        "Pace",
        (
            Metric(
                "greeting_latency_ms",
                "Greeting latency",
                "From the moment the agent answered to the agent’s first words.",
                "s",
                Evidence("greeting"),
            ),
            Metric(
                "response_latency_ms_agent_p50",
                "Response latency of agent, median",
                "From the end of a customer’s turn to the agent’s next turn; negative where the agent starts early.",
                "s",
                Evidence("latency", "agent"),
            ),
            Metric(
                "response_latency_ms_agent_p90",
                "Response latency of agent, p90",
                "Nine of ten responses of the agent come sooner.",
                "s",
                Evidence("latency", "agent"),
            ),
            Metric(
                "response_latency_ms_customer_p50",
                "Response latency of customer, median",
                "From the end of an agent’s turn to the customer’s next turn.",
                "s",
                Evidence("latency", "customer"),
            ),
            Metric(
                "wpm_agent",
                "Talk speed of agent",
                "Recognised words without fillers per minute of the agent’s speech.",
                "speed",
                _AGENT_SPEECH,
            ),
            Metric(
                "wpm_customer",
                "Talk speed of customer",
                "Recognised words without fillers per minute of the customer’s speech.",
                "speed",
                _CUSTOMER_SPEECH,
            ),
            Metric(
                "longest_monologue_ms_agent",
                "Longest agent monologue",
                "The agent’s longest turn; listening sounds of the customer do not break it.",
                "time",
                Evidence("turn", "agent"),
            ),
            Metric(
                "longest_monologue_ms_customer",
                "Longest customer monologue",
                "The customer’s longest turn; listening sounds of the agent do not break it.",
                "time",
                Evidence("turn", "customer"),
            ),
            Metric(
                "turn_switch_per_min",
                "Turn switches",
                "Changes of the floor per minute of analysed time.",
                "/min",
                Evidence("turn"),
            ),
        ),
    ),
    Section(
        "Handling",
        (
            Metric("interaction_ms", "Interaction time", "From the agent’s answer to the end of the leg, hold included.", "time"),
            Metric("hold_ms", "Hold", "Time the customer was on hold.", "time", _HOLD),
            Metric("hold_count", "Holds", "How often the customer was put on hold.", "n", _HOLD),
            Metric(
                "cust_speech_on_hold_ms",
                "Customer speech on hold",
                "What the customer said while on hold; not part of any talk time.",
                "s",
                Evidence("speech", "customer", only=ON_HOLD),
            ),
            Metric("acw_ms", "Wrap-up", "After-call work.", "time"),
            Metric(
                "media_gap_ms",
                "Media gap",
                "Time in which the link was down and that was not delivered later.",
                "s",
                Evidence("excluded"),
            ),
        ),
    ),
    Section(
        "Recognition",
        (
            Metric(
                "asr_conf_mean",
                "Word confidence",
                "Mean confidence of the recognised words, weighted by their length; 1 is certain.",
                "conf",
            ),
            Metric("low_conf_word_pct", "Doubtful words", "Share of words with a confidence below 0.6.", "%"),
        ),
    ),
)

BY_COLUMN = {metric.column: metric for section in SECTIONS for metric in section.metrics}
