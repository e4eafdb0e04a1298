"""`cc-voice models` as an operator types it."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cc_voice.commands.main import main
from tests.speech.archives import NAME, OWN, Archives, Behaviour, model_folder, serving, zipped
from tests.speech.archives import listed as entry
from tests.speech.models.test_installation import no_proxy

__all__ = ["no_proxy"]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `cc-voice models COMMAND … --data-dir <temporary>` in this process."""

    def command(*arguments: str, says: str | None = None) -> Result:
        return CliRunner().invoke(main, ["models", *arguments, "--data-dir", str(tmp_path / "data")], input=says)

    return command


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Archives]:
    with serving(zipped(model_folder(tmp_path / "source"))) as archives:
        yield archives


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "models" / NAME


def listed(run: Run, *options: str) -> dict[str, dict[str, Any]]:
    result = run("list", *options, "--json")
    assert result.exit_code == 0, result.output
    return {line["name"]: line for line in json.loads(result.stdout)}


def test_without_any_installed_the_list_shows_what_there_could_be(run: Run) -> None:
    lines = listed(run)
    shipped = {"mini-en-test", "mini-es-test"}
    assert {line["state"] for name, line in lines.items() if name not in shipped} == {"available"}
    assert {(lines[name]["state"], *lines[name]["serves"]) for name in shipped} == {("test only",)}
    assert (lines[NAME]["language"], lines[NAME]["size"], lines[NAME]["archive_mb"]) == ("pt", "small", 32)
    assert (lines[NAME]["licence"], lines[NAME]["archive_md5"]) == ("Apache-2.0", "458c69371c5a0b9ab6ee8fa417bf89da")
    assert lines[NAME]["sample_rate_hz"] is None
    table = run("list").stdout
    assert table.splitlines()[0].split() == [
        "name",
        "language",
        "size",
        "archive",
        "MB",
        "disk",
        "MB",
        "Hz",
        "licence",
        "phrases",
        "state",
        "serves",
    ]
    assert len(table.splitlines()) == len(lines) + 1


def test_the_list_says_what_a_licence_forbids_and_hides_what_is_obsolete(run: Run) -> None:
    obsolete = "vosk-model-ar-mgb2-0.4"
    lines, all_lines = listed(run), listed(run, "--all")
    assert set(all_lines) - set(lines) == {obsolete}
    assert (all_lines[obsolete]["state"], all_lines[obsolete]["obsolete"]) == ("obsolete", True)
    assert {name for name, line in lines.items() if line["non_commercial"]} == {
        "vosk-model-nl-spraakherkenning-0.6",
        "vosk-model-nl-spraakherkenning-0.6-lgraph",
        "vosk-model-tl-ph-generic-0.6",
    }
    assert lines["vosk-model-ru-0.42"]["licence"] == "not stated"
    table = run("list", "--language", "nl")
    assert "CC-BY-NC-SA, not for commercial use" in table.stdout
    assert f"not listed, as obsolete: {obsolete} (--all lists them)" in run("list", "--language", "ar").stderr


def test_a_model_that_is_obsolete_and_installed_is_listed_so(run: Run, tmp_path: Path) -> None:
    model_folder(tmp_path / "data" / "models", "vosk-model-ar-mgb2-0.4")
    assert listed(run)["vosk-model-ar-mgb2-0.4"]["state"] == "ok"
    table = run("list", "--language", "ar")
    assert "ok, obsolete" in table.stdout
    assert "--all" not in table.stderr


def test_a_language_has_its_own_list(run: Run) -> None:
    assert {line["language"] for line in listed(run, "--language", "EN_gb").values()} == {"en", "en-US", "en-GB", "en-IN"}
    assert run("list", "--language", "klingon").exit_code == 2


def test_a_model_is_fetched_listed_verified_and_removed(run: Run, mirror: Archives, place: Path) -> None:
    digest = hashlib.sha256(mirror.body).hexdigest()
    fetched = run("fetch", NAME, "--from", mirror.url)
    assert fetched.exit_code == 0, fetched.output
    assert f"warning: {mirror.url}/model-list.json says of {NAME}: size {len(mirror.body)} instead of 32453112" in fetched.stderr
    assert fetched.stdout == f"installed {place}  SHA-256 {digest} (first seen, recorded)\n"
    line = listed(run)[NAME]
    assert (line["state"], line["serves"]) == ("ok", ["pt"])
    assert line["source"] == f"{mirror.url}/{NAME}.zip"
    assert line["disk_mb"] > 1
    other = "another archive than the manifest lists"
    assert f"ok       {NAME}  (checksums and structure; {other})" in run("verify").stdout
    assert "is here and whole; nothing to do" in run("fetch", NAME, "--from", mirror.url).stdout
    assert run("remove", NAME, "--yes").stdout == f"removed {NAME}\n"
    assert listed(run)[NAME]["state"] == "available"
    assert "(as recorded on " in run("fetch", NAME, "--from", mirror.url).stdout


def test_a_language_and_a_size_name_a_model(run: Run, mirror: Archives) -> None:
    assert run("fetch", "--language", "pt-BR", "--small", "--from", mirror.url).exit_code == 0
    assert [one.path for one in mirror.requests] == [f"/{NAME}.zip"]
    mirror.plan += [Behaviour(status=404)] * 3
    for size, name in (((), "vosk-model-small-en-gb-0.15"), (("--large",), "vosk-model-en-us-0.22")):
        refused = run("fetch", "--language", "en-GB", *size, "--from", mirror.url)
        assert refused.exit_code == 1
        assert f"{mirror.url}/{name}.zip is not there" in refused.stderr


@pytest.mark.parametrize(
    ("language", "name"),
    [
        *[
            ("pl", "small-pl-0.22"),
            ("zh-CN", "cn-0.22"),
            ("zh", "cn-0.22"),
            ("ar-TN", "small-ar-tn-0.1-linto"),
            ("ko", "small-ko-0.22"),
        ],
        *[
            ("en-IN", "en-in-0.5"),
            ("kk", "kz-0.42"),
            ("tl", "tl-ph-generic-0.6"),
            ("fil-PH", "tl-ph-generic-0.6"),
            ("vi", "small-vn-0.4"),
        ],
        *[("nl", "small-nl-0.22"), ("nl --large", "nl-spraakherkenning-0.6"), ("ar", "ar-0.22-linto-1.1.0")],
    ],
)
def test_a_language_names_its_best_model_that_may_be_used(run: Run, mirror: Archives, language: str, name: str) -> None:
    mirror.plan.append(Behaviour(status=404))
    refused = run("fetch", "--language", *language.split(), "--from", mirror.url)
    assert f"{mirror.url}/vosk-model-{name}.zip is not there" in refused.stderr
    assert ("warning: " in refused.stderr) == (name.endswith(("spraakherkenning-0.6", "generic-0.6", "kz-0.42", "linto-1.1.0")))


def test_a_list_of_the_makers_knows_more_languages_than_the_manifest(run: Run, mirror: Archives, tmp_path: Path) -> None:
    name = "vosk-model-small-fi-0.1"
    mirror.body = zipped(tmp_path / "source" / NAME, name)
    mirror.list = json.dumps([entry(mirror.body, name, lang="fi")]).encode()
    done = run("fetch", "--language", "fi", "--from", mirror.url)
    assert done.exit_code == 0, done.output
    assert f"the licence of {name} is not stated" in done.stderr
    line = listed(run)[name]
    assert (line["language"], line["serves"], line["licence"], line["state"]) == ("fi", ["fi"], "not stated", "ok")
    refused = run("fetch", "--language", "fi", "--list", f"{mirror.url}/nothing.json")
    assert refused.exit_code == 1
    assert "/nothing.json is no list of models" in refused.stderr


def test_an_archive_as_its_makers_list_it_is_verified_so(run: Run, mirror: Archives, tmp_path: Path) -> None:
    run("fetch", NAME, "--from", mirror.url)
    record = tmp_path / "data" / "models" / NAME / "installed.json"
    record.write_text(record.read_text().replace(hashlib.md5(mirror.body).hexdigest(), "458c69371c5a0b9ab6ee8fa417bf89da"))
    assert f"ok       {NAME}  (checksums and structure; archive as the manifest lists it)" in run("verify").stdout


def test_without_a_size_the_preferred_one_is_fetched(run: Run, mirror: Archives, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('prefer_models = "small"\n')
    mirror.plan.append(Behaviour(status=404))
    refused = run("fetch", "--language", "de", "--from", mirror.url, "--config", str(tmp_path / "site.toml"))
    assert "vosk-model-small-de-0.15.zip is not there" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "say either the names of models, or a --language"),
        ((NAME, "--language", "pt"), 2, "say either"),
        ((NAME, "--small"), 2, "say either"),
        ((NAME, OWN, "--sha256", "00"), 2, "fetch them one by one"),
        (("--language", "ca", "--large"), 1, "no large model for ca is listed; there are: vosk-model-small-ca-0.4"),
        (("--language", "tlh"), 1, "no speech model for tlh is listed; there are: none for this language"),
        (("nobody",), 1, "there is no model nobody; `cc-voice models list` shows all"),
        (("mini-en-test",), 1, "ships with the product"),
        ((NAME, "--from", "/nowhere"), 1, "is not there; --from takes"),
    ],
)
def test_a_wrong_order_is_explained(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    refused = run("fetch", *arguments)
    assert refused.exit_code == code
    assert says in refused.stderr


def test_damage_is_listed_told_and_an_exit_status(run: Run, mirror: Archives, place: Path) -> None:
    run("fetch", NAME, "--from", mirror.url)
    (place / "README").write_text("changed")
    assert listed(run)[NAME]["state"] == "ok", "the list does not read everything"
    found = run("verify", NAME)
    assert found.exit_code == 1
    assert f"damaged  the model {NAME} has a damaged README; install it again" in found.stdout
    (place / "graph" / "words.txt").write_text("half a li")
    line = listed(run)[NAME]
    assert (line["state"], line["serves"]) == ("damaged", [])
    assert "damaged words.txt" in run("list").stderr
    assert run("verify", "--json").exit_code == 1
    assert run("verify", OWN).stderr == f"Error: the model {OWN} is not installed\n"


def test_a_model_put_here_by_hand_has_no_checksums(run: Run, place: Path) -> None:
    model_folder(place.parent)
    model_folder(place.parent, OWN)
    (place.parent / OWN / "model.toml").write_text("language = [")
    found = run("verify")
    assert found.exit_code == 1
    assert f"ok       {NAME}  (structure; no checksums are known)" in found.stdout
    assert f"{OWN}/model.toml cannot be used" in found.stdout
    assert listed(run)[OWN]["state"] == "damaged"


def test_the_test_models_serve_where_they_are_allowed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("allow_test_model = true\n")
    lines = listed(run, "--config", str(tmp_path / "site.toml"))
    assert lines["mini-en-test"]["serves"] == ["en", "en-GB", "en-IN", "en-US"]
    assert lines["mini-es-test"]["serves"] == ["es"]


def test_removing_asks_first(run: Run, mirror: Archives, place: Path) -> None:
    run("fetch", NAME, "--from", mirror.url)
    assert run("remove", NAME, says="n\n").exit_code == 1
    assert place.exists()
    assert run("remove", NAME, says="y\n").exit_code == 0
    assert not place.exists()
    assert "ships with the product and stays" in run("remove", "mini-en-test", "--yes").stderr
    assert "is not in" in run("remove", NAME).stderr


def test_a_disk_without_room_is_told_in_words(run: Run, mirror: Archives, place: Path) -> None:
    place.parent.parent.mkdir()
    place.parent.write_text("a file where the models should be")
    refused = run("fetch", NAME, "--from", mirror.url)
    assert refused.exit_code == 1
    assert "what was installed before is untouched" in refused.stderr


def test_bench_gives_numbers_with_units_and_says_what_it_assumes(run: Run) -> None:
    result = run("bench", "mini-en-test", "--seconds", "20")
    assert result.exit_code == 0, result.output
    for shown in ("s, ", "MB in each worker", "RTF 0.0", "% of a core", "cores, ", "at once: ", "with 70% of the cores"):
        assert shown in result.stdout
    found = json.loads(run("bench", "mini-en-test", "--seconds", "20", "--json").stdout)
    assert found["audio_s"] == 80.0
    assert 0 < found["rtf"] < 1
    assert found["calls"] == min(found["by_cpu"], found["by_memory"])
    assert "is not installed; here are: mini-en-test, mini-es-test" in run("bench", NAME).stderr


def test_phrases_that_a_serving_model_cannot_hear_are_told(tmp_path: Path) -> None:
    config = tmp_path / "cc-voice.toml"
    config.write_text("""
allow_test_model = true
[[phrases]]
say = ["wonderful wilson", "gold plan"]
""")
    done = CliRunner().invoke(main, ["models", "list", "--config", str(config), "--data-dir", str(tmp_path / "data"), "--json"])
    lines = {line["name"]: line for line in json.loads(done.stdout)}
    problem = "the model mini-en-test does not know all words of 'gold plan' (gold)"
    assert lines["mini-en-test"]["phrases_problem"] == problem
    assert lines["mini-en-test"]["takes_phrases"]
    assert lines["mini-es-test"]["phrases_problem"] is None
    assert {line["takes_phrases"] for line in lines.values() if line["state"] == "available"} == {None}
    table = CliRunner().invoke(main, ["models", "list", "--config", str(config), "--data-dir", str(tmp_path / "data")])
    assert problem in table.stderr
