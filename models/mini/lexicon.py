"""Pronunciations as the engines really say them, found by splitting their sentences into words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from models.mini import tts
from models.mini.align import split_by_word
from models.mini.language import Language
from models.mini.tts import Voice

Lexicon = Mapping[str, Sequence[tuple[float, Sequence[str]]]]
"""A word's pronunciations with their probability relative to the most frequent one."""

_SENTENCES_PER_ACCENT = 450
_MOST_PRONUNCIATIONS = 5
_LEAST_SHARE = 0.08
_ALONE_COUNTS_AS = 2


def harvest(language: Language, spoken: Iterable[tuple[str, Voice, Sequence[str]]], vocabulary: Sequence[str]) -> Lexicon:
    """The pronunciations of `vocabulary` in spoken (sentence, voice, the model's phones), and of each word alone."""
    alone = {name: {word: _phones(language, word, voice) for word in vocabulary} for name, voice in language.accents.items()}
    counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for pronunciations in alone.values():
        for word, pronunciation in pronunciations.items():
            counts[word][pronunciation] += _ALONE_COUNTS_AS
    used: Counter[str] = Counter()
    for text, voice, said in spoken:
        name = language.accent(voice)
        used[name] += 1
        if used[name] > _SENTENCES_PER_ACCENT:
            continue
        phones = [phone for phone in said if phone != tts.SILENCE]
        words = text.split()
        for word, positions in zip(words, split_by_word(phones, [alone[name][word] for word in words]), strict=True):
            if positions:
                counts[word][tuple(phones[position] for position in positions)] += 1
    return {word: _frequent(counts[word]) for word in vocabulary}


def _phones(language: Language, word: str, voice: Voice) -> tuple[str, ...]:
    phones = language.phones(tts.speak(word, voice).phones, voice)
    return tuple(phone.name for phone in phones if phone.name != tts.SILENCE)


def _frequent(counts: Counter[tuple[str, ...]]) -> list[tuple[float, tuple[str, ...]]]:
    ranked = counts.most_common(_MOST_PRONUNCIATIONS)
    most = ranked[0][1]
    return [(count / most, phones) for phones, count in ranked if count == most or count >= _LEAST_SHARE * counts.total()]
