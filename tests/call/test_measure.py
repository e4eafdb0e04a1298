"""`measure`: the golden example of 1.10 with its exact values, and what holds for every call."""

import pytest

from cc_voice.call.measure import measure
from cc_voice.call.rows import IntervalRow, LegRow, MeasuredCall
from tests.call.golden import THRESHOLDS, golden_stream


@pytest.fixture(scope="module")
def golden() -> MeasuredCall:
    return measure([golden_stream()], THRESHOLDS)


@pytest.fixture(scope="module")
def leg(golden: MeasuredCall) -> LegRow:
    assert len(golden.legs) == 1
    return golden.legs[0]


def of_kind(call: MeasuredCall, kind: str) -> list[IntervalRow]:
    return [row for row in call.intervals if row.kind == kind]


def test_golden_partition(leg: LegRow) -> None:
    assert leg.analysed_ms == 49_000
    assert (leg.talk_ms_agent, leg.talk_ms_customer) == (25_300, 14_000)
    assert (leg.agent_only_ms, leg.customer_only_ms, leg.overtalk_ms, leg.silence_ms) == (23_400, 12_100, 1_900, 11_600)


def test_golden_overtalk(golden: MeasuredCall, leg: LegRow) -> None:
    assert leg.overtalk_count == 3
    assert [(row.start_ms, row.end_ms, row.subkind, row.party, row.outcome) for row in of_kind(golden, "overtalk")] == [
        (13_200, 14_000, "interruption", "customer", "taken"),
        (16_500, 17_000, "backchannel", "agent", None),
        (22_000, 22_600, "backchannel", "customer", None),
    ]
    assert (leg.interruptions_agent, leg.interruptions_customer) == (0, 1)
    assert (leg.interruption_ms_agent, leg.interruption_ms_customer) == (0, 800)


def test_golden_silence(golden: MeasuredCall, leg: LegRow) -> None:
    assert (leg.long_silence_count, leg.long_silence_ms, leg.longest_silence_ms) == (1, 4_500, 4_500)
    assert [(row.start_ms, row.end_ms) for row in of_kind(golden, "long_silence")] == [(48_000, 52_500)]
    assert (leg.dead_air_count, leg.dead_air_ms) == (0, 0)
    assert leg.non_talk_ms == 14_500


def test_golden_shares_and_speed(leg: LegRow) -> None:
    assert leg.agent_talk_pct == pytest.approx(51.63, abs=0.005)
    assert leg.talk_ratio_agent == pytest.approx(0.6438, abs=0.00005)
    assert (leg.word_count_agent, leg.word_count_customer) == (66, 45)
    assert leg.wpm_agent == pytest.approx(156.5, abs=0.05)
    assert leg.wpm_customer == pytest.approx(192.9, abs=0.05)


def test_golden_latency(golden: MeasuredCall, leg: LegRow) -> None:
    assert (leg.greeting_latency_ms, leg.cust_speech_on_hold_ms) == (1_500, 1_500)
    assert leg.longest_monologue_ms_agent == 10_500
    pairs = of_kind(golden, "latency")
    assert [row.value for row in pairs if row.party == "agent"] == [200, 500, 600]
    assert [row.value for row in pairs if row.party == "customer"] == [500, -800, 300]
    assert (leg.response_latency_ms_agent_p50, leg.response_latency_ms_customer_p50) == (500, 300)


def test_golden_turns(leg: LegRow) -> None:
    assert leg.turn_switch_count == 6
    assert leg.turn_switch_per_min == pytest.approx(7.35, abs=0.005)
