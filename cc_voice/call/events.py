"""Events: what happened around the audio, answered, hold, transfer, join. Zoom's numbers were translated before they got here.

`sessions/` maps the wire's event numbers to these names by product; nothing in `call/` knows a number's meaning.
"""

from enum import StrEnum

import msgspec


class EventName(StrEnum):
    """Names of the events that a call's time line is built from; other events keep their wire name in `CallEvent.name`."""

    CONSUMER_ANSWERED = "consumer_answered"
    CONSUMER_END = "consumer_end"
    USER_ANSWERED = "user_answered"
    USER_END = "user_end"
    USER_HOLD = "user_hold"
    USER_UNHOLD = "user_unhold"
    MONITOR_STARTED = "monitor_started"
    MONITOR_TRANSITIONED = "monitor_transitioned"
    MONITOR_ENDED = "monitor_ended"
    TAKEOVER_STARTED = "takeover_started"
    TRANSFER_INITIATED = "transfer_initiated"
    TRANSFER_CANCELED = "transfer_canceled"
    TRANSFER_ACCEPTED = "transfer_accepted"
    TRANSFER_COMPLETED = "transfer_completed"
    TRANSFER_REJECTED = "transfer_rejected"
    TRANSFER_TIMEOUT = "transfer_timeout"
    CONFERENCE_CANCELED = "conference_canceled"
    CONFERENCE_PARTICIPANT_CANCELED = "conference_participant_canceled"
    CONFERENCE_PARTICIPANT_INVITED = "conference_participant_invited"
    CONFERENCE_PARTICIPANT_REJECTED = "conference_participant_rejected"
    CONFERENCE_PARTICIPANT_TIMEOUT = "conference_participant_timeout"
    CONFERENCE_PARTICIPANT_LEFT = "conference_participant_left"
    ACTIVE_SPEAKER_CHANGE = "active_speaker_change"
    PARTICIPANT_JOIN = "participant_join"
    PARTICIPANT_LEAVE = "participant_leave"
    # From ordinary webhooks of Contact Center, where a site subscribes to them (protocol 2.5)
    WEBHOOK_MONITOR = "engagement_user_monitor_initiated"
    WEBHOOK_WHISPER = "engagement_user_whisper_initiated"
    WEBHOOK_BARGE = "engagement_user_barge_initiated"
    WEBHOOK_TAKEOVER = "engagement_user_takeover_initiated"
    WEBHOOK_ENDED = "engagement_ended"


class Participant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who an event is about. `channel_id` is the wire's channel id, or the user id where a product has no channels."""

    channel_id: str | None = None
    user_id: str | None = None
    display_name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    customer_key: str | None = None
    """Site-salted HMAC of the E.164 number; the number itself never gets this far."""


class CallEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One platform event. `at_ms` counts from the stream's start and may be negative (the agent answered before media flowed)."""

    at_ms: int
    at_unix_ms: int
    name: str
    event_type: int | None = None
    source: str = "rtms"
    participants: tuple[Participant, ...] = ()
    payload: str = "{}"
    """The event as received, JSON, phone numbers masked."""
