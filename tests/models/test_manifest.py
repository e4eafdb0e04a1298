"""models/manifest.toml: what installers and people read in it beside the product."""

import re
import tomllib
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).resolve().parents[2] / "models" / "manifest.toml"
ENTRIES: list[dict[str, Any]] = tomllib.loads(MANIFEST.read_text())["model"]
OFFICIAL = [entry for entry in ENTRIES if "url" in entry]
KEYS = {"name", "language", "sample_rate_hz", "path", "url", "size_mb", "sha256", "files", "test_only", "licence"}


def test_the_head_of_the_file_explains_every_key() -> None:
    head = MANIFEST.read_text().partition("[[model]]")[0]
    explained = re.findall(r"^#   (\w+(?:, \w+)*)  ", head, re.MULTILINE)
    assert {key for keys in explained for key in keys.split(", ")} == KEYS


def name_of(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def test_names_are_unique() -> None:
    names = [entry["name"] for entry in ENTRIES]
    assert len(set(names)) == len(names)


def test_an_entry_is_complete_and_has_no_key_that_is_not_explained() -> None:
    for entry in ENTRIES:
        assert set(entry) <= KEYS, name_of(entry)
        assert {"name", "language", "sample_rate_hz", "test_only", "licence"} <= set(entry), name_of(entry)
        assert ("path" in entry) != ("url" in entry), name_of(entry)
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", entry["language"]), name_of(entry)
        assert entry["sample_rate_hz"] in (8000, 16000), name_of(entry)


def test_an_official_model_comes_from_its_makers_by_its_name() -> None:
    assert OFFICIAL
    for entry in OFFICIAL:
        assert entry["url"] == f"https://alphacephei.com/vosk/models/{entry['name']}.zip"
        assert entry["size_mb"] > 0, name_of(entry)
        assert entry["licence"], name_of(entry)
        assert entry["test_only"] is False, name_of(entry)
        assert re.search(r"^vosk-model(-small)?-([a-z]{2})-", entry["name"] + "-"), name_of(entry)


def test_no_checksum_is_invented() -> None:
    """Nobody here has seen the archives, and their makers publish no SHA-256."""
    assert [name_of(entry) for entry in OFFICIAL if {"files", "sha256"} & set(entry)] == []


def test_the_best_of_a_language_stands_first() -> None:
    """Within a language the larger model, but for one: the big general model before the one with a smaller graph."""
    sizes: dict[str, list[int]] = {}
    for entry in OFFICIAL:
        sizes.setdefault(entry["language"], []).append(entry["size_mb"])
    assert all(size == sorted(size, reverse=True) for size in sizes.values())


def test_only_the_models_that_ship_are_for_tests() -> None:
    assert [entry["name"] for entry in ENTRIES if entry["test_only"]] == [entry["name"] for entry in ENTRIES if "path" in entry]
