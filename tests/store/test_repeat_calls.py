"""Repeat calls: who called again: whatever the order in which calls are measured, and also when one of them goes."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import msgspec
import pytest

from cc_voice.call.batch import CallMeasured, StageReached
from cc_voice.store import batches, enrichment, streams
from cc_voice.store.database import Database
from cc_voice.store.zoom_reports import Queue
from tests.call.golden import T0
from tests.store.conftest import SITE, announce, golden

Rows = Callable[..., list[tuple[Any, ...]]]
DAY_MS = 86_400_000


def call(name: str, day: float, customer: str | None = "ann", queue: str = "billing") -> CallMeasured:
    batch = golden()
    at = T0 + round(day * DAY_MS)
    facts = msgspec.structs.replace(batch.call.call, call_id=name, start_unix_ms=at, end_unix_ms=at + 60_000, customer_key=customer)
    legs = tuple(msgspec.structs.replace(leg, leg_id=f"{name}-1", call_id=name, queue_id=queue) for leg in batch.call.legs)
    bare = msgspec.structs.replace(
        batch.call,
        call=facts,
        legs=legs,
        channels=(),
        leg_languages=(),
        utterances=(),
        words=(),
        intervals=(),
        events=(),
        null_reasons=(),
        unused_utterances=(),
        unused_words=(),
    )
    return msgspec.structs.replace(batch, call_id=name, stream_id=name, call=bare)


def store(database: Database, *calls: CallMeasured) -> None:
    for one in calls:
        assert database.write_now(lambda con, one=one: batches.write_batch(con, one, SITE))


def repeated(rows: Rows) -> dict[str, bool | None]:
    return dict(rows("select call_id, repeat_7d from fact_call order by 1"))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_measuring_does_not_matter(database: Database, rows: Rows, order: tuple[int, ...]) -> None:
    calls = [call("a", 0), call("b", 6.9), call("c", 20)]
    store(database, *(calls[index] for index in order))
    assert repeated(rows) == {"a": True, "b": False, "c": False}


def test_other_customers_queues_and_withheld_numbers_are_no_repeats(database: Database, rows: Rows) -> None:
    store(database, call("a", 0), call("b", 1, customer="ben"), call("c", 1, queue="sales"), call("d", 2, customer=None))
    assert repeated(rows) == {"a": False, "b": False, "c": False, "d": None}


def test_queues_of_a_group_are_one(database: Database, rows: Rows) -> None:
    roster = [Queue(queue_id=name, queue_group="all", valid_from="2020-01-01") for name in ("billing", "sales")]
    database.write_now(lambda con: enrichment.take(con, "queues", roster, SITE, None))  # type: ignore[arg-type]
    store(database, call("a", 0), call("c", 1, queue="sales"))
    assert repeated(rows) == {"a": True, "c": False}


def test_a_call_that_goes_is_no_repeat_any_more(database: Database, rows: Rows) -> None:
    announce(database, stream_id="b", call_id="b")
    row = database.write_now(lambda con: streams.take(con, "b"))
    assert row is not None
    store(database, call("a", 0), call("b", 1))
    assert repeated(rows) == {"a": True, "b": False}
    revoked = StageReached(call_id="b", stream_id="b", epoch=row.epoch, stage="revoked")
    database.write_now(lambda con: batches.write_batch(con, revoked, SITE))
    assert repeated(rows) == {"a": False}


def test_measured_again_nothing_changes(database: Database, rows: Rows) -> None:
    calls = [call("a", 0), call("b", 1)]
    store(database, *calls)
    before = rows("select last_update_ts from fact_call where call_id = 'a'")
    store(database, calls[1])
    assert rows("select last_update_ts from fact_call where call_id = 'a'") == before
    assert repeated(rows) == {"a": True, "b": False}
