"""Threshold trial: what other thresholds would change in the newest calls, for a page; `recompute` does it for all of history.

Measured in a process of its own, behind everything else: the service answers webhooks meanwhile. Nothing is kept.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import msgspec

from cc_voice.call.metric_changes import MEASURED, Changes, MetricComparison
from cc_voice.config.settings import Settings
from cc_voice.sessions import recomputation
from cc_voice.store import call_list, calls
from cc_voice.store.database import Database

MOST_CALLS = 200
_NICE = 10


class ThresholdTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What would change. `changes` is None where the text was only checked."""

    calls: int
    """That were measured."""
    problems: int = 0
    """Calls that could not be."""
    changes: Changes | None = None


def trial(database: Database, candidate: Settings) -> ThresholdTrial:
    """Measure the newest calls under other settings, and compare. For a thread; takes seconds. Raises StoreError."""
    newest = database.read_now(lambda con: call_list.list_calls(con, call_list.CallFilter(), limit=MOST_CALLS))
    call_ids = list(dict.fromkeys(each.call_id for each in newest))
    plan = recomputation.plan(candidate, call_ids=tuple(call_ids))
    comparison, problems = MetricComparison(MEASURED), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=os.nice, initargs=(_NICE,)) as workers:
        for result in recomputation.measure_again(call_ids, candidate, plan, workers):
            if result.measured is None:
                problems += 1
                continue
            batch = result.measured
            stored = database.read_now(lambda con, call_id=result.call_id: calls.leg_metrics(con, [call_id]))  # type: ignore[misc]
            comparison.add(stored.get(result.call_id, {}), batch.call.legs)
    return ThresholdTrial(calls=len(call_ids) - problems, problems=problems, changes=comparison.result())
