"""Frames of a channel, whatever the cuts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.frames import FRAME_MS, FrameHistory

PCM = bytes(range(256)) * 10


@given(st.lists(st.integers(0, len(PCM)), max_size=8))
def test_frames_do_not_depend_on_cuts(cuts: list[int]) -> None:
    history = FrameHistory(8000)
    edges = [0, *sorted(cuts), len(PCM)]
    for start, end in pairwise(edges):
        assert history.append(PCM[start:end]) == start // history.frame_bytes
    assert history.frames == len(PCM) // history.frame_bytes
    assert history.position_ms == len(PCM) // 16
    assert history.slice(0, history.frames) == PCM[: history.frames * history.frame_bytes]


@given(st.integers(0, 16), st.integers(0, 16))
def test_what_is_kept_keeps_its_number(first: int, second: int) -> None:
    history = FrameHistory(8000)
    history.append(PCM)
    frames, size = history.frames, history.frame_bytes
    history.forget_before(min(first, frames))
    history.forget_before(min(second, frames))
    kept = min(max(first, second), frames)
    assert history.frames == frames
    assert history.slice(kept, frames) == PCM[kept * size : frames * size]
    assert history.position_ms == len(PCM) // 16


def test_a_position_counts_the_unfinished_frame() -> None:
    history = FrameHistory(16000)
    history.append(bytes(16000 * 2 * (FRAME_MS + 3) // 1000))
    assert (history.frames, history.position_ms) == (1, FRAME_MS + 3)
