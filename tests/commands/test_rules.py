"""`cc-voice rules`: from a file to hits in stored calls, as an analyst goes about it with the README only."""

import datetime
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cc_voice.call.rows import MeasuredCall
from cc_voice.commands.main import main
from cc_voice.config.settings import Settings
from cc_voice.media import rule_sets
from cc_voice.query import call_deletion
from cc_voice.query.rules.publication import LEAST_MARKS
from cc_voice.store.batches import write_batch
from cc_voice.store.database import Connection, Database
from tests.stored_calls import NOON, SITE, batch_of, call, leg, new_database, say

RULE = """
id = "parcel"
version = {version}
title = "Customer misses a parcel"
state = "live"
[[condition]]
name = "said"
party = "customer"
phrases.en = [{phrases}]
[examples]
en = ["where is my parcel"]
[counterexamples]
en = ["the parcel is here"]
"""
ASKED = '"where is ..2 parcel"'
CALLS = 25


def one_call(number: int) -> MeasuredCall:
    name = f"call{number}"
    asked = "my parcel got lost" if number == 0 else "where is my parcel"
    lines = (say(name, "agent", 1_000, "good morning how can i help you"), say(name, "customer", 5_000, asked))
    return call(name, leg(name), at=NOON + datetime.timedelta(days=20 * (number % 2)), said=lines)


def stored(con: Connection, number: int) -> bool:
    return write_batch(con, batch_of(one_call(number)), SITE)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data")
    database = new_database(made.database_path)
    for number in range(CALLS):
        assert database.write_now(lambda con, number=number: stored(con, number))  # type: ignore[misc]
    database.close()
    return made


def run(settings: Settings, *arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, [*arguments, "--data-dir", str(settings.data_dir)])
    assert result.exit_code == status, result.output
    return result.output if status else result.stdout


def rule(settings: Settings, version: int, phrases: str) -> str:
    path = settings.data_dir / "rules" / "parcel.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(RULE.format(version=version, phrases=phrases))
    return str(path)


def stored_rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    database = Database.open(settings.database_path)
    found = database.read_now(lambda con: con.execute(sql).fetchall())
    database.close()
    return found


def hits(settings: Settings) -> list[tuple[object, ...]]:
    sql = """
        select c.category_id, c.version, h.call_id, h.start_ms, h.matched_text, h.first_word_seq, h.last_word_seq
        from fact_category_hit as h join dim_category as c using (category_key) order by all
    """
    return stored_rows(settings, sql)


def test_a_rule_is_written_tried_marked_published_and_compared(settings: Settings) -> None:
    path = rule(settings, 1, ASKED)
    assert "1 rules, 2 examples: 0 problems" in run(settings, "rules", "check", path)
    tried = json.loads(run(settings, "rules", "test", "parcel", "--sample", "30", "--json"))
    assert (tried["legs"], tried["matched"], tried["hits"], tried["legs_without"]) == (CALLS, CALLS - 1, CALLS - 1, 1)
    assert [group["name"] for group in tried["by_month"]] == ["2026-11"]
    sample = [each for each in tried["samples"] if each["kind"] == "hit"]
    assert {each["matched_text"] for each in sample} == {"where is my parcel"}
    assert hits(settings) == [], "a backtest writes nothing"
    again = json.loads(run(settings, "rules", "test", "parcel", "--sample", "30", "--json"))
    assert again["samples"] == tried["samples"]

    assert "0 of its hits are marked" in run(settings, "rules", "publish", "parcel", status=1)
    keys = [each["key"] for each in sample[:LEAST_MARKS]]
    run(settings, "rules", "mark", "parcel", *(f"{key}=right" for key in keys[2:]), *(f"{key}=wrong" for key in keys[:2]))
    told = run(settings, "rules", "test", "parcel")
    assert "18 of 20 right = 90.0 % (69.9–97.2, 95 %, n = 20)" in told

    made = json.loads(run(settings, "rules", "publish", "parcel", "--json"))
    assert made["published"]["marked"] == LEAST_MARKS
    told = stored_rows(settings, "select data from webhook_message where type = 'rule.published'")
    assert [json.loads(str(data)) for (data,) in told] == [{"id": "parcel", "version": 1, "state": "live"}]
    assert (made["history"]["written"], made["history"]["legs"]) == (CALLS, CALLS)
    found = hits(settings)
    assert len(found) == CALLS - 1
    assert found[0] == ("parcel", 1, "call1", 5_000, "where is my parcel", 1, 4)
    assert [rule.rule.id for rule in rule_sets.evaluator(settings.data_dir).rules.rules].count("parcel") == 1

    rule(settings, 1, '"my parcel"')
    assert "finds something else; write version = 2" in run(settings, "rules", "publish", "parcel", status=1)
    second = rule(settings, 2, f'{ASKED}, "parcel got lost"')
    told = run(settings, "rules", "diff", "parcel@1", second)
    assert "+ said phrases.en: parcel got lost" in told
    assert f"{CALLS} legs: 1 hits new, 0 gone, {CALLS - 1} kept" in told
    assert "18 of 20 right" in run(settings, "rules", "test", "parcel"), "marks stay with the words"
    assert "parcel" in run(settings, "rules", "list")


def test_history_goes_on_where_it_was_stopped_and_says_what_changes(settings: Settings) -> None:
    first = run(settings, "recompute", "--what", "rules", "--jobs", "1", "--run", "first", "--json")
    months = json.loads(first[first.index("{") :])
    assert (months["months"], months["written"]) == ([202611], None)
    assert hits(settings) == []
    kept = settings.runs_dir / "first" / "rules-202611.bin"
    before = kept.read_bytes()
    run(settings, "recompute", "--what", "rules", "--jobs", "1", "--run", "first")
    assert kept.read_bytes() == before, "a month that is done is not done again"
    assert "first" in run(settings, "recompute", "--list")
    run(settings, "recompute", "--what", "rules", "--jobs", "1", "--run", "first", "--publish")
    found = hits(settings)
    assert {row[0] for row in found} >= {"greeting", "offer-help"}
    run(settings, "rules", "run")
    assert hits(settings) == found, "the same again changes nothing"


def test_deleting_a_call_takes_hits_and_marks_along_and_measuring_keeps_marks(settings: Settings) -> None:
    run(settings, "rules", "run")
    tried = json.loads(run(settings, "rules", "test", "greeting", "--json"))
    key = next(each for each in tried["samples"] if each["kind"] == "hit" and each["call_id"] == "call3")["key"]
    run(settings, "rules", "mark", "greeting", f"{key}=right")
    database = Database.open(settings.database_path)

    def counted() -> tuple[int, ...]:
        tables = ("fact_category_hit", "fact_rule_state", "rule_mark")
        return tuple(
            database.read_now(
                lambda con, name=name: con.execute(f"select count(*) from {name} where call_id = 'call3'").fetchall()
            )[0][0]
            for name in tables
        )

    assert all(counted())
    database.write_now(lambda con: stored(con, 3))
    assert counted() == (0, 0, 1)
    assert call_deletion.delete_call(database, settings, "call3")
    assert counted() == (0, 0, 0)
    database.close()


def test_what_is_wrong_is_told_with_its_place(settings: Settings) -> None:
    path = rule(settings, 1, '"(broken"')
    told = run(settings, "rules", "check", path, status=1)
    assert f"{path}:9: condition `said`, phrases.en: `(broken`: `)` is missing" in told
    assert "25 rules" in run(settings, "rules", "check", status=1)
    rule(settings, 1, '"something else"')
    assert "example en: `where is my parcel`: not found" in run(settings, "rules", "check", "parcel", status=1)
    assert "no rule 'nothing'" in run(settings, "rules", "test", "nothing", status=1)


def test_a_draft_and_a_circle_are_not_published(settings: Settings) -> None:
    path = Path(rule(settings, 1, ASKED))
    path.write_text(path.read_text().replace('state = "live"', 'state = "draft"'))
    assert "is a draft" in run(settings, "rules", "publish", "parcel", "--unmarked", status=1)
    path.write_text(
        path.read_text()
        .replace('state = "draft"', 'state = "live"')
        .replace('party = "customer"', 'rule = "greeting"')
        .replace("phrases.en", "# ")
    )
    run(settings, "rules", "publish", "parcel", "--unmarked", "--no-history")
    other = settings.data_dir / "rules" / "greeting.toml"
    other.write_text('id = "greeting"\nversion = 2\ntitle = "G"\nstate = "live"\n[[condition]]\nname = "p"\nrule = "parcel"\n')
    assert "circle" in run(settings, "rules", "publish", "greeting", "--unmarked", status=1)


def test_a_retired_rule_acts_no_more_and_what_it_found_stays(settings: Settings) -> None:
    path = Path(rule(settings, 1, ASKED))
    run(settings, "rules", "publish", "parcel", "--unmarked")
    assert len(hits(settings)) == CALLS - 1
    path.write_text(path.read_text().replace('state = "live"', 'state = "retired"'))
    run(settings, "rules", "publish", "parcel")
    assert len(hits(settings)) == CALLS - 1
    assert "parcel" not in [each.rule.id for each in rule_sets.evaluator(settings.data_dir).rules.rules]
