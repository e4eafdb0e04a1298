"""Rule files: what is refused, with file, line and expression in the message; the rules that ship, with their examples."""

import re

import pytest

from cc_voice.media.rule_sets import shipped_rules, shipped_texts
from cc_voice.quality.rules.errors import RuleError
from cc_voice.quality.rules.examples import missing_examples, wrong_examples
from cc_voice.quality.rules.rule_files import check_set, in_order, read_rule

HEAD = 'id = "r"\nversion = 1\ntitle = "R"\n'
WORDS = '[[condition]]\nname = "said"\nphrases.en = ["hello"]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "r.toml: "),
        (HEAD, "0 conditions"),
        (HEAD + "colour = 1\n" + WORDS, "the file has no key `colour`"),
        (HEAD + WORDS + "loud = true\n", "condition `said` has no key `loud`"),
        ('id = "R!"\nversion = 1\ntitle = "R"\n' + WORDS, "small letters"),
        ('id = "r"\nversion = 0\ntitle = "R"\n' + WORDS, "a number from 1 on"),
        (HEAD + 'when = "said and nobody"\n' + WORDS, "no condition `nobody`"),
        (HEAD + 'when = "said and"\n' + WORDS, "a name is missing"),
        (HEAD + 'when = "(said"\n' + WORDS, "`)` is missing"),
        (HEAD + 'when = "said said"\n' + WORDS, "not expected"),
        (HEAD + WORDS + WORDS, "two conditions are called"),
        (HEAD + '[[condition]]\nname = "m"\nmetric = "charm"\nat_least = 1\n', "no metric `charm`"),
        (HEAD + '[[condition]]\nname = "m"\nmetric = "hold_ms"\n', "needs `at_least`"),
        (HEAD + '[[condition]]\nname = "m"\nmetric = "hold_ms"\nat_least = 2\nat_most = 1\n', "above"),
        (HEAD + '[[condition]]\nname = "i"\ninterval = "nap"\n', "no interval `nap`"),
        (HEAD + '[[condition]]\nname = "e"\nevent = "sneeze"\n', "sneeze"),
        (HEAD + '[[condition]]\nname = "b"\nrule = "r"\n', "its own rule"),
        (HEAD + '[[condition]]\nname = "b"\nrule = "x"\nmetric = "hold_ms"\n', "one of"),
        (HEAD + WORDS + "window = { first_s = 1, last_s = 1 }\n", "one of first_s"),
        (HEAD + WORDS + "window = { first_s = -1 }\n", "above 0"),
        (HEAD + WORDS + 'window = { after = { condition = "x" } }\n', "no other condition `x`"),
        (HEAD + WORDS + 'window = { after = { condition = "said" } }\n', "no other condition `said`"),
        (HEAD + WORDS + 'window = { after = { event = "hold_end", rule = "x" } }\n', "one of event"),
        (HEAD + WORDS.replace("phrases.en", "phrases.EN"), "primary subtag"),
    ],
)
def test_what_is_refused_and_why(text: str, told: str) -> None:
    with pytest.raises(RuleError, match=re.escape(told)) as refused:
        read_rule(text, "r.toml")
    assert str(refused.value).startswith("r.toml")


def test_a_wrong_expression_is_told_with_its_line() -> None:
    text = HEAD + '\n[[condition]]\nname = "a"\nphrases.en = [\n  "fine",\n  "(broken",\n]\n'
    with pytest.raises(RuleError, match=r"r\.toml:9: condition `a`, phrases\.en: `\(broken`: `\)` is missing"):
        read_rule(text, "r.toml")


def test_too_many_are_refused() -> None:
    many = ", ".join(f'"word{number}"' for number in range(41))
    with pytest.raises(RuleError, match="there may be 40"):
        read_rule(HEAD + f'[[condition]]\nname = "a"\nphrases.en = [{many}]\n', "r.toml")
    conditions = "".join(f'[[condition]]\nname = "c{number}"\nphrases.en = ["a"]\n' for number in range(21))
    with pytest.raises(RuleError, match="1 to 20"):
        read_rule(HEAD + conditions, "r.toml")


def naming(rule_id: str, other: str) -> str:
    return f'id = "{rule_id}"\nversion = 1\ntitle = "R"\n[[condition]]\nname = "o"\nrule = "{other}"\n'


def test_rules_may_name_each_other_and_not_in_a_circle() -> None:
    first, second, third = (read_rule(naming(a, b), a) for a, b in (("a", "b"), ("b", "c"), ("c", "a")))
    last = read_rule(naming("c", "d").replace('rule = "d"', 'event = "leg_end"'), "c")
    assert [rule.id for rule in in_order([first, second, last])] == ["c", "b", "a"]
    with pytest.raises(RuleError, match="circle: a → b → c → a"):
        in_order([first, second, third])
    with pytest.raises(RuleError, match="no rule `b`"):
        check_set([first])


def test_windows_of_conditions_may_not_wait_for_each_other() -> None:
    text = HEAD + "".join(
        f'[[condition]]\nname = "{name}"\nphrases.en = ["a"]\nwindow = {{ after = {{ condition = "{other}" }} }}\n'
        for name, other in (("a", "b"), ("b", "a"))
    )
    with pytest.raises(RuleError, match="circle"):
        read_rule(text, "r.toml")


def test_what_changes_without_a_version() -> None:
    rule = read_rule(HEAD + WORDS, "r.toml")
    assert read_rule(HEAD.replace('"R"', '"Another"') + 'state = "live"\nfolder = "F"\n' + WORDS, "r.toml").meaning == rule.meaning
    assert read_rule(HEAD + WORDS.replace("hello", "hi"), "r.toml").meaning != rule.meaning


def test_the_25_rules_that_ship_find_their_examples_in_four_languages() -> None:
    rules = shipped_rules()
    assert len(rules) == 25
    assert set(shipped_texts()) == {rule.id for rule in rules}
    assert [problem.told for rule in rules for problem in wrong_examples(rule)] == []
    assert [rule.id for rule in rules if missing_examples(rule)] == []
    assert {language for rule in rules for language in rule.examples} == {"en", "es", "de", "fr"}
    check_set(rules)


def test_no_rule_that_no_corpus_triggered_may_alert() -> None:
    assert [rule.id for rule in shipped_rules() if rule.alert and rule.state == "live"] == []
    steps = {rule.id for rule in shipped_rules() if rule.kind == "step"}
    assert steps == {
        *("greeting", "introduction", "recording-disclosure", "verification", "hold-announced", "anything-else", "closing"),
    }
    assert all(rule.state == "live" for rule in shipped_rules() if rule.kind == "step")
