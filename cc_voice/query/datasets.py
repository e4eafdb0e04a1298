"""Datasets: the published views that are exported, whole or by site and day, as of one moment; what `exports` asks for."""

import contextlib
import datetime
import hashlib
from collections.abc import Iterator, Sequence

import msgspec
import polars as pl

from cc_voice.query import columns
from cc_voice.query.reports import Connection, frame_of, prepare, views
from cc_voice.query.scope import RowScope, scoped
from cc_voice.store.dimensions import threshold_sets


class Dataset(msgspec.Struct, frozen=True):
    """What is exported under a name: a view, the order of its rows within a day, and how many calls are read at once."""

    view: str
    order: str
    calls: int
    dated_by: str | None = "call"
    """Whether its rows lie on the day of their call or of their `leg`; None: they are of no day."""


class SiteDay(msgspec.Struct, frozen=True):
    """A day of a site, and a name for the state of its rows."""

    site: str | None
    date: datetime.date
    state: str


DATASETS = {
    "calls": Dataset("v_call", "call_id", 100_000),
    "legs": Dataset("v_leg", "call_id, leg_no", 50_000, "leg"),
    "utterances": Dataset("v_utterance", "call_id, seq, utterance_id", 10_000),
    "words": Dataset("v_word", "call_id, utterance_id, word_seq", 5_000),
    "unused_utterances": Dataset("v_unused_utterance", "call_id, start_ms, utterance_id", 10_000),
    "unused_words": Dataset("v_unused_word", "call_id, utterance_id, word_seq", 5_000),
    "intervals": Dataset("v_interval", "call_id, leg_id, start_ms, end_ms, kind, party, subkind, outcome, value", 5_000, "leg"),
    "null_reasons": Dataset("v_null_reason", "call_id, leg_id, metric", 10_000, "leg"),
    "leg_languages": Dataset("v_leg_language", "call_id, leg_id, party, language_code", 50_000, "leg"),
    "rule_hits": Dataset("v_rule_hit", "call_id, leg_id, rule_id, start_ms, hit_key, is_live, rule_version", 20_000, "leg"),
    "rule_states": Dataset("v_rule_state", "call_id, leg_id, rule_id", 20_000, "leg"),
    "evaluations": Dataset("v_evaluation", "call_id, leg_id, form_id, form_version, opened_ts, evaluation_id", 20_000, "leg"),
    "evaluation_items": Dataset("v_evaluation_item", "call_id, leg_id, evaluation_id, question_place", 10_000, "leg"),
    "events": Dataset("v_event", "call_id, at_ms, event_name, participant, payload", 10_000),
    "alerts": Dataset("v_alert", "alert_raised_ms, alert_id", 50_000),
    "channels": Dataset("v_channel", "call_id, channel_id", 50_000),
    "agents": Dataset("v_agent", "user_id, valid_from", 0, None),
    "queues": Dataset("v_queue", "queue_id, valid_from", 0, None),
    "rules": Dataset("v_rule", "rule_id, rule_version", 0, None),
    "form_items": Dataset("v_form_item", "form_id, form_version, question_place", 0, None),
    "threshold_sets": Dataset("v_threshold_set", "threshold_set_id, threshold", 0, None),
}
"""Calls at once: every query scans the keys of a whole table, and its rows lie in memory (a call has hundreds of words)."""

_DAYS = """
    with days as (
        select date_key, count(*) as n from fact_call group by date_key
        union all
        select date_key, 0 from fact_leg
    )
    select date_key, sum(n)::bigint from days group by date_key order by date_key
"""
"""Days and how many calls began on them: none where only a leg began, after midnight."""

_DAYS_OF_SITES = """
    with rows as (
        select
            v.site_name,
            v.local_date,
            hash(v, f.revision, f.last_update_ts) as state
        from v_call as v
        join fact_call as f on f.call_id = v.call_id
        union all
        select site_name, local_date, hash(v) from v_leg as v
    )
    select site_name, local_date, count(*)::text || '-' || bit_xor(state)::text
    from rows
    group by site_name, local_date
    order by local_date, site_name nulls first
"""
"""Days of each site with a name for the state of their calls: of every exported cell of calls and legs, names of agents and queues
included; everything else changes with the revision of its call."""

_OF_SITE = {
    "call": """
        call_id in (
            select c.call_id from fact_call as c left join dim_site as s on s.site_id = c.site_id
            where c.date_key = $day and s.site_name is not distinct from $site
        )
    """,
    "leg": """
        leg_id in (
            select l.leg_id
            from fact_leg as l
            join fact_call as c on c.call_no = l.call_no
            left join dim_site as s on s.site_id = c.site_id
            where l.date_key = $day and s.site_name is not distinct from $site
        )
    """,
}
"""Which rows of a day are a site's, by tables with few joins: the views join more, for every day and table."""


class Exported:
    """Everything that is exported, as of one moment: what `exports.folder` asks for. Leave the cursor alone meanwhile.

    Rows come some days at a time, after an empty frame that has the columns: memory holds a few days, no query runs long, and the
    order – day, then keys – is the same every time.
    """

    def __init__(self, con: Connection) -> None:
        self._con = con
        known = views()
        self.grains = {name: known[dataset.view] for name, dataset in DATASETS.items()}
        self.undated = frozenset(name for name, dataset in DATASETS.items() if dataset.dated_by is None)
        self.columns = columns.explained(threshold_sets(con))
        self.watermark_ts: datetime.datetime | None = con.execute("select max(last_update_ts) from fact_call").fetchall()[0][0]

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        """Yield all rows of a table."""
        dataset = DATASETS[table]
        # Not a lazy frame over the relation: polars would read it from threads of its own, and go on when the consumer has failed
        yield frame_of(self._con, f"select * from {dataset.view} limit 0")
        if dataset.dated_by is None:
            yield frame_of(self._con, f"select * from {dataset.view} order by {dataset.order}")
            return
        query = f"select * from {dataset.view} where date_key between $first and $last order by date_key, {dataset.order}"
        for first, last in spans(self._con.execute(_DAYS).fetchall(), dataset.calls):
            yield frame_of(self._con, query, {"first": first, "last": last})

    def days(self) -> list[SiteDay]:
        """Return the days of each site, by date and site."""
        return [SiteDay(*row) for row in self._con.execute(_DAYS_OF_SITES).fetchall()]

    def rows(self, table: str, site: str | None, date: datetime.date) -> pl.DataFrame:
        """Return the rows of a table on a day of a site."""
        dataset = DATASETS[table]
        of_site = "site_name is not distinct from $site" if table in ("calls", "legs") else _OF_SITE[dataset.dated_by or "call"]
        query = f"select * from {dataset.view} where date_key = $day and {of_site} order by {dataset.order}"
        return frame_of(self._con, query, {"day": date.year * 10_000 + date.month * 100 + date.day, "site": site})

    def state(self, table: str) -> str:
        """Return a name for the rows of a table that is of no day."""
        rows = pl.concat(self.batches(table)).rows()
        return f"{len(rows)}-{hashlib.sha256(repr(rows).encode()).hexdigest()[:20]}"


@contextlib.contextmanager
def exported(con: Connection, scope: RowScope) -> Iterator[Exported]:
    """Hold one snapshot for all of a scope that is exported: no leg whose call is not there."""
    con = scoped(con, scope)
    prepare(con)
    con.begin()
    try:
        yield Exported(con)
    finally:
        con.rollback()


def pieces(con: Connection) -> list[tuple[str, int, int]]:
    """Return the views of what is exported in ranges of days: (view, first, last date key), none of which takes long to read."""
    days = con.execute(_DAYS).fetchall()
    dated = [each for each in DATASETS.values() if each.dated_by is not None]
    return [(each.view, first, last) for each in dated for first, last in spans(days, each.calls)]


def spans(days: Sequence[tuple[int, int]], limit: int) -> Iterator[tuple[int, int]]:
    """Join (date key, number of calls), in order, to (first, last) of at most `limit` calls; a day is never cut."""
    first = last = total = 0
    for day, calls in days:
        if first and total + calls > limit:
            yield first, last
            first = total = 0
        first, last, total = first or day, day, total + calls
    if first:
        yield first, last
