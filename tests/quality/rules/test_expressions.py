"""Expressions of rules: what each form matches, what is refused, and that nothing that is written reaches an engine unescaped."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.tokeniser import CHIP_TERM, words
from cc_voice.quality.rules.errors import ExpressionError
from cc_voice.quality.rules.expressions import compile_expression, folded
from cc_voice.quality.rules.stems import forms_of


def found(expression: str, text: str) -> str | None:
    """The words that an expression matches in a text."""
    match = re.search(compile_expression(expression).regex, folded(words(text)))
    return match[1].strip() if match else None


MATCHED = [
    ("thank you", "Thank you!", "thank you"),
    ("thank you", "thank all of you", None),
    ("hello, world", "hello world", "hello world"),
    ("(thank you|thanks) for calling", "thanks for calling us", "thanks for calling"),
    ("[please] hold", "please hold", "please hold"),
    ("[please] hold", "hold", "hold"),
    ("(i )?appreciate (it|that)", "I appreciate that", "i appreciate that"),
    ("(vollständigen|vollen)? Namen", "Ihren vollen Namen", "vollen namen"),
    ("cancel*", "cancellation", "cancellation"),
    ("cancel*", "uncancelled", None),
    ("don't know", "I don’t know", "don t know"),
    ("größe", "GROSSE", "grosse"),
    ("que tenga _ día", "que tenga buen dia", "que tenga buen dia"),
    ("cancel ..4 account", "cancel all of my account", "cancel all of my account"),
    ("cancel ..4 account", "cancel a b c d e account", None),
    ("a near/5 b", "b one two three four a", "b one two three four a"),
    ("a near/5 b", "a one two three four five b", None),
    ("a near/1 b", "b a", "b a"),
    ("a before/5 b", "b a", None),
    ("a before/2 b", "a x b", "a x b"),
    ("x (a near/2 b|c) y", "x b z a y", "x b z a y"),
    ("x (a near/2 b|c) y", "x c y", "x c y"),
    ("取消 订单", "我要取消订单", "取 消 订 单"),
    ("((je|on) (ne )?(peux|peut) rien)", "on ne peut rien", "on ne peut rien"),
]


@pytest.mark.parametrize(("expression", "text", "expected"), MATCHED)
def test_what_an_expression_matches(expression: str, text: str, expected: str | None) -> None:
    assert found(expression, text) == expected


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "empty"),
        ("(a b", "`)` is missing"),
        ("a b)", "closes no bracket"),
        ("(a]", "closes a bracket"),
        ("a | ", "nothing on one side"),
        ("..4 b", "both sides"),
        ("a ..4", "both sides"),
        ("a ..11 b", "at most 10"),
        ("a near/12 b", "1 to 11"),
        ("a near/0 b", "1 to 11"),
        ("near/5 b", "nothing on one side"),
        ("[a] near/5 b", "must be there"),
        ("c*", "two letters"),
        ("can*cel", "`*` behind it"),
        ("~can*", "has one of them"),
        ("~don't", "stands before one"),
        ("a?", "behind a bracket"),
        ("–", "no word"),
        ("[a]", "needs a word"),
        ("_ _", "needs a word"),
        ("a b c d e f g h i j k l m", "at most 12"),
        ("a ..10 b ..10 c ..10 d ..10 e ..10 f", "too many gaps"),
        ("a near/2 b near/2 c near/2 d near/2 e near/2 f", "at most 4"),
        ("(" * 30 + "a" + ")" * 30, "more than 20 brackets"),
        ("a" * 2000, "longer than"),
        (CHIP_TERM, "hidden word"),
    ],
)
def test_what_is_refused_and_why(expression: str, told: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(told)):
        compile_expression(expression)


def test_a_hidden_word_is_matched_by_nothing_and_passed_over_by_a_gap() -> None:
    text = folded(["my", "card", CHIP_TERM, "expires"])
    for expression in ("card _", "card 0red*", "card re*", "(card|0) _ expires"):
        assert not re.search(compile_expression(expression).regex, text), expression
    assert re.search(compile_expression("card ..2 expires").regex, text)


def test_a_stem_stands_for_the_forms_that_the_site_knows() -> None:
    stems = forms_of({"en": ["cancel", "cancels", "cancelled", "cancellation", "candle"]})["en"]
    compiled = compile_expression("~cancel", stems)
    assert set(compiled.needed) == {"cancel", "cancels", "cancelled", "cancellation"}
    assert compile_expression("~cancel").needed == ("cancel",)


WRITTEN = st.text(st.sampled_from("abcé '~*?|()[]_.4 near/before$^+\\{}\n"), max_size=40)
SAID = st.lists(st.sampled_from(["a", "b", "c", "near", "cancel", "é", "x"]), max_size=15).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(WRITTEN, SAID)
def test_whatever_is_written_compiles_or_is_refused_in_words(expression: str, text: str) -> None:
    try:
        compiled = compile_expression(expression)
    except ExpressionError:
        return
    said = folded(words(text))
    match = re.search(compiled.regex, said)
    if match:
        terms = match[1].split()
        assert any(
            term.startswith(needed[:-1]) if needed.endswith("*") else term == needed for term in terms for needed in compiled.needed
        )
        assert len(terms) <= compiled.most_words


def test_python_and_re2_match_alike() -> None:
    texts = [folded(words(text)) for _, text, _ in MATCHED]
    with duckdb.connect() as con:
        for expression, _, _ in MATCHED:
            regex = compile_expression(expression).regex
            asked = con.execute(f"select regexp_matches(unnest(?), '{regex}')", [texts]).fetchall()
            assert [bool(re.search(regex, text)) for text in texts] == [answer for (answer,) in asked], expression
