"""Policies published: compare-and-swap, version rows, what a crash leaves, who pinned what."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cc_voice.config import policies as files
from cc_voice.config.policies import PolicyError
from cc_voice.config.settings import Settings
from cc_voice.config.thresholds import QueueThresholds
from cc_voice.query import policies
from cc_voice.query.policies import PolicyChange, PolicyConflict, PolicyPinned
from cc_voice.store import policy_versions
from cc_voice.store.database import Database
from tests.stored_calls import new_database

TEXT = 'format = 1\n[[thresholds]]\nname = "default"\ndead_air_ms = {}\n'


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def database(site: Settings) -> Iterator[Database]:
    opened = new_database(site.database_path)
    yield opened
    opened.close()


def change(dead_air_ms: int, seen: str | None = None, actor: str = "rosa") -> PolicyChange:
    return PolicyChange(kind="thresholds", text=TEXT.format(dead_air_ms), seen=seen, actor=actor)


def in_force(site: Settings) -> int:
    return files.in_force(site).thresholds[0].dead_air_ms


def test_a_text_is_published_with_a_row_and_both_files(database: Database, site: Settings) -> None:
    first = policies.publish(database, site, change(5000))
    second = policies.publish(database, site, change(6000, actor="ines"))
    assert (first.version, second.version, second.actor) == (1, 2, "ines")
    assert (second.before_text, second.after_text) == (TEXT.format(5000), TEXT.format(6000))
    assert in_force(site) == 6000
    assert files.version_file(site.data_dir, "thresholds", 1).read_text() == TEXT.format(5000)
    state = policies.state(database, site, "thresholds")
    assert (state.source, state.actor, state.is_edited) == ("2", "ines", False)
    assert "-dead_air_ms = 5000\n+dead_air_ms = 6000" in policies.difference(second.before_text, second.after_text)


def test_a_text_typed_in_a_browser_is_the_same_text(database: Database, site: Settings) -> None:
    made = policies.publish(database, site, msgspec.structs.replace(change(1), text=TEXT.format(1).replace("\n", "\r\n").rstrip()))
    assert made.after_text == TEXT.format(1)


def test_a_working_copy_that_changed_underneath_is_a_conflict_with_its_difference(database: Database, site: Settings) -> None:
    policies.publish(database, site, change(5000))
    seen = policies.state(database, site, "thresholds").digest
    files.working_copy(site.data_dir, "thresholds").write_text(TEXT.format(7777))
    for stale in (seen, None):
        with pytest.raises(PolicyConflict) as conflict:
            policies.publish(database, site, change(6000, seen=stale))
        assert "+dead_air_ms = 7777" in conflict.value.difference
    assert (in_force(site), policies.state(database, site, "thresholds").is_edited) == (5000, True)
    policies.publish(database, site, change(6000, seen=conflict.value.digest))
    assert in_force(site) == 6000


def test_of_two_who_saw_the_same_one_publishes(database: Database, site: Settings) -> None:
    seen = policies.state(database, site, "thresholds").digest
    outcomes: list[str] = []

    def go(dead_air_ms: int) -> None:
        try:
            policies.publish(database, site, change(dead_air_ms, seen=seen))
            outcomes.append("published")
        except PolicyConflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=go, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["published"]
    assert len(policies.history(database, "thresholds")) == 1


def test_what_is_pinned_in_force_already_or_unusable_is_not_published(database: Database, site: Settings) -> None:
    pinned = msgspec.structs.replace(site, thresholds=(QueueThresholds(dead_air_ms=3),))
    with pytest.raises(PolicyPinned, match=r"cc-voice\.toml holds its table"):
        policies.publish(database, pinned, change(1))
    policies.publish(database, site, change(1))
    with pytest.raises(PolicyError, match="this is what is in force: version 1"):
        policies.publish(database, site, change(1))
    with pytest.raises(PolicyError, match="dead_air_ms is -5"):
        policies.publish(database, site, change(-5))
    with pytest.raises(PolicyError, match="at most"):
        policies.publish(database, site, msgspec.structs.replace(change(2), text="#" * files.MOST_BYTES))
    assert len(policies.history(database, "thresholds")) == 1


def test_a_file_that_cannot_be_written_leaves_no_row(database: Database, site: Settings) -> None:
    (site.data_dir / "policies").write_text("no folder")
    with pytest.raises((OSError, PolicyError)):
        policies.publish(database, site, change(1))
    assert policies.history(database, "thresholds") == []


def test_files_follow_the_store_after_a_crash_or_a_backup(database: Database, site: Settings) -> None:
    policies.publish(database, site, change(1))
    policies.publish(database, site, change(2))
    orphan = files.version_file(site.data_dir, "thresholds", 3)  # written, and the process died before the commit
    orphan.write_text(TEXT.format(3))
    files.version_file(site.data_dir, "thresholds", 1).unlink()
    files.version_file(site.data_dir, "thresholds", 2).write_text("damaged")
    newer = site.data_dir / "policies" / "versions" / "consent-4.toml"
    newer.write_text("of a newer program")
    policies.restore(database, site)
    assert (in_force(site), orphan.exists(), newer.exists()) == (2, False, True)
    assert files.version_file(site.data_dir, "thresholds", 1).read_text() == TEXT.format(1)


def test_versions_are_appended_for_each_kind(database: Database) -> None:
    for text in ("a", "b"):
        for kind in ("language", "thresholds"):
            database.write_now(
                lambda con, kind=kind, text=text: policy_versions.append(con, kind=kind, at_unix_ms=1, actor="x", text=text)
            )
    found = database.read_now(policy_versions.history)
    assert {(each.kind, each.version, each.before_text) for each in found} == {
        (kind, number, before) for kind in ("language", "thresholds") for number, before in ((1, ""), (2, "a"))
    }
