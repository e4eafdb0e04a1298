"""Rates: counts of a leg per ten minutes of what was analysed of it, so that long and short calls are asked alike.

`interruptions_agent_per_10min` is the rate of the metric `interruptions_agent`: a form may name it of every metric that counts.
"""

from collections.abc import Mapping
from typing import Any

from cc_voice.call.metrics.dictionary import METRICS

SUFFIX = "_per_10min"
_TEN_MINUTES_MS = 600_000
_ANALYSED = "analysed_ms"


def rated_metric(name: str) -> str | None:
    """Return the metric that a rate is of, None where the name is none of a rate."""
    metric = name.removesuffix(SUFFIX)
    is_count = metric in METRICS and METRICS[metric].type == "integer" and not metric.endswith(("_ms", "_p50", "_p90"))
    return metric if name.endswith(SUFFIX) and is_count else None


def needed_metrics(name: str) -> tuple[str, ...]:
    """Return the metrics of a leg that a metric or rate is read from."""
    metric = rated_metric(name)
    return (name,) if metric is None else (metric, _ANALYSED)


def value_of(name: str, metrics: Mapping[str, Any], reasons: Mapping[str, str]) -> tuple[float | None, str | None]:
    """Return a metric or rate of a leg, or why it has none."""
    metric = rated_metric(name)
    value = metrics.get(metric or name)
    if value is None or isinstance(value, str):
        return None, reasons.get(metric or name, "earlier_version")
    if metric is None:
        return float(value), None
    analysed = metrics.get(_ANALYSED)
    if not analysed:
        return None, reasons.get(_ANALYSED, "too_short")
    return float(value) * _TEN_MINUTES_MS / analysed, None
