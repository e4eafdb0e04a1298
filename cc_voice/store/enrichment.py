"""Enrichment: what Zoom's reports and a site's rosters add to calls, after-call work, queue wait, dispositions, teams, tenure,
service levels.

What was read is kept (`zoom_leg`, `zoom_engagement`), and written to the star's facts when it arrives and whenever one of its calls
is measured, in the same transaction: neither has to come first, and neither undoes the other.
"""

import datetime
import zoneinfo
from collections.abc import Sequence
from typing import Any, assert_never

import duckdb
import msgspec

from cc_voice.config.settings import Site
from cc_voice.store import history
from cc_voice.store.database import Connection
from cc_voice.store.dimensions import site_key
from cc_voice.store.errors import StoreError
from cc_voice.store.zoom_reports import (
    RECORDS,
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

CONTACT_CENTER = "contact_center"


class Enriched(msgspec.Struct, frozen=True, kw_only=True):
    """What came of some records."""

    records: int
    calls: int
    """Measured calls that now say more; the others are enriched when they are measured."""


def take(con: Connection, dataset: Dataset, records: Sequence[Record], site: Site, today: datetime.date) -> Enriched:
    """Store records of one kind in the caller's transaction; the same again changes nothing.

    Raises StoreError for what a column cannot hold: the transaction is then to be undone.
    """
    try:
        return _take(con, dataset, records, site, today)
    except (duckdb.DataError, duckdb.ConstraintException, OverflowError) as error:
        raise StoreError(
            f"records of {dataset} cannot be stored ({str(error).splitlines()[0]}); nothing of them was taken"
        ) from error


def _take(con: Connection, dataset: Dataset, records: Sequence[Record], site: Site, today: datetime.date) -> Enriched:
    site_key(con, site)  # reports of queues are asked before the first call
    ids: set[str] = set()
    for record in records:
        match record:
            case AgentLeg():
                _keep_leg(con, record)
                ids.add(record.engagement_id)
            case Engagement():
                _keep_engagement(con, record)
                ids.add(record.engagement_id)
            case QueueInterval():
                _queue_interval(con, record)
            case Disposition():
                _disposition(con, record.disposition_id, record)
            case AgentStatus():
                _keep_status(con, record)
            case FlowRun():
                _keep_flow(con, record)
            case TimelineStep():
                _keep_step(con, record)
            case Agent():
                since = _midnight(record.valid_from, today, site)
                history.revise_agent(con, record.user_id, _attributes(record, "user_id", "valid_from"), since)
            case Queue():
                since = _midnight(record.valid_from, today, site)
                history.revise_queue(con, record.queue_id, _attributes(record, "queue_id", "valid_from"), since)
            case _ as never:
                assert_never(never)
    return Enriched(records=len(records), calls=apply(con, sorted(ids)) if ids else 0)


def records_of(dataset: Dataset, plain: Sequence[Any]) -> list[Record]:
    """Return records that came as JSON. Raises StoreError for what are none."""
    try:
        return [msgspec.convert(one, RECORDS[dataset]) for one in plain]
    except (KeyError, msgspec.ValidationError) as error:
        raise StoreError(
            f"these are no records of {dataset} ({error}); are the program that asks and the service of one version?"
        ) from error


def apply(con: Connection, engagement_ids: Sequence[str]) -> int:
    """Write what is known of engagements to those that are measured, and return how many calls these are."""
    known = con.execute(
        """
        select c.call_id
        from fact_call as c
        where c.product = ? and c.instance_id in (select unnest(?))
            and (c.instance_id in (select engagement_id from zoom_engagement)
                or c.instance_id in (select engagement_id from zoom_leg))
        """,
        [CONTACT_CENTER, list(engagement_ids)],
    ).fetchall()
    calls = [row[0] for row in known]
    if calls:
        before = dict(con.execute(_STATES, [calls]).fetchall())
        con.execute(_CALLS, [calls])
        con.execute(_LEGS, [calls])
        con.execute(_REASONS, [calls])
        changed = [call_id for call_id, state in con.execute(_STATES, [calls]).fetchall() if state != before[call_id]]
        # Whoever copies what is new goes by it
        con.execute("update fact_call set last_update_ts = now() where call_id in (select unnest(?::text[]))", [changed])
    return len(calls)


_STATES = """
    select c.call_id, bit_xor(hash(c, l))
    from fact_call as c
    left join fact_leg as l on l.call_id = c.call_id
    where c.call_id in (select unnest(?::text[]))
    group by c.call_id
"""
_CALLS = """
    update fact_call
    set
        direction = coalesce(z.direction, fact_call.direction),
        channel_source = coalesce(z.channel_source, fact_call.channel_source),
        queue_wait_ms = coalesce(z.queue_wait_ms, fact_call.queue_wait_ms),
        abandoned = coalesce(z.abandoned, fact_call.abandoned),
        disposition_key = coalesce(z.disposition_key, fact_call.disposition_key)
    from (
        select e.*, d.disposition_key
        from zoom_engagement as e
        left join dim_disposition as d on d.disposition_id = e.disposition_id
    ) as z
    where z.engagement_id = fact_call.instance_id and fact_call.call_id in (select unnest(?))
"""
_LEGS = """
    with ours as (
        select
            l.leg_id,
            c.instance_id as engagement_id,
            a.user_id,
            row_number() over (partition by c.call_id, a.user_id order by l.answered_ts) as nth
        from fact_leg as l
        join fact_call as c on c.call_id = l.call_id
        join dim_agent as a on a.agent_key = l.agent_key
        where l.call_id in (select unnest(?))
    ),
    theirs as (
        select
            engagement_id,
            user_id,
            acw_ms,
            origin_method,
            row_number() over (partition by engagement_id, user_id order by start_ts) as nth
        from zoom_leg
    )
    update fact_leg
    set
        acw_ms = coalesce(z.acw_ms, fact_leg.acw_ms),
        handle_ms = coalesce(fact_leg.interaction_ms + z.acw_ms, fact_leg.handle_ms),
        origin_method = coalesce(z.origin_method, fact_leg.origin_method)
    from (select o.leg_id, t.acw_ms, t.origin_method from ours as o join theirs as t using (engagement_id, user_id, nth)) as z
    where z.leg_id = fact_leg.leg_id
"""
"""An agent who handled an engagement twice has two rows on both sides, matched in order."""
_REASONS = """
    delete from fact_null_reason
    where (leg_id, metric) in (
        select leg_id, unnest([if(acw_ms is not null, 'acw_ms', null), if(handle_ms is not null, 'handle_ms', null)])
        from fact_leg
        where call_id in (select unnest(?))
    )
"""


def _keep_leg(con: Connection, leg: AgentLeg) -> None:
    con.execute(
        """
        insert into zoom_leg values (?, ?, make_timestamptz(?::bigint * 1000), ?, ?)
        on conflict do update set
            acw_ms = coalesce(excluded.acw_ms, zoom_leg.acw_ms),
            origin_method = coalesce(excluded.origin_method, zoom_leg.origin_method)
        """,
        [leg.engagement_id, leg.user_id, leg.start_unix_ms, leg.acw_ms, leg.origin_method],
    )


def _keep_engagement(con: Connection, told: Engagement) -> None:
    disposition_id = told.disposition_id or (f"name:{told.disposition_name}" if told.disposition_name else None)
    if disposition_id is not None:
        named = told.disposition_name or disposition_id
        _disposition(con, disposition_id, Disposition(disposition_id=disposition_id, name=named))
    con.execute(
        """
        insert into zoom_engagement values (?, ?, ?, ?, ?, ?)
        on conflict do update set
            direction = coalesce(excluded.direction, zoom_engagement.direction),
            channel_source = coalesce(excluded.channel_source, zoom_engagement.channel_source),
            queue_wait_ms = coalesce(excluded.queue_wait_ms, zoom_engagement.queue_wait_ms),
            abandoned = coalesce(excluded.abandoned, zoom_engagement.abandoned),
            disposition_id = coalesce(excluded.disposition_id, zoom_engagement.disposition_id)
        """,
        [told.engagement_id, told.direction, told.channel_source, told.queue_wait_ms, told.abandoned, disposition_id],
    )


def _keep_status(con: Connection, told: AgentStatus) -> None:
    values = [told.user_id, told.start_unix_ms, told.status, told.end_unix_ms]
    con.execute(
        f"insert or replace into zoom_agent_status values (?, {_AT}, ?, {_AT}, ?, ?, ?, ?)",
        [*values, told.sub_status, told.ready_ms, told.occupied_ms, told.not_ready_ms],
    )


def _keep_flow(con: Connection, told: FlowRun) -> None:
    run_id = told.run_id or f"{told.flow_id}@{told.enter_unix_ms}"
    values = [told.engagement_id, run_id, told.flow_id, told.flow_name, told.enter_unix_ms, told.exit_unix_ms, told.flow_ms]
    con.execute(f"insert or replace into zoom_flow values (?, ?, ?, ?, {_AT}, {_AT}, ?)", values)


def _keep_step(con: Connection, told: TimelineStep) -> None:
    values = [told.engagement_id, told.start_unix_ms, told.step, told.user_id or "", told.end_unix_ms, told.duration_ms]
    con.execute(
        f"insert or replace into zoom_timeline values (?, {_AT}, ?, ?, {_AT}, ?, ?, ?)", [*values, told.queue_id, told.flow_id]
    )


_AT = "make_timestamptz(?::bigint * 1000)"


def _disposition(con: Connection, disposition_id: str, told: Disposition) -> None:
    known = con.execute("select disposition_key from dim_disposition where disposition_id = ?", [disposition_id]).fetchall()
    if not known:
        con.execute(
            """
            insert into dim_disposition (disposition_key, disposition_id, name, level1, level2, is_resolved)
            values (nextval('disposition_key'), ?, ?, ?, ?, ?)
            """,
            [disposition_id, told.name, told.level1, told.level2, told.is_resolved],
        )
        return
    con.execute(
        """
        update dim_disposition
        set name = ?, level1 = coalesce(?, level1), level2 = coalesce(?, level2), is_resolved = coalesce(?, is_resolved)
        where disposition_key = ?
        """,
        [told.name, told.level1, told.level2, told.is_resolved, known[0][0]],
    )


def _queue_interval(con: Connection, told: QueueInterval) -> None:
    key = history.queue_version(con, told.queue_id, told.queue_name, told.interval_unix_ms)
    values = msgspec.structs.asdict(told)
    counted = [values[name] for name in _COUNTED]
    at = [key, told.interval_unix_ms]
    con.execute("delete from fact_queue_interval where queue_key = ? and interval_ts = make_timestamptz(?::bigint * 1000)", at)
    con.execute(
        f"""
        insert into fact_queue_interval (queue_key, interval_ts, {", ".join(_COUNTED)})
        values (?, make_timestamptz(?::bigint * 1000), {", ".join("?" for _ in _COUNTED)})
        """,
        [*at, *counted],
    )


_COUNTED = ("offered", "answered", "answered_in_sl", "abandoned", "short_abandoned", "flow_out", "wait_ms_total")


def _attributes(record: Agent | Queue, *without: str) -> dict[str, Any]:
    """Return what a roster's line says; an empty cell says nothing."""
    return {name: value for name, value in msgspec.structs.asdict(record).items() if name not in without and value is not None}


def _midnight(day: str | None, today: datetime.date, site: Site) -> int:
    """Return the instant (Unix ms) at which a local day of the site begins."""
    date = datetime.date.fromisoformat(day) if day else today
    return int(datetime.datetime.combine(date, datetime.time(), zoneinfo.ZoneInfo(site.timezone)).timestamp() * 1000)
