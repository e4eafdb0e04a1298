"""Chips: what stands in place of hidden words, and what a call keeps of them.

One chip for each hidden stretch, fillers inside it included. It has the first start and the last end of its words, no confidence.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.redactions import Redaction, chip_text
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine


def chipped(words: Sequence[Word], stretches: Iterable[HiddenStretch]) -> tuple[Word, ...]:
    """Return the words of a line with its hidden stretches as chips."""
    result: list[Word] = []
    done = 0
    for stretch in sorted(stretches, key=lambda each: each.first_word):
        hidden = words[stretch.first_word : stretch.last_word + 1]
        result += words[done : stretch.first_word]
        result.append(Word(chip_text(stretch.entity), hidden[0].start_ms, hidden[-1].end_ms, None))
        done = stretch.last_word + 1
    return (*result, *words[done:])


def text_of(words: Iterable[Word]) -> str:
    """Return the text of words that were chipped."""
    return " ".join(word.word for word in words)


def redactions(lines: Sequence[SpokenLine], stretches: Iterable[HiddenStretch]) -> tuple[Redaction, ...]:
    """Return what a call keeps of its hidden stretches, in order of time; one for what both recognisers heard of the same time."""
    kept: list[Redaction] = []
    for found in sorted((_redaction(lines[each.line], each) for each in stretches), key=lambda each: each.words_zoom > 0):
        twins = [place for place, each in enumerate(kept) if _is_twin(each, found)]
        if twins:
            longest = max(twins, key=lambda place: _overlap(kept[place], found))
            kept[longest] = _together(kept[longest], found)
        else:
            kept.append(found)
    return tuple(sorted(kept, key=lambda each: (each.start_ms, each.channel_id)))


def _redaction(line: SpokenLine, stretch: HiddenStretch) -> Redaction:
    count = stretch.last_word - stretch.first_word + 1
    return Redaction(
        channel_id=line.channel_id,
        entity=stretch.entity,
        start_ms=stretch.start_ms,
        end_ms=stretch.end_ms,
        digits=stretch.digits,
        found_by=stretch.found_by,
        words_local=count if line.source == "local" else 0,
        words_zoom=0 if line.source == "local" else count,
        language=line.language,
        is_timed=stretch.is_timed,
    )


def _is_twin(ours: Redaction, zooms: Redaction) -> bool:
    is_other = ours.words_local > 0 and zooms.words_zoom > 0 and zooms.found_by != "chat"
    return is_other and ours.channel_id == zooms.channel_id and _overlap(ours, zooms) > 0


def _overlap(one: Redaction, other: Redaction) -> int:
    return min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)


def _together(ours: Redaction, zooms: Redaction) -> Redaction:
    """Return both as one, named by the one that found more digits; times are ours where they can be believed, else both's."""
    named = ours if ours.digits >= zooms.digits else zooms
    return msgspec.structs.replace(
        named,
        start_ms=ours.start_ms if ours.is_timed else min(ours.start_ms, zooms.start_ms),
        end_ms=ours.end_ms if ours.is_timed else max(ours.end_ms, zooms.end_ms),
        words_local=ours.words_local,
        words_zoom=ours.words_zoom + zooms.words_zoom,
        is_timed=ours.is_timed,
    )
