"""The registry of columns: complete (see `tests/analytics/test_docs.py`), consistent with the names, and what pages say."""

import re

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.query import columns
from cc_voice.web.pages.report_columns import tip

COLUMNS = columns.columns()
UNITS = {"ms": "ms", "pct": "%", "ts": "UTC", "count": "count", "conf": "0–1", "ratio": "0–1", "wpm": None}


def unit_in(name: str) -> str | None:
    """The unit that a column's name tells; None when it tells none, or one per something."""
    named = [unit for part in name.split("_") if (unit := UNITS.get(part))]
    return named[-1] if named and "per_" not in name else None


def test_a_unit_is_the_one_in_the_name() -> None:
    named = {name: unit for name in COLUMNS if (unit := unit_in(name))}
    assert len(named) > 100
    assert {name: (unit, COLUMNS[name].unit) for name, unit in named.items() if COLUMNS[name].unit != unit} == {}


def reads_well(column: columns.ViewColumn) -> bool:
    formula = column.formula
    whole = formula == formula.strip() and not formula.endswith(".")
    return whole and (column.label is None) == (column.meaning is None) and bool(re.fullmatch(r"\d+\.\d+\.\d+", column.since))


def test_a_paragraph_reads_well() -> None:
    assert len(COLUMNS) > 200
    assert [name for name, column in COLUMNS.items() if not reads_well(column)] == []
    assert not reads_well(msgspec.structs.replace(COLUMNS["hold_ms"], formula="A sentence."))


def test_a_metric_says_what_its_entry_says() -> None:
    hold = COLUMNS["hold_ms"]
    assert (hold.label, hold.meaning, hold.unit) == ("Hold", "Time the customer was on hold.", "ms")
    assert {name for name in METRICS if COLUMNS[name].formula != METRICS[name].formula} == set()


def test_a_heading_tells_formula_or_at_least_the_name() -> None:
    assert tip("hold_pct", [ThresholdSet()]) == "hold_pct in the CSV: 100 · hold_ms ÷ interaction_ms"
    assert tip("no_column_of_a_view", [ThresholdSet()]) == "no_column_of_a_view in the CSV"
