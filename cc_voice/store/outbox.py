"""Outbox: what other programs may want to know, written in the transaction that causes it, and how it reached each receiver.

A message is written whoever receives it: whom it goes to is decided when it is handed out, by the policy that is then in force. So
a write needs to know no policy, and what is caused while no receiver exists is gone within a moment.
"""

import datetime
import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal, get_args

import msgspec

from cc_voice.call.batch import CallMeasured
from cc_voice.store.database import Connection, structs

EventType = Literal[
    "alert.raised",
    "alert.closed",
    "call.measured",
    "evaluation.submitted",
    "evaluation.disputed",
    "redaction.failed",
    "rule.published",
    "alerts.quiet",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
DeliveryState = Literal["waiting", "sent", "failed", "dropped"]
KEPT_DAYS = 30
DUE_EACH = 20
"""Looked at for each receiver at a time: one with thousands that wait keeps nobody from theirs."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was caused."""

    message_id: str
    type: EventType
    at_ts: datetime.datetime
    call_id: str | None
    queue_id: str | None
    queue_name: str | None
    data: str
    """Ids, reason, numbers: JSON."""
    words: str | None
    """Redacted words, for receivers that were given them."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way to a receiver."""

    message_id: str
    endpoint: str
    type: EventType
    at_ts: datetime.datetime
    call_id: str | None
    state: DeliveryState
    attempts: int
    next_ts: datetime.datetime | None
    status: int | None
    error: str | None
    updated_ts: datetime.datetime


class EndpointState(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver that failed, was switched off, or was kept quiet."""

    endpoint: str
    failing_since_ts: datetime.datetime | None
    disabled_ts: datetime.datetime | None
    disabled_reason: str | None
    kept_quiet: int


def add(
    con: Connection,
    kind: EventType,
    at_unix_ms: int,
    data: dict[str, Any],
    *,
    call_id: str | None = None,
    queue: tuple[str | None, str | None] = (None, None),
    words: str | None = None,
) -> str:
    """Write an event in the caller's transaction; return its id, which stays the same however often it is sent."""
    message_id = f"msg_{secrets.token_urlsafe(18)}"
    con.execute(
        "insert into webhook_message values (?, ?, make_timestamptz(?::bigint * 1000), ?, ?, ?, ?, ?, false)",
        [message_id, kind, at_unix_ms, call_id, *queue, msgspec.json.encode(data).decode(), words],
    )
    return message_id


def tell_measured(con: Connection, batch: CallMeasured) -> None:
    """Write for other programs that the call has its numbers; once for each revision, measuring again included."""
    legs = batch.call.legs
    data = {
        "call_id": batch.call_id,
        "revision": batch.revision,
        "legs": [leg.leg_id for leg in legs],
        # No numbers of thirteen digits: what looks for cards in the data folder would find them
        "start_ts": _iso(batch.call.call.start_unix_ms),
        "end_ts": _iso(batch.call.call.end_unix_ms),
    }
    queue = (legs[-1].queue_id, legs[-1].queue_name) if legs else (None, None)
    now_ms = time.time_ns() // 1_000_000
    add(con, "call.measured", now_ms, data, call_id=batch.call_id, queue=queue)
    if batch.call.call.redaction == "withheld":
        add(con, "redaction.failed", now_ms, {"call_id": batch.call_id}, call_id=batch.call_id, queue=queue)


def _iso(unix_ms: int | None) -> str | None:
    if unix_ms is None:
        return None
    return datetime.datetime.fromtimestamp(unix_ms / 1000, datetime.UTC).isoformat(timespec="milliseconds")


_MESSAGE = "select message_id, type, at_ts, call_id, queue_id, queue_name, data, words from webhook_message"
_DELIVERY = """
    select
        d.message_id,
        d.endpoint,
        m.type,
        m.at_ts,
        m.call_id,
        d.state,
        d.attempts,
        d.next_ts,
        d.status,
        d.error,
        d.updated_ts
    from webhook_delivery as d
    join webhook_message as m on m.message_id = d.message_id
"""


def new_messages(con: Connection) -> list[Message]:
    """Return what was not handed out yet, the oldest first."""
    return structs(con, Message, f"{_MESSAGE} where not is_handed_out order by at_ts, message_id limit 500", [])


def hand_out(con: Connection, message_id: str, endpoints: Sequence[str], now: datetime.datetime) -> None:
    """Give a message to its receivers; to none: it is gone."""
    for endpoint in endpoints:
        con.execute(
            "insert into webhook_delivery values (?, ?, 'waiting', 0, ?, null, null, ?) on conflict do nothing",
            [message_id, endpoint, now, now],
        )
    if endpoints:
        con.execute("update webhook_message set is_handed_out = true where message_id = ?", [message_id])
    else:
        con.execute("delete from webhook_message where message_id = ?", [message_id])


def due(con: Connection, now: datetime.datetime) -> list[tuple[Message, str, int]]:
    """Return what is to be sent now: message, receiver, how often it was tried. Of each receiver the oldest."""
    rows = con.execute(
        """
        select message_id, endpoint, attempts
        from webhook_delivery
        where state = 'waiting' and next_ts <= ?
        qualify row_number() over (partition by endpoint order by next_ts, message_id) <= ?
        order by next_ts, message_id
        """,
        [now, DUE_EACH],
    ).fetchall()
    ids = [row[0] for row in rows]
    found = {each.message_id: each for each in structs(con, Message, f"{_MESSAGE} where message_id in (select unnest(?))", [ids])}
    return [(found[message_id], endpoint, attempts) for message_id, endpoint, attempts in rows if message_id in found]


def note(
    con: Connection,
    message_id: str,
    endpoint: str,
    now: datetime.datetime,
    *,
    state: DeliveryState,
    attempts: int,
    next_ts: datetime.datetime | None = None,
    status: int | None = None,
    error: str | None = None,
) -> None:
    """Write down how it went with a message and a receiver."""
    con.execute(
        """
        update webhook_delivery
        set state = ?, attempts = ?, next_ts = ?, status = ?, error = ?, updated_ts = ?
        where message_id = ? and endpoint = ?
        """,
        [state, attempts, next_ts, status, error, now, message_id, endpoint],
    )


def endpoint_states(con: Connection) -> dict[str, EndpointState]:
    """Return the receivers of which something is known."""
    sql = "select endpoint, failing_since_ts, disabled_ts, disabled_reason, kept_quiet from webhook_endpoint"
    return {each.endpoint: each for each in structs(con, EndpointState, sql, [])}


def note_endpoint(con: Connection, state: EndpointState) -> None:
    """Write down how a receiver is."""
    con.execute("insert or replace into webhook_endpoint values (?, ?, ?, ?, ?)", list(msgspec.structs.astuple(state)))


def deliveries(con: Connection, limit: int, state: str | None = None) -> list[Delivery]:
    """Return what was sent, or shall be, the newest first."""
    sql = f"{_DELIVERY} where d.state = coalesce(?, d.state) order by m.at_ts desc, d.message_id limit ?"
    return structs(con, Delivery, sql, [state, limit])


def replay(
    con: Connection,
    now: datetime.datetime,
    message_id: str | None,
    since: datetime.datetime | None,
    endpoint: str | None = None,
) -> int:
    """Have messages sent again under their ids: one, or all since a moment that were not sent. Returns how many.

    Of one receiver or of all; those concerned are on again where they were switched off.
    """
    found: list[tuple[str, str]] = []
    if message_id is not None:
        found = con.execute("select message_id, endpoint from webhook_delivery where message_id = ?", [message_id]).fetchall()
    elif since is not None:
        found = con.execute(
            """
            select d.message_id, d.endpoint
            from webhook_delivery as d
            join webhook_message as m on m.message_id = d.message_id
            where d.state in ('failed', 'dropped') and m.at_ts >= ?
            """,
            [since],
        ).fetchall()
    chosen = [(message, name) for message, name in found if endpoint in (None, name)]
    for message, name in chosen:
        note(con, message, name, now, state="waiting", attempts=0, next_ts=now)
    for name in {name for _, name in chosen} | ({endpoint} if endpoint else set()):
        con.execute("delete from webhook_endpoint where endpoint = ?", [name])
    return len(chosen)


def forget_call(con: Connection, call_id: str) -> None:
    """Remove what was told of a call."""
    con.execute(
        "delete from webhook_delivery where message_id in (select message_id from webhook_message where call_id = ?)", [call_id]
    )
    con.execute("delete from webhook_message where call_id = ?", [call_id])


def forget_old(con: Connection, now: datetime.datetime) -> None:
    """Remove what was sent, or given up, long ago."""
    before = now - datetime.timedelta(days=KEPT_DAYS)
    con.execute("delete from webhook_delivery where state <> 'waiting' and updated_ts < ?", [before])
    con.execute(
        """
        delete from webhook_message
        where is_handed_out and at_ts < ? and message_id not in (select message_id from webhook_delivery)
        """,
        [before],
    )
