"""Publication: which versions of rules act, and the compiled set that workers read.

A version is a row of dim_category; the same number with another meaning is refused, and so is one that nobody has looked at, unless
that is said. The rules that ship count as published until a site publishes its own of that id. Files follow the rows: the compiled
set is written in the transaction that adds the version.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.media.files import write_atomically
from cc_voice.media.rule_sets import IN_FORCE, acting, compiled_dir, shipped_rules
from cc_voice.quality.rules.compilation import UNSEEN, RuleSet, compiled_set, encoded
from cc_voice.quality.rules.errors import RuleError
from cc_voice.quality.rules.rule import Rule
from cc_voice.quality.rules.rule_files import check_set, read_rule
from cc_voice.quality.rules.rule_rows import version_of
from cc_voice.quality.rules.stems import forms_of
from cc_voice.query.rules.rule_folder import RuleFile, digest, rules_dir
from cc_voice.store import outbox, rule_history, rule_rows
from cc_voice.store.database import Connection, Database

LEAST_MARKS = 20
_RULE = msgspec.json.Decoder(Rule)
KEPT_SETS = 20
"""Compiled sets that are kept: calls under way read theirs once, when they begin."""


class RuleConflict(RuleError):
    """The working copy is not what the person saw."""


class RulePublication(msgspec.Struct, frozen=True, kw_only=True):
    """A text to be published."""

    text: str
    actor: str
    note: str = ""
    unmarked: bool = False
    """It is published though fewer than twenty of its hits were marked; that is recorded."""
    seen: str | None = None
    """SHA-256 of the working copy that was read before; None: it is not compared."""


def publish(database: Database, settings: Settings, change: RulePublication) -> dict[str, Any]:
    """Put a version of a rule in force for calls that begin from now on. For a thread. Raises RuleError, StoreError, OSError."""
    file = RuleFile(rule=read_rule(change.text, "rule"), text=change.text, origin="site")
    if file.rule.state == "draft":
        raise RuleError(f'{file.rule.id} is a draft; write state = "shadow" or "live" first')
    return database.write_now(lambda con: _publish(con, settings.data_dir, file, change))


def _publish(con: Connection, data_dir: Path, file: RuleFile, change: RulePublication) -> dict[str, Any]:
    rule = file.rule
    path = rules_dir(data_dir) / f"{rule.id}.toml"
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    if change.seen is not None and digest(there) != change.seen:
        raise RuleConflict(f"{path} was changed since it was read; look at what is there, and try again")
    marked = marked_count(con, rule.id)
    is_unmarked = marked < LEAST_MARKS and rule.state != "retired"
    if is_unmarked and not change.unmarked:
        raise RuleError(
            f"{rule.id}: {marked} of its hits are marked; mark {LEAST_MARKS} (`cc-voice rules test`, then `cc-voice rules mark`), "
            "or publish it with --unmarked, which is recorded"
        )
    key = _version(con, file, change, is_unmarked)
    rules = published(con)
    check_set(rules)
    sha = write_compiled(data_dir, _compiled(con, rules))
    if there != change.text:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, change.text.encode())
    told = {"id": rule.id, "version": rule.version, "state": rule.state}
    outbox.add(con, "rule.published", time.time_ns() // 1_000_000, told)
    return {**told, "category_key": key, "marked": marked, "rule_set": sha}


def _version(con: Connection, file: RuleFile, change: RulePublication, is_unmarked: bool) -> int:
    """Add the version, or change what may change without one: title, folder, notes, state. Raises RuleError."""
    rule = file.rule
    known = [row for row in rule_rows.versions(con) if row["id"] == rule.id]
    shipped = next((each for each in shipped_rules() if each.id == rule.id), None)
    newest = max([row["version"] for row in known] + ([shipped.version] if shipped else []), default=0)
    if rule.version < newest:
        raise RuleError(f"{rule.id}: version {newest} is published; the next one is {newest + 1}, not {rule.version}")
    same = next((row for row in known if row["version"] == rule.version), None)
    is_shipped = shipped is not None and shipped.version == rule.version
    meant = same["sha256"] if same and same["sha256"] else digest_of(shipped) if is_shipped and shipped else None
    if meant is not None and meant != file.meaning:
        raise RuleError(f"{rule.id}: version {rule.version} is published and finds something else; write version = {newest + 1}")
    key = rule_rows.keys_of(con, [version_of(rule)])[rule.id] if same is None else same["category_key"]
    con.execute(
        "update dim_category set valid_to = now() where category_id = ? and category_key <> ? and valid_to is null", [rule.id, key]
    )
    con.execute(
        """
        update dim_category
        set
            name = ?,
            folder = ?,
            kind = ?,
            state = ?,
            is_alert = ?,
            rule = ?,
            sha256 = ?,
            origin = 'site',
            author = ?,
            note = ?,
            is_unmarked = ?,
            valid_to = null
        where category_key = ?
        """,
        [
            *(rule.title, rule.folder, rule.kind, rule.state, rule.alert, msgspec.json.encode(rule).decode(), file.meaning),
            *(change.actor, change.note, is_unmarked, key),
        ],
    )
    return int(key)


def digest_of(rule: Rule) -> str:
    """Return what tells the meaning of one rule from another."""
    return RuleFile(rule=rule, text="", origin="shipped").meaning


def published(con: Connection) -> list[Rule]:
    """Return the rules that were published and act, and those that ship where a site has none of that id."""
    rows = con.execute("select rule from dim_category where origin = 'site' and valid_to is null and rule is not null").fetchall()
    own = {rule.id: rule for (text,) in rows for rule in (_RULE.decode(text),)}
    both = {rule.id: rule for rule in shipped_rules()} | own
    return acting(tuple(both.values()))


def _compiled(con: Connection, rules: Sequence[Rule]) -> RuleSet:
    marked = [rule.id for rule in rules if rule.id in UNSEEN and marked_count(con, rule.id) >= LEAST_MARKS]
    return compiled_set(rules, forms_of(rule_history.vocabulary(con)), marked)


def in_force(con: Connection) -> RuleSet:
    """Return the set of what is published, with stems by the site's words of now."""
    return _compiled(con, published(con))


def write_compiled(data_dir: Path, rules: RuleSet) -> str:
    """Write a set for workers, and put it in force; return its SHA-256. Raises OSError."""
    folder, sha = compiled_dir(data_dir), rules.sha
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{sha}.json"
    if not path.is_file():
        write_atomically(path, encoded(rules))
    write_atomically(folder / IN_FORCE, sha.encode())
    sets = sorted((each for each in folder.glob("*.json") if each != path), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in sets[KEPT_SETS:]:
        old.unlink(missing_ok=True)
    return sha


def refresh(database: Database, settings: Settings) -> str:
    """Compile what is published with the words of now: at the start of the service, and daily. For a thread."""
    rules = database.read_now(in_force)
    return write_compiled(settings.data_dir, rules)


# -- marks -----------------------------------------------------------------------------------------------------------

_LATEST = """
    select *
    from rule_mark
    where category_id = ?
    qualify row_number() over (partition by hit_key, sample, marked_by order by marked_ts desc) = 1
"""


def marked_count(con: Connection, rule_id: str) -> int:
    """Return how many hits of a rule, or legs that it is said to miss, somebody marked as right or wrong."""
    sql = f"select count(distinct hit_key) from ({_LATEST}) where mark in ('right', 'wrong') and sample in ('hit', 'missed')"
    return int(con.execute(sql, [rule_id]).fetchall()[0][0])


def marks_of(con: Connection, rule_id: str) -> list[dict[str, Any]]:
    """Return the last mark of everybody on everything of a rule, the newest first."""
    names = ("hit_key", "mark", "sample", "call_id", "leg_id", "condition", "party", "start_ms", "end_ms")
    rows = con.execute(f"select {', '.join(names)} from ({_LATEST}) order by marked_ts desc, hit_key", [rule_id]).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def mark(con: Connection, rule_id: str, version: int, marks: Sequence[Any], actor: str, seed: int | None) -> int:
    """Add marks; rows are added and never changed. Raises RuleError for one that is none."""
    at_ms = time.time_ns() // 1_000_000
    for one in marks:
        if one.mark not in ("right", "wrong", "unsure"):
            raise RuleError(f"a mark is right, wrong or unsure, not {one.mark!r}")
        con.execute(
            "insert into rule_mark values (?, ?, ?, ?, ?, ?, make_timestamptz(?::bigint * 1000), ?, ?, ?, ?, ?, ?, ?)",
            [
                *(one.hit_key, rule_id, version, one.mark, one.sample, actor, at_ms, seed, one.call_id, one.leg_id),
                *(one.condition, one.party, one.start_ms, one.end_ms),
            ],
        )
    return len(marks)
