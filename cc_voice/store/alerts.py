"""Alerts stored: what workers tell of them, what people did about them, and which are on the board.

A worker tells what is true; what is shown, folded or quiet is decided here, in the transaction of the row. Told twice is told once;
what a replaced session still tells is refused, and what it left open is closed when its stream is taken up again.
"""

import datetime
from typing import Any, Literal

import msgspec

from cc_voice.config.alert_thresholds import AlertReason
from cc_voice.quality.alerts.handling import STORM_MS, OpenAlert, is_storm, is_within_limits
from cc_voice.quality.alerts.reasons import AlertChange
from cc_voice.store import outbox
from cc_voice.store.database import Connection, structs

_MS = "make_timestamptz(?::bigint * 1000)"


class AlertStorm(msgspec.Struct, frozen=True, kw_only=True):
    """A reason that many calls raised at once."""

    reason: AlertReason
    calls: int
    since_unix_ms: int


class _Serving(msgspec.Struct, frozen=True):
    epoch: int
    stage: str
    queue_id: str | None
    queue_name: str | None


class _Known(msgspec.Struct, frozen=True):
    epoch: int
    level: int
    is_closed: bool
    is_told: bool
    """Programs were told of it, so they are told of its end."""


def take(con: Connection, change: AlertChange, now_unix_ms: int) -> bool:
    """Write what a worker tells of an alert; False when it came too late to count, or was known."""
    stream = _serving(con, change.stream_id)
    if stream is None or stream.epoch != change.epoch or stream.stage != "received":
        return False
    known = _known(con, change.alert_id)
    match change.kind:
        case "raised":
            return _raise(con, change, known, stream, now_unix_ms)
        case "worse":
            if known is None or known.is_closed or change.level <= known.level:
                return False
            con.execute(
                "update fact_alert set level = ?, alert_text = ?, is_shown = true where alert_id = ?",
                [change.level, change.text, change.alert_id],
            )
            if not _is_folded(con, change.alert_id):
                _tell(con, "alert.raised", change, stream, now_unix_ms)
            return True
        case "closed" | "withdrawn":
            if known is None or known.is_closed:
                return False
            con.execute(
                f"""
                update fact_alert
                set closed_ts = {_MS}, condition_ms = ?, withdrawn_ts = if(?, {_MS}, null)
                where alert_id = ?
                """,
                [
                    now_unix_ms,
                    max(0, change.at_ms - change.true_ms),
                    change.kind == "withdrawn",
                    now_unix_ms,
                    change.alert_id,
                ],
            )
            if known.is_told:
                _tell(con, "alert.closed", change, stream, now_unix_ms)
            return True


def _raise(con: Connection, change: AlertChange, known: _Known | None, stream: _Serving, now_unix_ms: int) -> bool:
    if known is not None and (known.epoch >= change.epoch or not known.is_closed):
        return False
    if known is not None:  # closed because its session was replaced; the one that took over finds it true still
        con.execute(
            "update fact_alert set epoch = ?, closed_ts = null, condition_ms = null where alert_id = ?",
            [change.epoch, change.alert_id],
        )
        return True
    shown = con.execute("select raised_ms from fact_alert where stream_id = ? and is_shown", [change.stream_id]).fetchall()
    is_shown = is_within_limits([ms for (ms,) in shown], change.at_ms, change.level)
    con.execute(
        f"""
        insert into fact_alert by name
        select
            ? as alert_id,
            ? as call_id,
            ? as stream_id,
            ?::integer as epoch,
            ? as reason,
            ? as rule_id,
            ?::utinyint as level,
            ?::integer as weight,
            ? as alert_text,
            ?::bigint as true_ms,
            ?::bigint as raised_ms,
            {_MS} as raised_ts,
            ?::integer as lag_ms,
            ?::boolean as is_shown,
            false as is_folded
        """,
        [
            *(change.alert_id, change.call_id, change.stream_id, change.epoch, change.reason, change.rule, change.level),
            *(change.weight, change.text, change.true_ms, change.at_ms, now_unix_ms),
            *(max(0, max(change.media_ms, change.at_ms) - change.true_ms), is_shown),
        ],
    )
    if not _fold(con, change, now_unix_ms) and is_shown:
        _tell(con, "alert.raised", change, stream, now_unix_ms)
    return True


def _fold(con: Connection, change: AlertChange, now_unix_ms: int) -> bool:
    """Put one line of the site in the place of alerts that many calls raise within a minute; False where it is no storm."""
    since = now_unix_ms - STORM_MS
    lately = f"reason = ? and raised_ts > {_MS}"
    calls = _number(con, f"select count(distinct call_id) from fact_alert where {lately}", [change.reason, since])
    running = _number(con, "select count(distinct call_id) from stream where stage = 'received'", [])
    if not is_storm(calls, running):
        return False
    con.execute(f"update fact_alert set is_folded = true where {lately}", [change.reason, since])
    began = con.execute(f"select since_ts from alert_storm where reason = ? and last_ts > {_MS}", [change.reason, since]).fetchall()
    con.execute("delete from alert_storm where reason = ?", [change.reason])
    con.execute(
        f"insert into alert_storm values (?, coalesce(?::timestamptz, {_MS}), {_MS}, ?)",
        [change.reason, began[0][0] if began else None, now_unix_ms, now_unix_ms, calls],
    )
    if not began:
        data = {"reason": change.reason, "calls": calls, "running": running}
        outbox.add(con, "alert.raised", now_unix_ms, data)
    return True


def _tell(con: Connection, kind: Literal["alert.raised", "alert.closed"], about: AlertChange, stream: _Serving, now: int) -> None:
    data = {
        "alert_id": about.alert_id,
        "call_id": about.call_id,
        "reason": about.reason,
        "level": about.level,
        "true_ms": about.true_ms,
        "at_ms": about.at_ms,
    }
    if about.rule:
        data["rule"] = about.rule
    if kind == "alert.closed":
        data |= {"condition_ms": max(0, about.at_ms - about.true_ms), "withdrawn": about.kind == "withdrawn"}
    queue = (stream.queue_id, stream.queue_name)
    outbox.add(con, kind, now, data, call_id=about.call_id, queue=queue, words=about.text)


def _is_folded(con: Connection, alert_id: str) -> bool:
    return bool(_number(con, "select count(*) from fact_alert where alert_id = ? and is_folded", [alert_id]))


def _number(con: Connection, sql: str, parameters: list[Any]) -> int:
    return int(con.execute(sql, parameters).fetchall()[0][0])


def _serving(con: Connection, stream_id: str) -> _Serving | None:
    found = structs(con, _Serving, "select epoch, stage, queue_id, queue_name from stream where stream_id = ?", [stream_id])
    return found[0] if found else None


def _known(con: Connection, alert_id: str) -> _Known | None:
    sql = """
        select epoch, level, closed_ts is not null as is_closed, is_shown and not is_folded as is_told
        from fact_alert
        where alert_id = ?
    """
    found = structs(con, _Known, sql, [alert_id])
    return found[0] if found else None


# -- the end of a session ----------------------------------------------------------------------------------------------


class _LeftOpen(msgspec.Struct, frozen=True):
    alert_id: str
    call_id: str
    stream_id: str
    epoch: int
    reason: str
    rule_id: str
    level: int
    weight: int
    alert_text: str | None
    true_ms: int
    raised_ms: int
    is_told: bool


def close_all(con: Connection, stream_id: str, now_unix_ms: int) -> int:
    """Close what a session of a stream left open: its media has ended, or another session takes the stream up."""
    sql = """
        select
            alert_id,
            call_id,
            stream_id,
            epoch,
            reason,
            rule_id,
            level,
            weight,
            alert_text,
            true_ms,
            raised_ms,
            is_shown and not is_folded as is_told
        from fact_alert
        where stream_id = ? and closed_ts is null
    """
    found = structs(con, _LeftOpen, sql, [stream_id])
    stream = _serving(con, stream_id)
    if not found or stream is None:
        return 0
    media_ms = _number(con, "select coalesce(media_ms, 0) from stream where stream_id = ?", [stream_id])
    for each in found:
        end_ms = max(media_ms, each.raised_ms)
        con.execute(
            f"update fact_alert set closed_ts = {_MS}, condition_ms = ? where alert_id = ?",
            [now_unix_ms, max(0, end_ms - each.true_ms), each.alert_id],
        )
        if each.is_told:
            values = msgspec.structs.asdict(each) | {"kind": "closed", "at_ms": end_ms, "text": each.alert_text or ""}
            change = msgspec.convert(values | {"rule": each.rule_id}, AlertChange)
            _tell(con, "alert.closed", change, stream, now_unix_ms)
    return len(found)


def find_legs(con: Connection, call_id: str) -> None:
    """Give the alerts of a measured call to the legs they were raised in."""
    con.execute(
        """
        update fact_alert
        set leg_id = (
            select l.leg_id
            from fact_leg as l
            where l.call_id = fact_alert.call_id and l.start_ms <= fact_alert.raised_ms
            order by l.start_ms desc
            limit 1
        )
        where call_id = ?
        """,
        [call_id],
    )


def forget_call(con: Connection, call_id: str) -> None:
    """Remove the alerts of a call with what people did about them."""
    con.execute("delete from fact_alert where call_id = ?", [call_id])
    con.execute("delete from alert_snooze where call_id = ?", [call_id])
    outbox.forget_call(con, call_id)


# -- the board, and people ---------------------------------------------------------------------------------------------


def on_board(con: Connection, account: str, now_unix_ms: int) -> list[OpenAlert]:
    """Return alerts that are not over and not folded, with until when each is quiet for an account."""
    sql = f"""
        with asleep as (
            select a.alert_id, max(s.until_ts) as until_ts
            from fact_alert as a
            join alert_snooze as s
                on s.reason = a.reason
                and s.rule_id = a.rule_id
                and (s.call_id = a.call_id or (s.call_id is null and s.by_account = ?))
            where a.closed_ts is null and s.until_ts > {_MS}
            group by a.alert_id
        )
        select
            a.alert_id,
            a.call_id,
            a.stream_id,
            a.reason,
            a.rule_id,
            a.level,
            a.weight,
            a.alert_text,
            epoch_ms(a.raised_ts) as raised_unix_ms,
            a.acknowledged_level,
            epoch_ms(greatest(a.snoozed_until, s.until_ts)) as snoozed_until_unix_ms
        from fact_alert as a
        left join asleep as s on s.alert_id = a.alert_id
        where a.closed_ts is null and a.is_shown and not a.is_folded
        order by a.raised_ts, a.alert_id
    """
    return structs(con, OpenAlert, sql, [account, now_unix_ms])


def storms(con: Connection, now_unix_ms: int) -> list[AlertStorm]:
    """Return what many calls raise at this moment."""
    sql = f"""
        select reason, calls, epoch_ms(since_ts) as since_unix_ms
        from alert_storm
        where last_ts > {_MS}
        order by calls desc, reason
    """
    return structs(con, AlertStorm, sql, [now_unix_ms - STORM_MS])


def seen(con: Connection, alert_id: str) -> str | None:
    """Return the call of an alert that who asks may see, None where there is none."""
    found = con.execute("select call_id from fact_alert where alert_id = ?", [alert_id]).fetchall()
    return str(found[0][0]) if found else None


def acknowledge(con: Connection, alert_id: str, account: str, now_unix_ms: int) -> None:
    """Somebody knows: quiet until it gets worse by a level. Who was first is kept, and who knew each level."""
    con.execute(
        f"""
        update fact_alert
        set acknowledged_by = ?, acknowledged_ts = {_MS}, acknowledged_level = level
        where alert_id = ? and (acknowledged_level is null or acknowledged_level < level)
        """,
        [account, now_unix_ms, alert_id],
    )


def snooze(con: Connection, alert_id: str, account: str, minutes: int, *, of_rule: bool, now_unix_ms: int) -> None:
    """Not now: its reason, and rule, in this call for everybody, or in all calls for this account alone."""
    until = datetime.datetime.fromtimestamp(now_unix_ms / 1000 + 60 * minutes, datetime.UTC)
    con.execute(
        f"""
        insert into alert_snooze
        select ?, if(?, null, call_id), reason, rule_id, {_MS}, ? from fact_alert where alert_id = ?
        """,
        [account, of_rule, now_unix_ms, until, alert_id],
    )
    if not of_rule:
        con.execute("update fact_alert set snoozed_until = ? where alert_id = ?", [until, alert_id])


def mark(con: Connection, alert_id: str, account: str, useful: bool, now_unix_ms: int) -> None:
    """Somebody says whether it was of use."""
    con.execute(
        f"update fact_alert set useful = ?, useful_by = ?, useful_ts = {_MS} where alert_id = ?",
        [useful, account, now_unix_ms, alert_id],
    )


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as it is listed."""

    alert_id: str
    call_id: str
    reason: str
    rule_id: str
    level: int
    alert_text: str | None
    true_ms: int
    raised_ms: int
    raised_ts: datetime.datetime
    lag_ms: int | None
    closed_ts: datetime.datetime | None
    withdrawn_ts: datetime.datetime | None
    condition_ms: int | None
    is_shown: bool
    is_folded: bool
    acknowledged_by: str | None
    acknowledged_ts: datetime.datetime | None
    snoozed_until: datetime.datetime | None
    useful: bool | None


def newest(con: Connection, limit: int, call_id: str | None = None) -> list[AlertRow]:
    """Return alerts, the newest first."""
    columns = ", ".join(AlertRow.__struct_fields__)
    sql = f"select {columns} from fact_alert where call_id = coalesce(?, call_id) order by raised_ts desc, alert_id limit ?"
    return structs(con, AlertRow, sql, [call_id, limit])


def by_id(con: Connection, alert_id: str) -> list[AlertRow]:
    """Return an alert, or nothing."""
    columns = ", ".join(AlertRow.__struct_fields__)
    return structs(con, AlertRow, f"select {columns} from fact_alert where alert_id = ?", [alert_id])
