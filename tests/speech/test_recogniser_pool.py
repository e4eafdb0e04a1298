"""Lending: to whom, how many are kept, what never comes back. Engines are plain objects here (real ones: test_vosk_pool.py)."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.recogniser_pool import HALF_LIFE_S, WARM_MB, Graph, PooledEngine, RecogniserPool, warm_mb

RATE = 16_000
BIG = Graph(mb=230.0)


class Engine:
    """Something that can be told apart and watched."""


class Owner:
    """A loaded model."""


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def room_for(engines: int, clock: Clock | None = None, longest_s: float = 3600.0) -> RecogniserPool[Engine]:
    return RecogniserPool(engines * warm_mb(BIG.mb), longest_s=longest_s, clock=clock or Clock())


def used(pool: RecogniserPool[Engine], owner: object, graph: Graph = BIG, seconds: int = 5) -> Engine:
    """Lend an engine for a segment and take it back."""
    lent = pool.lend(owner, graph, Engine)
    pool.give_back(owner, lent, seconds * RATE, RATE)
    return lent.engine


def test_an_engine_comes_back_and_knows_what_it_has_heard() -> None:
    pool, owner = room_for(1), Owner()
    first = pool.lend(owner, BIG, Engine)
    assert first.samples == 0
    pool.give_back(owner, first, 80_001, RATE)
    again = pool.lend(owner, BIG, Engine)
    assert again.engine is first.engine
    assert again.samples == 80_001
    counts = pool.counts()
    assert (counts.lent, counts.fresh, counts.out, counts.kept, counts.spoilt) == (2, 1, 1, 1, 0)


@pytest.mark.parametrize("other", [Graph("[]", BIG.mb), Graph(mb=BIG.mb + 1)])
def test_no_other_model_and_no_other_grammar_gets_it(other: Graph) -> None:
    pool, owner, stranger = room_for(9), Owner(), Owner()
    mine = used(pool, owner)
    assert used(pool, stranger) is not mine
    assert used(pool, owner, other) is not mine
    assert used(pool, owner) is mine


def test_who_speaks_at_once_has_one_each() -> None:
    pool, owner = room_for(2), Owner()
    lent = [pool.lend(owner, BIG, Engine) for _ in range(4)]
    assert len({id(one.engine) for one in lent}) == 4
    for one in lent:
        pool.give_back(owner, one, RATE, RATE)
    counts = pool.counts()
    assert (counts.fresh, counts.kept, counts.let_go, counts.out) == (4, 2, 2, 0)
    assert counts.kept_mb == counts.budget_mb == pytest.approx(2 * 345)


def test_lent_ones_count_against_the_room() -> None:
    pool, owner = room_for(1), Owner()
    used(pool, owner)
    warm = pool.lend(owner, BIG, Engine)
    used(pool, owner)
    assert (pool.counts().kept, pool.counts().let_go) == (1, 1)
    pool.give_back(owner, warm, RATE, RATE)
    assert used(pool, owner) is warm.engine


def test_the_most_used_stay() -> None:
    pool, owner = room_for(1), Owner()
    often = used(pool, owner)
    used(pool, owner)
    once = used(pool, owner, Graph("[]", BIG.mb))
    assert used(pool, owner, Graph("[]", BIG.mb)) is not once
    assert used(pool, owner) is often


def test_what_was_used_long_ago_gives_way() -> None:
    clock = Clock()
    pool, owner = room_for(1, clock), Owner()
    for _ in range(8):
        used(pool, owner)
    clock.now_s = 4 * HALF_LIFE_S
    evening = used(pool, owner, Graph("[]", BIG.mb))
    assert used(pool, owner, Graph("[]", BIG.mb)) is evening


def test_the_warmest_is_lent_first() -> None:
    pool, owner = room_for(2), Owner()
    one, other = (pool.lend(owner, BIG, Engine) for _ in range(2))
    pool.give_back(owner, one, RATE, RATE)
    used(pool, owner)
    pool.give_back(owner, other, RATE, RATE)
    assert used(pool, owner) is one.engine


def test_one_that_has_heard_enough_is_replaced() -> None:
    pool, owner = room_for(1, longest_s=60), Owner()
    first = [used(pool, owner, seconds=20) for _ in range(3)]
    assert len(set(first)) == 1
    assert used(pool, owner) is not first[0]
    assert (pool.counts().replaced, pool.counts().kept) == (1, 1)


def test_a_spoilt_one_is_never_lent_again() -> None:
    pool, owner = room_for(2), Owner()
    lent = pool.lend(owner, BIG, Engine)
    pool.spoil(lent)
    assert used(pool, owner) is not lent.engine
    assert (pool.counts().spoilt, pool.counts().out) == (1, 0)


def test_one_that_is_dropped_in_the_middle_is_gone_and_counted() -> None:
    pool, owner = room_for(2), Owner()
    used(pool, owner)
    lent = pool.lend(owner, BIG, Engine)
    watched = weakref.ref(lent.engine)
    del lent
    gc.collect()
    assert watched() is None
    counts = pool.counts()
    assert (counts.spoilt, counts.out, counts.kept) == (1, 0, 0)


def test_idle_engines_go_with_their_model() -> None:
    pool, owner = room_for(2), Owner()
    watched = weakref.ref(used(pool, owner))
    del owner
    gc.collect()
    assert watched() is None
    assert pool.counts().kept == 0


@pytest.mark.parametrize(("budget_mb", "graph_mb"), [(0.0, 230.0), (10_000.0, 0.0), (10_000.0, 0.2), (340.0, 230.0)])
def test_without_room_or_gain_each_segment_has_a_new_one(budget_mb: float, graph_mb: float) -> None:
    pool: RecogniserPool[Engine] = RecogniserPool(budget_mb)
    owner, graph = Owner(), Graph(mb=graph_mb)
    assert used(pool, owner, graph) is not used(pool, owner, graph)
    assert (pool.counts().fresh, pool.counts().kept) == (2, 0)


def test_an_engine_that_cannot_be_made_is_not_counted() -> None:
    pool, owner = room_for(1), Owner()

    def short_of_memory() -> Engine:
        raise MemoryError

    with pytest.raises(MemoryError):
        pool.lend(owner, BIG, short_of_memory)
    assert pool.counts().lent == pool.counts().fresh == 0


def test_threads_never_share_an_engine() -> None:
    pool, owner, busy, lock = room_for(3), Owner(), set[int](), threading.Lock()

    def segment(_: int) -> bool:
        lent = pool.lend(owner, BIG, Engine)
        with lock:
            alone = id(lent.engine) not in busy
            busy.add(id(lent.engine))
        threading.Event().wait(0.0005)
        with lock:
            busy.discard(id(lent.engine))
        pool.give_back(owner, lent, RATE, RATE)
        return alone

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(segment, range(200)))
    counts = pool.counts()
    assert (counts.lent, counts.out) == (200, 0)
    assert counts.kept == 3
    assert counts.fresh == counts.let_go + counts.kept


@given(st.lists(st.tuples(st.sampled_from(["lend", "back", "spoil", "wait"]), st.integers(0, 5)), max_size=60))
def test_whatever_happens_the_room_is_kept_and_every_loan_accounted_for(steps: list[tuple[str, int]]) -> None:
    clock, owners = Clock(), [Owner(), Owner()]
    graphs = [Graph(mb=230.0), Graph("[]", 60.0), Graph(mb=1.0)]
    pool: RecogniserPool[Engine] = RecogniserPool(2.5 * WARM_MB, longest_s=40, clock=clock)
    out: list[tuple[Owner, PooledEngine[Engine]]] = []
    spoilt = 0
    for step, number in steps:
        owner = owners[number % 2]
        if step == "lend":
            lent = pool.lend(owner, graphs[number % 3], Engine)
            assert all(lent.engine is not one.engine for _, one in out)
            out.append((owner, lent))
        elif step == "wait":
            clock.now_s += number * 200
        elif out:
            owner, lent = out.pop(number % len(out))
            if step == "back":
                pool.give_back(owner, lent, (number + 1) * 5 * RATE, RATE)
            else:
                pool.spoil(lent)
                spoilt += 1
        counts = pool.counts()
        assert counts.kept_mb <= counts.budget_mb
        assert counts.out == len(out)
        assert 0 <= counts.fresh <= counts.lent
        assert counts.spoilt == spoilt
