"""Surrogate keys of the star's dimensions: found, or made when something is seen for the first time.

Agents and queues are kept with their history (type 2): a new name opens a new row from the call on that showed it, older calls
keep the old one. Zoom's user ids name a person in contact-center and phone calls only; in meetings they are given out anew
every time, so there a person is known by the name that was shown.
"""

import datetime
import zoneinfo
from typing import Any

import msgspec

from cc_voice.call.lexicon import UNSPACED, primary
from cc_voice.call.rows import LegRow
from cc_voice.call.thresholds import ThresholdSet
from cc_voice.settings import Site
from cc_voice.store.database import Connection

PRODUCTS_WITH_USER_IDS = frozenset({"contact_center", "phone"})

LANGUAGE_NAMES = {
    "ar": "Arabic",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fil": "Filipino",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "ms": "Malay",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "yue": "Cantonese",
    "zh": "Chinese",
}
"""English names of the languages that Zoom's transcript knows, by primary subtag."""


def site_key(con: Connection, site: Site) -> int:
    """Return the site's key; its name and time zone follow the configuration."""
    con.execute(
        """
        insert into dim_site (site_id, site_name, timezone) values (?, ?, ?)
        on conflict (site_id) do update set site_name = excluded.site_name, timezone = excluded.timezone
        """,
        [site.site_id, site.name, site.timezone],
    )
    return site.site_id


def date_key(con: Connection, unix_ms: int, site: Site) -> int:
    """Return the key (yyyymmdd) of the site's local date at an instant."""
    instant = datetime.datetime.fromtimestamp(unix_ms / 1000, zoneinfo.ZoneInfo(site.timezone))
    day = instant.date()
    key = day.year * 10_000 + day.month * 100 + day.day
    con.execute(
        "insert into dim_date (date_key, local_date, iso_week, month, year) values (?, ?, ?, ?, ?) on conflict do nothing",
        [key, day, day.isocalendar().week, day.month, day.year],
    )
    return key


def agent_key(con: Connection, leg: LegRow, product: str) -> int | None:
    """Return the key of a leg's agent as of the leg's start, or None where nobody says who it was."""
    named = f"name:{leg.agent_name}" if leg.agent_name else None
    user_id = leg.agent_user_id if product in PRODUCTS_WITH_USER_IDS else None
    if user_id is None and named is None:
        return None
    return _versioned(con, _AGENT, user_id or named, leg.agent_name, leg.answered_unix_ms)


def queue_key(con: Connection, leg: LegRow) -> int | None:
    """Return the key of a leg's queue as of the leg's start, or None without one."""
    queue_id = leg.queue_id or (f"name:{leg.queue_name}" if leg.queue_name else None)
    return _versioned(con, _QUEUE, queue_id, leg.queue_name, leg.answered_unix_ms) if queue_id else None


class _Versioned(msgspec.Struct, frozen=True):
    """A dimension with history: its table and how its columns are called."""

    table: str
    key: str
    natural: str
    name: str


_AGENT = _Versioned("dim_agent", "agent_key", "user_id", "display_name")
_QUEUE = _Versioned("dim_queue", "queue_key", "queue_id", "queue_name")


def _versioned(con: Connection, dim: _Versioned, natural: Any, name: str | None, unix_ms: int) -> int:
    versions = con.execute(
        f"""
        select {dim.key}, {dim.name}, epoch_ms(valid_from), is_current
        from {dim.table}
        where {dim.natural} = ?
        order by valid_from
        """,
        [natural],
    ).fetchall()
    if not versions:
        return _open_version(con, dim, natural, name, unix_ms)
    key, known, since_ms, is_current = next((row for row in reversed(versions) if row[2] <= unix_ms), versions[0])
    if known is None and name is not None:
        con.execute(f"update {dim.table} set {dim.name} = ? where {dim.key} = ?", [name, key])
    elif name is not None and name != known and is_current and unix_ms > since_ms:
        con.execute(
            f"update {dim.table} set valid_to = make_timestamptz(?::bigint * 1000), is_current = false where {dim.key} = ?",
            [unix_ms, key],
        )
        return _open_version(con, dim, natural, name, unix_ms)
    return int(key)


def _open_version(con: Connection, dim: _Versioned, natural: str, name: str | None, unix_ms: int) -> int:
    rows = con.execute(
        f"""
        insert into {dim.table} ({dim.key}, {dim.natural}, {dim.name}, valid_from, is_current)
        values (nextval('{dim.key}'), ?, ?, make_timestamptz(?::bigint * 1000), true)
        returning {dim.key}
        """,
        [natural, name, unix_ms],
    ).fetchall()
    return int(rows[0][0])


def threshold_set_key(con: Connection, thresholds: ThresholdSet) -> int:
    """Return the key of a set of thresholds: equal values, one key; another value, a new version."""
    values = msgspec.to_builtins(thresholds)
    name = values.pop("name")
    del values["threshold_set_id"]
    params = msgspec.json.encode(values, order="sorted").decode()
    found = con.execute(
        "select threshold_set_id from dim_threshold_set where name = ? and params::text = ?::json::text", [name, params]
    ).fetchall()
    if found:
        return int(found[0][0])
    rows = con.execute(
        """
        insert into dim_threshold_set
        select coalesce(max(threshold_set_id), 0) + 1, ?, ?::json, now() from dim_threshold_set
        returning threshold_set_id
        """,
        [name, params],
    ).fetchall()
    return int(rows[0][0])


def note_languages(con: Connection, models: dict[str, str | None]) -> None:
    """Make sure languages (BCP-47 tag → local model that heard it, None for Zoom's words) have a row."""
    for tag, model in sorted(models.items()):
        subtag = primary(tag)
        con.execute(
            """
            insert into dim_language (language_code, language_name, asr_model, talk_speed_unit) values (?, ?, ?, ?)
            on conflict (language_code) do update set asr_model = coalesce(excluded.asr_model, dim_language.asr_model)
            """,
            [tag, LANGUAGE_NAMES.get(subtag), model, "cpm" if subtag in UNSPACED else "wpm"],
        )
