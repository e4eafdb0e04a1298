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
    redaction: str | None = None
    """What became of its sound: silenced, text_only, withheld. None: nobody looked for what should be hidden."""


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
    redaction_count: int | None = None
    """Chips in it; None: nobody has looked for what should be hidden."""


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
    redaction_count: int | None = None


class WordRow(msgspec.Struct, frozen=True, kw_only=True):
    """One word of an utterance."""

    utterance_id: str
    word_seq: int
    start_ms: int | None
    end_ms: int | None
    word: str
    conf: float | None
    language_code: str
    is_redacted: bool | None = None
    """Whether it is a chip. None: not looked for."""
    entity_type: str | None = None
    """What a chip says was there."""


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


class RuleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a rule that the call was looked at with."""

    rule_id: str
    version: int
    title: str
    folder: str
    kind: str
    state: str
    alert: bool


class RuleHitRow(msgspec.Struct, frozen=True, kw_only=True):
    """Words that a rule found. What a rule finds without words (numbers, silence, what was not said) has no time and no words."""

    leg_id: str
    rule_id: str
    condition: str | None
    party: str | None
    channel_id: str | None
    start_ms: int | None
    end_ms: int | None
    utterance_id: str | None
    first_word_seq: int | None
    last_word_seq: int | None
    expression: int | None
    matched_text: str | None
    source: str | None
    conf: float | None
    timed: bool | None
    hit_key: str


class RuleStateRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a step is of a leg: 0 missed, 1 undetermined, 2 matched, 3 not applicable."""

    leg_id: str
    rule_id: str
    state: int
    reason: str | None
    value: float | None


class RuleRows(msgspec.Struct, frozen=True, kw_only=True):
    """What rules found in a call, and with which set of rules; quality makes them, metrics know none."""

    rule_set: str
    """SHA-256 of the set."""
    versions: tuple[RuleVersion, ...] = ()
    hits: tuple[RuleHitRow, ...] = ()
    states: tuple[RuleStateRow, ...] = ()


class FormItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """A question of a version of a form."""

    question_id: str
    section: str
    place: int
    kind: str
    title: str
    weight: int
    max_points: int
    critical_cap: int | None
    review: str
    automation: str
    """The question as JSON."""


class FormVersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a form that a leg was evaluated with."""

    form_id: str
    version: int
    title: str
    state: str
    form: str
    """As JSON."""
    items: tuple[FormItemRow, ...]


class EvaluationItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """The automatic answer to a question."""

    question_id: str
    state: str
    units: int
    """Share of its points × 720,720."""
    applied_weight: int
    """Its weight where it is in the sums, else 0."""
    reason: str | None
    confidence: float | None
    needs_review: bool
    rule_versions: str
    evidence: str
    """A JSON array: hits, intervals, numbers, windows that were heard; no words."""


class EvaluationRow(msgspec.Struct, frozen=True, kw_only=True):
    """The automatic evaluation of a leg with a form."""

    leg_id: str
    form_id: str
    form_version: int
    state: str
    applicable: int
    determined: int
    earned: int
    """Sums of weights × 720,720."""
    score_pct: float | None
    score_uncapped_pct: float | None
    coverage_pct: float | None
    adherence_pct: float | None
    score_reason: str | None
    automatic_fail: bool
    rule_set: str
    asr_model: str | None
    items: tuple[EvaluationItemRow, ...]


class EvaluationRows(msgspec.Struct, frozen=True, kw_only=True):
    """What forms say of the legs of a call, and the versions they have."""

    forms: tuple[FormVersionRow, ...] = ()
    evaluations: tuple[EvaluationRow, ...] = ()


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
    rules: RuleRows | None = None
    """None: it was measured without rules."""
    evaluations: EvaluationRows | None = None
    """None: it was measured without forms."""
