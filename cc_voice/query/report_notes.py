"""Report notes: what to know of the legs that an answer is made of, before its numbers are believed.

One mechanism for all reports: where a report reads legs, those of its days, queue and agent are asked how they were measured. What
was measured with other thresholds, formulas or another detector is another number under the same name; summed up it is neither, and
nobody sees it in a row.
"""

import datetime
import re
from collections.abc import Mapping
from typing import Any

import duckdb

_READS_LEGS = re.compile(r"\b(?:v_leg|fact_leg|v_leg_language|v_agent_day|v_queue_day)\b")
_WAYS = """
    select
        l.threshold_set_id::text || coalesce(' (' || t.name || ')', '') as thresholds,
        coalesce(l.metric_version, 'unknown') as formulas,
        coalesce(l.detector, 'unknown') as detector,
        count(*) as n_legs
    from v_leg as l
    left join dim_threshold_set as t on t.threshold_set_id = l.threshold_set_id
    where l.date_key between as_date_key($first::date) and as_date_key($last::date)
        and ($queue is null or l.queue_name = $queue)
        and ($agent is null or l.agent_name = $agent)
    group by all
    order by all
"""
_NAMES = ("sets of thresholds", "versions of the formulas", "detectors of speech")


def notes(con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to say of the legs behind a report's answer; `values` are its parameters."""
    days = days_of(values)
    if days is None or not _READS_LEGS.search(re.sub(r"--.*", "", sql)):
        return ()
    asked = {"first": days[0], "last": days[1], "queue": values.get("queue"), "agent": values.get("agent")}
    ways = con.execute(_WAYS, asked).fetchall()
    told = []
    for place, name in enumerate(_NAMES):
        legs: dict[str, int] = {}
        for way in ways:
            legs[way[place]] = legs.get(way[place], 0) + way[-1]
        if len(legs) > 1:
            told.append(
                f"{len(legs)} {name}: "
                + ", ".join(f"{value} in {n} leg{'s' if n != 1 else ''}" for value, n in sorted(legs.items()))
            )
    if not told:
        return ()
    return (f"Legs measured in different ways: {'; '.join(told)}. Measure them alike with cc-voice recompute, or narrow the days.",)


def days_of(values: Mapping[str, Any]) -> tuple[datetime.date, datetime.date] | None:
    """Return the first and last day that a report asks about, None where it asks about none."""
    match values:
        case {"since": datetime.date() as since, "until": datetime.date() as until}:
            return since, until
        case {"change": datetime.date() as change, "days": int(days)}:
            span = datetime.timedelta(min(days, (change - datetime.date.min).days, (datetime.date.max - change).days))
            return change - span, change + span - datetime.timedelta(1)
        case _:
            return None
