"""Delays: when words left, against when they were spoken."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.bench.delays import PlayedCall, ScriptedWord, Spread, delays, spoken, spread
from cc_voice.call.batch import LiveWords

SCRIPT = [ScriptedWord(text, end) for text, end in (("good", 1000), ("morning", 1500), ("how", 4000), ("good", 4500))]
START = 1_790_000_000_000


def left(text: str, start_ms: int, end_ms: int, at_ms: int, **changes: Any) -> LiveWords:
    values: dict[str, Any] = {
        "call_id": "call",
        "stream_id": "s",
        "epoch": 1,
        "channel_id": "a",
        "start_ms": start_ms,
        "end_ms": end_ms,
        "text": text,
        "language": "en",
        "is_final": False,
        "left_unix_ms": START + at_ms,
    }
    return LiveWords(**values | changes)


def played(speed: float = 1.0) -> dict[str, PlayedCall]:
    return {"s": PlayedCall(words={"a": SCRIPT, "b": []}, start_unix_ms=START, speed=speed)}


def test_a_word_counts_from_its_end_to_the_first_words_that_contain_it() -> None:
    found = delays(
        played(),
        [
            left("good", 700, 1100, 1300),
            left("good mourning", 700, 1600, 1700),
            left("good morning", 700, 1700, 1900),
            left("good morning", 700, 1500, 2400, is_final=True),
        ],
    )
    assert found.partial_ms == Spread(n=2, p50=400, p95=400, most=400)
    assert found.final_ms == Spread(n=1, p50=900, p95=900, most=900)
    assert (found.scripted_words, found.shown_words) == (4, 2)


def test_the_same_word_later_is_another_one() -> None:
    assert spoken(SCRIPT, left("how good", 3600, 4600, 0)) == [2, 3]
    assert spoken(SCRIPT, left("good", 700, 1100, 0)) == [0]


def test_a_call_that_runs_faster_was_spoken_earlier() -> None:
    found = delays(played(speed=10.0), [left("good", 700, 1100, 300)])
    assert found.partial_ms.most == 200


@pytest.mark.parametrize("strange", [{"stream_id": "other"}, {"channel_id": "c"}, {"text": ""}])
def test_words_of_nobody_and_taken_back_ones_count_for_nothing(strange: dict[str, Any]) -> None:
    words = msgspec.structs.replace(left("good", 700, 1100, 1300, is_final=True), **strange)
    found = delays(played(), [words])
    assert (found.shown_words, found.partial_ms.p95, found.final_ms.n) == (0, None, 0)


@given(st.lists(st.integers(-1000, 10_000), min_size=1))
def test_a_spread_is_made_of_values_that_occurred(values: list[int]) -> None:
    found = spread(values)
    assert found.p50 is not None
    assert found.p95 is not None
    assert found.n == len(values)
    assert found.most == max(values)
    assert min(values) <= found.p50 <= found.p95 <= max(values)
    assert {found.p50, found.p95} <= set(values)
    assert sum(value <= found.p95 for value in values) >= 0.95 * len(values)
