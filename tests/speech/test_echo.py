"""Echo: whose voice comes back on whose channel, found in levels of made-up speech."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import Echo
from cc_voice.speech.echo import ChannelEnvelope, echoes, own_speech, same_sound
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


# -- what is a party's own ------------------------------------------------------------------------------------------


def own(a: ChannelEnvelope, c: ChannelEnvelope) -> dict[str, tuple[tuple[int, int], ...]]:
    both_ways = {"a": a, "c": c}
    return own_speech(both_ways, echoes(both_ways))


def spoken_ms(spans: tuple[tuple[int, int], ...]) -> int:
    return sum(end - start for start, end in spans)


def taking_turns(line_levels: Dbfs, voice: Dbfs, *turns: tuple[int, int]) -> Dbfs:
    at = np.arange(len(voice)) * STEP_MS
    inside = np.any([(start <= at) & (at < end) for start, end in turns], axis=0)
    return both(line_levels, np.where(inside, voice, -100.0))


@pytest.mark.parametrize("loss_db", [25, 35])
@pytest.mark.parametrize("delay_ms", [20, 130, 400])
def test_what_comes_back_is_nobodys_speech_here(loss_db: int, delay_ms: int) -> None:
    agent = taking_turns(line(40, -80), VOICE, (0, 9_000), (20_000, 30_000))
    customer = taking_turns(line(40, -80), talk(40, seed=2), (10_000, 19_000))
    returned = both(customer, delayed(agent, delay_ms, loss_db))
    found = own(channel(agent, (0, 9_000), (20_000, 30_000)), channel(returned, (100, 9_400), (10_000, 19_000), (20_100, 30_300)))
    assert found["a"] == ((0, 9_000), (20_000, 30_000))
    kept = [span for span in found["c"] if span[0] < 9_400 or span[0] > 19_000]
    assert spoken_ms(tuple(kept)) <= 500
    assert spoken_ms(found["c"]) - spoken_ms(tuple(kept)) >= 8_500


def test_a_party_who_says_nothing_but_the_others_echo_says_nothing() -> None:
    agent = taking_turns(line(40, -80), VOICE, (0, 30_000))
    found = own(channel(agent, (0, 30_000)), channel(delayed(agent, 130, 25), (130, 30_130)))
    assert spoken_ms(found["c"]) <= 300


def test_a_quiet_line_keeps_what_is_said_into_the_others_speech() -> None:
    quiet = taking_turns(line(40, -90), talk(40, seed=2, level=-45), (5_000, 15_000), (25_000, 35_000))
    agent = taking_turns(line(40, -90), VOICE, (0, 12_000))
    found = own(channel(agent, (0, 12_000)), channel(quiet, (5_000, 15_000), (25_000, 35_000)))
    assert spoken_ms(found["c"]) >= 19_000


def test_whoever_speaks_alone_keeps_everything() -> None:
    spans = {"a": ((0, 9_000),), "c": ((10_000, 19_000),)}
    agent, customer = (taking_turns(line(40, -80), talk(40, seed), *spans[name]) for seed, name in ((1, "a"), (2, "c")))
    assert own(channel(agent, *spans["a"]), channel(customer, *spans["c"])) == spans


@pytest.mark.parametrize("lower_db", [0, 6, 20])
@pytest.mark.parametrize("delay_ms", [0, 40])
def test_one_sound_on_both_channels_is_the_same_and_nobodys_echo(lower_db: float, delay_ms: int) -> None:
    one = taking_turns(line(40, -80), VOICE, (0, 9_000), (20_000, 30_000))
    copy = both(delayed(one, delay_ms, lower_db), np.full(2_000, -99.0))
    pair = {"a": channel(one, (0, 9_000)), "c": channel(copy, (0, 9_000))}
    assert same_sound(pair)
    assert own_speech(pair, echoes(pair)) == {"a": ((0, 9_000),), "c": ((0, 9_000),)}


def test_two_voices_an_echo_and_silence_are_not_the_same_sound() -> None:
    agent = taking_turns(line(40, -80), VOICE, (0, 9_000))
    customer = taking_turns(line(40, -80), talk(40, seed=2), (10_000, 19_000))
    heard = channel(agent, (0, 9_000))
    for other in (customer, both(customer, delayed(agent, 130, 25)), delayed(agent, 130, 25)):
        assert not same_sound({"a": heard, "c": channel(other, (10_000, 19_000))})
    assert not same_sound({"a": heard, "c": channel(np.full(2_000, -100.0))})
    assert not same_sound({"a": heard})


def test_of_three_channels_all_must_be_shared() -> None:
    agent, customer = channel(talk(40, 1), ALL), channel(talk(40, 2), ALL)
    assert not same_sound({"a": agent, "b": agent, "c": customer})
    assert same_sound({"a": agent, "b": agent, "c": agent})
