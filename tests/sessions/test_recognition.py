"""Which recogniser a call gets: the best that is usable, none that is broken, and one model for all who ask."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from structlog.testing import capture_logs

from cc_voice.sessions.recognition import Recognition
from cc_voice.settings import Secret, Settings, ZoomApp, bundled
from cc_voice.speech.codecs import Samples
from tests.sessions.conftest import RATE_HZ

Make = Callable[..., Recognition]


@pytest.fixture
def make(site: Settings) -> Iterator[Make]:
    """Make recognition for a site, closed in the end."""
    made: list[Recognition] = []

    def recognition(allow_test_model: bool = True, **changes: object) -> Recognition:
        made.append(Recognition(msgspec.structs.replace(site, **changes), 2, allow_test_model))
        return made[-1]

    yield recognition
    for one in made:
        one.close()


@pytest.fixture
def own_model(site: Settings) -> Path:
    """A model the site installed itself, fit for live calls, in a language the program ships none for."""
    folder = site.data_dir / "models" / "own-fr"
    shutil.copytree(bundled("models") / "mini" / "model", folder)
    (folder / "model.toml").write_text('language = "fr-FR"\nsample_rate_hz = 8000\n')
    return folder


def test_a_call_in_an_unknown_language_gets_no_recogniser(make: Make) -> None:
    recognition = make()
    assert recognition.recogniser("tlh") is None
    pipelines, model = recognition.pipelines("tlh")
    assert model is None
    assert pipelines("a", RATE_HZ).feed(bytes(RATE_HZ)) == []


def test_the_test_model_hears_only_where_it_is_allowed(make: Make) -> None:
    assert make(allow_test_model=False).recogniser("en") is None
    assert make().recogniser("en-GB") is not None


def test_recognition_may_be_switched_off(make: Make, own_model: Path) -> None:
    assert make(recogniser="none").recogniser("fr") is None
    assert make().recogniser("fr") is not None


@pytest.mark.parametrize("damage", ["words.txt", "model.toml", "unreadable"])
def test_a_broken_model_leaves_the_words_to_zoom_and_tells_the_operator_once(make: Make, own_model: Path, damage: str) -> None:
    match damage:
        case "words.txt":
            (own_model / "graph" / "words.txt").write_text("half a li")
        case "model.toml":
            (own_model / "model.toml").write_text("language = [")
        case "unreadable":
            (own_model / "conf" / "mfcc.conf").unlink()
            (own_model / "conf" / "mfcc.conf").symlink_to("mfcc.conf")
    app = ZoomApp(client_id="id", client_secret=Secret("s3cret-a"), webhook_secret=Secret("s3cret-b"))
    recognition = make(apps=(app,))
    with capture_logs() as logs:
        assert recognition.recogniser("fr") is None
        assert recognition.recogniser("fr") is None
    assert [(entry["log_level"], entry["language"]) for entry in logs] == [("error", "fr")]
    assert str(own_model.name) in logs[0]["error"] or "mfcc.conf" in logs[0]["error"]
    assert "s3cret" not in repr(logs)


def test_all_threads_share_one_model(make: Make) -> None:
    recognition, together = make(), Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return recognition.recogniser("en")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert found[0] is not None
    assert {id(one) for one in found} == {id(found[0])}


def test_channels_are_heard_in_parallel_as_one_after_the_other(make: Make, voices: tuple[Samples, Samples]) -> None:
    recognition = make()
    pipelines, model = recognition.pipelines("en")

    def words(channel: int) -> list[str]:
        pipeline = pipelines(str(channel), RATE_HZ)
        return [said.text for said in [*pipeline.feed(voices[channel].tobytes()), *pipeline.finish()]]

    expected = [words(0), words(1)] * 2
    assert model is not None
    assert expected[0]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(words, [0, 1, 0, 1])) == expected


def test_closing_waits_for_what_is_being_heard(site: Settings) -> None:
    recognition = Recognition(site, 1, allow_test_model=True)
    started, done = Barrier(2), []

    def hear() -> None:
        started.wait()
        done.append(recognition.recogniser("en"))

    recognition.pool.submit(hear)
    started.wait()
    recognition.close()
    assert len(done) == 1
