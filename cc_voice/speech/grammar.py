"""Grammars: the phrases a recogniser is confined to, and everything else as one word that is thrown away.

Only models whose graph is put together while decoding take one (`HCLr.fst` and `Gr.fst`); the others hear everything, and warn on
file descriptor 2. What ends the process inside libvosk (tried on 0.3.45, tests/speech/test_grammar.py): JSON that is no array
or an empty one, and `<eps>` as a word; anything but strings in it fails. Words that the model lacks are left out in silence, and
a phrase without its words is another phrase. So a `Grammar` is only made here, from phrases all of whose words the model
knows, and holds at least one; libvosk gets it from `Grammar.json`, never from anybody's file.

Not here: what is done with the words (phrase_boosting.py).
"""

import re
from collections.abc import Iterable
from typing import Protocol

import msgspec

from cc_voice.config.languages import primary
from cc_voice.speech.recogniser import Recogniser, RecogniserFactory

ANYTHING_ELSE = "[unk]"
"""The word of Vosk's models for what is none of the phrases; without it every sound would be forced into one of them."""

DIGITS = {
    "en": "zero oh one two three four five six seven eight nine double triple",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve doble triple",
    "ko": "공 영 일 이 삼 사 오 육 륙 칠 팔 구",
}
"""Words of numbers read aloud digit by digit, by primary language; a model has some of them."""
YES_NO = {
    "en": "yes yeah yep no nope",
    "es": "sí no claro",
    "ko": "네 예 아니요 아니오",
}

_NO_WORD = re.compile(r"[\[<#!\x00-\x20\"\\]|^$")
"""Marks of Vosk and Kaldi (`<eps>`, `#0`, `[unk]`, `!SIL`), and what their JSON reader takes for something else."""
_BRACKETED = re.compile(r"\[(\d+|[^\x00-\x7f]+)\]")
"""Numbers as the small Korean model spells them, `[4]` and `[공]`; what people say, unlike `[noise]`."""
_MARK = re.compile(r"[<#!].*|\[.*\]")
_AROUND = '.,;:!?¡¿()…"“”„«»'


class Grammar(msgspec.Struct, frozen=True):
    """Phrases for one model, made by `fit`."""

    model: str
    phrases: tuple[str, ...]
    rest: bool
    """Whether the model has a word for anything else."""
    bracketed: frozenset[str] = frozenset()
    """Which words of the phrases the model spells in brackets."""

    @property
    def json(self) -> str:
        """As Vosk takes it: spelt as the model does, and not escaped, which it would not undo."""
        spelt = [" ".join(f"[{word}]" if word in self.bracketed else word for word in phrase.split(" ")) for phrase in self.phrases]
        return msgspec.json.encode([*spelt, *([ANYTHING_ELSE] if self.rest else [])]).decode()


class LeftOut(msgspec.Struct, frozen=True):
    """A phrase that a model cannot hear, and which of its words it lacks."""

    phrase: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.phrase!r} ({', '.join(self.words)})"


class Fitted(msgspec.Struct, frozen=True):
    """What of a list of phrases a model can hear; None: nothing."""

    grammar: Grammar | None
    left_out: tuple[LeftOut, ...] = ()


class ConfinableFactory(RecogniserFactory, Protocol):
    """A factory whose model may take grammars."""

    @property
    def takes_grammars(self) -> bool:
        """Whether `confined` works."""

    def fit(self, phrases: Iterable[str]) -> Fitted:
        """Return what of these phrases the model can hear."""

    def confined(self, grammar: Grammar, sample_rate_hz: int, *, once: bool = False) -> Recogniser:
        """Return a recogniser for one segment that hears nothing but the grammar, which `fit` made. Raises RecogniserError.

        `once`: the grammar will not be asked for again.
        """


def fit(phrases: Iterable[str], model: str, vocabulary: frozenset[str]) -> Fitted:
    """Return what of these phrases a model with this vocabulary can hear, each once."""
    fitting: dict[str, None] = {}
    bracketed: set[str] = set()
    left_out: list[LeftOut] = []
    for phrase in phrases:
        words = plain_words(phrase, vocabulary)
        numbers = {
            word for word in words if word not in vocabulary and _BRACKETED.fullmatch(f"[{word}]") and f"[{word}]" in vocabulary
        }
        unknown = tuple(word for word in words if (word not in vocabulary and word not in numbers) or _NO_WORD.search(word))
        if unknown or not words:
            left_out.append(LeftOut(phrase, unknown))
        else:
            fitting[" ".join(words)] = None
            bracketed |= numbers
    grammar = Grammar(model, tuple(fitting), ANYTHING_ELSE in vocabulary, frozenset(bracketed)) if fitting else None
    return Fitted(grammar, tuple(left_out))


def as_said(word: str) -> str | None:
    """Return a model's word as people write it: `[4]` is 4; None for marks, such as `[unk]`, `<SPOKEN_NOISE>` and `!SIL`."""
    if number := _BRACKETED.fullmatch(word):
        return number[1]
    return None if _MARK.fullmatch(word) else word


def plain_words(phrase: str, vocabulary: frozenset[str] = frozenset()) -> list[str]:
    """Return a phrase's words as models spell them: without punctuation, in lower case unless the model knows it otherwise."""
    found = []
    for part in phrase.replace("’", "'").split():
        word = part.strip(_AROUND)
        if word not in vocabulary:
            word = word.lower()
        found += [word] if word in vocabulary else word.replace("-", " ").split()
    return found


def of_language(words: dict[str, str], language: str) -> tuple[str, ...]:
    """Return the words of `DIGITS` or `YES_NO` for a BCP-47 tag; none for a language that has no list."""
    return tuple(words.get(primary(language), "").split())
