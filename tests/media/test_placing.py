"""Audio on the time line: whatever order, jitter, losses and repeats packets come with, each sound stands at its own time."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.media import recordings
from cc_voice.media.recordings import ChannelFile, StreamHeader

RATE_HZ = 16_000
PACKET_MS = 20
PACKET = RATE_HZ * PACKET_MS // 1000
SPREAD = 400
"""More than a packet has samples."""
NUMBERS = st.lists(st.integers(0, 40), max_size=60)


@contextmanager
def channel(folder: Path | None = None) -> Iterator[ChannelFile]:
    """A channel of a fresh recording, or of the one that is in `folder`."""
    header = StreamHeader(
        call_id="c", stream_id="s", product="phone", instance_id="i", language="en", sample_rate_hz=RATE_HZ, t0_unix_ms=1
    )
    with tempfile.TemporaryDirectory() as fresh:
        recording = recordings.create(folder or Path(fresh), header)
        yield recording.channel("ch")
        recording.close()


def sound(number: int, samples: int = PACKET) -> bytes:
    """A packet whose samples tell which packet, and which sample of it, they are."""
    return (np.arange(samples) + SPREAD * number + 1).astype("<i2").tobytes()


def heard(file: ChannelFile, number: int) -> bytes:
    return file.read(number * PACKET, (number + 1) * PACKET)


def intervals(numbers: set[int]) -> tuple[tuple[int, int], ...]:
    """Where packets of these numbers are, in ms."""
    edges = [n for n in numbers if n - 1 not in numbers], [n + 1 for n in numbers if n + 1 not in numbers]
    return tuple((a * PACKET_MS, b * PACKET_MS) for a, b in zip(sorted(edges[0]), sorted(edges[1]), strict=True))


@given(NUMBERS)
def test_packets_in_any_order_with_losses_and_repeats_stand_where_they_belong(numbers: list[int]) -> None:
    with channel() as file:
        new = [file.write(number * PACKET_MS, sound(number)) for number in numbers]
        assert sum(new) == len(set(numbers)) * PACKET
        assert file.duplicate_samples == (len(numbers) - len(set(numbers))) * PACKET
        assert file.received() == intervals(set(numbers)), "every lost packet is known to the millisecond"
        for number in range(41):
            assert heard(file, number) == (sound(number) if number in numbers else bytes(PACKET * 2))


@given(NUMBERS, st.integers(0, 60))
def test_a_successor_places_packets_as_if_nothing_had_happened(numbers: list[int], cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for part in (numbers[:cut], numbers[max(0, cut - 5) :]):
            with channel(Path(folder)) as file:
                for number in part:
                    file.write(number * PACKET_MS, sound(number))
        with channel(Path(folder)) as file:
            assert file.received() == intervals(set(numbers))


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=60), st.integers(0, 1_000_000))
def test_jitter_between_packets_of_less_than_a_frame_makes_no_hole_and_loses_nothing(jitter: list[int], start_ms: int) -> None:
    """Nine to and fro are eighteen from one packet to the next."""
    with channel() as file:
        for number, off in enumerate(jitter):
            file.write(start_ms + 10 + number * PACKET_MS + off, sound(number))
        (first, end), *others = file.ranges.pairs()
        assert others == []
        assert first == round((start_ms + 10 + jitter[0]) * RATE_HZ / 1000)
        assert file.read(first, end) == b"".join(sound(number) for number in range(len(jitter)))


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=60))
def test_no_jitter_moves_a_sound_by_a_frame(jitter: list[int]) -> None:
    """However wild it is, and nothing that moved adds up."""
    with channel() as file:
        times = [100 + number * PACKET_MS + off for number, off in enumerate(jitter)]
        for number, at_ms in enumerate(times):
            file.write(at_ms, sound(number))
        samples = np.frombuffer(file.read(0, file.ranges.end), dtype="<i2").astype(int)
        for place in np.flatnonzero(samples):
            number, sample = divmod(samples[place] - 1, SPREAD)
            assert abs(place - times[number] * RATE_HZ // 1000 - sample) < PACKET


def test_one_lost_packet_is_a_hole_of_its_length() -> None:
    with channel() as file:
        for number in (0, 1, 3, 4):
            file.write(number * PACKET_MS, sound(number))
        assert file.received() == ((0, 40), (60, 100))


@given(st.integers(1, 39))
def test_a_clock_that_slowly_gains_is_followed(gained_us: int) -> None:
    """Packets of 20 ms whose times advance by a little more: never further off than a frame, after twenty minutes."""
    with channel() as file:
        for number in range(2000):
            at_ms = number * (PACKET_MS + gained_us / 1000)
            file.write(at_ms, sound(number % 80))
            assert abs(file.ranges.end * 1000 / RATE_HZ - PACKET_MS - at_ms) <= PACKET_MS


@pytest.mark.parametrize("offset_samples", [-PACKET // 2, 7, PACKET // 2])
def test_what_was_heard_is_not_overwritten_by_a_repeat_that_was_cut_otherwise(offset_samples: int) -> None:
    whole = sound(3, 50 * PACKET)
    with channel() as file:
        file.write(0, whole)
        file.write(600 + offset_samples * 1000 / RATE_HZ, sound(70))
        assert file.read(0, 50 * PACKET) == whole
        assert file.received() == ((0, 1000),)


@given(st.randoms(use_true_random=False))
def test_a_late_packet_fills_its_hole_and_no_more(chance: random.Random) -> None:
    """Packets of other sizes than the hole: only the hole changes."""
    with channel() as file:
        file.write(0, sound(0, 10 * PACKET))
        file.write(400, sound(1, 10 * PACKET))
        at = chance.randrange(0, 600)
        file.write(at, sound(20, 30 * PACKET))
        assert file.read(0, 10 * PACKET) == sound(0, 10 * PACKET)
        assert file.read(20 * PACKET, 30 * PACKET) == sound(1, 10 * PACKET)


@pytest.mark.parametrize("at_ms", [-20, -1000, -10_000_000])
def test_what_ended_before_t0_is_nothing(at_ms: int) -> None:
    with channel() as file:
        assert file.write(at_ms, sound(0)) == 0
        assert file.received() == ()
        assert file.write(0, sound(1)) == PACKET


def test_the_first_packet_is_placed_exactly() -> None:
    """A codec's delay of a few milliseconds is no jitter."""
    with channel() as file:
        file.write(-6.5, sound(0))
        assert file.ranges.pairs() == [(0, PACKET - 104)]
        assert file.read(0, PACKET - 104) == sound(0)[208:]
