"""Dimension keys: who and what is the same, and since when it is called something else."""

from typing import Any

import msgspec
import pytest

from cc_voice.call.rows import LegRow
from cc_voice.call.thresholds import ThresholdSet
from cc_voice.settings import Site
from cc_voice.store import dimensions
from cc_voice.store.database import Database

DAY_MS = 86_400_000
NOON = 1_790_000_000_000


def leg(at_ms: int = NOON, **who: Any) -> LegRow:
    return LegRow(
        leg_id="c-1",
        call_id="c",
        leg_no=1,
        start_ms=0,
        end_ms=1,
        answered_unix_ms=at_ms,
        ended_unix_ms=at_ms + 1,
        metric_version="1",
        threshold_set_id=1,
        **who,
    )


def agent(database: Database, at_ms: int = NOON, product: str = "contact_center", **who: Any) -> int | None:
    row = leg(at_ms, **{f"agent_{key}": value for key, value in who.items()})
    return database.write_now(lambda con: dimensions.agent_key(con, row, product))


def test_one_user_is_one_agent(database: Database) -> None:
    sam = agent(database, user_id="u1", name="Sam")
    assert agent(database, user_id="u1", name="Sam") == sam
    assert agent(database, user_id="u2", name="Sam") != sam
    assert agent(database) is None


def test_a_new_name_opens_a_new_version_and_older_calls_keep_the_old_one(database: Database) -> None:
    sam = agent(database, NOON, user_id="u1", name="Sam Ode")
    married = agent(database, NOON + DAY_MS, user_id="u1", name="Sam Park")
    assert married != sam
    assert agent(database, NOON + 2 * DAY_MS, user_id="u1", name="Sam Park") == married
    assert agent(database, NOON + DAY_MS // 2, user_id="u1", name="Sam Ode") == sam
    assert agent(database, NOON - DAY_MS, user_id="u1", name="Sam Ode") == sam
    versions = database.read_now(
        lambda con: con.execute(
            "select display_name, is_current, epoch_ms(valid_from), epoch_ms(valid_to) from dim_agent order by agent_key"
        ).fetchall()
    )
    assert versions == [("Sam Ode", False, NOON, NOON + DAY_MS), ("Sam Park", True, NOON + DAY_MS, None)]


def test_a_name_learnt_later_completes_the_row(database: Database) -> None:
    nameless = agent(database, user_id="u1")
    assert agent(database, NOON + DAY_MS, user_id="u1", name="Sam") == nameless
    assert agent(database, NOON + 2 * DAY_MS, user_id="u1") == nameless


def test_in_meetings_a_person_is_known_by_name(database: Database) -> None:
    dana = agent(database, product="meeting", user_id="16778240", name="Dana")
    assert agent(database, product="meeting", user_id="16779264", name="Dana") == dana
    assert agent(database, product="meeting", user_id="16778240", name="Lee") != dana


def test_queues_are_told_apart(database: Database) -> None:
    def queue(**of: Any) -> int | None:
        return database.write_now(lambda con: dimensions.queue_key(con, leg(**of)))

    support = queue(queue_id="Q1", queue_name="Support")
    assert queue(queue_id="Q1", queue_name="Support") == support
    assert queue(queue_id="Q2", queue_name="Support") != support
    assert queue() is None


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
