"""Scope: the rows that somebody may see, as a value, and the cursor on which everything they read is what they may see.

A scope selects **legs**: of an agent (own), of a team at the time of the leg, of a queue; grants add up, and *site* is all of them,
those without an agent or a queue too. A call is seen when one of its legs is; what was said in it, events and levels only inside
those legs, unless the scope has `whole_call`.

A cursor of a scope has a temporary view before every table of the store, of the same name: DuckDB looks for a name among temporary
ones first. So whatever is asked on it, the published views, a report's SQL or the functions of `store`, is asked of rows in scope,
and what adds up adds up these only. Ruled out: a condition in each question, as the one that is forgotten shows everything; and
tables filtered beforehand, as they are out of date with the next call. A table that no rule below names is empty on such a cursor.

No function of `query` has a scope by default. Whoever can open the data folder has `EVERYTHING`; the web asks by who signed in.
"""

from collections.abc import Callable
from typing import TypeVar

import duckdb
import msgspec

from cc_voice.store.database import Database

Connection = duckdb.DuckDBPyConnection
T = TypeVar("T")

_MARK = "cc_voice_scope"
"""The session variable that says for whom a cursor was prepared."""


class RowScope(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, and what of them. Nothing unless said."""

    site: bool = False
    teams: frozenset[str] = frozenset()
    """Ids."""
    queues: frozenset[str] = frozenset()
    """Ids."""
    user_id: str | None = None
    """Zoom's id of the agent whose legs are in it."""
    whole_call: bool = False
    words: bool = False
    unredacted: bool = False
    """Words, also of calls in which nobody looked for what should be hidden."""
    audit: bool = False
    """Who saw what, too."""

    @property
    def is_everything(self) -> bool:
        return self.site and self.words and self.unredacted and self.audit

    @property
    def is_empty(self) -> bool:
        """Whether it selects no leg."""
        return not (self.site or self.teams or self.queues or self.user_id)


EVERYTHING = RowScope(site=True, whole_call=True, words=True, unredacted=True, audit=True)
"""Of the owner of the data folder."""
NOTHING = RowScope()


async def read(database: Database, scope: RowScope, work: Callable[[Connection], T]) -> T:
    """Read from a store what a scope may see: `Database.read` for everybody but the service itself."""
    return await database.read(work, None if scope.is_everything else scope, _prepare)


def read_now(database: Database, scope: RowScope, work: Callable[[Connection], T]) -> T:
    """As `read`, for code without an event loop."""
    return database.read_now(work, None if scope.is_everything else scope, _prepare)


def scoped(con: Connection, scope: RowScope) -> Connection:
    """Return a cursor of a scope: this one where it is, else one of its own on the same store."""
    found = con.execute(f"select getvariable('{_MARK}')").fetchall()[0][0]
    if found == _name(scope) or (found is None and scope.is_everything):
        return con
    if found is not None:
        raise AssertionError("a cursor serves one scope")
    cursor = con.cursor()
    _prepare(cursor, scope)
    return cursor


def _name(scope: RowScope) -> str:
    return repr(sorted(msgspec.to_builtins(scope, order="sorted").items()))


def _prepare(con: Connection, scope: object) -> None:
    """Put views of what a scope may see before the tables of a cursor."""
    assert isinstance(scope, RowScope)
    database = con.execute("select current_database()").fetchall()[0][0]
    tables = con.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = 'main'", [database]
    ).fetchall()
    there = {name for (name,) in tables}
    rules = definitions(scope, f'"{database}".main')
    for name, sql in rules.items():
        if name in there:
            con.execute(f"create temp view {name} as {sql}")
    for name in sorted(there - rules.keys() - (there if scope.site else SHARED)):
        con.execute(f'create temp view "{name}" as select * from "{database}".main."{name}" where false')
    con.execute(f"set variable {_MARK} = {quoted(_name(scope))}")


def quoted(text: str) -> str:
    """Return text as a constant of SQL: views take no parameters."""
    return "'" + text.replace("'", "''").replace("\0", "") + "'"


def listed(texts: frozenset[str]) -> str:
    """Return texts as a list for IN, never empty."""
    return "(" + ", ".join(["null", *map(quoted, sorted(texts))]) + ")"


SHARED = frozenset(
    {
        *("dim_category", "dim_date", "dim_disposition", "dim_form_item", "dim_language", "dim_site"),
        *("form_version", "schema_version", "heartbeat", "alert_storm", "alert_snooze"),
    }
)
"""Tables that tell of no call, agent or queue: the same for everybody."""
CLOSED = frozenset(
    {
        *("inbox", "policy_version", "qa_sample", "rule_run", "site_webhook"),
        *("webhook_message", "webhook_delivery", "webhook_endpoint"),
    }
)
"""Tables that the site alone may see: webhooks as they came or go out, those that are about no call, and what people decided."""


def definitions(scope: RowScope, base: str) -> dict[str, str]:
    """Return table → the SELECT that stands before it; `base` is where the tables are.

    Each is written with the tables themselves, and not with the view before another: nested five deep, DuckDB took longer to plan a
    question than to answer it.
    """
    select = _ScopeConditions(scope, base)
    found = {} if scope.site else _of_legs(select) | _of_calls(select) | _of_reports(select)
    found |= {} if scope.site and scope.words and scope.unredacted else _of_words(select)
    found |= {} if scope.site and scope.words else _of_alerts(select)
    return found | {"access_log": f"select * from {base}.access_log where {str(scope.audit).lower()}"}


class _ScopeConditions:
    """The conditions of a scope, as SQL."""

    def __init__(self, scope: RowScope, base: str) -> None:
        teams, queues, own = listed(scope.teams), listed(scope.queues), quoted(scope.user_id) if scope.user_id else "null"
        self.scope = scope
        self.base = base
        self.agent = f"(d.team_id in {teams} or d.user_id = {own})"
        self.agents = f"select d.agent_key from {base}.dim_agent as d where {self.agent}"
        self.queues = f"select d.queue_key from {base}.dim_queue as d where d.queue_id in {queues}"
        self.legs = f"from {base}.fact_leg as l where (l.agent_key in ({self.agents}) or l.queue_key in ({self.queues}))"
        """Follows the columns of `l` that are wanted."""
        going_on = "s.stage in ('received', 'recorded', 'transcribed')"
        # A call that goes on is of who handles it now
        team = f"select d.user_id from {base}.dim_agent as d where d.is_current and d.team_id in {teams}"
        self.handled = f"(s.agent_user_id = {own} or s.queue_id in {queues} or s.agent_user_id in ({team}))"
        self.live = f"from {base}.stream as s where {going_on} and {self.handled}"
        self.going_on = going_on

    def of_leg(self, table: str) -> str:
        return f"{table}.leg_id in (select l.leg_id {self.legs})"

    def of_call(self, table: str) -> str:
        return f"{table}.call_id in (select l.call_id {self.legs})"

    def of_any_call(self, table: str) -> str:
        """Of a call that was measured, or goes on."""
        return f"({self.of_call(table)} or {table}.call_id in (select s.call_id {self.live}))"


_WITH_LEG = ("fact_interval", "fact_leg_language", "fact_null_reason", "fact_evaluation", "rule_mark")
_OF_QUALITY = ("calibration_session", "coaching_item", "qa_pick")
"""What people made of legs."""
_OF_EVALUATION = ("evaluation_answer", "evaluation_event", "fact_evaluation_item")


def _of_legs(of: _ScopeConditions) -> dict[str, str]:
    base = of.base
    evaluated = f"select e.evaluation_id from {base}.fact_evaluation as e where {of.of_leg('e')}"
    # Other rules are tried out, by who may see the site
    live_rule = f"t.category_key in (select c.category_key from {base}.dim_category as c where c.state = 'live')"
    at_the_time = "s.start_ts >= coalesce(d.valid_from, s.start_ts) and s.start_ts < coalesce(d.valid_to, 'infinity'::timestamptz)"
    return {
        "fact_leg": f"select l.* {of.legs}",
        "dim_agent": f"""
            select d.* from {base}.dim_agent as d where {of.agent} or d.agent_key in (select l.agent_key {of.legs})
        """,
        "dim_queue": f"""
            select q.* from {base}.dim_queue as q
            where q.queue_key in ({of.queues}) or q.queue_key in (select l.queue_key {of.legs})
        """,
        # A set is often named for the queue that it is for
        "dim_threshold_set": f"""
            select t.* from {base}.dim_threshold_set as t where t.threshold_set_id in (select l.threshold_set_id {of.legs})
        """,
        "fact_queue_interval": f"select i.* from {base}.fact_queue_interval as i where i.queue_key in ({of.queues})",
        **{name: f"select t.* from {base}.{name} as t where {of.of_leg('t')}" for name in (*_WITH_LEG, *_OF_QUALITY)},
        "fact_rule_state": f"select t.* from {base}.fact_rule_state as t where {of.of_leg('t')} and {live_rule}",
        "fact_category_hit": f"""
            select t.* from {base}.fact_category_hit as t
            where {live_rule} and ({of.of_leg("t")} or (t.leg_id is null and t.call_id in (select s.call_id {of.live})))
        """,
        **{name: f"select i.* from {base}.{name} as i where i.evaluation_id in ({evaluated})" for name in _OF_EVALUATION},
        "zoom_agent_status": f"""
            select s.* from {base}.zoom_agent_status as s
            where exists (select 1 from {base}.dim_agent as d where d.user_id = s.user_id and {of.agent} and {at_the_time})
        """,
    }


def _of_calls(of: _ScopeConditions) -> dict[str, str]:
    base, whole = of.base, of.scope.whole_call
    measured = f"select c.call_id from {base}.fact_call as c"
    inside = f"exists (select 1 {of.legs} and l.call_id = e.call_id and e.at_ms >= l.start_ms and e.at_ms < l.end_ms)"
    return {
        "fact_call": f"select c.* from {base}.fact_call as c where {of.of_call('c')}",
        "stream": f"""
            select s.* from {base}.stream as s
            where {of.of_call("s")} or ({of.handled} and ({of.going_on} or s.call_id not in ({measured})))
        """,
        "fact_event": f"select e.* from {base}.fact_event as e where "
        + (of.of_call("e") if whole else f"if(e.leg_id is null, {inside}, {of.of_leg('e')})"),
        "fact_channel": f"select h.* from {base}.fact_channel as h where {of.of_any_call('h')}" if whole else _channels(of),
        "call_webhook": f"select w.* from {base}.call_webhook as w where {of.of_call('w') if whole else 'false'}",
    }


def _channels(of: _ScopeConditions) -> str:
    """Return channels without the names of others, their levels in seconds of legs in scope only."""
    second = "l.start_ms < 1000 * i and l.end_ms > 1000 * (i - 1)"
    inside = f"list_bool_or(list_transform(s.spans, lambda l: {second}))"
    return f"""
        select
            h.* replace (
                null::text as user_id,
                null::text as display_name,
                list_transform(h.level_dbfs, lambda level, i: if({inside}, level, null)) as level_dbfs
            )
        from {of.base}.fact_channel as h
        left join (
            select l.call_id, list({{'start_ms': l.start_ms, 'end_ms': l.end_ms}}) as spans {of.legs} group by l.call_id
        ) as s on s.call_id = h.call_id
        where {of.of_any_call("h")}
    """


def _of_reports(of: _ScopeConditions) -> dict[str, str]:
    """What Zoom's reports tell of engagements: of calls in scope; of their agents, without `whole_call`, those in scope."""
    base = of.base
    seen = f"t.engagement_id in (select c.instance_id from {base}.fact_call as c where {of.of_call('c')})"
    theirs = f"""(t.engagement_id, t.user_id) in (
        select c.instance_id, a.user_id
        from (select l.call_id, l.agent_key {of.legs}) as m
        join {base}.fact_call as c on c.call_id = m.call_id
        join {base}.dim_agent as a on a.agent_key = m.agent_key
    )"""
    return {
        "zoom_engagement": f"select t.* from {base}.zoom_engagement as t where {seen}",
        "zoom_flow": f"select t.* from {base}.zoom_flow as t where {seen}",
        "zoom_leg": f"select t.* from {base}.zoom_leg as t where {theirs}",
        "zoom_timeline": f"select t.* from {base}.zoom_timeline as t where {seen if of.scope.whole_call else theirs}",
    }


_SAID = ("fact_utterance", "fact_unused_utterance")
_WORDS = {"fact_word": "fact_utterance", "fact_unused_word": "fact_unused_utterance"}


def _of_words(of: _ScopeConditions) -> dict[str, str]:
    base = of.base
    if not of.scope.words:
        # Which rule found something where is no word; what it found is
        kept = _of_legs(of)["fact_category_hit"] if not of.scope.site else f"select t.* from {base}.fact_category_hit as t"
        wordless = {"fact_category_hit": f"select h.* replace (null::text as matched_text) from ({kept}) as h"}
        return {name: f"select * from {base}.{name} where false" for name in (*_SAID, *_WORDS, "posting")} | wordless
    # Before a call is measured nothing has a leg: what was said since its agent joined is theirs
    theirs = f"u.leg_id is null and exists (select 1 {of.live} and s.call_id = u.call_id and u.start_ms >= s.agent_since_ms)"
    condition = of.of_any_call("u") if of.scope.whole_call else f"({of.of_leg('u')} or ({theirs}))"
    condition = "true" if of.scope.site else condition
    if not of.scope.unredacted:
        condition = f"u.redaction_count is not null and {condition}"
    found = {name: f"select u.* from {base}.{name} as u where {condition}" for name in _SAID}
    for name, lines in _WORDS.items():
        said = f"select u.utterance_id from {base}.{lines} as u where {condition}"
        found[name] = f"select w.* from {base}.{name} as w where w.utterance_id in ({said})"
    return found | {"posting": _posting(of, found["fact_utterance"])}


def _of_alerts(of: _ScopeConditions) -> dict[str, str]:
    """Alerts of legs in scope, and of calls that go on as their words are; what a rule found in the words needs the words."""
    text = "" if of.scope.words else " replace (if(a.rule_id = '', a.alert_text, null) as alert_text)"
    since = "" if of.scope.whole_call else " and a.true_ms >= s.agent_since_ms"
    live = f"a.leg_id is null and exists (select 1 {of.live} and s.stream_id = a.stream_id{since})"
    seen = "true" if of.scope.site else f"({of.of_call('a') if of.scope.whole_call else of.of_leg('a')} or ({live}))"
    return {"fact_alert": f"select a.*{text} from {of.base}.fact_alert as a where {seen}"}


def _posting(of: _ScopeConditions, said: str) -> str:
    """The index tells of whole calls: of those that are seen in part it is made from the lines that are."""
    calls = f"select l.call_no {of.legs}"
    if not of.scope.unredacted:
        redacted = f"select c.call_no from {of.base}.fact_call as c where c.redaction is not null"
        calls = redacted if of.scope.site else f"{calls} and l.call_no in ({redacted})"
    if of.scope.whole_call or of.scope.site:
        return f"select p.* from {of.base}.posting as p where p.call_no in ({calls})"
    return f"""
        with in_part as (
            select distinct u.call_no
            from {of.base}.fact_utterance as u
            where u.call_no in ({calls}) and (u.leg_id is null or not {of.of_leg("u")})
        )
        select p.*
        from {of.base}.posting as p
        where p.call_no in ({calls}) and p.call_no not in (select call_no from in_part)
        union all
        select
            term,
            call_no,
            date_key,
            bit_or(party) as parties
        from (
            select
                unnest(search_words(u.text)) as term,
                u.call_no,
                u.date_key,
                (case u.party when 'agent' then 1 when 'customer' then 2 else 4 end)::utinyint as party
            from ({said}) as u
            where u.call_no in (select call_no from in_part)
        )
        group by
            term,
            call_no,
            date_key
    """
