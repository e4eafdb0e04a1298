"""The registry of columns: complete (see `test_analytics_docs.py`), consistent with the names, and what pages say."""

import re

import pytest

from cc_voice import dictionary
from cc_voice.thresholds import ThresholdSet
from cc_voice.web.columns import tip
from cc_voice.web.metrics import BY_COLUMN

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


def test_the_page_of_a_call_says_what_the_registry_says() -> None:
    assert {name for name, column in COLUMNS.items() if column.label} == set(BY_COLUMN)
    assert BY_COLUMN["hold_ms"].label == COLUMNS["hold_ms"].label
    assert BY_COLUMN["hold_ms"].meaning == COLUMNS["hold_ms"].meaning


def test_a_heading_tells_formula_or_at_least_the_name() -> None:
    assert tip("hold_pct", [ThresholdSet()]) == "hold_pct in the CSV: 100 · hold_ms ÷ interaction_ms"
    assert tip("no_column_of_a_view", [ThresholdSet()]) == "no_column_of_a_view in the CSV"
