"""Sentiment of the customer, of text only, by a word list (1.5): the entries.

The words are known in `quality/sentiment`, which is above this package and fills in what is `UNSCORED` here.
"""

from cc_voice.call.metrics.entry import CUSTOMER, NO_WORDS, Metric, Need
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.reasons import Metrics, Unmeasured

UNSCORED = "no_sentiment_model"
"""The reason of a leg that was measured without a lexicon."""

_NEEDS: tuple[Need, ...] = ("sentiment", *CUSTOMER)
_REASONS = (*NO_WORDS, "no_words", UNSCORED, "low_confidence", "too_few")
_NO_EVIDENCE = "It is a mean of scores of utterances, and all of them count: v_utterance has each with its score."

METRICS = (
    Metric(
        name="sentiment_customer",
        type="double",
        unit="−5…+5",
        needs=_NEEDS,
        reasons=_REASONS,
        no_evidence=_NO_EVIDENCE,
        label="Sentiment of customer (text, word list)",
        meaning="How the customer’s words sound by a word list, −5 to +5: what was said, not how, and never the agent’s.",
        formula="mean score of the customer's English utterances, weighted by their duration in A; 5 scored utterances at least",
        since="0.2.0",
    ),
    Metric(
        name="sentiment_customer_start",
        type="double",
        unit="−5…+5",
        needs=_NEEDS,
        reasons=_REASONS,
        no_evidence=_NO_EVIDENCE,
        label="… in the first quarter (text, word list)",
        meaning="The same of the first quarter of the time analysed.",
        formula="sentiment_customer of the first quarter of A",
        since="0.2.0",
    ),
    Metric(
        name="sentiment_customer_end",
        type="double",
        unit="−5…+5",
        needs=_NEEDS,
        reasons=_REASONS,
        no_evidence=_NO_EVIDENCE,
        label="… in the last quarter (text, word list)",
        meaning="The same of the last quarter of the time analysed.",
        formula="sentiment_customer of the last quarter of A",
        since="0.2.0",
    ),
    Metric(
        name="sentiment_customer_change",
        type="double",
        unit="−5…+5",
        needs=_NEEDS,
        reasons=_REASONS,
        no_evidence=_NO_EVIDENCE,
        label="… from start to end (text, word list)",
        meaning="Last quarter less first: from +1 on it improved, from −1 on it worsened.",
        formula="sentiment_customer_end − sentiment_customer_start",
        since="0.2.0",
    ),
    Metric(
        name="sentiment_coverage_pct",
        type="double",
        unit="%",
        needs=_NEEDS,
        reasons=(*NO_WORDS, "no_words", UNSCORED),
        no_evidence="It is a share of words, and words of all languages stand in the transcript.",
        label="Sentiment covers",
        meaning="Share of the customer’s words in a language that has a word list; there is one of English.",
        formula="100 · the customer's English words in A ÷ the customer's words in A",
        since="0.2.0",
    ),
)

NAMES = tuple(metric.name for metric in METRICS)


def sentiment_metrics_unscored(scope: LegInput) -> Metrics:
    """Return what is known of sentiment before anybody looks at words: why there will be none, or that nobody looked."""
    return dict.fromkeys(NAMES, Unmeasured(scope.no_words["customer"] or UNSCORED))
