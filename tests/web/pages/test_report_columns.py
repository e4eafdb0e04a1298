"""Reports for people: every column has a heading in words, times read as times, and a dash has the right reason."""

import datetime
from typing import Any

import polars as pl
import pytest

from cc_voice.call.reasons import REASONS
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.web.pages.report_columns import cell, heading, missing
from tests.stored_calls import golden_call, new_store, write

NEEDED = {"date": "2026-09-21", "text": "x", "integer": "1", "number": "1"}
REPORTS = reports.list_reports()


@pytest.fixture(scope="module")
def answers() -> dict[str, pl.DataFrame]:
    """Every report, answered for the golden call."""
    found = {}
    with new_store() as con:
        write(con, golden_call())
        for report in REPORTS:
            given = {p.name: NEEDED.get(p.type, "") for p in report.params if p.default is None}
            given |= {p.name: "2026-01-01" for p in report.params if p.name == "since"}
            found[report.name] = reports.answer(con, EVERYTHING, report.name, given)
    return found


def is_words(text: str) -> bool:
    return "_" not in text and text[0].isupper() and not {"ms", "ros", "pct", "ts", "p50"} & set(text.replace(",", "").split())


def test_headings_are_words_and_differ(answers: dict[str, pl.DataFrame]) -> None:
    headings = {name: [heading(column) for column in answer.columns] for name, answer in answers.items()}
    assert [name for name, texts in headings.items() if len(set(texts)) < len(texts)] == []
    assert [(name, text) for name, texts in headings.items() for text in texts if not is_words(text)] == []
    assert not is_words("Hold ms")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("n_legs", "Legs"),
        ("agent_talk_pct_ros", "Agent talk, %"),
        ("interrupted_pct_low", "Interrupted, %, at least"),
        ("interaction_ms_mean_high", "Interaction, mean, at most"),
        ("greeting_latency_ms_p50", "Greeting latency, median, s"),
        ("longest_monologue_ms_agent", "Longest monologue, agent"),
        ("wpm_agent_ros", "Words per minute, agent"),
        ("agent_name", "Agent"),
        ("something_new_ms", "Something new"),
    ],
)
def test_a_heading_says_what_its_name_says(column: str, text: str) -> None:
    assert heading(column) == text


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("interaction_ms", 754_321, "12:34"),
        ("hold_ms_mean", 61_500.4, "1:01"),
        ("start_ms", 0, "0:00"),
        ("greeting_latency_ms_p50", 1234.0, "1.2"),
        ("handover_gap_ms_p50", -2300, "−2.3"),
        ("talk_ratio_agent_ros", 0.456, "0.46"),
        ("agent_talk_pct_ros", 51.625, "51.6"),
        ("n_legs", 1234, "1,234"),
        ("reason", "not_imported", REASONS["not_imported"]),
        ("reason", "of_a_newer_version", "of_a_newer_version"),
        ("metric", "wpm_agent", "Talk speed of agent"),
        ("metric", "talk_ms_agent", "Talk, agent"),
        ("answered_ts", datetime.datetime(2026, 11, 2, 9, 5), "2026-11-02 09:05"),
        ("agent_name", None, None),
    ],
)
def test_a_value_is_shown_as_it_is_read(column: str, value: Any, text: str | None) -> None:
    assert cell(column, value, [ThresholdSet()]) == text


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("agent_name", "No event has named an agent"),
        ("queue_name", "No event has named a queue"),
        ("acw_ms_mean", REASONS["not_imported"]),
        ("said_pct_low", "Too few legs to tell"),
        ("hold_pct_ros", "Not measurable on any of these legs"),
    ],
)
def test_a_dash_has_its_reason(column: str, text: str) -> None:
    assert missing(column).startswith(text)
