"""The audio of a whole call: streams on one clock, and any part of it what the whole has there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.media import playback, recordings
from cc_voice.media.playback import CallAudio
from tests.media.test_recordings import FRAME, RATE, header, tone

LENGTH = RATE + 3 * FRAME


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> CallAudio:
    """Two streams that begin a second apart: the first has both channels and is compressed, the second goes on with one."""
    folder = tmp_path_factory.mktemp("recordings")
    first = recordings.create(folder, header())
    first.channel("ch-a").write(0, tone(1000, 2 * FRAME))
    first.channel("ch-b").write(100, tone(-500))
    first.close()
    recordings.compress(first.folder)
    later = recordings.create(folder, header(stream_id="second", t0_unix_ms=1_001_000))
    later.channel("ch-a").write(0, tone(77, 3 * FRAME))
    later.close()
    found = playback.call_audio(folder, "call-a")
    assert found is not None
    return found


def test_streams_lie_on_one_clock(audio: CallAudio) -> None:
    assert (audio.channel_ids, audio.length) == (("ch-a", "ch-b"), LENGTH)
    a, b = audio.read(0, LENGTH)
    assert a.tolist() == [1000] * (2 * FRAME) + [0] * (RATE - 2 * FRAME) + [77] * (3 * FRAME)
    assert b.tolist() == [0] * (5 * FRAME) + [-500] * FRAME + [0] * (LENGTH - 6 * FRAME)


@given(st.integers(0, LENGTH), st.integers(0, LENGTH))
def test_a_part_is_what_the_whole_has_there(audio: CallAudio, start: int, end: int) -> None:
    start, end = sorted((start, end))
    assert np.array_equal(audio.read(start, end), audio.read(0, LENGTH)[:, start:end])


def test_streams_without_media_have_no_audio(tmp_path: Path) -> None:
    recordings.create(tmp_path, header(t0_unix_ms=None)).close()
    assert playback.call_audio(tmp_path, "call-a") is None
    assert playback.call_audio(tmp_path, "unknown") is None


def test_a_stream_whose_first_packet_never_came_is_silent(tmp_path: Path) -> None:
    recordings.create(tmp_path, header()).close()
    found = playback.call_audio(tmp_path, "call-a")
    assert found is not None
    assert (found.channel_ids, found.length) == ((), 0)
