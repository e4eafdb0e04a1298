"""Pool of warm recognisers: each is lent to a channel for one segment, and keeps the decoding graph that it has put together.

With models whose graph is put together while decoding, an engine composes what it needs as it hears, and that is most of the work:
35 s of Korean took 0.44 CPU seconds per second with new engines, 0.30 with one kept from cold, 0.13 when it had heard them before;
five minutes in six languages, each heard once on a busier machine, 0.79 and 0.35 (models/README.md).
So engines come back here after their segment. Each belongs to one owner (a loaded model) and one grammar; no other ever gets it.

What must not happen, and what is done about it:
- something of one channel reaches another: an engine comes back only when it has ended its segment itself and begins afresh
  (`vosk.py`); what raised, or was left in the middle of a segment, is never lent again. Times run on inside it, so an engine has
  with it how much it has heard;
- memory: a warm engine of such a model takes some 340 MB. Kept is what `budget_mb` holds, idle or lent; what is lent beyond that is
  made for its segment and let go. The ones most used lately stay, by a count that halves every ten minutes: the languages of this
  hour, not those of this morning;
- something grows, or times lose their precision: an engine that has heard an hour is replaced;
- a model that was replaced stays in memory: what is idle is held with its owner, and goes when that goes.

Engines of small graphs and of static ones are not kept: they cost nothing to make. What was put together before changes the
order in which hypotheses are met, so among equals another may win: with a warm engine, words may differ a little from a new one's.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import msgspec

E = TypeVar("E")

WARM_MB = 350.0
"""What an engine grows to and then stays (measured: 340 MB after ten minutes of speech, graph files of 230 MB)."""
GRAPH_FACTOR = 1.5
"""An engine of a smaller graph grows to so much of its files at most."""
SMALLEST_GRAPH_MB = 5.0
"""From here on composing costs more than decoding."""
LONGEST_S = 3600.0
"""What an engine hears in its life. Its clock is a float of 32 bits: after an hour exact to 0.25 ms."""
HALF_LIFE_S = 600.0


def warm_mb(graph_mb: float) -> float:
    """Return what a warm engine takes whose graph files have this size."""
    return min(WARM_MB, graph_mb * GRAPH_FACTOR)


class PoolCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of engines since the start, and where they are now."""

    lent: int = 0
    """Segments that were given an engine."""
    fresh: int = 0
    """Of them with an engine made for it."""
    replaced: int = 0
    """Engines let go because they had heard enough."""
    let_go: int = 0
    """Engines let go because there was no room, or others were used more."""
    spoilt: int = 0
    """Engines never lent again: what they heard failed, or was left in the middle."""
    out: int = 0
    """Lent now."""
    kept: int = 0
    """Warm ones now, idle or lent."""
    kept_mb: float = 0.0
    """What those may grow to."""
    budget_mb: float = 0.0


def total(counts: Iterable[PoolCounts]) -> PoolCounts:
    """Return the sums of several pools' counts."""
    each = list(counts)
    return PoolCounts(**{name: sum(getattr(one, name) for one in each) for name in PoolCounts.__struct_fields__})


class Graph(msgspec.Struct, frozen=True):
    """Which decoding graph an engine has: the grammar it is confined to (empty: none), and the size of the model's graph files.

    `mb` is 0 where nothing is put together while decoding, and where the grammar is made for one segment.
    """

    grammar: str = ""
    mb: float = 0.0


class PooledEngine(Generic[E]):
    """An engine, and what is known of it. Lent to one recogniser at a time."""

    def __init__(self, graph: Graph, engine: E) -> None:
        self.graph, self.engine = graph, engine
        self.samples = 0
        """Heard in earlier segments, at the model's rate."""
        self._used, self._used_at_s = 0.0, 0.0

    @property
    def mb(self) -> float:
        return warm_mb(self.graph.mb)

    @property
    def is_warm(self) -> bool:
        """Whether it has come back before."""
        return self._used > 0

    def use(self, now_s: float) -> None:
        self._used, self._used_at_s = self.used(now_s) + 1, now_s

    def used(self, now_s: float) -> float:
        """Return how often it has been lent, lately more than long ago."""
        return self._used * math.exp2((self._used_at_s - now_s) / HALF_LIFE_S)


class RecogniserPool(Generic[E]):
    """Lends engines. Thread-safe. `clock` is in seconds and does not jump."""

    def __init__(
        self,
        budget_mb: float = 0.0,
        *,
        smallest_graph_mb: float = SMALLEST_GRAPH_MB,
        longest_s: float = LONGEST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`budget_mb` is what kept engines may take together; 0: every segment gets a new one."""
        self._budget_mb, self._smallest_mb, self._longest_s = budget_mb, smallest_graph_mb, longest_s
        self._clock = clock
        self._lock = threading.Lock()
        # Weak, both: an owner that nobody needs takes its engines along, and so does a recogniser that was dropped half-way. No
        # code of ours runs then, which matters: garbage is collected at any time, in a thread that holds the lock too
        self._idle: WeakKeyDictionary[object, list[PooledEngine[E]]] = WeakKeyDictionary()
        self._out: WeakSet[PooledEngine[E]] = WeakSet()
        self._lent = self._fresh = self._back = self._replaced = self._let_go = 0

    def lend(self, owner: object, graph: Graph, make: Callable[[], E]) -> PooledEngine[E]:
        """Return the engine of this owner and graph that was used most lately, else a new one. Raises what `make` raises.

        What keeps the engine for its segment must hold the owner as long.
        """
        with self._lock:
            now_s = self._clock()
            idle = [one for one in self._idle.get(owner, ()) if one.graph == graph]
            if idle:
                lent = max(idle, key=lambda one: one.used(now_s))
                self._idle[owner].remove(lent)
                self._note(lent)
                return lent
        made = PooledEngine(graph, make())  # takes milliseconds, and others must not wait for it
        with self._lock:
            self._fresh += 1
            self._note(made)
        return made

    def give_back(self, owner: object, lent: PooledEngine[E], samples: int, rate_hz: int) -> None:
        """Take back an engine that has ended its segment of so many samples and would begin the next one afresh."""
        gone: list[PooledEngine[E]] = []
        with self._lock:
            self._out.discard(lent)
            self._back += 1
            lent.samples += samples
            if lent.graph.mb <= self._smallest_mb:
                pass  # nothing is gained by keeping it
            elif lent.mb > self._budget_mb:
                self._let_go += 1
            elif lent.samples >= self._longest_s * rate_hz:
                self._replaced += 1
            else:
                lent.use(self._clock())
                self._idle.setdefault(owner, []).append(lent)
                gone = self._make_room()
        del gone  # outside of the lock: hundreds of megabytes are freed

    def spoil(self, lent: PooledEngine[E]) -> None:
        """Never lend an engine again: nobody knows what state it is in."""
        with self._lock:
            self._out.discard(lent)

    def counts(self) -> PoolCounts:
        with self._lock:
            out, kept = len(self._out), list(self._kept())
            return PoolCounts(
                lent=self._lent,
                fresh=self._fresh,
                replaced=self._replaced,
                let_go=self._let_go,
                spoilt=self._lent - self._back - out,
                out=out,
                kept=len(kept),
                kept_mb=sum(one.mb for one in kept),
                budget_mb=self._budget_mb,
            )

    def _note(self, lent: PooledEngine[E]) -> None:
        self._lent += 1
        self._out.add(lent)

    def _kept(self) -> Iterator[PooledEngine[E]]:
        for idle in self._idle.values():
            yield from idle
        yield from (one for one in self._out if one.is_warm)

    def _make_room(self) -> list[PooledEngine[E]]:
        """Take the least used out until the rest fits, and return them."""
        gone: list[PooledEngine[E]] = []
        now_s, taken_mb = self._clock(), sum(one.mb for one in self._kept())
        while taken_mb > self._budget_mb:
            least = min((one for idle in self._idle.values() for one in idle), key=lambda one: one.used(now_s))
            taken_mb -= least.mb
            gone.append(least)
            next(idle for idle in self._idle.values() if least in idle).remove(least)
        self._let_go += len(gone)
        return gone
