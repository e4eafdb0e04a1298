"""Unused utterances: what is not in the transcript, and how far two recognisers differ: the golden call, heard twice."""

import pytest
from hypothesis import given, settings

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.events import EventName
from cc_voice.call.measure import measure
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.rows import MeasuredCall
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import ANSWERED, channel, local, measured, of_kind, reasons_of, stream, zoom
from tests.call.golden import THRESHOLDS, event, golden_stream, golden_stream_heard_twice
from tests.call.strategies import conversations, streams
from tests.conftest import examples

MEASURES = [name for name in METRICS if name.startswith(("compared_word", "differing_word", "word_disagreement"))]


@pytest.fixture(scope="module")
def golden() -> MeasuredCall:
    return measure([golden_stream_heard_twice()], THRESHOLDS)


def test_golden_disagreement(golden: MeasuredCall) -> None:
    (leg,) = golden.legs
    assert (leg.compared_word_count_agent, leg.differing_word_count_agent) == (19, 1)
    assert (leg.compared_word_count_customer, leg.differing_word_count_customer) == (28, 4)
    assert (leg.compared_word_count, leg.differing_word_count) == (47, 5)
    assert leg.word_disagreement_pct == pytest.approx(100 * 5 / 47)
    assert leg.word_disagreement_pct_agent == pytest.approx(100 / 19)
    assert (golden.call.compared_word_count, golden.call.differing_word_count) == (47, 5)
    assert golden.call.word_disagreement_pct == leg.word_disagreement_pct


def test_every_piece_that_differs_is_evidence(golden: MeasuredCall) -> None:
    rows = [(row.start_ms, row.end_ms, row.party, row.value) for row in of_kind(golden, "disagreement")]
    assert rows == [(2_300, 6_200, "agent", 10.0), (13_000, 18_800, "customer", pytest.approx(100 * 4 / 15))]


def test_what_is_not_in_the_transcript_is_kept_with_the_reason(golden: MeasuredCall) -> None:
    rows = [(row.source, row.start_ms, row.unused_reason, row.used_utterance_id, row.on_hold) for row in golden.unused_utterances]
    assert rows == [
        ("zoom", 2_300, "other_preferred", "golden:a:2500", False),
        ("zoom", 13_000, "other_preferred", "golden:c:13200", False),
        ("zoom", 15_900, "other_preferred", "golden:c:13200", False),
        ("zoom", 33_000, "other_preferred", "golden:c:33000", True),
        ("zoom", 41_000, "other_preferred", "golden:a:41000", False),
        ("zoom", 45_300, "other_preferred", "golden:c:45300", False),
        ("local", 52_500, "other_language", "golden:c:52500", False),
    ]
    assert {row.source for row in golden.utterances if row.start_ms == 52_500} == {"zoom"}
    assert {row.leg_id for row in golden.unused_utterances} == {"golden-1"}
    assert [row.party for row in golden.unused_utterances] == [*("agent", *["customer"] * 3), *("agent", *["customer"] * 2)]


def test_words_are_kept_with_it_and_times_only_where_there_were_some(golden: MeasuredCall) -> None:
    for row in golden.unused_utterances:
        words = [word for word in golden.unused_words if word.utterance_id == row.utterance_id]
        assert [word.word_seq for word in words] == list(range(1, row.word_count + 1))
        assert " ".join(word.word for word in words) == row.text
        assert {word.start_ms is None for word in words} == {row.source == "zoom"}
        assert (row.asr_conf is None) == (row.source == "zoom")


def test_zooms_preference_turns_it_round() -> None:
    """What differs does not depend on whose words are taken."""
    site = ThresholdSet(cust_speech_on_hold=True, transcript_prefer="zoom")
    call = measure([golden_stream_heard_twice()], site)
    (leg,) = call.legs
    assert (leg.compared_word_count, leg.differing_word_count) == (47, 5)
    assert [row.source for row in call.unused_utterances] == ["local"] * 6
    assert len(call.utterances) == len(golden_stream().utterances) + 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "no_words"),
        ([local("a", (0, 9_000), "hello"), local("c", (9_000, 12_000), "hello")], "one_recogniser"),
        ([zoom("a", (0, 9_000), "hello"), zoom("c", (9_000, 12_000), "hello")], "one_recogniser"),
        ([local("a", (0, 9_000), "hello"), zoom("c", (9_000, 12_000), "hello")], "one_recogniser"),
        ([local("a", (0, 4_000), "hello"), zoom("a", (5_000, 9_000), "hello")], "nothing_compared"),
        ([local("a", (0, 9_000), "hello"), zoom("a", (0, 9_000), "hola", "es")], "nothing_compared"),
    ],
)
def test_what_cannot_be_compared_says_why(said: list, reason: str) -> None:  # type: ignore[type-arg]
    call, leg = measured(stream(channel("a", (0, 9_000)), channel("c", (9_000, 12_000)), utterances=said))
    found = reasons_of(call)
    assert found["word_disagreement_pct"] == reason
    assert found["compared_word_count_agent"] == reason
    assert leg.word_disagreement_pct is call.call.word_disagreement_pct is None
    assert of_kind(call, "disagreement") == []


def test_of_a_mixed_channel_the_whole_is_compared_and_the_parties_are_not() -> None:
    said = [local("x", (0, 9_000), "good morning mary"), zoom("x", (0, 9_000), "Good morning, Harry.")]
    call, leg = measured(stream(channel("x", (0, 9_000)), mixed_audio=True, utterances=said))
    assert (leg.compared_word_count, leg.differing_word_count, leg.compared_word_count_agent) == (3, 1, None)
    assert reasons_of(call)["word_disagreement_pct_agent"] == "mixed_audio"
    assert [row.party for row in of_kind(call, "disagreement")] == [None]


def test_two_legs_share_out_what_was_compared_and_the_call_counts_it_once() -> None:
    told = [
        event(0, EventName.CONSUMER_ANSWERED, "c"),
        event(0, EventName.USER_ANSWERED, "a"),
        event(30_000, EventName.USER_ANSWERED, "b"),
        event(32_000, EventName.USER_END, "a"),
    ]
    heard = [((5_000, 8_000), "one two"), ((30_500, 31_500), "three four"), ((50_000, 52_000), "five six")]
    said = [line for span, text in heard for line in (local("c", span, text), zoom("c", span, text.replace("six", "sick")))]
    parties = (channel("a", (0, 5_000)), channel("c", *(span for span, _ in heard)), channel("b", (40_000, 45_000)))
    call = measure([stream(*parties, events=told, utterances=said)], ThresholdSet())
    first, second = call.legs
    assert (first.end_ms, second.start_ms) == (32_000, 30_000)
    assert (first.compared_word_count, second.compared_word_count) == (4, 4)
    assert (first.differing_word_count, second.differing_word_count) == (0, 1)
    assert (call.call.compared_word_count, call.call.differing_word_count) == (6, 1)


def test_what_a_supervisor_whispers_is_not_kept_either() -> None:
    told = [*ANSWERED, event(1_000, EventName.MONITOR_STARTED, "s")]
    said = [local("s", (5_000, 7_000), "ask for the name"), zoom("s", (5_000, 7_000), "Ask for her name.")]
    call, _ = measured(stream(channel("a", (0, 9_000)), channel("c", (9_000, 12_000)), channel("s"), events=told, utterances=said))
    assert (call.utterances, call.unused_utterances, call.unused_words) == ((), (), ())
    assert call.call.compared_word_count is None


@settings(max_examples=examples(60), deadline=None)
@given(streams(), streams(2))
def test_whatever_was_said_is_in_one_place_and_every_pointer_leads_there(first: StreamAnalysis, second: StreamAnalysis) -> None:
    call = measure([first, second], THRESHOLDS)
    used = {row.utterance_id for row in call.utterances}
    keys = [row.utterance_id for row in call.unused_utterances]
    assert len(set(keys)) == len(keys)
    assert used.isdisjoint(keys)
    assert {row.used_utterance_id for row in call.unused_utterances} <= used | {None}
    assert {row.utterance_id for row in call.unused_words} == set(keys)


@settings(max_examples=examples(60), deadline=None)
@given(conversations())
def test_shares_lie_between_nothing_and_everything(heard: StreamAnalysis) -> None:
    (leg,) = measure([heard], THRESHOLDS).legs
    assert len(MEASURES) == 9
    for suffix in ("", "_agent", "_customer"):
        words, differing, pct = (
            getattr(leg, name + suffix) for name in ("compared_word_count", "differing_word_count", "word_disagreement_pct")
        )
        assert (words is None) == (differing is None) == (pct is None)
        assert words is None or (0 <= differing <= words and pct == pytest.approx(100 * differing / words))
