"""Rows of rules in the store: written with the call, live hits beside them, each once however often they are delivered."""

from collections.abc import Callable
from typing import Any

import msgspec

from cc_voice.call.batch import StreamProgress
from cc_voice.call.events import EventName
from cc_voice.media.rule_sets import shipped_set
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.live import LiveRules, live_rule_rows
from cc_voice.quality.rules.rule_rows import with_rules
from cc_voice.store import rule_rows
from cc_voice.store.batches import write_batch
from cc_voice.store.database import Database
from tests.call.golden import event
from tests.quality.rules.test_live import said
from tests.store.conftest import SITE, announce, golden
from tests.store.test_batches import take

EVALUATOR = Evaluator(shipped_set())
Rows = Callable[..., list[tuple[Any, ...]]]


def test_hits_and_states_are_written_with_the_call(database: Database, rows: Rows) -> None:
    announce(database)
    take(database)
    batch = golden()
    line = batch.call.utterances[0]
    spoken = msgspec.structs.replace(line, text="hello " + " ".join(["word"] * (line.word_count - 1)), party="agent")
    words = tuple(
        msgspec.structs.replace(word, word="hello") if (word.utterance_id, word.word_seq) == (line.utterance_id, 1) else word
        for word in batch.call.words
    )
    call = msgspec.structs.replace(batch.call, utterances=(spoken, *batch.call.utterances[1:]), words=words)
    measured = msgspec.structs.replace(batch, call=with_rules(call, EVALUATOR, 0.6))
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(measured), type=type(measured))
    for _ in range(2):
        assert database.write_now(lambda con: write_batch(con, again, SITE))
    assert rows("select matched_text, start_ms, first_word_seq, rule_set from fact_category_hit") == [
        ("hello", line.start_ms, 1, EVALUATOR.sha)
    ]
    assert rows("select count(*) from fact_rule_state") == [(7,)]
    assert rows(
        "select fact_rule_state.state from fact_rule_state join dim_category using (category_key) where category_id = 'greeting'"
    ) == [(2,)]


def test_live_hits_are_kept_once_withdrawn_and_shown(database: Database, rows: Rows) -> None:
    announce(database)
    take(database)
    live = LiveRules(EVALUATOR, "golden")

    def tell(*take: Any) -> StreamProgress:
        for one in take:
            live.take(one) if not hasattr(one, "participants") else live.take_event(one)
        found, withdrawn = live_rule_rows(live, 10_000)
        return StreamProgress(
            call_id="golden", stream_id="s1", epoch=1, product="contact_center", t0_unix_ms=0, rules=found, withdrawn=withdrawn
        )

    joined = (event(0, EventName.CONSUMER_ANSWERED, "c"), event(0, EventName.USER_ANSWERED, "a"))
    first = tell(*joined, said("a", 1000, "hello there"))
    for _ in range(2):
        assert database.write_now(lambda con: write_batch(con, first, SITE))
    assert [hit.rule_title for hit in database.read_now(rule_rows.live_hits)] == ["Agent greets"]
    assert rows("select count(*) from fact_category_hit where is_live") == [(1,)]
    gone = tell(said("a", 1000, "yellow there"))
    assert database.write_now(lambda con: write_batch(con, gone, SITE))
    assert database.read_now(rule_rows.live_hits) == []
    back = tell(said("a", 1000, "hello there"))
    assert database.write_now(lambda con: write_batch(con, back, SITE))
    assert len(database.read_now(rule_rows.live_hits)) == 1
    # A live hit outlives measuring, and counts for the rule's live precision; it dies with the call
    assert database.write_now(lambda con: write_batch(con, golden(), SITE))
    assert rows("select leg_id, date_key is not null from fact_category_hit where is_live") == [("golden-1", True)]
    database.write_now(lambda con: rule_rows.remove(con, "golden"))
    assert rows("select count(*) from fact_category_hit") == [(0,)]
