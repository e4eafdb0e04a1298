"""`cc-voice calls hear`: a part of a stored call heard again, and what is said where that cannot be."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cc_voice.simulator
from cc_voice.commands.main import main
from cc_voice.speech.models.inventory import choose, installed

GOOD_CALL = Path(cc_voice.simulator.__file__).parent / "scenarios" / "good-call.flac"


def run(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data-dir", str(site)])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A site with one call, and the call's id."""
    site = tmp_path_factory.mktemp("site")
    parties = ("--agent-channel", "0", "--customer-channel", "1", "--allow-test-model")
    done = run(site, "import", str(GOOD_CALL), *parties, "--json")
    assert done.exit_code == 0, done.output
    return site, json.loads(done.stdout)["call_id"]


def hear(stored: tuple[Path, str], *options: str, call_id: str | None = None) -> Result:
    site, call = stored
    return run(site, "calls", "hear", call_id or call, *options)


WINDOW = ("--from-ms", "17000", "--to-ms", "21000")


def test_an_account_number_is_read_from_the_recording(stored: tuple[Path, str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (stored[0] / "recordings").rglob("*") if path.is_file()}
    done = hear(stored, "--party", "customer", *WINDOW, "--only", "digits", "--allow-test-model", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["text"] == "two nine four six one eight"
    assert (found["channel_id"], found["model"]) == ("1", "mini-en-test")
    assert [word[0] for word in found["words"]] == found["text"].split()
    assert all(17_000 <= word[1] < word[2] <= 21_000 for word in found["words"])
    assert found["left_out"] == [], "nobody need hear each time that a model has no word for double"
    assert {path: path.stat().st_mtime_ns for path in (stored[0] / "recordings").rglob("*") if path.is_file()} == before


def test_phrases_come_from_a_file(stored: tuple[Path, str], tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("# products\nNinety-nine dollars\n\naccount number\nwidgetron pro\n")
    done = hear(stored, "--channel", "1", "--only", str(phrases), "--allow-test-model")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "ninety nine dollars account number"
    assert "mini-en-test does not know 'widgetron pro' (widgetron, pro)" in done.stderr


def test_a_channel_is_heard_in_its_calls_language(stored: tuple[Path, str]) -> None:
    """Not in the site's, which is English."""
    done = run(stored[0], "import", str(GOOD_CALL), "--agent-channel", "0", "--language", "es", "--allow-test-model", "--json")
    call = json.loads(done.stdout)["call_id"]
    found = hear(stored, "--channel", "0", *WINDOW, "--only", "digits", "--allow-test-model", "--json", call_id=call)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["model"] == "mini-es-test"


def test_where_nothing_of_that_is_said_that_is_the_answer(stored: tuple[Path, str]) -> None:
    done = hear(stored, "--party", "agent", "--only", "yes-no", "--allow-test-model")
    assert (done.exit_code, done.stdout) == (0, "nothing of that was heard\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "digits"), "either --party or --channel"),
        (("--party", "customer", "--channel", "1", "--only", "digits"), "either --party or --channel"),
        (("--party", "ivr", "--only", "digits"), "no channel has the party ivr in call"),
        (("--channel", "7", "--only", "digits"), "nothing was recorded of channel 7; there are: 0, 1"),
        (("--party", "agent", "--only", "digits", "--from-ms", "5000", "--to-ms", "5000"), "the window is empty"),
        (("--party", "agent", "--only", "digits", "--language", "fi"), "no installed model serves fi"),
        (("--party", "agent", "--only", "digits", "--model", "large"), "the model large is not installed; here are: mini-"),
        (("--party", "agent", "--only", "nowhere.txt"), "nowhere.txt: No such file"),
    ],
)
def test_what_cannot_be_heard_is_refused_with_the_reason(stored: tuple[Path, str], options: tuple[str, ...], says: str) -> None:
    done = hear(stored, *options, "--allow-test-model")
    assert done.exit_code != 0
    assert says in done.output
    assert "Traceback" not in done.output


def test_real_calls_are_not_heard_by_the_test_model_unasked(stored: tuple[Path, str]) -> None:
    done = hear(stored, "--party", "agent", "--only", "digits")
    assert done.exit_code == 1
    assert "no installed model serves en" in done.output


@pytest.mark.parametrize(
    ("text", "says"), [("", "must hold 1 to 500 phrases"), ("one " * 13, "at most 12 words"), ("xyzzy", "knows none")]
)
def test_a_file_of_phrases_must_be_one(stored: tuple[Path, str], tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "phrases.txt").write_text(text)
    done = hear(stored, "--party", "agent", "--only", str(tmp_path / "phrases.txt"), "--allow-test-model")
    assert done.exit_code == 1
    assert says in done.output


def test_binary_phrases_are_told(stored: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "phrases.txt").write_bytes(b"\xff\xfe")
    done = hear(stored, "--party", "agent", "--only", str(tmp_path / "phrases.txt"), "--allow-test-model")
    assert "is not UTF-8 text" in done.output


@pytest.mark.parametrize(("call_id", "says"), [("nobody", "there is no recording of call 'nobody'"), ("../x", "is no call id")])
def test_a_call_without_a_recording_is_told(stored: tuple[Path, str], call_id: str, says: str) -> None:
    done = hear(stored, "--party", "agent", "--only", "digits", call_id=call_id)
    assert done.exit_code == 1
    assert says in done.output


def test_a_model_with_a_fixed_graph_cannot_be_confined(stored: tuple[Path, str]) -> None:
    model = choose(installed(None), "en", allow_test_model=True)
    assert model is not None
    fixed = stored[0] / "models" / "fixed"
    shutil.copytree(model.path, fixed)
    (fixed / "model.toml").write_text('language = "en-ZA"\nsample_rate_hz = 8000\n')
    (fixed / "graph" / "HCLr.fst").rename(fixed / "graph" / "HCLG.fst")
    done = hear(stored, "--channel", "1", "--only", "digits", "--language", "en-ZA")
    assert done.exit_code == 1
    assert "the model fixed cannot be confined to phrases" in done.output
    other = hear(stored, "--channel", "1", *WINDOW, "--only", "digits", "--language", "en-ZA", "--allow-test-model", "--json")
    assert json.loads(other.stdout)["model"] == "mini-en-test"
