"""Language of a text; the only importer of py3langid.

For Zoom's transcript only. Our own recogniser's text must never come here: an English model writes English whatever it hears, and
identification then finds English with certainty (speech of three other languages: 8 of 9 times, at 0.98 and more).

The answer is among the languages asked for: of 168 short call-center lines in 14 languages 96 % were identified so, 90 % without.
"""

import threading
from collections.abc import Iterable
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_LABELS = {"fil": "tl"}
"""Languages whose label in py3langid is not the subtag that everything here compares (`config/languages.py`)."""
_REMEMBERED = 16_384
"""Lines: a live call asks about its latest ones again with each that comes, and forty calls of an hour have some ten thousand."""

Chances = tuple[tuple[str, float], ...]
"""(language, probability), the most probable first; they sum to 1."""


class TextIdentifier:
    """Identifies languages by their ISO 639 codes. Thread-safe; loading takes half a second and 96 MB, a line 30 µs."""

    def __init__(self) -> None:
        self._engine = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._spelt = {label: language for language, label in _LABELS.items()}
        self._known = frozenset(self._spelt.get(label, label) for label in self._engine.labels)
        self._lock = threading.Lock()
        self._asked: frozenset[str] = frozenset()
        """The set that the engine is restricted to: a state of its own, hence the lock."""
        self._ranked = lru_cache(maxsize=_REMEMBERED)(self._rank)
        self._best = lru_cache(maxsize=_REMEMBERED)(lambda text, asked: self._rank(text, asked)[0])
        """Apart: chances of all languages there are would be tens of megabytes."""

    def identify(self, text: str, languages: Iterable[str]) -> Chances:
        """Return which of the languages a text is in; empty where fewer than two are known, as there is nothing to ask then."""
        asked = self._known.intersection(languages)
        if len(asked) < 2 or not text.strip():
            return ()
        return self._ranked(text, asked)

    def surest(self, text: str, languages: Iterable[str]) -> tuple[str, float] | None:
        """Return which of many languages a text is most probably in, with the probability; None where `identify` has nothing."""
        asked = self._known.intersection(languages)
        return self._best(text, asked) if len(asked) >= 2 and text.strip() else None

    def _rank(self, text: str, asked: frozenset[str]) -> Chances:
        with self._lock:
            if asked != self._asked:
                self._engine.set_languages(sorted(_LABELS.get(language, language) for language in asked))
                self._asked = asked
            return tuple((self._spelt.get(label, str(label)), float(chance)) for label, chance in self._engine.rank(text))
