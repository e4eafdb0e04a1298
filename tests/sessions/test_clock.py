"""Zoom's clock: damaged times harm nothing, a clock that is set in the middle of a call costs nothing, and pauses stay pauses."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms.events import Audio
from cc_voice.sessions.clock import FASTER_THAN_LIFE, MOST_SETTINGS, NEAR_MS, RUN, MediaClock

T0 = 1_790_000_000_000
HOUR_MS = 3_600_000
PACKET_MS = 20


def packet(at_ms: int, source: str = "a") -> Audio:
    return Audio(source=source, timestamp_ms=at_ms, pcm=b"")


def packets(start_ms: int, count: int, source: str = "a") -> list[Audio]:
    return [packet(start_ms + number * PACKET_MS, source) for number in range(count)]


def admitted(clock: MediaClock, wire: list[Audio], now: float = 0.0) -> list[int]:
    """True times, in the order in which they became known; each packet is written at once."""
    found = []
    for one in wire:
        for timed in clock.admit(one, now):
            clock.reach(timed.at_unix_ms + PACKET_MS)
            found.append(timed.at_unix_ms)
    return found


def test_ordinary_times_are_taken_as_they_are() -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0)
    wire = packets(T0 + 500, 100)
    assert admitted(clock, wire) == [one.timestamp_ms for one in wire]
    clock.finish()
    assert (clock.left_out, clock.settings) == (0, 0)


@pytest.mark.parametrize("off_ms", [NEAR_MS + 2000, 24 * HOUR_MS, 10**14, -NEAR_MS - 2000, -24 * HOUR_MS, 1 - T0])
@pytest.mark.parametrize("known", [True, False], ids=["announced", "unannounced"])
def test_single_damaged_times_are_left_out(off_ms: int, known: bool) -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0 if known else None)
    good = packets(T0, 200)
    wire = list(good)
    for at in (7, 50, 51, 120, 203):
        wire.insert(at, packet(wire[at - 1].timestamp_ms + off_ms))
    assert admitted(clock, wire) == [one.timestamp_ms for one in good]
    clock.finish()
    assert (clock.left_out, clock.settings) == (5, 0)


@pytest.mark.parametrize("step_ms", [NEAR_MS + 5000, 3 * HOUR_MS, -3 * HOUR_MS, -T0 + 5_000])
def test_a_clock_that_is_set_costs_nothing(step_ms: int) -> None:
    """Audio goes on without a hole and without a packet lost; the old clock is still understood."""
    clock = MediaClock(0.0, announced_unix_ms=T0)
    before, after = packets(T0, 100), packets(T0 + 2000 + step_ms, 100)
    straggler = packet(T0 + 1990)
    assert admitted(clock, [*before, *after[:50], straggler, *after[50:]]) == [
        *(T0 + number * PACKET_MS for number in range(150)),
        straggler.timestamp_ms,
        *(T0 + number * PACKET_MS for number in range(150, 200)),
    ]
    assert clock.settings == 1
    assert clock.settle(after[10].timestamp_ms) == T0 + 2000 + 10 * PACKET_MS
    assert clock.settle(T0 + 40) == T0 + 40
    assert admitted(clock, packets(T0 + 4000, 3)) == [T0 + 4000, T0 + 4020, T0 + 4040], "set back again"
    clock.finish()
    assert clock.left_out == 0


def test_a_clock_that_is_set_costs_no_source_anything() -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0)
    before = [packet(one.timestamp_ms, source) for one in packets(T0, 50) for source in "abc"]
    after = [packet(one.timestamp_ms, source) for one in packets(T0 + 5 * HOUR_MS, 50) for source in "abc"]
    times = admitted(clock, before + after)
    assert sorted(times) == sorted(T0 + number * PACKET_MS for number in range(100) for _ in "abc")
    assert (clock.settings, clock.left_out) == (1, 0)


def test_a_source_with_a_clock_of_its_own_is_moved_to_the_others() -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0)
    right, wrong = packets(T0, 100), packets(T0 + 5 * HOUR_MS, 100, "b")
    times = admitted(clock, [one for pair in zip(right, wrong, strict=True) for one in pair])
    assert len(times) == 200
    assert max(times) - T0 <= 2000 + RUN * PACKET_MS
    assert clock.left_out == 0


def test_a_pause_of_hours_is_one_when_hours_passed() -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0)
    admitted(clock, packets(T0, 10))
    later = packets(T0 + 3 * HOUR_MS, 10)
    assert admitted(clock, later, now=3 * HOUR_MS / 1000) == [one.timestamp_ms for one in later]
    assert clock.settings == 0


def test_a_simulated_pause_may_be_sixty_times_as_short() -> None:
    clock = MediaClock(0.0)
    admitted(clock, packets(T0, 10))
    assert clock.is_near(T0 + HOUR_MS, now=HOUR_MS / 1000 / FASTER_THAN_LIFE)
    assert not clock.is_near(T0 + 2 * HOUR_MS, now=HOUR_MS / 1000 / FASTER_THAN_LIFE)


def test_a_stream_announced_at_another_time_than_its_audio_has_goes_by_the_audio() -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0)
    wire = packets(T0 + 5 * HOUR_MS, 50)
    assert admitted(clock, wire) == [one.timestamp_ms for one in wire]
    assert (clock.settings, clock.left_out) == (0, 0)


def test_event_one_is_the_start_when_it_can_be_or_when_audio_confirms_it() -> None:
    assert MediaClock(0.0).announce(T0, 0.0) == T0
    assert MediaClock(0.0, announced_unix_ms=T0).announce(T0 + 900, 0.0) == T0 + 900
    clock = MediaClock(0.0, announced_unix_ms=T0)
    assert clock.announce(T0 + 5 * HOUR_MS, 0.0) is None
    assert clock.start(T0 + 5 * HOUR_MS + 1500) == T0 + 5 * HOUR_MS
    assert clock.start(T0 + 1500) == T0 + 1500


def test_a_successor_goes_on_from_where_the_first_one_came() -> None:
    clock = MediaClock(0.0, furthest_unix_ms=T0 + HOUR_MS)
    assert admitted(clock, packets(T0 + HOUR_MS - 60_000, 5)) == [T0 + HOUR_MS - 60_000 + n * PACKET_MS for n in range(5)]
    assert admitted(clock, packets(T0 + HOUR_MS + 60_000, 1)) == [T0 + HOUR_MS + 60_000]


def test_without_audio_times_of_other_things_stay_as_they_are() -> None:
    assert MediaClock(0.0).settle(5) == 5
    assert MediaClock(0.0, announced_unix_ms=T0).settle(T0 - HOUR_MS) == T0 - HOUR_MS


def test_a_picture_whose_time_cannot_be_true_is_of_now() -> None:
    clock = MediaClock(0.0)
    assert clock.place(5, 0.0) == 5
    admitted(clock, packets(T0, 100))
    assert clock.place(T0 + 1500, 0.0) == T0 + 1500
    assert clock.place(T0 + 24 * HOUR_MS, 0.0) == T0 + 2000
    assert clock.place(2**50, 0.0) == T0 + 2000
    assert clock.place(T0 + HOUR_MS, 3600.0) == T0 + HOUR_MS, "a camera may go on while nobody speaks"


def test_a_clock_that_is_set_again_and_again_is_none() -> None:
    clock = MediaClock(0.0, announced_unix_ms=T0)
    admitted(clock, packets(T0, 10))
    for number in range(1, 3 * MOST_SETTINGS):
        admitted(clock, packets(T0 + number * HOUR_MS, RUN))
    assert clock.settings == MOST_SETTINGS
    clock.finish()
    assert clock.left_out == (3 * MOST_SETTINGS - 1 - MOST_SETTINGS) * RUN


TIMES = st.one_of(st.integers(T0 - 10_000, T0 + 600_000), st.integers(1, 2**53))


@given(st.lists(st.tuples(TIMES, st.sampled_from("abc"), st.integers(0, 30)), max_size=120), st.booleans())
def test_every_packet_is_admitted_once_or_counted(wire: list[tuple[int, str, int]], announced: bool) -> None:
    clock, now, count = MediaClock(0.0, announced_unix_ms=T0 if announced else None), 0.0, 0
    for at_ms, source, pause_s in wire:
        now += pause_s
        for timed in clock.admit(packet(at_ms, source), now):
            clock.reach(timed.at_unix_ms + PACKET_MS)
            count += 1
    clock.finish()
    assert count + clock.left_out == len(wire)


@given(st.integers(0, 2**32), st.integers(0, 8))
def test_damage_never_stretches_a_call(seed: int, share: int) -> None:
    """However many times are damaged, the good ones keep theirs and nothing lands far from them."""
    chance = random.Random(seed)
    clock = MediaClock(0.0, announced_unix_ms=T0)
    good = packets(T0, 200)
    wire = [
        one for packet_ in good for one in [packet_, *(packet(chance.randrange(1, 2**50)) for _ in range(chance.randint(0, share)))]
    ]
    times = admitted(clock, wire)
    assert set(times) >= {one.timestamp_ms for one in good}
    assert max(times) - min(times) <= 200 * PACKET_MS + 2 * NEAR_MS
