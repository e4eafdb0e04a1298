"""Reasons: stable codes with a sentence each, all of them in use and none other."""

import re
from pathlib import Path

import cc_voice.call
from cc_voice.call.reasons import REASONS, Unmeasured, percent
from cc_voice.store import migration

SOURCES = {path.stem: path.read_text("utf-8") for path in Path(cc_voice.call.__file__).parent.rglob("*.py")}
NAMED = re.compile(r"reasons=\([^)]*\)|(?:NO_WORDS|_NOBODY) = .*|Precondition\((?:[^()]|\([^()]*\))*\)")
"""Where entries and preconditions say which reasons there may be; none of them gives one."""


def test_every_reason_is_a_sentence_for_a_person() -> None:
    for code, sentence in REASONS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert len(sentence) <= 120


def test_every_reason_is_used_by_a_metric_or_a_migration() -> None:
    everything = "".join(NAMED.sub("", text) for name, text in SOURCES.items() if name != "reasons")
    everything += "".join(sql.replace("'", '"') for _, _, sql in migration.scripts())
    assert [code for code in REASONS if f'"{code}"' not in everything] == []


def test_every_reason_that_is_given_is_known() -> None:
    given = {code for text in SOURCES.values() for code in re.findall(r'Unmeasured\("(\w+)"\)', text)}
    assert given
    assert given <= set(REASONS)


def test_percent_of_nothing_is_not_zero() -> None:
    assert percent(1, 4, "too_short") == 25.0
    assert percent(0, 4, "too_short") == 0.0
    assert percent(0, 0, "too_short") == Unmeasured("too_short")
