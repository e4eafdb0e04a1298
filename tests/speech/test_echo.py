"""Echo: whose voice comes back on whose channel, found in levels of made-up speech."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import Echo
from cc_voice.speech.echo import ChannelEnvelope, echoes
from tests.conftest import examples

STEP_MS = 20
Dbfs = npt.NDArray[np.float64]


def talk(seconds: int, seed: int, level: float = -25) -> Dbfs:
    """Syllables: levels that wander by 10 dB, five times a second."""
    rng = np.random.default_rng(seed)
    points = rng.normal(level, 8, seconds * 5 + 2)
    return np.interp(np.arange(seconds * 50) / 10, np.arange(len(points)), points)


def line(seconds: int, noise: float = -70) -> Dbfs:
    return np.random.default_rng(9).normal(noise, 2, seconds * 50)


def delayed(voice: Dbfs, delay_ms: int, loss_db: float) -> Dbfs:
    steps = delay_ms // STEP_MS
    return np.concatenate((np.full(steps, -100.0), voice - loss_db))[: len(voice)]


def both(one: Dbfs, other: Dbfs) -> Dbfs:
    return 10 * np.log10(10 ** (one / 10) + 10 ** (other / 10))


def channel(levels: Dbfs, *speech: tuple[int, int]) -> ChannelEnvelope:
    return ChannelEnvelope(np.clip(np.rint(2 * (levels + 100)), 0, 200).astype(np.uint8).tobytes(), speech)


def mean(echo: Echo) -> float:
    return sum(pct for _, pct in echo.blocks) / len(echo.blocks)


ALL = (0, 40_000)
VOICE = talk(40, seed=1)


@pytest.mark.parametrize("loss_db", [10, 20, 30])
@pytest.mark.parametrize("delay_ms", [60, 200, 600])
def test_a_voice_that_comes_back_is_found_with_its_delay(loss_db: int, delay_ms: int) -> None:
    found = echoes({"a": channel(VOICE, ALL), "c": channel(both(line(40), delayed(VOICE, delay_ms, loss_db)))})
    (echo,) = found["a"]
    assert (echo.on, echo.delay_ms) == ("c", delay_ms)
    assert mean(echo) > 70
    assert [start for start, _ in echo.blocks] == list(range(2_000, 36_001, 2_000))
    assert found["c"] == ()


def test_another_voice_is_no_echo() -> None:
    found = echoes({"a": channel(VOICE, ALL), "c": channel(talk(40, seed=2), ALL)})
    assert all(mean(echo) < 40 for echo in (*found["a"], *found["c"]))


def test_a_silent_or_steady_channel_has_none() -> None:
    for other in (np.full(2_000, -100.0), line(40, -80), np.full(2_000, -30.0)):
        assert echoes({"a": channel(VOICE, ALL), "c": channel(other)}) == {"a": (), "c": ()}


def test_an_echo_that_nobody_hears_is_none() -> None:
    returned = np.minimum(delayed(VOICE, 200, 40), -61)
    assert echoes({"a": channel(VOICE, ALL), "c": channel(both(line(40, -90), returned))})["a"] == ()


@pytest.mark.parametrize("delay_ms", [0, 40, 620])
def test_one_room_heard_twice_is_no_echo(delay_ms: int) -> None:
    """What is there at once is heard by both microphones; what is later than 600 ms is not looked for."""
    found = echoes({"a": channel(VOICE, ALL), "c": channel(delayed(VOICE, delay_ms, 15))})["a"]
    assert found == () or (mean(found[0]) < 100 and found[0].delay_ms == 600)


def test_whose_voice_it_is_follows_from_who_was_first() -> None:
    mixed = both(line(40), delayed(VOICE, 240, 10))
    found = echoes({"a": channel(VOICE, ALL), "c": channel(mixed, (200, 40_000))})
    assert [echo.on for echo in found["a"]] == ["c"]
    assert found["c"] == ()


def test_an_answer_of_the_other_party_does_not_hide_it() -> None:
    answer = np.where(np.arange(2_000) % 500 < 100, talk(40, seed=3), -80.0)
    (echo,) = echoes({"a": channel(VOICE, ALL), "c": channel(both(answer, delayed(VOICE, 300, 20)))})["a"]
    assert (echo.delay_ms, mean(echo) > 40) == (300, True)


def test_a_few_words_are_too_little() -> None:
    found = echoes({"a": channel(VOICE, (2_000, 10_000)), "c": channel(delayed(VOICE, 200, 10))})
    assert found["a"] == ()


def test_every_pair_is_looked_at() -> None:
    a, b = talk(40, seed=1), talk(40, seed=2)
    found = echoes({"a": channel(a, ALL), "b": channel(b, ALL), "c": channel(both(delayed(a, 100, 12), delayed(b, 100, 12)))})
    assert [echo.on for echo in found["a"] if mean(echo) > 40] == ["c"]
    assert [echo.on for echo in found["b"] if mean(echo) > 40] == ["c"]


@settings(max_examples=examples(30), deadline=None)
@given(st.binary(max_size=1500), st.binary(max_size=1500), st.lists(st.integers(0, 30_000), max_size=6))
def test_whatever_was_heard_gives_an_answer(one: bytes, other: bytes, edges: list[int]) -> None:
    ordered = sorted(edges)
    speech = list(zip(ordered[::2], ordered[1::2], strict=False))
    found = echoes({"a": ChannelEnvelope(one, speech), "b": ChannelEnvelope(other, speech)})
    for echo in (*found["a"], *found["b"]):
        assert 50 <= echo.delay_ms <= 600
        assert all(-100 <= pct <= 100 for _, pct in echo.blocks)
