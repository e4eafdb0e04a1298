"""Preconditions: which obstacle makes which metric NULL, and which of several is named."""

import pytest

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.metrics.preconditions import PRECONDITIONS, check_preconditions
from cc_voice.call.reasons import REASONS, Metrics, Unmeasured
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import ANSWERED, channel, measured, reasons_of, scopes_of, stream

TWO_PARTY = {name for name, metric in METRICS.items() if "parties" in metric.needs}
DURATIONS = {
    "answer_delay_ms",
    "conference_ms",
    "interaction_ms",
    "conversation_ms",
    "analysed_ms",
    "hold_ms",
    "media_lost_ms",
    "longest_hold_ms",
    "talk_ms_agent",
    "talk_ms_customer",
    "talk_ms_any",
    "agent_only_ms",
    "customer_only_ms",
    "overtalk_ms",
    "silence_ms",
    "monitored_ms",
    "media_gap_ms",
}
BOTH = (channel("a", (0, 3_000)), channel("c", (3_000, 6_000)))


def test_every_need_fails_with_reasons_that_are_told() -> None:
    assert {reason for condition in PRECONDITIONS.values() for reason in condition.reasons} <= set(REASONS)


def nulls(*streams: StreamAnalysis, thresholds: ThresholdSet | None = None) -> dict[str, str]:
    call, _ = measured(*streams, thresholds=thresholds or ThresholdSet())
    return reasons_of(call)


def test_a_whole_call_lacks_only_what_zoom_has_not_sent() -> None:
    found = nulls(stream(*BOTH))
    assert (found["acw_ms"], found["handle_ms"], found["cust_speech_on_hold_ms"]) == ("not_imported", "not_imported", "setting_off")
    assert set(found.values()) <= {
        "not_imported",
        "setting_off",
        "no_words",
        "too_few_words",
        "no_pairs",
        "no_language_evidence",
        "no_recogniser",
        "too_few_spoken_seconds",
        "no_noise",
        "no_sentiment_model",  # words are scored above this package: tests/quality
        "filler_recall_untested",
    }


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (stream(channel("x", (0, 6_000)), mixed_audio=True), "mixed_audio"),
        (stream(channel("0", (0, 6_000)), product="import", events=()), "mixed_audio"),
        (stream(channel("a", (0, 6_000)), channel("c")), "one_way_audio"),
        (stream(channel("a"), channel("c", (0, 6_000))), "one_way_audio"),
        (stream(channel("a", (0, 6_000))), "one_way_audio"),
        (stream(channel("0", (0, 6_000), party="agent"), product="import", events=()), "one_way_audio"),
        (stream(), "no_audio"),
        (stream(channel("0", (0, 9)), channel("1", (9, 99)), product="import", events=()), "roles_unknown"),
        (stream(channel("c", (0, 6_000)), events=ANSWERED[:1]), "no_agent_answered"),
    ],
)
def test_every_two_party_metric_names_the_obstacle(call: StreamAnalysis, reason: str) -> None:
    found = nulls(call)
    assert {found.get(name) for name in TWO_PARTY} == {reason}


def test_of_a_mixed_channel_what_anybody_said_is_measured() -> None:
    call, leg = measured(stream(channel("x", (0, 6_000), (20_000, 30_000)), mixed_audio=True))
    assert (leg.talk_ms_any, leg.silence_ms, leg.long_silence_count) == (16_000, 44_000, 2)
    assert (leg.talk_ms_agent, leg.mixed_audio, leg.one_way_audio, leg.qa_eligible) == (None, True, None, False)
    assert reasons_of(call)["one_way_audio"] == "mixed_audio"


def test_of_one_way_audio_the_party_that_is_heard_is_measured() -> None:
    call, leg = measured(stream(channel("a", (0, 6_000)), channel("c")))
    assert (leg.talk_ms_agent, leg.agent_talk_pct, leg.talk_ms_customer, leg.silence_ms) == (6_000, 10.0, None, None)
    assert (leg.one_way_audio, leg.qa_eligible) == (True, False)
    assert reasons_of(call)["talk_ms_customer"] == "one_way_audio"


def test_two_silent_parties_are_silence_not_an_obstacle() -> None:
    call, leg = measured(stream(channel("a"), channel("c")))
    assert (leg.silence_ms, leg.talk_ms_agent, leg.one_way_audio) == (60_000, 0, False)
    assert reasons_of(call)["talk_ratio_agent"] == "no_speech"


@pytest.mark.parametrize(("duration", "short"), [(9_999, True), (10_000, False)])
def test_below_ten_seconds_only_durations_are_given(duration: int, short: bool) -> None:
    _, leg = measured(stream(*BOTH, duration_ms=duration))
    given = {name for name in METRICS if getattr(leg, name) is not None}
    assert given >= DURATIONS
    assert ("silence_pct" in given) is not short
    flags = {
        "takeover",
        "transferred_out",
        "hold_count",
        "talk_speed_unit",
        "same_audio",
        "qa_obstacle",
        "one_way_audio",
        "mixed_audio",
        "multi_party",
        "qa_eligible",
    }
    assert (given <= DURATIONS | flags) is short
    assert leg.qa_eligible is not short


def test_hold_is_unknown_for_imports_and_does_not_exist_in_meetings() -> None:
    parties = (channel("0", (0, 3_000), party="agent"), channel("1", (3_000, 6_000), party="customer"))
    for product, reason in (("import", "no_events"), ("phone", "no_events"), ("meeting", "no_hold_in_product")):
        found = nulls(stream(*parties, product=product, events=()), thresholds=ThresholdSet(cust_speech_on_hold=True))
        assert {found[name] for name, metric in METRICS.items() if "events" in metric.needs} == {reason}
        assert found["greeting_latency_ms"] == "no_answer_time"


def test_a_call_nobody_answered_has_no_handling() -> None:
    found = nulls(stream(channel("c", (0, 6_000)), events=ANSWERED[:1]))
    names = ("interaction_ms", "conversation_ms", "hold_ms", "transferred_out", "greeting_latency_ms", "talk_ms_agent")
    assert {found[name] for name in names} == {"no_agent_answered"}


def test_the_first_need_that_fails_is_the_reason() -> None:
    (scope,) = scopes_of(stream(channel("x", (0, 500)), mixed_audio=True, duration_ms=1_000))
    metrics: Metrics = dict.fromkeys(METRICS, 1)
    gated = check_preconditions(metrics, scope, ThresholdSet())
    assert gated["cust_speech_on_hold_ms"] == Unmeasured("setting_off")
    assert gated["overtalk_count"] == Unmeasured("mixed_audio")
    assert gated["silence_pct"] == Unmeasured("too_short")
    assert gated["silence_ms"] == 1
    assert list(gated) == list(METRICS)
    assert {value.reason for value in gated.values() if isinstance(value, Unmeasured)} <= set(REASONS)
