"""Recognition: which recogniser a call gets: the best that is usable, none that is broken, and one model for all who ask."""

import gc
import shutil
import sys
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import msgspec
import pytest
import vosk as Vosk
from structlog.testing import capture_logs

from cc_voice.config.phrase_lists import PhraseList
from cc_voice.config.settings import Secret, Settings, ZoomApp, bundled
from cc_voice.sessions.recognition import Recognition
from cc_voice.speech import vosk
from cc_voice.speech.codecs import Samples
from cc_voice.speech.machine import this_machine
from cc_voice.speech.phrase_boosting import WithPhrases
from cc_voice.speech.recogniser_pool import RecogniserPool
from cc_voice.speech.voice_activity import silero
from cc_voice.speech.voice_activity.detector import detectors, recorded_name
from tests.sessions.conftest import RATE_HZ

Make = Callable[..., Recognition]


@pytest.fixture
def make(site: Settings) -> Iterator[Make]:
    """Make recognition for a site, closed in the end."""
    made: list[Recognition] = []

    def recognition(allow_test_model: bool = True, engines: "RecogniserPool[Any] | None" = None, **changes: object) -> Recognition:
        made.append(Recognition(msgspec.structs.replace(site, **changes), 2, allow_test_model, engines))
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
    pipelines, model, _ = recognition.pipelines("tlh")
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


# ---- models that come and go while the service runs


def install(site: Settings, name: str, language: str = "fr") -> Path:
    """Put a model in place as `cc-voice models fetch` does: by one rename."""
    beside = site.data_dir / "models" / ".incoming" / name
    shutil.copytree(bundled("models") / "mini" / "model", beside)
    (beside / "model.toml").write_text(f'language = "{language}"\nsample_rate_hz = 8000\nsmall = {str("small" in name).lower()}\n')
    return beside.rename(site.data_dir / "models" / name)


def test_a_model_installed_meanwhile_serves_the_next_call(make: Make, site: Settings) -> None:
    recognition = make()
    before = recognition.pipelines("fr")
    assert before.model is None
    install(site, "small-fr")
    assert before.make("a", RATE_HZ).feed(bytes(RATE_HZ)) == []
    assert recognition.pipelines("fr").model == "small-fr"
    install(site, "big-fr")
    assert recognition.pipelines("fr").model == "big-fr"
    assert make(prefer_models="small").pipelines("fr").model == "small-fr"


@pytest.mark.parametrize("is_kept", [False, True], ids=["new", "kept"])
def test_a_removed_model_serves_its_calls_to_the_end_and_then_leaves_memory(
    make: Make, site: Settings, voices: tuple[Samples, Samples], is_kept: bool
) -> None:
    """Also where its recognisers are kept warm: they would hold the model."""
    folder = install(site, "own-fr")
    engines: RecogniserPool[Any] = RecogniserPool(100.0 if is_kept else 0.0, smallest_graph_mb=0.0)
    recognition = make(engines=engines)
    call, model = recognition.pipelines("fr"), weakref.ref(recognition.recogniser("fr"))
    shutil.rmtree(folder)
    assert recognition.pipelines("fr").model is None
    pipeline = call.make("a", RATE_HZ)
    assert [*pipeline.feed(voices[0].tobytes()), *pipeline.finish()]
    assert model() is not None
    assert engines.counts().kept == is_kept
    del call, pipeline
    gc.collect()
    assert model() is None
    assert engines.counts().kept == 0


def test_calls_at_once_hear_their_own_words_through_recognisers_that_are_kept(make: Make, voices: tuple[Samples, Samples]) -> None:
    """Two parties of three calls, block by block in the threads of a worker, as without any kept."""

    def words(recognition: Recognition, number: int) -> list[tuple[str, int, int]]:
        pipeline = recognition.pipelines("en").make(f"channel-{number}", RATE_HZ)
        pcm, step = voices[number % 2].tobytes(), RATE_HZ * 2
        found = [said for at in range(0, len(pcm), step) for said in pipeline.feed(pcm[at : at + step])]
        return [(said.text, said.start_ms, said.end_ms) for said in (*found, *pipeline.finish())]

    expected = [words(make(), number) for number in range(2)]
    engines: RecogniserPool[Any] = RecogniserPool(0.5, smallest_graph_mb=0.0)
    recognition = make(engines=engines)
    with ThreadPoolExecutor(3) as threads:
        heard = list(threads.map(lambda number: words(recognition, number), range(6)))
    assert heard == expected * 3
    counts = engines.counts()
    assert counts.lent >= 3 * sum(map(len, expected))
    assert 0 < counts.fresh < counts.lent
    assert (counts.kept <= 2, counts.out, counts.spoilt) == (True, 0, 0)


def test_what_is_kept_warm_is_a_quarter_of_the_memory_or_what_is_set(make: Make) -> None:
    assert make(warm_memory_mb=700).engines.counts().budget_mb == 700.0
    whole = this_machine().memory_mb
    assert whole is not None
    assert make().engines.counts().budget_mb == pytest.approx(whole / 4)


def test_what_did_not_change_is_not_loaded_again(make: Make, site: Settings) -> None:
    recognition = make()
    english = recognition.recogniser("en")
    assert recognition.recogniser("en-GB") is english
    install(site, "own-fr")
    assert recognition.recogniser("en") is english
    french = recognition.recogniser("fr")
    install(site, "own-es", "es")
    assert recognition.recogniser("fr") is french


def test_a_damaged_model_is_told_and_the_next_best_serves(make: Make, site: Settings) -> None:
    install(site, "small-fr")
    (install(site, "big-fr") / "graph" / "words.txt").write_text("half a li")
    with capture_logs() as logs:
        assert make().pipelines("fr").model == "small-fr"
    assert [entry["error"] for entry in logs if entry["log_level"] == "error"] == [
        "the model big-fr has a damaged words.txt; install it again"
    ]


def test_a_model_still_being_copied_serves_once_it_is_whole(make: Make, site: Settings) -> None:
    folder, recognition = install(site, "own-fr"), make()
    whole = (folder / "graph" / "HCLr.fst").read_bytes()
    (folder / "graph" / "HCLr.fst").write_bytes(b"")
    assert recognition.recogniser("fr") is None
    (folder / "graph" / "HCLr.fst").write_bytes(whole)
    assert recognition.recogniser("fr") is not None


def test_while_a_new_model_loads_calls_go_on_with_the_old(make: Make, site: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "small-fr")
    recognition, loading, go_on = make(), Event(), Event()
    old = recognition.recogniser("fr")
    install(site, "big-fr")
    open_model = Vosk.Model

    def slow(model_path: str) -> object:
        loading.set()
        assert go_on.wait(30)
        return open_model(model_path=model_path)

    monkeypatch.setattr(Vosk, "Model", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(recognition.recogniser, "fr")
        assert loading.wait(30)
        assert recognition.recogniser("fr") is old
        go_on.set()
        new = first.result(30)
    assert new is not None
    assert new.model_name == "big-fr"
    assert recognition.recogniser("fr") is new


def test_channels_are_heard_in_parallel_as_one_after_the_other(make: Make, voices: tuple[Samples, Samples]) -> None:
    recognition = make()
    pipelines, model, _ = recognition.pipelines("en")

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


def test_calls_are_heard_by_both_detectors_unless_the_site_says_otherwise(make: Make) -> None:
    assert make().pipelines("en")[0]("a", RATE_HZ).detector == recorded_name(detectors("silero")(RATE_HZ))
    assert make(vad="webrtc").pipelines("en")[0]("a", RATE_HZ).detector == recorded_name(detectors("webrtc")(RATE_HZ))


def test_without_silero_calls_are_heard_by_webrtcs_detector_and_the_operator_is_told_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    silero.load.cache_clear()
    recognition = make(recogniser="none")
    with capture_logs() as logs:
        names = [recognition.pipelines("en")[0](channel, RATE_HZ).detector for channel in "ab"]
    assert names == [recorded_name(detectors("webrtc")(RATE_HZ))] * 2
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert "onnxruntime" in entry["error"]


PHRASES = (PhraseList(say=("wonderful wilson", "gold plan")), PhraseList(say=("plan maravilloso",), language="fr"))


def test_phrases_of_the_site_are_preferred_in_their_language(make: Make) -> None:
    recognition = make(phrases=PHRASES)
    with capture_logs() as logs:
        preferring, again, other = (recognition.recogniser(tag) for tag in ("en", "en-GB", "es"))
    assert isinstance(preferring, WithPhrases)
    assert isinstance(again, WithPhrases)
    assert not isinstance(other, WithPhrases)
    assert preferring.model_name == "mini-en-test"
    (told,) = [one for one in logs if one["log_level"] == "warning"]
    assert (told["model"], told["problem"]) == ("mini-en-test", "the model does not know all words of 'gold plan' (gold)")
    recogniser = preferring.create(RATE_HZ)
    recogniser.accept(bytes(RATE_HZ))
    assert recogniser.finish().text == ""


def test_a_model_that_takes_no_phrases_hears_without_and_is_told_once(make: Make, own_model: Path) -> None:
    (own_model / "graph" / "HCLr.fst").rename(own_model / "graph" / "HCLG.fst")
    recognition = make(phrases=PHRASES)
    with capture_logs() as logs:
        plain = recognition.recogniser("fr"), recognition.recogniser("fr-CA")
    assert all(isinstance(one, vosk.VoskFactory) for one in plain)
    (told,) = [one for one in logs if one["log_level"] == "warning"]
    assert told["problem"] == "the model own-fr cannot be confined to phrases; models with HCLr.fst and Gr.fst can"


def test_a_model_that_knows_no_phrase_hears_without(make: Make, own_model: Path) -> None:
    recognition = make(phrases=PHRASES)
    with capture_logs() as logs:
        assert isinstance(recognition.recogniser("fr"), vosk.VoskFactory)
    assert "the model own-fr knows none of the phrases: 'plan maravilloso'" in logs[-1]["problem"]
