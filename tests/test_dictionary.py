"""The registry of columns: complete (see `test_analytics_docs.py`), consistent with the names, and what pages say."""

import re

import pytest

from cc_voice import dictionary
from cc_voice.call.metric_dictionary import METRICS
from cc_voice.web.columns import tip

COLUMNS = dictionary.columns()
UNITS = {"ms": "ms", "pct": "%", "ts": "UTC", "count": "count", "conf": "0–1", "ratio": "0–1", "wpm": None}


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_unit_is_the_one_in_the_name(name: str) -> None:
    named = [UNITS[part] for part in name.split("_") if UNITS.get(part)]
    if named:
        assert COLUMNS[name].unit == named[-1] or "per_" in name


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_paragraph_reads_well(name: str) -> None:
    column = COLUMNS[name]
    assert column.formula == column.formula.strip()
    assert not column.formula.endswith(".")
    assert (column.label is None) == (column.meaning is None)
    assert re.fullmatch(r"\d+\.\d+\.\d+", column.since)


def test_a_metric_says_what_its_entry_says() -> None:
    hold = COLUMNS["hold_ms"]
    assert (hold.label, hold.meaning, hold.unit) == ("Hold", "Time the customer was on hold.", "ms")
    assert {name for name in METRICS if COLUMNS[name].formula != METRICS[name].formula} == set()


def test_a_heading_tells_formula_or_at_least_the_name() -> None:
    assert tip("hold_pct") == "hold_pct in the CSV: 100 · hold_ms ÷ interaction_ms"
    assert tip("no_column_of_a_view") == "no_column_of_a_view in the CSV"
