"""Words in time: what a party said in a leg, ready to be counted.

Zoom's words have no times. For counting they are spread evenly over their utterance, which is right to a second or so: good enough
to tell hold from talk and quarter from quarter, not good enough for backchannels or to store.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cc_voice.call import tokeniser
from cc_voice.call.intervals import Intervals, contains, overlapping
from cc_voice.call.lexicon import digits_in, is_filler, normalise
from cc_voice.call.utterances import HiddenWords, Utterance, word_count
from cc_voice.config.languages import primary


class SpokenWord(msgspec.Struct, frozen=True):
    """A word of a party; times are exact where `timed`, else estimated."""

    text: str
    """Normalised."""
    start_ms: int
    end_ms: int
    timed: bool
    conf: float | None
    language: str
    """Primary subtag."""
    hidden_digits: int = 0
    """Of a word that a chip hides: how many digits it counts for, at least 1. Its text is the chip's."""

    @property
    def at_ms(self) -> int:
        """The middle of the word: where it is counted."""
        return (self.start_ms + self.end_ms) // 2


def spoken(utterances: Iterable[Utterance]) -> tuple[SpokenWord, ...]:
    """Return the words of utterances in order of time."""
    words = [word for utterance in utterances for word in _of_utterance(utterance)]
    return tuple(sorted(words, key=lambda word: (word.start_ms, word.end_ms)))


def _of_utterance(utterance: Utterance) -> list[SpokenWord]:
    count, span = word_count(utterance.words), max(0, utterance.end_ms - utterance.start_ms)
    language = primary(utterance.language)
    found: list[SpokenWord] = []
    place = 0
    for word in utterance.words:
        timed = word.start_ms is not None and word.end_ms is not None
        start = word.start_ms if word.start_ms is not None else utterance.start_ms + span * place // count
        end = word.end_ms if word.end_ms is not None else utterance.start_ms + span * (place + word.size) // count
        place += word.size
        if word.hidden is not None:
            found += _hidden(word.hidden, (start, max(start, end)), timed, language)
        else:
            found.append(SpokenWord(normalise(word.word), start, max(start, end), timed, word.conf, language))
    return found


def _hidden(hidden: HiddenWords, span: tuple[int, int], timed: bool, language: str) -> Iterator[SpokenWord]:
    """Yield the words that a chip hides, spread evenly over each run of them: where speech pauses they do, too."""
    digits, done = max(hidden.digits, hidden.units), 0
    for start, end, units in hidden.runs or ((*span, hidden.units),):
        for place in range(units):
            low, high = (start + (end - start) * edge // units for edge in (place, place + 1))
            share = digits * (done + 1) // hidden.units - digits * done // hidden.units
            done += 1
            yield SpokenWord(tokeniser.CHIP_TERM, low, high, timed, None, language, share)


def within(words: Iterable[SpokenWord], analysed: Intervals, speech: Intervals) -> tuple[SpokenWord, ...]:
    """Return words that belong to speech in analysed time; those with estimated times need not meet speech."""
    return tuple(word for word in words if contains(analysed, word.at_ms) and (not word.timed or len(meets(speech, word)) > 0))


def meets(speech: Intervals, word: SpokenWord) -> range:
    """Return the indexes of the intervals of speech that a word touches; a word without duration lasts a millisecond."""
    return overlapping(speech, (word.start_ms, max(word.end_ms, word.start_ms + 1)))


def counted(words: Iterable[SpokenWord]) -> tuple[SpokenWord, ...]:
    """Return what counts as speech, unit by unit: words without fillers and without tokens that are punctuation only.

    Tokens of scripts without spaces, as Zoom writes whole sentences in one, are their characters, spread evenly over the time.
    """
    kept = (word for word in words if word.text and not is_filler(word.text, word.language))
    return tuple(unit for word in kept for unit in _units(word))


def _units(word: SpokenWord) -> Iterator[SpokenWord]:
    parts = tokeniser.parts(word.text)
    if len(parts) < 2:
        yield word
        return
    span = word.end_ms - word.start_ms
    for place, part in enumerate(parts):
        start, end = (word.start_ms + span * edge // len(parts) for edge in (place, place + 1))
        yield msgspec.structs.replace(word, text=normalise(part), start_ms=start, end_ms=end)


def read_out(words: Sequence[SpokenWord], minimum_digits: int) -> frozenset[int]:
    """Return the indexes of words that belong to a number of at least so many digits read out in one go (perhaps with pauses)."""
    found: set[int] = set()
    run: list[int] = []
    digits = 0
    for index in range(len(words) + 1):
        here = (words[index].hidden_digits or digits_in(words[index].text, words[index].language)) if index < len(words) else 0
        if here:
            run.append(index)
            digits += here
            continue
        if digits >= minimum_digits:
            found.update(run)
        run, digits = [], 0
    return frozenset(found)
