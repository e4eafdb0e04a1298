"""Finder: where in the words of a call numbers are that nobody shall read.

All words of a call go in, of every channel and of both recognisers; each recogniser's are looked at by themselves, and what is
found in the one hides the same time in the other (`across`). The way: words → terms of each channel → groups of digits → chains
over turns and parties → what the policy hides of them (`verdicts`) → words of lines (here).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from cc_voice.call.redactions import Entity, FoundBy
from cc_voice.quality.redaction.call_numbers import CallNumbers, call_numbers
from cc_voice.quality.redaction.emails import WRITTEN, spoken_emails
from cc_voice.quality.redaction.groups import Group
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.quality.redaction.terms import SpokenLine as SpokenLine
from cc_voice.quality.redaction.terms import Term, listed, number_words, places, terms_of
from cc_voice.quality.redaction.verdicts import MONTHS, HiddenGroup, Limits, hidden_groups

SHORTEST_MS, LONGEST_MS = 60, 2_000
"""Times of a hidden word that is shorter or longer are not believed."""
BESIDE_MS = 1_000
"""Words further apart are not beside each other."""
ACROSS_MS = 3_000
"""Words of Zoom's have estimated times: number words so near to what the other recogniser's words hide are the same."""


class HiddenStretch(msgspec.Struct, frozen=True, kw_only=True):
    """Words of one line that are hidden together."""

    line: int
    """Index in the lines that were given."""
    key: str
    first_word: int
    last_word: int
    """The last word that is hidden, itself included."""
    entity: Entity
    digits: int
    """0 where it is hidden for what the other recogniser heard."""
    start_ms: int
    end_ms: int
    is_timed: bool
    """Whether the times are those of words that can be believed; if not, the sound of the whole line has to be hidden."""
    found_by: FoundBy


class _HiddenRun(NamedTuple):
    """Words of a line from first to last, as what."""

    first: int
    last: int
    entity: Entity
    digits: int


def find(lines: Sequence[SpokenLine], policy: RedactionPolicy, languages: Sequence[str] = ()) -> tuple[HiddenStretch, ...]:
    """Return what a policy hides in the lines of a call, in order of line and word.

    Lines of both recognisers and of the chat may be given together: what one hides, `across` hides in the other. `languages`
    are those that the call may be in, beside the tags of its lines.
    """
    return find_within(lines, policy, languages, Limits(policy.any_run))


def find_within(
    lines: Sequence[SpokenLine], policy: RedactionPolicy, languages: Sequence[str], limits: Limits
) -> tuple[HiddenStretch, ...]:
    """Return what is hidden where so much is enough."""
    if not policy.is_on:
        return ()
    known = (*languages, *dict.fromkeys(line.language for line in lines))
    found: dict[tuple[int, int], HiddenStretch] = {}
    recognisers: list[FoundBy] = [source for source in ("local", "zoom") if any(line.source == source for line in lines)]
    for source in recognisers or ["chat"]:
        numbers = [number for number, line in enumerate(lines) if line.source in (source, "chat")]
        for stretch in _found_in([lines[number] for number in numbers], policy, known, limits):
            line = numbers[stretch.line]
            found.setdefault((line, stretch.first_word), msgspec.structs.replace(stretch, line=line))
    return across(lines, _apart(found.values()))


def _apart(stretches: Iterable[HiddenStretch]) -> list[HiddenStretch]:
    """Return stretches none of which lies in another: chat is read with the words of either recogniser."""
    kept: list[HiddenStretch] = []
    for stretch in sorted(stretches, key=lambda each: (each.line, each.first_word, -each.last_word)):
        if kept and kept[-1].line == stretch.line and kept[-1].last_word >= stretch.first_word:
            if kept[-1].last_word < stretch.last_word:
                kept[-1] = msgspec.structs.replace(
                    kept[-1], last_word=stretch.last_word, end_ms=max(kept[-1].end_ms, stretch.end_ms)
                )
            continue
        kept.append(stretch)
    return kept


def _found_in(
    lines: Sequence[SpokenLine], policy: RedactionPolicy, languages: Sequence[str], limits: Limits
) -> Iterable[HiddenStretch]:
    call = call_numbers(lines, languages, policy.keep_after)
    for line, runs in sorted(hidden_runs(lines, call, hidden_groups(call, policy, limits), policy).items()):
        yield from (stretch_of(line, lines[line], run.first, run.last, run.entity, run.digits) for run in runs)


def stretch_of(number: int, line: SpokenLine, first: int, last: int, entity: Entity, digits: int) -> HiddenStretch:
    """Return the words of a line from first to last as a stretch."""
    times, is_timed = places(line)
    hidden = times[first : last + 1]
    return HiddenStretch(
        line=number,
        key=line.key,
        first_word=first,
        last_word=last,
        entity=entity,
        digits=digits,
        start_ms=min(start for start, _ in hidden),
        end_ms=max(end for _, end in hidden),
        is_timed=is_timed and all(SHORTEST_MS <= end - start <= LONGEST_MS for start, end in hidden),
        found_by=line.source,
    )


# -- from groups to words --------------------------------------------------------------------------------------------


def hidden_runs(
    lines: Sequence[SpokenLine], call: CallNumbers, groups: Sequence[HiddenGroup], policy: RedactionPolicy
) -> dict[int, list[_HiddenRun]]:
    """Return the words that are hidden in each line, in order."""
    marks: dict[int, dict[int, tuple[Entity, int]]] = {}
    """Line → word → as what, and with how many digits."""
    for hidden in groups:
        _mark(marks, call, hidden)
    for name in call.streams:
        _mark_beside(marks, call, name, [each for each in groups if each.group.channel_id == name])
    found = {line: _joined(lines[line], words, call) for line, words in marks.items()}
    if policy.hides("pii"):
        _add_emails(found, lines, call)
    return found


def _mark(marks: dict[int, dict[int, tuple[Entity, int]]], call: CallNumbers, hidden: HiddenGroup) -> None:
    group = hidden.group
    terms = call.streams[group.channel_id]
    for term in terms[group.first : group.after]:
        marks.setdefault(term.line, {}).setdefault(term.word, (hidden.entity, 0))
    for numeral in group.numerals:
        term = terms[numeral.first]
        entity, digits = marks[term.line][term.word]
        marks[term.line][term.word] = (entity, digits + len(numeral.digits))
    if hidden.entity in ("EXPIRY", "DATE_OF_BIRTH"):
        for step, edge in ((-1, group.first - 1), (1, group.after)):
            place = edge
            while 0 <= place < len(terms) and abs(place - edge) < 3 and terms[place].text in _OF_DATES:
                place += step
            dates = terms[place + 1 : edge + 1] if step < 0 else terms[edge:place]
            if any(term.text in MONTHS or term.text in _ORDINALS for term in dates):
                for term in dates:
                    marks.setdefault(term.line, {}).setdefault(term.word, (hidden.entity, 0))


_ORDINALS = listed("""
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth erster zweiter dritter vierter funfter sechster
    siebter achter neunter zehnter thirtieth primero premier ersten zweiten dritten vierten funften sechsten siebten
    achten neunten zehnten elften zwolften
""")
_OF_DATES = MONTHS | _ORDINALS | {"of", "the", "de", "del", "th", "st", "nd", "rd"}


def _mark_beside(
    marks: dict[int, dict[int, tuple[Entity, int]]], call: CallNumbers, name: str, groups: Sequence[HiddenGroup]
) -> None:
    """Mark what recognisers hear in place of digits right beside hidden ones, and every number inside a hidden card."""
    terms, numbers = call.streams[name], call.numbers[name]
    covered = {place: each.entity for each in groups for place in range(each.group.first, each.group.after)}
    for each in groups:
        for step, edge in ((-1, each.group.first - 1), (1, each.group.after)):
            place = edge
            while _is_beside(terms, place, step) and (place in numbers.doubtful or (each.is_card and place in covered)):
                if place not in covered:
                    marks.setdefault(terms[place].line, {}).setdefault(terms[place].word, (each.entity, 0))
                place += step
    for chain in call.chains:
        inside = [each for each in groups if each.is_card and each.group in chain.groups]
        if len(inside) > 1 and _is_reader(chain.groups, name):
            first, after = min(each.group.first for each in inside), max(each.group.after for each in inside)
            more = {place for each in numbers.amounts for place in range(each.first, each.after)} | numbers.doubtful
            talk = Counter(terms[place].line for place in numbers.plain)
            for place in sorted(each for each in more & set(range(first, after)) if talk[terms[each].line] < 2):
                marks.setdefault(terms[place].line, {}).setdefault(terms[place].word, (inside[0].entity, 0))
    for each in groups:
        if each.is_card:
            for amount in numbers.amounts:
                if amount.first == each.group.after and terms[amount.first].line == terms[amount.first - 1].line:
                    for term in terms[amount.first : amount.after]:
                        marks.setdefault(term.line, {}).setdefault(term.word, (each.entity, 0))


def _is_beside(terms: Sequence[Term], place: int, step: int) -> bool:
    """Tell whether a term stands right before or behind the one a step back."""
    if not 0 <= place < len(terms):
        return False
    first, last = (terms[place - step], terms[place]) if step > 0 else (terms[place], terms[place - step])
    return last.start_ms - first.end_ms < BESIDE_MS


def _is_reader(groups: Iterable[Group], name: str) -> bool:
    said: dict[str, int] = {}
    for group in groups:
        said[group.channel_id] = said.get(group.channel_id, 0) + len(group.digits)
    return max(said, key=lambda channel: said[channel]) == name


def _joined(line: SpokenLine, words: Mapping[int, tuple[Entity, int]], call: CallNumbers) -> list[_HiddenRun]:
    """Return the hidden words of a line as runs; between two of a kind also what breaks no row, or anything if half is hidden."""
    runs: list[_HiddenRun] = []
    is_mostly_hidden = 2 * len(words) >= len(line.words)
    doubtful = _doubtful_words(line, call)
    for word in sorted(words):
        entity, digits = words[word]
        if runs and runs[-1].entity == entity:
            between = range(runs[-1].last + 1, word)
            if is_mostly_hidden or all(place in doubtful for place in between):
                runs[-1] = runs[-1]._replace(last=word, digits=runs[-1].digits + digits)
                continue
        runs.append(_HiddenRun(word, word, entity, digits))
    return runs


def _doubtful_words(line: SpokenLine, call: CallNumbers) -> frozenset[int]:
    words = call.words
    return frozenset(
        place
        for place, word in enumerate(line.words)
        if all(text in words.fillers or text in words.joins or text in words.alike for text, _, _ in terms_of(word.word))
    )


def _add_emails(found: dict[int, list[_HiddenRun]], lines: Sequence[SpokenLine], call: CallNumbers) -> None:
    spans: list[tuple[int, int, int]] = [
        (number, place, place)
        for number, line in enumerate(lines)
        for place, word in enumerate(line.words)
        if WRITTEN.search(word.word)
    ]
    for terms in call.streams.values():
        for first, after in spoken_emails(terms):
            for line in {term.line for term in terms[first:after]}:
                places_there = [term.word for term in terms[first:after] if term.line == line]
                spans.append((line, min(places_there), max(places_there)))
    for line, first, last in spans:
        runs = [part for run in found.get(line, []) for part in _outside(run, first, last)]
        found[line] = sorted([*runs, _HiddenRun(first, last, "EMAIL", 0)])


def _outside(run: _HiddenRun, first: int, last: int) -> list[_HiddenRun]:
    """Return what of a run is outside of some words."""
    if run.last < first or run.first > last:
        return [run]
    before = [run._replace(last=first - 1)] if run.first < first else []
    return [*before, *([run._replace(first=last + 1, digits=0 if before else run.digits)] if run.last > last else [])]


# -- the other recogniser --------------------------------------------------------------------------------------------


def across(lines: Sequence[SpokenLine], found: Sequence[HiddenStretch]) -> tuple[HiddenStretch, ...]:
    """Return what was found and, beside it, the words of the other recogniser at the same time."""
    hidden: dict[int, set[int]] = {}
    for stretch in found:
        hidden.setdefault(stretch.line, set()).update(range(stretch.first_word, stretch.last_word + 1))
    more: list[HiddenStretch] = []
    by_channel: dict[tuple[str, FoundBy], list[int]] = {}
    for number, line in enumerate(lines):
        by_channel.setdefault((line.channel_id, line.source), []).append(number)
    for stretch in found:
        source = lines[stretch.line].source
        if source == "chat":
            continue
        other: FoundBy = "zoom" if source == "local" else "local"
        for number in by_channel.get((lines[stretch.line].channel_id, other), ()):
            line = lines[number]
            if line.end_ms < stretch.start_ms - ACROSS_MS or line.start_ms > stretch.end_ms + ACROSS_MS:
                continue
            taken = hidden.setdefault(number, set())
            words = _same_time(line, stretch, [each for each in found if each.line == number]) - taken
            taken |= words
            for first, last in runs_of(words):
                twin = stretch_of(number, line, first, last, stretch.entity, 0)
                more.append(msgspec.structs.replace(twin, found_by=stretch.found_by))
    return tuple(sorted([*found, *more], key=lambda each: (each.line, each.first_word)))


def _same_time(line: SpokenLine, stretch: HiddenStretch, own: Sequence[HiddenStretch]) -> set[int]:
    """Return the words of a line that were said with a stretch of the other recogniser's: its number words, and whatever else is at
    that time, unless times are estimated and what was found in the line itself tells better where the number is."""
    times, is_timed = places(line)
    near = {
        place
        for place in number_words(line)
        if times[place][1] > stretch.start_ms - ACROSS_MS and times[place][0] < stretch.end_ms + ACROSS_MS
    }
    is_known = any(each.start_ms < stretch.end_ms + ACROSS_MS and each.end_ms > stretch.start_ms - ACROSS_MS for each in own)
    if is_known and not (is_timed and stretch.is_timed):
        return near
    return near | {
        place
        for place, (start, end) in enumerate(times)
        if stretch.start_ms <= (start + end) // 2 < stretch.end_ms or (start <= stretch.start_ms and end >= stretch.end_ms)
    }


def runs_of(words: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last of words that stand beside each other."""
    runs: list[tuple[int, int]] = []
    for word in sorted(words):
        if runs and word == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], word)
        else:
            runs.append((word, word))
    return runs
