"""The old inbox: what an earlier version accepted and kept in DuckDB is not lost, not doubled and not kept twice."""

from pathlib import Path

import pytest

from cc_voice.store import inbox as inboxes
from cc_voice.store.database import Database
from cc_voice.store.inbox import Inbox
from cc_voice.store.old_inbox import carry_over

OLD = """
    insert into inbox values
        ('a', to_timestamp(1790000000), 'sales', 'Started', 's1', 'not done'::blob, 'new', 'OSError: disk full'),
        ('b', to_timestamp(1790000001), 'sales', 'Stopped', 's1', 'done, +4930'::blob, 'done', null),
        ('c', to_timestamp(1790000002), 'sales', 'OtherWebhook', null, 'broken'::blob, 'failed', 'why')
"""


def test_rows_are_carried_over_once(database: Database, tmp_path: Path) -> None:
    inbox = Inbox.open(tmp_path / "inbox.sqlite")
    database.write_now(lambda con: con.execute(OLD))
    assert carry_over(database, inbox) == 3
    assert [(row.webhook_id, row.body, row.received_unix_ms, row.note) for row in inbox.pending()] == [
        ("a", b"not done", 1_790_000_000_000, "OSError: disk full")
    ]
    rows = inbox.run(lambda con: inboxes.select(con, "state <> 'new'"))
    assert [(row.webhook_id, row.state, row.body) for row in rows] == [("b", "done", b""), ("c", "failed", b"")]
    assert carry_over(database, inbox) == 0
    assert database.read_now(lambda con: con.execute("select count(*) from inbox").fetchall()) == [(0,)]
    inbox.close()


def test_a_start_that_died_in_between_does_it_again(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox.open(tmp_path / "inbox.sqlite")
    database.write_now(lambda con: con.execute(OLD))
    monkeypatch.setattr(database, "write_now", lambda work: None)  # it never comes to the deletion
    assert carry_over(database, inbox) == 3
    monkeypatch.undo()
    inbox.mark("a", "done")
    assert carry_over(database, inbox) == 3
    assert inbox.pending() == [], "what was acted on meanwhile is not acted on again"
    inbox.close()
