"""The process that answers one question in SQL: started as a script, reads a request, writes an answer, ends.

Its standard input is `Request` as JSON, its standard output the answer: `{"columns": …, "rows": …, "cut": …}`, or one of
`refused`, `failed`, `limit`, `unavailable` with a sentence. It imports the standard library, DuckDB and its two neighbours, nothing
else of cc_voice: what is not loaded cannot be reached. The order matters: all that needs files happens first, then the doors are
closed (`process_limits`), and only then is the text looked at, so that not even the parser sees it with rights.
"""

import datetime
import decimal
import json
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb

# Started by path and isolated (-I), so that no environment decides what is imported: from the tree that this file is in
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from cc_voice.query.sql import process_limits, statement_check

_EVERY_KIND = """
    select
        now(),
        current_date,
        time '01:02:03',
        interval 1 day,
        1.5::decimal(9, 2),
        1::hugeint,
        1.5::double,
        'x'::blob,
        uuid(),
        [1],
        {'a': 1},
        map {'a': 1},
        'a'::varchar,
        timestamp '2026-01-01 00:00:00',
        timezone('Europe/Berlin', now()),
        json_serialize_sql('select 1')
"""
"""Loads what DuckDB and Python load when they first meet a type: afterwards there are no files any more."""
_ROWS_AT_ONCE = 200


def main() -> None:
    """Answer the request on standard input."""
    request = json.loads(sys.stdin.buffer.read())
    try:
        answer = _answer(request)
    except process_limits.LimitsUnavailable as error:
        answer = {"unavailable": f"this machine cannot wall off SQL: {error}"}
    except statement_check.StatementRefused as error:
        answer = {"refused": str(error)}
    except RecursionError:
        answer = {"refused": "the text is nested too deeply"}
    except duckdb.InterruptException:
        answer = {"limit": f"the answer took more than {request['time_ms'] // 1000} s and was stopped; ask for less"}
    except (duckdb.OutOfMemoryException, MemoryError):
        answer = {"limit": f"the answer needs more than {request['memory_mb']} MB of memory; ask for less"}
    except duckdb.Error as error:
        answer = {"failed": str(error).strip()}
    _write(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    process_limits.take_share(memory_bytes=request["process_mb"] << 20, cpu_s=request["cpu_s"])
    con = _open(request)
    allowed = statement_check.offered(con, request["published"])
    process_limits.close_doors()
    statement_check.check_statement(con, request["sql"], allowed)
    return _fetch(con, request)


def _open(request: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "memory_limit": f"{request['memory_mb']}MB",
        "max_temp_directory_size": "0B",
        "temp_directory": "",
        "threads": str(request["threads"]),
        "python_enable_replacements": "false",
    }
    con = duckdb.connect(request["database"], read_only=True, config=settings)
    con.execute("set TimeZone = 'UTC'")
    con.execute(request["macros"])
    for name, sql in request["views"].items():  # looked for before tables of the same name; names and texts are the program's own
        con.execute(f"create temp view {name} as {sql}")
    con.execute(f"set max_execution_time = {int(request['time_ms'])}")
    con.execute("set lock_configuration = true")
    json.dumps([_cell(value) for value in con.execute(_EVERY_KIND).fetchall()[0]])
    return con


def _fetch(con: duckdb.DuckDBPyConnection, request: dict[str, Any]) -> dict[str, Any]:
    # The engine looks at the clock between pieces of work, and a piece can be long; the parent's timer is the last word
    timer = threading.Timer(request["time_ms"] / 1000, con.interrupt)
    timer.daemon = True
    timer.start()
    cursor = con.execute(request["sql"])
    columns = [[column[0], str(column[1])] for column in cursor.description]
    rows: list[list[Any]] = []
    size = 0
    while batch := cursor.fetchmany(_ROWS_AT_ONCE):
        for row in batch:
            cells = [_cell(value) for value in row]
            size += len(json.dumps(cells, ensure_ascii=False).encode("utf-8", "replace"))
            if len(rows) == request["rows"] or size > request["bytes"]:
                why = "rows" if len(rows) == request["rows"] else "bytes"
                return {"columns": columns, "rows": rows, "cut": why}
            rows.append(cells)
    return {"columns": columns, "rows": rows, "cut": None}


def _cell(value: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601 and UTC, intervals and blobs as text, no NaN."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime.datetime():
            aware = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
            return aware.isoformat(timespec="milliseconds") + ("Z" if value.tzinfo else "")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case dict():
            return {str(key): _cell(each) for key, each in value.items()}
        case list() | tuple():
            return [_cell(each) for each in value]
        case _:  # intervals, ids
            return str(value)


def _write(body: bytes) -> None:
    while body:
        body = body[os.write(1, body) :]
    os._exit(0)  # an orderly end would want calls that are not allowed any more


if __name__ == "__main__":
    main()
