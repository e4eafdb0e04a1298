"""Keys of dates, thresholds and languages."""

import msgspec
import pytest

from cc_voice.config.settings import Site
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.store import dimensions
from cc_voice.store.database import Database

NOON = 1_790_000_000_000


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", 20260921), ("Asia/Tokyo", 20260921), ("Pacific/Kiritimati", 20260922), ("Pacific/Pago_Pago", 20260921)],
)
def test_a_date_is_the_sites_own(database: Database, zone: str, expected: int) -> None:
    # 2026-09-21 14:13 UTC
    assert database.write_now(lambda con: dimensions.date_key(con, NOON, Site(timezone=zone))) == expected


def test_equal_thresholds_share_a_key(database: Database) -> None:
    def key(thresholds: ThresholdSet) -> int:
        return database.write_now(lambda con: dimensions.threshold_set_key(con, thresholds))

    first = key(ThresholdSet())
    other = key(ThresholdSet(long_silence_ms=5000))
    assert other != first
    assert key(ThresholdSet()) == first
    assert key(msgspec.structs.replace(ThresholdSet(), long_silence_ms=5000)) == other


def test_languages_keep_the_model_that_heard_them(database: Database) -> None:
    for models in ({"en": "mini-en", "ja": None}, {"en": None}):
        database.write_now(lambda con, models=models: dimensions.note_languages(con, models))
    rows = database.read_now(
        lambda con: con.execute(
            "select language_code, language_name, asr_model, talk_speed_unit from dim_language order by 1"
        ).fetchall()
    )
    assert rows == [("en", "English", "mini-en", "wpm"), ("ja", "Japanese", None, "cpm")]
