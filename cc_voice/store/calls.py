"""Calls as they are read: the list, its totals, one call with everything behind it; and the words of calls still in progress."""

import datetime
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from cc_voice.store.database import Connection

Row = TypeVar("Row", bound=msgspec.Struct)


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls; what is None or empty does not restrict. Names match exactly, `until` is exclusive."""

    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    agent: str | None = None
    queue: str | None = None
    product: str | None = None
    language: str | None = None
    min_duration_ms: int | None = None
    words: tuple[str, ...] = ()
    """Calls in which one utterance holds all of these words or phrases, in any case."""


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list. Percentages are ratios of sums over the call's legs; None where no leg could be measured."""

    call_id: str
    start_ts: datetime.datetime
    end_ts: datetime.datetime
    product: str
    agent_name: str | None
    agent_count: int
    queue_name: str | None
    language: str | None
    duration_ms: int
    leg_count: int
    transfer_count: int
    ended_by: str | None
    agent_talk_pct: float | None
    customer_talk_pct: float | None
    overtalk_pct: float | None
    silence_pct: float | None
    hold_ms: int | None
    interruptions_agent: int | None
    interruptions_customer: int | None
    dead_air_ms: int | None
    long_silence_count: int | None


class CallTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a whole list: ratios of sums over all its legs, None where nothing could be measured."""

    calls: int
    legs: int
    duration_ms_mean: float | None
    agent_talk_pct: float | None
    customer_talk_pct: float | None
    overtalk_pct: float | None
    silence_pct: float | None
    hold_pct: float | None
    interruptions_agent_per_10min: float | None


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call as a whole."""

    call_id: str
    product: str
    instance_id: str
    start_ts: datetime.datetime
    end_ts: datetime.datetime
    local_date: datetime.date
    duration_ms: int
    language: str | None
    ended_by: str | None
    leg_count: int
    transfer_count: int
    conference_count: int
    stop_reason: int | None


class CallInterval(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence; see `call/evidence.py` for what stands behind which metric."""

    kind: str
    subkind: str | None
    party: str | None
    start_ms: int
    end_ms: int
    value: float | None
    outcome: str | None


class CallLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part of the call. `metrics` are the columns of fact_leg and the names behind its keys."""

    leg_id: str
    leg_no: int
    metrics: dict[str, Any]
    reasons: dict[str, str]
    """Metric → code of `call.reasons.REASONS`, for every metric that is None."""
    intervals: tuple[CallInterval, ...]


class CallWord(msgspec.Struct, frozen=True, kw_only=True):
    """One word; Zoom's words have no times and no confidence."""

    word: str
    start_ms: int | None
    end_ms: int | None
    conf: float | None


class CallUtterance(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the transcript. The leg is None while a call is live, the party until somebody is announced on the channel."""

    utterance_id: str
    leg_id: str | None
    channel_id: str
    party: str | None
    source: str
    start_ms: int
    end_ms: int
    language_code: str
    text: str
    asr_conf: float | None
    is_backchannel: bool | None
    on_hold: bool | None
    asr_model: str | None
    words: tuple[CallWord, ...] = ()


class CallPlatformEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the platform, on the call's clock."""

    event_name: str
    at_ms: int
    leg_id: str | None
    participant: str | None


class StoredCall(msgspec.Struct, frozen=True, kw_only=True):
    """A measured call with everything behind it."""

    call: CallFacts
    channels: dict[str, str | None]
    """channel_id → agent, customer, supervisor, ivr, other; None where the parties are mixed."""
    legs: tuple[CallLeg, ...]
    utterances: tuple[CallUtterance, ...]
    events: tuple[CallPlatformEvent, ...]


class Facets(msgspec.Struct, frozen=True, kw_only=True):
    """What the list can be narrowed to."""

    agents: tuple[str, ...]
    queues: tuple[str, ...]
    products: tuple[str, ...]
    languages: tuple[str, ...]


_DURATION = "(epoch_ms(c.end_ts) - epoch_ms(c.start_ts))"

_LIST = f"""
    select
        c.call_id,
        c.start_ts,
        c.end_ts,
        c.product,
        any_value(a.display_name order by l.leg_no) as agent_name,
        count(distinct l.agent_key) as agent_count,
        any_value(q.queue_name order by l.leg_no) as queue_name,
        c.primary_language as language,
        {_DURATION} as duration_ms,
        c.leg_count,
        c.transfer_count,
        c.ended_by,
        100 * sum(l.talk_ms_agent) / nullif(sum(l.analysed_ms) filter (l.talk_ms_agent is not null), 0) as agent_talk_pct,
        100 * sum(l.talk_ms_customer) / nullif(sum(l.analysed_ms) filter (l.talk_ms_customer is not null), 0) as customer_talk_pct,
        100 * sum(l.overtalk_ms) / nullif(sum(l.analysed_ms) filter (l.overtalk_ms is not null), 0) as overtalk_pct,
        100 * sum(l.silence_ms) / nullif(sum(l.analysed_ms) filter (l.silence_ms is not null), 0) as silence_pct,
        sum(l.hold_ms)::bigint as hold_ms,
        sum(l.interruptions_agent)::bigint as interruptions_agent,
        sum(l.interruptions_customer)::bigint as interruptions_customer,
        sum(l.dead_air_ms)::bigint as dead_air_ms,
        sum(l.long_silence_count)::bigint as long_silence_count
    from fact_call as c
    left join fact_leg as l on l.call_id = c.call_id
    left join dim_agent as a on a.agent_key = l.agent_key
    left join dim_queue as q on q.queue_key = l.queue_key
"""

_TOTAL = f"""
    with chosen as (
        select
            c.call_id,
            {_DURATION} as duration_ms
        from fact_call as c
        where {{where}}
    ),
    legs as (
        select l.*
        from fact_leg as l
        semi join chosen as c on c.call_id = l.call_id
    )
    select
        (select count(*) from chosen) as calls,
        count(*) as legs,
        (select avg(duration_ms) from chosen) as duration_ms_mean,
        100 * sum(talk_ms_agent) / nullif(sum(analysed_ms) filter (talk_ms_agent is not null), 0) as agent_talk_pct,
        100 * sum(talk_ms_customer) / nullif(sum(analysed_ms) filter (talk_ms_customer is not null), 0) as customer_talk_pct,
        100 * sum(overtalk_ms) / nullif(sum(analysed_ms) filter (overtalk_ms is not null), 0) as overtalk_pct,
        100 * sum(silence_ms) / nullif(sum(analysed_ms) filter (silence_ms is not null), 0) as silence_pct,
        100 * sum(hold_ms) / nullif(sum(interaction_ms) filter (hold_ms is not null), 0) as hold_pct,
        600000 * sum(interruptions_agent) / nullif(sum(analysed_ms) filter (interruptions_agent is not null), 0)
            as interruptions_agent_per_10min
    from legs
"""


def list_calls(con: Connection, chosen: CallFilter, limit: int = 50, offset: int = 0) -> list[CallSummary]:
    """Return calls, newest first."""
    where, parameters = _where(chosen)
    sql = f"""
        with page as (
            select c.*
            from fact_call as c
            where {where}
            order by c.start_ts desc, c.call_id
            limit ? offset ?
        )
        {_LIST.replace("from fact_call as c", "from page as c")}
        group by all
        order by c.start_ts desc, c.call_id
    """
    return _structs(con, CallSummary, sql, [*parameters, limit, offset])


def total(con: Connection, chosen: CallFilter) -> CallTotals:
    """Return the totals of all calls that the filter lets through."""
    where, parameters = _where(chosen)
    return _structs(con, CallTotals, _TOTAL.format(where=where), parameters)[0]


def load_call(con: Connection, call_id: str) -> StoredCall | None:
    """Return a measured call, or None."""
    facts = _structs(
        con,
        CallFacts,
        f"""
        select
            c.call_id,
            c.product,
            c.instance_id,
            c.start_ts,
            c.end_ts,
            d.local_date,
            {_DURATION} as duration_ms,
            c.primary_language as language,
            c.ended_by,
            c.leg_count,
            c.transfer_count,
            c.conference_count,
            c.stop_reason
        from fact_call as c
        join dim_date as d on d.date_key = c.date_key
        where c.call_id = ?
        """,
        [call_id],
    )
    if not facts:
        return None
    return StoredCall(
        call=facts[0],
        channels=_channels(con, call_id),
        legs=_legs(con, call_id),
        utterances=_utterances(con, call_id),
        events=_events(con, call_id),
    )


def live_utterances(con: Connection, call_id: str) -> tuple[CallUtterance, ...]:
    """Return what was said so far in a call in progress, in order: our words as soon as they are final, and Zoom's beside them."""
    return _utterances(con, call_id)


def facets(con: Connection) -> Facets:
    """Return the names that filters can use."""

    def column(sql: str) -> tuple[str, ...]:
        return tuple(row[0] for row in con.execute(sql).fetchall())

    return Facets(
        agents=column("select distinct display_name from dim_agent where display_name is not null order by 1"),
        queues=column("select distinct queue_name from dim_queue where queue_name is not null order by 1"),
        products=column("select distinct product from fact_call order by 1"),
        languages=column("select distinct primary_language from fact_call where primary_language is not null order by 1"),
    )


def _where(chosen: CallFilter) -> tuple[str, list[Any]]:
    """Return the condition on fact_call `c` and its parameters."""
    terms: list[tuple[str, Any]] = [
        ("c.start_ts >= ?", chosen.since),
        ("c.start_ts < ?", chosen.until),
        ("c.product = ?", chosen.product),
        ("c.primary_language = ?", chosen.language),
        (f"{_DURATION} >= ?", chosen.min_duration_ms),
        (_has_leg("dim_agent", "agent_key", "display_name"), chosen.agent),
        (_has_leg("dim_queue", "queue_key", "queue_name"), chosen.queue),
        (
            """exists (
                select 1 from fact_utterance as u
                where u.call_id = c.call_id and list_bool_and([contains(lower(u.text), lower(w)) for w in ?])
            )""",
            list(chosen.words) or None,
        ),
    ]
    used = [(sql, value) for sql, value in terms if value not in (None, "")]
    return " and ".join(sql for sql, _ in used) or "true", [value for _, value in used]


def _has_leg(table: str, key: str, name: str) -> str:
    return (
        f"exists (select 1 from fact_leg as l join {table} as d on d.{key} = l.{key} where l.call_id = c.call_id and d.{name} = ?)"
    )


def _channels(con: Connection, call_id: str) -> dict[str, str | None]:
    rows = con.execute("select channel_id, party from fact_channel where call_id = ? order by channel_id", [call_id]).fetchall()
    return dict(rows)


def _legs(con: Connection, call_id: str) -> tuple[CallLeg, ...]:
    legs = _dicts(
        con,
        """
        select
            l.*,
            a.user_id as agent_user_id,
            a.display_name as agent_name,
            q.queue_id,
            q.queue_name
        from fact_leg as l
        left join dim_agent as a on a.agent_key = l.agent_key
        left join dim_queue as q on q.queue_key = l.queue_key
        where l.call_id = ?
        order by l.leg_no
        """,
        [call_id],
    )
    return tuple(
        CallLeg(
            leg_id=leg["leg_id"],
            leg_no=leg["leg_no"],
            metrics=leg,
            reasons=_reasons(con, leg["leg_id"]),
            intervals=_intervals(con, leg["leg_id"]),
        )
        for leg in legs
    )


def _reasons(con: Connection, leg_id: str) -> dict[str, str]:
    return dict(con.execute("select metric, reason from fact_null_reason where leg_id = ? order by metric", [leg_id]).fetchall())


def _intervals(con: Connection, leg_id: str) -> tuple[CallInterval, ...]:
    sql = """
        select
            kind,
            subkind,
            party,
            start_ms,
            end_ms,
            value,
            outcome
        from fact_interval
        where leg_id = ?
        order by start_ms, end_ms, interval_id
    """
    return tuple(_structs(con, CallInterval, sql, [leg_id]))


def _utterances(con: Connection, call_id: str) -> tuple[CallUtterance, ...]:
    words: dict[str, list[CallWord]] = {}
    for utterance_id, *word in con.execute(
        """
        select w.utterance_id, w.word, w.start_ms, w.end_ms, w.conf
        from fact_word as w
        semi join (select utterance_id from fact_utterance where call_id = ?) as u on u.utterance_id = w.utterance_id
        order by w.utterance_id, w.word_seq
        """,
        [call_id],
    ).fetchall():
        words.setdefault(utterance_id, []).append(CallWord(word=word[0], start_ms=word[1], end_ms=word[2], conf=word[3]))
    said = _structs(
        con,
        CallUtterance,
        """
        select
            u.utterance_id,
            u.leg_id,
            u.channel_id,
            coalesce(u.party, c.party) as party,
            u.source,
            u.start_ms,
            u.end_ms,
            u.language_code,
            u.text,
            u.asr_conf,
            u.is_backchannel,
            u.on_hold,
            u.asr_model
        from fact_utterance as u
        left join fact_channel as c on c.call_id = u.call_id and c.channel_id = u.channel_id
        where u.call_id = ?
        order by u.start_ms, u.channel_id, u.source
        """,
        [call_id],
    )
    return tuple(msgspec.structs.replace(line, words=tuple(words.get(line.utterance_id, ()))) for line in said)


def _events(con: Connection, call_id: str) -> tuple[CallPlatformEvent, ...]:
    return tuple(
        _structs(
            con,
            CallPlatformEvent,
            "select event_name, at_ms, leg_id, participant from fact_event where call_id = ? order by at_ms, event_id",
            [call_id],
        )
    )


def _structs(con: Connection, kind: type[Row], sql: str, parameters: Sequence[Any]) -> list[Row]:
    return [kind(**row) for row in _dicts(con, sql, parameters)]


def _dicts(con: Connection, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    cursor = con.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
