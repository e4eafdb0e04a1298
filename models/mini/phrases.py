"""A grammar of phrases: templates with slots. Which phrases, say `english.py` and `spanish.py`.

Whatever is to be recognised must be made of a grammar's words, best in its orders. To teach a model more, add there and rebuild.
"""

import random
import re
from collections.abc import Mapping, Sequence

import msgspec

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u3099\u309a"
"""What belongs to the letter before it: vowels and tones of Hebrew, Arabic and Thai."""
_WORD = re.compile(rf"(?:[^\W_]|[{_MARKS}])+(?:'[^\W_]+)?")
_SLOT = re.compile(r"\{(\w+)\}")


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """The phrases that a tiny model knows."""

    templates: Sequence[str]
    """Words in lower case and {slots}."""
    slots: Mapping[str, Sequence[str]]
    """What may stand in a slot; again words and slots."""
    words: Sequence[str] = ()
    """Words that no phrase needs, for the salad."""

    def vocabulary(self) -> list[str]:
        """Every word the model can print, sorted."""
        texts = [*self.templates, *(value for values in self.slots.values() for value in values)]
        return sorted({*self.words, *(word for text in texts for word in _SLOT.sub(" ", text).split())})

    def sentences(self, count: int, seed: int) -> list[str]:
        """Random sentences; every template is visited, a quarter are two templates in a row."""
        rng = random.Random(seed)
        out = []
        for position in range(count):
            template = self.templates[position % len(self.templates)] if rng.random() < 0.6 else rng.choice(self.templates)
            more = [rng.choice(self.templates)] if rng.random() < 0.25 else []
            out.append(" ".join(self._fill(part, rng) for part in [template, *more]))
        return out

    def word_salad(self, count: int, seed: int) -> list[str]:
        """Random word strings, so that every word is heard beside many others, not only in its template."""
        rng = random.Random(seed)
        words = self.vocabulary()
        return [" ".join(rng.choices(words, k=rng.randint(3, 6))) for _ in range(count)]

    def _fill(self, template: str, rng: random.Random) -> str:
        return _SLOT.sub(lambda slot: self._fill(rng.choice(self.slots[slot[1]]), rng), template)


def alternatives(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Slots from their short form: what may stand there, separated by bars."""
    return {name: tuple(values.split("|")) for name, values in table.items()}


def spoken_words(text: str) -> list[str]:
    """The words of written text: lower case, without punctuation."""
    return _WORD.findall(text.lower())


def unknown_words(text: str, known: Sequence[str]) -> list[str]:
    """Words of `text` that are not in `known`."""
    return [word for word in spoken_words(text) if word not in known]
