"""Alerts stored: told twice is once, refused from replaced sessions, limited, folded, quiet, in scope, erased with their call."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cc_voice.call.batch import StageReached
from cc_voice.quality.alerts.handling import OpenAlert, board, is_quiet
from cc_voice.quality.alerts.reasons import AlertChange, alert_id
from cc_voice.query import scope
from cc_voice.query.scope import RowScope
from cc_voice.store import alerts, batches, outbox, streams
from cc_voice.store.database import Database
from tests.store.conftest import SITE, announce, golden

NOW = 1_796_040_000_000
Rows = Callable[..., list[tuple[Any, ...]]]


def begin(database: Database, stream_id: str = "s1", call_id: str = "golden") -> int:
    """Announce a stream and give it to a session; its epoch."""
    announce(database, stream_id, call_id)
    row = database.write_now(lambda con: streams.take(con, stream_id))
    assert row is not None
    return row.epoch


def change(kind: str = "raised", at_s: int = 20, **values: Any) -> AlertChange:
    told = {
        "kind": kind,
        "call_id": "golden",
        "stream_id": "s1",
        "epoch": 1,
        "reason": "dead_air",
        "rule": "",
        "level": 1,
        "weight": 0,
        "true_ms": 10_000,
        "at_ms": at_s * 1000,
        "media_ms": at_s * 1000 + 500,
        "text": "Silence for 14 s, agent's turn",
    } | values
    name = alert_id(told["call_id"], told["reason"], told["rule"], told["true_ms"])
    return msgspec.convert(told | {"alert_id": name}, AlertChange)


def take(database: Database, told: AlertChange, now: int = NOW) -> bool:
    return database.write_now(lambda con: alerts.take(con, told, now))


def open_alerts(database: Database, account: str = "sam", now: int = NOW) -> list[OpenAlert]:
    return database.read_now(lambda con: alerts.on_board(con, account, now))


def types(rows: Rows) -> list[str]:
    return [kind for (kind,) in rows("select type from webhook_message order by at_ts, type desc")]


def test_told_twice_is_once_with_its_messages(database: Database, rows: Rows) -> None:
    begin(database)
    assert take(database, change())
    assert not take(database, change())
    assert take(database, change("worse", 30, level=2))
    assert not take(database, change("worse", 31, level=2))
    assert take(database, change("closed", 34), NOW + 1)
    assert not take(database, change("closed", 35), NOW + 2)
    assert not take(database, change(), NOW + 3)
    assert rows("select reason, level, lag_ms, condition_ms, is_shown from fact_alert") == [("dead_air", 2, 10_500, 24_000, True)]
    assert types(rows) == ["alert.raised", "alert.raised", "alert.closed"]
    assert all("Silence" not in data for (data,) in rows("select data from webhook_message"))
    assert open_alerts(database) == []


def test_what_a_replaced_session_left_open_is_closed_and_raised_again_as_the_same(database: Database, rows: Rows) -> None:
    begin(database)
    take(database, change())
    begin(database)
    assert database.write_now(lambda con: alerts.close_all(con, "s1", NOW + 1)) == 1
    assert open_alerts(database) == []
    assert not take(database, change("closed", 40), NOW + 2)
    assert take(database, change(epoch=2), NOW + 2)
    assert [each.alert_id for each in open_alerts(database)] == [change().alert_id]
    assert rows("select count(*) from fact_alert") == [(1,)]


def test_the_end_of_the_media_closes_what_is_open(database: Database, rows: Rows) -> None:
    begin(database)
    take(database, change())
    ended = StageReached(call_id="golden", stream_id="s1", epoch=1, stage="recorded")
    database.write_now(lambda con: batches.write_batch(con, ended, SITE))
    assert open_alerts(database) == []
    assert types(rows).count("alert.closed") == 1
    assert not take(database, change(true_ms=50_000, at_s=60))


def test_measuring_gives_alerts_their_leg_and_keeps_what_people_did(database: Database, rows: Rows) -> None:
    begin(database)
    take(database, change())
    database.write_now(lambda con: alerts.acknowledge(con, change().alert_id, "sam", NOW))
    for _ in range(2):
        database.write_now(lambda con: batches.write_batch(con, golden(), SITE))
    assert rows("select leg_id, acknowledged_by from fact_alert") == [("golden-1", "sam")]
    assert "call.measured" in types(rows)
    assert "redaction.failed" not in types(rows)


def test_a_call_whose_redaction_failed_is_told_of(database: Database, rows: Rows) -> None:
    begin(database)
    made = golden()
    call = msgspec.structs.replace(made.call, call=msgspec.structs.replace(made.call.call, redaction="withheld"))
    database.write_now(lambda con: batches.write_batch(con, msgspec.structs.replace(made, call=call), SITE))
    assert "redaction.failed" in types(rows)


@pytest.mark.parametrize("way", ["revoked", "forgotten"])
def test_an_erased_call_leaves_nothing(database: Database, rows: Rows, way: str) -> None:
    begin(database)
    take(database, change())
    database.write_now(lambda con: alerts.snooze(con, change().alert_id, "sam", 5, of_rule=False, now_unix_ms=NOW))
    if way == "revoked":
        ended = StageReached(call_id="golden", stream_id="s1", epoch=1, stage="revoked")
        database.write_now(lambda con: batches.write_batch(con, ended, SITE))
    else:
        database.write_now(lambda con: alerts.forget_call(con, "golden"))
    for table in ("fact_alert", "alert_snooze", "webhook_message", "webhook_delivery"):
        assert rows(f"select count(*) from {table}") == [(0,)], table


def test_a_call_shows_few_and_counts_the_rest(database: Database, rows: Rows) -> None:
    begin(database)
    for number in range(10):
        take(database, change(rule=f"r{number}", reason="rule", at_s=20 + 10 * number), NOW + number)
    take(database, change(reason="hold_long", level=2, at_s=121), NOW + 10)
    assert rows("select count(*) filter (is_shown), count(*) from fact_alert") == [(5, 11)]
    assert types(rows) == ["alert.raised"] * 5
    [shown] = board(open_alerts(database), NOW).values()
    assert (shown.worst.reason, shown.more) == ("hold_long", 4)


def test_many_calls_that_raise_the_same_are_one_line_of_the_site(database: Database, rows: Rows) -> None:
    for number in range(4):
        begin(database, f"s{number}", f"c{number}")
    for number in range(3):
        take(database, change(call_id=f"c{number}", stream_id=f"s{number}", reason="line"), NOW + number)
    assert open_alerts(database) == []
    [storm] = database.read_now(lambda con: alerts.storms(con, NOW + 10))
    assert (storm.reason, storm.calls) == ("line", 3)
    take(database, change(call_id="c3", stream_id="s3", reason="line"), NOW + 5)
    told = rows("select call_id, data from webhook_message where call_id is null")
    assert len(told) == 1
    assert '"calls":3' in told[0][1]
    assert database.read_now(lambda con: alerts.storms(con, NOW + 120_000)) == []


def test_a_snooze_is_of_the_call_for_all_or_of_the_rule_for_one_and_ends(database: Database) -> None:
    begin(database)
    begin(database, "s2", "other")
    first, other = change(reason="rule", rule="r"), change(call_id="other", stream_id="s2", reason="rule", rule="r")
    take(database, first)
    take(database, other)

    def quiet(account: str, now: int) -> list[str]:
        return sorted(each.call_id for each in open_alerts(database, account, now) if is_quiet(each, now))

    database.write_now(lambda con: alerts.snooze(con, first.alert_id, "sam", 5, of_rule=False, now_unix_ms=NOW))
    assert quiet("sam", NOW) == quiet("ben", NOW) == ["golden"]
    database.write_now(lambda con: alerts.snooze(con, first.alert_id, "sam", 15, of_rule=True, now_unix_ms=NOW))
    assert quiet("sam", NOW) == ["golden", "other"]
    assert quiet("ben", NOW) == ["golden"]
    assert quiet("ben", NOW + 5 * 60_000) == []
    assert quiet("sam", NOW + 15 * 60_000) == []


def test_acknowledged_is_quiet_until_worse(database: Database) -> None:
    begin(database)
    take(database, change())
    database.write_now(lambda con: alerts.acknowledge(con, change().alert_id, "sam", NOW))
    assert board(open_alerts(database), NOW) == {}
    take(database, change("worse", 30, level=2))
    assert list(board(open_alerts(database), NOW)) == ["golden"]


def test_alerts_are_seen_as_the_words_of_their_call_are(database: Database) -> None:
    begin(database)
    database.write_now(
        lambda con: con.execute("update stream set agent_user_id = 'ana', queue_id = 'billing', agent_since_ms = 15000")
    )
    take(database, change(true_ms=10_000))
    take(database, change(reason="rule", rule="r", true_ms=20_000, at_s=60, text="Asked for a supervisor"))

    def seen(**values: Any) -> list[tuple[str, str | None]]:
        told = scope.read_now(database, RowScope(**values), lambda con: alerts.newest(con, 10))
        return sorted((each.reason, each.alert_text) for each in told)

    both = [("dead_air", change().text), ("rule", "Asked for a supervisor")]
    assert seen(site=True, words=True) == both
    assert seen(site=True) == [both[0], ("rule", None)]
    assert seen(queues=frozenset({"billing"}), words=True, whole_call=True) == both
    assert seen(user_id="ana", words=True) == both[1:]
    assert seen(user_id="bob", words=True, whole_call=True) == seen() == []


def test_messages_are_of_the_site_alone(database: Database) -> None:
    begin(database)
    take(database, change())
    for values, count in (({"site": True, "words": True}, 1), ({"queues": frozenset({"billing"}), "words": True}, 0)):
        found = scope.read_now(database, RowScope(**values), outbox.new_messages)  # type: ignore[arg-type]
        assert len(found) == count
