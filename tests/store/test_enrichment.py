"""Enrichment: what reports add to calls: whichever comes first, as often as it comes, and also when a call is measured again."""

import datetime
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cc_voice.store import batches, enrichment
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError
from cc_voice.store.zoom_reports import (
    Agent,
    AgentLeg,
    AgentStatus,
    Dataset,
    Disposition,
    Engagement,
    FlowRun,
    Queue,
    QueueInterval,
    Record,
    TimelineStep,
)
from tests.call.golden import T0
from tests.store.conftest import SITE, golden

Rows = Callable[..., list[tuple[Any, ...]]]
TODAY = datetime.date(2026, 9, 21)
ENGAGEMENT = Engagement(engagement_id="E1", direction="inbound", queue_wait_ms=12_000, abandoned=False, disposition_name="Refunded")


def measure(database: Database, epoch: int = 1) -> None:
    database.write_now(lambda con: batches.write_batch(con, golden(epoch, instance_id="E1"), SITE))


def take(database: Database, dataset: Dataset, *records: Record) -> int:
    return database.write_now(lambda con: enrichment.take(con, dataset, records, SITE, TODAY)).calls


def agent_of(rows: Rows) -> str:
    return str(rows("select user_id from dim_agent")[0][0])


def leg(rows: Rows, **changes: Any) -> AgentLeg:
    told = AgentLeg(engagement_id="E1", user_id=agent_of(rows), start_unix_ms=T0 + 1_000, acw_ms=42_000, origin_method="queue")
    return msgspec.structs.replace(told, **changes)


def facts(rows: Rows) -> tuple[Any, ...]:
    sql = """
        select c.direction, c.queue_wait_ms, c.abandoned, d.name, l.acw_ms, l.handle_ms - l.interaction_ms, l.origin_method,
            (select count(*) from fact_null_reason where metric in ('acw_ms', 'handle_ms'))
        from fact_call as c
        join fact_leg as l on l.call_id = c.call_id
        left join dim_disposition as d on d.disposition_key = c.disposition_key
    """
    (found,) = rows(sql)
    return found


NOTHING = (None, None, None, None, None, None, None, 2)
EVERYTHING = ("inbound", 12_000, False, "Refunded", 42_000, 42_000, "queue", 0)


def test_a_report_after_the_call(database: Database, rows: Rows) -> None:
    measure(database)
    assert facts(rows) == NOTHING
    for _ in range(2):
        assert take(database, "engagement", ENGAGEMENT) == 1
        assert take(database, "agent_performance", leg(rows)) == 1
        assert facts(rows) == EVERYTHING


def test_a_report_before_the_call_and_a_call_that_is_measured_again(database: Database, rows: Rows) -> None:
    assert take(database, "engagement", ENGAGEMENT) == 0
    measure(database)
    assert facts(rows)[:4] == EVERYTHING[:4]
    take(database, "agent_performance", leg(rows))
    measure(database, epoch=2)
    assert facts(rows) == EVERYTHING


def test_a_later_report_that_says_less_takes_nothing_away(database: Database, rows: Rows) -> None:
    measure(database)
    take(database, "engagement", ENGAGEMENT)
    take(database, "engagement", Engagement(engagement_id="E1", queue_wait_ms=13_000))
    assert facts(rows)[:4] == ("inbound", 13_000, False, "Refunded")


def test_other_engagements_and_other_agents_leave_the_call_alone(database: Database, rows: Rows) -> None:
    measure(database)
    assert take(database, "engagement", msgspec.structs.replace(ENGAGEMENT, engagement_id="E2")) == 0
    take(database, "agent_performance", leg(rows, user_id="somebody else"))
    assert facts(rows) == NOTHING


def test_a_disposition_has_one_row_whatever_tells_of_it(database: Database, rows: Rows) -> None:
    told = Engagement(engagement_id="E1", disposition_id="d1", disposition_name="Refunded")
    take(database, "engagement", told)
    take(database, "disposition", Disposition(disposition_id="d1", name="Refunded", level1="Billing", is_resolved=True))
    take(database, "engagement", told)
    assert rows("select disposition_id, name, level1, is_resolved from dim_disposition") == [("d1", "Refunded", "Billing", True)]


def test_queue_intervals_are_replaced_not_added(database: Database, rows: Rows) -> None:
    told = QueueInterval(queue_id="Q1", queue_name="Billing", interval_unix_ms=T0, offered=10, answered=8)
    take(database, "queue_performance", told)
    take(database, "queue_performance", msgspec.structs.replace(told, offered=11))
    take(database, "queues", Queue(queue_id="Q1", sl_seconds=20, sl_target_pct=80.0, valid_from="2026-01-01"))
    sql = "select queue_name, sl_seconds, offered, answered from fact_queue_interval join dim_queue using (queue_key)"
    assert rows(sql) == [("Billing", 20, 11, 8)]


@pytest.mark.parametrize(("valid_from", "team"), [("2026-09-21", "Blue"), (None, "Blue"), ("2026-09-22", None)])
def test_a_roster_reaches_the_calls_of_its_days(database: Database, rows: Rows, valid_from: str | None, team: str | None) -> None:
    measure(database)
    take(database, "agents", Agent(user_id=agent_of(rows), team_name="Blue", valid_from=valid_from))
    assert rows("select a.team_name from fact_leg as l join dim_agent as a using (agent_key)") == [(team,)]


def test_further_reports_are_kept_once(database: Database, rows: Rows) -> None:
    for _ in range(2):
        take(database, "agent_timecard", AgentStatus(user_id="u1", start_unix_ms=T0, status="Ready", ready_ms=5_000))
        take(database, "flow_performance", FlowRun(engagement_id="E1", flow_id="f1", enter_unix_ms=T0, flow_ms=1_500))
        take(database, "engagement_timelines", TimelineStep(engagement_id="E1", start_unix_ms=T0, step="queue_entered"))
    assert rows("select user_id, status, ready_ms from zoom_agent_status") == [("u1", "Ready", 5_000)]
    assert rows("select engagement_id, flow_id, flow_ms from zoom_flow") == [("E1", "f1", 1_500)]
    assert rows("select engagement_id, step, user_id from zoom_timeline") == [("E1", "queue_entered", "")]


def test_a_record_that_says_nothing_but_an_id_is_taken(database: Database, rows: Rows) -> None:
    take(database, "agents", Agent(user_id="u1"))
    take(database, "queues", Queue(queue_id="q1"))
    assert rows("select user_id from dim_agent union all select queue_id from dim_queue") == [("u1",), ("q1",)]


def test_what_a_column_cannot_hold_undoes_everything(database: Database, rows: Rows) -> None:
    with pytest.raises(StoreError, match="records of queues cannot be stored"):
        take(database, "queues", Queue(queue_id="q1", sl_seconds=20), Queue(queue_id="q2", sl_seconds=99_999_999_999))
    assert rows("select count(*) from dim_queue") == [(0,)]
    with pytest.raises(StoreError, match="no records of queues"):
        enrichment.records_of("queues", [{"colour": "red"}])
