"""Alert reasons: what is told, how long it has to be true before and false after, how soon the same is told again."""

import hashlib
from typing import Literal

import msgspec

from cc_voice.config.alert_thresholds import AlertReason

Level = Literal[1, 2]


class ReasonTimes(msgspec.Struct, frozen=True):
    """Times of a reason in ms of media. `again_ms` counts from the end of a lasting one, from the last that was told of a hit."""

    for_ms: int = 0
    clear_ms: int = 0
    again_ms: int = 0
    is_hit: bool = False
    """Said once and never untrue: over only when it is withdrawn, dealt with, or the call ends."""


TIMES: dict[AlertReason, ReasonTimes] = {
    "dead_air": ReasonTimes(0, 1_000, 60_000),
    "hold_long": ReasonTimes(),
    "hold_many": ReasonTimes(),
    "overtalk": ReasonTimes(5_000, 20_000, 180_000),
    "monologue": ReasonTimes(0, 0, 300_000),
    "rule": ReasonTimes(again_ms=120_000, is_hit=True),
    "no_disclosure": ReasonTimes(),
    "card_unpaused": ReasonTimes(is_hit=True),
    "sentiment_drop": ReasonTimes(0, 60_000, 300_000),
    "line": ReasonTimes(10_000, 10_000, 300_000),
}
TITLES: dict[AlertReason, str] = {
    "dead_air": "Dead air",
    "hold_long": "Long hold",
    "hold_many": "Many holds",
    "overtalk": "Speaking at once",
    "monologue": "Monologue",
    "rule": "Rule",
    "no_disclosure": "Not announced",
    "card_unpaused": "Card number",
    "sentiment_drop": "Customer less happy",
    "line": "Line",
}


class AlertCondition(msgspec.Struct, frozen=True, kw_only=True):
    """A reason that is true at a moment; what rules and redaction find has the same form, `true_ms` where the hit begins."""

    reason: AlertReason
    rule: str = ""
    """Id of the rule; empty for reasons that have none."""
    level: Level = 1
    true_ms: int
    """Since when it is true, on the stream's clock."""
    text: str
    """Words with numbers, redacted."""
    weight: int = 0
    """Of the rule: what is worse among the same level."""


class AlertChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker tells of an alert. Told twice it is one: the id says which it is, the rest says how it is now."""

    kind: Literal["raised", "worse", "closed", "withdrawn"]
    alert_id: str
    call_id: str
    stream_id: str
    epoch: int
    reason: AlertReason
    rule: str
    level: Level
    weight: int
    true_ms: int
    """When the condition became true, on the stream's clock."""
    at_ms: int
    """The moment of this change, on the same clock."""
    text: str
    media_ms: int = 0
    """How far the media had come when this was told: less `true_ms`, that is how late it was raised."""


def alert_id(call_id: str, reason: str, rule: str, start_ms: int) -> str:
    """Return an alert's id: a function of what it is about, so that whoever tells it again tells of the same."""
    return hashlib.sha256("\0".join((call_id, reason, rule, str(start_ms))).encode()).hexdigest()[:24]
