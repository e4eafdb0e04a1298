"""The metric dictionary: every metric of a leg, by section, in the order of its columns.

Numbers of sections are those that docstrings cite ("1.3"), as `analytics/README.md` explains them.
"""

import msgspec

from cc_voice.call import (
    asking,
    call_quality,
    handling,
    latency,
    loudness,
    monologues,
    multilingual,
    overlap,
    pace,
    recogniser_quality,
    silence,
    talk,
)
from cc_voice.call.metric import Metric


class Section(msgspec.Struct, frozen=True):
    """The metrics of one module."""

    number: str
    title: str
    metrics: tuple[Metric, ...]


SECTIONS = (
    Section("1.7", "Handling", handling.METRICS),
    Section("1.1", "Talk", talk.METRICS),
    Section("1.1", "Silence and dead air", silence.METRICS),
    Section("1.2", "Overtalk and interruptions", overlap.METRICS),
    Section("1.3", "Greeting and response latency", latency.METRICS),
    Section("1.3", "Talk speed", pace.METRICS),
    Section("1.3", "Monologues and turns", monologues.METRICS),
    Section("1.3", "Questions and repetition", asking.METRICS),
    Section("1.6", "Recognition", recogniser_quality.METRICS),
    Section("1.6", "Languages", multilingual.METRICS),
    Section("1.4", "Loudness", loudness.METRICS),
    Section("1.7", "Call quality", call_quality.METRICS),
)

METRICS: dict[str, Metric] = {metric.name: metric for section in SECTIONS for metric in section.metrics}
"""By name."""

if len(METRICS) != sum(len(section.metrics) for section in SECTIONS):
    raise AssertionError("two metrics have one name")
