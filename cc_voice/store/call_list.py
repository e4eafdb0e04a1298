"""The list of calls: which calls, a line for each, the numbers of all of them together, and what it can be narrowed to."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.call import tokeniser
from cc_voice.call.metrics.call_quality import DOUBTS
from cc_voice.store.database import Connection, structs


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
    """Calls in which one utterance holds all of these words or phrases, as search finds them: whole, in any case, accents aside."""


class CallPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a list that is read page by page."""

    after: tuple[int, str] | None = None
    """Time (Unix microseconds) and id of the last row of the page before."""
    updated_since: datetime.datetime | None = None
    """Only rows that changed then or later."""


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
    updated_ts: datetime.datetime | None
    """When anything of it last changed."""


class CallTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a whole list: ratios of sums over all its legs, None where nothing could be measured.

    Talk, overtalk, silence and interruptions are without the `left_out` legs whose line leaves in doubt who spoke when.
    """

    calls: int
    legs: int
    left_out: int
    duration_ms_mean: float | None
    agent_talk_pct: float | None
    customer_talk_pct: float | None
    overtalk_pct: float | None
    silence_pct: float | None
    hold_pct: float | None
    interruptions_agent_per_10min: float | None


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
        sum(l.long_silence_count)::bigint as long_silence_count,
        c.last_update_ts as updated_ts
    from fact_call as c
    left join fact_leg as l on l.call_id = c.call_id
    left join dim_agent as a on a.agent_key = l.agent_key
    left join dim_queue as q on q.queue_key = l.queue_key
"""

_IS_LEFT_OUT = f"(l.qa_obstacle is not null and l.qa_obstacle in {DOUBTS})"
_SURE = ", ".join(
    f"case when not {_IS_LEFT_OUT} then l.{name} end as {name}"
    for name in ("talk_ms_agent", "talk_ms_customer", "overtalk_ms", "silence_ms", "interruptions_agent")
)

_TOTAL = f"""
    with chosen as (
        select
            c.call_id,
            {_DURATION} as duration_ms
        from fact_call as c
        where {{where}}
    ),
    legs as (
        select
            l.* replace ({_SURE}),
            {_IS_LEFT_OUT} as is_left_out
        from fact_leg as l
        semi join chosen as c on c.call_id = l.call_id
    )
    select
        (select count(*) from chosen) as calls,
        count(*) as legs,
        count(*) filter (is_left_out) as left_out,
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
    return _listed(con, where, parameters, "c.start_ts desc, c.call_id", limit, offset)


def page_of_calls(con: Connection, chosen: CallFilter, limit: int, place: CallPlace) -> list[CallSummary]:
    """Return calls behind a place, newest first; those that changed since a moment instead in the order in which they did.

    The writer commits one change after the other, so whoever comes back with the last `updated_ts` they have seen misses nothing.
    """
    where, parameters = _where(chosen)
    behind, more, order = behind_place("c.start_ts", "c.last_update_ts", "c.call_id", place)
    return _listed(con, f"({where}) and {behind}", [*parameters, *more], order, limit, 0)


def behind_place(begun: str, changed: str, key: str, place: CallPlace) -> tuple[str, list[Any], str]:
    """Return the condition on rows behind a place, its parameters, and their order; the arguments are columns."""
    column, sign, way = (begun, "<", " desc") if place.updated_since is None else (changed, ">", "")
    terms, parameters = ["true"], list[Any]()
    if place.updated_since is not None:
        terms, parameters = [f"{changed} >= ?"], [place.updated_since]
    if place.after is not None:
        at = "make_timestamptz(?::bigint)"
        terms.append(f"({column} {sign} {at} or ({column} = {at} and {key} > ?))")
        parameters += [place.after[0], place.after[0], place.after[1]]
    return " and ".join(terms), parameters, f"{column}{way}, {key}"


def _listed(con: Connection, where: str, parameters: list[Any], order: str, limit: int, offset: int) -> list[CallSummary]:
    sql = f"""
        with page as (
            select c.*
            from fact_call as c
            where {where}
            order by {order}
            limit ? offset ?
        )
        {_LIST.replace("from fact_call as c", "from page as c")}
        group by all
        order by {order}
    """
    return structs(con, CallSummary, sql, [*parameters, limit, offset])


def total(con: Connection, chosen: CallFilter) -> CallTotals:
    """Return the totals of all calls that the filter lets through."""
    where, parameters = _where(chosen)
    return structs(con, CallTotals, _TOTAL.format(where=where), parameters)[0]


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
    ]
    used = [(sql, value) for sql, value in terms if value not in (None, "")]
    said, words = _said(chosen.words)
    return " and ".join([*(sql for sql, _ in used), *said]) or "true", [*(value for _, value in used), *words]


def _said(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the condition that one utterance of a call `c` holds all words and phrases, and its parameters.

    The index knows the calls in which all of the words were said; only where there are several are the texts of those calls read.
    What is looked for stands in columns beside the candidates: against a constant DuckDB would look into every text there is.
    """
    phrases = [found for found in map(tokeniser.words, texts) if found]
    words = list(dict.fromkeys(word for phrase in phrases for word in phrase))
    if not words:
        return [], []
    if tokeniser.CHIP_TERM in words:
        return ["false"], []  # what was redacted is found by nobody
    needles = "".join(f", ? as phrase_{place}, ? as first_{place}" for place in range(len(phrases)))
    marks = ", ".join("?" for _ in words)
    candidates = f"select call_no{{needles}} from posting where term in ({marks}) group by call_no having count(*) = {len(words)}"
    if len(words) == 1:
        return [f"c.call_no in ({candidates.format(needles='')})"], words
    may = " and ".join(f"contains(lower(u.text), k.first_{place})" for place in range(len(phrases)))
    holds = " and ".join(f"contains(said, k.phrase_{place})" for place in range(len(phrases)))
    # CASE, as the sides of an AND are evaluated in whatever order: most texts need not be taken apart
    sql = f"""c.call_no in (
        select k.call_no
        from ({candidates.format(needles=needles)}) as k
        join fact_utterance as u on u.call_no = k.call_no
        where case
            when strlen(u.text) <> length(u.text) or ({may})
                then list_bool_and([{holds} for said in [' ' || array_to_string(search_words(u.text), ' ') || ' ']])
            else false
        end
    )"""
    return [sql], [*(value for phrase in phrases for value in (f" {' '.join(phrase)} ", phrase[0])), *words]


def _has_leg(table: str, key: str, name: str) -> str:
    return (
        f"exists (select 1 from fact_leg as l join {table} as d on d.{key} = l.{key} where l.call_id = c.call_id and d.{name} = ?)"
    )


def is_redacted(con: Connection, call_id: str) -> bool:
    """Tell whether what should be hidden in a measured call was looked for."""
    return bool(con.execute("select 1 from fact_call where call_id = ? and redaction is not null", [call_id]).fetchall())


def is_known(con: Connection, call_id: str) -> bool:
    """Whether a call is measured, or something was received of it."""
    found = con.execute(
        "select exists (from fact_call where call_id = $id) or exists (from stream where call_id = $id)", {"id": call_id}
    ).fetchall()
    return bool(found[0][0])
