"""A call's audio for players: who is on which side, peaks, and a cache that is bounded and forgets."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.media import recordings
from cc_voice.web import audio_cache
from cc_voice.web.audio_cache import PEAKS, AudioCache, Peaks
from tests.call.golden import AGENT, CUSTOMER, T0
from tests.web.conftest import RATE_HZ, record, tone

PARTIES = {"a": "agent", "c": "customer"}


@pytest.fixture
def cache(tmp_path: Path) -> AudioCache:
    record(tmp_path / "recordings", "golden", "s1", T0)
    return AudioCache(tmp_path / "cache", tmp_path / "recordings")


async def samples(
    cache: AudioCache, parties: dict[str, str | None], form: str = "flac"
) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    path = await cache.find("golden", parties, form)
    assert path is not None
    found, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == RATE_HZ
    return found


@pytest.mark.parametrize("form", ["flac", "wav"])
async def test_the_agent_is_left_and_the_customer_right(cache: AudioCache, form: str) -> None:
    stereo = await samples(cache, PARTIES, form)
    assert np.array_equal(stereo[:, 0], tone(AGENT, 220))
    assert np.array_equal(stereo[:, 1], tone(CUSTOMER, 330))


async def test_whoever_is_neither_is_heard_on_both_sides(cache: AudioCache) -> None:
    stereo = await samples(cache, {"a": "agent", "c": "supervisor"})
    both = np.clip(tone(AGENT, 220).astype(int) + tone(CUSTOMER, 330), -32768, 32767)
    assert np.array_equal(stereo[:, 0], both)
    assert np.array_equal(stereo[:, 1], tone(CUSTOMER, 330))
    mixed = await samples(cache, {"a": None, "c": None})
    assert np.array_equal(mixed[:, 0], mixed[:, 1])


async def test_peaks_are_high_where_somebody_speaks(cache: AudioCache) -> None:
    path = await cache.find("golden", PARTIES, "peaks")
    assert path is not None
    peaks = msgspec.json.decode(path.read_bytes(), type=Peaks)
    assert peaks.duration_ms == 60_000
    assert len(peaks.agent) == len(peaks.customer) == PEAKS
    at = lambda ms: ms * PEAKS // 60_000  # noqa: E731
    assert peaks.agent[at(4000)] == pytest.approx(8000 / 128, abs=2)
    assert peaks.customer[at(4000)] == 0
    assert peaks.customer[at(8000)] == pytest.approx(8000 / 128, abs=2)
    assert peaks.agent[at(35_000)] == 0


@pytest.mark.parametrize("form", ["flac", "peaks"])
async def test_a_long_call_is_made_in_pieces(cache: AudioCache, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await cache.find("golden", PARTIES, form)
    assert whole is not None
    made = whole.read_bytes()
    whole.unlink()
    monkeypatch.setattr(audio_cache, "BLOCK_SAMPLES", 7001)  # divides neither the call nor a slice of its peaks
    again = await cache.find("golden", PARTIES, form)
    assert again is not None
    assert again.read_bytes() == made


async def test_a_file_is_made_once_and_again_when_the_recording_changes(cache: AudioCache, tmp_path: Path) -> None:
    first = await cache.find("golden", PARTIES, "flac")
    assert first is not None
    made = first.stat().st_mtime_ns, first.stat().st_ino
    again = await cache.find("golden", PARTIES, "flac")
    assert again == first
    assert again.stat().st_ino == made[1]
    record(tmp_path / "recordings", "golden", "s2", T0 + 60_000)
    longer = await cache.find("golden", PARTIES, "flac")
    assert longer is not None
    assert longer != first
    assert not first.exists()
    assert soundfile.info(longer).frames == 120 * RATE_HZ


async def test_what_was_deleted_is_forgotten(cache: AudioCache, tmp_path: Path) -> None:
    path = await cache.find("golden", PARTIES, "flac")
    assert path is not None
    recordings.delete_stream(tmp_path / "recordings", "golden", "s1")
    assert not await cache.exists("golden")
    assert await cache.find("golden", PARTIES, "flac") is None
    cache.sweep()
    assert not path.parent.exists()


async def test_the_cache_keeps_what_was_used_last_within_its_limit(tmp_path: Path) -> None:
    for call_id in ("one", "two", "three"):
        record(tmp_path / "recordings", call_id, "s", T0)
    size = 60 * RATE_HZ * 4
    cache = AudioCache(tmp_path / "cache", tmp_path / "recordings", limit_bytes=int(2.5 * size))
    paths = [await cache.find(call_id, PARTIES, "wav") for call_id in ("one", "two")]
    await cache.find("one", PARTIES, "wav")
    last = await cache.find("three", PARTIES, "wav")
    assert paths[0] is not None
    assert paths[1] is not None
    assert last is not None
    assert (paths[0].exists(), paths[1].exists(), last.exists()) == (True, False, True)


async def test_what_is_swept_away_while_it_is_asked_for_is_made_again(cache: AudioCache, tmp_path: Path) -> None:
    record(tmp_path / "recordings", "other", "s", T0)
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            for path in (tmp_path / "cache").glob("*/*.peaks"):
                path.unlink(missing_ok=True)

    with ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(sweep)
        try:
            for call_id in ("golden", "other") * 10:
                assert await cache.find(call_id, PARTIES, "peaks") is not None
        finally:
            done.set()
    assert sweeping.exception() is None


async def test_one_file_may_be_larger_than_the_limit(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "golden", "s", T0)
    path = await AudioCache(tmp_path / "cache", tmp_path / "recordings", limit_bytes=1).find("golden", PARTIES, "wav")
    assert path is not None
    assert path.exists()


async def test_a_damaged_recording_is_told(rosa: httpx.AsyncClient, golden: str, tmp_path: Path) -> None:
    for header in (tmp_path / "recordings" / golden).glob("*/stream.json"):
        header.write_text("{")
    answer = await rosa.get("/calls/golden/audio.flac")
    assert answer.status_code == 500


async def test_the_answer_is_a_file_players_know(rosa: httpx.AsyncClient, golden: str) -> None:
    flac = await rosa.get("/calls/golden/audio.flac")
    assert flac.headers["content-type"] == "audio/flac"
    assert soundfile.info(io.BytesIO(flac.content)).format == "FLAC"
    wav = await rosa.get("/api/v1/calls/golden/audio?format=wav")
    assert wav.headers["content-type"] == "audio/wav"
    assert soundfile.info(io.BytesIO(wav.content)).format == "WAV"
    peaks = await rosa.get("/calls/golden/peaks.json")
    assert peaks.headers["content-type"] == "application/json"
