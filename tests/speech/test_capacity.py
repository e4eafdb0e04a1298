"""Capacity: what a model costs: numbers that come from hearing, and arithmetic that is no better than they are."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech import capacity as speech_capacity
from cc_voice.speech.capacity import Capacity, Channel, ModelCost, _later_ratio, _Recognised, capacity
from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import ModelError
from cc_voice.speech.machine import Machine, resident_mb, this_machine
from cc_voice.speech.models.inventory import ModelInfo
from cc_voice.speech.recogniser_pool import RecogniserPool

COST = ModelCost(
    model="m",
    load_s=1.0,
    load_cpu_s=0.5,
    model_mb=500.0,
    recogniser_mb=10.0,
    audio_s=100.0,
    speech_s=50.0,
    cpu_s=4.0,
    kept_cpu_s=4.0,
    ratio=1.0,
    kept_mb=0.0,
    warm_mb=0.0,
    segments=9,
    alike=9,
)
"""A model that gains nothing by being kept."""
KEPT = msgspec.structs.replace(COST, kept_cpu_s=2.0, ratio=0.4, kept_mb=200.0, warm_mb=350.0, alike=8)


@pytest.fixture(scope="module")
def channel(scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]]) -> Channel:
    return Channel(scenario("good-call")[1][0].tobytes(), 16_000)


def test_the_real_engine_is_measured(test_model: ModelInfo, channel: Channel) -> None:
    cost = speech_capacity.measure(test_model, [channel, channel], 20.0)
    assert cost.model == test_model.name
    assert cost.audio_s == 40.0
    assert 4.0 < cost.speech_s < 40.0
    assert 0 < cost.rtf < 1
    assert cost.load_s > 0
    assert cost.load_cpu_s > 0
    assert 0 <= cost.model_mb < 500
    assert 0 <= cost.recogniser_mb < 50
    assert (cost.ratio, cost.warm_mb, cost.kept_mb) == (1.0, 0.0, 0.0)  # a graph that is too small to be kept
    assert cost.segments == cost.alike > 2
    assert 0 < cost.kept_cpu_s < 2 * cost.cpu_s


def test_both_ways_are_measured_where_engines_are_kept(
    test_model: ModelInfo, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_capacity, "RecogniserPool", partial(RecogniserPool, smallest_graph_mb=0.0))
    cost = speech_capacity.measure(test_model, [channel, channel], 20.0)
    assert 0.1 < cost.ratio < 2.0
    assert 0 < cost.warm_mb < 1
    assert cost.kept_rtf == pytest.approx(cost.rtf * cost.ratio)
    assert cost.cold_rtf == pytest.approx(cost.rtf * cost.kept_cpu_s / cost.cpu_s)
    assert cost.segments == cost.alike > 2


def test_short_sound_is_heard_again(test_model: ModelInfo, channel: Channel) -> None:
    short = Channel(channel.pcm[: 8 * 32_000], 16_000)
    once, twice = (speech_capacity.measure(test_model, [short], seconds).speech_s for seconds in (8.0, 16.0))
    assert twice == pytest.approx(2 * once, rel=0.1)


def test_recordings_are_heard_once_and_whole(test_model: ModelInfo, channel: Channel) -> None:
    parts = [Channel(channel.pcm[: seconds * 32_000], 16_000) for seconds in (12, 7)]
    assert speech_capacity.measure(test_model, parts, None).audio_s == 19.0


def test_what_goes_on_is_of_the_later_half_of_the_speech() -> None:
    """Of 10, 20, 5 and 1 s the second ends past the half, so that it and the rest count: (8 + 1 + 1) of (20 + 5 + 5)."""
    speech_s = (10.0, 20.0, 5.0, 1.0)
    new, kept = (
        [_Recognised(cpu_s, heard_s, ()) for cpu_s, heard_s in zip(each, speech_s, strict=True)]
        for each in ((10.0, 20.0, 5.0, 5.0), (10.0, 8.0, 1.0, 1.0))
    )
    assert _later_ratio(new, kept) == pytest.approx(10 / 30)


def test_silence_measures_nothing(test_model: ModelInfo) -> None:
    with pytest.raises(ModelError, match="nobody speaks in the first 5 s"):
        speech_capacity.measure(test_model, [Channel(bytes(320_000), 16_000)], 5.0)
    with pytest.raises(ModelError, match="nobody speaks in the recordings"):
        speech_capacity.measure(test_model, [Channel(bytes(320_000), 16_000)], None)


def test_a_damaged_model_is_not_measured(test_model: ModelInfo, channel: Channel) -> None:
    other = msgspec.structs.replace(test_model, files={"am/final.mdl": hashlib.sha256(b"").hexdigest()})
    with pytest.raises(ModelError, match="damaged"):
        speech_capacity.measure(other, [channel], 5.0)


@pytest.mark.parametrize(
    ("machine", "workers", "expected"),
    [
        (Machine(2, None), 2, Capacity(17, None)),
        (Machine(2, 8000.0), 2, Capacity(17, 270)),
        (Machine(2, 1350.0), 2, Capacity(17, 4)),
        (Machine(2, 600.0), 2, Capacity(17, 0)),
    ],
)
def test_the_scarcer_of_processor_and_memory_decides(machine: Machine, workers: int, expected: Capacity) -> None:
    """0.08 cores a call: 1.4 of 2 cores carry 17. 80 % of the memory less the models, 20 MB a call."""
    assert capacity(COST, machine, workers) == expected
    assert expected.calls == min(17, expected.by_memory if expected.by_memory is not None else 17)


@pytest.mark.parametrize(
    ("budget_mb", "expected"),
    [
        (0.0, Capacity(17, 295, 0)),
        (349.0, Capacity(17, 295, 0)),
        (3500.0, Capacity(10 + 13, 120, 10)),
        (14_000.0, Capacity(40 + 1, 0, 40)),
        (35_000.0, Capacity(43, 0, 100)),
    ],
)
def test_warm_engines_carry_more_calls_and_take_memory(budget_mb: float, expected: Capacity) -> None:
    """A warm call takes 0.032 cores, another 0.08; of 8 GB are left 6.4 less a model of 500 MB and 350 for every warm engine."""
    assert capacity(KEPT, Machine(2, 8000.0), 1, budget_mb) == expected


@given(cores=st.integers(1, 256), free_mb=st.floats(0, 1e6), workers=st.integers(1, 64))
def test_more_machine_is_never_fewer_calls(cores: int, free_mb: float, workers: int) -> None:
    able = capacity(COST, Machine(cores, free_mb), workers).calls
    assert 0 <= able <= capacity(COST, Machine(cores + 1, free_mb * 2 + 1), workers).calls


def test_this_machine_has_cores_and_memory() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.free_mb is None or machine.free_mb > 0
    held = bytearray(50_000_000)
    assert resident_mb() > len(held) / 1e6
