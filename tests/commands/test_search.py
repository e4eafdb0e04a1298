"""`cc-voice search`, `reindex` and `check` on a site."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cc_voice.commands.main import main
from cc_voice.store.batches import write_batch
from cc_voice.store.database import Database
from tests.stored_calls import SITE, batch_of, call, leg, say

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command about a site with two calls."""
    database = Database.open(tmp_path / "cc_voice.duckdb")
    for name, text in (("one", "i want a Refund"), ("two", "my card please")):
        batch = batch_of(call(name, leg(name), said=(say(name, "customer", 72_000, text),)))
        database.write_now(lambda con, batch=batch: write_batch(con, batch, SITE))  # type: ignore[misc]
    database.close()
    return lambda command, *arguments: CliRunner().invoke(main, [command, "--data-dir", str(tmp_path), *arguments])


def damage(tmp_path: Path, sql: str) -> None:
    database = Database.open(tmp_path / "cc_voice.duckdb")
    database.write_now(lambda con: con.execute(sql))
    database.close()


def test_a_passage_is_printed_with_its_time(run: Run) -> None:
    done = run("search", "refund near/5 want", "--party", "customer", "--since", "2026-11-01", "--queue", "Billing")
    assert done.exit_code == 0, done.output
    assert "one  2026-11-02 11:00  Ana · Billing · en" in done.output
    assert "  1:12  customer  i want a Refund" in done.output


def test_a_dash_is_part_of_the_query(run: Run) -> None:
    assert "one" in run("search", "i want -card").output
    assert "one" in run("search", "want", "-card").output


def test_hits_come_as_json(run: Run) -> None:
    found = json.loads(run("search", "refund OR card", "--limit", "1", "--json").output)
    assert [hit["call_id"] for hit in found["hits"]] == ["one"]
    older = json.loads(run("search", "refund OR card", "--json", "--after", found["after"]).output)
    assert [hit["call_id"] for hit in older["hits"]] == ["two"]


def test_nothing_found_is_said(run: Run) -> None:
    done = run("search", "lawyer")
    assert (done.exit_code, done.output) == (0, "no call\n")


def test_a_mistake_is_explained(run: Run) -> None:
    done = run("search", "OR")
    assert done.exit_code == 1
    assert "stand between two words" in done.output


def test_an_index_that_was_lost_is_made_anew(run: Run, tmp_path: Path) -> None:
    damage(tmp_path, "delete from posting")
    assert run("search", "refund").output == "no call\n"
    assert run("reindex").output == "7 pairs of word and call of 1 months indexed\n"
    assert "Refund" in run("search", "refund").output


def test_a_sound_store_passes_its_checks(run: Run) -> None:
    done = run("check", "partition", "leg-count", "orphan-keys")
    assert (done.exit_code, done.output) == (0, "3 of 3 checks hold\n")


def test_what_is_broken_is_shown_and_ends_with_one(run: Run, tmp_path: Path) -> None:
    damage(tmp_path, "update fact_call set leg_count = 2 where call_id = 'one'")
    done = run("check", "leg-count", "orphan-keys")
    assert done.exit_code == 1
    assert "leg-count: 1 rows break “a call has as many legs as it says, numbered from one”" in done.output
    assert "1 of 2 checks hold" in done.output
    answers = json.loads(run("check", "--json").output)
    assert len(answers) > 10
    assert {answer["name"]: answer["broken"] for answer in answers}["leg-count"] == 1


def test_an_unknown_check_is_told_so(run: Run) -> None:
    done = run("check", "leg-cuont")
    assert (done.exit_code, "did you mean leg-count" in done.output) == (1, True)
