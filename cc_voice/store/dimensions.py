"""Surrogate keys of the star's dimensions: found, or made when something is seen for the first time.

Agents and queues have a history: `history.py`.
"""

import datetime
import zoneinfo

import msgspec

from cc_voice.call.lexicon import UNSPACED
from cc_voice.config.languages import primary
from cc_voice.config.settings import Site
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.store.database import Connection

LANGUAGE_NAMES = {
    "ar": "Arabic",
    "bn": "Bengali",
    "br": "Breton",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "eo": "Esperanto",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fil": "Filipino",
    "fr": "French",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "ko": "Korean",
    "ky": "Kyrgyz",
    "ms": "Malay",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "tg": "Tajik",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "yue": "Cantonese",
    "zh": "Chinese",
}
"""English names of the languages that Zoom's transcript knows or the manifest has a model of, by primary subtag."""


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


def threshold_set(name: str, params: str, key: int) -> ThresholdSet:
    """Return a stored set. A threshold that is younger than the set has its default: it was a fixed number then."""
    return msgspec.convert({**msgspec.json.decode(params), "name": name, "threshold_set_id": key}, ThresholdSet)


def threshold_sets(con: Connection) -> tuple[ThresholdSet, ...]:
    """Return the thresholds with which the stored legs were measured; the default ones where there is no leg."""
    used = "select distinct threshold_set_id from fact_leg"
    sql = f"select name, params, threshold_set_id from dim_threshold_set where threshold_set_id in ({used}) order by all"
    return tuple(threshold_set(*row) for row in con.execute(sql).fetchall()) or (ThresholdSet(),)


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
