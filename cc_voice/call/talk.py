"""Who talks how much (metric dictionary 1.1), and how the leg was handled (1.7)."""

from cc_voice.call.intervals import Intervals, clip, intersect, length, longest, split, subtract
from cc_voice.call.legs import Handling
from cc_voice.call.reasons import Metrics, Unmeasured, Value, percent
from cc_voice.call.scope import LegScope
from cc_voice.call.turns import PARTIES
from cc_voice.call.words import SpokenWord


def partition(scope: LegScope) -> dict[str, Intervals]:
    """Cut A into agent_only, customer_only, overtalk and silence: disjoint, and together exactly A (1.1)."""
    agent, customer = scope.speech["agent"], scope.speech["customer"]
    return {
        "agent_only": subtract(agent, customer),
        "customer_only": subtract(customer, agent),
        "overtalk": intersect(agent, customer),
        "silence": scope.silence,
    }


def talk_metrics(scope: LegScope) -> Metrics:
    """Talk times and shares (1.1).

    `talk_ms_p` = len(S_p); `talk_ms_any` = len(S_agent ∪ S_customer); `agent_only_ms`, `customer_only_ms`, `overtalk_ms` = the
    exclusive partition; `p_talk_pct` = 100 · talk_ms_p / len(A); `overtalk_pct` = 100 · overtalk_ms / len(A);
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
        "overtalk_ms": length(parts["overtalk"]),
        "overtalk_pct": percent(length(parts["overtalk"]), scope.analysed_ms, "too_short"),
        "agent_talk_pct": percent(agent, scope.analysed_ms, "too_short"),
        "customer_talk_pct": percent(customer, scope.analysed_ms, "too_short"),
        "talk_ratio_agent": agent / (agent + customer) if agent + customer else Unmeasured("no_speech"),
    }


def balance_metrics(scope: LegScope) -> Metrics:
    """`agent_talk_pct_t1..t3`: agent talk % in each third of A (1.1); thirds are equal in analysed time, not by the clock."""
    return {
        f"agent_talk_pct_t{number}": percent(length(intersect(scope.speech["agent"], third)), length(third), "too_short")
        for number, third in enumerate(split(scope.analysed, 3), start=1)
    }


def handling_metrics(scope: LegScope, monitored: Intervals) -> Metrics:
    """How the leg was handled (1.7).

    `interaction_ms` = leg end − `USER_ANSWERED`, hold included; `hold_ms`, `hold_count`, `longest_hold_ms` from H;
    `hold_pct` = 100 · hold / interaction; `monitored_ms` from MONITOR_STARTED to MONITOR_ENDED; `takeover`: a supervisor took the
    leg over; `transferred_out`: the leg ended by TRANSFER_COMPLETED; `media_gap_ms` = len(X);
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
        "cust_speech_on_hold_ms": length(intersect(scope.voice["customer"], scope.hold)),
        "acw_ms": Unmeasured("not_imported"),
        "handle_ms": Unmeasured("not_imported"),
    }


def answer_metrics(scope: LegScope, handling: Handling) -> Metrics:
    """How the leg began, and who else was there (1.7).

    `answer_delay_ms`: between the customer's side of the call and the agent's answer, whichever came first; it is not queue wait.
    `conference_ms`: time of the leg in which somebody else was in the call.
    """
    leg, since = scope.leg, handling.consumer_answered_ms
    delay: Value = Unmeasured("later_leg")
    if leg.number == 1:
        delay = Unmeasured("no_answer_time") if since is None else abs(leg.start_ms - since)
    return {"answer_delay_ms": delay, "conference_ms": length(clip(handling.conferences, leg.span))}


def conversation_metrics(scope: LegScope, words: tuple[SpokenWord, ...]) -> Metrics:
    """`conversation_ms`: leg start → last word of either party (1.7); without words, → the end of the last speech in A.

    `words` are both parties' words in analysed time. Estimated times count as the
    recogniser's do: the difference is below a second.
    """
    last = max((word.end_ms for word in words), default=scope.anybody[-1][1] if scope.anybody else None)
    if last is None:
        return {"conversation_ms": Unmeasured("no_speech" if scope.mixed else scope.two_party_obstacle or "no_speech")}
    return {"conversation_ms": min(last, scope.leg.end_ms) - scope.leg.start_ms}


def quality_metrics(scope: LegScope, min_analysed_ms: int) -> Metrics:
    """Flags of 1.7, used to leave a leg out of evaluation.

    `one_way_audio`: one party is never heard in the call while the other is; `multi_party`: more than two humans are heard in A;
    `qa_eligible`: both parties heard, long enough, at most a tenth of the leg lost in media gaps.
    """
    one_way = [reason == "one_way_audio" for reason in scope.obstacles.values()]
    eligible = scope.two_party_obstacle is None and scope.analysed_ms >= min_analysed_ms
    return {
        "one_way_audio": Unmeasured("mixed_audio") if scope.mixed else any(one_way),
        "mixed_audio": scope.mixed,
        "multi_party": Unmeasured("mixed_audio") if scope.mixed else scope.speakers > 2,
        "qa_eligible": eligible and 10 * length(scope.gaps) <= scope.leg.end_ms - scope.leg.start_ms,
    }
