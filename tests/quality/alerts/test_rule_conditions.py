"""Rules as alerts: who is told of what a live rule found or missed, and who is not."""

import msgspec
import pytest

from cc_voice.call.rows import RuleHitRow
from cc_voice.quality.alerts.rule_conditions import DISCLOSURE, rule_conditions
from cc_voice.quality.rules.rule import Rule, Window, WordCondition

SAID = RuleHitRow(
    leg_id="c-1",
    rule_id="supervisor",
    condition="said",
    party="customer",
    channel_id="ch-c1",
    start_ms=41_000,
    end_ms=43_000,
    utterance_id="c:ch-c1:40000",
    first_word_seq=3,
    last_word_seq=6,
    expression=0,
    matched_text="speak to a manager",
    source="local",
    conf=0.9,
    timed=True,
    hit_key="k",
)
CATEGORY = Rule(id="supervisor", version=1, title="Asks for a supervisor", state="live", alert=True)
FIRST_MINUTE = WordCondition(name="said", party="agent", window=Window(first_s=60))
STEP = Rule(id=DISCLOSURE, version=1, title="Recording", kind="step", state="live", alert=True, conditions=(FIRST_MINUTE,))


def test_what_a_rule_found_is_told_in_its_words_at_its_time() -> None:
    (told,) = rule_conditions([CATEGORY], [SAID], {})
    assert (told.reason, told.rule, told.true_ms) == ("rule", "supervisor", 41_000)
    assert told.text == "Asks for a supervisor: “speak to a manager”"


@pytest.mark.parametrize("changes", [{"state": "shadow"}, {"state": "draft"}, {"alert": False}])
def test_a_rule_in_shadow_or_without_alert_tells_nobody(changes: dict[str, object]) -> None:
    rules = [msgspec.structs.replace(each, **changes) for each in (CATEGORY, STEP)]
    assert rule_conditions(rules, [SAID], {DISCLOSURE: 0}) == ()


def test_a_missed_disclosure_is_told_since_its_window_closed() -> None:
    (told,) = rule_conditions([STEP], [], {DISCLOSURE: 600})
    assert (told.reason, told.true_ms) == ("no_disclosure", 60_600)
    assert told.text == "Recording not announced in the first 60 s"


def test_another_missed_step_is_the_rule_s_reason() -> None:
    step = msgspec.structs.replace(STEP, id="greeting", title="Greets", conditions=(WordCondition(name="said"),))
    (told,) = rule_conditions([step], [], {"greeting": 600})
    assert (told.reason, told.rule, told.true_ms, told.text) == ("rule", "greeting", 600, "Not met: Greets")
