"""Handling: how the leg was answered, held, monitored and handed on (metric dictionary 1.7)."""

from cc_voice.call.intervals import Intervals, clip, intersect, length, longest
from cc_voice.call.legs.assignment import Handling
from cc_voice.call.metrics.entry import ON_HOLD, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.spoken_words import SpokenWord
from cc_voice.call.reasons import Metrics, Unmeasured, Value, percent

_HOLD = Evidence("hold")

METRICS = (
    Metric(
        name="answer_delay_ms",
        type="bigint",
        unit="ms",
        needs=("answer",),
        reasons=("later_leg",),
        no_evidence="It is told by events, and part of it may lie before the leg.",
        label="Answered after",
        meaning="From the customer’s side of the call to the agent’s answer, or the other way round.",
        formula="between the customer's side of the call and the agent's answer, of the first leg; it is not queue wait",
        since="0.2.0",
    ),
    Metric(
        name="interaction_ms",
        type="bigint",
        unit="ms",
        needs=("handled",),
        no_evidence="It is the whole leg.",
        label="Interaction time",
        meaning="From the agent’s answer to the end of the leg, hold included.",
        lasts_minutes=True,
        formula="leg end − answer, hold included",
    ),
    Metric(
        name="conversation_ms",
        type="bigint",
        unit="ms",
        needs=("handled",),
        reasons=("no_speech", "one_way_audio", "no_audio", "roles_unknown"),
        formula="leg start → last word of either party in A; without words, the end of the last speech",
    ),
    Metric(
        name="analysed_ms",
        type="bigint",
        unit="ms",
        formula="length of A, the denominator of every percentage unless said otherwise",
    ),
    Metric(
        name="hold_ms",
        type="bigint",
        unit="ms",
        needs=("events",),
        evidence=_HOLD,
        label="Hold",
        meaning="Time the customer was on hold.",
        lasts_minutes=True,
        formula="hold within the leg",
    ),
    Metric(
        name="hold_count",
        type="integer",
        unit="count",
        needs=("events",),
        evidence=_HOLD,
        label="Holds",
        meaning="How often the customer was put on hold.",
        formula="holds within the leg",
    ),
    Metric(
        name="longest_hold_ms",
        type="bigint",
        unit="ms",
        needs=("events",),
        evidence=Evidence("hold", longest=True),
        formula="longest hold within the leg",
    ),
    Metric(
        name="hold_pct",
        type="double",
        unit="%",
        needs=("events", "length"),
        evidence=_HOLD,
        formula="100 · hold_ms ÷ interaction_ms",
    ),
    Metric(
        name="cust_speech_on_hold_ms",
        type="bigint",
        unit="ms",
        needs=("setting", "events", "customer"),
        evidence=Evidence("speech", "customer", only=ON_HOLD),
        label="Customer speech on hold",
        meaning="What the customer said while on hold; not part of any talk time.",
        formula="customer's speech on hold, where the site measures it",
    ),
    Metric(
        name="conference_ms",
        type="bigint",
        unit="ms",
        needs=("events",),
        evidence=Evidence("conference"),
        label="Conference",
        meaning="How long somebody else was in the call.",
        lasts_minutes=True,
        formula="time in which somebody else was in the call, from the first audio of who was invited",
        since="0.2.0",
    ),
    Metric(
        name="monitored_ms",
        type="bigint",
        unit="ms",
        needs=("events",),
        formula="how long a supervisor listened",
    ),
    Metric(
        name="takeover",
        type="boolean",
        unit="true/false",
        needs=("events",),
        formula="a supervisor took the leg over",
    ),
    Metric(
        name="transferred_out",
        type="boolean",
        unit="true/false",
        needs=("events",),
        formula="the leg ended by a transfer",
    ),
    Metric(
        name="acw_ms",
        type="bigint",
        unit="ms",
        needs=("import",),
        no_evidence="It comes from a report of Zoom’s: nothing of it was recorded.",
        label="Wrap-up",
        meaning="After-call work.",
        lasts_minutes=True,
        formula="wrap-up time; imported, NULL until then",
    ),
    Metric(
        name="handle_ms",
        type="bigint",
        unit="ms",
        needs=("import",),
        formula="interaction_ms + acw_ms",
    ),
    Metric(
        name="media_gap_ms",
        type="bigint",
        unit="ms",
        evidence=Evidence("excluded", only=("media_gap",)),
        label="Media gap",
        meaning="Time in which the link was down and that was not delivered later.",
        formula="time in which the link was down and nothing filled the gap later, and between the last audio and the leg's end",
    ),
    Metric(
        name="media_lost_ms",
        type="bigint",
        unit="ms",
        evidence=Evidence("media_lost"),
        label="Audio lost",
        meaning="Audio that arrived and could not be kept: other audio had its time, its time was impossible, or it was damaged.",
        formula="sum over parties of the audio that arrived and is not in the recording; no part of the media gap",
        since="0.2.0",
    ),
)


def handling_metrics(scope: LegInput, monitored: Intervals) -> Metrics:
    """How the leg was handled (1.7).

    `interaction_ms` = leg end − `USER_ANSWERED`, hold included; `hold_ms`, `hold_count`, `longest_hold_ms` from H;
    `hold_pct` = 100 · hold / interaction; `monitored_ms` from MONITOR_STARTED to MONITOR_ENDED; `takeover`: a supervisor took the
    leg over; `transferred_out`: the leg ended by TRANSFER_COMPLETED; `media_gap_ms` = len(X);
    `media_lost_ms` = audio that came and found no place, summed over parties;
    `cust_speech_on_hold_ms` = len(V_customer ∩ H). Wrap-up and handle time are Zoom's to tell.
    """
    interaction = scope.leg.end_ms - scope.leg.start_ms
    return {
        "interaction_ms": interaction,
        "analysed_ms": scope.analysed_ms,
        "hold_ms": length(scope.hold),
        "hold_count": len(scope.hold),
        "longest_hold_ms": longest(scope.hold),
        "hold_pct": percent(length(scope.hold), interaction, "too_short"),
        "monitored_ms": length(monitored),
        "takeover": scope.leg.ended == "takeover",
        "transferred_out": scope.leg.ended == "transfer",
        "media_gap_ms": length(scope.gaps),
        "media_lost_ms": round(sum(one.lost_ms for one in scope.lost)),
        "cust_speech_on_hold_ms": length(intersect(scope.voice["customer"], scope.hold)),
        "acw_ms": Unmeasured("not_imported"),
        "handle_ms": Unmeasured("not_imported"),
    }


def answer_metrics(scope: LegInput, handling: Handling) -> Metrics:
    """How the leg began, and who else was there (1.7).

    `answer_delay_ms`: between the customer's side of the call and the agent's answer, whichever came first; it is not queue wait.
    `conference_ms`: time of the leg in which somebody else was in the call.
    """
    leg, since = scope.leg, handling.consumer_answered_ms
    delay: Value = Unmeasured("later_leg")
    if leg.number == 1:
        delay = Unmeasured("no_answer_time") if since is None else abs(leg.start_ms - since)
    return {"answer_delay_ms": delay, "conference_ms": length(clip(handling.conferences, leg.span))}


def conversation_metrics(scope: LegInput, words: tuple[SpokenWord, ...]) -> Metrics:
    """`conversation_ms`: leg start → last word of either party (1.7); without words, → the end of the last speech in A.

    `words` are both parties' words in analysed time. Estimated times count as the
    recogniser's do: the difference is below a second.
    """
    last = max((word.end_ms for word in words), default=scope.anybody[-1][1] if scope.anybody else None)
    if last is None:
        return {"conversation_ms": Unmeasured("no_speech" if scope.mixed else scope.two_party_obstacle or "no_speech")}
    return {"conversation_ms": min(last, scope.leg.end_ms) - scope.leg.start_ms}
