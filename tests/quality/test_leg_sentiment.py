"""Sentiment of legs: means over quarters of analysed time, coverage, and why there is none."""

from typing import Any

import pytest

from cc_voice.call.measure import measure
from cc_voice.call.metrics.sentiment import NAMES
from cc_voice.call.rows import MeasuredCall
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import QueueThresholds, ThresholdSet, for_queue
from cc_voice.media.lexicons import shipped_entries
from cc_voice.quality.sentiment.leg_sentiment import with_sentiment
from cc_voice.quality.sentiment.lexicon import MODEL, Lexicon
from tests.call.calls import channel, local, reasons_of, stream, zoom

OURS = Lexicon(shipped_entries())
BADLY_THEN_WELL = (
    "this is unacceptable",  # -4, seconds 1 to 3
    "my bill is from may",  # 0
    "the number is on it",  # 0
    "i see it now then",  # 0
    "that is wonderful",  # +3
)
STARTS = (1_000, 17_000, 25_000, 33_000, 50_000)


def lines(texts: tuple[str, ...] = BADLY_THEN_WELL, language: str = "en", **more: Any) -> list[Utterance]:
    return [local("c", (at, at + 2_000), text, language, **more) for at, text in zip(STARTS, texts, strict=True)]


def call(*said: Utterance, mixed_audio: bool = False, **thresholds: Any) -> MeasuredCall:
    """A call of a minute in which only the customer's lines matter."""
    spans = [(line.start_ms, line.end_ms) for line in said if line.channel_id == "c"]
    agent, customer = channel("a", (5_000, 9_000), party="agent"), channel("c", *spans, party="customer")
    chosen = ThresholdSet(**thresholds)
    streams = [stream(agent, customer, utterances=said, product="import", events=(), mixed_audio=mixed_audio)]
    return with_sentiment(measure(streams, chosen), OURS, chosen)


def test_a_call_that_began_badly_and_ended_well() -> None:
    found = call(*lines(), local("a", (5_000, 9_000), "that is terrible"))
    (leg,) = found.legs
    assert leg.sentiment_customer == pytest.approx(-1 / 5)
    assert (leg.sentiment_customer_start, leg.sentiment_customer_end, leg.sentiment_customer_change) == (-4, 3, 7)
    assert (leg.sentiment_coverage_pct, leg.sentiment_model) == (100, MODEL)
    assert not set(NAMES) & set(reasons_of(found))
    labels = {row.text: (row.sentiment_label, row.sentiment_score) for row in found.utterances}
    assert labels["this is unacceptable"] == ("neg", -4)
    assert labels["that is terrible"] == (None, None)


def test_means_are_weighted_by_duration() -> None:
    said = [*lines()[:4], local("c", (48_000, 49_000), "this is unacceptable"), local("c", (50_000, 53_000), "that is wonderful")]
    (leg,) = call(*said).legs
    assert leg.sentiment_customer_end == pytest.approx((-4 * 1 + 3 * 3) / 4)


def test_a_quarter_without_words_has_no_number() -> None:
    said = [*lines()[:4], local("c", (40_000, 42_000), "that is wonderful")]
    found = call(*said)
    (leg,) = found.legs
    assert leg.sentiment_customer is not None
    assert leg.sentiment_customer_start == -4
    assert {name: reason for name, reason in reasons_of(found).items() if name in NAMES} == {
        "sentiment_customer_end": "too_few",
        "sentiment_customer_change": "too_few",
    }


@pytest.mark.parametrize(
    ("found", "reason", "coverage"),
    [
        (call(*lines()[:4]), "too_few", 100),
        (call(*(zoom("c", (at, at + 2_000), "das ist ja wirklich unglaublich", "de") for at in STARTS)), "no_sentiment_model", 0),
        (call(*lines(conf=0.4)), "low_confidence", 100),
        (call(*lines(), sentiment=False), "setting_off", None),
        (call(*lines(), mixed_audio=True), "mixed_audio", None),
    ],
)
def test_what_cannot_be_measured_has_its_reason(found: MeasuredCall, reason: str, coverage: float | None) -> None:
    (leg,) = found.legs
    assert {reasons_of(found)[name] for name in NAMES[:4]} == {reason}
    assert leg.sentiment_coverage_pct == coverage
    assert (leg.sentiment_customer, leg.sentiment_customer_change) == (None, None)
    if reason != "too_few":
        assert {row.sentiment_score for row in found.utterances} == {None}
    assert sum(row.metric == "sentiment_customer" for row in found.null_reasons) == 1


def test_coverage_is_the_share_of_words() -> None:
    said = [zoom("c", (at, at + 2_000), text) for at, text in zip(STARTS, BADLY_THEN_WELL, strict=True)]
    (leg,) = call(*said, zoom("c", (55_000, 57_000), "und jetzt ist alles gut so vielen dank auch für die hilfe ja", "de")).legs
    assert leg.sentiment_coverage_pct is not None
    assert 0 < leg.sentiment_coverage_pct < 100
    assert leg.sentiment_customer is not None


def test_a_queue_may_switch_it_off_and_the_site_every_queue() -> None:
    off = QueueThresholds(name="quiet", queues=("Works council",), sentiment=False)
    assert not for_queue(ThresholdSet(), [off], None, "Works council").sentiment
    assert for_queue(ThresholdSet(), [off], None, "Billing").sentiment
    on = QueueThresholds(name="loud", queues=("Billing",))
    assert not for_queue(ThresholdSet(sentiment=False), [on], None, "Billing").sentiment


def test_measuring_twice_changes_nothing() -> None:
    once = call(*lines())
    assert with_sentiment(once, OURS, ThresholdSet()).utterances == once.utterances
