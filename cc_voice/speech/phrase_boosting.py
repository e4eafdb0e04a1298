"""Phrase boosting: a second pass for phrases that somebody waits for, nothing but those (`OnlyPhrases`, for windows of a call), or
those in place of words that were heard with less confidence (`WithPhrases`, for lists of a site).

Vosk cannot prefer words, only be confined to them, and a recogniser that knows nothing but ten digits hears digits everywhere. So a
segment is heard freely first.

For windows, what was heard then competes with the phrases the second time: beside them and the word for anything else, the grammar
has the sentence of the first hearing. On the demo calls over a noisy line that is the difference between five errors in 65 digits
and one, and between two digits that nobody said and none (README). For lists it does not: the first hearing is what they are to put
right, and lost a third of them. There the phrases must be surer than the words at their place, by their confidence. A model without
a word for anything else (the small Korean one) would hear the phrases in everything, and surely so; for it the first hearing
competes in both: what a list then puts right, it puts right for good reason.

Both stand where a recogniser factory stands; a segment costs its audio in memory, and half as much time again where it is heard
again.
"""

from collections.abc import Iterable, Sequence

from cc_voice.call.utterances import Word
from cc_voice.speech.errors import GrammarError
from cc_voice.speech.grammar import ConfinableFactory, Grammar, LeftOut
from cc_voice.speech.recogniser import RecognisedSegment, Recogniser

MARK = "+phrases"
"""Behind the model's name where words of an utterance are from a list."""
DOUBT = 0.95
"""A segment is heard again where one of its words is less sure than this. (README: what this and the next cost and gain.)"""
SURE = 0.9
"""What every word of a phrase must come to in the second hearing; and their mean to the mean of the words at its place."""


class _SecondPass:
    """Hears one segment, and keeps its audio for a second time. PCM as in `Recogniser`."""

    def __init__(self, factory: ConfinableFactory, phrases: Grammar, sample_rate_hz: int) -> None:
        self._factory, self._rate, self._phrases = factory, sample_rate_hz, phrases
        self._first: Recogniser = factory.create(sample_rate_hz)
        self._pcm = bytearray()

    def accept(self, pcm: bytes) -> None:
        self._first.accept(pcm)
        self._pcm += pcm

    def partial(self) -> str:
        return self._first.partial()

    def _competing(self, heard: str) -> Grammar | None:
        """The phrases, and what was heard freely to compete with them; None: the phrases alone."""
        return self._factory.fit([*self._phrases.phrases, *([heard] if heard else [])]).grammar

    def _again(self, grammar: Grammar, *, once: bool = False) -> tuple[Word, ...]:
        second = self._factory.confined(grammar, self._rate, once=once)
        second.accept(bytes(self._pcm))
        return second.finish().words


class _Only(_SecondPass):
    def finish(self) -> RecognisedSegment:
        against = self._competing(self._first.finish().text)
        again = self._again(against or self._phrases, once=against is not None)
        return _segment(tuple(word for low, high in found(again, self._phrases.phrases) for word in again[low:high]))

    def partial(self) -> str:
        return ""


class _With(_SecondPass):
    def __init__(self, factory: ConfinableFactory, phrases: Grammar, sample_rate_hz: int) -> None:
        super().__init__(factory, phrases, sample_rate_hz)
        self._marked = factory.model_name + MARK

    def finish(self) -> RecognisedSegment:
        first = self._first.finish()
        if all((word.conf or 0.0) >= DOUBT for word in first.words):
            return first
        against = None if self._phrases.rest else self._competing(first.text)
        again = self._again(against or self._phrases, once=against is not None)
        words = replaced(first.words, [again[low:high] for low, high in found(again, self._phrases.phrases)])
        return first if words == first.words else _segment(words, self._marked)


class OnlyPhrases:
    """A factory whose recognisers return phrases and nothing else; partial words are empty."""

    def __init__(self, factory: ConfinableFactory, phrases: Iterable[str]) -> None:
        """Raises GrammarError where the model takes no grammar or knows none of the phrases."""
        self._factory = factory
        self._phrases, self.left_out = _fitted(factory, phrases)

    @property
    def model_name(self) -> str:
        return self._factory.model_name

    @property
    def language(self) -> str:
        return self._factory.language

    def create(self, sample_rate_hz: int) -> Recogniser:
        return _Only(self._factory, self._phrases, sample_rate_hz)


class WithPhrases:
    """A factory whose recognisers prefer phrases to words that they are unsure of."""

    def __init__(self, factory: ConfinableFactory, phrases: Iterable[str]) -> None:
        """Raises GrammarError where the model takes no grammar or knows none of the phrases."""
        self._factory = factory
        self._phrases, self.left_out = _fitted(factory, phrases)

    @property
    def model_name(self) -> str:
        return self._factory.model_name

    @property
    def language(self) -> str:
        return self._factory.language

    def create(self, sample_rate_hz: int) -> Recogniser:
        return _With(self._factory, self._phrases, sample_rate_hz)


def _fitted(factory: ConfinableFactory, phrases: Iterable[str]) -> tuple[Grammar, tuple[LeftOut, ...]]:
    if not factory.takes_grammars:
        raise GrammarError(f"the model {factory.model_name} cannot be confined to phrases; models with HCLr.fst and Gr.fst can")
    fitted = factory.fit(phrases)
    if fitted.grammar is None:
        unknown = ", ".join(map(str, fitted.left_out)) or "there are none"
        raise GrammarError(f"the model {factory.model_name} knows none of the phrases: {unknown}")
    return fitted.grammar, fitted.left_out


def found(words: Sequence[Word], phrases: Iterable[str]) -> list[tuple[int, int]]:
    """Return where phrases stand in a sequence of words, as [first, behind); of overlapping ones the first, then the longest."""
    wanted = sorted((phrase.split() for phrase in phrases), key=len, reverse=True)
    texts = [word.word for word in words]
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(texts):
        length = next((len(phrase) for phrase in wanted if texts[at : at + len(phrase)] == phrase), 0)
        if length:
            spans.append((at, at + length))
        at += length or 1
    return spans


def replaced(words: tuple[Word, ...], phrases: Iterable[Sequence[Word]]) -> tuple[Word, ...]:
    """Put phrases in place of the words at their times, where they win. Nothing is put where no word was heard."""
    for phrase in phrases:
        start_ms, end_ms = phrase[0].start_ms or 0, phrase[-1].end_ms or 0
        low = next((number for number, word in enumerate(words) if _middle(word) >= start_ms), len(words))
        high = next((number for number, word in enumerate(words) if _middle(word) >= end_ms), len(words))
        old = words[low:high]
        # Among them already: times differ a little, and a neighbour must not be lost
        if old and not found(old, [" ".join(word.word for word in phrase)]) and _wins(phrase, old):
            words = (*words[:low], *phrase, *words[high:])
    return words


def _wins(phrase: Sequence[Word], old: Sequence[Word]) -> bool:
    return min(word.conf or 0.0 for word in phrase) >= SURE and _mean(phrase) >= _mean(old)


def _mean(words: Sequence[Word]) -> float:
    return sum(word.conf or 0.0 for word in words) / len(words)


def _middle(word: Word) -> int:
    return ((word.start_ms or 0) + (word.end_ms or 0)) // 2


def _segment(words: tuple[Word, ...], asr_model: str | None = None) -> RecognisedSegment:
    text = " ".join(word.word for word in words)
    return RecognisedSegment(text=text, words=words, conf=_mean(words) if words else None, asr_model=asr_model)
