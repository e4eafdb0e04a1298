"""Rule rows: what rules found in calls, written with the call, and the versions of rules that rows name.

A version of a rule is a row of dim_category. Those that ship with the program count as published: the first call that was looked at
with one adds it.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from cc_voice.call.rows import RuleHitRow, RuleRows, RuleStateRow, RuleVersion
from cc_voice.store.database import Connection, dicts, structs

_HIT = (
    *("hit_id", "call_id", "call_no", "date_key", "leg_id", "category_key", "condition", "party", "channel_id", "start_ms"),
    *("end_ms", "utterance_id", "first_word_seq", "last_word_seq", "expression", "matched_text", "source", "conf", "timed"),
    *("hit_key", "rule_set", "is_live", "run_id"),
)
_STATE = ("leg_id", "call_id", "category_key", "state", "reason", "value", "rule_set", "run_id", "date_key")


def keys_of(con: Connection, versions: Iterable[RuleVersion]) -> dict[str, int]:
    """Return rule id → key of its version; a version that is not known yet is added, as one that ships."""
    known = {
        (rule_id, version): key
        for rule_id, version, key in con.execute("select category_id, version, category_key from dim_category").fetchall()
    }
    return {one.rule_id: known.get((one.rule_id, one.version)) or _add(con, one) for one in versions}


def _add(con: Connection, one: RuleVersion) -> int:
    rows = con.execute(
        """
        insert into dim_category
            (category_key, category_id, version, name, folder, kind, state, is_alert, origin, author, valid_from)
        values (nextval('category_key'), ?, ?, ?, ?, ?, ?, ?, 'shipped', 'cc-voice', now())
        returning category_key
        """,
        [one.rule_id, one.version, one.title, one.folder, one.kind, one.state, one.alert],
    ).fetchall()
    return int(rows[0][0])


class StoredPlace(msgspec.Struct, frozen=True):
    """Where the rows of a call belong: its number, and the local date of each of its legs."""

    call_id: str
    call_no: int
    leg_dates: dict[str, int]


def insert(con: Connection, place: StoredPlace, rows: RuleRows) -> None:
    """Add what rules found in a call; part of the transaction that writes it."""
    keys = keys_of(con, rows.versions)
    insert_hits(con, [(place, rows.hits)], keys, rows.rule_set, None)
    insert_states(con, [(place, rows.states)], keys, rows.rule_set, None)


def live(con: Connection, call_id: str, rows: RuleRows | None, withdrawn: Sequence[str]) -> None:
    """Add hits of a call in progress, and mark those as withdrawn whose words were revised. Delivered twice, it is done once."""
    if withdrawn:
        con.execute(
            """
            update fact_category_hit
            set withdrawn_ts = now()
            where is_live and call_id = ? and withdrawn_ts is null and hit_key in (select unnest(?))
            """,
            [call_id, list(withdrawn)],
        )
    if rows is None or not rows.hits:
        return
    keys = keys_of(con, rows.versions)
    known = "select hit_key from fact_category_hit where is_live and call_id = ?"
    there = {key for (key,) in con.execute(known, [call_id]).fetchall()}
    back = [row.hit_key for row in rows.hits if row.hit_key in there]
    if back:
        con.execute(
            "update fact_category_hit set withdrawn_ts = null where is_live and call_id = ? and hit_key in (select unnest(?))",
            [call_id, back],
        )
    for row in rows.hits:
        if row.hit_key not in there:
            con.execute(
                """
                insert into fact_category_hit (
                    hit_id, call_id, category_key, condition, party, channel_id, start_ms, end_ms, utterance_id,
                    first_word_seq, last_word_seq, expression, matched_text, source, conf, timed, hit_key, rule_set, is_live
                ) values (nextval('hit_id'), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, true)
                """,
                [
                    *(call_id, keys[row.rule_id], row.condition, row.party, row.channel_id, row.start_ms, row.end_ms),
                    *(row.utterance_id, row.first_word_seq, row.last_word_seq, row.expression, row.matched_text, row.source),
                    *(row.conf, row.timed, row.hit_key, rows.rule_set),
                ],
            )


class LiveHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit of a call in progress, as the board shows it."""

    call_id: str
    rule_id: str
    rule_title: str
    alert: bool
    party: str | None
    start_ms: int | None
    matched_text: str | None


def live_hits(con: Connection) -> list[LiveHit]:
    """Return the hits of calls in progress by live rules, the newest first; what was withdrawn is gone."""
    return structs(
        con,
        LiveHit,
        """
        select
            h.call_id,
            c.category_id as rule_id,
            c.name as rule_title,
            coalesce(c.is_alert, false) as alert,
            h.party,
            h.start_ms,
            h.matched_text
        from fact_category_hit as h
        join dim_category as c on c.category_key = h.category_key
        where h.is_live and h.withdrawn_ts is null and c.state = 'live'
            and h.call_id in (select s.call_id from stream as s where s.stage in ('received', 'recorded', 'transcribed'))
        order by h.call_id, h.start_ms desc, c.category_id
        """,
        [],
    )


class StoredHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit in a measured call."""

    hit_key: str
    call_id: str
    leg_id: str
    local_date: date | None
    rule_version: int
    condition: str | None
    party: str | None
    start_ms: int | None
    end_ms: int | None
    utterance_id: str | None
    matched_text: str | None
    conf: float | None


def hits(con: Connection, rule_id: str, since: date | None, until: date | None, limit: int) -> list[StoredHit]:
    """Return what a rule found in measured calls, the newest first."""
    return structs(
        con,
        StoredHit,
        """
        select
            h.hit_key,
            h.call_id,
            h.leg_id,
            d.local_date,
            c.version as rule_version,
            h.condition,
            h.party,
            h.start_ms,
            h.end_ms,
            h.utterance_id,
            h.matched_text,
            h.conf
        from fact_category_hit as h
        join dim_category as c on c.category_key = h.category_key
        left join dim_date as d on d.date_key = h.date_key
        where c.category_id = ? and not h.is_live
            and (?::date is null or d.local_date >= ?::date) and (?::date is null or d.local_date <= ?::date)
        order by h.date_key desc, h.call_no desc, h.start_ms, h.hit_key
        limit ?
        """,
        [rule_id, since, since, until, until, limit],
    )


def calls_seen(con: Connection, call_ids: Sequence[str]) -> set[str]:
    """Return which of some calls are there on this cursor."""
    rows = con.execute("select call_id from fact_call where call_id in (select unnest(?))", [list(call_ids)]).fetchall()
    return {call_id for (call_id,) in rows}


def place_live(con: Connection, call_id: str) -> None:
    """Give live hits the leg in which they turn out to lie; those of no leg stay without one."""
    con.execute(
        """
        update fact_category_hit
        set
            leg_id = l.leg_id,
            call_no = l.call_no,
            date_key = l.date_key
        from fact_leg as l
        where fact_category_hit.is_live
            and fact_category_hit.call_id = ?
            and l.call_id = fact_category_hit.call_id
            and coalesce(fact_category_hit.start_ms, l.start_ms) >= l.start_ms
            and coalesce(fact_category_hit.start_ms, l.start_ms) < l.end_ms
        """,
        [call_id],
    )


def insert_hits(
    con: Connection,
    found: Sequence[tuple[StoredPlace, Sequence[RuleHitRow]]],
    keys: dict[str, int],
    rule_set: str,
    run_id: int | None,
) -> None:
    """Add hits of calls."""
    hits = [(place, row) for place, rows in found for row in rows]
    if not hits:
        return
    numbers = con.execute("select nextval('hit_id') from range(?)", [len(hits)]).fetchall()
    values = [
        (
            *(number, place.call_id, place.call_no, place.leg_dates[row.leg_id], row.leg_id, keys[row.rule_id], row.condition),
            *(row.party, row.channel_id, row.start_ms, row.end_ms, row.utterance_id, row.first_word_seq, row.last_word_seq),
            *(row.expression, row.matched_text, row.source, row.conf, row.timed, row.hit_key, rule_set, False, run_id),
        )
        for (number,), (place, row) in zip(numbers, hits, strict=True)
    ]
    with con.appender("fact_category_hit", columns=list(_HIT)) as appender:
        appender.append_rows(values)


def insert_states(
    con: Connection,
    found: Sequence[tuple[StoredPlace, Sequence[RuleStateRow]]],
    keys: dict[str, int],
    rule_set: str,
    run_id: int | None,
) -> None:
    """Add what steps are of the legs of calls."""
    values = [
        (
            *(row.leg_id, place.call_id, keys[row.rule_id], row.state, row.reason, row.value, rule_set, run_id),
            place.leg_dates[row.leg_id],
        )
        for place, rows in found
        for row in rows
    ]
    if values:
        with con.appender("fact_rule_state", columns=list(_STATE)) as appender:
            appender.append_rows(values)


def remove(con: Connection, call_id: str, *, keep_live: bool = False) -> None:
    """Remove what rules found in a call. Measuring it again keeps live hits, and marks are kept unless it is erased (`erase`)."""
    dates = [key for (key,) in con.execute("select distinct date_key from fact_leg where call_id = ?", [call_id]).fetchall()]
    for key in dates:
        con.execute("delete from fact_rule_state where date_key = ? and call_id = ?", [key, call_id])
        con.execute("delete from fact_category_hit where date_key = ? and call_id = ? and not is_live", [key, call_id])
    if not keep_live:
        con.execute("delete from fact_category_hit where is_live and call_id = ?", [call_id])
        con.execute("delete from rule_mark where call_id = ?", [call_id])


def versions(con: Connection) -> list[dict[str, Any]]:
    """Return every version of every rule that rows may name."""
    return dicts(
        con,
        """
        select
            category_key,
            category_id as id,
            version,
            name as title,
            folder,
            kind,
            state,
            is_alert as alert,
            origin,
            author,
            note,
            sha256,
            is_unmarked,
            valid_from,
            valid_to
        from dim_category
        order by category_id, version
        """,
        [],
    )


def published_rule(con: Connection, rule_id: str, version: int) -> str | None:
    """Return a version as it was published, as JSON, None where the site published none."""
    rows = con.execute("select rule from dim_category where category_id = ? and version = ?", [rule_id, version]).fetchall()
    return str(rows[0][0]) if rows and rows[0][0] is not None else None
