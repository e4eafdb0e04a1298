"""Redacted analysis: a stream's analysis with chips in place of what a policy hides, and when its sound is silenced.

It is made before anything is written and before anything is measured: metrics are computed of it the first time, too, so that
measuring again changes nothing. When and where somebody spoke, and how loud, stays as it was heard.

Sound goes wider than words, as word times stray and echo and cross-talk carry digits (`_spans`).
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from cc_voice.call import tokeniser
from cc_voice.call.analysis import ChannelAnalysis, Interval, RedactedSound, StreamAnalysis
from cc_voice.call.intervals import Intervals, canonical, clip, union
from cc_voice.call.lexicon import is_filler, normalise
from cc_voice.call.redactions import chip_text
from cc_voice.call.utterances import HiddenWords, Utterance, Word
from cc_voice.config.languages import primary
from cc_voice.quality.redaction import chips, fail_closed
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, across, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy

BEFORE_MS, AFTER_MS = 200, 300
"""Silenced before the first hidden word and after the last one."""
SAME_RUN_MS = 15_000
"""Stretches of one channel so close are one reading: what lies between them is silenced, too."""
EDGE_MS = 500
"""A span that ends so close to the edge of a piece of speech takes all of it."""
_SHORTEST_MS, _LONGEST_MS = 60, 2_000
"""A hidden word outside of this has no time that can be trusted."""
_PAUSE_MS = 100
"""Words further apart have a pause between them."""
_TONES, _TONES_WITHIN_MS = 4, 10_000
"""So many keyed tones in so much time are a number."""
_ASKED_MS = 30_000
"""How long after a number was hidden keyed tones may belong to it."""
_MARKS = frozenset(".?!…。？！؟")


def lines_of(utterances: Iterable[Utterance]) -> tuple[SpokenLine, ...]:
    """Return utterances as the finder reads them, in order of start."""
    ordered = sorted(enumerate(utterances), key=lambda one: (one[1].start_ms, one[0]))
    return tuple(
        SpokenLine(
            key=str(place),
            channel_id=said.channel_id,
            source="local" if said.source == "local" else "zoom",
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            language=said.language,
            words=said.words or tuple(Word(token) for token in said.text.split()),
        )
        for place, said in ordered
    )


def redacted(
    analysis: StreamAnalysis,
    policy: RedactionPolicy,
    files: Sequence[tuple[str, str]],
    *,
    rewritten: bool = False,
) -> StreamAnalysis:
    """Return a stream's analysis without what the policy hides.

    `files` are the channels of the recording with the parties whose ids they have in the analysis. `rewritten`: it was redacted
    before; what was hidden then stays hidden and is added to. Where the finder raises, every number word is hidden and
    the sound withheld (`withheld`).
    """
    if not policy.is_on:
        return analysis
    try:
        lines = lines_of(analysis.utterances)
        stretches = across(lines, find(lines, policy, _languages(analysis)))
        return _applied(analysis, policy, files, lines, stretches, rewritten)
    except Exception as error:  # the outermost frame of what must not fail open: what cannot be looked into is withheld
        return withheld(analysis, policy, f"the finder failed: {type(error).__name__}")


def withheld(analysis: StreamAnalysis, policy: RedactionPolicy, why: str) -> StreamAnalysis:
    """Return a stream's analysis with every number word hidden, its sound not to be played. `why` holds nothing that was said."""
    lines = lines_of(analysis.utterances)
    stretches = fail_closed.every_number(lines)
    utterances = _with_chips(analysis.utterances, lines, stretches)
    return msgspec.structs.replace(
        analysis,
        utterances=utterances,
        redactions=(*(analysis.redactions or ()), *chips.redactions(lines, stretches)),
        redacted=RedactedSound(
            policy=policy.classes,
            outcome="withheld",
            failure=why,
            spans=analysis.redacted.spans if analysis.redacted is not None else (),
        ),
    )


def _languages(analysis: StreamAnalysis) -> tuple[str, ...]:
    known = {analysis.language, *(said.language for said in analysis.utterances)}
    return tuple(sorted(known | (set(analysis.policy.candidates()) if analysis.policy is not None else set())))


def _applied(
    analysis: StreamAnalysis,
    policy: RedactionPolicy,
    files: Sequence[tuple[str, str]],
    lines: Sequence[SpokenLine],
    stretches: Sequence[HiddenStretch],
    rewritten: bool,
) -> StreamAnalysis:
    before = analysis.redactions or () if rewritten else ()
    spans = _spans(analysis, policy, files, lines, stretches)
    if rewritten and analysis.redacted is not None:
        known = dict(analysis.redacted.spans)
        spans = {name: union(known.get(name, ()), spans.get(name, ())) for name in {**known, **spans}}
    keeps = policy.audio == "keep"
    return msgspec.structs.replace(
        analysis,
        utterances=_with_chips(analysis.utterances, lines, stretches),
        redactions=tuple(
            sorted((*before, *chips.redactions(lines, stretches)), key=lambda one: (one.start_ms, one.channel_id, one.found_by))
        ),
        redacted=RedactedSound(
            policy=policy.classes,
            outcome="text_only" if keeps else "silenced",
            spans=() if keeps else tuple((name, spans[name]) for name, _ in files if spans.get(name)),
        ),
    )


# -- words -----------------------------------------------------------------------------------------------------------


def _with_chips(
    utterances: Sequence[Utterance], lines: Sequence[SpokenLine], stretches: Iterable[HiddenStretch]
) -> tuple[Utterance, ...]:
    by_key: dict[str, list[HiddenStretch]] = {}
    for stretch in stretches:
        by_key.setdefault(lines[stretch.line].key, []).append(stretch)
    return tuple(with_chips(said, by_key[str(place)]) if str(place) in by_key else said for place, said in enumerate(utterances))


def with_chips(said: Utterance, stretches: Iterable[HiddenStretch]) -> Utterance:
    """Return an utterance with hidden stretches as chips, each of which knows how much it hides."""
    raw = said.words or tuple(Word(token) for token in said.text.split())
    words: list[Word] = []
    texts: list[str] = []
    done = 0
    for stretch in sorted(stretches, key=lambda one: one.first_word):
        kept, hidden = raw[done : stretch.first_word], raw[max(done, stretch.first_word) : stretch.last_word + 1]
        if not hidden:
            continue
        chip = _chip(hidden, stretch, said.language)
        words += [*kept, chip]
        texts += [*(word.word for word in kept), chip.word + _ending(hidden[-1].word)]
        done = stretch.last_word + 1
    left = raw[done:]
    return msgspec.structs.replace(
        said, words=(*words, *left), text=" ".join([*texts, *(word.word for word in left)]), lid=said.lid
    )


def _ending(word: str) -> str:
    """Return what ends a sentence after a hidden word: a question stays one."""
    return word[-1] if word and word[-1] in _MARKS else ""


def _chip(hidden: Sequence[Word], stretch: HiddenStretch, language: str) -> Word:
    start = min((word.start_ms for word in hidden if word.start_ms is not None), default=None)
    end = max((word.end_ms for word in hidden if word.end_ms is not None), default=None)
    is_timed = all(word.start_ms is not None and word.end_ms is not None for word in hidden)
    counts = [_units(word, language) for word in hidden]
    about = HiddenWords(
        sum(word.size for word in hidden), sum(counts), stretch.digits, tuple(_runs(hidden, counts)) if is_timed else ()
    )
    return Word(chip_text(stretch.entity), start if is_timed else None, end if is_timed else None, None, about)


def _units(word: Word, language: str) -> int:
    if word.hidden is not None:
        return word.hidden.units
    plain = normalise(word.word)
    return 0 if not plain or is_filler(plain, primary(language)) else max(1, len(tokeniser.parts(plain)))


def _runs(hidden: Sequence[Word], counts: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Yield runs of counted words with no pause between them."""
    run: list[int] | None = None
    for word, count in zip(hidden, counts, strict=True):
        inner = word.hidden.runs if word.hidden is not None else ((word.start_ms or 0, word.end_ms or 0, count),)
        for start, end, units in inner:
            if not units:
                continue
            if run is not None and start - run[1] < _PAUSE_MS:
                run = [run[0], max(run[1], end), run[2] + units]
                continue
            if run is not None:
                yield (run[0], run[1], run[2])
            run = [start, end, units]
    if run is not None:
        yield (run[0], run[1], run[2])


# -- sound -----------------------------------------------------------------------------------------------------------


def _spans(
    analysis: StreamAnalysis,
    policy: RedactionPolicy,
    files: Sequence[tuple[str, str]],
    lines: Sequence[SpokenLine],
    stretches: Sequence[HiddenStretch],
) -> dict[str, Intervals]:
    """Return what is silenced of every channel of the recording."""
    speech = {name: canonical(channel.speech) for (name, _), channel in zip(files, analysis.channels, strict=True)}
    party = dict(files)
    mine: dict[str, Intervals] = {}
    for name in party:
        own = [stretch for stretch in stretches if lines[stretch.line].channel_id == party[name]]
        mine[name] = canonical(span for group in _readings(own) for span in _reading(group, lines, speech[name]))
    tones = _keyed(analysis, policy, stretches, files)
    everywhere = union(*mine.values()) if policy.both_channels and mine else ()
    limit = max(analysis.duration_ms, 0) + AFTER_MS
    return {
        name: canonical((max(0, start), min(end, limit)) for start, end in union(mine[name], tones.get(name, ()), everywhere))
        for name in party
    }


def _readings(stretches: Iterable[HiddenStretch]) -> list[list[HiddenStretch]]:
    """Return stretches of one channel in groups, each with what lies between its own to be silenced as well."""
    groups: list[list[HiddenStretch]] = []
    for stretch in sorted(stretches, key=lambda one: (one.start_ms, one.end_ms)):
        if groups and stretch.start_ms - max(one.end_ms for one in groups[-1]) <= SAME_RUN_MS and _is_one(groups[-1][-1], stretch):
            groups[-1].append(stretch)
        else:
            groups.append([stretch])
    return groups


def _is_one(before: HiddenStretch, after: HiddenStretch) -> bool:
    """Whether two stretches are pieces of one number; a code after a card is another, and what is said between may be heard."""
    return before.entity == after.entity


def _reading(group: Sequence[HiddenStretch], lines: Sequence[SpokenLine], speech: Intervals) -> Iterable[Interval]:
    start, end = min(one.start_ms for one in group) - BEFORE_MS, max(one.end_ms for one in group) + AFTER_MS
    spans = [(start, end)]
    for stretch in group:
        line = lines[stretch.line]
        if not _trusted(stretch, line):
            spans.append((line.start_ms - BEFORE_MS, line.end_ms + AFTER_MS))
            spans += [piece for piece in speech if piece[0] < line.end_ms and line.start_ms < piece[1]]
    return [_widened(span, speech) for span in canonical(spans)]


def _trusted(stretch: HiddenStretch, line: SpokenLine) -> bool:
    """Whether the times of hidden words can be believed; recognisers put some words seconds beside where they were said."""
    if not stretch.is_timed:
        return False
    times = [(word.start_ms, word.end_ms) for word in line.words]
    hidden = times[stretch.first_word : stretch.last_word + 1]
    if any(start is None or end is None for start, end in hidden):
        return False
    known = [(start, end) for start, end in times if start is not None and end is not None]
    in_order = all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(known))
    lengths = [end - start for start, end in hidden if start is not None and end is not None]
    inside = all(line.start_ms <= start <= end <= line.end_ms for start, end in known)
    return in_order and inside and all(_SHORTEST_MS <= ms <= _LONGEST_MS for ms in lengths)


def _widened(span: Interval, speech: Intervals) -> Interval:
    """Return a span with the rest of a piece of speech whose edge is near: half a digit would be left of it."""
    start, end = span
    for low, high in speech:
        if low < start < high and start - low < EDGE_MS:
            start = low
        if low < end < high and high - end < EDGE_MS:
            end = high
    return start, end


def _keyed(
    analysis: StreamAnalysis, policy: RedactionPolicy, stretches: Sequence[HiddenStretch], files: Sequence[tuple[str, str]]
) -> Mapping[str, Intervals]:
    """Return the keyed tones that are digits: many in a row, or some near a number that was hidden."""
    if not policy.hides("pci"):
        return {}
    near = canonical((one.start_ms - _ASKED_MS, one.end_ms + _ASKED_MS) for one in stretches)
    found: dict[str, Intervals] = {}
    for (name, _), channel in zip(files, analysis.channels, strict=True):
        tones = canonical(channel.tones)
        starts = [start for start, _ in tones]
        hidden = [
            tone for place, tone in enumerate(tones) if any(low <= tone[0] < high for low, high in near) or _is_row(starts, place)
        ]
        found[name] = canonical((start - BEFORE_MS, end + BEFORE_MS) for start, end in hidden)
    return found


def _is_row(starts: Sequence[int], place: int) -> bool:
    windows = range(max(0, place - _TONES + 1), place + 1)
    return any(
        first + _TONES <= len(starts) and starts[first + _TONES - 1] - starts[first] <= _TONES_WITHIN_MS for first in windows
    )


# -- measured again --------------------------------------------------------------------------------------------------


def put_back(again: StreamAnalysis, stored: StreamAnalysis) -> StreamAnalysis:
    """Return what was recognised again in a recording that is silenced in part, with what was hidden in it as it is stored.

    Where sound was silenced nobody can recognise anything any more: what was measured of it stays, with its chips.
    When and how loud people spoke stays as a whole, as a detector adapts to what it hears, and silence is no room's sound.
    """
    if stored.redacted is None or not (stored.redactions or stored.redacted.spans):
        return msgspec.structs.replace(again, redactions=stored.redactions, redacted=stored.redacted)
    kept = [said for said in stored.utterances if any(word.hidden is not None for word in said.words)]
    silent = union(*(spans for _, spans in stored.redacted.spans)) if stored.redacted.spans else ()
    touched = [said for said in stored.utterances if said.source == "local" and said not in kept and _touches(said, silent)]
    kept += touched
    new = [said for said in again.utterances if not any(_is_same(said, old) for old in kept) and not _replaced(said, silent)]
    known = {channel.channel_id: channel for channel in stored.channels}
    return msgspec.structs.replace(
        again,
        channels=tuple(_as_stored(channel, known.get(channel.channel_id), stored.duration_ms) for channel in again.channels),
        utterances=tuple(sorted((*new, *kept), key=lambda said: (said.start_ms, said.channel_id, said.source))),
        detector=stored.detector,
        redactions=stored.redactions,
        redacted=stored.redacted,
    )


def _as_stored(again: ChannelAnalysis, stored: ChannelAnalysis | None, until_ms: int) -> ChannelAnalysis:
    """Return a channel as it was measured, and beyond that, where its stream went on, as it was recognised now."""
    if stored is None:
        return again
    later = (until_ms, max(until_ms, *(end for _, end in (*again.speech, *again.music, *again.tones)), until_ms + 1))
    return msgspec.structs.replace(
        again,
        speech=union(stored.speech, clip(again.speech, later)),
        music=union(stored.music, clip(again.music, later)),
        tones=union(stored.tones, clip(again.tones, later)),
        levels=(*stored.levels, *again.levels[len(stored.levels) :]),
        echoes=(
            *stored.echoes,
            *(
                msgspec.structs.replace(echo, blocks=blocks)
                for echo in again.echoes
                if (blocks := tuple(block for block in echo.blocks if block[0] >= until_ms))
            ),
        ),
        compared=(*stored.compared, *(one for one in again.compared if one.start_ms >= until_ms)),
    )


def _touches(said: Utterance, spans: Intervals) -> bool:
    return any(start < said.end_ms and said.start_ms < end for start, end in spans)


def _is_same(said: Utterance, old: Utterance) -> bool:
    """Whether a line is of the same recogniser and time as a stored one."""
    if (said.channel_id, said.source) != (old.channel_id, old.source):
        return False
    if said.source == "zoom":
        return said.start_ms == old.start_ms
    return said.start_ms < old.end_ms and old.start_ms < said.end_ms


def _replaced(said: Utterance, silent: Intervals) -> bool:
    """Whether a line of ours begins or ends in silenced sound: what was stored of that time counts."""
    return said.source == "local" and _touches(said, silent)
