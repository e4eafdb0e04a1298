"""A measured call as rows of the star schema: field names are column names, units are in them.

Surrogate keys are the store's business: legs name their agent and queue by Zoom's ids, intervals and events carry no id yet.
"""

from typing import Any

import msgspec

from cc_voice.call.intervals import Intervals
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.metrics.evidence import IntervalRow
from cc_voice.config.thresholds import ThresholdSet


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """One call: fact_call without surrogate keys. `_unix_ms` columns become `_ts` in the store."""

    call_id: str
    product: str
    instance_id: str
    start_unix_ms: int
    end_unix_ms: int
    direction: str | None = None
    channel_source: str | None = None
    customer_key: str | None = None
    leg_count: int
    transfer_count: int = 0
    transfer_initiated_count: int = 0
    transfer_rejected_count: int = 0
    transfer_timeout_count: int = 0
    transfer_canceled_count: int = 0
    conference_count: int = 0
    ended_by: str | None = None
    primary_language: str | None = None
    compared_word_count: int | None = None
    """Of the pieces of speech in its legs, each once. None where nothing was compared; the legs have the reasons."""
    differing_word_count: int | None = None
    word_disagreement_pct: float | None = None
    stop_reason: int | None = None


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """The audio of one party of a call."""

    call_id: str
    channel_id: str
    party: str | None
    """agent, customer, supervisor, ivr or other; None on a channel that mixes the parties."""
    user_id: str | None = None
    display_name: str | None = None
    received_ms: int = 0
    first_packet_ms: int | None = None
    level_dbfs: tuple[int | None, ...] | None = None
    """Of every second of the call's clock, None where nobody speaks; rounded to whole decibels."""


class LegNames(msgspec.Struct, frozen=True, kw_only=True):
    """What names and dates one agent's part of a call."""

    leg_id: str
    call_id: str
    leg_no: int
    agent_user_id: str | None = None
    agent_name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    origin_method: str | None = None
    start_ms: int
    """On the call's clock."""
    end_ms: int
    answered_unix_ms: int
    ended_unix_ms: int


_MeasuredColumns: Any = msgspec.defstruct(
    "_MeasuredColumns",
    [(metric.name, metric.python_type | None, None) for metric in METRICS.values()],
    bases=(LegNames,),
    module=__name__,
    frozen=True,
    kw_only=True,
)
"""A field for every metric. Written out they would be a second list of the dictionary; a dict of them would neither be checked when
a batch is read nor be the flat row that the store, `import --json` and spools of earlier versions have."""


class LegRow(_MeasuredColumns, frozen=True, kw_only=True):  # type: ignore[misc, call-arg]  # its base is made of entries
    """One agent's part of a call; the metrics. None means not measurable: the reason is in `NullReasonRow`."""

    metric_version: str
    threshold_set_id: int
    detector: str | None = None
    asr_model: str | None = None
    sentiment_model: str | None = None
    """The word list, where it scored something."""
    policies: str | None = None
    """Versions of the policies that it was measured under, in words; None: none were known."""


class LegLanguageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Leg × party × language."""

    leg_id: str
    party: str
    language_code: str
    speech_ms: int
    share_pct: float
    word_count: int
    wpm: float | None = None
    lid_conf_mean: float | None = None
    asr_conf_mean: float | None = None


class UtteranceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance, assigned to its leg and party."""

    utterance_id: str
    call_id: str
    leg_id: str | None
    channel_id: str
    seq: int
    party: str | None
    source: str
    start_ms: int
    end_ms: int
    language_code: str
    lid_conf: float | None
    text: str
    word_count: int
    asr_conf: float | None
    is_question: bool | None = None
    is_backchannel: bool | None
    on_hold: bool | None
    loudness_mean: float | None = None
    sentiment_label: str | None = None
    sentiment_score: float | None = None
    asr_model: str | None


class UnusedUtteranceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of one recogniser that is not in the transcript, and why; its words are `WordRow`s with its id."""

    utterance_id: str
    call_id: str
    leg_id: str | None
    channel_id: str
    party: str | None
    source: str
    unused_reason: str
    """As in `call/transcript/transcript_selection.py`."""
    used_utterance_id: str | None
    """The first line of the transcript that says the same speech."""
    start_ms: int
    end_ms: int
    language_code: str
    lid_conf: float | None
    text: str
    word_count: int
    asr_conf: float | None
    on_hold: bool | None
    asr_model: str | None


class WordRow(msgspec.Struct, frozen=True, kw_only=True):
    """One word of an utterance."""

    utterance_id: str
    word_seq: int
    start_ms: int | None
    end_ms: int | None
    word: str
    conf: float | None
    language_code: str


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """A platform event as received, on the call's clock."""

    call_id: str
    leg_id: str | None
    source: str
    event_type: int | None
    event_name: str
    at_ms: int
    at_unix_ms: int
    participant: str | None
    payload: str


class NullReasonRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a metric of a leg is NULL."""

    leg_id: str
    metric: str
    reason: str


class MeasuredCall(msgspec.Struct, frozen=True, kw_only=True):
    """Every row of one call: what the store writes in one transaction."""

    call: CallRow
    channels: tuple[ChannelRow, ...]
    legs: tuple[LegRow, ...]
    leg_languages: tuple[LegLanguageRow, ...]
    utterances: tuple[UtteranceRow, ...]
    words: tuple[WordRow, ...]
    intervals: tuple[IntervalRow, ...]
    events: tuple[EventRow, ...]
    null_reasons: tuple[NullReasonRow, ...]
    unused_utterances: tuple[UnusedUtteranceRow, ...] = ()
    unused_words: tuple[WordRow, ...] = ()
    analysed: dict[str, Intervals] = {}
    """leg_id → A, for what is measured above this package; not stored."""
    thresholds: dict[str, ThresholdSet] = {}
    """leg_id → what it was measured with, where that is not the site's set but its queue's."""
