"""Stratified samples: the same seed draws the same legs, whatever order they came in and whatever came later."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.quality.forms.stratified_samples import EligibleLeg, draw, next_in_order

LEGS = st.lists(
    st.builds(EligibleLeg, leg_id=st.uuids().map(str), stratum=st.tuples(st.sampled_from("abc"))), unique_by=lambda leg: leg.leg_id
)


@given(LEGS, st.text(max_size=8), st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_shuffled_store_gives_the_same_list(legs: list[EligibleLeg], seed: str, size: int, rand: random.Random) -> None:
    shuffled = list(legs)
    rand.shuffle(shuffled)
    found = draw(legs, seed, size)
    assert draw(shuffled, seed, size) == found
    assert found.population == len(legs)
    for stratum in found.strata:
        picks = [pick for pick in found.picks if pick.stratum == stratum.stratum]
        assert len(picks) == stratum.picks == min(size, stratum.population)
        assert all(pick.weight * stratum.picks == stratum.population for pick in picks)


@given(LEGS, LEGS, st.text(max_size=8))
def test_more_legs_keep_the_order_of_the_rest(legs: list[EligibleLeg], more: list[EligibleLeg], seed: str) -> None:
    known = {leg.leg_id for leg in legs}
    before = [pick.leg_id for pick in draw(legs, seed, 1000).picks]
    after = [pick.leg_id for pick in draw([*more, *legs], seed, 1000).picks if pick.leg_id in known]
    by_stratum = {leg.leg_id: leg.stratum for leg in legs}
    if not {leg.leg_id for leg in more} & known:
        for stratum in set(by_stratum.values()):
            assert [leg for leg in before if by_stratum[leg] == stratum] == [leg for leg in after if by_stratum[leg] == stratum]


@given(LEGS, st.text(max_size=8), st.integers(1, 5))
def test_who_is_rejected_is_followed_by_the_next(legs: list[EligibleLeg], seed: str, size: int) -> None:
    whole: dict[Any, list[str]] = {}
    for pick in draw(legs, seed, 1000).picks:
        whole.setdefault(pick.stratum, []).append(pick.leg_id)
    for stratum, order in whole.items():
        assert next_in_order(legs, seed, stratum, order[:size]) == (order[size] if len(order) > size else None)
