"""Talk: who talks how much (metric dictionary 1.1)."""

from cc_voice.call.intervals import Intervals, intersect, length, split, subtract
from cc_voice.call.metrics.entry import AGENT, AGENT_SPEECH, BOTH, CUSTOMER, CUSTOMER_SPEECH, SPEECH, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.turns import PARTIES
from cc_voice.call.reasons import Metrics, Unmeasured, percent

METRICS = (
    Metric(
        name="talk_ms_agent",
        type="bigint",
        unit="ms",
        needs=("agent",),
        evidence=AGENT_SPEECH,
        formula="the agent's speech in A; overlapped speech counts for both parties",
    ),
    Metric(
        name="talk_ms_customer",
        type="bigint",
        unit="ms",
        needs=("customer",),
        evidence=CUSTOMER_SPEECH,
        formula="the customer's speech in A; overlapped speech counts for both parties",
    ),
    Metric(
        name="talk_ms_any",
        type="bigint",
        unit="ms",
        needs=("anybody",),
        evidence=SPEECH,
        formula="time in A in which anybody speaks",
    ),
    Metric(
        name="agent_only_ms",
        type="bigint",
        unit="ms",
        needs=("parties",),
        evidence=Evidence("agent_only"),
        formula=(
            "time in A in which only the agent speaks; with customer_only_ms, overtalk_ms and silence_ms it sums to analysed_ms"
        ),
    ),
    Metric(
        name="customer_only_ms",
        type="bigint",
        unit="ms",
        needs=("parties",),
        evidence=Evidence("customer_only"),
        formula="time in A in which only the customer speaks",
    ),
    Metric(
        name="agent_talk_pct",
        type="double",
        unit="%",
        needs=AGENT,
        evidence=AGENT_SPEECH,
        label="Agent talk",
        meaning="Share of analysed time in which the agent speaks.",
        formula="100 · talk_ms_agent ÷ analysed_ms",
    ),
    Metric(
        name="customer_talk_pct",
        type="double",
        unit="%",
        needs=CUSTOMER,
        evidence=CUSTOMER_SPEECH,
        label="Customer talk",
        meaning="Share of analysed time in which the customer speaks.",
        formula="100 · talk_ms_customer ÷ analysed_ms",
    ),
    Metric(
        name="talk_ratio_agent",
        type="double",
        unit="0–1",
        needs=BOTH,
        reasons=("no_speech",),
        evidence=SPEECH,
        label="Agent share of speech",
        meaning="The agent’s speech as a share of both parties’ speech; silence plays no part.",
        formula="talk_ms_agent ÷ (talk_ms_agent + talk_ms_customer)",
    ),
    Metric(
        name="agent_talk_pct_t1",
        type="double",
        unit="%",
        needs=AGENT,
        formula="agent talk % in the first third of A",
    ),
    Metric(
        name="agent_talk_pct_t2",
        type="double",
        unit="%",
        needs=AGENT,
        formula="agent talk % in the second third of A",
    ),
    Metric(
        name="agent_talk_pct_t3",
        type="double",
        unit="%",
        needs=AGENT,
        formula="agent talk % in the last third of A",
    ),
)


def partition(scope: LegInput) -> dict[str, Intervals]:
    """Cut A into agent_only, customer_only, overtalk and silence: disjoint, and together exactly A (1.1)."""
    agent, customer = scope.speech["agent"], scope.speech["customer"]
    return {
        "agent_only": subtract(agent, customer),
        "customer_only": subtract(customer, agent),
        "overtalk": intersect(agent, customer),
        "silence": scope.silence,
    }


def talk_metrics(scope: LegInput) -> Metrics:
    """Talk times and shares (1.1).

    `talk_ms_p` = len(S_p); `talk_ms_any` = len(S_agent ∪ S_customer); `agent_only_ms`, `customer_only_ms` = their part
    of the exclusive partition; `p_talk_pct` = 100 · talk_ms_p / len(A);
    `talk_ratio_agent` = talk_ms_agent / (talk_ms_agent + talk_ms_customer).
    """
    parts = partition(scope)
    agent, customer = (length(scope.speech[party]) for party in PARTIES)
    return {
        "talk_ms_agent": agent,
        "talk_ms_customer": customer,
        "talk_ms_any": length(scope.anybody),
        "agent_only_ms": length(parts["agent_only"]),
        "customer_only_ms": length(parts["customer_only"]),
        "agent_talk_pct": percent(agent, scope.analysed_ms, "too_short"),
        "customer_talk_pct": percent(customer, scope.analysed_ms, "too_short"),
        "talk_ratio_agent": agent / (agent + customer) if agent + customer else Unmeasured("no_speech"),
    }


def balance_metrics(scope: LegInput) -> Metrics:
    """`agent_talk_pct_t1..t3`: agent talk % in each third of A (1.1); thirds are equal in analysed time, not by the clock."""
    return {
        f"agent_talk_pct_t{number}": percent(length(intersect(scope.speech["agent"], third)), length(third), "too_short")
        for number, third in enumerate(split(scope.analysed, 3), start=1)
    }
