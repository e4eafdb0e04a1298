"""Stems: which words of a site are forms of one word, by Snowball's rules for its language.

Words are compared folded, without accents, so a stem is one of the folded word. That serves English and Spanish; German `gekundigt`
has another stem than `kundigen`, and there the forms are written out, or a prefix.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import snowballstemmer

from cc_voice.quality.rules.expressions import Stems

_STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""Primary subtag → Snowball's name; a language that is not here has no stems, and `~` stands for the word alone."""


@cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(_STEMMERS[language])


def stem(word: str, language: str) -> str:
    """Return the stem of a folded word, itself in a language without stems."""
    return str(_stemmer(language).stemWord(word)) if language in _STEMMERS else word


def forms_of(vocabulary: Mapping[str, Iterable[str]]) -> Mapping[str, Stems]:
    """Return, for each language, what finds the forms of a word among the words of a site."""
    return {language: _in_language(language, known) for language, known in vocabulary.items()}


def _in_language(language: str, known: Iterable[str]) -> Stems:
    by_stem: dict[str, set[str]] = defaultdict(set)
    for word in known:
        by_stem[stem(word, language)].add(word)

    def forms(word: str) -> Collection[str]:
        return by_stem.get(stem(word, language), ())

    return forms
