"""Streams in flight: which session may write for them, how far they are, what became of them. Not part of the star.

The theory. A stream's stage only moves forward; each session that takes it up gets the next epoch, and only the newest
epoch may move it:

    received → recorded → transcribed → measured
        └──────────┴───────────┴──────→ failed          nothing to go on with; a person has to look
    any stage ─────────────────────────→ revoked        Zoom's stop reason 8: everything received was deleted

What an epoch decides. `take` raises it in the transaction that gives the stream away, so of two sessions the store knows one.
Every write of a session carries its epoch and is refused unless it is the newest: equal, not at least, as a session that the
store has not made cannot be right. Progress of a live stream also needs the stage `received`: a report that was under way when
the media ended must not bring back what the end has settled. Whole calls are ruled by `revision` (the sum of their streams'
epochs): a call has several streams, and the newest epoch of one says nothing about the others. Ruled out: times of update, which
need clocks that agree; and a lock that a session holds, which whoever is killed never gives back.

Two steps lead back. A stream that has ended, and that Zoom announces once more, is `received` again (`come_back`). And a revoked
stream takes the measured call with it, so the other streams of that call return to `transcribed`
and are measured again without it.
"""

from collections.abc import Sequence
from typing import get_args

import msgspec

from cc_voice.call.batch import MediaRefusal, OpenStage, Stage, StageReached, StreamNotes, StreamProgress
from cc_voice.store.call_list import CallPlace, behind_place
from cc_voice.store.database import Connection, structs

UNFINISHED: tuple[OpenStage, ...] = get_args(OpenStage)
_GOING_ON = "stage in ('received', 'recorded', 'transcribed')"
_RANK: dict[Stage, int] = {stage: rank for rank, stage in enumerate(get_args(Stage))}
_REFUSED = msgspec.json.Decoder(tuple[MediaRefusal, ...])
_POLICIES = msgspec.json.Decoder(tuple[tuple[str, str], ...])
MOST_FAILURES = 20
"""Failures that are kept of a stream, the first ones: a stream that fails for ever must not fill its row."""
LISTED = 200
LATELY_DAYS = 7
"""How long a call that was not analysed is shown as news."""


class SessionFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A session that could not finish and was replaced."""

    epoch: int
    at_unix_ms: int
    error: str


_FAILURES = msgspec.json.Decoder(tuple[SessionFailure, ...])


class StreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """One RTMS stream. `_unix_ms` are Unix milliseconds, `_ms` count from the stream's first packet."""

    stream_id: str
    call_id: str
    product: str
    instance_id: str
    app: str
    target: str
    """The stream's address, as JSON of `rtms.client.StreamTarget`."""
    language: str
    stage: Stage
    epoch: int
    started_unix_ms: int
    updated_unix_ms: int
    updated_us: int
    """Unix microseconds, as it is stored: the place in a list of what changed."""
    t0_unix_ms: int | None
    media_ms: int
    """How far audio has arrived."""
    recognised_ms: int
    """How far recognition has come; the difference is the transcript's lag."""
    agent_name: str | None
    agent_user_id: str | None
    agent_since_ms: int | None
    """Since when this agent handles it: what was said before is another's."""
    queue_name: str | None
    queue_id: str | None
    held_since_ms: int | None
    stop_reason: int | None
    failure: str | None
    utterance_count: int
    """What was said in the call so far, as of the stream's last report."""
    notes: str | None
    """What was odd, as JSON: name → how often. None while media flows, and where nothing was."""
    refused: str | None
    """Which kinds of media Zoom does not send, as JSON of MediaRefusal. None where nothing is missing."""
    policies: str | None
    """The policies that the call began with, as JSON of pairs; None: a program took it that knew none."""
    failures: str | None
    """Sessions that failed and were replaced, as JSON of SessionFailure. `failure` is the present one and goes; these stay."""

    @property
    def failed_sessions(self) -> tuple[SessionFailure, ...]:
        return _FAILURES.decode(self.failures) if self.failures else ()

    @property
    def held_policies(self) -> tuple[tuple[str, str], ...]:
        return _POLICIES.decode(self.policies) if self.policies else ()

    @property
    def refusals(self) -> tuple[MediaRefusal, ...]:
        return _REFUSED.decode(self.refused) if self.refused else ()


_SELECT = """
    select
        stream_id,
        call_id,
        product,
        instance_id,
        app,
        target,
        language,
        stage,
        epoch,
        epoch_ms(started_ts) as started_unix_ms,
        epoch_ms(updated_ts) as updated_unix_ms,
        epoch_us(updated_ts) as updated_us,
        epoch_ms(t0_ts) as t0_unix_ms,
        coalesce(media_ms, 0) as media_ms,
        coalesce(recognised_ms, 0) as recognised_ms,
        agent_name,
        agent_user_id,
        agent_since_ms,
        queue_name,
        queue_id,
        held_since_ms,
        stop_reason,
        failure,
        coalesce(utterance_count, 0) as utterance_count,
        cast(notes as text) as notes,
        cast(refused as text) as refused,
        policies,
        cast(failures as text) as failures
    from stream
"""


def open_stream(
    con: Connection,
    *,
    stream_id: str,
    call_id: str,
    product: str,
    instance_id: str,
    app: str,
    target: str,
    language: str,
    started_unix_ms: int,
    policies: tuple[tuple[str, str], ...] = (),
) -> bool:
    """Record a stream that Zoom announced; False when it is known. It gets its first epoch when a session takes it.

    A further stream of a call is under the policies of its first.
    """
    rows = con.execute(
        """
        insert into stream (
            stream_id, call_id, product, instance_id, app, target, language, stage, epoch, started_ts, updated_ts, policies
        )
        select ?, ?, ?, ?, ?, ?, ?, 'received', 0, make_timestamptz(?::bigint * 1000), now(), coalesce(
            (select policies from stream where call_id = ? and policies is not null order by started_ts, stream_id limit 1), ?
        )
        on conflict do nothing
        returning stream_id
        """,
        [
            *(stream_id, call_id, product, instance_id, app, target, language, started_unix_ms, call_id),
            msgspec.json.encode(policies).decode() if policies else None,
        ],
    ).fetchall()
    return bool(rows)


def move(con: Connection, stream_id: str, target: str) -> None:
    """Record that Zoom serves a stream at another address from now on: whoever takes it up next has to go there."""
    con.execute(f"update stream set target = ?, updated_ts = now() where stream_id = ? and {_GOING_ON}", [target, stream_id])


def come_back(con: Connection, stream_id: str, target: str) -> None:
    """Send a stream that we hold ended back to its first stage: Zoom has announced it once more. Revoked ones stay revoked."""
    con.execute(
        """
        update stream
        set stage = 'received', target = ?, failure = null, stop_reason = null, updated_ts = now()
        where stream_id = ? and stage in ('measured', 'failed')
        """,
        [target, stream_id],
    )


def take(con: Connection, stream_id: str) -> StreamRow | None:
    """Give a stream to a new session: the next epoch. None when it is finished or unknown."""
    con.execute(f"update stream set epoch = epoch + 1, updated_ts = now() where stream_id = ? and {_GOING_ON}", [stream_id])
    row = load(con, stream_id)
    return row if row is not None and row.stage in UNFINISHED else None


def load(con: Connection, stream_id: str) -> StreamRow | None:
    """Return one stream, or None."""
    found = structs(con, StreamRow, _SELECT + " where stream_id = ?", [stream_id])
    return found[0] if found else None


def unfinished(con: Connection) -> list[StreamRow]:
    """Return the streams that a session has to go on with, oldest first."""
    return structs(con, StreamRow, _SELECT + f" where {_GOING_ON} order by started_ts, stream_id", [])


def in_progress(con: Connection) -> list[StreamRow]:
    """Return the streams of calls that are going on or being worked off, newest first."""
    return structs(con, StreamRow, _SELECT + f" where {_GOING_ON} order by started_ts desc, stream_id", [])


def worst_lag_ms(con: Connection) -> int | None:
    """Return how far recognition is behind in the live stream where it is furthest; None without one."""
    rows = con.execute("select max(media_ms - coalesce(recognised_ms, 0)) from stream where stage = 'received'").fetchall()
    lag_ms: int | None = rows[0][0]
    return lag_ms


def list_streams(con: Connection) -> list[StreamRow]:
    """Return the newest streams of any stage, newest first."""
    return structs(con, StreamRow, _SELECT + " order by started_ts desc, stream_id limit ?", [LISTED])


def page_of_streams(con: Connection, limit: int, place: CallPlace, stage: Stage | None = None) -> list[StreamRow]:
    """Return streams behind a place, newest first; with `updated_since` in the order in which they changed."""
    behind, parameters, order = behind_place("started_ts", "updated_ts", "stream_id", place)
    sql = f"{_SELECT} where {behind} and stage = coalesce(?, stage) order by {order} limit ?"
    return structs(con, StreamRow, sql, [*parameters, stage, limit])


def not_analysed(con: Connection, now_s: float) -> list[StreamRow]:
    """Return the streams announced within `LATELY_DAYS` of a moment (Unix seconds) of which nothing was made, newest first."""
    since = int((now_s - LATELY_DAYS * 86_400) * 1000)
    sql = _SELECT + " where stage in ('failed', 'revoked') and started_ts >= make_timestamptz(?::bigint * 1000)"
    return structs(con, StreamRow, sql + " order by started_ts desc, stream_id limit ?", [since, LISTED])


def of_call(con: Connection, call_id: str) -> list[StreamRow]:
    """Return the streams of a call, oldest first."""
    return structs(con, StreamRow, _SELECT + " where call_id = ? order by started_ts, stream_id", [call_id])


def revoked(con: Connection) -> list[StreamRow]:
    """Return every revoked stream."""
    return structs(con, StreamRow, _SELECT + " where stage = 'revoked'", [])


def reopen(con: Connection, call_id: str) -> None:
    """Send the measured streams of a call back one stage: one of its streams was revoked."""
    con.execute("update stream set stage = 'transcribed', updated_ts = now() where call_id = ? and stage = 'measured'", [call_id])


def move_on(con: Connection, progress: StreamProgress) -> bool:
    """Record how far a live stream is, when nothing else is new; False when its session may not say so any more."""
    rows = con.execute(
        """
        update stream
        set
            t0_ts = make_timestamptz(?::bigint * 1000),
            media_ms = ?,
            recognised_ms = ?,
            refused = ?,
            failure = null,
            updated_ts = now()
        where stream_id = ? and epoch = ? and stage = 'received'
        returning stream_id
        """,
        [
            progress.t0_unix_ms,
            progress.media_ms,
            progress.recognised_ms,
            refused_json(progress.refused),
            progress.stream_id,
            progress.epoch,
        ],
    ).fetchall()
    return bool(rows)


def refused_json(refused: Sequence[MediaRefusal]) -> str | None:
    """Return the column `refused` of a stream."""
    return msgspec.json.encode(refused).decode() if refused else None


def may_write(con: Connection, stream_id: str, epoch: int) -> bool:
    """Whether a session of this epoch still speaks for the stream; an imported recording has no stream and no rival."""
    rows = con.execute("select epoch, stage from stream where stream_id = ?", [stream_id]).fetchall()
    return not rows or (rows[0][0] == epoch and rows[0][1] != "revoked")


def reach(con: Connection, batch: StageReached) -> bool:
    """Move a stream to a stage; False when a newer session or a later stage forbids it."""
    row = load(con, batch.stream_id)
    if row is None or row.epoch != batch.epoch or _RANK[batch.stage] <= _RANK[row.stage]:
        return False
    con.execute(
        """
        update stream
        set stage = ?, failure = ?, stop_reason = coalesce(?, stop_reason), held_since_ms = null, updated_ts = now()
        where stream_id = ?
        """,
        [batch.stage, batch.reason, batch.stop_reason, batch.stream_id],
    )
    return True


def note_oddities(con: Connection, batch: StreamNotes) -> bool:
    """Record what was odd about a stream, and what it was without; False when a newer session speaks for it, or it was revoked."""
    if not may_write(con, batch.stream_id, batch.epoch):
        return False
    counted = {oddity.name: oddity.count for oddity in batch.oddities}
    notes = msgspec.json.encode(counted).decode() if counted else None
    sql = "update stream set notes = ?, refused = ? where stream_id = ?"
    con.execute(sql, [notes, refused_json(batch.refused), batch.stream_id])
    return True


def note_failure(con: Connection, stream_id: str, epoch: int, error: str, now_unix_ms: int) -> None:
    """Record why a session could not finish; the stage stays, so that the next one goes on from it.

    `failure` is what is wrong now, so only the newest session may say it. `failures` is what happened, and outlives the success of
    a later session: whoever reads the measured call learns that one of its sessions was replaced.
    """
    con.execute("update stream set failure = ?, updated_ts = now() where stream_id = ? and epoch = ?", [error, stream_id, epoch])
    row = load(con, stream_id)
    if row is None or len(row.failed_sessions) >= MOST_FAILURES:
        return
    failures = (*row.failed_sessions, SessionFailure(epoch=epoch, at_unix_ms=now_unix_ms, error=error))
    con.execute("update stream set failures = ? where stream_id = ?", [msgspec.json.encode(failures).decode(), stream_id])


# -- companion webhooks ------------------------------------------------------------------------------------------------


class CallWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """An ordinary webhook about a call's engagement. `payload` is its JSON with phone numbers masked."""

    webhook_id: str
    call_id: str
    name: str
    at_unix_ms: int
    transfer_from_call_id: str | None
    payload: str


def keep_webhook(con: Connection, told: CallWebhook) -> None:
    """Keep a webhook with its call; again changes nothing. Those of a call with a revoked stream are not kept."""
    con.execute(
        """
        insert into call_webhook
        select ?, ?, ?, make_timestamptz(?::bigint * 1000), ?, ?
        where not exists (select 1 from stream where call_id = ? and stage = 'revoked')
        on conflict do nothing
        """,
        [told.webhook_id, told.call_id, told.name, told.at_unix_ms, told.transfer_from_call_id, told.payload, told.call_id],
    )


class SiteWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """An ordinary webhook about a queue, a recording or a user's status. `payload` is its JSON with phone numbers masked."""

    webhook_id: str
    name: str
    at_unix_ms: int
    user_id: str | None = None
    user_name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    status: str | None = None
    payload: str = "{}"


def keep_site_webhooks(con: Connection, told: Sequence[SiteWebhook]) -> None:
    """Keep webhooks that are about no call; again changes nothing."""
    columns = [list(column) for column in zip(*map(msgspec.structs.astuple, told), strict=True)]
    con.execute(  # one statement: DuckDB takes a millisecond for each, and an account sends hundreds a second
        """
        insert into site_webhook
        select
            webhook_id, name, make_timestamptz(at_unix_ms * 1000), user_id, user_name, queue_id, queue_name, status, payload::json
        from (
            select
                unnest(?::text[]) as webhook_id,
                unnest(?::text[]) as name,
                unnest(?::bigint[]) as at_unix_ms,
                unnest(?::text[]) as user_id,
                unnest(?::text[]) as user_name,
                unnest(?::text[]) as queue_id,
                unnest(?::text[]) as queue_name,
                unnest(?::text[]) as status,
                unnest(?::text[]) as payload
        )
        on conflict do nothing
        """,
        columns,
    )


def webhooks_of(con: Connection, call_id: str) -> list[CallWebhook]:
    """Return the webhooks kept with a call, oldest first."""
    sql = """
        select webhook_id, call_id, name, epoch_ms(at_ts) as at_unix_ms, transfer_from_call_id, cast(payload as text) as payload
        from call_webhook
        where call_id = ?
        order by at_ts, webhook_id
    """
    return structs(con, CallWebhook, sql, [call_id])


def unknown_calls(con: Connection, call_ids: Sequence[str]) -> list[str]:
    """Return which of some calls are not in the store: neither measured nor announced."""
    rows = con.execute(
        """
        select wanted.call_id
        from (select unnest(?::text[]) as call_id) as wanted
        where not exists (select 1 from fact_call where fact_call.call_id = wanted.call_id)
          and not exists (select 1 from stream where stream.call_id = wanted.call_id)
        order by wanted.call_id
        """,
        [list(call_ids)],
    ).fetchall()
    return [row[0] for row in rows]
