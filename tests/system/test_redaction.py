"""Redaction of the whole appliance: a worker killed in the middle of a card's number, an import with its transcript, exports, and
then no digit anywhere in the data folder, and nobody who hears one."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.sessions.channel_recognition import recognise_channel
from cc_voice.sessions.recognition import Recognition
from cc_voice.simulator.report import CallRequest
from cc_voice.simulator.server import Simulator
from cc_voice.speech.codecs import bytes_from_int16, read_audio
from tests.conftest import PATIENCE_S
from tests.system.conftest import Appliance, announce
from tests.system.test_survival import SPEED, measured, media_reached

pytestmark = pytest.mark.system
SCENARIOS = Path(__file__).parents[2] / "cc_voice" / "simulator" / "scenarios"
CARD = "card-number"
SPOKEN = re.compile(rb"(?:(?:four|one)[^a-z0-9]{1,12}){3,}(?:four|one)|4111.{0,3}1111", re.IGNORECASE | re.DOTALL)
"""Four digits of the card in a row, in words or figures, as text or with the times of packed words between them."""
SOUND = {".flac", ".rec"}
LINES = [
    {"party": "customer", "start_ms": 23_000, "end_ms": 29_800, "text": "Card number 4111 1111 1111 1111.", "language": "en"},
    {"party": "customer", "start_ms": 33_800, "end_ms": 39_000, "text": "four one one one " + "one " * 12, "language": "en"},
]


def files_with_digits(folder: Path) -> list[str]:
    """Every file of a data folder in which digits of the card can be read."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in SOUND]
    return [str(path.relative_to(folder)) for path in found if SPOKEN.search(path.read_bytes())]


def run(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "cc_voice", *arguments], capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def audited(folder: Path, *options: str) -> list[dict[str, Any]]:
    done = run("redact", "audit", "--json", "--allow-test-model", *options, "--data-dir", str(folder), check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)["found"]
    assert done.returncode == (1 if found else 0)
    return found


def digits_heard(settings: Settings, recognition: Recognition) -> int:
    """How often a recogniser hears the card's digits in all recordings of a site."""
    heard: list[str] = []
    for call_id in recordings.recorded_calls(settings.recordings_dir):
        for folder, _ in recordings.started_streams(settings.recordings_dir / call_id):
            recording = recordings.open_recording(folder)
            assert recording is not None
            make = recognition.pipelines("en").make
            heard += [said.text for file in recording.channels.values() for said in recognise_channel(file, make).utterances]
    return sum(text.split().count(digit) for text in heard for digit in ("four", "one"))


def test_the_byte_search_and_the_audit_see_a_digit_that_is_there(tmp_path: Path) -> None:
    for text in ("card 4111 1111 1111 1111", "four one one one", "four\xa0one\x01one\x02one\x03one"):
        (tmp_path / "x").write_text(text)
        assert files_with_digits(tmp_path) == ["x"]


async def test_no_digit_of_a_card_is_left_anywhere(appliance: Appliance, zoom: Simulator, tmp_path: Path) -> None:
    call = await zoom.start_call(CallRequest(scenario=CARD, speed=SPEED))
    assert await asyncio.to_thread(announce, appliance, call) == 200
    await media_reached(appliance, zoom, call, 26_500)  # the first reading has begun
    for pid in appliance.children():
        os.kill(pid, signal.SIGKILL)
    assert files_with_digits(appliance.site.data_dir) == []
    found = await measured(appliance, call)
    words = tmp_path / "words.json"
    words.write_text(json.dumps({"lines": LINES}))
    folder = appliance.site.data_dir
    options = ["--agent-channel", "0", "--customer-channel", "1", "--language", "en", "--words", str(words), "--allow-test-model"]
    await asyncio.to_thread(run, "import", str(SCENARIOS / f"{CARD}.flac"), *options, "--data-dir", str(folder))
    await asyncio.to_thread(run, "export", "--data-dir", str(folder))
    shown = await asyncio.to_thread(appliance.ask, "calls.export", call_id=found["call"]["call_id"], form="json", leg_no=1)
    assert b"RedactedTimestamps" in json.dumps(shown).encode()
    appliance.stop()
    assert len(list(recordings.recorded_calls(appliance.site.recordings_dir))) == 2
    assert files_with_digits(folder) == []
    assert [path.name for path in appliance.site.recordings_dir.rglob("*.rec")] == []
    assert audited(folder, "--sound", "1") == []
    recognition = Recognition(appliance.site, threads=1, allow_test_model=True)
    try:
        assert digits_heard(appliance.site, recognition) <= 2 * 2, "of the date of birth only, once in each call"
        assert heard_unredacted(recognition) >= 30
    finally:
        recognition.close()


def heard_unredacted(recognition: Recognition) -> int:
    """How often the recogniser hears the card's digits where nothing was redacted."""
    sound = read_audio(SCENARIOS / f"{CARD}.flac")
    heard: list[str] = []
    for number, samples in enumerate(sound.channels):
        pipeline = recognition.pipelines("en").make(str(number), sound.sample_rate_hz)
        heard += [said.text for said in (*pipeline.feed(bytes_from_int16(samples)), *pipeline.finish())]
    return sum(text.split().count(digit) for text in heard for digit in ("four", "one"))
