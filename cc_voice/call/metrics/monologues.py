"""Monologues: the longest turns of each party, and how often the floor changes (metric dictionary 1.3)."""

from cc_voice.call.metrics.entry import BOTH, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.turns import TurnTaking, floor_changes, longest_turn_ms
from cc_voice.call.reasons import Metrics, Unmeasured
from cc_voice.config.thresholds import ThresholdSet

METRICS = (
    Metric(
        name="longest_monologue_ms_agent",
        type="bigint",
        unit="ms",
        needs=BOTH,
        evidence=Evidence("turn", "agent", longest=True),
        label="Longest agent monologue",
        meaning="The agent’s longest turn; listening sounds of the customer do not break it.",
        lasts_minutes=True,
        formula="the agent's longest turn; the customer's backchannels do not break it",
    ),
    Metric(
        name="longest_monologue_ms_customer",
        type="bigint",
        unit="ms",
        needs=BOTH,
        evidence=Evidence("turn", "customer", longest=True),
        label="Longest customer monologue",
        meaning="The customer’s longest turn; listening sounds of the agent do not break it.",
        lasts_minutes=True,
        formula="the customer's longest turn; the agent's backchannels do not break it",
    ),
    Metric(
        name="monologue_count_agent",
        type="integer",
        unit="count",
        needs=BOTH,
        formula="the agent's turns of {monologue_s} s and more",
    ),
    Metric(
        name="turn_switch_count",
        type="integer",
        unit="count",
        needs=BOTH,
        evidence=Evidence("turn"),
        formula="changes of the floor",
    ),
    Metric(
        name="turn_switch_per_min",
        type="double",
        unit="per min",
        needs=BOTH,
        evidence=Evidence("turn"),
        label="Turn switches",
        meaning="Changes of the floor per minute of analysed time.",
        formula="changes of the floor per minute of A",
    ),
    Metric(
        name="backchannel_method",
        type="text",
        needs=BOTH,
        formula='`words` or `duration`: how "mhm" was told from a turn',
    ),
)


def turn_metrics(scope: LegInput, taking: TurnTaking, thresholds: ThresholdSet) -> Metrics:
    """Monologues and interactivity (1.3).

    `longest_monologue_ms_p`; `monologue_count_agent`: turns of at least 90 s; `turn_switch_per_min` = `turn_switch_count` /
    (len(A)/60000).
    """
    agent = taking.of("agent")
    changes = floor_changes(taking.turns)
    return {
        "backchannel_method": taking.method,
        "longest_monologue_ms_agent": longest_turn_ms(agent),
        "longest_monologue_ms_customer": longest_turn_ms(taking.of("customer")),
        "monologue_count_agent": sum(turn.duration_ms >= thresholds.monologue_ms for turn in agent),
        "turn_switch_count": changes,
        "turn_switch_per_min": changes * 60_000 / scope.analysed_ms if scope.analysed_ms else Unmeasured("too_short"),
    }
