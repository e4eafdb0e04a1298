"""The small Korean model of Vosk's makers, as an operator meets it: fetched, verified, measured, and hearing recordings and a call.

There are no references for the recordings, so what is said here is that words come, with times and confidence, and which of them
every hearing agreed on; not how many are right.
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cc_voice.config.languages import LanguageSettings
from cc_voice.config.settings import Settings
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.scenario import Party
from cc_voice.simulator.server import Simulator
from cc_voice.speech.models.inventory import installed, vocabulary
from cc_voice.web.access.accounts import Accounts
from tests.real.conftest import MODEL, Run
from tests.system.conftest import APP, Appliance, announce
from tests.web.conftest import ALL

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

HOTEL = "clips/ko/ibm_ko-KR_hotel-booking-1_16k.wav"
RECORDINGS = {HOTEL: 8, "clips/ko/picovoice_test_ko_16k.wav": 4, "calls/ibm_ko-KR_insurance-agent-1_mono_8k.wav": 20}
"""And how many words each has at least."""
SPEED = 0.2
"""Of the live call: a busy machine, too, has the model loaded before it is over, and shows words while they are said."""
HANGUL = re.compile(r"[가-힣]")


@pytest.fixture(scope="module")
def imported(run: Run, corpus: Path) -> dict[str, dict[str, Any]]:
    """The Korean recordings of the corpus, imported: by name what `calls show --json` says, and how long they are."""
    found = {}
    for name in RECORDINGS:
        done = run("import", str(corpus / name), "--language", "ko-KR", "--json")
        assert done.exit_code == 0, done.output
        call = json.loads(done.stdout)
        shown = run("calls", "show", call["call_id"], "--json")
        assert shown.exit_code == 0, shown.output
        found[name] = {**json.loads(shown.stdout), "call_id": call["call_id"], "duration_ms": call["duration_ms"]}
    return found


def test_it_is_whole_and_serves_korean(run: Run) -> None:
    done = run("models", "verify", MODEL)
    assert (done.exit_code, done.stdout) == (0, f"ok       {MODEL}  (checksums and structure)\n")
    (line,) = [one for one in json.loads(run("models", "list", "--json").stdout) if one["name"] == MODEL]
    assert (line["state"], line["takes_phrases"], line["serves"]) == ("ok", True, ["ko"])


def test_its_words_are_read_from_the_graph(site: Path) -> None:
    (info,) = [one for one in installed(site / "models") if one.name == MODEL]
    began = time.process_time()
    words = vocabulary(info)
    assert time.process_time() - began < 10, "about 0.8 s on a quiet machine"
    assert len(words) == 503_352
    assert {"<eps>", "고객님", "[4]", "<UNK>"} <= words


def test_it_is_measured(run: Run) -> None:
    done = run("models", "bench", MODEL, "--seconds", "5", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["calls"] >= 0
    assert found["model_mb"] > 100, "half a gigabyte, by the graph; the tiny models have three megabytes"
    assert found["rtf"] > 0.02


def test_recordings_are_words_with_times_and_confidence(imported: dict[str, dict[str, Any]]) -> None:
    for name, least in RECORDINGS.items():
        spoken = imported[name]["utterances"]
        words = [word for one in spoken for word in one["words"]]
        assert len(words) >= least, name
        assert {one["asr_model"] for one in spoken} == {MODEL}
        assert all(0 <= one["start_ms"] < one["end_ms"] <= imported[name]["duration_ms"] + 500 for one in words), name
        assert all(0 < one["conf"] <= 1 for one in words), name
        assert not any(mark in one["word"] for one in words for mark in "[<!#"), "neither marks nor brackets around numbers"
        assert sum(bool(HANGUL.search(one["word"])) for one in words) > len(words) / 2, name
    assert "가능한가요" in " ".join(one["text"] for one in imported[HOTEL]["utterances"])


def test_digits_and_phrases_are_heard_again_or_not_invented(run: Run, imported: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """Nobody reads digits in the hotel's recording, and the word for `possible?` is said once."""
    call, channel = imported[HOTEL]["call_id"], next(iter(imported[HOTEL]["channels"]))
    digits = run("calls", "hear", call, "--channel", channel, "--only", "digits", "--json")
    assert digits.exit_code == 0, digits.output
    assert len(json.loads(digits.stdout)["words"]) <= 2, "confined to digits alone the model hears 25"
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("가능한가요\n없는낱말\n")
    found = run("calls", "hear", call, "--channel", channel, "--only", str(phrases), "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["text"] == "가능한가요"
    assert [one["phrase"] for one in json.loads(found.stdout)["left_out"]] == ["없는낱말"]


@pytest.fixture
def serving(site: Path) -> Iterator[Appliance]:
    korea = LanguageSettings(default="ko")
    settings = Settings(data_dir=site, listen="127.0.0.1:0", apps=(APP,), workers=1, allow_insecure_links=True, language=korea)
    built = Appliance(settings)
    built.start()
    yield built
    built.stop()


async def test_a_live_call_is_shown_while_it_is_spoken_and_a_model_put_anew_hears_the_next(
    serving: Appliance, site: Path, run: Run, korean: Path, corpus: Path
) -> None:
    accounts = Accounts(site / "auth.sqlite")
    accounts.create(
        "program",
        secrets.token_urlsafe(24),
        "admin",
        must_change=False,
        access=ALL,
    )
    headers = {"authorization": f"Bearer {accounts.create_token('program', 'program', time.time())}"}
    accounts.close()
    config = SimulatorConfig(
        client_id=APP.client_id, client_secret=str(APP.client_secret), webhook_secret=str(APP.webhook_secret), keep_alive_s=2.0
    )
    async with Simulator(config) as zoom, httpx.AsyncClient(base_url=serving.address, headers=headers, timeout=None) as http:
        for attempt in range(2):
            shown: list[dict[str, Any]] = []
            watching = asyncio.create_task(_watch(http, shown))
            request = CallRequest(
                file=str(corpus / HOTEL), channels=(Party(party="customer"),), language="ko", media=("audio",), speed=SPEED
            )
            started = await zoom.start_call(request)
            assert await asyncio.to_thread(announce, serving, started) == 200
            await asyncio.to_thread(_until_measured, serving, started.stream_id)
            assert not watching.done(), "words are streamed as long as somebody asks"
            watching.cancel()
            assert not zoom.call(started.call).violations
            row = (await asyncio.to_thread(serving.stages))[started.stream_id]
            assert row["stage"] == "measured", row["failure"]
            call = await asyncio.to_thread(serving.ask, "calls.show", call_id=row["call_id"])
            local = [one for one in call["utterances"] if one["source"] == "local"]
            assert {one["asr_model"] for one in local} == {MODEL}
            assert sum(len(one["words"]) for one in local) >= RECORDINGS[HOTEL]
            partial = [one["text"] for one in shown if one["call_id"] == row["call_id"] and HANGUL.search(one["text"])]
            assert len(set(partial)) >= 2, "words grow on the page while they are said"
            if not attempt:
                again = await asyncio.to_thread(run, "models", "fetch", MODEL, "--from", str(korean), "--again")
                assert again.exit_code == 0, again.output


async def _watch(http: httpx.AsyncClient, shown: list[dict[str, Any]]) -> None:
    async with http.stream("GET", "/api/v1/live/words") as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                shown.append(json.loads(line.removeprefix("data: ")))


def _until_measured(serving: Appliance, stream_id: str) -> None:
    for _ in range(10):  # the model takes seconds to load and to hear, more on a busy machine
        try:
            serving.until(lambda: serving.stages().get(stream_id, {}).get("stage") in ("measured", "failed"), "the call is done")
        except AssertionError:
            continue
        return
    raise AssertionError(f"the call was not measured\n{serving.log()}")
