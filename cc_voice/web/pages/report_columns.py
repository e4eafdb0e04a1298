"""Columns of a report for people: a heading in words, a value as it is read, and why one is missing.

The names of columns follow a grammar (`analytics/README.md`): what is measured, then its unit, then how it was summed up. So a
heading is made from the name, and a report that is added tomorrow has headings too; a table of every name would have to be kept.
The CSV keeps names and units.
"""

from collections.abc import Iterable
from typing import Any

from cc_voice.call.reasons import REASONS, explain
from cc_voice.config.thresholds import ThresholdSet, told
from cc_voice.query import columns
from cc_voice.web.pages.metric_table import BY_COLUMN
from cc_voice.web.rendering import formats

_WHOLE = {
    "acw_ms_mean": "Wrap-up, mean",
    "agent_name": "Agent",
    "answered_ts": "Answered, UTC",
    "asr_conf_ros": "Word confidence",
    "call_id": "Call",
    "conf_mean": "Word confidence, mean",
    "example_call_id": "A call without it",
    "from_name": "From",
    "group_id": "Id",
    "group_name": "Name",
    "interruption_ms_agent": "Interruption time by agent",
    "interruptions_agent_per_10min_ros": "Interruptions by agent per 10 min",
    "interruptions_agent_per_leg": "Interruptions by agent per leg",
    "interruptions_customer_per_10min_ros": "Interruptions by customer per 10 min",
    "language_code": "Language",
    "leg_id": "Leg",
    "local_date": "Date",
    "asr_conf_agent_ros": "Word confidence, agent",
    "character_count": "Characters",
    "cpm_language": "Language of characters per minute",
    "interaction_ms_mean_acw": "Interaction, mean of legs with wrap-up",
    "low_conf_word_pct_agent_ros": "Doubtful words of agent, %",
    "metric_version": "Formulas",
    "n_legs_cpm": "Legs with characters per minute",
    "n_legs_not_heard": "Legs whose parties were not heard apart",
    "n_legs_transfer_known": "Legs whose end is known",
    "n_legs_words": "Legs with judged words",
    "n_legs_wpm": "Legs with words per minute",
    "n_unknown": "Legs left out: nobody knows",
    "threshold_set_id": "Thresholds",
    "wpm_language": "Language of words per minute",
    "most_by": "Agent with the most",
    "n_legs_echo": "Legs in which an echo would be told",
    "n_left_out": "Legs left out: who spoke is in doubt",
    "n_legs_acw": "Legs with wrap-up",
    "queue_name": "Queue",
    "said_ts": "Said, UTC",
    "site_name": "Site",
    "team_name": "Team",
    "text": "What was said",
    "to_name": "To",
    "user_id": "Agent’s id",
}
_NOT_SAID = ("n", "ms", "ros", "ts")
"""Parts of a name that say what the value shows by itself."""
_AFTER_COMMA = {
    "pct": "%",
    "db": "dB",
    "dbfs": "dBFS",
    "mean": "mean",
    "p50": "median",
    "p90": "90 % are shorter",
    "low": "at least",
    "high": "at most",
    "rest": "the rest",
    "agent": "agent",
    "customer": "customer",
}
"""Parts of a name that say of what, once what is measured has been said."""
_SPELT = {"snr": "above noise", "wpm": "words per minute", "cpm": "characters per minute", "conf": "confidence", "10min": "10 min"}
_SHORT = ("latency", "gap", "turn")
"""What lasts seconds: shown with a decimal, as m:ss would show nothing but zeros."""
_FINE = ("ratio", "conf")
"""Between 0 and 1: one decimal would say nothing."""
_MISSING = {
    "agent_name": "No event has named an agent",
    "user_id": "No event has named an agent",
    "from_name": "No event has named an agent or a queue",
    "to_name": "No event has named an agent or a queue",
    "group_name": "No event has named an agent or a queue",
    "group_id": "No event has named an agent or a queue",
    "queue_name": "No event has named a queue",
    "team_name": "The roster names no team",
    "tenure_days": "The roster has no hire date",
    "primary_language": "The customer said nothing",
    "party": "It is not known who spoke",
    "last_party": "Nobody had spoken before",
    "last_text": "Nothing had been recognised before",
    "rank": "Too few legs for a rank",
    "wpm_language": "No talk speed in words",
    "cpm_language": "No talk speed in characters",
    "word_count": "Of a language that is measured in characters",
    "character_count": "Of a language that is measured in words",
    "detector": "Not known",
    "example_call_id": "It was said in every call",
}


def heading(column: str) -> str:
    """Return what a column is headed."""
    if column in _WHOLE:
        return _WHOLE[column]
    parts = [part for part in column.split("_") if part not in _NOT_SAID]
    first = next((number for number, part in enumerate(parts) if number and part in _AFTER_COMMA), len(parts))
    said = " ".join(_SPELT.get(part, part) for part in parts[:first])
    notes = [_AFTER_COMMA.get(part, part) for part in parts[first:]]
    if _lasts_seconds(column):
        notes.append("s")
    return ", ".join([f"{said[:1].upper()}{said[1:]}", *notes])


def tip(column: str, sets: Iterable[ThresholdSet]) -> str:
    """Return what to say about a column's heading: its name in files, and its formula where it is one of a view.

    `sets` are the thresholds with which the stored legs were measured.
    """
    described = columns.columns().get(column)
    return f"{column} in the CSV" if described is None else f"{column} in the CSV: {told(described.formula, sets)}"


def cell(column: str, value: Any, sets: Iterable[ThresholdSet]) -> str | None:
    """Return a value as a table shows it; None where there is none. `sets` as for `tip`."""
    if value is None:
        return None
    parts = column.split("_")
    if column == "reason":
        return explain(value, sets) or str(value)
    if column == "metric":
        return BY_COLUMN[value].label if value in BY_COLUMN else heading(str(value))
    if "ms" in parts and isinstance(value, int | float):
        return formats.seconds(value) if _lasts_seconds(column) else formats.clock(value)
    return formats.cell(value, 2 if any(part in _FINE for part in parts) else 1)


def missing(column: str) -> str:
    """Return why a column has no value in a row."""
    if column in _MISSING:
        return _MISSING[column]
    parts = column.split("_")
    if "acw" in parts or "handle" in parts:
        return REASONS["not_imported"]
    if parts[-1] in ("low", "high"):
        return "Too few legs to tell how sure the number is"
    return "Not measurable on any of these legs, or too few of them; “What could not be measured, and why?” tells more"


def _lasts_seconds(column: str) -> bool:
    parts = column.split("_")
    return "ms" in parts and any(part in _SHORT for part in parts)
