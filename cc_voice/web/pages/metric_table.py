"""Metrics on the page of a call: under which headings, how a value is written, and which intervals a number opens.

What a metric is called and means is in its entry (`call/metrics/entry.py`); one without a label is in the API and the exports, but
not on the page.
"""

from collections.abc import Sequence
from typing import Any

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
from cc_voice.call.metrics.entry import Evidence, Metric
from cc_voice.store.calls import CallInterval
from cc_voice.web.rendering import formats


class Section(msgspec.Struct, frozen=True):
    """A group of metrics with its heading."""

    title: str
    metrics: tuple[Metric, ...]


SECTIONS: tuple[Section, ...] = tuple(
    Section(title, tuple(metric for metric in metrics if metric.label))
    for title, metrics in (
        ("Talk and silence", (*talk.METRICS, *silence.METRICS)),
        ("Overtalk and interruptions", overtalk.METRICS),
        ("Pace", (*latency.METRICS, *talk_speed.METRICS, *monologues.METRICS, *questions.METRICS)),
        ("Handling", handling.METRICS),
        ("Sound", (*call_quality.METRICS, *loudness.METRICS)),
        ("Sentiment of customer: text, word list", sentiment.METRICS),
        ("Recognition", recogniser_quality.METRICS),
        ("Languages", languages.METRICS),
    )
)

BY_COLUMN = {metric.name: metric for section in SECTIONS for metric in section.metrics}


def behind(evidence: Evidence, intervals: Sequence[CallInterval]) -> list[CallInterval]:
    """Return the intervals that stand behind a metric, in order."""
    found = [interval for interval in intervals if _selects(evidence, interval)]
    if not found and evidence.otherwise is not None:
        return behind(evidence.otherwise, intervals)
    longest_ms = max((_length_ms(interval) for interval in found), default=0)
    return [interval for interval in found if not evidence.longest or _length_ms(interval) == longest_ms]


def _selects(evidence: Evidence, interval: CallInterval) -> bool:
    return (
        interval.kind == evidence.kind
        and (evidence.party is None or interval.party == evidence.party)
        and (evidence.only is None or interval.subkind in evidence.only)
        and interval.subkind not in evidence.without
    )


def _length_ms(interval: CallInterval) -> int:
    return interval.end_ms - interval.start_ms


def written(metric: Metric, value: Any, leg: dict[str, Any]) -> tuple[str, str]:
    """Return a value and its unit as the page shows them; `leg` has the leg's other columns."""
    match metric.unit:
        case "%" | "0–100":
            return formats.percent(value), "%"
        case "0–1" if "ratio" in metric.name.split("_"):
            return formats.percent(100 * value), "%"
        case "0–1":
            return formats.number(value, 2), ""
        case "ms" if metric.lasts_minutes:
            return formats.clock(value), ""
        case "ms":
            return formats.seconds(value), "s"
        case "per min":
            return formats.number(value, 1), "/min"
        case "talk_speed_unit":
            return formats.number(value), leg.get("talk_speed_unit") or "wpm"
        case "−5…+5":
            return f"{'+' if value >= 0.05 else ''}{formats.number(value, 1)}", ""
        case "dBFS" | "dB":
            return formats.number(value, 1), metric.unit
        case "true/false":
            return ("yes" if value else "no"), ""
        case _ if metric.type == "text":
            return str(value).replace("_", " "), ""
        case _:
            return formats.number(value), ""
