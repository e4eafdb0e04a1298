"""The inbox: each announcement once, work found again after a restart."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.store import inbox
from cc_voice.store.database import Database

BODY = b'{"event":"contact_center.voice_rtms_started","event_ts":1790000000123}'


def deliver(database: Database, body: bytes = BODY, app: str = "default", now_unix_ms: int = 1_790_000_000_500) -> bool:
    return database.write_now(
        lambda con: inbox.insert_webhook(
            con, app=app, event="contact_center.voice_rtms_started", stream_id="s1", body=body, now_unix_ms=now_unix_ms
        )
    )


def test_a_webhook_is_stored_once(database: Database) -> None:
    assert deliver(database)
    assert not deliver(database)
    assert not deliver(database, now_unix_ms=1_790_000_300_000)
    assert deliver(database, body=BODY + b" ")
    assert deliver(database, app="another app of ours")
    assert len(database.read_now(inbox.pending)) == 3


def test_pending_webhooks_come_back_oldest_first_and_byte_for_byte(database: Database) -> None:
    deliver(database, body=b"second", now_unix_ms=2000)
    deliver(database, body=b"first \xff\x00", now_unix_ms=1000)
    assert [row.body for row in database.read_now(inbox.pending)] == [b"first \xff\x00", b"second"]


@pytest.mark.parametrize("state", ["done", "ignored", "failed"])
def test_a_webhook_worked_off_is_no_longer_pending_and_still_known(database: Database, state: str) -> None:
    deliver(database)
    [row] = database.read_now(inbox.pending)
    database.write_now(lambda con: inbox.mark(con, row.webhook_id, state, "note"))
    assert database.read_now(inbox.pending) == []
    assert not deliver(database)


@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=4)), max_size=20))
def test_ids_tell_apps_and_bodies_apart(deliveries: list[tuple[str, bytes]]) -> None:
    ids = {inbox.webhook_id(app, body) for app, body in deliveries if "\0" not in app}
    assert len(ids) == len({(app, body) for app, body in deliveries if "\0" not in app})


def test_rows_are_plain_values(database: Database) -> None:
    deliver(database)
    msgspec.msgpack.encode(database.read_now(inbox.pending))
