"""Unused utterances: what is not in the transcript, as rows, the other recogniser's version of what was said, and nonsense in the
wrong language."""

from collections.abc import Sequence

from cc_voice.call.ids import leg_id, unused_utterance_id, utterance_id
from cc_voice.call.intervals import contains
from cc_voice.call.legs.assignment import Handling
from cc_voice.call.legs.timeline import Timeline
from cc_voice.call.metrics.leg_input import LegInput, middle, party_channels
from cc_voice.call.metrics.turns import PARTIES, Party
from cc_voice.call.rows import UnusedUtteranceRow, WordRow
from cc_voice.call.transcript.transcript_selection import UnusedUtterance
from cc_voice.call.utterance_rows import role_outside_legs, words_as_rows
from cc_voice.call.utterances import mean_confidence, word_count

Rows = tuple[tuple[UnusedUtteranceRow, ...], tuple[WordRow, ...]]


def unused_rows(unused: Sequence[UnusedUtterance], scopes: Sequence[LegInput], handling: Handling, timeline: Timeline) -> Rows:
    """Return the lines that are not in the transcript, in order, and their words. What a supervisor whispers is not kept (1.7)."""
    found = [row for line in unused if (row := _row(line, scopes, handling, timeline)) is not None]
    lines = {_id(timeline.call_id, line): line.utterance for line in unused}
    return tuple(found), tuple(
        word for row in found for word in words_as_rows(row.utterance_id, row.language_code, lines[row.utterance_id].words)
    )


def _id(call_id: str, line: UnusedUtterance) -> str:
    said = line.utterance
    return unused_utterance_id(call_id, said.channel_id, said.start_ms, said.source)


def _row(line: UnusedUtterance, scopes: Sequence[LegInput], handling: Handling, timeline: Timeline) -> UnusedUtteranceRow | None:
    said, call_id = line.utterance, timeline.call_id
    place = _place(line, scopes, handling, timeline)
    party = place[1] if place else None
    if said.channel_id in handling.supervisors and party is None:
        return None
    return UnusedUtteranceRow(
        utterance_id=_id(call_id, line),
        call_id=call_id,
        leg_id=leg_id(call_id, place[0].leg.number) if place else None,
        channel_id=said.channel_id,
        party=party or role_outside_legs(said, handling, timeline.mixed_audio),
        source=said.source,
        unused_reason=line.reason,
        used_utterance_id=utterance_id(call_id, line.used.channel_id, line.used.start_ms) if line.used else None,
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        language_code=said.language,
        lid_conf=said.lid_conf,
        text=said.text,
        word_count=word_count(said.words),
        asr_conf=mean_confidence(said.words),
        on_hold=contains(place[0].hold, middle(said)) if place else None,
        asr_model=said.asr_model,
        redaction_count=None if timeline.redactions is None else sum(word.hidden is not None for word in said.words),
    )


def _place(
    line: UnusedUtterance, scopes: Sequence[LegInput], handling: Handling, timeline: Timeline
) -> tuple[LegInput, Party | None] | None:
    """Return the leg in which a line's middle lies, and whose it is there; of several the first of its party, not on hold."""
    at_ms = middle(line.utterance)
    found: list[tuple[LegInput, Party | None]] = []
    for scope in scopes:
        if scope.leg.start_ms <= at_ms < scope.leg.end_ms:
            channels = party_channels(scope.leg, handling, timeline)
            found.append((scope, next((party for party in PARTIES if line.utterance.channel_id in channels[party]), None)))
    return min(found, key=lambda place: (place[1] is None, contains(place[0].hold, at_ms)), default=None)
