"""One call as it is read, with everything behind it; and the words of a call still in progress."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.call.batch import MediaRefusal
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.store import streams
from cc_voice.store.database import Connection, dicts, structs
from cc_voice.store.dimensions import threshold_set
from cc_voice.store.streams import CallWebhook, SessionFailure


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
    compared_word_count: int | None = None
    """Words that both recognisers heard in one language, of the longer version; the reasons for None are the legs'."""
    differing_word_count: int | None = None
    word_disagreement_pct: float | None = None
    leg_count: int
    transfer_count: int
    conference_count: int
    stop_reason: int | None


class CallInterval(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence; see `call/metrics/evidence.py` for what stands behind which metric."""

    kind: str
    subkind: str | None
    party: str | None
    start_ms: int
    end_ms: int
    value: float | None
    outcome: str | None


class CallLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part of the call. `metrics` are what is measured of it, and what names, dates and explains it."""

    leg_id: str
    leg_no: int
    metrics: dict[str, Any]
    reasons: dict[str, str]
    """Metric → code of `call.reasons.REASONS`, for every metric that is None."""
    thresholds: ThresholdSet = ThresholdSet()
    """What it was measured with: texts about its numbers are told from these."""
    intervals: tuple[CallInterval, ...]


class LegLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a leg a party spoke in a language."""

    leg_id: str
    leg_no: int
    party: str
    language_code: str
    speech_ms: int | None
    share_pct: float | None
    word_count: int | None
    wpm: float | None
    asr_conf_mean: float | None


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
    loudness_mean: float | None = None
    """0–100, see `call/metrics/loudness.py`; None while the call is live, or where no level was measured."""
    words: tuple[CallWord, ...] = ()


class UnusedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one recogniser wrote and the transcript does not hold; for what is in the transcript instead see `used_utterance_id`."""

    utterance_id: str
    leg_id: str | None
    channel_id: str
    party: str | None
    source: str
    unused_reason: str
    """other_language, other_preferred, low_confidence or fewer_words."""
    used_utterance_id: str | None
    start_ms: int
    end_ms: int
    language_code: str
    text: str
    asr_conf: float | None
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
    unused: tuple[UnusedLine, ...] = ()
    """The other version of what both recognisers heard, and words in the wrong language: never to be added to `utterances`."""
    events: tuple[CallPlatformEvent, ...]
    refused: tuple[MediaRefusal, ...] = ()
    """Kinds of media that Zoom did not send of one of the call's streams, and why: what could not be measured may lack them."""
    webhooks: tuple[CallWebhook, ...] = ()
    """Ordinary webhooks about the call's engagement, in order: transfers between engagements, supervisors, its end."""
    failures: tuple[SessionFailure, ...] = ()
    """Sessions of the call that failed and were replaced, in order: what they had received and not yet recorded may be missing."""


_ABOUT_LEG = (
    "leg_id",
    "call_id",
    "leg_no",
    "date_key",
    "answered_ts",
    "ended_ts",
    "start_ms",
    "end_ms",
    "metric_version",
    "threshold_set_id",
    "detector",
    "asr_model",
    "sentiment_model",
    "policies",
    "computed_at",
)
"""Columns of fact_leg that measure nothing. The table has more: what later versions will measure is no number yet, nor missing."""
_DURATION = "(epoch_ms(c.end_ts) - epoch_ms(c.start_ts))"


def load_call(con: Connection, call_id: str) -> StoredCall | None:
    """Return a measured call, or None."""
    facts = structs(
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
            c.compared_word_count,
            c.differing_word_count,
            c.word_disagreement_pct,
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
        channels=_parties(con, call_id),
        legs=_legs(con, call_id),
        utterances=_with_words(con, call_id, _utterances(con, call_id)),
        unused=_unused(con, call_id),
        events=_events(con, call_id),
        refused=_refused(con, call_id),
        webhooks=tuple(streams.webhooks_of(con, call_id)),
        failures=tuple(each for row in streams.of_call(con, call_id) for each in row.failed_sessions),
    )


def _refused(con: Connection, call_id: str) -> tuple[MediaRefusal, ...]:
    """Return what the streams of a call were without, each refusal once."""
    return tuple(dict.fromkeys(refusal for row in streams.of_call(con, call_id) for refusal in row.refusals))


def live_utterances(con: Connection, call_id: str) -> tuple[CallUtterance, ...]:
    """Return what was said so far in a call in progress, in order: our words as soon as they are final, and Zoom's beside them."""
    return _utterances(con, call_id)  # words of their own are stored when a call is measured; looking for them costs a scan


def live_channels(con: Connection, call_id: str) -> dict[str, str | None]:
    """Return who was announced on which channel of a call in progress so far."""
    return _parties(con, call_id)


def languages_of(con: Connection, call_id: str) -> list[LegLanguage]:
    """Return which languages were spoken in the legs of a measured call, and how much."""
    fields = ("g.leg_id", "l.leg_no", *(f"g.{name}" for name in LegLanguage.__struct_fields__[2:]))
    sql = f"""
        select {", ".join(fields)}
        from fact_leg_language as g
        join fact_leg as l on l.leg_id = g.leg_id
        where l.call_id = ?
        order by l.leg_no, g.party, g.speech_ms desc, g.language_code
    """
    return structs(con, LegLanguage, sql, [call_id])


def load_channels(con: Connection, call_id: str) -> dict[str, str | None] | None:
    """Return who speaks on which channel of a measured call (as `StoredCall.channels`), or None where there is no such call."""
    known = con.execute("select 1 from fact_call where call_id = ?", [call_id]).fetchall()
    return _parties(con, call_id) if known else None


def leg_spans(con: Connection, call_id: str) -> tuple[tuple[int, int], ...]:
    """Return when the legs of a call are, in ms of its clock."""
    sql = "select start_ms, end_ms from fact_leg where call_id = ? order by start_ms, end_ms"
    return tuple((start_ms, end_ms) for start_ms, end_ms in con.execute(sql, [call_id]).fetchall())


def _parties(con: Connection, call_id: str) -> dict[str, str | None]:
    rows = con.execute("select channel_id, party from fact_channel where call_id = ? order by channel_id", [call_id]).fetchall()
    return dict(rows)


def _legs(con: Connection, call_id: str) -> tuple[CallLeg, ...]:
    legs = dicts(
        con,
        f"""
        select
            {", ".join(f"l.{column}" for column in (*_ABOUT_LEG, *METRICS))},
            a.user_id as agent_user_id,
            a.display_name as agent_name,
            q.queue_id,
            q.queue_name,
            t.name as threshold_set,
            t.params as thresholds
        from fact_leg as l
        left join dim_threshold_set as t on t.threshold_set_id = l.threshold_set_id
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
            thresholds=threshold_set(leg.pop("threshold_set"), leg.pop("thresholds"), leg["threshold_set_id"]),
            metrics=leg,
            reasons=_reasons(con, leg["leg_id"], leg["date_key"]),
            intervals=_intervals(con, leg["leg_id"], leg["date_key"]),
        )
        for leg in legs
    )


def leg_metrics(con: Connection, call_ids: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the stored metrics of some calls' legs: call_id → leg_id → metric → value. A call that is not stored is left out."""
    known = con.execute("select call_id from fact_call where call_id in (select unnest(?))", [call_ids]).fetchall()
    found: dict[str, dict[str, dict[str, Any]]] = {call_id: {} for (call_id,) in known}
    sql = f"select call_id, leg_id, {', '.join(METRICS)} from fact_leg where call_id in (select unnest(?))"
    for leg in dicts(con, sql, [call_ids]):
        found.setdefault(leg["call_id"], {})[leg["leg_id"]] = leg
    return found


# Of the large tables only the leg's day is read: `date_key` stands beside every key.


def _reasons(con: Connection, leg_id: str, date_key: int) -> dict[str, str]:
    sql = "select metric, reason from fact_null_reason where date_key = ? and leg_id = ? order by metric"
    return dict(con.execute(sql, [date_key, leg_id]).fetchall())


def _intervals(con: Connection, leg_id: str, date_key: int) -> tuple[CallInterval, ...]:
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
        where date_key = ? and leg_id = ?
        order by start_ms, end_ms, interval_id
    """
    return tuple(structs(con, CallInterval, sql, [date_key, leg_id]))


def _utterances(con: Connection, call_id: str) -> tuple[CallUtterance, ...]:
    return tuple(
        structs(
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
                u.loudness_mean,
                u.asr_model
            from fact_utterance as u
            left join fact_channel as c on c.call_id = u.call_id and c.channel_id = u.channel_id
            where u.call_id = ?
            order by u.start_ms, u.channel_id, u.source
            """,
            [call_id],
        )
    )


def _unused(con: Connection, call_id: str) -> tuple[UnusedLine, ...]:
    sql = """
        select
            utterance_id,
            leg_id,
            channel_id,
            party,
            source,
            unused_reason,
            used_utterance_id,
            start_ms,
            end_ms,
            language_code,
            text,
            asr_conf,
            on_hold,
            asr_model
        from fact_unused_utterance
        where call_id = ?
        order by start_ms, channel_id, source
    """
    lines = structs(con, UnusedLine, sql, [call_id])
    words = _words(con, call_id, "fact_unused_word", [line.utterance_id for line in lines])
    return tuple(msgspec.structs.replace(line, words=words.get(line.utterance_id, ())) for line in lines)


def _with_words(con: Connection, call_id: str, said: tuple[CallUtterance, ...]) -> tuple[CallUtterance, ...]:
    words = _words(con, call_id, "fact_word", [line.utterance_id for line in said])
    return tuple(msgspec.structs.replace(line, words=words.get(line.utterance_id, ())) for line in said)


def _words(con: Connection, call_id: str, table: str, utterance_ids: Sequence[str]) -> dict[str, tuple[CallWord, ...]]:
    """Return utterance_id → its words, of one of the two tables of words."""
    if not utterance_ids:
        return {}
    date_key = con.execute("select date_key from fact_call where call_id = ?", [call_id]).fetchall()[0][0]
    found: dict[str, list[CallWord]] = {}
    for utterance_id, *word in con.execute(
        f"""
        select w.utterance_id, w.word, w.start_ms, w.end_ms, w.conf
        from {table} as w
        where w.date_key = ? and w.utterance_id in (select unnest(?))
        order by w.utterance_id, w.word_seq
        """,
        [date_key, list(utterance_ids)],
    ).fetchall():
        found.setdefault(utterance_id, []).append(CallWord(word=word[0], start_ms=word[1], end_ms=word[2], conf=word[3]))
    return {utterance_id: tuple(of_line) for utterance_id, of_line in found.items()}


def _events(con: Connection, call_id: str) -> tuple[CallPlatformEvent, ...]:
    return tuple(
        structs(
            con,
            CallPlatformEvent,
            "select event_name, at_ms, leg_id, participant from fact_event where call_id = ? order by at_ms, event_id",
            [call_id],
        )
    )
