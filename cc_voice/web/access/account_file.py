"""Account file: the SQLite file of accounts (`<data>/auth.sqlite`) opened, its schema and what leads to it."""

import errno
import sqlite3
from pathlib import Path

_SCHEMA = """
create table account (
    name text primary key,
    password text not null,
    role text not null,
    must_change integer not null,
    theme text
) strict;
create table session (
    token_hash text primary key,
    account text not null references account(name) on delete cascade,
    created_s real not null,
    seen_s real not null
) strict;
create table token (
    token_id integer primary key,
    token_hash text not null unique,
    account text not null references account(name) on delete cascade,
    label text not null,
    created_s real not null
) strict;
create table failure (
    subject text not null,
    at_s real not null
) strict;
create index failure_by_subject on failure(subject, at_s);
pragma user_version = 1;
"""
_ADDRESSES = """
create index failure_by_time on failure(at_s);
create table known_address (
    account text not null references account(name) on delete cascade,
    address text not null,
    seen_s real not null,
    primary key (account, address)
) strict;
pragma user_version = 2;
"""
_ACCESS = """
alter table account add column display_name text;
alter table account add column user_id text;
alter table account add column site integer not null default 0;
alter table account add column disabled_s real;
alter table account add column created_s real;
alter table account add column seen_s real;
alter table account add column totp text;
alter table account add column totp_pending text;
alter table account add column totp_step integer not null default 0;
create unique index account_by_user_id on account(user_id) where user_id is not null;
create unique index account_by_name on account(lower(name));
create table account_grant (
    account text not null references account(name) on delete cascade,
    kind text not null check (kind in ('right', 'team', 'queue')),
    value text not null,
    primary key (account, kind, value)
) strict;
alter table session add column address text not null default '';
alter table session add column agent text not null default '';
alter table token add column expires_s real;
alter table token add column used_s real;
alter table token add column rights text;
alter table token add column scope text;
-- Whoever had an account could do everything; the first administrator after an upgrade can still, until somebody says otherwise
update account set site = 1;
insert into account_grant
select a.name, 'right', r.value
from account as a, (select 'words' as value union select 'play' union select 'unredacted' union select 'export') as r
where a.role = 'admin';
pragma user_version = 3;
"""
_ELSEWHERE = """
alter table account add column issuer text;
alter table account add column subject text;
create unique index account_by_subject on account(issuer, subject) where subject is not null;
pragma user_version = 4;
"""
_MIGRATIONS = (_SCHEMA, _ADDRESSES, _ACCESS, _ELSEWHERE)
"""The n-th leads to `user_version` n."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open or create the file, and bring its schema up to date. Raises sqlite3.Error, OSError."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file but a folder, a pipe or a device")
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma journal_mode = wal")
        version = connection.execute("pragma user_version").fetchone()[0]
        for script in _MIGRATIONS[version:]:
            connection.executescript(f"begin immediate; {script} commit;")
        # What opens may still be damaged, or its disk read-only: better said now than at the first sign-in
        if (found := connection.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found.splitlines()[0])
        connection.executescript(f"begin immediate; pragma user_version = {max(version, len(_MIGRATIONS))}; commit;")
    except BaseException:
        connection.close()
        raise
    return connection


def unreadable(path: Path, error: Exception) -> str:
    """Say why the file cannot be used, and what to do."""
    told = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return (
            f"the accounts in {path} are damaged ({told}). Restore the file from a backup, or move it aside: the next start "
            "makes a new first account, and API tokens have to be made again"
        )
    return f"the accounts in {path} cannot be used ({told}). See that cc-voice's account owns it and its disk can be written"
