"""Live words: what of a running call may be shown before its kind is known.

Lines go in as they are recognised, partial and final; out goes the same line with `[DIGITS]` where a number may be one that is
hidden: from its fourth digit on, from the first where a number was asked for. What was hidden once stays hidden until its chain
is resolved: until so much was said, or so much time passed, that nothing can join it any more. Then it is shown again where it was
harmless, and has the chip of its kind where not. Lines of a chain that is open are never forgotten, however long it takes: a window
that moves over a card would show its first half again.

Where something was hidden for good, numbers stay hidden in whatever comes later for the same time: a revision, or Zoom's words
after ours. Whoever writes lines down holds each back until it `is_resolved`, but no longer than `HELD_MS` after its end, and then
writes what is shown. A line that is taken may change others: `changes` is asked after it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.redactions import Entity, FoundBy
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.call_numbers import CallNumbers, call_numbers
from cc_voice.quality.redaction.chains import OTHERS_WORDS, READER_WORDS, WITHIN_MS, Chain
from cc_voice.quality.redaction.chips import chipped, text_of
from cc_voice.quality.redaction.finder import (
    ACROSS_MS,
    HiddenStretch,
    SpokenLine,
    across,
    hidden_runs,
    runs_of,
    stretch_of,
)
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.quality.redaction.terms import number_words, places
from cc_voice.quality.redaction.verdicts import ENTITIES, HiddenGroup, Limits, class_of, hidden_groups

HELD_MS = WITHIN_MS
WINDOW_MS = 30_000
"""A capture window closes when so much time passed without a digit."""
FROM_DIGITS = 4
"""So many digits in a chain are hidden though nobody asked for a number."""
CONTEXT_WORDS = 60
"""How many words before the oldest line that is not resolved are kept, for the cues in them."""
_Key = tuple[str, str, str]


class LiveLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it may be shown now."""

    line: SpokenLine
    """Raw: for the memory of the worker only."""
    stretches: tuple[HiddenStretch, ...]
    is_final: bool
    is_resolved: bool
    """Whether what is hidden in it cannot change any more, unless the line itself is revised."""

    @property
    def words(self) -> tuple[Word, ...]:
        """The words that may be shown."""
        return chipped(self.line.words, self.stretches)

    @property
    def text(self) -> str:
        """The text that may be shown."""
        return text_of(self.words)

    @property
    def is_masked(self) -> bool:
        """Whether anything is hidden in it."""
        return bool(self.stretches)


class _Kept:
    """A line in memory, and what was told of it last."""

    def __init__(self, line: SpokenLine, is_final: bool) -> None:
        self.line = line
        self.is_final = is_final
        self.numbers = number_words(line)
        self.told: LiveLine | None = None

    @property
    def is_resolved(self) -> bool:
        return self.told is not None and self.told.is_resolved

    @property
    def was_masked(self) -> bool:
        return self.told is not None and self.told.is_masked


class _HiddenSpan(msgspec.Struct, frozen=True):
    """Time of a channel in which something was hidden for good."""

    key: _Key
    start_ms: int
    end_ms: int
    entity: Entity

    def covers(self, key: _Key, start_ms: int, end_ms: int) -> bool:
        """Tell whether a number of a line is the same that was hidden: in a revision, or in the other recogniser's words."""
        is_other = self.key[0] != key[0] and self.key[1] == key[1]
        is_near = end_ms > self.start_ms - ACROSS_MS and start_ms < self.end_ms + ACROSS_MS
        return is_near and (is_other or self.key == key)


class LivePass:
    """The live pass of one call. Time is media time, an argument of whatever depends on it."""

    def __init__(self, policy: RedactionPolicy, languages: tuple[str, ...] = ()) -> None:
        self._policy = policy
        self._languages = languages
        self._lines: dict[_Key, _Kept] = {}
        self._spans: list[_HiddenSpan] = []
        self._windows: list[int] = []
        """When somebody asked for a number."""
        self._now_ms = 0

    def take(self, line: SpokenLine, *, is_final: bool) -> LiveLine:
        """Take a line, or what has become of one of the same source, channel and key; return what of it may be shown."""
        self._now_ms = max(self._now_ms, line.end_ms)
        before = self._lines.get(_key(line))
        kept = self._lines[_key(line)] = _Kept(line, is_final)
        if not self._policy.is_on or (not kept.numbers and not self._policy.hides("pii") and not self._pending()):
            kept.told = LiveLine(line=line, stretches=(), is_final=is_final, is_resolved=is_final)
            self._forget()
            return kept.told
        if before is not None and before.told is not None:
            kept.told = msgspec.structs.replace(before.told, is_resolved=False)
        judged = self._judged(self._now_ms)[_key(line)]
        self._tell({_key(line): judged})
        return judged

    def retract(self, line: SpokenLine) -> None:
        """Forget a line that was taken back."""
        self._lines.pop(_key(line), None)

    def open_window(self, at_ms: int) -> None:
        """Hide every digit from here on until 30 s passed without one: a rule heard somebody ask for a number."""
        self._windows.append(at_ms)

    def changes(self, now_ms: int) -> tuple[LiveLine, ...]:
        """Return lines that were taken before and are shown differently now, or have been resolved since this was asked last."""
        self._now_ms = max(self._now_ms, now_ms)
        if not self._pending():
            return ()
        changed = self._tell(self._judged(self._now_ms))
        self._forget()
        return changed

    def finish(self) -> tuple[LiveLine, ...]:
        """Return every line that was not resolved, as it is shown when nothing follows any more."""
        pending = {key for key, kept in self._lines.items() if not kept.is_resolved}
        for key in pending:
            self._lines[key].is_final = True
        judged = self._judged(None)
        self._tell(judged)
        return tuple(judged[key] for key in judged if key in pending)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def _pending(self) -> bool:
        return any((kept.numbers or kept.was_masked) and not kept.is_resolved for kept in self._lines.values())

    def _tell(self, judged: dict[_Key, LiveLine]) -> tuple[LiveLine, ...]:
        changed = []
        for key, live in judged.items():
            kept = self._lines[key]
            if kept.told is None or (kept.told.stretches, kept.told.is_resolved) != (live.stretches, live.is_resolved):
                changed.append(live)
            kept.told = live
            if live.is_resolved:
                self._spans += [_span(live.line, each) for each in live.stretches]
        return tuple(changed)

    def _judged(self, now_ms: int | None) -> dict[_Key, LiveLine]:
        """Return every line that is not resolved as it may be shown; `now_ms` is None when nothing follows."""
        keys = sorted(self._lines, key=lambda key: self._lines[key].line.start_ms)
        lines = [self._lines[key].line for key in keys]
        found: list[HiddenStretch] = []
        pending: list[HiddenStretch] = []
        waiting: set[int] = set()
        sources: list[FoundBy] = ["local", "zoom"]
        for source in sources if any(line.source != "chat" for line in lines) else sources[:1]:
            numbers = [number for number, line in enumerate(lines) if line.source in (source, "chat")]
            closed, still_open, touched = self._of_source(numbers, lines, keys, now_ms)
            found += closed
            pending += still_open
            waiting |= touched
        found = list(across(lines, [*_without(found, pending), *pending]))
        waiting |= {each.line for each in across(lines, pending)}
        return {
            key: self._live_line(number, self._lines[key], found, number in waiting)
            for number, key in enumerate(keys)
            if not self._lines[key].is_resolved
        }

    def _of_source(
        self, numbers: Sequence[int], lines: Sequence[SpokenLine], keys: Sequence[_Key], now_ms: int | None
    ) -> tuple[list[HiddenStretch], list[HiddenStretch], set[int]]:
        """Return of a recogniser's words what is hidden for good, what as long as its chain is open, and lines of open chains."""
        own = [lines[number] for number in numbers]
        final = [self._lines[keys[number]].is_final for number in numbers]
        call = call_numbers(own, self._languages, self._policy.keep_after)
        verdicts = hidden_groups(call, self._policy, Limits(self._policy.any_run))
        still = [chain for place, chain in enumerate(call.chains) if self._is_open(call, place, final, now_ms)]
        unsure = {group for chain in still for group in chain.groups}
        hidden = {each.group for each in verdicts}
        masked = [
            HiddenGroup(group, "DIGITS", False)
            for chain in still
            for piece in chain.pieces
            for group in piece.groups
            if group in hidden or self._is_masked(chain, piece.kind, own, call, group)
        ]
        done = [each for each in verdicts if each.group not in unsure]
        runs = (hidden_runs(own, call, done, self._policy), hidden_runs(own, call, masked, self._policy))
        closed, waiting = (
            [
                stretch_of(numbers[line], own[line], run.first, run.last, run.entity, run.digits)
                for line, all_of in each.items()
                for run in all_of
            ]
            for each in runs
        )
        waiting += self._windowed(numbers, own, now_ms)
        touched = {numbers[call.streams[group.channel_id][group.first].line] for group in unsure}
        touched |= {numbers[call.streams[group.channel_id][group.after - 1].line] for group in unsure}
        return closed, waiting, touched

    def _is_masked(self, chain: Chain, kind: object, lines: Sequence[SpokenLine], call: CallNumbers, group: object) -> bool:
        if chain.length() >= FROM_DIGITS:
            return True
        if kind in ENTITIES and self._policy.hides(class_of(kind)):  # type: ignore[arg-type]
            return True
        touched = {call.streams[each.channel_id][each.first].line for each in chain.groups}
        return any(self._lines[_key(lines[line])].was_masked for line in touched)

    def _is_open(self, call: CallNumbers, place: int, final: Sequence[bool], now_ms: int | None) -> bool:
        """Tell whether digits may still join a chain."""
        chain = call.chains[place]
        if any(not final[call.streams[group.channel_id][group.first].line] for group in chain.groups):
            return now_ms is not None
        if now_ms is None or place < len(call.chains) - 1 or now_ms - chain.end_ms > WITHIN_MS:
            return False
        last = max(map(call.timeline.last_order, chain.groups))
        reader = max({group.channel_id for group in chain.groups}, key=lambda name: _said(chain, name))
        for name, terms in call.streams.items():
            orders, plain = call.timeline.orders[name], call.numbers[name].plain
            count = sum(orders[each] > last and final[terms[each].line] for each in plain)
            if count > (READER_WORDS if name == reader else OTHERS_WORDS):
                return False
        return True

    def _windowed(self, numbers: Sequence[int], lines: Sequence[SpokenLine], now_ms: int | None) -> list[HiddenStretch]:
        """Return every number in a capture window that is open."""
        if now_ms is None or not self._windows:
            return []
        said = sorted((places(line)[0][word], line_at, word) for line_at, line in enumerate(lines) for word in number_words(line))
        caught: dict[int, list[int]] = {}
        for opened in self._windows:
            closes, here = opened + WINDOW_MS, []
            for (start, end), line, word in said:
                if opened <= start <= closes:
                    closes = max(closes, end + WINDOW_MS)
                    here.append((line, word))
            if now_ms <= closes:
                for line, word in here:
                    caught.setdefault(line, []).append(word)
        return [
            stretch_of(numbers[line], lines[line], first, last, "DIGITS", 0)
            for line, words in caught.items()
            for first, last in runs_of(set(words))
        ]

    def _live_line(self, number: int, kept: _Kept, found: Iterable[HiddenStretch], is_waiting: bool) -> LiveLine:
        """Return a line with what is hidden in it; what was hidden before, or at the same time, stays hidden as long."""
        line = kept.line
        hidden: dict[int, Entity] = {}
        for stretch in found:
            if stretch.line == number:
                hidden |= dict.fromkeys(range(stretch.first_word, stretch.last_word + 1), stretch.entity)
        if kept.numbers:
            times, _ = places(line)
            for span in self._spans:
                covered = [word for word in kept.numbers if span.covers(_key(line), *times[word])]
                hidden = dict.fromkeys(covered, span.entity) | hidden
        if is_waiting and kept.was_masked:
            hidden |= {word: "DIGITS" for word in kept.numbers if word not in hidden}
        stretches = tuple(
            stretch_of(number, line, first, last, entity, 0)
            for entity in dict.fromkeys(hidden.values())
            for first, last in runs_of(word for word, each in hidden.items() if each == entity)
        )
        ordered = tuple(sorted(stretches, key=lambda each: each.first_word))
        return LiveLine(line=line, stretches=ordered, is_final=kept.is_final, is_resolved=kept.is_final and not is_waiting)

    def _forget(self) -> None:
        """Drop lines that nothing needs any more: those that are resolved, but for the words before the oldest that is not."""
        waiting = [kept.line.start_ms for kept in self._lines.values() if not kept.is_resolved]
        oldest = min(waiting, default=2**62)
        behind = sorted(
            (kept.line.start_ms, key) for key, kept in self._lines.items() if kept.is_resolved and kept.line.end_ms <= oldest
        )
        words = 0
        for _, key in reversed(behind):
            words += len(self._lines[key].line.words)
            if words > CONTEXT_WORDS:
                del self._lines[key]


def _key(line: SpokenLine) -> _Key:
    return line.source, line.channel_id, line.key


def _said(chain: Chain, channel_id: str) -> int:
    return sum(len(group.digits) for group in chain.groups if group.channel_id == channel_id)


def _span(line: SpokenLine, stretch: HiddenStretch) -> _HiddenSpan:
    return _HiddenSpan(_key(line), stretch.start_ms, stretch.end_ms, stretch.entity)


def _without(found: Sequence[HiddenStretch], others: Sequence[HiddenStretch]) -> list[HiddenStretch]:
    """Return stretches that share no word with others."""
    taken = {(each.line, word) for each in others for word in range(each.first_word, each.last_word + 1)}
    return [each for each in found if not any((each.line, word) in taken for word in range(each.first_word, each.last_word + 1))]
