"""Agreement of evaluators: the worked example, and an independent computation over pairs on random tables."""

import itertools
import random

import pytest

from cc_voice.quality.forms.agreement import agreement, gwet_ac1

WORKED = ("yyyyynyy", "yyynynyy", "yyyyyn-n")


def table(*raters: str) -> list[dict[str, str]]:
    return [{str(who): answers[at] for who, answers in enumerate(raters) if answers[at] != "-"} for at in range(len(raters[0]))]


def test_the_worked_example_comes_out() -> None:
    assert gwet_ac1(table(*WORKED), 2) == pytest.approx(0.751295, abs=5e-7)
    found = agreement(table(*WORKED), 2)
    assert (found.n, found.ac1) == (8, None)
    assert found.raw == pytest.approx(0.833333, abs=5e-7)


def test_two_who_agree_on_eighteen_of_twenty_do_agree() -> None:
    found = agreement(table("n" + "y" * 19, "yn" + "y" * 18), 2)
    assert found.raw == pytest.approx(0.90)
    assert found.ac1 == pytest.approx(0.89, abs=0.005)
    assert found.low is not None
    assert found.low < 0.89 < (found.high or 0)


def by_pairs(items: list[dict[str, str]], categories: int) -> float:
    """AC1 with agreement counted over ordered pairs of raters, and chance over indicators of each rating."""
    shares, ratings = [], []
    for item in items:
        pairs = list(itertools.permutations(item.values(), 2))
        if pairs:
            shares.append(sum(one == other for one, other in pairs) / len(pairs))
        if item:
            ratings.append(list(item.values()))
    chance = 0.0
    for category in {each for of_item in ratings for each in of_item}:
        share = sum(sum(each == category for each in of_item) / len(of_item) for of_item in ratings) / len(ratings)
        chance += share * (1 - share) / (categories - 1)
    return (sum(shares) / len(shares) - chance) / (1 - chance)


def test_random_tables_come_out_as_an_independent_formula_has_them() -> None:
    rand = random.Random(13)
    for _ in range(200):
        categories, raters, items = rand.randint(2, 6), rand.randint(2, 6), rand.randint(2, 40)
        rows = [
            {
                str(who): str(min(rand.randrange(categories), rand.randrange(categories)))
                for who in range(raters)
                if rand.random() < 0.85
            }
            for _ in range(items)
        ]
        if any(len(row) > 1 for row in rows):
            assert gwet_ac1(rows, categories) == pytest.approx(by_pairs(rows, categories), abs=1e-9)


def test_all_who_say_the_same_agree_wholly() -> None:
    found = agreement(table("y" * 12, "y" * 12, "y" * 12), 2)
    assert (found.raw, found.ac1, found.low, found.high) == (1, 1, 1, 1)
    assert agreement([], 2).n == 0
    assert agreement([{"a": "y"}], 2).raw is None
    assert agreement(table("y" * 30, "n" + "y" * 29), 2).low is None
