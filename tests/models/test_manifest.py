"""models/manifest.toml: what installers and people read in it beside the product."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cc_voice.config.languages import LanguageSettings, checked, primary, tag
from cc_voice.speech.text_language import TextIdentifier
from cc_voice.store.dimensions import LANGUAGE_NAMES

MANIFEST = Path(__file__).resolve().parents[2] / "models" / "manifest.toml"
ENTRIES: list[dict[str, Any]] = tomllib.loads(MANIFEST.read_text())["model"]
OFFICIAL = [entry for entry in ENTRIES if "url" in entry]
ABOUT_FILES = {"path", "url", "size_bytes", "size_mb", "md5", "sha256", "files"}
KEYS = ABOUT_FILES | {"name", "language", "sample_rate_hz", "licence", "obsolete", "test_only"}


def test_the_head_of_the_file_explains_every_key() -> None:
    head = MANIFEST.read_text().partition("[[model]]")[0]
    explained = re.findall(r"^#   (\w+(?:, \w+)*)  ", head, re.MULTILINE)
    assert {key for keys in explained for key in keys.split(", ")} == KEYS


def size(entry: dict[str, Any]) -> float:
    """Return megabytes."""
    return float(entry["size_bytes"] / 1e6 if "size_bytes" in entry else entry["size_mb"])


def name_of(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def test_names_are_unique() -> None:
    names = [entry["name"] for entry in ENTRIES]
    assert len(set(names)) == len(names)


def test_an_entry_is_complete_and_has_no_key_that_is_not_explained() -> None:
    for entry in ENTRIES:
        assert set(entry) <= KEYS, name_of(entry)
        assert {"name", "language", "test_only"} <= set(entry), name_of(entry)
        assert ("path" in entry) != ("url" in entry), name_of(entry)
        assert entry["language"] == tag(entry["language"])
        rate = 8000 if "path" in entry else None
        assert entry.get("sample_rate_hz") == rate, f"{name_of(entry)}: nobody here has seen the others"


def test_an_official_model_comes_from_its_makers_by_its_name() -> None:
    assert OFFICIAL
    for entry in OFFICIAL:
        assert entry["url"] == f"https://alphacephei.com/vosk/models/{entry['name']}.zip"
        assert ("size_bytes" in entry) == ("md5" in entry), f"{name_of(entry)}: both are from the makers' list"
        assert size(entry) > 0, name_of(entry)
        assert entry["test_only"] is False, name_of(entry)
        assert "md5" not in entry or re.fullmatch(r"[0-9a-f]{32}", entry["md5"]), name_of(entry)
        assert re.search(r"^vosk-model(-small)?-([a-z]{2})-", entry["name"] + "-"), name_of(entry)


def test_no_checksum_is_invented() -> None:
    """Nobody here has seen the archives, and their makers publish MD5 only."""
    assert [name_of(entry) for entry in OFFICIAL if {"files", "sha256"} & set(entry)] == []


def test_the_best_of_a_language_stands_first() -> None:
    """Within a language the larger model, but for one: the big general model before the one with a smaller graph."""
    sizes: dict[str, list[float]] = {}
    for entry in OFFICIAL:
        sizes.setdefault(entry["language"], []).append(size(entry))
    assert all(size == sorted(size, reverse=True) for size in sizes.values())


def test_every_small_model_of_the_makers_is_listed_with_its_checksum_and_licence() -> None:
    """32 in 32 of their languages and regions, as their list had them on the day it was read."""
    small = [entry for entry in OFFICIAL if "-small-" in entry["name"]]
    assert len({entry["language"] for entry in small}) == len(small) == 32
    assert all("md5" in entry for entry in small)
    assert {entry["language"]: entry["licence"] for entry in small if entry["licence"] != "Apache-2.0"} == {
        "cs": "MIT",
        "sv": "MIT",
    }
    assert len({entry["md5"] for entry in small}) == 32


def test_every_language_of_the_manifest_has_a_name_and_is_told_from_others() -> None:
    tags = {entry["language"] for entry in OFFICIAL}
    primaries = {primary(language) for language in tags}
    assert len(primaries) == 32
    assert primaries <= set(LANGUAGE_NAMES)
    identifier = TextIdentifier()
    assert primaries == {language for language, _ in identifier.identify("words", primaries)}
    assert identifier.surest("Magandang umaga po, ano po ang maipaglilingkod ko sa inyo?", primaries) == (
        "fil",
        pytest.approx(1, abs=0.1),
    )
    checked(LanguageSettings(default="pl", languages=tuple(sorted(tags))))


def test_only_the_models_that_ship_are_for_tests() -> None:
    assert [entry["name"] for entry in ENTRIES if entry["test_only"]] == [entry["name"] for entry in ENTRIES if "path" in entry]
