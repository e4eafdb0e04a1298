"""History: rules over stored calls, day by day, newest first; the texts come from whoever holds the store, the work is done here.

A day is read, its lines are matched, the words of lines with a match are read, and its legs are evaluated. Only reading needs the
store, so that matching keeps nobody waiting, and runs on every core.
"""

import base64
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import Any

import msgspec

from cc_voice.call.rows import RuleHitRow, RuleStateRow
from cc_voice.call.utterances import Word
from cc_voice.quality.rules.compilation import RuleSet, decoded, encoded
from cc_voice.quality.rules.evaluation import Evaluator, Finding
from cc_voice.quality.rules.matcher import Match
from cc_voice.quality.rules.rule_rows import hit_rows, state_rows
from cc_voice.store.rule_history import HistoryChoice, HistoryLeg, HistoryNeeds, needs_of, with_words

Asked = Callable[[str, dict[str, Any]], Any]
"""(question, arguments) → answer: of the service, or of the database that is open here."""


class RuleOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule is of a leg, where all states are wanted."""

    rule_id: str
    state: int
    reason: str | None
    is_near: bool
    """A word of its expressions was said, whether or not one was found."""


class LegOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of rules is of a leg."""

    leg_id: str
    call_id: str
    call_no: int
    leg_no: int
    date_key: int
    start_ts: datetime
    start_ms: int
    end_ms: int
    agent: str | None
    queue: str | None
    language: str | None
    hits: tuple[RuleHitRow, ...]
    states: tuple[RuleStateRow, ...]
    outcomes: tuple[RuleOutcome, ...] = ()


_LEGS = msgspec.msgpack.Decoder(list[HistoryLeg])
_WORDS = msgspec.msgpack.Decoder(dict[str, tuple[Word, ...]])
FEW_DAYS = 4
"""Fewer are not worth starting processes for."""
_OUTCOMES = msgspec.msgpack.Decoder(list[LegOutcome])
_encode = msgspec.msgpack.encode


class _Work:
    """What a process does with a day: it keeps the rules ready, and a day from the matching to the evaluation."""

    def __init__(self, rules: bytes, is_full: bool) -> None:
        self.evaluator = Evaluator(decoded(rules))
        self.is_full = is_full
        self._days: dict[int, tuple[list[HistoryLeg], dict[str, tuple[Match, ...]]]] = {}

    def matched(self, day: int, data: bytes) -> list[str]:
        """Match the lines of a day, and return which have a match."""
        legs = _LEGS.decode(data)
        found = self.evaluator.matched([line for leg in legs for line in (*leg.record.lines, *leg.record.unused)])
        self._days[day] = legs, found
        return list(found)

    def outcomes(self, day: int, words: bytes) -> bytes:
        """Evaluate the legs of a day with the words of its lines that have a match."""
        (legs, matches), known = self._days.pop(day), _WORDS.decode(words)
        return _encode([self._outcome(with_words(leg, known), matches) for leg in legs])

    def _outcome(self, leg: HistoryLeg, matches: dict[str, tuple[Match, ...]]) -> LegOutcome:
        record = leg.record
        findings = self.evaluator.findings(record, matches, only_stored=not self.is_full)
        return LegOutcome(
            leg_id=record.leg_id or "",
            call_id=record.call_id,
            call_no=leg.call_no,
            leg_no=leg.leg_no,
            date_key=leg.date_key,
            start_ts=leg.start_ts,
            start_ms=record.start_ms,
            end_ms=record.end_ms,
            agent=leg.agent,
            queue=leg.queue,
            language=leg.language,
            hits=tuple(hit_rows(record, findings)),
            states=tuple(state_rows(record, findings)),
            outcomes=tuple(self._told(finding, leg) for finding in findings) if self.is_full else (),
        )

    def _told(self, finding: Finding, leg: HistoryLeg) -> RuleOutcome:
        return RuleOutcome(
            rule_id=finding.rule.id,
            state=int(finding.answer.state),
            reason=finding.answer.reason,
            is_near=self.evaluator.is_near(finding.rule.id, leg.record),
        )


_work: list[_Work] = []
"""Of a process of the pool: set once, when it begins."""


def _begin(rules: bytes, is_full: bool) -> None:
    _work[:] = [_Work(rules, is_full)]


def _matched(day: int, data: bytes) -> list[str]:
    return _work[0].matched(day, data)


def _outcomes(day: int, words: bytes) -> bytes:
    return _work[0].outcomes(day, words)


def outcomes(
    asked: Asked, rules: RuleSet, choice: HistoryChoice, *, days: list[int] | None = None, is_full: bool = False, processes: int = 1
) -> Iterator[tuple[int, list[LegOutcome]]]:
    """Yield what a set of rules is of the legs of each day, newest first. `is_full` has the states of every rule.

    Raises what `asked` raises.
    """
    needs = needs_of(rules)
    wanted = days_of(asked, choice) if days is None else days
    if processes <= 1 or len(wanted) < FEW_DAYS:
        work = _Work(encoded(rules), is_full)
        for day in wanted:
            ids = work.matched(day, _day(asked, day, choice, needs))
            yield day, _OUTCOMES.decode(work.outcomes(day, _words(asked, day, ids)))
        return
    with contextlib.ExitStack() as opened:
        # A pool of one process each: a day stays with the process that has it in memory
        pools = [
            opened.enter_context(
                ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin, initargs=(encoded(rules), is_full))
            )
            for _ in range(processes)
        ]
        yield from _in_pools(pools, asked, wanted, choice, needs)


def _in_pools(
    pools: list[ProcessPoolExecutor], asked: Asked, days: list[int], choice: HistoryChoice, needs: HistoryNeeds
) -> Iterator[tuple[int, list[LegOutcome]]]:
    """Keep every core busy: while days are matched and evaluated the next ones are read; days come back in their order."""
    matching: deque[tuple[int, ProcessPoolExecutor, Future[list[str]]]] = deque()
    evaluating: deque[tuple[int, Future[bytes]]] = deque()
    waiting = iter(zip(days, itertools.cycle(pools), strict=False))
    while True:
        while len(matching) < 2 * len(pools) and (following := next(waiting, None)) is not None:
            day, pool = following
            matching.append((day, pool, pool.submit(_matched, day, _day(asked, day, choice, needs))))
        if matching:
            day, pool, ids = matching.popleft()
            evaluating.append((day, pool.submit(_outcomes, day, _words(asked, day, ids.result()))))
        while evaluating and (not matching or len(evaluating) > len(pools) or evaluating[0][1].done()):
            day, done = evaluating.popleft()
            yield day, _OUTCOMES.decode(done.result())
        if not matching and not evaluating:
            return


def days_of(asked: Asked, choice: HistoryChoice) -> list[int]:
    """Return the days that have calls of a choice, newest first."""
    return [int(day) for day in asked("rules.days", {"choice": msgspec.to_builtins(choice)})]


def _day(asked: Asked, day: int, choice: HistoryChoice, needs: HistoryNeeds) -> bytes:
    arguments = {"day": day, "choice": msgspec.to_builtins(choice), "needs": msgspec.to_builtins(needs)}
    return _bytes(asked("rules.day", arguments))


def _words(asked: Asked, day: int, utterance_ids: list[str]) -> bytes:
    return _bytes(asked("rules.words", {"day": day, "utterance_ids": utterance_ids}))


def _bytes(answer: Any) -> bytes:
    """Bytes come through the service's socket as text."""
    return answer if isinstance(answer, bytes) else base64.b64decode(answer)
