"""Leg input: what of a call a leg is measured on: H, X, A, V and S, whose speech is whose, and which words belong."""

import pytest

from cc_voice.call.events import EventName
from cc_voice.call.measure import measure
from cc_voice.call.metrics.leg_input import LegInput
from tests.call.calls import ANSWERED, DEFAULTS, channel, local, scopes_of, stream, zoom
from tests.call.golden import event

ANSWER, END = EventName.USER_ANSWERED, EventName.USER_END
HOLD, UNHOLD = EventName.USER_HOLD, EventName.USER_UNHOLD


def only(*args: object) -> LegInput:
    (scope,) = scopes_of(*args)  # type: ignore[arg-type]
    return scope


def test_hold_gaps_and_analysed_time_are_cut_to_the_leg() -> None:
    told = [
        event(-3_000, EventName.CONSUMER_ANSWERED, "c"),
        event(10_000, ANSWER, "a"),
        event(30_000, HOLD, "a"),
        event(40_000, UNHOLD, "a"),
        event(50_000, END, "a"),
    ]
    scope = only(stream(channel("a", (0, 60_000)), channel("c"), events=told, media_gaps=((5_000, 12_000), (35_000, 45_000))))
    assert scope.hold == ((30_000, 40_000),)
    assert scope.gaps == ((10_000, 12_000), (35_000, 45_000))
    assert scope.analysed == ((12_000, 30_000), (45_000, 50_000))
    assert scope.voice["agent"] == ((0, 60_000),)
    assert scope.speech["agent"] == scope.analysed
    assert scope.silence == ()


def test_analysed_time_begins_with_media() -> None:
    assert only(stream(channel("a"), channel("c"), events=[event(-5_000, ANSWER, "a")])).analysed == ((0, 60_000),)


def transfer() -> list[LegInput]:
    told = [
        *ANSWERED,
        event(20_000, EventName.TRANSFER_INITIATED, "a"),
        event(20_000, HOLD, "a"),
        event(25_000, ANSWER, "b"),
        event(30_000, EventName.TRANSFER_COMPLETED, "a"),
        event(30_100, END, "a"),
    ]
    channels = (
        channel("a", (0, 5_000), (26_000, 28_000)),
        channel("b", (27_000, 29_500), (31_000, 35_000)),
        channel("c", (33_000, 40_000)),
    )
    return scopes_of(stream(*channels, events=told))


def test_a_consultation_on_hold_is_in_nobodys_analysed_time() -> None:
    first, second = transfer()
    assert first.analysed == ((0, 20_000),)
    assert second.analysed == ((30_000, 60_000),)
    assert first.speech == {"agent": ((0, 5_000),), "customer": ()}
    assert second.speech == {"agent": ((31_000, 35_000),), "customer": ((33_000, 40_000),)}
    assert (first.speakers, second.speakers, first.others, second.others) == (1, 2, (), ())


def test_a_conferenced_colleague_is_another_human_not_the_agent() -> None:
    told = [*ANSWERED, event(10_000, ANSWER, "b"), event(40_000, END, "b")]
    channels = (channel("a", (0, 5_000)), channel("b", (9_000, 15_000), (39_000, 45_000)), channel("c", (5_000, 9_000)))
    first, second = scopes_of(stream(*channels, events=told))
    assert first.speech["agent"] == ((0, 5_000),)
    assert first.others == ((10_000, 15_000), (39_000, 40_000))
    assert second.speech["agent"] == first.others
    assert (first.speakers, second.speakers) == (3, 1)
    assert first.waiting == ((9_000, 10_000), (15_000, 39_000), (40_000, 60_000))


def test_a_whispering_supervisor_is_nobody_until_the_takeover() -> None:
    told = [*ANSWERED, event(10_000, EventName.MONITOR_STARTED, "s"), event(30_000, EventName.TAKEOVER_STARTED, "s")]
    channels = (channel("a", (0, 5_000)), channel("s", (12_000, 15_000), (31_000, 36_000)), channel("c", (5_000, 9_000)))
    first, second = scopes_of(stream(*channels, events=told))
    assert (first.speakers, first.others, first.anybody) == (2, (), ((0, 9_000),))
    assert second.speech["agent"] == ((31_000, 36_000),)


@pytest.mark.parametrize(("invited", "speakers"), [(True, 3), (False, 2)])
def test_an_unannounced_channel_is_a_human_only_after_an_invitation(invited: bool, speakers: int) -> None:
    told = [*ANSWERED, *([event(9_000, EventName.CONFERENCE_PARTICIPANT_INVITED, None)] if invited else [])]
    channels = (channel("a", (0, 5_000)), channel("c", (5_000, 9_000)), channel("ivr", (0, 3_000), (20_000, 25_000)))
    scope = only(stream(*channels, events=told))
    assert scope.speakers == speakers
    assert scope.anybody == ((0, 9_000),)


def test_an_ivr_by_option_is_never_a_party() -> None:
    channels = (
        channel("0", (0, 9_000), party="ivr"),
        channel("1", (9_000, 12_000), party="agent"),
        channel("2", (12_000, 13_000), party="customer"),
    )
    scope = only(stream(*channels, events=(), product="import"))
    assert (scope.anybody, scope.speakers) == (((9_000, 13_000),), 2)


def test_several_customers_are_one_party() -> None:
    channels = (channel("h", (0, 1_000)), channel("x", (1_000, 3_000)), channel("y", (2_000, 4_000)))
    scope = only(stream(*channels, events=(), product="meeting"))
    assert scope.speech == {"agent": ((0, 1_000),), "customer": ((1_000, 4_000),)}
    assert scope.speakers == 3


def test_on_a_mixed_channel_anybody_speaks_and_no_party_does() -> None:
    scope = only(stream(channel("x", (0, 1_000)), mixed_audio=True, utterances=[local("x", (0, 1_000), "hello")]))
    assert scope.speech == {"agent": (), "customer": ()}
    assert (scope.anybody, scope.speakers, len(scope.everything_said)) == (((0, 1_000),), 0, 1)


@pytest.mark.parametrize(
    ("utterances", "asr_model", "agent", "customer"),
    [
        ([], None, "no_word_source", "no_word_source"),
        ([], "tiny", None, None),
        ([local("a", (0, 900), "hi")], None, None, "no_word_source"),
        ([local("a", (0, 900), "hi", "es")], "tiny", "language_without_model", None),
        ([local("a", (0, 900), "hi", "es")], None, "language_without_model", "no_word_source"),
    ],
)
def test_why_there_are_no_words(utterances: list[object], asr_model: str | None, agent: str | None, customer: str | None) -> None:
    call = stream(channel("a", (0, 900)), channel("c", (900, 2_000)), utterances=utterances, asr_model=asr_model)  # type: ignore[arg-type]
    assert only(call).no_words == {"agent": agent, "customer": customer}


@pytest.mark.parametrize(
    ("events", "product", "reason"),
    [
        (ANSWERED, "contact_center", None),
        (ANSWERED[:1], "contact_center", "no_agent_answered"),
        ((event(9_000, END, "a"),), "contact_center", "no_answer_time"),
        ((), "meeting", "no_hold_in_product"),
        ((), "video_sdk", "no_hold_in_product"),
        ((), "import", "no_events"),
        ((), "phone", "no_events"),
    ],
)
def test_why_handling_is_not_known(events: tuple[object, ...], product: str, reason: str | None) -> None:
    assert only(stream(channel("a", (0, 900)), channel("c", (0, 900)), events=events, product=product)).no_handling == reason  # type: ignore[arg-type]


def test_a_call_whose_answer_was_lost_is_measured_but_for_its_handling() -> None:
    told = [
        event(0, EventName.CONSUMER_ANSWERED, "c"),
        event(20_000, HOLD, "a"),
        event(30_000, UNHOLD, "a"),
        event(50_000, END, "a"),
    ]
    call = measure([stream(channel("a", (0, 5_000)), channel("c", (5_000, 8_000)), events=told)], DEFAULTS)
    (leg,) = call.legs
    assert (leg.talk_ms_agent, leg.talk_ms_customer, leg.analysed_ms, leg.silence_ms) == (5_000, 3_000, 50_000, 42_000)
    why = {row.metric: row.reason for row in call.null_reasons}
    for name in ("interaction_ms", "conversation_ms", "hold_ms", "hold_pct", "greeting_latency_ms"):
        assert why[name] == "no_answer_time"


def test_the_words_of_an_utterance_across_a_takeover_are_counted_once_each_where_they_were_said() -> None:
    told = [*ANSWERED, event(30_000, EventName.TAKEOVER_STARTED, "s")]
    channels = (channel("a", (0, 5_000)), channel("s", (40_000, 45_000)), channel("c", (25_000, 35_000)))
    call = measure([stream(*channels, events=told, utterances=[local("c", (25_000, 35_000), " ".join("abcdefghij"))])], DEFAULTS)
    assert [leg.word_count_customer for leg in call.legs] == [5, 5]
    assert [(row.leg_id, row.party, row.word_count) for row in call.utterances] == [("call-2", "customer", 10)]
    assert [(row.leg_id, row.speech_ms, row.word_count) for row in call.leg_languages if row.party == "customer"] == [
        ("call-1", 5_000, 5),
        ("call-2", 5_000, 5),
    ]


@pytest.mark.parametrize(
    ("span", "touches"),
    [
        ((9_000, 10_000), False),
        ((9_000, 10_001), True),
        ((10_000, 10_000), True),
        ((49_999, 55_000), True),
        ((50_000, 55_000), False),
        ((50_000, 50_000), False),
        ((0, 60_000), True),
    ],
)
def test_an_utterance_touches_the_leg_it_shares_time_with(span: tuple[int, int], touches: bool) -> None:
    told = [ANSWERED[0], event(10_000, ANSWER, "a"), event(50_000, END, "a")]
    scope = only(stream(channel("a"), channel("c"), events=told, utterances=[zoom("c", span, "hello")]))
    assert bool(scope.everything_said) is bool(scope.utterances["customer"]) is touches
