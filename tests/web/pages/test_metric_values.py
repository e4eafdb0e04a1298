"""Values of metrics as the page of a call writes them: sentiment has its sign."""

import pytest

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.web.pages.metric_table import SECTIONS, written


@pytest.mark.parametrize(("value", "text"), [(2.04, "+2.0"), (-1.26, "−1.3"), (0.0, "0.0"), (0.04, "0.0"), (-0.04, "0.0")])
def test_sentiment_has_its_sign(value: float, text: str) -> None:
    assert written(METRICS["sentiment_customer"], value, {}) == (text, "")


def test_sentiment_stands_beside_its_coverage_and_says_what_it_is_of() -> None:
    (section,) = (one for one in SECTIONS if "Sentiment" in one.title)
    assert section.metrics[-1].name == "sentiment_coverage_pct"
    assert {metric.name for metric in section.metrics[:-1] if "text, word list" not in (metric.label or "")} == set()
