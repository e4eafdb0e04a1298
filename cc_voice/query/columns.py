"""Columns of the published views: unit, formula, the words of pages, the version that first had each.

A metric of a leg is described in its entry (`call/metrics/entry.py`), every other column in `analytics/columns.toml`, and none in
both. The data dictionary of an export, the API's `/columns` and the headings of the reports read them here; a test holds that every
column of every view has its description.
"""

import functools
import tomllib
from collections.abc import Iterable

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.metrics.entry import FIRST_VERSION, Metric
from cc_voice.config.settings import bundled
from cc_voice.config.thresholds import ThresholdSet, told


class ViewColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column, whichever view it is in."""

    name: str
    formula: str
    unit: str | None = None
    """None for names, ids and texts."""
    label: str | None = None
    """What the page of a call calls it; None for what it does not show."""
    meaning: str | None = None
    """A sentence for whoever sees the number for the first time."""
    since: str = FIRST_VERSION


class _Paragraph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    formula: str
    unit: str | None = None
    since: str = FIRST_VERSION


@functools.cache
def columns() -> dict[str, ViewColumn]:
    """Return every column by its name, metrics last.

    Thresholds are places in these texts (`{long_silence_s}`): who shows one to somebody takes it from `explained`.
    """
    written = tomllib.loads((bundled("analytics") / "columns.toml").read_text(encoding="utf-8"))
    paragraphs = msgspec.convert(written, dict[str, _Paragraph])
    if twice := paragraphs.keys() & METRICS.keys():
        raise AssertionError(f"described in columns.toml and as a metric: {', '.join(sorted(twice))}")
    others = {name: ViewColumn(name=name, **msgspec.structs.asdict(each)) for name, each in paragraphs.items()}
    return others | {name: _described(metric) for name, metric in METRICS.items()}


def explained(sets: Iterable[ThresholdSet]) -> dict[str, ViewColumn]:
    """Return every column by its name, for numbers that were measured with these thresholds."""
    known = tuple(sets)
    return {
        name: msgspec.structs.replace(
            each, formula=told(each.formula, known), meaning=None if each.meaning is None else told(each.meaning, known)
        )
        for name, each in columns().items()
    }


def _described(metric: Metric) -> ViewColumn:
    return ViewColumn(
        name=metric.name,
        formula=metric.formula,
        unit=metric.unit,
        label=metric.label,
        meaning=metric.meaning,
        since=metric.since,
    )
