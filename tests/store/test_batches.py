"""Batches: what workers deliver: written whole, twice without harm, never by a session that was replaced."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cc_voice.call.batch import Batch, StageReached, StreamProgress
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.store import batches, calls, streams
from cc_voice.store.database import Database
from tests.call.golden import T0
from tests.store.conftest import SITE, announce, golden

Rows = Callable[..., list[tuple[Any, ...]]]
TABLES = (
    "fact_call",
    "fact_channel",
    "fact_event",
    "fact_interval",
    "fact_leg",
    "fact_leg_language",
    "fact_null_reason",
    "fact_unused_utterance",
    "fact_unused_word",
    "fact_utterance",
    "fact_word",
    "posting",
)


def write(database: Database, batch: Batch) -> bool:
    return database.write_now(lambda con: batches.write_batch(con, batch, SITE))


def take(database: Database, stream_id: str = "s1") -> int:
    row = database.write_now(lambda con: streams.take(con, stream_id))
    assert row is not None
    return row.epoch


def counts(rows: Rows) -> dict[str, int]:
    return {table: rows(f"select count(*) from {table}")[0][0] for table in TABLES}


def progress(epoch: int, **changes: Any) -> StreamProgress:
    return StreamProgress(
        call_id="golden", stream_id="s1", epoch=epoch, product="contact_center", t0_unix_ms=T0, media_ms=9000, recognised_ms=8000
    ).__replace__(**changes)


def said(start_ms: int, text: str) -> Utterance:
    return Utterance(
        channel_id="a",
        start_ms=start_ms,
        end_ms=start_ms + 500,
        text=text,
        words=tuple(Word(word) for word in text.split()),
        language="en",
        source="local",
    )


def event(name: EventName, at_ms: int, **who: str) -> CallEvent:
    return CallEvent(at_ms=at_ms, at_unix_ms=T0 + at_ms, name=name, participants=(Participant(**who),))


def stage(name: str, epoch: int, **changes: Any) -> StageReached:
    return StageReached(call_id="golden", stream_id="s1", epoch=epoch, stage=name, **changes)


def test_every_row_of_a_measured_call_arrives(database: Database, rows: Rows) -> None:
    batch = golden()
    assert write(database, batch)
    call = batch.call
    assert counts(rows) == {
        "fact_call": 1,
        "fact_channel": 2,
        "fact_event": len(call.events),
        "fact_interval": len(call.intervals),
        "fact_leg": 1,
        "fact_leg_language": len(call.leg_languages),
        "fact_null_reason": len(call.null_reasons),
        "fact_unused_utterance": 7,
        "fact_unused_word": len(call.unused_words),
        "fact_utterance": len(call.utterances),
        "fact_word": len(call.words),
        "posting": len({word.word for word in call.words}),
    }
    assert rows("select talk_ms_agent, agent_only_ms + customer_only_ms + overtalk_ms + silence_ms, analysed_ms from fact_leg") == [
        (25_300, 49_000, 49_000)
    ]
    assert rows("select site_name, timezone from dim_site") == [("Test site", "Europe/Berlin")]
    assert rows("select user_id, display_name from dim_agent") == [("ana", "ana")]
    assert rows("select epoch_ms(start_ts), epoch_ms(end_ts) from fact_call") == [(T0, T0 + 60_000)]
    assert rows(
        "select l.threshold_set_id = t.threshold_set_id, t.params->>'cust_speech_on_hold' from fact_leg l, dim_threshold_set t"
    ) == [(True, "true")]


def test_a_language_without_words_has_a_name_all_the_same(database: Database, rows: Rows) -> None:
    batch = golden()
    unheard = msgspec.structs.replace(batch.call.leg_languages[0], language_code="de", word_count=0)
    call = msgspec.structs.replace(batch.call, leg_languages=(*batch.call.leg_languages, unheard))
    assert write(database, msgspec.structs.replace(batch, call=call))
    assert rows("select language_name, asr_model from dim_language where language_code = 'de'") == [("German", None)]


def test_a_leg_belongs_to_the_local_date_of_its_site(database: Database, rows: Rows) -> None:
    just_after_midnight_in_berlin = 1_790_114_700_000  # 2026-09-22 22:45 UTC
    write(database, golden(t0_unix_ms=just_after_midnight_in_berlin))
    assert rows("select date_key, local_date::text from fact_leg join dim_date using (date_key)") == [(20260923, "2026-09-23")]


def test_delivering_again_changes_nothing_but_surrogate_keys(database: Database, rows: Rows) -> None:
    write(database, golden())
    before = counts(rows)
    legs = rows("select * exclude (computed_at, call_no) from fact_leg")
    assert write(database, golden())
    assert counts(rows) == before
    assert rows("select * exclude (computed_at, call_no) from fact_leg") == legs
    assert rows("select count(*) from dim_threshold_set") == [(1,)]


def test_a_call_measured_from_less_does_not_replace_one_measured_from_more(database: Database, rows: Rows) -> None:
    write(database, golden(revision=2))
    assert not write(database, golden(revision=1, duration_ms=50_000))
    assert rows("select revision from fact_call") == [(2,)]
    assert write(database, golden(revision=3))


def test_a_stream_measured_from_less_is_finished_all_the_same(database: Database, rows: Rows) -> None:
    """Two streams of a call end together: the one that saw only itself is committed after the one that saw both."""
    announce(database, "s1")
    announce(database, "s2")
    first, second = take(database, "s1"), take(database, "s2")
    assert write(database, golden(epoch=second, stream_id="s2", revision=2))
    assert not write(database, golden(epoch=first, revision=1, duration_ms=50_000))
    assert rows("select revision from fact_call") == [(2,)]
    assert rows("select stream_id, stage from stream order by all") == [("s1", "measured"), ("s2", "measured")]


def test_a_replaced_session_cannot_write(database: Database, rows: Rows) -> None:
    announce(database)
    old, new = take(database), take(database)
    assert (old, new) == (1, 2)
    assert not write(database, stage("recorded", old))
    assert not write(database, progress(old, utterances=(said(1000, "hello"),)))
    assert not write(database, golden(epoch=old))
    assert counts(rows)["fact_call"] == counts(rows)["fact_utterance"] == 0
    assert write(database, golden(epoch=new))
    assert rows("select stage, epoch from stream") == [("measured", 2)]


def test_stages_only_move_forward(database: Database, rows: Rows) -> None:
    announce(database)
    epoch = take(database)
    assert write(database, stage("transcribed", epoch))
    assert not write(database, stage("recorded", epoch))
    assert write(database, stage("failed", epoch, reason="no media"))
    assert not write(database, stage("transcribed", epoch))
    assert rows("select stage, failure from stream") == [("failed", "no media")]


def test_a_live_call_shows_who_handles_it_and_what_was_said(database: Database, rows: Rows) -> None:
    announce(database)
    epoch = take(database)
    answered = event(EventName.USER_ANSWERED, 500, channel_id="a", display_name="Sam Ode", queue_name="Support")
    assert write(database, progress(epoch, events=(answered,), utterances=(said(1000, "good morning"), said(3000, "hold on"))))
    assert write(
        database,
        progress(epoch, events=(event(EventName.USER_HOLD, 4000, channel_id="a"),), utterances=(said(3000, "hold on please"),)),
    )
    [row] = database.read_now(streams.in_progress)
    assert (row.agent_name, row.queue_name, row.held_since_ms) == ("Sam Ode", "Support", 4000)
    assert (row.media_ms, row.recognised_ms, row.utterance_count, row.t0_unix_ms) == (9000, 8000, 2, T0)
    assert rows("select start_ms, text, leg_id from fact_utterance order by start_ms") == [
        (1000, "good morning", None),
        (3000, "hold on please", None),
    ]
    said_by = database.read_now(lambda con: [line.party for line in calls.live_utterances(con, "golden")])
    assert said_by == ["agent", "agent"]
    write(database, progress(epoch, events=(event(EventName.USER_UNHOLD, 9000, channel_id="a"),)))
    assert database.read_now(streams.in_progress)[0].held_since_ms is None


def test_lines_of_both_recognisers_that_begin_together_are_both_there(database: Database, rows: Rows) -> None:
    announce(database)
    both = (said(1000, "good morning"), msgspec.structs.replace(said(1000, "Good morning."), source="zoom"))
    assert write(database, progress(take(database), utterances=both))
    assert rows("select source, text from fact_utterance order by source") == [("local", "good morning"), ("zoom", "Good morning.")]


def test_measuring_replaces_the_live_transcript(database: Database, rows: Rows) -> None:
    announce(database)
    epoch = take(database)
    write(database, progress(epoch, utterances=(said(77, "half a word"), said(2500, "word"))))
    write(database, golden(epoch=epoch))
    assert rows("select count(*) from fact_utterance where leg_id is null and party = 'agent'") == [(0,)]
    assert rows("select count(*) from fact_utterance where start_ms = 77") == [(0,)]
    assert not write(database, progress(epoch, utterances=(said(88, "late"),)))


def test_a_revoked_stream_leaves_nothing(database: Database, rows: Rows) -> None:
    announce(database)
    epoch = take(database)
    write(database, golden(epoch=epoch))
    assert write(database, stage("revoked", epoch, reason="revoked by Zoom", stop_reason=8))
    assert set(counts(rows).values()) == {0}
    assert rows("select stage, stop_reason from stream") == [("revoked", 8)]
    assert not write(database, golden(epoch=epoch))


def test_another_call_is_left_alone(database: Database, rows: Rows) -> None:
    write(database, golden())
    write(database, golden(call_id="other", stream_id="s2"))
    database.write_now(lambda con: batches.delete_call(con, "golden"))
    other = counts(rows)
    assert other["fact_call"] == other["fact_leg"] == 1
    assert all(number > 0 for number in other.values())


@pytest.mark.parametrize("table", ["fact_interval", "fact_word", "fact_utterance"])
def test_a_write_that_fails_leaves_the_call_as_it_was(database: Database, rows: Rows, table: str) -> None:
    write(database, golden())
    before = counts(rows)

    def broken(con: Any) -> None:
        batches.write_batch(con, golden(revision=9), SITE)
        con.execute(f"insert into {table} select * from {table} limit 1")  # violates the primary key

    with pytest.raises(Exception, match=r"(?i)constraint|duplicate"):
        database.write_now(broken)
    assert counts(rows) == before
    assert rows("select revision from fact_call") == [(1,)]


def test_a_leg_is_stored_with_the_thresholds_of_its_queue(database: Database, rows: Rows) -> None:
    batch = golden()
    patient = ThresholdSet(name="patient", long_silence_ms=4_600)
    call = msgspec.structs.replace(batch.call, thresholds={leg.leg_id: patient for leg in batch.call.legs})
    write(database, msgspec.structs.replace(batch, call=call))
    assert rows("select name, params->>'long_silence_ms' from fact_leg join dim_threshold_set using (threshold_set_id)") == [
        ("patient", "4600")
    ]


def test_a_second_stream_of_a_measured_call_leaves_its_lines_alone(database: Database, rows: Rows) -> None:
    announce(database, "s2")
    epoch = take(database, "s2")
    write(database, golden())
    before = rows("select * from fact_utterance order by utterance_id")
    channel_id, start_ms = rows("select channel_id, start_ms from fact_utterance order by start_ms limit 1")[0]
    same = msgspec.structs.replace(said(start_ms, "something else"), channel_id=channel_id)
    second = progress(epoch, stream_id="s2", utterances=(same, said(59_999, "later words")))
    assert write(database, second)
    assert rows("select * from fact_utterance where text <> 'later words' order by utterance_id") == before
    assert rows("select count(*) from fact_utterance where text = 'later words'") == [(1,)]


def test_how_far_a_stream_is_may_be_told_by_its_newest_session_only(database: Database, rows: Rows) -> None:
    announce(database)
    old, new = take(database), take(database)
    assert not write(database, progress(old))
    assert write(database, progress(new))
    assert rows("select media_ms, recognised_ms, epoch_ms(t0_ts), failure from stream") == [(9000, 8000, T0, None)]
    write(database, stage("recorded", new))
    assert not write(database, progress(new, media_ms=10_000))
