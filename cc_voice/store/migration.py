"""Numbered migrations: each `migrations/NNNN_*.sql` runs once, in order, in a transaction of its own, and is then history.

What has run is looked up number by number, not by the highest: where two lines of development meet, a lower number may be new.
"""

import re
from importlib import resources

import duckdb

from cc_voice.store.errors import DatabaseTooNew


def scripts() -> list[tuple[int, str, str]]:
    """Return (number, name, SQL) of every migration, in order."""
    folder = resources.files("cc_voice.store") / "migrations"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [(int(entry.name[:4]), entry.name, entry.read_text()) for entry in files]


_MACRO = re.compile(r"^create macro (search_\w+\(.*?;)$", re.MULTILINE | re.DOTALL)


def tokeniser_macros() -> str:
    """Return the macros that cut a text into words, as a store has them, as SQL for whoever asks a copy without them.

    They are read out of the migrations that made them, the newest of each name, so that there is one text of each.
    """
    found: dict[str, str] = {}
    for _, _, sql in scripts():
        if "create macro search_words(" in sql:
            found |= {macro.partition("(")[0]: macro for macro in _MACRO.findall(sql)}
    found = {name: found[name] for name in sorted(found, key=lambda name: name == "search_words")}
    return "\n".join(f"create or replace temp macro {macro}" for macro in found.values())


def migrate(con: duckdb.DuckDBPyConnection) -> int:
    """Bring the schema up to date and return its version. Raises DatabaseTooNew; a failed script leaves no trace."""
    con.execute("create table if not exists schema_version (version integer primary key, name text, applied_ts timestamptz)")
    current = version(con)
    known = scripts()
    if current > known[-1][0]:
        raise DatabaseTooNew(
            f"the database has schema version {current}, this program knows {known[-1][0]}; install the newer version again"
        )
    applied = {row[0] for row in con.execute("select version from schema_version").fetchall()}
    for number, name, sql in known:
        if number not in applied:
            con.begin()
            try:
                con.execute(sql)
                con.execute("insert into schema_version values (?, ?, now())", [number, name])
                con.commit()
            except duckdb.Error:
                con.rollback()
                raise
    return known[-1][0]


def version(con: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the schema, 0 for an empty database."""
    found: int = con.execute("select coalesce(max(version), 0) from schema_version").fetchall()[0][0]
    return found
