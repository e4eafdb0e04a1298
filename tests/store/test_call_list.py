"""The list of calls, its filters and its totals."""

import datetime

import pytest

from cc_voice.call.events import EventName
from cc_voice.call.metrics.call_quality import DOUBTS
from cc_voice.store import batches, call_list, calls
from cc_voice.store.call_list import CallFilter
from cc_voice.store.database import Database
from tests.call.golden import T0, event
from tests.store.conftest import SITE, golden

HOUR_MS = 3_600_000


@pytest.fixture
def three_calls(database: Database) -> Database:
    """Calls 0, 1, 2, an hour apart; call 1 is handled by Bo, call 2 is a meeting in Spanish."""
    golden_events = golden().call.events
    assert golden_events
    for number in range(3):
        changes: dict[str, object] = {"call_id": f"call-{number}", "stream_id": f"s{number}", "t0_unix_ms": T0 + number * HOUR_MS}
        if number == 1:
            t0 = T0 + HOUR_MS
            changes["events"] = (
                event(1000, EventName.USER_ANSWERED, "a", user_id="bo", t0=t0),
                event(60_000, EventName.USER_END, "a", user_id="bo", t0=t0),
            )
        if number == 2:
            changes |= {"product": "meeting", "events": (), "duration_ms": 90_000}
        batch = golden(**changes)
        database.write_now(lambda con, batch=batch: batches.write_batch(con, batch, SITE))
    return database


def ids(database: Database, **chosen: object) -> list[str]:
    return [row.call_id for row in database.read_now(lambda con: call_list.list_calls(con, CallFilter(**chosen)))]  # type: ignore[arg-type]


def test_an_empty_store_has_no_calls_and_no_totals(database: Database) -> None:
    assert ids(database) == []
    assert database.read_now(lambda con: calls.load_call(con, "golden")) is None
    total = database.read_now(lambda con: call_list.total(con, CallFilter()))
    assert (total.calls, total.legs, total.agent_talk_pct, total.duration_ms_mean) == (0, 0, None, None)


def test_the_list_is_newest_first_and_paged(three_calls: Database) -> None:
    assert ids(three_calls) == ["call-2", "call-1", "call-0"]
    page = three_calls.read_now(lambda con: call_list.list_calls(con, CallFilter(), limit=1, offset=1))
    assert [row.call_id for row in page] == ["call-1"]


def test_filters_narrow_the_list(three_calls: Database) -> None:
    start = datetime.datetime.fromtimestamp(T0 / 1000, datetime.UTC)
    hour = datetime.timedelta(hours=1)
    assert ids(three_calls, since=start + hour) == ["call-2", "call-1"]
    assert ids(three_calls, until=start + hour) == ["call-0"]
    assert ids(three_calls, agent="bo") == ["call-1"]
    assert ids(three_calls, product="meeting") == ["call-2"]
    assert ids(three_calls, min_duration_ms=61_000) == ["call-2"]
    assert ids(three_calls, words=("OKAY",)) == ["call-2", "call-1", "call-0"]
    assert ids(three_calls, words=("okay", "word")) == []
    assert ids(three_calls, words=("oka",)) == []
    assert ids(three_calls, words=("?", "…")) == ["call-2", "call-1", "call-0"]  # asks for nothing
    assert ids(three_calls, language="de") == []
    assert ids(three_calls, agent="ana", product="contact_center") == ["call-0"]


def test_a_line_of_the_list_shows_the_calls_numbers(three_calls: Database) -> None:
    row = three_calls.read_now(lambda con: call_list.list_calls(con, CallFilter(agent="ana")))[-1]
    assert (row.agent_name, row.duration_ms, row.leg_count, row.hold_ms) == ("ana", 60_000, 1, 10_000)
    assert row.agent_talk_pct == pytest.approx(100 * 25_300 / 49_000)
    assert (row.interruptions_agent, row.interruptions_customer) == (0, 1)


def test_totals_are_ratios_of_sums(three_calls: Database) -> None:
    legs = [
        three_calls.read_now(lambda con, name=name: calls.load_call(con, name)).legs[0].metrics  # type: ignore[union-attr, misc]
        for name in ids(three_calls)
    ]
    total = three_calls.read_now(lambda con: call_list.total(con, CallFilter()))
    assert (total.calls, total.legs) == (3, 3)
    assert total.agent_talk_pct == pytest.approx(100 * sum(m["talk_ms_agent"] for m in legs) / sum(m["analysed_ms"] for m in legs))
    held = [m for m in legs if m["hold_ms"] is not None]
    assert len(held) == 2
    assert total.hold_pct == pytest.approx(100 * sum(m["hold_ms"] for m in held) / sum(m["interaction_ms"] for m in held))


@pytest.mark.parametrize("doubt", DOUBTS)
def test_totals_of_talk_leave_out_legs_in_doubt_and_say_how_many(three_calls: Database, doubt: str) -> None:
    before = three_calls.read_now(lambda con: call_list.total(con, CallFilter(agent="ana")))
    assert before.left_out == 0
    stir = "qa_obstacle = ?, talk_ms_agent = 1, talk_ms_customer = 1, overtalk_ms = 1, silence_ms = 1, interruptions_agent = 99"
    three_calls.write_now(lambda con: con.execute(f"update fact_leg set {stir} where call_id = 'call-1'", [doubt]))
    total = three_calls.read_now(lambda con: call_list.total(con, CallFilter()))
    (sure, left_out) = (total.legs - total.left_out, total.left_out)
    assert (sure, left_out) == (2, 1)
    legs = [
        three_calls.read_now(lambda con, name=name: calls.load_call(con, name)).legs[0].metrics  # type: ignore[union-attr, misc]
        for name in ("call-0", "call-2")
    ]
    analysed_ms = sum(m["analysed_ms"] for m in legs)
    assert total.agent_talk_pct == pytest.approx(100 * sum(m["talk_ms_agent"] for m in legs) / analysed_ms)
    assert total.silence_pct == pytest.approx(100 * sum(m["silence_ms"] for m in legs) / analysed_ms)
    assert total.interruptions_agent_per_10min == pytest.approx(600_000 * sum(m["interruptions_agent"] for m in legs) / analysed_ms)


def test_facets_name_what_there_is(three_calls: Database) -> None:
    found = three_calls.read_now(call_list.facets)
    assert found.agents == ("ana", "bo")
    assert found.products == ("contact_center", "meeting")
    assert found.languages == ("en",)
