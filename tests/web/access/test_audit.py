"""The audit log: chained from its first row, written before what it tells of is answered, and told again on the call."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store import access_log
from cc_voice.web.access import account_records, audit_copy
from cc_voice.web.access import audit as module
from cc_voice.web.access.audit import FILE, FIRST, AuditLog, AuditUnavailable, Deed, os_actor, verify
from cc_voice.web.access.command_audit import witness
from cc_voice.web.access.roles import AccountAccess
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import browser, enter, fill, join, sign_in


def deed(number: int = 0, **fields: str) -> Deed:
    return Deed(**({"actor": "rosa", "address": "10.0.0.1", "action": "view", "object": f"call {number}"} | fields))  # type: ignore[arg-type]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    opened = AuditLog(tmp_path / FILE)
    yield opened
    opened.close()


@pytest.fixture
def path(log: AuditLog, tmp_path: Path) -> Path:
    """A log of five entries."""
    for number in range(5):
        log.write_now(deed(number, detail=f"words {number}"), 100.0 + number)
    return tmp_path / FILE


def test_every_entry_is_chained_to_the_one_before(log: AuditLog, path: Path) -> None:
    entries = log.entries()
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.previous for entry in entries] == [FIRST, *(entry.hash for entry in entries[:-1])]
    found = verify(path)
    assert (found.entries, found.details, found.erased, found.problem) == (5, 5, 0, None)
    assert found.last_hash == entries[-1].hash
    assert path.stat().st_mode & 0o777 == 0o600


TAMPERED = {
    "update entry set actor = 'nobody' where seq = 3": "entry 3 was changed",
    "update entry set at_us = at_us + 1 where seq = 1": "entry 1 was changed",
    "update entry set call_id = 'x' where seq = 5": "entry 5 was changed",
    "update entry set hash = previous where seq = 2": "entry 2 was changed",
    "delete from entry where seq = 1": "entry 1 is missing",
    "delete from entry where seq = 3": "entry 3 is missing",
    "update detail set text = 'harmless' where seq = 4": "the detail of entry 4 was changed",
    "update detail set nonce = '' where seq = 4": "the detail of entry 4 was changed",
    "update entry set previous = hash where seq = 2": "entry 2 does not follow",
}


@pytest.mark.parametrize("sql", TAMPERED)
def test_whatever_is_tampered_with_is_found(log: AuditLog, path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as con:
        if "detail" not in sql.split(" set ")[0]:
            with pytest.raises(sqlite3.Error, match="entries of the audit log are"):
                con.execute(sql)
            con.execute(f"drop trigger {'entry_is_kept' if sql.startswith('delete') else 'entry_is_final'}")
        con.execute(sql)
        con.commit()
    assert TAMPERED[sql] in (verify(path).problem or "")


def test_an_entry_put_between_or_an_end_cut_off_is_found(log: AuditLog, path: Path) -> None:
    last = log.entries()[-1]
    assert verify(path, (last.seq, last.hash)).problem is None
    assert verify(path, (0, "")).problem is None
    with closing(sqlite3.connect(path)) as con:
        con.executescript("drop trigger entry_is_kept; pragma foreign_keys = off; delete from entry where seq = 5;")
        assert verify(path).problem is None, "the chain alone cannot show it"
        assert "was cut off" in (verify(path, (last.seq, last.hash)).problem or "")
        rest = module._COLUMNS.removeprefix("seq, ")
        con.execute(f"insert into entry select 5, {rest} from entry where seq = 4")
        con.commit()
    assert "entry 5 does not follow" in (verify(path).problem or "")


def test_a_detail_can_be_erased_and_the_chain_holds(log: AuditLog, path: Path) -> None:
    assert log.detail(2) == "words 1"
    log.erase_details([2])
    found = verify(path)
    assert (found.erased, found.problem) == (1, None)
    assert log.detail(2) is None
    log.write_now(deed(9), 200)
    assert verify(path).problem is None


def test_equal_details_have_different_hashes(log: AuditLog) -> None:
    """Or an erased one would be found by trying."""
    for _ in range(2):
        log.write_now(deed(detail="4111 1111 1111 1111"), 1)
    first, second = log.entries()
    assert first.detail_hash != second.detail_hash


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_whatever_is_told_is_chained(told: list[tuple[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made = AuditLog(Path(folder) / FILE)
        for about, detail in told:
            made.write_now(deed(object=about, detail=detail), 1)
        made.close()
        assert verify(Path(folder) / FILE).problem is None


def test_two_processes_append_to_one_chain(tmp_path: Path, log: AuditLog) -> None:
    other = AuditLog(tmp_path / FILE)
    for number in range(10):
        (log, other)[number % 2].write_now(deed(number), number)
    other.close()
    assert verify(tmp_path / FILE).entries == 10
    assert verify(tmp_path / FILE).problem is None


async def test_looks_at_pages_are_written_together_and_at_the_end(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / FILE)
    for number in range(3):
        log.note(deed(number), number)
    assert log.entries() == []
    await log.flush()
    assert len(log.entries()) == 3
    log.note(deed(4), 4)
    log.close()
    assert verify(tmp_path / FILE).entries == 4


async def test_while_the_service_runs_they_wait_for_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.01)
    log, draining = AuditLog(tmp_path / FILE), asyncio.Event()
    keeping = asyncio.create_task(log.keep(draining))
    log.note(deed(), 1)
    while not log.entries():
        await asyncio.sleep(0.01)
    draining.set()
    await keeping
    log.close()


def test_a_log_that_is_no_log_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"garbage" * 1000)
    with pytest.raises(AuditUnavailable, match="cannot be opened"):
        AuditLog(tmp_path / FILE)
    with pytest.raises(AuditUnavailable, match="cannot be read"):
        verify(tmp_path / FILE)


# -- what is written down --------------------------------------------------------------------------------------------


@pytest.fixture
def teams(appliance: Appliance) -> Appliance:
    fill(appliance, recorded=True)
    return appliance


async def written(appliance: Appliance) -> list[tuple[str, str, str | None]]:
    await appliance.audit.flush()
    return [(entry.actor, entry.action, entry.call_id) for entry in appliance.audit.entries()]


DEEDS = {
    "/calls": ("list", None),
    "/calls/mine": ("view", "mine"),
    "/calls/mine/audio.wav": ("play", "mine"),
    "/calls/mine/peaks.json": ("view", "mine"),
    "/live": ("live", None),
    "/search?q=refund": ("search", None),
    "/reports/agent-talk": ("report", None),
    "/not-analysed": ("list", None),
    "/admin/audit": ("view", None),
    "/api/v1/calls": ("list", None),
    "/api/v1/calls/mine": ("view", "mine"),
    "/api/v1/calls/mine/audio": ("play", "mine"),
    "/api/v1/calls/mine/transcript": ("download", "mine"),
    "/api/v1/calls/mine/contact-lens": ("download", "mine"),
    "/api/v1/live": ("live", None),
    "/api/v1/search?q=refund": ("search", None),
    "/api/v1/reports/agent-talk": ("report", None),
    "/api/v1/reports/agent-talk?format=csv": ("export", None),
}


async def test_who_sees_plays_or_takes_something_stands_in_the_log(rosa: httpx.AsyncClient, teams: Appliance) -> None:
    for path, (action, call_id) in DEEDS.items():
        before = len(await written(teams))
        assert (await rosa.get(path)).status_code == 200, path
        assert (await written(teams))[before:] == [("rosa", action, call_id)], path
    before = len(await written(teams))
    await rosa.post("/api/v1/sql", json={"sql": "select 'my question'"})
    assert (await written(teams))[before:] == [("rosa", "sql", None)]
    assert "my question" in (teams.audit.detail(before + 1) or "")
    assert verify(teams.settings.data_dir / FILE).problem is None


async def test_changes_stand_in_the_log_with_what_was_before(rosa: httpx.AsyncClient, teams: Appliance) -> None:
    join(teams, "sam", "supervisor")
    await rosa.post("/admin/users/sam", data={"role": "supervisor", "teams": "team-b", "grants": "export"})
    entry = teams.audit.entries(newest=True, limit=1)[0]
    assert (entry.actor, entry.action, entry.object) == ("rosa", "change", "account sam changed")
    detail = "from supervisor; teams team-a; nothing granted to supervisor; teams team-b; export"
    assert teams.audit.detail(entry.seq) == detail


async def test_a_program_is_told_apart_from_its_owner(teams: Appliance) -> None:
    secret = teams.accounts.create_token("rosa", "nightly", teams.now())
    async with browser(teams) as program:
        await program.get("/api/v1/calls/mine", headers={"authorization": f"Bearer {secret}"})
    await teams.audit.flush()
    [entry] = teams.audit.entries()
    assert (entry.actor, entry.token_id) == ("rosa", 1)


BEFORE = ["/calls/mine/audio.wav", "/api/v1/calls/mine/audio", "/api/v1/calls/mine/transcript", "/api/v1/reports/days?format=csv"]


async def test_what_cannot_be_written_down_is_not_answered(rosa: httpx.AsyncClient, teams: Appliance) -> None:
    """The disk takes no row: sound, exports, SQL and changes are refused; pages go on, and are written down when it does again."""
    await teams.audit.flush()
    teams.audit._connection.execute("pragma query_only = on")
    for path in BEFORE:
        answer = await rosa.get(path)
        assert answer.status_code == 503, path
        assert "refund" not in answer.text
    sql = await rosa.post("/api/v1/sql", json={"sql": "select 1"})
    assert sql.status_code == 503
    assert (await rosa.post("/admin/users", data={"name": "sam", "role": "agent"})).status_code == 503
    assert [record.name for record in teams.accounts.ask_now(account_records.load_all)] == ["rosa"]
    assert (await rosa.get("/calls/mine")).status_code == 200
    teams.audit._connection.execute("pragma query_only = off")
    assert ("rosa", "view", "mine") in await written(teams)
    assert (await rosa.get(BEFORE[0])).status_code == 200


async def test_a_call_tells_who_saw_and_heard_it(rosa: httpx.AsyncClient, teams: Appliance) -> None:
    sam = await enter(teams, "sam", "supervisor")
    await sam.get("/calls/mine")
    await sam.get("/calls/mine/audio.wav")
    await sam.get("/calls/both")
    page = (await rosa.get("/calls/mine")).text
    section = page.split("<summary>Access")[1].split("</details>")[0]
    assert section.count('<th scope="row">sam</th>') == 2
    assert "<td>play</td>" in section
    assert "both" not in section


async def test_question_30_is_a_report_of_the_copy(teams: Appliance) -> None:
    sam = await enter(teams, "sam", "supervisor")
    await sam.get("/calls/mine/audio.wav")
    copied = await audit_copy.copy(teams.audit, teams.database)
    assert copied >= 2
    assert await audit_copy.copy(teams.audit, teams.database) == 0
    frame = teams.database.read_now(
        lambda con: reports.answer(con, EVERYTHING, "access", {"call": "mine", "since": "2026-01-01", "until": "2100-01-01"})
    )
    assert frame.select("actor", "action", "object").rows() == [("sam", "play", "sound, wav")]
    last = teams.database.read_now(access_log.last)
    assert verify(teams.settings.data_dir / FILE, last).problem is None
    auditor = await enter(teams, "hel", "auditor", AccountAccess())
    page = (await auditor.get("/reports/access?call=mine&since=2026-01-01&until=2100-01-01")).text
    assert "sound, wav" in page


async def test_the_audit_page_is_searched(rosa: httpx.AsyncClient, teams: Appliance) -> None:
    sam = await enter(teams, "sam", "supervisor")
    await sam.get("/calls/mine")
    assert ">sam</th>" in (await rosa.get("/admin/audit?q=MINE")).text
    assert ">sam</th>" not in (await rosa.get("/admin/audit?q=nothing%20like%20it")).text


def test_a_command_is_its_user_of_this_machine(tmp_path: Path) -> None:
    witness(tmp_path, "calls.show", {"call_id": "mine"})
    witness(tmp_path, "sql", {"text": "select 1", "format": "csv"})
    witness(tmp_path, "streams", {})
    log = AuditLog(tmp_path / FILE)
    entries = log.entries()
    assert [(entry.actor, entry.address, entry.action, entry.call_id) for entry in entries] == [
        (os_actor(), "local", "view", "mine"),
        (os_actor(), "local", "sql", None),
    ]
    assert os_actor().startswith("os:")
    assert log.detail(2) == '{"text":"select 1"}'
    log.close()
    witness(tmp_path / "no site", "sql", {"text": "x"})
    assert not (tmp_path / "no site").exists()


def test_a_user_without_a_name_is_a_number() -> None:
    assert os_actor(987_654) == "os:987654"


async def test_signing_in_and_out_is_written_down(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    await sign_in(stranger, "rosa")
    await stranger.post("/logout")
    assert await written(appliance) == [("rosa", "sign-in", None), ("rosa", "sign-out", None)]
