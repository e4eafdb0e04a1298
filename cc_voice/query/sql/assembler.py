"""The process that writes the copy: started as a script, reads a request, puts what the owner handed over into a file of DuckDB.

Not in the service: writing a copy of 100,000 calls took a gigabyte there. Its standard input is a request as JSON:

    {"database": PATH, "fresh": BOOL, "memory_mb": N, "process_mb": N, "days": [DATE KEY, …],
     "views": [{"name": VIEW, "columns": [[NAME, TYPE], …], "by_day": BOOL, "files": [PARQUET, …]}, …]}

Its standard output is empty, or why it failed in one line. All is one transaction: whoever is killed leaves the copy as it was. It
imports the standard library and DuckDB only; whoever records and answers goes first.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

import duckdb

NICE = 15
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Carry out the request on standard input."""
    request = json.loads(sys.stdin.buffer.read())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    most = request["process_mb"] << 20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    try:
        _assemble(request)
    except (duckdb.Error, MemoryError, OSError) as error:
        sys.stdout.write((str(error).splitlines() or ["out of memory"])[0])
        sys.exit(1)


def _assemble(request: dict[str, Any]) -> None:
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "threads": "1",
        "memory_limit": f"{request['memory_mb']}MB",
    }
    with duckdb.connect(request["database"], config=config) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set preserve_insertion_order = false")
        con.begin()
        for view in request["views"]:
            _put(con, view, request["fresh"], request["days"])
        con.commit()
        con.execute("checkpoint")


def _put(con: duckdb.DuckDBPyConnection, view: dict[str, Any], fresh: bool, days: list[int]) -> None:
    """Create a table, or empty what is renewed of it, and fill it; names and types are the views' own, no person's."""
    name = view["name"]
    if fresh:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in view["columns"])
        con.execute(f"create table {name} ({columns})")
    elif view["by_day"]:
        con.execute(f"delete from {name} where date_key in (select unnest(?::integer[]))", [days])
    else:
        con.execute(f"delete from {name}")
    for file in view["files"]:
        con.execute(f"insert into {name} by name select * from read_parquet(?)", [file])


if __name__ == "__main__":
    main()
