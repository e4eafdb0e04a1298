"""Batches written: what workers deliver, each batch in one transaction, safe to deliver twice, refused from sessions that were
replaced."""

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, assert_never

import msgspec

from cc_voice.call.batch import Batch, CallMeasured, StageReached, StreamNotes, StreamProgress
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.ids import unused_utterance_id, utterance_id
from cc_voice.call.metrics.evidence import IntervalRow
from cc_voice.call.rows import (
    CallRow,
    EventRow,
    LegLanguageRow,
    LegRow,
    MeasuredCall,
    NullReasonRow,
    UnusedUtteranceRow,
    UtteranceRow,
)
from cc_voice.call.transcript.transcript_selection import LOCAL
from cc_voice.call.utterances import Utterance, word_count
from cc_voice.config.settings import Site
from cc_voice.store import alerts, dimensions, enrichment, evaluation_rows, history, outbox, repeat_calls, rule_rows, streams
from cc_voice.store.database import Connection, Row
from cc_voice.store.rule_rows import StoredPlace
from cc_voice.store.search import postings

_OF_LEGS = ("fact_interval", "fact_null_reason", "fact_leg_language")
"""Tables found by leg; as `fact_word` they carry the date, without which looking for a call's rows reads the whole table."""
_OF_CALL = ("fact_utterance", "fact_unused_utterance", "fact_event", "fact_channel", "fact_leg", "fact_call")


def write_batch(con: Connection, batch: Batch, site: Site) -> bool:
    """Write a batch inside the caller's transaction; False when it came too late to count."""
    match batch:
        case StreamProgress():
            return _progress(con, batch)
        case StageReached():
            return _stage(con, batch)
        case StreamNotes():
            return streams.note_oddities(con, batch)
        case CallMeasured():
            return _measured(con, batch, site)
        case _ as never:
            assert_never(never)


def delete_call(con: Connection, call_id: str, *, to_measure: bool = False) -> None:
    """Remove every row of a call from the star; `to_measure`: it is written again, and keeps what people marked and live hits."""
    rule_rows.remove(con, call_id, keep_live=to_measure)
    evaluation_rows.remove(con, call_id, keep_made=to_measure)
    legs = con.execute("select leg_id, date_key from fact_leg where call_id = ?", [call_id]).fetchall()
    for leg_id, date_key in legs:
        for table in _OF_LEGS:
            con.execute(f"delete from {table} where date_key = ? and leg_id = ?", [date_key, leg_id])
    for words, lines in (("fact_word", "fact_utterance"), ("fact_unused_word", "fact_unused_utterance")):
        said = con.execute(f"select utterance_id, date_key from {lines} where call_id = ?", [call_id]).fetchall()
        for date_key in {
            date_key for _, date_key in said if date_key is not None
        }:  # a call in progress has no words of its own yet
            con.execute(
                f"delete from {words} where date_key = ? and utterance_id in (select unnest(?))",
                [date_key, [utterance_id for utterance_id, _ in said]],
            )
    postings.remove(con, call_id)
    for table in _OF_CALL:
        con.execute(f"delete from {table} where call_id = ?", [call_id])


# -- a live stream moves on ------------------------------------------------------------------------------------------


def _progress(con: Connection, batch: StreamProgress) -> bool:
    if not batch.utterances and not batch.events and batch.rules is None and not batch.withdrawn:
        return streams.move_on(con, batch)
    row = streams.load(con, batch.stream_id)
    if row is None or row.epoch != batch.epoch or row.stage != "received":
        return False
    handling = _Handling(row.agent_name, row.agent_user_id, row.agent_since_ms, row.queue_name, row.queue_id, row.held_since_ms)
    for event in batch.events:
        handling = _handling(event, handling, row.product)
    _live_channels(con, batch)
    _live_utterances(con, batch)
    rule_rows.live(con, batch.call_id, batch.rules, batch.withdrawn)
    said = con.execute("select count(*) from fact_utterance where call_id = ?", [batch.call_id]).fetchall()[0][0]
    con.execute(
        """
        update stream
        set
            t0_ts = make_timestamptz(?::bigint * 1000),
            media_ms = ?,
            recognised_ms = ?,
            agent_name = ?,
            agent_user_id = ?,
            agent_since_ms = ?,
            queue_name = ?,
            queue_id = ?,
            held_since_ms = ?,
            utterance_count = ?,
            refused = ?,
            failure = null,
            updated_ts = now()
        where stream_id = ?
        """,
        [
            *(batch.t0_unix_ms, batch.media_ms, batch.recognised_ms, *msgspec.structs.astuple(handling), said),
            *(streams.refused_json(batch.refused), batch.stream_id),
        ],
    )
    return True


class _Handling(msgspec.Struct, frozen=True):
    """Who handles a live call, in which queue, since when it is on hold. The order is that of the statement above."""

    agent_name: str | None
    agent_user_id: str | None
    agent_since_ms: int | None
    queue_name: str | None
    queue_id: str | None
    held_since_ms: int | None


def _handling(event: CallEvent, now: _Handling, product: str) -> _Handling:
    """Return who handles the call after an event."""
    person = event.participants[0] if event.participants else None
    queue_name, queue_id = now.queue_name, now.queue_id
    if person is not None and (person.queue_name or person.queue_id):
        # By its name where Zoom gives no id, as its legs will have it (`history.py`)
        queue_name, queue_id = person.queue_name or queue_name, person.queue_id or f"name:{person.queue_name}"
    match event.name:
        case EventName.USER_ANSWERED if person is not None:
            return _Handling(*_agent(person, event, now, product), queue_name, queue_id, None)
        case EventName.USER_HOLD:
            return msgspec.structs.replace(now, held_since_ms=event.at_ms if now.held_since_ms is None else now.held_since_ms)
        case EventName.USER_UNHOLD | EventName.USER_END | EventName.TRANSFER_COMPLETED:
            return msgspec.structs.replace(now, held_since_ms=None)
        case EventName.CONSUMER_ANSWERED if person is not None:
            return msgspec.structs.replace(now, queue_name=queue_name, queue_id=queue_id)
        case EventName.PARTICIPANT_JOIN if person is not None and now.agent_name is None:
            return _Handling(*_agent(person, event, now, product), now.queue_name, now.queue_id, now.held_since_ms)
        case _:
            return now


def _agent(person: Participant, event: CallEvent, now: _Handling, product: str) -> tuple[str | None, str | None, int | None]:
    """Return name, id and since when, of the agent that an event tells of; the id as their legs will have it (`history.py`)."""
    if person.user_id is None and person.display_name is None:
        return now.agent_name, now.agent_user_id, now.agent_since_ms
    user_id = (person.user_id if product in history.PRODUCTS_WITH_USER_IDS else None) or f"name:{person.display_name}"
    since_ms = now.agent_since_ms if user_id == now.agent_user_id else event.at_ms
    return person.display_name or now.agent_name, user_id, since_ms


_LIVE_PARTY: dict[str, str] = {
    EventName.USER_ANSWERED: "agent",
    EventName.CONSUMER_ANSWERED: "customer",
    EventName.MONITOR_STARTED: "supervisor",
}
"""Who an event introduces. Enough for a page about a call in progress; when it is measured, `call/legs/assignment.py` decides."""


def _live_channels(con: Connection, batch: StreamProgress) -> None:
    for event in batch.events:
        party = _LIVE_PARTY.get(event.name)
        for person in event.participants:
            if party is not None and person.channel_id is not None:
                con.execute(
                    """
                    insert into fact_channel (call_id, channel_id, party, user_id, display_name) values (?, ?, ?, ?, ?)
                    on conflict do nothing
                    """,
                    [batch.call_id, person.channel_id, party, person.user_id, person.display_name],
                )


def _live_id(call_id: str, said: Utterance) -> str:
    if said.source == LOCAL:
        return utterance_id(call_id, said.channel_id, said.start_ms)
    return unused_utterance_id(call_id, said.channel_id, said.start_ms, said.source)


def _live_utterances(con: Connection, batch: StreamProgress) -> None:
    """Add what was said lately, without leg and party: both are known when the call is measured.

    So is whose words count: until then a line of Zoom's that begins with one of ours has a key of its own.
    """
    if not batch.utterances:
        return
    rows = [
        UtteranceRow(
            utterance_id=_live_id(batch.call_id, said),
            call_id=batch.call_id,
            leg_id=None,
            channel_id=said.channel_id,
            seq=0,
            party=None,
            source=said.source,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            language_code=said.language,
            lid_conf=said.lid_conf,
            text=said.text,
            word_count=word_count(said.words),
            asr_conf=None,
            is_question=None,
            is_backchannel=None,
            on_hold=None,
            asr_model=said.asr_model,
            redaction_count=sum(word.hidden is not None for word in said.words) if batch.is_redacted else None,
        )
        for said in batch.utterances
    ]
    # A second stream of a call that is measured: its times may be those of lines that have their place already
    placed = con.execute(
        "select utterance_id from fact_utterance where call_id = ? and leg_id is not null", [batch.call_id]
    ).fetchall()
    distinct = {row.utterance_id: row for row in rows if (row.utterance_id,) not in placed}
    _append(con, "fact_utterance", list(distinct.values()), action="upsert")


# -- a stream reaches a stage ----------------------------------------------------------------------------------------


def _stage(con: Connection, batch: StageReached) -> bool:
    if not streams.reach(con, batch):
        return False
    alerts.close_all(con, batch.stream_id, time.time_ns() // 1_000_000)
    if batch.stage == "revoked":
        alerts.forget_call(con, batch.call_id)
        known = repeat_calls.customers(con, batch.call_id)
        delete_call(con, batch.call_id)
        con.execute("delete from call_webhook where call_id = ?", [batch.call_id])
        repeat_calls.refresh(con, known)
        streams.reopen(con, batch.call_id)
    return True


# -- a call is measured ----------------------------------------------------------------------------------------------


def _measured(con: Connection, batch: CallMeasured, site: Site) -> bool:
    if not streams.may_write(con, batch.stream_id, batch.epoch):
        return False
    is_newest = _is_newest(con, batch)
    if is_newest:
        known = repeat_calls.customers(con, batch.call_id)
        delete_call(con, batch.call_id, to_measure=True)
        _insert_measured(con, batch, site)
        alerts.find_legs(con, batch.call_id)
        outbox.tell_measured(con, batch)
        repeat_calls.refresh(con, [*known, *repeat_calls.customers(con, batch.call_id)])
    # Also when another stream of the call was quicker to measure more: this one has nothing left to do either
    stage = StageReached(
        call_id=batch.call_id,
        stream_id=batch.stream_id,
        epoch=batch.epoch,
        stage="measured",
        stop_reason=batch.call.call.stop_reason,
    )
    streams.reach(con, stage)
    return is_newest


def _insert_measured(con: Connection, batch: CallMeasured, site: Site) -> None:
    call = batch.call
    call_no = postings.next_call_no(con)
    date_key = _insert_call(con, batch, site, call_no)
    leg_dates = _insert_legs(con, batch, site, call_no)
    of_call = {"call_no": call_no, "date_key": date_key}

    def of_leg(row: LegLanguageRow | NullReasonRow | IntervalRow) -> dict[str, Any]:
        return {"date_key": leg_dates[row.leg_id]}

    _append(con, "fact_channel", call.channels)
    _append(con, "fact_leg_language", call.leg_languages, beside=of_leg)
    _append(con, "fact_utterance", call.utterances, beside=lambda _: of_call)
    _append(con, "fact_word", call.words, beside=lambda _: {"date_key": date_key})
    _append(con, "fact_unused_utterance", call.unused_utterances, beside=lambda _: {"date_key": date_key})
    _append(con, "fact_unused_word", call.unused_words, beside=lambda _: {"date_key": date_key})
    _append(con, "fact_null_reason", call.null_reasons, beside=of_leg)
    _append(con, "fact_interval", call.intervals, key="interval_id", beside=of_leg)
    _append_events(con, call.events)
    if call.rules is not None:
        rule_rows.insert(con, StoredPlace(batch.call_id, call_no, leg_dates), call.rules)
    if call.evaluations is not None:
        evaluation_rows.insert(con, call.evaluations)
    evaluation_rows.reattach(con, batch.call_id)
    rule_rows.place_live(con, batch.call_id)
    postings.add(con, call_no, date_key, call.utterances)
    dimensions.note_languages(con, _languages(call))
    enrichment.apply(con, [call.call.instance_id])


def _is_newest(con: Connection, batch: CallMeasured) -> bool:
    """Measured from more streams, or from a later attempt at one, wins; the same again is written again."""
    rows = con.execute("select revision from fact_call where call_id = ?", [batch.call_id]).fetchall()
    return not rows or rows[0][0] is None or batch.revision >= rows[0][0]


def _insert_call(con: Connection, batch: CallMeasured, site: Site, call_no: int) -> int:
    """Insert the call and return the key of its local date."""
    row: CallRow = batch.call.call
    values = msgspec.structs.asdict(row)
    start_ms, end_ms = values.pop("start_unix_ms"), values.pop("end_unix_ms")
    date_key = dimensions.date_key(con, start_ms, site)
    values |= {
        "call_no": call_no,
        "site_id": dimensions.site_key(con, site),
        "date_key": date_key,
        "start_ts": _utc(start_ms),
        "end_ts": _utc(end_ms),
        "revision": batch.revision,
        "last_update_ts": datetime.datetime.now(datetime.UTC),
    }
    _append_values(con, "fact_call", list(values), [tuple(values.values())])
    return date_key


def _insert_legs(con: Connection, batch: CallMeasured, site: Site, call_no: int) -> dict[str, int]:
    """Insert the legs and return the key of each one's local date."""
    computed_at = datetime.datetime.now(datetime.UTC)
    rows = []
    for leg in batch.call.legs:
        key = dimensions.threshold_set_key(con, batch.call.thresholds.get(leg.leg_id, batch.thresholds))
        values = _leg_values(con, leg, batch.call.call.product, site)
        rows.append(values | {"call_no": call_no, "threshold_set_id": key, "computed_at": computed_at})
    if rows:
        _append_values(con, "fact_leg", list(rows[0]), [tuple(values.values()) for values in rows])
    return {values["leg_id"]: values["date_key"] for values in rows}


def _leg_values(con: Connection, leg: LegRow, product: str, site: Site) -> dict[str, Any]:
    values = msgspec.structs.asdict(leg)
    for name in ("agent_user_id", "agent_name", "queue_id", "queue_name"):
        del values[name]
    answered_ms, ended_ms = values.pop("answered_unix_ms"), values.pop("ended_unix_ms")
    return values | {
        "agent_key": history.agent_key(con, leg, product),
        "queue_key": history.queue_key(con, leg),
        "date_key": dimensions.date_key(con, answered_ms, site),
        "answered_ts": _utc(answered_ms),
        "ended_ts": _utc(ended_ms),
    }


def _append_events(con: Connection, events: Sequence[EventRow]) -> None:
    rows = []
    for event in events:
        values = msgspec.structs.asdict(event)
        values["at_ts"] = _utc(values.pop("at_unix_ms"))
        rows.append(values)
    if rows:
        _append_values(con, "fact_event", list(rows[0]), [tuple(values.values()) for values in rows], key="event_id")


def _languages(call: MeasuredCall) -> dict[str, str | None]:
    # Also those in which somebody spoke and no word was recognised
    models: dict[str, str | None] = dict.fromkeys(row.language_code for row in call.leg_languages)
    said: tuple[UnusedUtteranceRow | UtteranceRow, ...] = (*call.unused_utterances, *call.utterances)
    for utterance in said:
        models[utterance.language_code] = utterance.asr_model or models.get(utterance.language_code)
    return models


def _append(
    con: Connection,
    table: str,
    rows: Sequence[Row],
    *,
    key: str | None = None,
    beside: Callable[[Row], dict[str, Any]] | None = None,
    action: Literal["insert", "upsert"] = "insert",
) -> None:
    """Append structs whose fields are columns of the table; `beside` gives the columns that only the store knows."""
    if not rows:
        return
    columns, values = list(rows[0].__struct_fields__), [msgspec.structs.astuple(row) for row in rows]
    if beside is not None:
        columns = [*beside(rows[0]), *columns]
        values = [(*beside(row).values(), *value) for row, value in zip(rows, values, strict=True)]
    _append_values(con, table, columns, values, key=key, action=action)


def _append_values(
    con: Connection,
    table: str,
    columns: list[str],
    rows: Iterable[tuple[Any, ...]],
    *,
    key: str | None = None,
    action: Literal["insert", "upsert"] = "insert",
) -> None:
    """Append rows; `key` names a surrogate key and the sequence it comes from. Ten times as fast as `executemany`."""
    values = list(rows)
    if key is not None:
        numbers = con.execute(f"select nextval('{key}') from range(?)", [len(values)]).fetchall()
        columns, values = [key, *columns], [(number, *row) for (number,), row in zip(numbers, values, strict=True)]
    with con.appender(table, columns=columns, action=action) as appender:
        appender.append_rows(values)


def _utc(unix_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(unix_ms / 1000, datetime.UTC)
