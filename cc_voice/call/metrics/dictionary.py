"""The metric dictionary: every metric of a leg, by section, in the order of its columns.

Numbers of sections are those that docstrings cite ("1.3"), as `analytics/README.md` explains them.
"""

import msgspec

from cc_voice.call.metrics import (
    call_quality,
    handling,
    languages,
    latency,
    loudness,
    monologues,
    overtalk,
    questions,
    recogniser_quality,
    sentiment,
    silence,
    talk,
    talk_speed,
)
from cc_voice.call.metrics.entry import Metric


class MetricSection(msgspec.Struct, frozen=True):
    """The metrics of one module."""

    number: str
    title: str
    metrics: tuple[Metric, ...]


SECTIONS = (
    MetricSection("1.7", "Handling", handling.METRICS),
    MetricSection("1.1", "Talk", talk.METRICS),
    MetricSection("1.1", "Silence and dead air", silence.METRICS),
    MetricSection("1.2", "Overtalk and interruptions", overtalk.METRICS),
    MetricSection("1.3", "Greeting and response latency", latency.METRICS),
    MetricSection("1.3", "Talk speed", talk_speed.METRICS),
    MetricSection("1.3", "Monologues and turns", monologues.METRICS),
    MetricSection("1.3", "Questions and repetition", questions.METRICS),
    MetricSection("1.5", "Sentiment of the customer: text, word list", sentiment.METRICS),
    MetricSection("1.6", "Recognition", recogniser_quality.METRICS),
    MetricSection("1.6", "Languages", languages.METRICS),
    MetricSection("1.4", "Loudness", loudness.METRICS),
    MetricSection("1.7", "Call quality", call_quality.METRICS),
)

METRICS: dict[str, Metric] = {metric.name: metric for section in SECTIONS for metric in section.metrics}
"""By name."""

if len(METRICS) != sum(len(section.metrics) for section in SECTIONS):
    raise AssertionError("two metrics have one name")
