"""Sentiment of legs: scores of the customer's utterances, and their means over the leg, its first quarter and its last (1.5).

Only customers: agents are never scored. What cannot be measured has a reason, as every metric does.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, clip, length
from cc_voice.call.metrics import sentiment
from cc_voice.call.reasons import Metrics, Unmeasured, Value
from cc_voice.call.rows import MeasuredCall, NullReasonRow, UtteranceRow
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.quality.sentiment.lexicon import LANGUAGE, Lexicon

QUARTERS = 4
FEWEST_SCORED = 5
"""Of fewer utterances no mean is given."""


def with_sentiment(call: MeasuredCall, lexicon: Lexicon, site: ThresholdSet) -> MeasuredCall:
    """Return a measured call with sentiment; `site` is what legs without thresholds of their own were measured with.

    A leg that a need of the metrics stands in the way of keeps its reason.
    """
    sets = {leg.leg_id: call.thresholds.get(leg.leg_id, site) for leg in call.legs}
    utterances = tuple(_scored(row, sets.get(row.leg_id or "", site), lexicon) for row in call.utterances)
    open_legs = {row.leg_id for row in call.null_reasons if row.metric in sentiment.NAMES and row.reason == sentiment.UNSCORED}
    measured = {
        leg_id: sentiment_metrics(
            [row for row in utterances if row.leg_id == leg_id and row.party == "customer"],
            call.analysed.get(leg_id, ()),
            sets[leg_id],
        )
        for leg_id in open_legs
    }
    kept = [row for row in call.null_reasons if not (row.leg_id in open_legs and row.metric in sentiment.NAMES)]
    reasons = [
        NullReasonRow(leg_id=leg_id, metric=name, reason=value.reason)
        for leg_id in sorted(measured)
        for name, value in measured[leg_id].items()
        if isinstance(value, Unmeasured)
    ]
    named = {row.leg_id for row in utterances if row.sentiment_score is not None}
    legs = []
    for leg in call.legs:
        columns: dict[str, Any] = {n: v for n, v in measured.get(leg.leg_id, {}).items() if not isinstance(v, Unmeasured)}
        legs.append(msgspec.structs.replace(leg, sentiment_model=lexicon.model if leg.leg_id in named else None, **columns))
    return msgspec.structs.replace(call, legs=tuple(legs), utterances=utterances, null_reasons=(*kept, *reasons))


def _scored(row: UtteranceRow, thresholds: ThresholdSet, lexicon: Lexicon) -> UtteranceRow:
    if row.party != "customer" or not thresholds.sentiment or not _is_english(row) or _is_doubtful(row, thresholds):
        return row
    if row.on_hold and not thresholds.cust_speech_on_hold:
        return row
    found = lexicon.sentiment(row.text)
    return msgspec.structs.replace(row, sentiment_score=found.score, sentiment_label=found.label) if found else row


def _is_english(row: UtteranceRow) -> bool:
    return primary(row.language_code) == LANGUAGE


def _is_doubtful(row: UtteranceRow, thresholds: ThresholdSet) -> bool:
    return row.asr_conf is not None and row.asr_conf < thresholds.low_conf


def sentiment_metrics(rows: Sequence[UtteranceRow], analysed: Intervals, thresholds: ThresholdSet) -> Metrics:
    """Return the metrics of a leg from its customer's scored utterances; what was said on hold is in no A and so in no mean."""
    heard = [row for row in rows if clip(analysed, (row.start_ms, row.end_ms))]
    total = sum(row.word_count for row in heard)
    english = [row for row in heard if _is_english(row)]
    if not total:
        return dict.fromkeys(sentiment.NAMES, Unmeasured("no_words"))
    coverage = 100 * sum(row.word_count for row in english) / total
    scored = [row for row in english if row.sentiment_score is not None]
    doubtful = sum(_is_doubtful(row, thresholds) for row in english)
    if not english or len(scored) < FEWEST_SCORED:
        enough = len(scored) + doubtful >= FEWEST_SCORED
        reason = "no_sentiment_model" if not english else "low_confidence" if enough else "too_few"
        return {**dict.fromkeys(sentiment.NAMES, Unmeasured(reason)), "sentiment_coverage_pct": coverage}
    first, last = _quarter(analysed, 0), _quarter(analysed, QUARTERS - 1)
    start, end = _mean(scored, first), _mean(scored, last)
    both = isinstance(start, float) and isinstance(end, float)
    return {
        "sentiment_customer": _mean(scored, analysed),
        "sentiment_customer_start": start,
        "sentiment_customer_end": end,
        "sentiment_customer_change": end - start if both else Unmeasured("too_few"),  # type: ignore[operator]
        "sentiment_coverage_pct": coverage,
    }


def _mean(scored: Sequence[UtteranceRow], within: Intervals) -> Value:
    """Return the mean of scores, weighted by how long each utterance is in these intervals."""
    weights = [length(clip(within, (row.start_ms, row.end_ms))) for row in scored]
    whole = sum(weights)
    if not whole:
        return Unmeasured("too_few")
    return float(sum(weight * (row.sentiment_score or 0.0) for weight, row in zip(weights, scored, strict=True)) / whole)


def _quarter(analysed: Intervals, number: int) -> Intervals:
    """Return a quarter of A: the same length each, whatever hold and gaps lie between."""
    whole = length(analysed)
    begin, end = whole * number // QUARTERS, whole * (number + 1) // QUARTERS
    found: list[Interval] = []
    passed = 0
    for start, stop in analysed:
        low, high = max(start, start + begin - passed), min(stop, start + end - passed)
        if low < high:
            found.append((low, high))
        passed += stop - start
    return tuple(found)
