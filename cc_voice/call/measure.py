"""Measurement of a call: from what was recognised to every row, the one entry to the metrics.

Pure: the same analyses and thresholds give the same rows, on any machine, as often as wanted. A change of any formula changes
`METRIC_VERSION`, so that a trend can show where its definition moved.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.call.analysis import ChannelAnalysis, StreamAnalysis
from cc_voice.call.events import CallEvent, EventName
from cc_voice.call.ids import leg_id
from cc_voice.call.legs.assignment import Handling, Leg, handle
from cc_voice.call.legs.meeting_roles import FIRST_TO_JOIN, AgentRule
from cc_voice.call.legs.timeline import Timeline, merge
from cc_voice.call.metrics.evidence import evidence
from cc_voice.call.metrics.leg_input import leg_input
from cc_voice.call.metrics.leg_metrics import MeasuredLeg, measure_leg
from cc_voice.call.metrics.loudness import utterance_loudness
from cc_voice.call.reasons import Unmeasured
from cc_voice.call.rows import CallRow, ChannelRow, EventRow, LegRow, MeasuredCall, NullReasonRow, UtteranceRow
from cc_voice.call.transcript.disagreement import Compared
from cc_voice.call.transcript.language_track import in_force, retagged, tracks
from cc_voice.call.transcript.transcript_selection import select
from cc_voice.call.unused_utterances import unused_rows
from cc_voice.call.utterance_rows import language_rows, primary_language, utterance_rows, word_rows
from cc_voice.config.thresholds import QueueThresholds, ThresholdSet, for_queue

METRIC_VERSION = "3"


def measure(
    streams: Sequence[StreamAnalysis],
    thresholds: ThresholdSet,
    agent_rule: AgentRule = FIRST_TO_JOIN,
    by_queue: Sequence[QueueThresholds] = (),
    policies: str | None = None,
) -> MeasuredCall:
    """Measure one call from the analyses of all its streams. Raises ValueError when there is none.

    `agent_rule` is for meetings and phone calls. A leg is measured with the thresholds of its queue where `by_queue` has some.
    `policies` names the versions of the policies that these are from.
    """
    timeline = merge(streams)
    handling = handle(timeline, agent_rule)
    languages = tracks(timeline.channels, timeline.utterances, timeline.policy, timeline.duration_ms)
    transcript = select(retagged(timeline.utterances, languages), in_force(languages), thresholds)
    scopes = [leg_input(leg, timeline, handling, transcript, languages) for leg in handling.legs]
    legs = [
        measure_leg(timeline.call_id, scope, handling, for_queue(thresholds, by_queue, scope.leg.queue_id, scope.leg.queue_name))
        for scope in scopes
    ]
    unused, unused_words = unused_rows(transcript.unused, scopes, handling, timeline)
    utterances = _with_loudness(
        utterance_rows(transcript.utterances, legs, handling, timeline.call_id, is_redacted=timeline.redactions is not None),
        timeline,
    )
    return MeasuredCall(
        call=_call_row(timeline, handling, primary_language(scopes, timeline.language), _compared(legs)),
        channels=tuple(_channel_row(channel, timeline, handling) for channel in timeline.channels),
        legs=tuple(_leg_row(leg, timeline, policies) for leg in legs),
        leg_languages=tuple(row for leg in legs for row in language_rows(leg)),
        utterances=utterances,
        words=word_rows(utterances, transcript.utterances),
        intervals=tuple(row for leg in legs for row in evidence(leg, handling, timeline, METRIC_VERSION)),
        events=tuple(_event_row(event, timeline.call_id, handling.legs) for event in timeline.events),
        null_reasons=tuple(row for leg in legs for row in _reasons(leg)),
        unused_utterances=unused,
        unused_words=unused_words,
        analysed={leg.leg_id: leg.scope.analysed for leg in legs},
        thresholds={leg.leg_id: leg.thresholds for leg in legs if leg.thresholds != thresholds},
    )


def _compared(legs: Sequence[MeasuredLeg]) -> set[Compared]:
    """Return the speech that both recognisers heard in the legs of which that is known; once, where legs ran side by side."""
    known = (leg for leg in legs if not isinstance(leg.metrics["compared_word_count"], Unmeasured))
    return {piece for leg in known for piece in leg.scope.everything_compared}


def _call_row(timeline: Timeline, handling: Handling, language: str, compared: set[Compared]) -> CallRow:
    words, differing = sum(piece.words for piece in compared), sum(piece.differing for piece in compared)
    return CallRow(
        call_id=timeline.call_id,
        product=timeline.product,
        instance_id=timeline.instance_id,
        start_unix_ms=timeline.t0_unix_ms,
        end_unix_ms=timeline.t0_unix_ms + timeline.duration_ms,
        customer_key=handling.customer_key,
        leg_count=len(handling.legs),
        transfer_count=handling.transfer_count,
        transfer_initiated_count=_count(timeline, EventName.TRANSFER_INITIATED),
        transfer_rejected_count=_count(timeline, EventName.TRANSFER_REJECTED),
        transfer_timeout_count=_count(timeline, EventName.TRANSFER_TIMEOUT),
        transfer_canceled_count=_count(timeline, EventName.TRANSFER_CANCELED),
        conference_count=handling.conference_count,
        ended_by=handling.ended_by,
        primary_language=language,
        compared_word_count=words or None,
        differing_word_count=differing if words else None,
        word_disagreement_pct=100 * differing / words if words else None,
        stop_reason=timeline.stop_reason,
        redaction=timeline.redaction_outcome if timeline.redactions is not None else None,
    )


def _with_loudness(rows: Sequence[UtteranceRow], timeline: Timeline) -> tuple[UtteranceRow, ...]:
    levels = {channel.channel_id: channel.levels for channel in timeline.channels}
    return tuple(
        msgspec.structs.replace(row, loudness_mean=utterance_loudness(levels.get(row.channel_id, ()), (row.start_ms, row.end_ms)))
        for row in rows
    )


def _count(timeline: Timeline, name: EventName) -> int:
    return sum(event.name == name for event in timeline.events)


def _channel_row(channel: ChannelAnalysis, timeline: Timeline, handling: Handling) -> ChannelRow:
    return ChannelRow(
        call_id=timeline.call_id,
        channel_id=channel.channel_id,
        party=None if timeline.mixed_audio else handling.roles.get(channel.channel_id),
        user_id=channel.user_id,
        display_name=channel.name,
        received_ms=channel.received_ms,
        first_packet_ms=channel.first_packet_ms,
        level_dbfs=tuple(None if one.level_cb is None else round(one.level_cb / 10) for one in channel.levels) or None,
    )


def _leg_row(measured: MeasuredLeg, timeline: Timeline, policies: str | None) -> LegRow:
    leg = measured.scope.leg
    channel = next((channel for channel in timeline.channels if channel.channel_id == leg.channel_id), None)
    columns: dict[str, Any] = {name: None if isinstance(value, Unmeasured) else value for name, value in measured.metrics.items()}
    return LegRow(
        leg_id=measured.leg_id,
        call_id=timeline.call_id,
        leg_no=leg.number,
        agent_user_id=leg.user_id or (channel.user_id if channel else None),
        agent_name=leg.name or (channel.name if channel else None),
        queue_id=leg.queue_id,
        queue_name=leg.queue_name,
        start_ms=leg.start_ms,
        end_ms=leg.end_ms,
        answered_unix_ms=timeline.t0_unix_ms + leg.start_ms,
        ended_unix_ms=timeline.t0_unix_ms + leg.end_ms,
        metric_version=METRIC_VERSION,
        threshold_set_id=measured.thresholds.threshold_set_id,
        detector=timeline.detector,
        asr_model=timeline.asr_model,
        policies=policies,
        **columns,
    )


def _event_row(event: CallEvent, call_id: str, legs: Sequence[Leg]) -> EventRow:
    """An event belongs to the leg of the agent it names, also after that leg; else to the earliest leg that was open."""
    names = {person.channel_id or person.user_id for person in event.participants}
    begun = [leg for leg in legs if leg.start_ms <= event.at_ms]
    named = [leg for leg in begun if leg.channel_id in names]
    leg = named[-1] if named else next((leg for leg in begun if event.at_ms <= leg.end_ms), None)
    person = event.participants[0] if event.participants else None
    return EventRow(
        call_id=call_id,
        leg_id=leg_id(call_id, leg.number) if leg else None,
        source=event.source,
        event_type=event.event_type,
        event_name=event.name,
        at_ms=event.at_ms,
        at_unix_ms=event.at_unix_ms,
        participant=(person.channel_id or person.user_id) if person else None,
        payload=event.payload,
    )


def _reasons(leg: MeasuredLeg) -> tuple[NullReasonRow, ...]:
    return tuple(
        NullReasonRow(leg_id=leg.leg_id, metric=metric, reason=value.reason)
        for metric, value in leg.metrics.items()
        if isinstance(value, Unmeasured)
    )
