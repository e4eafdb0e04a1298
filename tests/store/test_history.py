"""History: who and what is the same, and since when it is called something else, or belongs elsewhere."""

from typing import Any

from cc_voice.call.rows import LegRow
from cc_voice.store import history
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
    return database.write_now(lambda con: history.agent_key(con, row, product))


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
        return database.write_now(lambda con: history.queue_key(con, leg(**of)))

    support = queue(queue_id="Q1", queue_name="Support")
    assert queue(queue_id="Q1", queue_name="Support") == support
    assert queue(queue_id="Q2", queue_name="Support") != support
    assert queue() is None


def versions(database: Database) -> list[tuple[Any, ...]]:
    return database.read_now(
        lambda con: con.execute(
            """
            select agent_key, display_name, team_name, hire_date::text, epoch_ms(valid_from), epoch_ms(valid_to), is_current
            from dim_agent
            order by valid_from
            """
        ).fetchall()
    )


def revise(database: Database, since_ms: int, **attributes: Any) -> None:
    database.write_now(lambda con: history.revise_agent(con, "u1", attributes, since_ms))


def handled(database: Database, leg_id: str, key: int | None, at_ms: int) -> None:
    sql = "insert into fact_leg (leg_id, agent_key, answered_ts) values (?, ?, make_timestamptz(?::bigint * 1000))"
    database.write_now(lambda con: con.execute(sql, [leg_id, key, at_ms]).fetchall())


def test_a_roster_moves_the_legs_since_its_day_to_a_new_version(database: Database) -> None:
    sam = agent(database, user_id="u1", name="Sam")
    handled(database, "before", sam, NOON + DAY_MS)
    handled(database, "after", sam, NOON + 3 * DAY_MS)
    revise(database, NOON + 2 * DAY_MS, team_name="Blue", hire_date="2026-01-15")
    (old, *_), (new, *rest) = versions(database)
    assert rest == ["Sam", "Blue", "2026-01-15", NOON + 2 * DAY_MS, None, True]
    keys = database.read_now(lambda con: con.execute("select leg_id, agent_key from fact_leg order by 1").fetchall())
    assert keys == [("after", new), ("before", old)]
    assert agent(database, NOON + 4 * DAY_MS, user_id="u1", name="Sam") == new
    assert agent(database, NOON, user_id="u1", name="Sam") == old


def test_the_same_roster_again_changes_nothing(database: Database) -> None:
    agent(database, user_id="u1", name="Sam")
    for _ in range(2):
        revise(database, NOON + DAY_MS, team_name="Blue", hire_date="2026-01-15")
        once = versions(database)
    assert len(once) == 2
    assert versions(database) == once


def test_a_roster_before_the_first_call_is_completed_by_it(database: Database) -> None:
    revise(database, NOON, team_name="Blue")
    key = agent(database, NOON + DAY_MS, user_id="u1", name="Sam")
    assert versions(database) == [(key, "Sam", "Blue", None, NOON, None, True)]


def test_a_roster_of_the_past_reaches_what_came_later_and_lacks_it(database: Database) -> None:
    agent(database, NOON, user_id="u1", name="Sam Ode")
    agent(database, NOON + 2 * DAY_MS, user_id="u1", name="Sam Park")
    revise(database, NOON + 3 * DAY_MS, team_name="Red")
    revise(database, NOON - DAY_MS, team_name="Blue", hire_date="2020-01-01")
    assert [row[1:4] for row in versions(database)] == [
        ("Sam Ode", "Blue", "2020-01-01"),
        ("Sam Park", "Blue", "2020-01-01"),
        ("Sam Park", "Red", "2020-01-01"),
    ]


def test_a_new_name_keeps_the_team(database: Database) -> None:
    agent(database, NOON, user_id="u1", name="Sam Ode")
    revise(database, NOON, team_name="Blue")
    agent(database, NOON + DAY_MS, user_id="u1", name="Sam Park")
    assert [row[1:3] for row in versions(database)] == [("Sam Ode", "Blue"), ("Sam Park", "Blue")]


def test_a_roster_does_not_rename(database: Database) -> None:
    agent(database, NOON, user_id="u1", name="Sam Ode")
    revise(database, NOON + DAY_MS, display_name="Ode, Sam", team_name="Blue")
    assert [row[1] for row in versions(database)] == ["Sam Ode", "Sam Ode"]
