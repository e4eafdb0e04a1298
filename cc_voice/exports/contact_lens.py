"""A leg in the shape of Amazon Connect's Contact Lens output file, for tools that read those.

Names and nesting are of version 1.1.0 of that file (AWS administrator guide, "Contact Lens output files"); there, too, a contact is
one agent's part. What we have no data for is left out and not filled in: sentiment, categories, loudness scores, issues. What we
could not measure is left out as well. Offsets count from the start of the leg.
"""

from collections.abc import Sequence

import msgspec

from cc_voice.call.redactions import CHIP, is_chip
from cc_voice.store.calls import CallInterval, CallLeg, CallUtterance, StoredCall

VERSION = "1.1.0"
PARTIES = {"agent": "AGENT", "customer": "CUSTOMER"}


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Keys in Pascal case; what is None is left out."""


class ContactLensParticipant(_Shape, frozen=True, kw_only=True):
    participant_id: str
    participant_role: str


class Instance(_Shape, frozen=True, kw_only=True):
    begin_offset_millis: int
    duration_millis: int
    end_offset_millis: int


class Interruptions(_Shape, frozen=True, kw_only=True):
    interruptions_by_interrupter: dict[str, list[Instance]]
    total_count: int
    total_time_millis: int


class NonTalkTime(_Shape, frozen=True, kw_only=True):
    instances: list[Instance]
    total_time_millis: int


class Speed(_Shape, frozen=True, kw_only=True):
    average_words_per_minute: float


class TalkSpeed(_Shape, frozen=True, kw_only=True):
    details_by_participant: dict[str, Speed]


class Time(_Shape, frozen=True, kw_only=True):
    total_time_millis: int


class TalkTime(_Shape, frozen=True, kw_only=True):
    details_by_participant: dict[str, Time]
    total_time_millis: int


class Characteristics(_Shape, frozen=True, kw_only=True):
    total_conversation_duration_millis: int | None = None
    interruptions: Interruptions | None = None
    non_talk_time: NonTalkTime | None = None
    talk_speed: TalkSpeed | None = None
    talk_time: TalkTime | None = None


class Metadata(_Shape, frozen=True, kw_only=True):
    contact_id: str
    instance_id: str


class RedactedTimestamps(_Shape, frozen=True, kw_only=True):
    begin_offset_millis: int
    end_offset_millis: int


class ContactLensRedaction(_Shape, frozen=True, kw_only=True):
    redacted_timestamps: list[RedactedTimestamps]


class ContactLensTurn(_Shape, frozen=True, kw_only=True):
    begin_offset_millis: int
    end_offset_millis: int
    content: str
    id: str
    participant_id: str
    redaction: ContactLensRedaction | None = None


class ContactLens(_Shape, frozen=True, kw_only=True):
    """The file."""

    version: str
    channel: str
    job_status: str
    language_code: str | None = None
    customer_metadata: Metadata
    participants: list[ContactLensParticipant]
    conversation_characteristics: Characteristics
    transcript: list[ContactLensTurn]


def contact_lens(call: StoredCall, leg: CallLeg, site: str) -> bytes:
    """Return a leg as JSON."""
    start_ms: int = leg.metrics["start_ms"]
    lines = [line for line in call.utterances if line.leg_id == leg.leg_id and line.party in PARTIES]
    present = [party for party in PARTIES if party in call.channels.values()]
    file = ContactLens(
        version=VERSION,
        channel="VOICE",
        job_status="COMPLETED",
        language_code=call.call.language,
        customer_metadata=Metadata(contact_id=leg.leg_id, instance_id=site),
        participants=[ContactLensParticipant(participant_id=PARTIES[party], participant_role=PARTIES[party]) for party in present],
        conversation_characteristics=_characteristics(leg, start_ms),
        transcript=[
            ContactLensTurn(
                begin_offset_millis=line.start_ms - start_ms,
                end_offset_millis=line.end_ms - start_ms,
                content=line.text,
                id=line.utterance_id,
                participant_id=PARTIES[line.party or ""],
                redaction=_redaction(line, start_ms),
            )
            for line in lines
        ],
    )
    return msgspec.json.encode(file)


def _redaction(line: CallUtterance, start_ms: int) -> ContactLensRedaction | None:
    """Return when something is hidden in a line; all of it where its words have no times."""
    hidden = [word for word in line.words if is_chip(word.word)]
    if not hidden and CHIP.search(line.text) is None:
        return None
    times = [(word.start_ms, word.end_ms) for word in hidden if word.start_ms is not None and word.end_ms is not None]
    if len(times) < max(1, len(hidden)):
        times = [(line.start_ms, line.end_ms)]
    return ContactLensRedaction(
        redacted_timestamps=[
            RedactedTimestamps(begin_offset_millis=start - start_ms, end_offset_millis=end - start_ms) for start, end in times
        ]
    )


def _characteristics(leg: CallLeg, start_ms: int) -> Characteristics:
    metrics = leg.metrics
    return Characteristics(
        total_conversation_duration_millis=metrics.get("conversation_ms"),
        interruptions=_interruptions(leg, start_ms),
        non_talk_time=_non_talk(leg, start_ms),
        talk_speed=_speed(leg),
        talk_time=_talk(leg),
    )


def _interruptions(leg: CallLeg, start_ms: int) -> Interruptions | None:
    times = [leg.metrics.get(f"interruption_ms_{party}") for party in PARTIES]
    if any(each is None for each in times):
        return None
    cut_off = [each for each in leg.intervals if (each.kind, each.subkind) == ("overtalk", "interruption")]
    found = {name: _instances([each for each in cut_off if each.party == party], start_ms) for party, name in PARTIES.items()}
    return Interruptions(
        interruptions_by_interrupter={name: each for name, each in found.items() if each},
        total_count=sum(leg.metrics[f"interruptions_{party}"] for party in PARTIES),
        total_time_millis=sum(each for each in times if each is not None),
    )


def _non_talk(leg: CallLeg, start_ms: int) -> NonTalkTime | None:
    if leg.metrics.get("non_talk_ms") is None:
        return None
    found = sorted((each for each in leg.intervals if each.kind in ("hold", "long_silence")), key=lambda each: each.start_ms)
    return NonTalkTime(instances=_instances(found, start_ms), total_time_millis=leg.metrics["non_talk_ms"])


def _speed(leg: CallLeg) -> TalkSpeed | None:
    if leg.metrics.get("talk_speed_unit") != "wpm":  # characters are no words
        return None
    speeds = {name: leg.metrics.get(f"wpm_{party}") for party, name in PARTIES.items()}
    return TalkSpeed(
        details_by_participant={name: Speed(average_words_per_minute=speed) for name, speed in speeds.items() if speed is not None}
    )


def _talk(leg: CallLeg) -> TalkTime | None:
    times = {name: leg.metrics.get(f"talk_ms_{party}") for party, name in PARTIES.items()}
    total = leg.metrics.get("talk_ms_any")
    if total is None:
        return None
    details = {name: Time(total_time_millis=each) for name, each in times.items() if each is not None}
    return TalkTime(details_by_participant=details, total_time_millis=total)


def _instances(intervals: Sequence[CallInterval], start_ms: int) -> list[Instance]:
    return [
        Instance(
            begin_offset_millis=each.start_ms - start_ms,
            duration_millis=each.end_ms - each.start_ms,
            end_offset_millis=each.end_ms - start_ms,
        )
        for each in intervals
    ]
