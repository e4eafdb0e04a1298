"""Policies as files: what a text may hold, what pins one, which version is in force and which a call keeps."""

from pathlib import Path

import pytest

from cc_voice.config import policies, settings
from cc_voice.config.languages import LanguageSettings, QueueLanguages
from cc_voice.config.policies import KINDS, PolicyError
from cc_voice.config.settings import Settings, SettingsError
from cc_voice.config.thresholds import QueueThresholds

DEAD_AIR = 'format = 1\n[[thresholds]]\nname = "default"\ndead_air_ms = {}\n'


def put(data_dir: Path, kind: str, version: int, text: str) -> None:
    path = policies.version_file(data_dir, policies.kind_of(kind), version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("thresholds", "[[thresholds]]\ndead_air_ms = 'x'", "dead_air_ms of entry 1 of .* must be a whole number, not text"),
        ("thresholds", "[[thresholds]]\ndead_air = 1", "'dead_air' is no key of entry 1 .*did you mean"),
        ("thresholds", "[[thresholds]]\ndead_air_ms = -1", "dead_air_ms is -1; write 0 or more"),
        ("thresholds", "[[thresholds]]\n[[thresholds]]", "have the name 'default'"),
        ("thresholds", "[thresholds]\ndead_air_ms = 1", "must be a list, not a table"),
        ("thresholds", "format = 2\n[[thresholds]]", "format is 2"),
        ("thresholds", "[[thresholds]]\n[language]", "'language' does not belong here"),
        ("thresholds", "", r"\[\[thresholds\]\] is missing"),
        ("thresholds", "[[thresholds", "this is no TOML"),
        ("thresholds", "a" + ".a" * 3000 + " = 1", "this is no TOML|does not belong"),
        ("language", "[language]\ndefault = 'english'", "is no language tag"),
        ("language", "[language]\n[[language.queues]]\nqueue = 'b'\nlanguages = []", "has no languages"),
        ("claims", "[[claims]]\nclaim = 'groups'\nvalue = ''\nrole = 'admin'", "everybody or nobody"),
        ("claims", "[[claims]]\nclaim = 'g'\nvalue = 'v'\nrole = 'root'", "role of entry 1 of .* must be"),
        ("claims", "[[claims]]\nclaim = 'g'\nvalue = 'v'\nrole = 'agent'\nsite = true", "own calls only"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_by_name(kind: str, text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policies.read(policies.kind_of(kind), text)


def test_what_is_in_force_comes_back_from_its_own_text() -> None:
    full = Settings(
        language=LanguageSettings(default="es", queues=(QueueLanguages(queue='a "b"', languages=("es", "en-GB")),)),
        thresholds=(QueueThresholds(dead_air_ms=7), QueueThresholds(name="café", queues=("b",))),
    )
    for kind in ("language", "thresholds"):
        known = policies.kind_of(kind)
        assert policies.read(known, policies.example(known, full)) == getattr(full, kind)


def test_the_highest_version_is_in_force_and_other_files_are_none(tmp_path: Path) -> None:
    for version in (2, 9, 10):
        put(tmp_path, "thresholds", version, DEAD_AIR.format(version))
    (tmp_path / "policies" / "versions" / "thresholds-11.toml.part").write_text("x")
    (tmp_path / "policies" / "versions" / "consent-99.toml").write_text("of a newer program")
    found = policies.in_force(Settings(data_dir=tmp_path))
    assert found.thresholds[0].dead_air_ms == 10
    kinds = {"language": "default", "thresholds": "10", "claims": "default", "redaction": "default", "webhooks": "default"}
    assert dict(found.policies) == kinds
    assert policies.told(found.policies) == "language default, thresholds 10"


def test_a_working_copy_is_not_in_force(tmp_path: Path) -> None:
    put(tmp_path, "thresholds", 1, DEAD_AIR.format(1))
    policies.working_copy(tmp_path, "thresholds").write_text(DEAD_AIR.format(2))
    assert policies.in_force(Settings(data_dir=tmp_path)).thresholds[0].dead_air_ms == 1


def test_a_table_of_the_configuration_pins_its_policy_even_if_it_says_what_is_the_default(tmp_path: Path) -> None:
    put(tmp_path, "language", 1, "[language]\ndefault = 'fr'")
    put(tmp_path, "thresholds", 1, DEAD_AIR.format(1))
    config = tmp_path / "cc-voice.toml"
    config.write_text(f'data_dir = "{tmp_path}"\n[language]\ndefault = "en"\n')
    found = policies.in_force(settings.load(config, {}))
    assert (found.language.default, found.thresholds[0].dead_air_ms) == ("en", 1)
    assert dict(found.policies)["language"] == "pinned"
    by_environment = settings.load(None, {"CC_VOICE_LANGUAGE": "en", "CC_VOICE_DATA_DIR": str(tmp_path)})
    assert policies.in_force(by_environment).language.default == "en"


def test_no_file_can_say_where_policies_are_from(tmp_path: Path) -> None:
    config = tmp_path / "cc-voice.toml"
    config.write_text('policies = [["language", "3"]]')
    with pytest.raises(SettingsError, match="unknown setting 'policies'"):
        settings.load(config, {})


def test_a_call_keeps_the_versions_it_began_with_whatever_was_published_or_pinned_since(tmp_path: Path) -> None:
    put(tmp_path, "thresholds", 1, DEAD_AIR.format(1))
    began = policies.in_force(Settings(data_dir=tmp_path)).policies
    put(tmp_path, "thresholds", 2, DEAD_AIR.format(2))
    put(tmp_path, "language", 1, "[language]\ndefault = 'fr'")
    later = policies.in_force(Settings(data_dir=tmp_path))
    kept = policies.at(later, began)
    assert (kept.thresholds[0].dead_air_ms, kept.language.default, kept.policies) == (1, "en", began)
    pinned = policies.in_force(Settings(data_dir=tmp_path, thresholds=(QueueThresholds(dead_air_ms=9),)))
    assert policies.at(pinned, began).thresholds[0].dead_air_ms == 1
    assert policies.at(later, ()).policies == later.policies  # of a program that knew none


def test_a_version_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"version 7 of policy thresholds is gone .*brings it back"):
        policies.at(Settings(data_dir=tmp_path), (("thresholds", "7"),))
    put(tmp_path, "thresholds", 1, "[[")
    with pytest.raises(PolicyError, match=r"thresholds-1\.toml: this is no TOML"):
        policies.in_force(Settings(data_dir=tmp_path))


def test_what_a_folder_remembers_of_its_configuration_has_no_published_policy(tmp_path: Path) -> None:
    put(tmp_path, "thresholds", 1, DEAD_AIR.format(1))
    pinned = settings.load(None, {"CC_VOICE_LANGUAGE": "es", "CC_VOICE_DATA_DIR": str(tmp_path)})
    kept = policies.only_pinned(policies.in_force(pinned))
    assert (kept.thresholds, kept.language.default, kept.policies) == ((), "es", (("language", "pinned"),))


def test_settings_cross_a_process_border_with_their_policies(tmp_path: Path) -> None:
    put(tmp_path, "thresholds", 1, DEAD_AIR.format(1))
    found = policies.in_force(Settings(data_dir=tmp_path))
    assert settings.loads(settings.dumps(found)) == found


def test_the_kinds_are_the_tables_that_settings_know() -> None:
    assert set(KINDS) == set(settings.POLICIES)
    assert all(hasattr(Settings(), kind) for kind in KINDS)
