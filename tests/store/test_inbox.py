"""The inbox: each announcement once, on the disk before it is answered, found again after a restart."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.store import inbox as inboxes
from cc_voice.store.errors import DatabaseDamaged, DatabaseTooNew, StoreError, WebhookNotKept
from cc_voice.store.inbox import BODIES_S, IDS_S, Inbox, InboxRow, WebhookState
from tests.conftest import PATIENCE_S

T0 = 1_790_000_000_500
BODY = b'{"event":"contact_center.voice_rtms_started","event_ts":1790000000123}'


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.now_s = T0 / 1000

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path, clock: Clock) -> Iterator[Inbox]:
    opened = Inbox.open(tmp_path / "inbox.sqlite", clock)
    yield opened
    opened.close()


def row(body: bytes = BODY, *, app: str = "default", at_ms: int = T0, stream_id: str | None = "s1") -> InboxRow:
    return InboxRow(
        webhook_id=inboxes.webhook_id(app, body),
        received_unix_ms=at_ms,
        app=app,
        event="Started",
        stream_id=stream_id,
        body=body,
        request_id="zoom-1",
    )


def stored(inbox: Inbox) -> list[InboxRow]:
    return inbox.run(lambda con: inboxes.select(con, "true"))


async def test_a_webhook_is_stored_once(inbox: Inbox) -> None:
    assert await inbox.keep(row())
    assert not await inbox.keep(row())
    assert not await inbox.keep(row(at_ms=T0 + 300_000))
    assert await inbox.keep(row(BODY + b" "))
    assert await inbox.keep(row(app="another app of ours"))
    assert len(inbox.pending()) == 3
    assert inbox.pending()[0] == row()


async def test_pending_webhooks_come_back_oldest_first_and_byte_for_byte(inbox: Inbox) -> None:
    await inbox.keep(row(b"second", at_ms=2000))
    await inbox.keep(row(b"first \xff\x00", at_ms=1000))
    assert [found.body for found in inbox.pending()] == [b"first \xff\x00", b"second"]


@pytest.mark.parametrize("state", ["done", "failed"])
async def test_a_webhook_worked_off_is_no_longer_pending_and_still_known(inbox: Inbox, state: WebhookState) -> None:
    await inbox.keep(row())
    inbox.mark(row().webhook_id, state, "note")
    inbox.mark(row().webhook_id, state)
    assert inbox.pending() == []
    assert [found.note for found in stored(inbox)] == ["note"], "a mark without a note leaves what was noted"
    assert not await inbox.keep(row())


async def test_what_needs_no_action_is_worked_off_by_being_kept(inbox: Inbox) -> None:
    assert await inbox.keep(msgspec.structs.replace(row(), state="done"))
    assert inbox.pending() == []
    assert not await inbox.keep(row())


async def test_what_waits_is_committed_together_and_each_is_answered_for_itself(inbox: Inbox, tmp_path: Path) -> None:
    """While the thread is held up, rows gather: as another connection sees it, they appear at once, and doubles are told."""
    other = sqlite3.connect(tmp_path / "inbox.sqlite")
    seen: list[int] = []
    holding, go_on = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        holding.set()
        go_on.wait(PATIENCE_S)

    held = asyncio.create_task(asyncio.to_thread(inbox.run, hold))
    await asyncio.to_thread(holding.wait, PATIENCE_S)
    keeping = [asyncio.create_task(inbox.keep(row(b"%d" % (number // 2)))) for number in range(40)]
    for task in keeping:
        task.add_done_callback(lambda _: seen.append(other.execute("select count(*) from webhook").fetchone()[0]))
    await asyncio.sleep(0)
    go_on.set()
    answers = await asyncio.gather(*keeping)
    await held
    assert answers == [True, False] * 20
    assert set(seen) == {20}
    other.close()


def test_a_process_killed_after_the_answer_leaves_its_webhooks_to_the_next(tmp_path: Path) -> None:
    """Killed between the commit and the work: what was answered is on the disk, and has to be acted on."""
    path = tmp_path / "inbox.sqlite"
    program = f"""
import asyncio, sys
from pathlib import Path
from tests.store.test_inbox import row
from cc_voice.store.inbox import Inbox
inbox = Inbox.open(Path({str(path)!r}))
print(asyncio.run(inbox.keep(row())), flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    after = Inbox.open(path)
    assert after.pending() == [row()]
    after.close()


async def test_a_full_disk_refuses_and_leaves_nothing_half_written(inbox: Inbox) -> None:
    """SQLite is told that the disk has no more pages; then that it has."""
    await inbox.keep(row())
    pages = inbox.run(lambda con: int(con.execute("pragma page_count").fetchone()[0]))
    inbox.run(lambda con: con.execute(f"pragma max_page_count = {pages}").fetchall())
    large = [row(b"%d" % number * 5000, at_ms=T0 + number) for number in range(10)]
    inbox.mark(row().webhook_id, "done")
    answers = await asyncio.gather(*(inbox.keep(one) for one in large), return_exceptions=True)
    assert {type(answer) for answer in answers} == {WebhookNotKept}
    assert "full" in str(answers[0])
    assert len(stored(inbox)) == 1
    inbox.run(lambda con: con.execute("pragma max_page_count = 1000000").fetchall())
    assert await asyncio.gather(*(inbox.keep(one) for one in large)) == [True] * 10
    assert [found.body for found in inbox.pending()] == [one.body for one in large], "and the mark went with them"


async def test_more_than_can_be_written_is_refused(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "WAITING", 0)
    with pytest.raises(WebhookNotKept, match="wait to be written"):
        await inbox.keep(row())


async def test_a_closed_inbox_keeps_nothing_and_what_was_marked_is_written(tmp_path: Path) -> None:
    opened = Inbox.open(tmp_path / "inbox.sqlite")
    await opened.keep(row())
    opened.mark(row().webhook_id, "done")
    opened.close()
    opened.close()
    with pytest.raises(WebhookNotKept, match="closed"):
        await opened.keep(row(b"x"))
    with pytest.raises(StoreError, match="closed"):
        opened.pending()
    again = Inbox.open(tmp_path / "inbox.sqlite")
    assert again.pending() == []
    again.close()


async def test_bodies_are_overwritten_in_time_and_ids_last_longer(inbox: Inbox, clock: Clock, tmp_path: Path) -> None:
    bodies = [b"phone number %d" % number for number in range(3)]
    for number, body in enumerate(bodies):
        await inbox.keep(row(body, at_ms=T0 + number))
    for body in bodies[:2]:
        inbox.mark(row(body).webhook_id, "done")
    assert all(found.body for found in stored(inbox))
    clock.now_s += BODIES_S + 1
    inbox.run(lambda con: None)
    inbox._sweep()
    assert [found.body for found in stored(inbox)] == [b"", b"", bodies[2]], "what nobody has acted on keeps what it says"
    inbox.mark(row(bodies[2]).webhook_id, "done")
    assert [found.body for found in stored(inbox)] == [b"", b"", b""], "and loses it when somebody has"
    assert not await inbox.keep(row(bodies[0]))
    inbox.run(lambda con: None)
    inbox._connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    assert b"phone number" not in (tmp_path / "inbox.sqlite").read_bytes()
    clock.now_s += IDS_S
    inbox._sweep()
    assert stored(inbox) == []


async def test_what_was_said_of_a_revoked_stream_is_overwritten(inbox: Inbox) -> None:
    await inbox.keep(row())
    await inbox.keep(row(b"another", stream_id="s2"))
    inbox.erase("s1", "revoked")
    assert {(found.stream_id, found.state, found.body, found.note) for found in stored(inbox)} == {
        ("s1", "done", b"", "revoked"),
        ("s2", "new", b"another", None),
    }


def test_what_is_no_inbox_is_told_and_left_alone(tmp_path: Path) -> None:
    damaged = tmp_path / "inbox.sqlite"
    damaged.write_bytes(b"no database at all " * 100)
    with pytest.raises(DatabaseDamaged, match=r"inbox\.sqlite is damaged .*Move it"):
        Inbox.open(damaged)
    assert damaged.read_bytes().startswith(b"no database")
    newer = tmp_path / "newer.sqlite"
    con = sqlite3.connect(newer)
    con.execute("pragma user_version = 99")
    con.close()
    with pytest.raises(DatabaseTooNew, match="newer version"):
        Inbox.open(newer)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=r"folder cannot be opened"):
        Inbox.open(tmp_path / "folder")


@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=4)), max_size=20))
def test_ids_tell_apps_and_bodies_apart(deliveries: list[tuple[str, bytes]]) -> None:
    ids = {inboxes.webhook_id(app, body) for app, body in deliveries if "\0" not in app}
    assert len(ids) == len({(app, body) for app, body in deliveries if "\0" not in app})
