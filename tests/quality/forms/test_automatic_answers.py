"""Automatic answers: legs built in code, one for each state of every question of the form that ships."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from cc_voice.media.form_sets import shipped_forms
from cc_voice.media.rule_sets import shipped_rules, shipped_set
from cc_voice.quality.forms.automatic_answers import FormAnswers, FormEvaluator, QuestionAnswer
from cc_voice.quality.forms.form_files import read_form
from cc_voice.quality.forms.scores import UNIT
from cc_voice.quality.rules.compilation import compiled_set
from cc_voice.quality.rules.leg_record import LegLine, LegRecord, TypedInterval, moments

RULES = shipped_set()
EVALUATOR = FormEvaluator(shipped_forms()[0], RULES)
LENGTH_MS = 300_000
METRICS: dict[str, Any] = {
    "analysed_ms": LENGTH_MS,
    "greeting_latency_ms": 900,
    "interruptions_agent": 0,
    "hold_count": 0,
    "longest_hold_ms": None,
    "transferred_out": False,
    "dead_air_agent_owed_ms": 0,
}
SMALL_TALK = [(second, "agent", "let us see what the system says about that for you") for second in (65, 110, 200, 230)]
HEARD = [(second, "customer", "well that is all fine with me i would say") for second in (70, 120, 210, 280)]
Line = tuple[int, str, str]


def spoken(line: Line, conf: float | None = 0.9) -> LegLine:
    second, party, text = line
    return LegLine(
        utterance_id=f"{party}{second}",
        channel_id=party,
        party=party,
        source="local",
        start_ms=1000 * second,
        end_ms=1000 * second + 3000,
        language="en",
        text=text,
        word_count=len(text.split()),
        asr_conf=conf,
    )


def leg(
    *lines: Line,
    conf: float | None = 0.9,
    intervals: tuple[TypedInterval, ...] = (),
    reasons: Mapping[str, str] | None = None,
    events: Mapping[str, bool] | None = None,
    **metrics: Any,
) -> LegRecord:
    told = {"transferred_out": False, "transferred_in": False, "hung_up": False} | dict(events or {})
    said = sorted((*SMALL_TALK, *HEARD, *lines))
    return LegRecord(
        leg_id="c-1",
        call_id="c",
        start_ms=0,
        end_ms=LENGTH_MS,
        heard_ms=LENGTH_MS,
        lines=tuple(spoken(line, conf) for line in said),
        metrics=METRICS | metrics,
        reasons=reasons or {},
        intervals=intervals,
        moments=moments(0, LENGTH_MS, intervals, **told),
    )


def answer(question: str, record: LegRecord, evaluator: FormEvaluator = EVALUATOR) -> QuestionAnswer:
    return next(each for each in answered(record, evaluator).answers if each.question_id == question)


def answered(record: LegRecord, evaluator: FormEvaluator = EVALUATOR) -> FormAnswers:
    found = evaluator.answered(record)
    assert found is not None
    return found


GREETS = (1, "agent", "good morning thank you for calling")
FILLS = (6, "agent", "so what is it that we have today then")
HOLDS = tuple(TypedInterval(kind="hold", start_ms=start, end_ms=start + 10_000) for start in (100_000, 150_000))
ANNOUNCED = [(95, "agent", "one moment please"), (145, "agent", "please hold for me")]
THANKED = [(111, "agent", "thank you for waiting"), (161, "agent", "thanks for holding")]
COMPLAINT = (130, "customer", "this is ridiculous i am very disappointed")
DISCLOSED = (3, "agent", "this call is being recorded for quality")
VERIFIES = (30, "agent", "could you confirm your date of birth please")
HELD = {"hold_count": 2, "longest_hold_ms": 10_000, "intervals": HOLDS}
NO_EVENTS = {"hold_count": "no_events", "transferred_out": "no_events"}

CASES: list[tuple[str, str, LegRecord]] = [
    ("q1", "met", leg(GREETS)),
    ("q1", "missed", leg(GREETS, greeting_latency_ms=10_001)),
    ("q1", "missed", leg(FILLS)),
    ("q1", "undetermined", leg(GREETS, greeting_latency_ms=None, reasons={"greeting_latency_ms": "agent_silent"})),
    ("q2", "met", leg((4, "agent", "my name is ana"))),
    ("q2", "missed", leg(FILLS)),
    ("q2", "undetermined", leg(FILLS, conf=0.48)),
    ("q3", "met", leg(DISCLOSED, VERIFIES)),
    ("q3", "met", leg(DISCLOSED)),
    ("q3", "missed", leg(FILLS, (40, *DISCLOSED[1:]), VERIFIES)),
    ("q3", "missed", leg(FILLS, (62, *DISCLOSED[1:]))),
    ("q3", "undetermined", leg(FILLS, conf=0.48)),
    ("q4", "met", leg(VERIFIES)),
    ("q4", "missed", leg(FILLS, (190, *VERIFIES[1:]))),
    ("q4", "not_applicable", leg(analysed_ms=30_000)),
    ("q4", "not_applicable", leg(events={"transferred_in": True})),
    ("q4", "undetermined", leg(analysed_ms=None, reasons={"analysed_ms": "no_audio"})),
    ("q5", "met", leg(interruptions_agent=0)),
    ("q5", "partial", leg(interruptions_agent=1)),
    ("q5", "missed", leg(interruptions_agent=2)),
    ("q5", "undetermined", leg(interruptions_agent=None, reasons={"interruptions_agent": "mixed_audio"})),
    ("q6", "met", leg(intervals=(TypedInterval(kind="dead_air", start_ms=1, end_ms=9_000, party="customer"),))),
    ("q6", "missed", leg(intervals=(TypedInterval(kind="dead_air", start_ms=1, end_ms=9_000, party="agent"),))),
    ("q7", "met", leg(*ANNOUNCED, *THANKED, **HELD)),
    ("q7", "partial", leg(*ANNOUNCED, THANKED[0], (163, "agent", "so here is what i found in there"), **HELD)),
    ("q7", "missed", leg((92, *FILLS[1:]), (142, *FILLS[1:]), (112, *FILLS[1:]), (162, *FILLS[1:]), **HELD)),
    ("q7", "undetermined", leg(*ANNOUNCED, **HELD)),
    ("q7", "not_applicable", leg()),
    ("q7", "undetermined", leg(hold_count=None, reasons=NO_EVENTS)),
    ("q8", "met", leg(**HELD)),
    ("q8", "missed", leg(**HELD | {"longest_hold_ms": 120_001})),
    ("q8", "not_applicable", leg()),
    ("q8", "undetermined", leg(hold_count=None, reasons=NO_EVENTS)),
    ("q9", "met", leg(COMPLAINT, (140, "agent", "i am so sorry about that"))),
    ("q9", "missed", leg(COMPLAINT, (140, "agent", "so what is it that we have today then"))),
    ("q9", "not_applicable", leg()),
    ("q9", "undetermined", leg(conf=0.48)),
    ("q10", "met", leg((270, "agent", "is there anything else"))),
    ("q10", "missed", leg((270, *FILLS[1:]))),
    ("q10", "not_applicable", leg(events={"transferred_out": True}, transferred_out=True)),
    ("q10", "undetermined", leg()),
    ("q11", "met", leg((290, "agent", "have a great day"))),
    ("q11", "missed", leg((290, *FILLS[1:]))),
    ("q11", "not_applicable", leg(events={"hung_up": True})),
    ("q11", "undetermined", leg((290, *FILLS[1:]), transferred_out=None, reasons=NO_EVENTS)),
    ("q12", "met", leg((100, "customer", "this is bullshit"))),
    ("q12", "missed", leg((100, "agent", "this is bullshit"))),
    ("q12", "undetermined", leg(conf=0.48)),
]


@pytest.mark.parametrize(("question", "state", "record"), CASES, ids=[f"{each[0]} {each[1]} {at}" for at, each in enumerate(CASES)])
def test_every_question_has_every_state(question: str, state: str, record: LegRecord) -> None:
    found = answer(question, record)
    assert found.state == state, found
    if state == "undetermined":
        assert found.reason
    elif state != "not_applicable":
        assert found.evidence


def test_points_are_shares_and_evidence_says_where() -> None:
    half = answer("q5", leg(interruptions_agent=1))
    assert Fraction(half.units, UNIT) == Fraction(1, 2)
    assert half.evidence[0].value == 2.0  # one in five minutes
    missed = answer("q2", leg(FILLS))
    (window,) = missed.evidence
    assert (window.kind, window.start_ms, window.end_ms, window.rule_id) == ("window", 0, 45_000, "introduction")
    assert window.conf == missed.confidence == pytest.approx(0.9)
    met = answer("q3", leg(DISCLOSED, VERIFIES))
    assert [(each.kind, each.utterance_id, each.rule_id) for each in met.evidence] == [("hit", "agent3", "recording-disclosure")]
    assert met.rule_versions == {"recording-disclosure": 1, "verification": 1}
    assert answer("q7", leg(*ANNOUNCED, THANKED[0], (163, *FILLS[1:]), **HELD)).units == UNIT // 2


def test_a_question_for_people_is_not_answered_and_one_to_confirm_asks_for_review() -> None:
    text = """
id = "f"
version = 1
title = "F"
[[section]]
title = "S"
question = [
  { id = "tone", weight = 40, title = "Kind", human = "scale" },
  { id = "name", weight = 60, title = "Name", met = [{ rule = "introduction" }], review = "always" },
]
"""
    found = answered(leg((4, "agent", "my name is ana")), FormEvaluator(read_form(text, "f"), RULES))
    assert [each.state for each in found.answers] == ["unanswered", "met"]
    assert (found.score.score, found.score.sums.applicable, found.state) == (100, 60 * UNIT, "needs_review")
    quiet = FormEvaluator(read_form(text.replace("always", "never"), "f"), RULES)
    assert answered(leg((4, "agent", "my name is ana")), quiet).state == "auto"


def test_a_critical_question_on_a_rule_nobody_has_seen_find_anything_is_for_people() -> None:
    unproven = FormEvaluator(shipped_forms()[0], RULES, unproven=["profanity"])
    found = answer("q12", leg((100, "agent", "this is bullshit")), unproven)
    assert (found.state, found.needs_review) == ("missed", True)
    assert answered(leg((100, "agent", "this is bullshit")), unproven).state == "needs_review"


def test_what_no_recorded_call_triggered_is_for_people_until_the_site_has_marked_it() -> None:
    said = leg((100, "agent", "this is bullshit"))
    for marked, is_for_people in (((), True), (("profanity",), False)):
        rules = compiled_set(shipped_rules(), marked=marked)
        assert "greeting" not in rules.unproven, "recorded calls have it"
        found = answer("q12", said, FormEvaluator(shipped_forms()[0], rules, rules.unproven))
        assert found.needs_review is is_for_people


def test_a_form_is_for_its_queues() -> None:
    head = 'id = "f"\nversion = 1\ntitle = "F"\nqueues = ["billing"]\n[[section]]\ntitle = "S"\n'
    text = head + 'question = [{ id = "q", weight = 100, title = "Q", human = "yes_no" }]\n'
    assert FormEvaluator(read_form(text, "f"), RULES).answered(leg()) is None


def test_a_rule_that_is_not_in_force_leaves_its_question_undetermined() -> None:
    none = FormEvaluator(shipped_forms()[0], type(RULES)())
    assert answer("q2", leg(), none).reason == "no_rule"
    assert answered(leg(), none).score.reason == "too_little_determined"
