"""`cc-voice audit verify`: says that the chain holds, or where it was broken."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from cc_voice.commands.main import main
from cc_voice.store import access_log
from cc_voice.store.database import Database
from cc_voice.web.access.audit import FILE, AuditLog, os_actor


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*arguments])
    return result.exit_code, result.output


def test_commands_stand_in_the_log_and_the_chain_is_read(tmp_path: Path) -> None:
    site = ["--data-dir", str(tmp_path)]
    assert run("audit", "verify", *site)[0] == 1, "no site, no log"
    assert run("sql", "select 1 as one", *site)[0] == 0
    assert run("report", "agent-talk", *site)[0] == 0
    assert run("streams", *site)[0] == 0
    log = AuditLog(tmp_path / FILE)
    assert [(entry.actor, entry.action) for entry in log.entries()] == [(os_actor(), "sql"), (os_actor(), "report")]
    log.close()
    code, output = run("audit", "verify", *site)
    assert (code, output.splitlines()[-1]) == (0, "the chain holds")
    assert json.loads(run("audit", "verify", "--json", *site)[1])["entries"] == 2
    database = Database.open(tmp_path / "cc_voice.duckdb")
    database.write_now(lambda con: access_log.add(con, [(3, 1, "rosa", None, "", "view", "call", None, "a hash")]))
    database.close()
    code, output = run("audit", "verify", *site)
    assert (code, "cut off" in output) == (1, True)
    with closing(sqlite3.connect(tmp_path / FILE)) as con:
        con.executescript("drop trigger entry_is_final; update entry set actor = 'os:nobody' where seq = 1;")
    code, output = run("audit", "verify", *site)
    assert (code, "entry 1 was changed" in output) == (1, True)
