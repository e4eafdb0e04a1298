"""Agents and queues, with their history (type 2): every leg keeps what was true of them when it was handled.

A version opens when a call shows a new name, and when a site's roster says that something is another from a day on. Older legs keep
the version they had, and legs since then move to the new one. Zoom's user ids name a person in contact-center and phone calls only;
in meetings they are given out anew every time, so there a person is known by the name that was shown.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cc_voice.call.rows import LegRow
from cc_voice.store.database import Connection, dicts

PRODUCTS_WITH_USER_IDS = frozenset({"contact_center", "phone"})


def agent_key(con: Connection, leg: LegRow, product: str) -> int | None:
    """Return the key of a leg's agent as of the leg's start, or None where nobody says who it was."""
    named = f"name:{leg.agent_name}" if leg.agent_name else None
    user_id = leg.agent_user_id if product in PRODUCTS_WITH_USER_IDS else None
    if user_id is None and named is None:
        return None
    return _named(con, _AGENT, user_id or named or "", leg.agent_name, leg.answered_unix_ms)


def queue_key(con: Connection, leg: LegRow) -> int | None:
    """Return the key of a leg's queue as of the leg's start, or None without one."""
    queue_id = leg.queue_id or (f"name:{leg.queue_name}" if leg.queue_name else None)
    return queue_version(con, queue_id, leg.queue_name, leg.answered_unix_ms) if queue_id else None


def queue_version(con: Connection, queue_id: str, name: str | None, unix_ms: int) -> int:
    """Return the key of a queue as of an instant."""
    return _named(con, _QUEUE, queue_id, name, unix_ms)


def revise_agent(con: Connection, user_id: str, attributes: Mapping[str, Any], since_ms: int) -> None:
    """Record what is true of an agent from an instant on: columns of dim_agent → value. What is not named stays as it was."""
    _revise(con, _AGENT, user_id, attributes, since_ms)


def revise_queue(con: Connection, queue_id: str, attributes: Mapping[str, Any], since_ms: int) -> None:
    """Record what is true of a queue from an instant on, as `revise_agent`."""
    _revise(con, _QUEUE, queue_id, attributes, since_ms)


class _Dimension(msgspec.Struct, frozen=True):
    """A dimension with history: its table, how its columns are called, and which facts name its versions, with their time."""

    table: str
    key: str
    natural: str
    name: str
    attributes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


_AGENT = _Dimension(
    "dim_agent",
    "agent_key",
    "user_id",
    "display_name",
    ("team_id", "team_name", "hire_date", "spoken_languages"),
    (("fact_leg", "answered_ts"),),
)
_QUEUE = _Dimension(
    "dim_queue",
    "queue_key",
    "queue_id",
    "queue_name",
    ("queue_group", "sl_seconds", "sl_target_pct"),
    (("fact_leg", "answered_ts"), ("fact_queue_interval", "interval_ts")),
)
_INSTANT = "make_timestamptz(?::bigint * 1000)"


def _versions(con: Connection, dim: _Dimension, natural: str) -> list[dict[str, Any]]:
    times = ("epoch_ms(valid_from) as since_ms", "epoch_ms(valid_to) as until_ms", "is_current")
    columns = ", ".join((dim.key, dim.name, *dim.attributes, *times))
    return dicts(con, f"select {columns} from {dim.table} where {dim.natural} = ? order by valid_from", [natural])


def _at(versions: list[dict[str, Any]], unix_ms: int) -> dict[str, Any]:
    """Return the version in force at an instant; before the first one, that."""
    return next((version for version in reversed(versions) if version["since_ms"] <= unix_ms), versions[0])


def _named(con: Connection, dim: _Dimension, natural: str, name: str | None, unix_ms: int) -> int:
    """Return the key of what had a name at an instant; a new name opens a version that keeps what else is known."""
    versions = _versions(con, dim, natural)
    if not versions:
        return _open(con, dim, natural, {dim.name: name}, unix_ms, None)
    found = _at(versions, unix_ms)
    key, known = found[dim.key], found[dim.name]
    if known is None and name is not None:
        con.execute(f"update {dim.table} set {dim.name} = ? where {dim.key} = ?", [name, key])
    elif name is not None and name != known and found["is_current"] and unix_ms > found["since_ms"]:
        values = {column: found[column] for column in dim.attributes}
        return _split(con, dim, natural, found, {**values, dim.name: name}, unix_ms)
    return int(key)


def _revise(con: Connection, dim: _Dimension, natural: str, told: Mapping[str, Any], since_ms: int) -> None:
    """Overlay attributes from an instant on. Later versions get only what they lack: a later roster has said the rest.

    A name is taken only where none is known: names come from calls, and a roster that spells them otherwise would open a version
    with every call.
    """
    versions = _versions(con, dim, natural)
    if not versions:
        _open(con, dim, natural, told, since_ms, None)
        return
    found = _at(versions, since_ms)
    wanted = {column: told.get(column, found[column]) for column in dim.attributes}
    wanted[dim.name] = found[dim.name] or told.get(dim.name)
    if any(_text(wanted[column]) != _text(found[column]) for column in wanted):
        if found["since_ms"] >= since_ms:
            _update(con, dim, found[dim.key], wanted)
        else:
            _split(con, dim, natural, found, wanted, since_ms)
    for later in (version for version in versions if version["since_ms"] > max(since_ms, found["since_ms"])):
        lacking = {column: value for column, value in told.items() if later[column] is None}
        if lacking:
            _update(con, dim, later[dim.key], lacking)


def _text(value: Any) -> str | None:
    """Return a value as a roster writes it: dates come back from the store as dates."""
    return None if value is None else str(value)


def _update(con: Connection, dim: _Dimension, key: int, values: Mapping[str, Any]) -> None:
    assignments = ", ".join(f"{column} = ?" for column in values)
    con.execute(f"update {dim.table} set {assignments} where {dim.key} = ?", [*values.values(), key])


def _split(con: Connection, dim: _Dimension, natural: str, old: Mapping[str, Any], values: Mapping[str, Any], since_ms: int) -> int:
    """Close a version at an instant, open the next one, and move what happened since then to it."""
    con.execute(f"update {dim.table} set valid_to = {_INSTANT}, is_current = false where {dim.key} = ?", [since_ms, old[dim.key]])
    key = _open(con, dim, natural, values, since_ms, old["until_ms"])
    for table, at in dim.facts:
        con.execute(f"update {table} set {dim.key} = ? where {dim.key} = ? and {at} >= {_INSTANT}", [key, old[dim.key], since_ms])
    return key


def _open(con: Connection, dim: _Dimension, natural: str, values: Mapping[str, Any], since_ms: int, until_ms: int | None) -> int:
    columns = [dim.key, dim.natural, *values, "valid_from", "valid_to", "is_current"]
    given = [f"nextval('{dim.key}')", "?", *("?" for _ in values), _INSTANT, _INSTANT, "?"]
    rows = con.execute(
        f"insert into {dim.table} ({', '.join(columns)}) values ({', '.join(given)}) returning {dim.key}",
        [natural, *values.values(), since_ms, until_ms, until_ms is None],
    ).fetchall()
    return int(rows[0][0])
