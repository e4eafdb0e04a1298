"""`analytics/checks`: no row for a sound store, a row for each kind of damage."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.call.measure import measure
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from tests.call.golden import THRESHOLDS
from tests.call.strategies import conversations, streams
from tests.conftest import examples
from tests.stored_calls import Connection, golden_call_heard_twice, new_store, write

CHECKS = [check.name for check in reports.checks()]

DAMAGE = {
    "current-versions": [
        "update dim_agent set is_current = false",
        "insert into dim_queue (queue_key, queue_id, is_current) values (1, 'q', true), (2, 'q', true)",
    ],
    "evidence": [
        "update fact_interval set end_ms = end_ms + 1 where kind = 'hold'",
        "delete from fact_interval where kind = 'agent_only' and start_ms = 2500",
        "delete from fact_interval where kind = 'customer_only'",
        "update fact_leg set dead_air_count = 1",
    ],
    "disagreement": [
        "update fact_leg set differing_word_count = compared_word_count + 1",
        "update fact_leg set compared_word_count_customer = compared_word_count_customer + 1",
        "update fact_leg set differing_word_count_agent = differing_word_count_agent + 1",
        "delete from fact_interval where kind = 'disagreement'",
    ],
    "interval-outside-leg": [
        "update fact_interval set start_ms = 999 where kind = 'greeting'",
        "update fact_interval set end_ms = 60001 where kind = 'silence'",
    ],
    "leg-count": [
        "update fact_call set leg_count = 2",
        "update fact_leg set leg_no = 2",
        "delete from fact_leg",
    ],
    "local-date": [
        "update fact_call set date_key = 20260922",
        "update fact_leg set date_key = 20260922",
    ],
    "negative-durations": [
        "update fact_call set end_ts = start_ts - interval 1 second",
        "update fact_leg set end_ms = start_ms - 1",
        "update fact_leg set ended_ts = answered_ts - interval 1 second",
        "update fact_leg set analysed_ms = -1",
        "update fact_utterance set end_ms = start_ms - 1 where seq = 1",
        "update fact_word set end_ms = start_ms - 1 where word_seq = 3",
        "update fact_interval set end_ms = start_ms - 1 where kind = 'hold'",
    ],
    "orphan-keys": [
        "update fact_leg set call_id = 'gone'",
        "update fact_leg set agent_key = 99",
        "update fact_leg set queue_key = 99",
        "update fact_leg set date_key = null",
        "update fact_leg set threshold_set_id = 99",
        "update fact_call set site_id = null",
        "update fact_call set date_key = 19700101",
        "update fact_utterance set leg_id = 'gone' where seq = 1",
        "update fact_utterance set language_code = 'tlh' where seq = 1",
        "update fact_word set utterance_id = 'gone' where utterance_id = 'golden:a:2500' and word_seq = 1",
        "update fact_unused_utterance set call_id = 'gone'",
        "update fact_unused_utterance set leg_id = 'gone'",
        "update fact_unused_utterance set used_utterance_id = 'gone'",
        "update fact_unused_utterance set language_code = 'tlh'",
        "update fact_unused_word set utterance_id = 'gone' where word_seq = 10",
        "update fact_interval set leg_id = 'gone' where kind = 'hold'",
        "update fact_leg_language set leg_id = 'gone' where party = 'agent'",
        "update fact_null_reason set leg_id = 'gone' where metric = 'acw_ms'",
        "update fact_event set leg_id = 'gone' where event_name = 'user_hold'",
        "update fact_channel set call_id = 'gone' where channel_id = 'a'",
    ],
    "partition": ["update fact_leg set silence_ms = silence_ms + 1"],
    "percent-range": [
        "update fact_leg set agent_talk_pct = 100.1",
        "update fact_leg set talk_ratio_agent = -0.1",
    ],
    "unexplained-null": [
        "delete from fact_null_reason where metric = 'acw_ms'",
        "update fact_leg set wpm_agent = null",
        "insert into fact_null_reason (leg_id, metric, reason) values ('golden-1', 'wpm_agent', 'no_words')",
    ],
    "utterance-order": [
        "update fact_utterance set seq = 99 where utterance_id = 'golden:a:2500'",
        "update fact_utterance set seq = 2 where seq = 1",
    ],
    "redaction": [
        "update fact_call set redaction = 'withheld'",
        "update fact_utterance set redaction_count = null where seq = 1",
    ],
    "word-count": [
        "update fact_utterance set redaction_count = 1, word_count = 0 where seq = 1",
        "update fact_utterance set word_count = word_count + 1 where seq = 1",
        "delete from fact_word where word_seq = 1",
    ],
    "word-outside-utterance": [
        "update fact_word set start_ms = 0 where word_seq = 1",
        "update fact_word set end_ms = 60000 where word_seq = 1",
    ],
}
"""Check → statements, each of which breaks the golden call in one way that the check must see."""


@pytest.fixture(scope="module")
def golden_store() -> Iterator[Connection]:
    with new_store() as store:
        write(store, golden_call_heard_twice())
        yield store


@pytest.fixture
def con(golden_store: Connection) -> Iterator[Connection]:
    """The golden call, whole again after each test."""
    golden_store.begin()
    yield golden_store
    golden_store.rollback()


def broken(con: Connection) -> set[str]:
    return {name for name in CHECKS if reports.run_check(con, EVERYTHING, name).height}


def test_every_check_is_tested() -> None:
    assert set(DAMAGE) == set(CHECKS)


def test_every_check_says_what_must_hold() -> None:
    assert all(check.meaning for check in reports.checks())


def test_an_unknown_check_is_told_so(con: Connection) -> None:
    with pytest.raises(reports.QueryError, match="there is no check 'partitions'; did you mean partition"):
        reports.run_check(con, EVERYTHING, "partitions")


def test_an_empty_store_is_sound() -> None:
    with new_store() as store:
        assert broken(store) == set()


def test_the_golden_call_is_sound(con: Connection) -> None:
    assert broken(con) == set()


@pytest.mark.parametrize(("check", "statement"), [(check, sql) for check, statements in DAMAGE.items() for sql in statements])
def test_a_check_sees_the_damage_it_is_for(con: Connection, check: str, statement: str) -> None:
    con.execute(statement)
    assert reports.run_check(con, EVERYTHING, check).height


def test_the_check_for_nulls_covers_every_metric(con: Connection) -> None:
    con.execute(f"update fact_leg set {', '.join(f'{metric} = null' for metric in METRICS)}")
    con.execute("delete from fact_null_reason")
    assert set(METRICS) == set(reports.run_check(con, EVERYTHING, "unexplained-null")["metric"])


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.one_of(streams(), conversations()), min_size=1, max_size=4))
def test_whatever_is_measured_is_sound(heard: list) -> None:  # type: ignore[type-arg]
    with new_store() as store:
        for number, stream in enumerate(heard):
            write(store, measure([msgspec.structs.replace(stream, call_id=f"call{number}")], THRESHOLDS))
        assert broken(store) == set()
