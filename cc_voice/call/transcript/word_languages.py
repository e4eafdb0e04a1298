"""Languages of words: which of a few languages each word of a line is in, where speakers mix them inside an utterance. Pure.

A line is a hidden Markov model whose states are languages; each word is evidence, its neighbours are more, and the language of the
line is what it begins with. How probable a word is in a language says a small model of that language: a share of its words is in
our list (`word_lists.py`), each as often as Zipf's law gives its place; the rest is spelt letter by letter, each by the two before
it as the list's words have them, and its ending may be one that the language is known for. So `to` is English beside English and
Hindi beside Hindi, and `reembolso`, which is in no list, may be told to be Spanish.

Words of a script that one of the languages alone is written in are that language's; loan words in the letters of the language
around them are its own. Numbers are nobody's.

Ruled out: identification of the whole line (`speech/text_language.py`), which has one answer for all of its words, and
dictionaries, which would be somebody else's work and megabytes. A language without a list is not told from others of its script:
NULL, not 0.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

import msgspec

from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.lexicon import normalise
from cc_voice.call.tokeniser import parts
from cc_voice.call.transcript.scripts import LATIN, script_of, scripts_of
from cc_voice.call.transcript.word_lists import ENDINGS, WORDS

_LISTED = 0.6
"""How many of the words of mixed lines stand in a list of a language's commonest; of plain English calls it is four in five."""
_ZIPF_OFFSET = 3
_ENDING = 5.0
"""How much likelier one of a language's endings makes a word of it."""
_DOUBT = 1e-4
"""However strange a word is to a language: a name, a brand, a slip of the recogniser may be anybody's."""
_STAY = 0.75
"""How probable it is that a word is in the language of the one before; borrowed words come singly."""
_LINES_OWN = 0.5
"""How much of the first word's probability belongs to the language of the line; the rest is everybody's."""
_TELLING_WORDS = 3
"""Different words of a language's list that tell of it; calls in English have at most one of another's."""
_LETTERS = 40
_UNSEEN = 1.5
"""How much room some letters leave for what was never seen to follow them, for each that was (Witten and Bell have 1)."""
_MOST_UNLIKE = -50.0
_LONGEST = 32
"""Letters of a word that are looked at: products of more would be 0."""


class _Spelling:
    """How a language spells words that are in no list of it: letters by the two before them, from its list's words. Immutable."""

    def __init__(self, language: str) -> None:
        listed = WORDS[language]
        self._rank = dict(listed) | {plain: place for word, place in listed.items() if (plain := _plain(word)) not in listed}
        weights = {word: 1 / (place + _ZIPF_OFFSET) for word, place in listed.items()}
        self._total = sum(weights.values())
        self._runs: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        for word in self._rank:
            spelt = f"^^{word}$"
            for at in range(2, len(spelt)):
                for size in range(3):
                    self._runs[spelt[at - size : at + 1]] += 1
                    self._before[spelt[at - size : at]] += 1
        self._kinds = Counter(run[:-1] for run in self._runs)
        self._endings = ENDINGS[language]

    def chance(self, word: str) -> float:
        """Return how probable the language makes a word."""
        place = self._rank.get(word)
        listed = 0.0 if place is None else _LISTED / (place + _ZIPF_OFFSET) / self._total
        return listed + (1 - _LISTED) * self._spelt(word)

    def _spelt(self, word: str) -> float:
        spelt = f"^^{word[:_LONGEST]}$"
        letters = math.prod(self._letter(spelt[at - 2 : at], spelt[at]) for at in range(2, len(spelt)))
        known = any(word.endswith(ending) and len(word) > len(ending) + 1 for ending in self._endings)
        return letters * (_ENDING if known else 1.0)

    def _letter(self, before: str, letter: str) -> float:
        """A letter's probability by the two before it, by the one, by none; longer runs count more, where they were seen."""
        chance = 1 / _LETTERS
        for size in range(3):
            context = before[2 - size :]
            seen, kinds = self._before[context], self._kinds[context]
            if seen:
                chance += (self._runs[context + letter] / seen - chance) * seen / (seen + _UNSEEN * kinds)
        return max(chance, 1e-6)


@cache
def _spelling(language: str) -> _Spelling:
    return _Spelling(language)


@lru_cache(maxsize=65_536)
def _log_chance(word: str, language: str) -> float:
    return math.log(_spelling(language).chance(word))


def _plain(word: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", word) if unicodedata.category(one) != "Mn")


class WrittenLine(msgspec.Struct, frozen=True):
    """A line of Zoom's transcript."""

    language: str
    """In which the line is as a whole (primary subtag)."""
    words: tuple[str, ...]
    """Its units of speech, in lower case."""


def choice(lines: Sequence[WrittenLine], policy: LanguagePolicy) -> tuple[str, ...] | None:
    """Return the languages that a party's words may be in; None where words of one that was spoken cannot be told from others.

    They are the site's and those spoken. Where the site's set is open, English joins, out of which most is borrowed, and any other
    of whose list the lines have several words that no language so far knows: speakers of Hindi in Latin letters are tagged `en`.
    """
    spoken = dict.fromkeys(line.language for line in lines if any(_is_word(word) for word in line.words))
    known = dict.fromkeys([*spoken, *policy.candidates()])
    if policy.is_open:
        known |= dict.fromkeys(["en"])
        known |= dict.fromkeys(_unexpected((word for line in lines for word in line.words), tuple(known)))
    told = tuple(language for language in known if _is_told(language, tuple(known)))
    return told if spoken.keys() <= set(told) else None


def _unexpected(words: Iterable[str], known: Sequence[str]) -> list[str]:
    said = set(words) - {word for language in known if language in WORDS for word in WORDS[language]}
    return [language for language, listed in WORDS.items() if language not in known and len(said & listed.keys()) >= _TELLING_WORDS]


def _is_told(language: str, among: Sequence[str]) -> bool:
    """Whether words of a language can be told from those of others: by a list, or by a script that it has for itself."""
    others = [other for other in among if other != language]
    script = scripts_of(language)[0]
    return language in WORDS or (script != LATIN and not any(script in scripts_of(other) for other in others))


def _is_word(word: str) -> bool:
    return any(map(str.isalpha, word))


def line_words(text: str) -> tuple[str, ...]:
    """Return the units of speech of a text, in lower case."""
    return tuple(normalise(part) for token in text.split() for part in parts(token))


def mostly(words: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return languages other than those known in whose lists most words of a line are, and in no list of these."""
    theirs = {word for language in known if language in WORDS for word in WORDS[language]}
    counts = {language: sum(word in listed and word not in theirs for word in words) for language, listed in WORDS.items()}
    return [language for language, count in counts.items() if language not in known and 2 * count > len(words)]


def romanised(text: str, languages: Sequence[str]) -> dict[str, float]:
    """Return how probable it is that a text in Latin letters is in a language that also has another script, by word lists.

    Identification (`speech/text_language.py`) knows Hindi in its own script only, and is sure that it is English in ours. Measured
    against English and those of `languages` that have a list; empty where there is none of that kind among them.
    """
    twofold = [language for language in languages if language in WORDS and scripts_of(language)[0] != LATIN]
    if not twofold or script_of(text) != LATIN:
        return {}
    rivals = list(dict.fromkeys(["en", *(language for language in languages if language in WORDS)]))
    evidence = [_evidence(word, rivals) for word in line_words(text) if _is_word(word)]
    totals = [math.exp(max(_MOST_UNLIKE, total)) for total in _leads([sum(each) for each in zip(*evidence, strict=True)])]
    return {language: totals[rivals.index(language)] / sum(totals) for language in twofold}


def _leads(scores: Sequence[float]) -> list[float]:
    return [score - max(scores) for score in scores]


def word_languages(line: WrittenLine, languages: Sequence[str]) -> list[str | None]:
    """Return the language of each word of a line, out of those to choose from (primary subtags); None for a number."""
    words = line.words
    told = [(place, _evidence(word, languages)) for place, word in enumerate(words) if _is_word(word)]
    found: list[str | None] = [None] * len(words)
    if not told:
        return found
    count = len(languages)
    own = _LINES_OWN if line.language in languages else 0.0
    score = [math.log((own if one == line.language else 0.0) + (1 - own) / count) for one in languages]
    stay, leave = math.log(_STAY), math.log((1 - _STAY) / max(1, count - 1))
    came: list[list[int]] = []
    score = [a + b for a, b in zip(score, told[0][1], strict=True)]
    for _, evidence in told[1:]:
        steps = [[score[old] + (stay if old == new else leave) for old in range(count)] for new in range(count)]
        came.append([max(range(count), key=step.__getitem__) for step in steps])
        score = [max(step) + one for step, one in zip(steps, evidence, strict=True)]
    state = max(range(count), key=score.__getitem__)
    for (place, _), before in zip(reversed(told), [*reversed(came), [0] * count], strict=True):
        found[place] = languages[state]
        state = before[state]
    return found


def _evidence(word: str, languages: Sequence[str]) -> list[float]:
    """The logarithm of a word's probability in each language, none of them hopeless."""
    script = script_of(word)
    theirs = [one for one in languages if script in scripts_of(one)]
    if not theirs:
        return [0.0] * len(languages)
    if script != LATIN:
        return [0.0 if one in theirs else math.log(_DOUBT) for one in languages]
    chances = [_log_chance(word, one) if one in theirs and one in WORDS else -math.inf for one in languages]
    best = max(chances)
    return [max(one - best, math.log(_DOUBT)) if best > -math.inf else 0.0 for one in chances]
