"""The copy that SQL of people runs on: every published view as a table of a DuckDB file of its own, and nothing else.

    <data>/sql/snapshot.duckdb · snapshot.json (what it was made from, and when)

No users, secrets, webhooks, streams or recordings are in it, whatever a question finds a way to ask. It is made by the process that
owns the store, in one transaction, beside its target, and renamed. Parquet lost: a file of DuckDB needs no access to files from
inside the sandbox once it is open.
"""

import hashlib
import time
from pathlib import Path

import duckdb
import msgspec

from cc_voice.media.recordings import write_atomically
from cc_voice.query import reports
from cc_voice.query.sql import SqlUnavailable

Connection = duckdb.DuckDBPyConnection

RENEW_S = 300
"""A copy may be this old although calls came in since: a site of a million calls takes half a minute to copy."""
RENEW_FACTOR = 10
"""Nor is more than a tenth of the time spent copying."""
_STAMP = """
    select
        count(*),
        max(last_update_ts)::text,
        bit_xor(hash(call_id, revision))::text,
        (select bit_xor(hash(a))::text from dim_agent as a),
        (select bit_xor(hash(q))::text from dim_queue as q),
        (select bit_xor(hash(s))::text from dim_site as s),
        (select bit_xor(hash(d))::text from dim_disposition as d),
        (select count(*) from stream where stage = 'revoked')
    from fact_call
"""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A copy: when it was made (Unix seconds), how long that took, of how many calls, and of which state of the store."""

    made_s: float
    took_s: float
    calls: int
    stamp: str
    revoked: int = 0
    """Streams that Zoom had revoked by then."""
    is_current: bool = True
    """Nothing has changed since."""

    @property
    def stale_s(self) -> float:
        """Until when it may be asked although calls came in since, Unix seconds."""
        return self.made_s + max(RENEW_S, RENEW_FACTOR * self.took_s)


_DECODER = msgspec.json.Decoder(Snapshot)


def database(folder: Path) -> Path:
    """Return where the copy is."""
    return folder / "snapshot.duckdb"


def refresh(con: Connection, folder: Path, now_s: float) -> Snapshot:
    """Return the copy to ask, made anew when it is stale. Raises SqlUnavailable. Whoever asks holds the folder's lock."""
    try:
        reports.prepare(con)
        calls, revoked, stamp = _state(con)
        found = kept(folder, now_s)
        # Fewer calls, or more revoked: some were deleted, and must not live on in a copy
        is_clean = found is not None and calls >= found.calls and revoked == found.revoked
        if found is not None and (found.stamp == stamp or (is_clean and now_s < found.stale_s)):
            return msgspec.structs.replace(found, is_current=found.stamp == stamp)
        return _make(con, folder, now_s, calls, revoked, stamp)
    except (duckdb.Error, OSError) as error:
        raise SqlUnavailable(f"the copy that SQL runs on cannot be made in {folder}: {str(error).splitlines()[0]}") from error


def _state(con: Connection) -> tuple[int, int, str]:
    """Return how many calls there are, how many streams were revoked, and a name for the state of the store and of the views."""
    row = con.execute(_STAMP).fetchall()[0]
    views = con.execute("select sql from duckdb_views() where temporary order by view_name").fetchall()
    return row[0], row[-1], hashlib.sha256(repr((row, views)).encode()).hexdigest()[:20]


def kept(folder: Path, now_s: float) -> Snapshot | None:
    """Return the copy that lies in a folder, None without one."""
    try:
        found = _DECODER.decode((folder / "snapshot.json").read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    # A copy from the future is of a clock that was wrong: nobody knows how old it is
    return found if database(folder).is_file() and found.made_s <= now_s else None


def _make(con: Connection, folder: Path, now_s: float, calls: int, revoked: int, stamp: str) -> Snapshot:
    began_s = time.monotonic()
    (folder / "snapshot.json").unlink(missing_ok=True)
    part = folder / "snapshot.part"
    for rest in folder.glob("snapshot.part*"):  # of one that was killed, with its log
        rest.unlink()
    place = str(part).replace("'", "''")
    con.execute(f"attach '{place}' as snapshot")
    try:
        _copy(con)
    finally:
        con.execute("detach snapshot")
    part.chmod(0o600)
    part.replace(database(folder))
    made = Snapshot(made_s=now_s, took_s=time.monotonic() - began_s, calls=calls, revoked=revoked, stamp=stamp)
    write_atomically(folder / "snapshot.json", msgspec.json.encode(made))
    return made


def _copy(con: Connection) -> None:
    """Copy every view in one transaction: the big ones some days at a time, so that no statement runs long."""
    con.begin()
    try:
        for view in reports.views():
            con.execute(f"create table snapshot.{view} as select * from {view} limit 0")
        whole = set(reports.views()) - {dataset.view for dataset in reports.DATASETS.values()}
        for view in sorted(whole):
            con.execute(f"insert into snapshot.{view} select * from {view}")
        for view, first, last in reports.pieces(con):
            con.execute(f"insert into snapshot.{view} select * from {view} where date_key between {first} and {last}")
        con.commit()
    except BaseException:
        con.rollback()
        raise
