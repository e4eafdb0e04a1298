"""Threshold trial: what other thresholds would change in the newest calls, for a page; `recompute` does it for all of history.

Measured in a process of its own, behind everything else: the service answers webhooks meanwhile. Nothing is kept.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import msgspec

from cc_voice.call.metric_changes import MEASURED, Changes, MetricComparison
from cc_voice.config.settings import Settings
from cc_voice.sessions import recomputation
from cc_voice.store import call_list, calls
from cc_voice.store.database import Connection

MOST_CALLS = 200
_NICE = 10


class ThresholdTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What would change. `changes` is None where the text was only checked."""

    calls: int
    """That were measured."""
    problems: int = 0
    """Calls that could not be."""
    changes: Changes | None = None


StoredLegs = dict[str, dict[str, Any]]
"""call_id → leg_id → what is stored of it."""


def newest(con: Connection) -> StoredLegs:
    """Return the legs of the newest calls, on a connection that sees what whoever asks may see."""
    page = call_list.list_calls(con, call_list.CallFilter(), limit=MOST_CALLS)
    return calls.leg_metrics(con, list(dict.fromkeys(each.call_id for each in page)))


def trial(stored: StoredLegs, candidate: Settings) -> ThresholdTrial:
    """Measure calls under other settings, and compare the legs that are given. For a thread; takes seconds."""
    call_ids = list(stored)
    plan = recomputation.plan(candidate, call_ids=tuple(call_ids))
    comparison, problems = MetricComparison(MEASURED), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=os.nice, initargs=(_NICE,)) as workers:
        for result in recomputation.measure_again(call_ids, candidate, plan, workers):
            if result.measured is None:
                problems += 1
                continue
            known = stored[result.call_id]
            comparison.add(known, tuple(leg for leg in result.measured.call.legs if leg.leg_id in known))
    return ThresholdTrial(calls=len(call_ids) - problems, problems=problems, changes=comparison.result())
