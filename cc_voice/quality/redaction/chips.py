"""Chips: what stands in place of hidden words, and what a call keeps of them.

One chip for each hidden stretch, fillers inside it included. It has the first start and the last end of its words, no confidence.
"""

from collections.abc import Iterable, Sequence

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
    """Return what a call keeps of its hidden stretches, in order of time."""
    found = [
        Redaction(
            channel_id=lines[each.line].channel_id,
            entity=each.entity,
            start_ms=each.start_ms,
            end_ms=each.end_ms,
            digits=each.digits,
            found_by=each.found_by,
            words_local=each.last_word - each.first_word + 1 if lines[each.line].source == "local" else 0,
            words_zoom=each.last_word - each.first_word + 1 if lines[each.line].source != "local" else 0,
            language=lines[each.line].language,
            is_timed=each.is_timed,
        )
        for each in stretches
    ]
    return tuple(sorted(found, key=lambda each: (each.start_ms, each.channel_id)))
