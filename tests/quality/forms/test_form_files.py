"""Form files: what is read, and every complaint names the file, the question, and what to do."""

import re

import pytest

from cc_voice.media.form_sets import shipped_forms, shipped_texts
from cc_voice.media.rule_sets import shipped_rules
from cc_voice.quality.forms.errors import FormError
from cc_voice.quality.forms.form_files import check_against, read_form
from cc_voice.quality.rules.rule_files import read_rule

HEAD = 'id = "f"\nversion = 1\ntitle = "F"\n[[section]]\ntitle = "S"\nquestion = [\n'


def form(*questions: str) -> str:
    return HEAD + "".join(f"  {{ {each} }},\n" for each in questions) + "]\n"


def one(rest: str, weight: int = 100) -> str:
    return form(f'id = "q1", weight = {weight}, title = "Q", {rest}')


def test_the_form_that_ships_has_twelve_questions_and_names_rules_that_ship() -> None:
    (found,) = shipped_forms()
    assert [question.id for question in found.questions] == [f"q{number}" for number in range(1, 13)]
    check_against(found, shipped_rules(), "service-call.toml")
    assert found.meaning == read_form(shipped_texts()["service-call"], "again").meaning


@pytest.mark.parametrize(
    "rest",
    [
        'met = [{ rule = "greeting", window = { first_s = 10 }, party = "agent" }]',
        'met = [{ metric = "hold_ms", at_least = 1, at_most = 2.5 }], na = [{ event = "transferred_in" }], any = true',
        'met = [{ interval = "dead_air", party = "agent", absent = true, window = { after = { event = "answered" } } }]',
        'met = [{ phrases = { en = ["thank you"] }, party = "agent", absent = true }], review = "never", critical = 0',
        'each = { event = "hold_start", before = { rule = "hold-announced", within_s = 15 } }, critical = "zero"',
        'scale = { metric = "overtalk_count_per_10min", steps = [[1, 4], [2.5, 2]] }, max_points = 4, guidance = "look"',
        'human = "yes_no"',
        'human = "scale", review = "always"',
        'human = "choice", choices = { well = 3, so-so = 1, badly = 0 }, max_points = 3',
        'met = [{ metric = "loudness_p95_customer", at_least = 1 }]',
    ],
)
def test_every_key_is_read(rest: str) -> None:
    read_form(one(rest), "f.toml")


FELT = "how an agent sounds or feels"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (one('human = "yes_no"', 99), "weights sum to 99, not 100: q1 99; change them by +1"),
        (form(*[f'id = "q{n}", weight = {w}, title = "Q", human = "yes_no"' for n, w in ((1, 60), (2, 50))]), "sum to 110"),
        (one('met = [{ metric = "loudness_p95_agent", at_most = 1 }]'), FELT),
        (one('met = [{ metric = "raised_voice_count_agent", at_most = 0 }]'), FELT),
        (one('met = [{ metric = "raised_voice_count_agent_per_10min", at_most = 0 }]'), FELT),
        (one('met = [{ interval = "raised_voice", absent = true }]'), FELT),
        (one('met = [{ rule = "greeting" }], na = [{ interval = "raised_voice", party = "agent" }]'), FELT),
        (one('scale = { metric = "raised_voice_ms_agent", steps = [[1, 1]] }'), FELT),
        (one('each = { interval = "raised_voice", party = "agent", after = { rule = "apology" } }'), FELT),
        (one("met = []"), "met is a list of tables, with one at least"),
        (one('met = [{ rule = "greeting" }], human = "yes_no"'), "one of met, each, scale, human answers it, not met and human"),
        (one('weigth = 3, human = "yes_no"'), "no key `weigth`"),
        (one('met = [{ rule = "a", metric = "hold_ms" }]'), "met 1: one of metric, interval, event, rule, phrases"),
        (one('met = [{ metric = "hold", at_most = 1 }]'), "there is no metric `hold`"),
        (one('met = [{ metric = "hold_ms" }]'), "needs `at_least`, `at_most` or both"),
        (one('met = [{ rule = "a", window = { first_s = 1, last_s = 1 } }]'), "not first_s and last_s"),
        (one('met = [{ rule = "a", window = { after = { condition = "said" } } }]'), "clauses have no names"),
        (one('met = [{ rule = "a", window = { first_s = -1 } }]'), "seconds are above 0"),
        (one('met = [{ phrases = { en = ["(a"] } }]'), "met 1, en: `(a`"),
        (one('scale = { metric = "hold_ms", steps = [[3, 1], [1, 2]] }, max_points = 2'), "bounds of `steps` go up"),
        (one('scale = { metric = "hold_ms", steps = [[3, 2]] }'), "2 points; from 0 to max_points = 1"),
        (one('human = "yes_no", critical = 100'), "critical = 100"),
        (one('human = "yes_no", max_points = 17'), "max_points = 17: from 1 to 16"),
        (one('human = "choice"'), "`choices`"),
        (one('each = { interval = "hold" }'), "each needs `before`, `after` or both"),
        (one('each = { interval = "hold", event = "hold_start", after = { rule = "a" } }'), "one of interval and event"),
        (form(*[f'id = "q", weight = {w}, title = "Q", human = "yes_no"' for w in (60, 40)]), "two questions are called `q`"),
        (one('human = "yes_no"').replace('id = "f"', 'id = "F!"'), "small letters, digits and hyphens"),
        (one('human = "yes_no"').replace("version = 1", "version = 0"), "version 0"),
        (one('human = "maybe"'), "question `q1`"),
        ("id = [", "f.toml"),
    ],
)
def test_a_form_that_is_wrong_is_told_where(text: str, said: str) -> None:
    with pytest.raises(FormError, match=re.escape(said)) as told:
        read_form(text, "f.toml")
    assert str(told.value).startswith("f.toml: ")


def test_a_rule_that_is_not_there_or_tells_how_somebody_feels_is_refused() -> None:
    named = read_form(one('met = [{ rule = "calm" }]'), "f.toml")
    with pytest.raises(FormError, match=r"f\.toml: question `q1`: there is no rule `calm` in force"):
        check_against(named, shipped_rules(), "f.toml")
    head = 'version = 1\ntitle = "Calm"\nkind = "step"\nstate = "live"\n[[condition]]\n'
    felt = read_rule(f'id = "loud"\n{head}metric = "loudness_p95_agent"\nat_most = 3\n', "loud.toml")
    calm = read_rule(f'id = "calm"\n{head}rule = "loud"\n', "calm.toml")
    with pytest.raises(FormError, match=FELT):
        check_against(named, [felt, calm], "f.toml")
