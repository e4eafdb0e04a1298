"""Streams in flight: epochs fence sessions, stages decide what a restart goes on with."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.batch import MediaRefusal, Oddity, StageReached, StreamNotes, StreamProgress
from cc_voice.store import streams
from cc_voice.store.database import Database
from tests.conftest import examples
from tests.store.conftest import announce

STAGES = ("recorded", "transcribed", "measured", "failed", "revoked")


def take(database: Database, stream_id: str = "s1") -> streams.StreamRow | None:
    return database.write_now(lambda con: streams.take(con, stream_id))


def reach(database: Database, stage: str, epoch: int, stream_id: str = "s1") -> bool:
    batch = StageReached(call_id="golden", stream_id=stream_id, epoch=epoch, stage=stage)
    return database.write_now(lambda con: streams.reach(con, batch))


def test_a_stream_is_announced_once(database: Database) -> None:
    assert announce(database)
    assert not announce(database)
    assert len(database.read_now(streams.list_streams)) == 1


def test_each_session_gets_the_next_epoch(database: Database) -> None:
    announce(database)
    first, second = take(database), take(database)
    assert first is not None
    assert second is not None
    assert (first.epoch, second.epoch) == (1, 2)
    assert database.read_now(lambda con: (streams.may_write(con, "s1", 1), streams.may_write(con, "s1", 2))) == (False, True)


def test_nobody_takes_an_unknown_or_finished_stream(database: Database) -> None:
    assert take(database) is None
    announce(database)
    assert take(database) is not None
    reach(database, "measured", 1)
    assert take(database) is None
    assert database.read_now(streams.unfinished) == []


@pytest.mark.parametrize("stage", ["recorded", "transcribed"])
def test_a_restart_goes_on_from_the_stage_that_was_reached(database: Database, stage: str) -> None:
    announce(database)
    take(database)
    reach(database, stage, 1)
    [row] = database.read_now(streams.unfinished)
    assert row.stage == stage
    taken = take(database)
    assert taken is not None
    assert (taken.stage, taken.epoch) == (stage, 2)


def test_a_failure_is_noted_and_the_stream_stays_unfinished(database: Database) -> None:
    announce(database)
    take(database)
    database.write_now(lambda con: streams.note_failure(con, "s1", 1, "OSError: disk full", 1000))
    database.write_now(lambda con: streams.note_failure(con, "s1", 7, "of another session", 2000))
    [row] = database.read_now(streams.unfinished)
    assert row.failure == "OSError: disk full"


def test_a_failure_outlives_the_session_that_put_it_right(database: Database) -> None:
    announce(database)
    take(database)
    database.write_now(lambda con: streams.note_failure(con, "s1", 1, "OSError: disk full", 1000))
    take(database)
    database.write_now(lambda con: streams.move_on(con, progress(2)))
    database.write_now(lambda con: streams.note_failure(con, "s1", 1, "told late", 2000))
    [row] = database.read_now(streams.unfinished)
    assert row.failure is None
    assert [(each.epoch, each.error) for each in row.failed_sessions] == [(1, "OSError: disk full"), (1, "told late")]


def test_a_stream_that_fails_for_ever_does_not_fill_its_row(database: Database) -> None:
    announce(database)
    for epoch in range(1, 40):
        take(database)
        database.write_now(lambda con, epoch=epoch: streams.note_failure(con, "s1", epoch, "again", 1000))
    [row] = database.read_now(streams.unfinished)
    assert [each.epoch for each in row.failed_sessions] == list(range(1, streams.MOST_FAILURES + 1))


def test_unfinished_streams_are_resumed_oldest_first_and_listed_newest_first(database: Database) -> None:
    for number in range(3):
        announce(database, stream_id=f"s{number}", started_unix_ms=1_790_000_000_000 + number)
    assert [row.stream_id for row in database.read_now(streams.unfinished)] == ["s0", "s1", "s2"]
    assert [row.stream_id for row in database.read_now(streams.in_progress)] == ["s2", "s1", "s0"]
    assert [row.stream_id for row in database.read_now(lambda con: streams.of_call(con, "golden"))] == ["s0", "s1", "s2"]


@settings(max_examples=examples(25))
@given(wanted=st.lists(st.sampled_from(STAGES), min_size=1, max_size=8))
def test_no_order_of_deliveries_moves_a_stream_backwards(tmp_path_factory: pytest.TempPathFactory, wanted: list[str]) -> None:
    database = Database.open(tmp_path_factory.mktemp("streams") / "store.duckdb")
    try:
        announce(database)
        take(database)
        ranks = ["received", *STAGES]
        reached = 0
        for stage in wanted:
            moved = reach(database, stage, 1)
            assert moved == (ranks.index(stage) > reached)
            reached = max(reached, ranks.index(stage))
        row = database.read_now(lambda con: streams.load(con, "s1"))
        assert row is not None
        assert row.stage == ranks[reached]
    finally:
        database.close()


def note(database: Database, epoch: int, *oddities: Oddity) -> bool:
    batch = StreamNotes(call_id="golden", stream_id="s1", epoch=epoch, oddities=oddities)
    return database.write_now(lambda con: streams.note_oddities(con, batch))


def notes_of(database: Database) -> str | None:
    [row] = database.read_now(streams.list_streams)
    return row.notes


def test_what_was_odd_is_kept_in_order_and_may_be_told_twice(database: Database) -> None:
    announce(database)
    take(database)
    assert notes_of(database) is None
    for _ in range(2):
        assert note(database, 1, Oddity('unknown field EventUpdate."mood"', 7), Oddity("garbage", 2))
    assert json.loads(notes_of(database) or "") == {'unknown field EventUpdate."mood"': 7, "garbage": 2}
    assert (notes_of(database) or "").index("mood") < (notes_of(database) or "").index("garbage")


def test_a_session_that_was_replaced_notes_nothing(database: Database) -> None:
    announce(database)
    take(database)
    take(database)
    assert not note(database, 1, Oddity("garbage", 1))
    assert notes_of(database) is None


def test_a_revoked_stream_keeps_no_notes_that_come_later(database: Database) -> None:
    announce(database)
    take(database)
    reach(database, "revoked", 1)
    assert not note(database, 1, Oddity("garbage", 1))


# -- refused media -----------------------------------------------------------------------------------------------------

NO_TRANSCRIPT = MediaRefusal(media="transcript", error="the app has no scope for this media type")
NO_CHAT = MediaRefusal(media="chat", error="the account has no licence")


def progress(epoch: int, *refused: MediaRefusal) -> StreamProgress:
    return StreamProgress(call_id="golden", stream_id="s1", epoch=epoch, product="contact_center", refused=refused)


def refusals(database: Database) -> tuple[MediaRefusal, ...]:
    [row] = database.read_now(streams.list_streams)
    return row.refusals


def test_what_a_stream_is_without_is_what_its_session_told_last(database: Database) -> None:
    announce(database)
    take(database)
    assert refusals(database) == ()
    for told in ((NO_TRANSCRIPT,), (NO_TRANSCRIPT, NO_CHAT), ()):
        assert database.write_now(lambda con, told=told: streams.move_on(con, progress(1, *told)))
        assert refusals(database) == told
    take(database)
    assert not database.write_now(lambda con: streams.move_on(con, progress(1, NO_CHAT)))
    assert refusals(database) == (), "a session that was replaced has no say"
    notes = StreamNotes(call_id="golden", stream_id="s1", epoch=2, oddities=(), refused=(NO_CHAT,))
    assert database.write_now(lambda con: streams.note_oddities(con, notes))
    assert refusals(database) == (NO_CHAT,)
    assert notes_of(database) is None, "nothing was odd"
