"""Bench of rules: the corpus' dialogue acts, which the rules that ship must go on finding, and that a hundred rules are quick."""

from pathlib import Path

from cc_voice.bench import rules

LEAST = {
    ("greeting", "human"): (90, 95),
    ("hold-announced", "human"): (99, 60),
    ("anything-else", "human"): (65, 90),
    ("closing", "human"): (99, 90),
    ("thanks", "human"): (99, 80),
    ("greeting", "recogniser"): (90, 95),
    ("hold-announced", "recogniser"): (99, 60),
    ("anything-else", "recogniser"): (65, 80),
    ("closing", "recogniser"): (99, 70),
    ("thanks", "recogniser"): (99, 60),
}
"""(row, words) → precision and recall in %, below which they did not lie when the rules were written."""


def test_the_rules_that_ship_find_the_acts_of_the_corpus(corpus: Path) -> None:
    rows = [*rules.scores(rules.human(corpus), "human"), *rules.scores(rules.recognised(corpus), "recogniser")]
    assert {(row.name, row.words) for row in rows} == LEAST.keys()
    fallen = [
        (row.name, row.words, row.right.pct, row.found.pct)
        for row in rows
        if (row.right.pct or 0) < LEAST[row.name, row.words][0] or (row.found.pct or 0) < LEAST[row.name, row.words][1]
    ]
    assert fallen == []
