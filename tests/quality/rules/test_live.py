"""Live rules: the same hits as history from the same final transcript, withdrawn with a revision, windows closed by media time."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.utterances import Utterance, Word
from cc_voice.media.rule_sets import shipped_set
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.live import LiveRules
from cc_voice.quality.rules.rule_rows import hit_rows, state_rows

EVALUATOR = Evaluator(shipped_set())


def event(name: EventName, at_ms: int, channel_id: str) -> CallEvent:
    return CallEvent(at_ms=at_ms, at_unix_ms=at_ms, name=name, participants=(Participant(channel_id=channel_id),))


def said(channel_id: str, start_ms: int, text: str, source: str = "zoom", length_ms: int = 2000) -> Utterance:
    words = tuple(Word(word) for word in text.split())
    return Utterance(
        channel_id=channel_id,
        start_ms=start_ms,
        end_ms=start_ms + length_ms,
        text=text,
        words=words,
        language="en-US",
        source=source,
    )


def live() -> LiveRules:
    rules = LiveRules(EVALUATOR, "call")
    rules.take_event(event(EventName.CONSUMER_ANSWERED, 0, "c"))
    rules.take_event(event(EventName.USER_ANSWERED, 0, "a"))
    return rules


def found(rules: LiveRules, heard_ms: int) -> tuple[list[tuple[str, str | None]], int, dict[str, int]]:
    news = rules.news(heard_ms)
    hits = [(row.rule_id, row.matched_text) for row in news.hits]
    return hits, len(news.withdrawn), {row.rule_id: row.state for row in news.states}


def test_a_hit_is_told_once_and_withdrawn_with_its_words() -> None:
    rules = live()
    rules.take(said("c", 4000, "i want to cancel my account"))
    assert found(rules, 6000)[0] == [("cancellation", "want to cancel")]
    assert found(rules, 6500)[0] == []
    rules.take(said("c", 4000, "i want to candle my account"))
    assert found(rules, 7000)[:2] == ([], 1)
    rules.take(said("c", 4000, "i want to cancel my account"))
    assert found(rules, 7500)[0] == [("cancellation", "want to cancel")]
    rules.delete("c", 4000)
    assert found(rules, 8000)[:2] == ([], 1)


def test_a_window_closes_by_media_time_and_not_before() -> None:
    rules = live()
    rules.take(said("a", 1000, "this is about the order that came yesterday"))
    assert "greeting" not in found(rules, 29_000)[2]
    assert found(rules, 30_000)[2]["greeting"] == 0
    assert "greeting" not in found(rules, 40_000)[2]  # told once


def test_an_agent_on_hold_does_not_speak_to_the_customer() -> None:
    rules = live()
    rules.take_event(event(EventName.USER_HOLD, 3000, "a"))
    rules.take(said("a", 4000, "hello there"))
    assert found(rules, 6000)[0] == []


def test_zooms_line_beside_ours_counts_once() -> None:
    rules = live()
    rules.take(said("a", 1000, "hello", source="local"))
    rules.take(said("a", 1100, "hello"))
    assert found(rules, 6000)[0] == [("greeting", "hello")]


def lines_of(dialogue: Any) -> list[Utterance]:
    return [
        said(
            "a" if each["speaker"] == "agent" else "c", each["start_ms"], each["text"], length_ms=each["end_ms"] - each["start_ms"]
        )
        for each in dialogue["utterances"]
        if each["speech"]
    ]


def keys(rules: LiveRules, heard_ms: int) -> set[str]:
    """What stands live when so much was heard."""
    return {row.hit_key for row in hit_rows(rules._leg(heard_ms), EVALUATOR.findings(rules._leg(heard_ms)))}


def test_live_is_history_on_the_corpus(corpus: Path) -> None:
    for path in sorted((corpus / "dialogues").glob("hvb_*.json")):
        lines = lines_of(json.loads(path.read_text()))
        rules, shown = live(), set[str]()
        for line in lines:
            rules.take(line)
            news = rules.news(line.end_ms)
            shown = (shown | {row.hit_key for row in news.hits}) - set(news.withdrawn)
        end_ms = max(line.end_ms for line in lines)
        final = live()
        for line in lines:
            final.take(line)
        assert shown == keys(final, end_ms), path.name
        assert shown


WORDS = st.lists(
    st.sampled_from(
        ["hello", "i", "want", "to", "cancel", "my", "account", "thank", "you", "bye", "one", "moment", "please", "the"]
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ac"), st.integers(0, 20), WORDS), max_size=12), st.randoms(use_true_random=False))
def test_revisions_and_their_order_change_nothing_in_the_end(pieces: list[tuple[str, int, list[str]]], shuffled: Any) -> None:
    final = {(channel, at): said(channel, at * 3000, " ".join(words)) for channel, at, words in pieces}
    wanted = live()
    for line in final.values():
        wanted.take(line)
    told, order, shown = live(), [*final.values()], set[str]()
    shuffled.shuffle(order)
    for line in [*(said(one.channel_id, one.start_ms, "something else") for one in order), *order]:
        told.take(line)
        news = told.news(70_000)
        shown = (shown | {row.hit_key for row in news.hits}) - set(news.withdrawn)
    assert shown == keys(wanted, 70_000)
    leg = wanted._leg(70_000)
    assert state_rows(leg, EVALUATOR.findings(leg)) == state_rows(leg, EVALUATOR.findings(leg, EVALUATOR.matched(leg.lines)))
