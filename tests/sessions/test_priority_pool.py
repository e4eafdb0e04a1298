"""Priority pool: who is heard first: live calls; who catches up gets what they leave, and never nothing."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from cc_voice.sessions.priority_pool import LATER_SHARE, PriorityPool
from tests.conftest import PATIENCE_S


class Clock:
    """Time that passes only where a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> Iterator[PriorityPool]:
    made = PriorityPool(1, clock)
    yield made
    made.close()


class Gate:
    """Holds a thread until it is opened."""

    def __init__(self, pool: PriorityPool) -> None:
        self._open, self._reached = threading.Event(), threading.Event()
        self.future: Future[bool] = pool.submit(self._wait, live=True)
        assert self._reached.wait(PATIENCE_S)

    def _wait(self) -> bool:
        self._reached.set()
        return self._open.wait(PATIENCE_S)

    def open(self) -> None:
        self._open.set()
        assert self.future.result(PATIENCE_S)


def block(order: list[str], name: str, clock: Clock, takes_s: float) -> Callable[[], None]:
    def work() -> None:
        order.append(name)
        clock.now += takes_s

    return work


def test_live_blocks_go_first_in_their_order(pool: PriorityPool, clock: Clock) -> None:
    order: list[str] = []
    gate = Gate(pool)
    futures = [pool.submit(block(order, "later", clock, 1.0), live=False)]
    futures += [pool.submit(block(order, name, clock, 0.0), live=True) for name in ("a", "b", "c")]
    gate.open()
    for future in futures:
        future.result(PATIENCE_S)
    assert order == ["a", "b", "c", "later"]


@pytest.mark.parametrize("takes_s", [0.2, 1.0, 5.0])
def test_catching_up_gets_its_share_while_live_calls_leave_nothing(pool: PriorityPool, clock: Clock, takes_s: float) -> None:
    """Blocks of either kind may be long or short: what counts is time."""
    order: list[str] = []
    gate = Gate(pool)
    live_s, live = 0.1, 1000
    futures = [pool.submit(block(order, "later", clock, takes_s), live=False) for _ in range(100)]
    futures += [pool.submit(block(order, "live", clock, live_s), live=True) for _ in range(live)]
    gate.open()
    for future in futures:
        future.result(PATIENCE_S)
    last = len(order) - order[::-1].index("live")
    together = order[:last]
    later_s = takes_s * together.count("later")
    assert together.count("live") == live
    share = later_s / (later_s + live * live_s)
    assert abs(share - LATER_SHARE) < takes_s / (live * live_s) + 0.01


def test_a_cancelled_block_takes_no_other_ones_turn(pool: PriorityPool, clock: Clock) -> None:
    """It would have gone before the live ones; who catches up behind it still does."""
    order: list[str] = []
    gate = Gate(pool)
    cancelled, *later = [pool.submit(block(order, "later", clock, 0.1), live=False) for _ in range(11)]
    live = [pool.submit(block(order, "live", clock, 0.1), live=True) for _ in range(200)]
    assert cancelled.cancel()
    gate.open()
    for future in (*later, *live):
        future.result(PATIENCE_S)
    assert order.index("later") < order.count("live") / 2


def test_what_a_block_raises_reaches_who_asked_and_the_thread_goes_on(pool: PriorityPool) -> None:
    def fail() -> None:
        raise MemoryError("no room for a lattice")

    failed = pool.submit(fail, live=True)
    with pytest.raises(MemoryError, match="no room"):
        failed.result(PATIENCE_S)
    assert pool.catch_up(lambda: 7) == 7


def test_a_cancelled_block_is_left_out(pool: PriorityPool) -> None:
    order: list[str] = []
    gate = Gate(pool)
    first, second = (pool.submit(lambda name=name: order.append(name), live=True) for name in "ab")  # type: ignore[misc]
    assert first.cancel()
    gate.open()
    second.result(PATIENCE_S)
    assert order == ["b"]


def test_closing_waits_for_what_runs_and_cancels_what_waits(clock: Clock) -> None:
    pool = PriorityPool(1, clock)
    gate = Gate(pool)
    waiting = [pool.submit(lambda: 1, live=live) for live in (True, False)]
    closing = threading.Thread(target=pool.close)
    closing.start()
    gate.open()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    assert all(future.done() for future in waiting), "somebody would wait for ever"
