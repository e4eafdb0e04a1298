"""One round of the fault harness; `make soak ARGS="--rounds 40 --seed 1"` plays many."""

from pathlib import Path

import pytest

from tests.faults.harness import Fault, plan, play

pytestmark = pytest.mark.system
SEED = 2
"""The service is killed seven seconds into the call."""


def test_a_seed_names_its_round() -> None:
    assert plan(SEED) == plan(SEED) == [Fault(7_002, "kill service")]
    assert len({tuple(plan(seed)) for seed in range(40)}) == 40


async def test_every_millisecond_of_a_call_through_a_kill_is_stored_or_told(tmp_path: Path) -> None:
    for verdict in (await play(SEED, tmp_path)).values():
        assert (verdict.unaccounted, verdict.wrong) == (0, 0)
        assert verdict.stored + verdict.told == verdict.sent > 50_000
