"""A call whose customer changes from English to Spanish, with the real tiny models: every segment ends in its own language."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from cc_voice.call.batch import CallMeasured
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.rows import UtteranceRow
from cc_voice.call.transcript.language_track import retagged, track
from cc_voice.config.languages import LanguageSettings, QueueLanguages
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.media.recompute_runs import RunPlan
from cc_voice.rtms import events as rtms
from cc_voice.sessions import completion
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.recomputation import decode_again
from cc_voice.sessions.second_pass import identified
from cc_voice.speech.codecs import read_audio
from cc_voice.speech.errors import RecogniserError
from cc_voice.speech.recogniser import Recogniser, RecogniserFactory
from cc_voice.speech.sample_rates import resample
from tests.call.calls import zoom
from tests.sessions.conftest import AGENT, CUSTOMER, ENDED, OPENING, RATE_HZ, T0, Stream, audio, event, interleaved, spec
from tests.speech.conftest import SCENARIOS

SWITCH_MS = 3_000
"""How far a change of language may be from the script's."""
SHARE = 5.0


class Script(msgspec.Struct):
    packets: list[rtms.Audio]
    lines: list[dict[str, Any]]

    def words(self, tag: Callable[[int, dict[str, Any]], str | None], delay_ms: int = 400) -> list[rtms.Transcript]:
        """Zoom's lines; `tag` gives each (number and line) the language that Zoom believes it is in."""
        return [
            rtms.Transcript(
                source=AGENT if line["channel_id"] == "ch-a1" else CUSTOMER,
                text=line["text"],
                timestamp_ms=T0 + line["end_ms"] + delay_ms,
                start_ms=T0 + line["start_ms"],
                end_ms=T0 + line["end_ms"],
                language=tag(number, line),
            )
            for number, line in enumerate(self.lines)
        ]

    def first(self, channel_id: str, language: str) -> int:
        return next(line["start_ms"] for line in self.lines if (line["channel_id"], line["language"]) == (channel_id, language))

    def share(self, channel_id: str, language: str) -> float:
        mine = [line for line in self.lines if line["channel_id"] == channel_id]
        spoken = [(line["language"], sum(end - start for start, end in line["speech"])) for line in mine]
        return 100 * sum(ms for name, ms in spoken if name == language) / sum(ms for _, ms in spoken)


@pytest.fixture(scope="module")
def script() -> Script:
    found = read_audio(SCENARIOS / "english-to-spanish.flac")
    agent, customer = (resample(one, found.sample_rate_hz, RATE_HZ) for one in found.channels)
    lines = json.loads((SCENARIOS / "english-to-spanish.json").read_text())["lines"]
    return Script(interleaved(audio(AGENT, agent), audio(CUSTOMER, customer)), lines)


def late(lag_ms: int) -> Callable[[int, dict[str, Any]], str | None]:
    """Zoom notices the change, at 21 s in this call, so much later."""
    return lambda _, line: "es" if line["language"] == "es" and line["start_ms"] > 21_000 + lag_ms else "en"


def right(_: int, line: dict[str, Any]) -> str:
    return str(line["language"])


def in_order(packets: list[rtms.Audio], words: list[rtms.Transcript]) -> list[rtms.Event]:
    return sorted([*packets, *words], key=lambda one: one.timestamp_ms)


def local(measured: CallMeasured, language: str) -> list[UtteranceRow]:
    return [row for row in measured.call.utterances if row.source == "local" and row.language_code == language]


def check(measured: CallMeasured | None, script: Script) -> CallMeasured:
    """Switches, shares and words are those of the script."""
    assert measured is not None
    for channel_id, party in (("ch-a1", "agent"), ("ch-c1", "customer")):
        (switch,) = [row for row in measured.call.intervals if (row.kind, row.party) == ("lang_switch", party)]
        assert abs(switch.end_ms - script.first(channel_id, "es")) < SWITCH_MS
        shares = {row.language_code: row.share_pct for row in measured.call.leg_languages if row.party == party}
        assert shares["es"] == pytest.approx(script.share(channel_id, "es"), abs=SHARE)
        assert set(shares) == {"en", "es"}
    spanish = " ".join(row.text for row in local(measured, "es"))
    assert "no hablo mucho inglés" in spanish
    assert "gracias por llamar" in spanish
    assert {row.asr_model for row in local(measured, "es")} == {"mini-es-test"}
    assert "i do not understand" in " ".join(row.text for row in local(measured, "en"))
    assert {row.source for row in measured.call.utterances} == {"local"}
    return measured


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param(right, id="right"),
        pytest.param(late(10_000), id="10 s late", marks=pytest.mark.nightly),
        pytest.param(late(20_000), id="20 s late", marks=pytest.mark.nightly),
        pytest.param(late(30_000), id="30 s late"),
        pytest.param(lambda *_: None, id="absent"),
        pytest.param(lambda n, line: "en" if n == 8 else line["language"], id="wrong once", marks=pytest.mark.nightly),
    ],
)
async def test_tags_of_any_quality(stream: Stream, script: Script, tag: Callable[[int, dict[str, Any]], str | None]) -> None:
    measured = check(await stream.run(*OPENING, *in_order(script.packets, script.words(tag)), ENDED), script)
    (leg,) = measured.call.legs
    assert (leg.lang_switch_count, leg.unsupported_lang_ms) == (2, 0)
    assert leg.asr_model == "mini-en-test and mini-es-test"


async def test_without_any_transcript_recognisers_are_compared(stream: Stream, script: Script) -> None:
    measured = check(await stream.run(*OPENING, *script.packets, ENDED), script)
    assert {row.outcome for row in measured.call.intervals if row.kind == "language"} == {"recognisers"}


async def test_a_site_may_do_without_comparing(site: Settings, recognition: Recognition, script: Script) -> None:
    stream = Stream(msgspec.structs.replace(site, language=LanguageSettings(compare=False)), recognition)
    measured = await stream.run(*OPENING, *script.packets, ENDED)
    assert measured is not None
    assert {row.language_code for row in measured.call.utterances} == {"en"}
    assert {row.reason for row in measured.call.null_reasons if row.metric == "lang_switch_count"} == {"no_language_evidence"}


async def test_the_result_does_not_depend_on_when_words_come(
    site: Settings, recognition: Recognition, script: Script, tmp_path: Path
) -> None:
    words = script.words(late(20_000))
    results = []
    orders = [in_order(script.packets, words), [*script.packets, *words], [*words, *script.packets]]
    for number, order in enumerate(orders):
        stream = Stream(msgspec.structs.replace(site, data_dir=tmp_path / str(number)), recognition)
        measured = await stream.run(*OPENING, *order, ENDED)
        assert measured is not None
        results.append(measured.call)
    assert results[0] == results[1] == results[2]


async def test_a_call_heard_again_after_a_crash_is_the_same(
    stream: Stream, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "compress", lambda *_, **__: None)
    first = await stream.run(*OPENING, *in_order(script.packets, script.words(late(10_000))), ENDED)
    completion.complete(spec(stage="recorded"), stream.site, stream.recognition, stream.deliver)
    assert first is not None
    assert stream.measured is not None
    assert stream.measured.call == first.call


async def test_a_queue_with_one_language_has_only_that(site: Settings, recognition: Recognition, script: Script) -> None:
    rules = (QueueLanguages(queue="Atención", languages=("es",)),)
    stream = Stream(msgspec.structs.replace(site, language=LanguageSettings(queues=rules)), recognition)
    queued = event("user_answered", 100, AGENT, user_id="a1", display_name="Sam", queue_name="Atención")
    measured = await stream.run(*OPENING[:-1], queued, *in_order(script.packets, script.words(right)), ENDED)
    assert measured is not None
    assert {row.language_code for row in measured.call.utterances} == {"es"}
    assert {row.reason for row in measured.call.null_reasons if row.metric == "lang_switch_count"} == {"language_fixed"}
    assert measured.call.call.primary_language == "es"


async def test_a_language_without_model_is_zooms(stream: Stream, script: Script) -> None:
    german = "Guten Tag, ich habe ein Problem mit meinem Telefon."
    words = [
        msgspec.structs.replace(one, text=german, language="de") if line["language"] == "es" else one
        for one, line in zip(script.words(right), script.lines, strict=True)
    ]
    measured = await stream.run(*OPENING, *in_order(script.packets, words), ENDED)
    assert measured is not None
    assert {(row.source, row.language_code) for row in measured.call.utterances} == {("local", "en"), ("zoom", "de")}
    (leg,) = measured.call.legs
    spoken = sum(row.speech_ms for row in measured.call.leg_languages if row.language_code == "de")
    assert leg.unsupported_lang_ms == spoken > 10_000


GERMAN = ("Entschuldigung, mein Englisch ist nicht so gut.", "Meine letzte Rechnung ist viel zu hoch.", "Vielen Dank.")


@pytest.mark.parametrize("is_open", [True, False])
def test_a_language_that_nobody_expected_and_nobody_tagged(recognition: Recognition, is_open: bool) -> None:
    """Two long lines of it; the third is too short to tell by itself."""
    texts = ("I have a problem with my account.", *GERMAN, "Is there anything else I can help you with?")
    lines = [zoom("c", (5_000 * n, 5_000 * n + 3_000), text) for n, text in enumerate(texts)]
    untagged = [msgspec.structs.replace(line, tagged=None) for line in lines]
    policy = LanguagePolicy(default="en", languages=("en", "es"), is_open=is_open)
    found = track(identified(untagged, policy, recognition.identifier), policy)
    expected = ["en", "de", "en"] if is_open else ["en"]
    assert [stretch.language for stretch in found.stretches] == expected
    one = track(identified(untagged[:2], policy, recognition.identifier), policy)
    assert [stretch.language for stretch in one.stretches] == ["en"], "one line is not enough"


JAPANESE = "先月の料金が二回引き落とされています"


@pytest.mark.parametrize("tag", [None, "en"], ids=["absent", "wrong"])
@pytest.mark.parametrize("is_open", [True, False])
def test_one_line_in_a_script_of_its_own_is_enough(recognition: Recognition, is_open: bool, tag: str | None) -> None:
    """Identification among the site's languages is sure that it is English; also a line too short for it, "はい", is none."""
    texts = ("I have a problem with my account.", JAPANESE, "はい", "OK", "Is there anything else I can help you with?")
    said = [zoom("c", (5_000 * n, 5_000 * n + 3_000), text) for n, text in enumerate(texts)]
    said = [msgspec.structs.replace(line, tagged=tag) for line in said]
    policy = LanguagePolicy(default="en", languages=("en", "es"), is_open=is_open)
    words = identified(said, policy, recognition.identifier)
    found = track(words, policy)
    assert [stretch.language for stretch in found.stretches] == ["en", "ja", "en"]
    assert found.at(11_000) == "ja"
    lines = retagged(words, {"c": found})
    assert [line.language for line in lines][:3] == ["en", "ja", "ja"]


@pytest.mark.parametrize("tag", [None, "hi", "en"], ids=["absent", "right", "wrong"])
@pytest.mark.parametrize("is_open", [True, False])
def test_hindi_in_latin_letters_is_hindi(recognition: Recognition, is_open: bool, tag: str | None) -> None:
    """Identification is sure that it is English: it knows Hindi in its own script only."""
    texts = (
        "I have a problem with my account.",
        "Mera refund abhi tak nahi aaya hai",
        "Mujhe kal bola gaya tha ki paisa wapas milega",
        "Is there anything else I can help you with?",
    )
    said = [zoom("c", (5_000 * n, 5_000 * n + 3_000), text) for n, text in enumerate(texts)]
    said = [msgspec.structs.replace(line, tagged=tag if 0 < n < 3 else "en" if tag else None) for n, line in enumerate(said)]
    policy = LanguagePolicy(default="en", is_open=True) if is_open else LanguagePolicy(default="en", languages=("en", "hi"))
    found = track(identified(said, policy, recognition.identifier), policy)
    assert [(stretch.language, stretch.start_ms) for stretch in found.stretches] == [("en", 0), ("hi", 5_000), ("en", 15_000)]


@pytest.mark.parametrize("languages", [(), ("en", "hi", "it")], ids=["open", "written down"])
def test_what_only_looks_unlike_english_is_not_hindi(recognition: Recognition, languages: tuple[str, ...]) -> None:
    texts = (
        "Buongiorno, ho un problema con la bolletta di questo mese",
        "Se non lo hai ancora fatto, ne parliamo domani con calma",
    )
    said = [zoom("c", (5_000 * n, 5_000 * n + 3_000), text, "it") for n, text in enumerate(texts)]
    policy = LanguagePolicy(default="en", languages=languages, is_open=not languages)
    words = identified(said, policy, recognition.identifier)
    assert [stretch.language for stretch in track(words, policy).stretches] == ["it"]


def test_a_fixed_language_stays_whatever_is_written(recognition: Recognition) -> None:
    policy = LanguagePolicy(default="en", identify=False)
    words = identified([zoom("c", (0, 3_000), JAPANESE)], policy, recognition.identifier)
    assert [stretch.language for stretch in track(words, policy).stretches] == ["en"]


def test_a_line_without_words_keeps_its_tag(recognition: Recognition) -> None:
    policy = LanguagePolicy(default="en", languages=("en", "ja"))
    texts = ("I have a problem with my account.", "…", "Is there anything else I can help you with?")
    tagged = zip(texts, ("en", "ja", "en"), strict=True)
    said = [zoom("c", (5_000 * n, 5_000 * n + 3_000), text, tag) for n, (text, tag) in enumerate(tagged)]
    words = identified(said, policy, recognition.identifier)
    found = track(words, policy)
    assert [stretch.language for stretch in found.stretches] == ["en"]
    assert [line.language for line in retagged(words, {"c": found})] == ["en", "ja", "en"]


class OnlySpanish(Recognition):
    """Recognition at a site that has installed one model, of another language than its default."""

    def languages(self) -> tuple[str, ...]:
        return ("es",)

    def recogniser(self, language: str) -> RecogniserFactory | None:
        return super().recogniser(language) if language == "es" else None


async def test_a_call_nobody_wrote_down_is_heard_by_the_only_model(site: Settings, script: Script) -> None:
    only = OnlySpanish(site, threads=1, allow_test_model=True)
    stream = Stream(site, only)
    measured = await stream.run(*OPENING, *script.packets, ENDED)
    assert measured is not None
    assert {(row.source, row.language_code) for row in measured.call.utterances} == {("local", "es")}
    assert "no hablo mucho inglés" in " ".join(row.text for row in measured.call.utterances)
    assert {row.reason for row in measured.call.null_reasons if row.metric == "lid_conf_mean"} == {"no_language_evidence"}
    (again,) = decode_again(
        [measured.call_id], site, RunPlan(what="recognition", metric_version="3", settings_digest=""), only, threads=1
    )
    only.close()
    assert again.problem is None
    assert again.measured is not None
    assert again.measured.call == measured.call


class Broken(Recognition):
    """Recognition whose Spanish model is installed and does not load."""

    def recogniser(self, language: str) -> RecogniserFactory | None:
        return None if language == "es" else super().recogniser(language)


async def test_a_model_that_does_not_load_is_not_compared(site: Settings, script: Script) -> None:
    """What English made of a segment is nothing that Spanish could be believed for."""
    broken = Broken(site, threads=1, allow_test_model=True)
    measured = await Stream(site, broken).run(*OPENING, *script.packets, ENDED)
    broken.close()
    assert measured is not None
    assert {row.reason for row in measured.call.null_reasons if row.metric == "lid_conf_mean"} == {"no_language_evidence"}


class Ill(Recognition):
    """Recognition whose Spanish recognisers fail on every segment."""

    def recogniser(self, language: str) -> RecogniserFactory | None:
        found = super().recogniser(language)
        return IllFactory(found) if found is not None and language == "es" else found


class IllFactory:
    def __init__(self, of: RecogniserFactory) -> None:
        self.model_name, self.language = of.model_name, of.language

    def create(self, sample_rate_hz: int) -> Recogniser:
        raise RecogniserError("no memory for a recogniser")


async def test_recognisers_that_fail_leave_zooms_words(site: Settings, script: Script) -> None:
    ill = Ill(site, threads=1, allow_test_model=True)
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs, structlog.contextvars.bound_contextvars(call_id="mine"):
        measured = await Stream(site, ill).run(*OPENING, *in_order(script.packets, script.words(right)), ENDED)
    ill.close()
    told = [entry for entry in logs if "lost" in entry["event"]]
    assert told
    assert {(entry["call_id"], entry["error"]) for entry in told} == {("mine", "no memory for a recogniser")}
    assert measured is not None
    assert {(row.source, row.language_code) for row in measured.call.utterances} == {("local", "en"), ("zoom", "es")}
