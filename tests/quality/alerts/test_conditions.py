"""Alert conditions of made calls: which reasons are true at which second, in which words, however often somebody looks."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.events import CallEvent, Participant
from cc_voice.call.intervals import canonical
from cc_voice.call.utterances import Utterance
from cc_voice.config.alert_thresholds import AlertThresholds
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.quality.alerts.conditions import clock, conditions
from cc_voice.quality.alerts.live_facts import ChannelSound, LiveFacts
from cc_voice.quality.alerts.reasons import AlertCondition

Spans = Sequence[tuple[float, float]]


def event(at_s: float, name: str, channel: str | None = None, **person: Any) -> CallEvent:
    people = (Participant(channel_id=channel, **person),) if channel or person else ()
    return CallEvent(at_ms=int(at_s * 1000), at_unix_ms=0, name=name, participants=people)


ANSWERED = (event(0, "consumer_answered", "c"), event(0, "user_answered", "a"))


def at(
    now_s: float,
    agent: Spans = (),
    customer: Spans = (),
    events: Sequence[CallEvent] = (),
    said: Sequence[Utterance] = (),
    received: Mapping[str, Spans] | None = None,
    behind_ms: int = 0,
    alerts: AlertThresholds | None = None,
) -> dict[str, AlertCondition]:
    facts = LiveFacts(ThresholdSet())
    for each in (*ANSWERED, *events):
        facts.take_event(each)
    for line in said:
        facts.take_words(line)
    now_ms = int(now_s * 1000)
    arrived = received or {"a": [(0, now_s)], "c": [(0, now_s)]}

    def sound(name: str, spans: Spans) -> ChannelSound:
        def ms(pairs: Spans) -> tuple[tuple[int, int], ...]:
            return canonical((int(start * 1000), int(end * 1000)) for start, end in pairs)

        return ChannelSound(voice=ms(spans), received=ms(arrived[name]))

    found = facts.at(now_ms, {"a": sound("a", agent), "c": sound("c", customer)}, behind_ms)
    return {each.reason: each for each in conditions(found, ThresholdSet(), alerts or AlertThresholds())}


def test_silence_is_told_with_its_length_and_whose_turn_it_is() -> None:
    talk = {"agent": [(0, 3), (5, 6)], "customer": [(3, 5), (7, 9)]}
    assert "dead_air" not in at(18.9, **talk)
    found = at(23, **talk)["dead_air"]
    assert (found.text, found.level, found.true_ms) == ("Silence for 14 s, agent's turn", 1, 19_000)
    assert at(39, **talk)["dead_air"].level == 2
    assert at(23, agent=[(0, 9)], customer=[(1, 2)])["dead_air"].text == "Silence for 14 s, customer's turn"


def test_silence_on_hold_or_announced_or_lost_is_none() -> None:
    talk = {"agent": [(0, 3)], "customer": [(3, 5)]}
    assert "dead_air" not in at(25, events=[event(6, "user_hold")], **talk)
    assert at(36, events=[event(6, "user_hold"), event(20, "user_unhold")], **talk)["dead_air"].text.startswith("Silence for 16 s")
    words = Utterance(channel_id="a", start_ms=2_000, end_ms=3_000, text="bear with me", language="en", source="zoom", words=())
    assert "dead_air" not in at(14, said=[words], **talk)
    assert "dead_air" not in at(25, received={"a": [(0, 6)], "c": [(0, 6)]}, **talk)
    assert "dead_air" in at(25, received={"a": [(0, 6)], "c": [(0, 25)]}, **talk)
    assert "dead_air" not in at(25, events=[event(6, "user_end")], **talk)


def test_holds_are_told_by_length_and_number() -> None:
    holds = [event(s, name) for s, name in ((10, "user_hold"), (20, "user_unhold"), (30, "user_hold"), (40, "user_unhold"))]
    found = at(180, agent=[(0, 9)], customer=[(5, 9)], events=[*holds, event(50, "user_hold")])
    assert found["hold_long"].text == "On hold 2:10, third hold"
    assert found["hold_many"].text == "3 holds, 2:30 in all"
    assert found["hold_long"].true_ms == 170_000
    assert at(350, events=[event(50, "user_hold")])["hold_long"].level == 2
    assert "hold_long" not in at(169, events=[event(50, "user_hold")])


def test_interruptions_and_overtalk_of_the_last_minutes() -> None:
    customer = [(start, start + 8) for start in range(0, 60, 10)]
    agent = [(start + 4, start + 6) for start in range(0, 60, 10)][:3]
    assert at(60, agent, customer)["overtalk"].text == "Agent interrupted 3 times in 2 min"
    assert "overtalk" not in at(60, agent[:2], customer)
    assert at(60, [(0, 60)], [(0, 60)])["overtalk"].text == "Both spoke for 100 % of the last minute"


def test_a_monologue_is_a_turn_and_no_length_of_talk() -> None:
    speech = [(start, start + 4.5) for start in range(10, 135, 5)]
    found = at(135, speech, [(0, 9), (60, 60.4)])
    assert found["monologue"].text == "Agent has spoken 2:04 without a break"
    assert "monologue" not in at(135, speech, [(0, 9), (70, 73)])
    assert "monologue" not in at(140, speech, [(0, 9)])
    assert "monologue" not in at(135, speech, [(0, 9)], alerts=AlertThresholds(off=("monologue",)))


def test_a_line_is_suspected_and_no_person() -> None:
    agent = [(0, 3), (5, 8), (10, 13), (15, 18), (20, 22)]
    assert at(24, agent)["line"].text == "No sound from customer"
    assert "line" not in at(24, agent, [(3.2, 4)])
    assert "line" not in at(24, agent, received={"a": [(0, 24)], "c": [(0, 1)]})
    assert at(24, agent, [(3.2, 4)], behind_ms=12_000)["line"].text == "Words are 12 s behind"


SPEECH = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 20)), max_size=12).map(
    lambda spans: [(start, start + length) for start, length in spans]
)


@given(SPEECH, SPEECH, st.integers(1, 100))
def test_what_comes_later_changes_nothing_about_a_second(agent: Spans, customer: Spans, now_s: int) -> None:
    """The pace of packets cannot matter: a second is the same whether more is known already or not."""
    cut = [[(start, min(end, now_s)) for start, end in spans if start < now_s] for spans in (agent, customer)]
    assert at(now_s, agent, customer, received={"a": [(0, 110)], "c": [(0, 110)]}) == at(now_s, *cut)


@given(st.integers(0, 10**7))
def test_no_time_is_told_oddly(ms: int) -> None:
    assert clock(ms)[-3] == ":"
