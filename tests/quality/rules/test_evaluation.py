"""Evaluation of rules: three states with reasons, what "heard" means, windows, order, absence, numbers, events, rules on rules."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.utterances import Word
from cc_voice.quality.rules.compilation import compiled_set
from cc_voice.quality.rules.evaluation import Evaluator, Finding
from cc_voice.quality.rules.leg_record import LegLine, LegRecord, TypedInterval, moments
from cc_voice.quality.rules.logic import All, Either, Name, Not, RuleAnswer, RuleState, combined
from cc_voice.quality.rules.rule_files import read_rule

END_MS = 120_000
LONG = "this is about the order that came yesterday"


def line(start_ms: int, text: str, party: str | None = "agent", **more: Any) -> LegLine:
    """A line of words half a second long each."""
    said = text.split()
    conf = more.pop("conf", 0.9)
    words = tuple(Word(word, start_ms + 500 * at, start_ms + 500 * (at + 1), conf) for at, word in enumerate(said))
    values = {"language": "en", "source": "local", "channel_id": party or "mixed", "words": words, "asr_conf": conf} | more
    return LegLine(
        utterance_id=f"u-{values['channel_id']}-{start_ms}",
        party=party,
        start_ms=start_ms,
        end_ms=start_ms + 500 * len(said),
        text=text,
        word_count=len(said),
        **values,
    )


def leg(*lines: LegLine, **more: Any) -> LegRecord:
    intervals = more.get("intervals", ())
    values = {
        "heard_ms": END_MS,
        "moments": moments(0, END_MS, intervals, transferred_out=False, transferred_in=False, hung_up=False),
    } | more
    return LegRecord(leg_id="call-1", call_id="call", start_ms=0, end_ms=END_MS, lines=lines, **values)


def rules(*conditions: str, head: str = "", others: tuple[str, ...] = ()) -> Evaluator:
    text = 'id = "r"\nversion = 1\ntitle = "R"\nkind = "step"\n' + head + "".join(f"[[condition]]\n{each}\n" for each in conditions)
    return Evaluator(compiled_set([read_rule(each, "r.toml") for each in (text, *others)]))


def found(evaluator: Evaluator, record: LegRecord) -> Finding:
    return next(each for each in evaluator.findings(record) if each.rule.id == "r")


def state(evaluator: Evaluator, record: LegRecord) -> tuple[str, str | None]:
    answer = found(evaluator, record).answer
    return answer.state.name.lower(), answer.reason


HELLO = 'name = "said"\nparty = "agent"\nphrases.en = ["good morning"]'
FIRST = HELLO + "\nwindow = { first_s = 30 }"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (leg(line(1000, "good morning sir")), ("matched", None)),
        (leg(line(1000, LONG)), ("missed", None)),
        (leg(line(1000, "good morning sir", conf=0.5)), ("undetermined", "low_confidence")),
        (leg(line(1000, "good morning sir", conf=None)), ("matched", None)),
        (leg(line(1000, LONG, conf=0.4)), ("undetermined", "low_confidence")),
        (leg(line(1000, "hi there")), ("undetermined", "not_heard")),
        (leg(line(1000, LONG, "customer")), ("undetermined", "not_heard")),
        (leg(line(1000, "good morning sir", "customer"), line(4000, LONG)), ("missed", None)),
        (leg(line(40_000, "good morning sir"), line(1000, LONG)), ("missed", None)),
        (leg(line(1000, LONG, language="es")), ("undetermined", "language")),
        (leg(line(1000, LONG), metrics={"word_disagreement_pct_agent": 60.0}), ("undetermined", "recognisers_disagree")),
        (
            leg(line(1000, LONG), unused=(line(1001, "good morning sir", source="zoom"),)),
            ("undetermined", "other_recogniser_heard_it"),
        ),
        (
            leg(line(1000, LONG), intervals=(TypedInterval(kind="excluded", subkind="media_gap", start_ms=5000, end_ms=20_000),)),
            ("undetermined", "media_gap"),
        ),
        (
            leg(line(1000, LONG, None), metrics={"mixed_audio": True}, reasons={"talk_ms_agent": "mixed_audio"}),
            ("undetermined", "mixed_audio"),
        ),
        (leg(line(1000, LONG), reasons={"word_count_agent": "no_word_source"}), ("undetermined", "no_word_source")),
        (leg(line(1000, "good morning sir", on_hold=True), line(9000, LONG)), ("missed", None)),
        (leg(line(1000, LONG), is_over=False, heard_ms=20_000), ("undetermined", "open")),
        (leg(line(1000, LONG), is_over=False, heard_ms=30_000), ("missed", None)),
        (leg(line(29_999, "good morning sir")), ("matched", None)),
        (leg(line(30_000, "good morning sir"), line(1000, LONG)), ("missed", None)),
        (leg(line(-400, "good morning sir")), ("matched", None)),
    ],
)
def test_words_in_the_first_half_minute(record: LegRecord, expected: tuple[str, str | None]) -> None:
    assert state(rules(FIRST), record) == expected


def test_a_customer_is_heard_with_one_utterance() -> None:
    asked = rules('name = "said"\nparty = "customer"\nphrases.en = ["thank you"]')
    assert state(asked, leg(line(1000, "bye", "customer"))) == ("missed", None)
    assert state(asked, leg(line(1000, LONG))) == ("undetermined", "not_heard")


def test_absent_turns_words_round_and_keeps_doubt() -> None:
    absent = rules(FIRST + "\nabsent = true")
    assert state(absent, leg(line(1000, LONG))) == ("matched", None)
    assert state(absent, leg(line(1000, "good morning sir"))) == ("missed", None)
    assert state(absent, leg(line(1000, "hi"))) == ("undetermined", "not_heard")


def test_last_seconds_are_known_when_the_leg_is_over() -> None:
    last = rules(HELLO + "\nwindow = { last_s = 30 }")
    said = line(100_000, "good morning sir")
    assert state(last, leg(said)) == ("matched", None)
    assert state(last, leg(said, is_over=False, heard_ms=110_000)) == ("undetermined", "open")
    assert state(last, leg(line(1000, "good morning sir"), line(95_000, LONG))) == ("missed", None)


HELD = (TypedInterval(kind="hold", start_ms=20_000, end_ms=30_000), TypedInterval(kind="hold", start_ms=60_000, end_ms=70_000))
BEFORE = 'name = "said"\nparty = "agent"\nphrases.en = ["one moment"]\nwindow = { before = { event = "hold_start", within_s = 15'


def test_a_hold_announced_and_each_hold_announced() -> None:
    said = leg(line(15_000, "one moment please"), line(47_000, LONG), intervals=HELD)
    assert state(rules(BEFORE + " } }"), said) == ("matched", None)
    each = found(rules(BEFORE + ", each = true } }"), said).answer
    assert (each.state, each.value) == (RuleState.MISSED, 0.5)
    assert state(rules(BEFORE + " } }"), leg(line(15_000, LONG))) == ("not_applicable", "no_instance")
    unknown = leg(line(15_000, LONG), reasons={"hold_count": "no_events"})
    assert state(rules(BEFORE + " } }"), unknown) == ("undetermined", "no_events")


def test_taken_back_within_a_minute() -> None:
    evaluator = rules(
        'name = "said"\nparty = "customer"\nphrases.en = ["cancel"]',
        'name = "back"\nparty = "customer"\nphrases.en = ["never mind"]\n'
        'window = { after = { condition = "said", within_s = 60 } }',
        head='when = "said and not back"\n',
    )
    cancel = line(10_000, "please cancel it", "customer")
    assert state(evaluator, leg(cancel, line(20_000, LONG, "customer"))) == ("matched", None)
    assert state(evaluator, leg(cancel, line(20_000, "oh never mind", "customer"))) == ("missed", None)
    assert state(evaluator, leg(cancel, line(80_000, "oh never mind", "customer"))) == ("undetermined", "not_heard")
    assert state(evaluator, leg(line(20_000, "oh never mind", "customer"))) == ("missed", None)
    hits = found(evaluator, leg(cancel, line(20_000, LONG, "customer"))).hits
    assert [(one.condition, one.hit.text, one.hit.start_ms, one.hit.end_ms) for one in hits] == [("said", "cancel", 10_500, 11_000)]


def test_numbers_intervals_and_events() -> None:
    metric = rules('name = "m"\nmetric = "longest_hold_ms"\nat_least = 10000\nat_most = 20000')
    assert state(metric, leg(metrics={"longest_hold_ms": 10_000})) == ("matched", None)
    assert state(metric, leg(metrics={"longest_hold_ms": 20_001})) == ("missed", None)
    assert state(metric, leg(reasons={"longest_hold_ms": "no_events"})) == ("undetermined", "no_events")
    twice = rules('name = "i"\ninterval = "hold"\nmin_ms = 10000\ntimes = 2')
    assert state(twice, leg(intervals=HELD)) == ("matched", None)
    assert state(twice, leg(intervals=HELD[:1])) == ("missed", None)
    event = rules('name = "e"\nevent = "hold_start"\nwindow = { first_s = 30 }')
    assert state(event, leg(intervals=HELD)) == ("matched", None)
    assert state(event, leg(intervals=HELD[1:])) == ("missed", None)
    assert state(event, leg(reasons={"hold_count": "no_events"})) == ("undetermined", "no_events")


def test_rules_on_rules() -> None:
    other = 'id = "greeting"\nversion = 1\ntitle = "G"\nkind = "step"\n[[condition]]\n' + FIRST
    named = rules('name = "g"\nrule = "greeting"', others=(other,))
    assert state(named, leg(line(1000, "good morning sir"))) == ("matched", None)
    assert state(named, leg(line(1000, "hi"))) == ("undetermined", "not_heard")
    after = 'name = "said"\nparty = "agent"\nphrases.en = ["order"]\nwindow = { after = { rule = "greeting", within_s = 10 } }'
    assert state(rules(after, others=(other,)), leg(line(1000, "good morning sir"), line(5000, LONG))) == ("matched", None)
    assert state(rules(after, others=(other,)), leg(line(1000, LONG))) == ("not_applicable", "no_instance")


def test_a_rule_of_another_queue_says_nothing() -> None:
    evaluator = rules(FIRST, head='queues = ["Billing"]\n')
    assert evaluator.findings(leg(line(1000, LONG))) == ()
    assert len(evaluator.findings(leg(line(1000, LONG), queues=("q-1", "Billing")))) == 1


def test_utterances_side_by_side_are_joined_where_a_condition_says_so() -> None:
    halves = leg(line(1000, "well good"), line(3000, "morning to you"))
    assert state(rules(FIRST), halves) == ("missed", None)
    joined = found(rules(FIRST + "\njoin = true"), halves)
    assert joined.answer.state == RuleState.MATCHED
    assert (joined.hits[0].hit.start_ms, joined.hits[0].hit.end_ms) == (1500, 3500)


def test_words_without_times_are_spread_over_their_line() -> None:
    zoom = msgspec.structs.replace(
        line(1000, "well good morning sir"), words=tuple(Word(word) for word in ["well", "good", "morning", "sir"]), source="zoom"
    )
    hit = found(rules(FIRST), leg(zoom)).hits[0].hit
    assert (hit.start_ms, hit.end_ms, hit.timed, hit.conf, hit.source) == (1500, 2500, False, None, "zoom")
    assert (hit.first_word_seq, hit.last_word_seq) == (2, 3)


def test_confidence_is_weighted_by_how_long_the_words_are() -> None:
    words = (Word("good", 0, 100, 0.5), Word("morning", 100, 400, 0.9))
    hit = found(rules(FIRST), leg(msgspec.structs.replace(line(0, "good morning"), words=words))).hits[0].hit
    assert hit.conf == pytest.approx((0.5 * 100 + 0.9 * 300) / 400)


def test_times_asks_for_so_many() -> None:
    twice = rules(HELLO + "\ntimes = 2")
    assert state(twice, leg(line(1000, "good morning sir"), line(9000, LONG))) == ("missed", None)
    assert state(twice, leg(line(1000, "good morning sir"), line(9000, "good morning"))) == ("matched", None)


STATES = st.sampled_from([RuleState.MISSED, RuleState.UNDETERMINED, RuleState.MATCHED])


@given(STATES, STATES)
def test_when_is_kleenes_logic(first: RuleState, second: RuleState) -> None:
    answers = {"a": RuleAnswer(first), "b": RuleAnswer(second)}
    a, b = Name("a"), Name("b")
    assert combined(All((a, b)), answers).state == min(first, second)
    assert combined(Either((a, b)), answers).state == max(first, second)
    assert combined(Not(Not(a)), answers).state == first
    assert combined(Not(All((a, b))), answers).state == combined(Either((Not(a), Not(b))), answers).state
    apart = answers | {"b": RuleAnswer(RuleState.NOT_APPLICABLE)}
    assert combined(All((a, b)), apart).state == first


def test_the_reason_is_that_of_the_first_undetermined_condition() -> None:
    answers = {
        "a": RuleAnswer(RuleState.MATCHED),
        "b": RuleAnswer(RuleState.UNDETERMINED, "not_heard"),
        "c": RuleAnswer(RuleState.UNDETERMINED, "open"),
    }
    assert combined(All((Name("a"), Name("b"), Name("c"))), answers).reason == "not_heard"
