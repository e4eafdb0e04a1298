"""`cc-voice policies`, `admin` and `audit search`: what people decide from the command line, and what it would change."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cc_voice.commands.main import main
from cc_voice.config import policies
from cc_voice.config.settings import Settings
from tests.commands.test_recompute import record

TEXT = 'format = 1\n[[thresholds]]\nname = "default"\nlong_silence_ms = {}\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data")
    record(made, ["a", "b"])
    return made


def run(settings: Settings, *arguments: str, text: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*arguments, "--data-dir", str(settings.data_dir)], input=text)
    return result.exit_code, result.output


def test_thresholds_are_tried_published_shown_and_measured_with(settings: Settings) -> None:
    code, output = run(settings, "policies", "set", "thresholds", "-", "--dry-run", "--json", text=TEXT.format(4600))
    assert code == 0, output
    changed = {each["metric"]: each for each in json.loads(output)["changes"]["metrics"]}
    count = changed["long_silence_count"]
    assert (count["legs_changed"], count["mean_before"], count["mean_after"]) == (2, 1.0, 0.0)  # 48000–52500 of the example
    assert policies.in_force(settings).thresholds == ()
    assert list(settings.runs_dir.glob("*")) == []

    assert run(settings, "policies", "set", "thresholds", "-", text=TEXT.format(4600))[0] == 0
    assert run(settings, "policies", "show", "thresholds")[1].startswith(TEXT.format(4600))
    [state] = [each for each in json.loads(run(settings, "policies", "list", "--json")[1]) if each["kind"] == "thresholds"]
    assert (state["source"], state["actor"].startswith("os:")) == ("1", True)

    assert run(settings, "recompute", "--jobs", "1", "--publish")[0] == 0
    sql = "select distinct policies, long_silence_count from v_leg"
    code, output = run(settings, "sql", sql, "--format", "csv")
    assert code == 0, output
    assert '"language default, thresholds 1",0' in output


def test_an_edited_working_copy_is_published_by_name_and_never_overwritten_unseen(settings: Settings) -> None:
    run(settings, "policies", "set", "thresholds", "-", text=TEXT.format(4000))
    own = policies.working_copy(settings.data_dir, "thresholds")
    own.write_text(TEXT.format(5000))
    assert "edited, not in force" in run(settings, "policies", "list")[1]
    code, output = run(settings, "policies", "set", "thresholds", "-", text=TEXT.format(6000))
    assert (code, "+long_silence_ms = 5000" in output) == (1, True)
    assert run(settings, "policies", "set", "thresholds")[0] == 0
    assert policies.in_force(settings).thresholds[0].long_silence_ms == 5000
    code, output = run(settings, "policies", "show", "thresholds", "--history")
    assert "-long_silence_ms = 4000\n+long_silence_ms = 5000" in output
    assert run(settings, "policies", "show", "thresholds", "--version", "1")[1] == TEXT.format(4000)
    assert run(settings, "policies", "show", "thresholds", "--version", "9")[0] == 1


def test_what_cannot_be_used_is_told_in_a_sentence(settings: Settings) -> None:
    for text in ("[[", TEXT.format(-1), TEXT.format('"x"')):
        for options in ([], ["--dry-run"]):
            code, output = run(settings, "policies", "set", "thresholds", "-", *options, text=text)
            assert (code, "Traceback" in output) == (1, False)
    assert run(settings, "policies", "set", "language")[0] == 1
    code, output = run(settings, "policies", "set", "language", "-", text="[language]\ndefault = 'fr'")
    assert code == 0, output
    assert policies.in_force(settings).language.default == "fr"


def test_the_audit_log_has_the_change_and_can_be_searched(settings: Settings) -> None:
    run(settings, "policies", "set", "thresholds", "-", text=TEXT.format(4600))
    [entry] = json.loads(run(settings, "audit", "search", "policies.set", "--details", "--json")[1])
    assert (entry["action"], "long_silence_ms = 4600" in entry["detail"]) == ("change", True)
    assert "audit log" in run(settings, "audit", "search")[1]  # looking is an entry too
    assert run(settings, "audit", "search", "nothing has this")[1].startswith("entry")


def test_the_overview_the_queues_and_the_configuration(settings: Settings) -> None:
    code, output = run(settings, "admin", "overview")
    assert (code, "no service runs" in output) == (0, True)
    assert json.loads(run(settings, "admin", "overview", "--json")[1])["disk"]["free_bytes"] > 0
    assert run(settings, "admin", "queues")[0] == 0
    lines = json.loads(run(settings, "admin", "configuration", "--json")[1])
    found = {each["key"]: (each["value"], each["source"]) for each in lines}
    assert found["customer_key_salt"] == ("not set", "default")
    assert found["language.default"] == ('"en"', "default")
