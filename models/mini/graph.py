"""What the decoder searches: phone numbers, the lexicon as a transducer (HCL), the word bigrams (G).

libvosk composes the two while decoding.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import log

from models.mini.kaldi import Arc, Fst, Hmms
from models.mini.lexicon import Lexicon
from models.mini.tts import SILENCE

POSITIONS = {"B": "begin", "I": "internal", "E": "end", "S": "singleton"}
"""Where a phone stands in its word. Word times in results come from these."""

UNKNOWN_WORD = "[unk]"

_SILENCE_ID = 1
_SILENCE_FIRST = 0.5
_SILENCE_BETWEEN = 0.3
_UNKNOWN_ENTER, _UNKNOWN_PHONE = 6.0, 3.5
_DISCOUNT = 0.4
_UNSEEN_COUNT = 0.3


class Phones:
    """Numbers of phones.

    Silence is id 1, pdf 0. Base phone k, from 0, has four ids from 2 + 4k, by position, and one pdf, k + 1.
    """

    def __init__(self, base: Sequence[str]) -> None:
        self.base = tuple(base)
        self._index = {phone: number for number, phone in enumerate(self.base)}

    def id(self, phone: str, position: str) -> int:
        """The id at one of the POSITIONS."""
        return 2 + 4 * self._index[phone] + list(POSITIONS).index(position)

    def pdf(self, phone: str) -> int:
        """The number of the network output."""
        return 0 if phone == SILENCE else self._index[phone] + 1

    @property
    def pdf_count(self) -> int:
        """How many outputs the network has."""
        return len(self.base) + 1

    def hmms(self, stay: Mapping[str, float]) -> Hmms:
        """The Markov models, given each phone's probability of staying for another 30 ms."""
        ids = [SILENCE, *(phone for phone in self.base for _ in POSITIONS)]
        return Hmms(tuple(map(self.pdf, ids)), tuple(stay[phone] for phone in ids))

    def table(self) -> str:
        """graph/phones.txt."""
        rows = ["<eps> 0", f"{SILENCE} {_SILENCE_ID}"]
        rows += [f"{phone}_{position} {self.id(phone, position)}" for phone in self.base for position in POSITIONS]
        return "\n".join(rows) + "\n"

    def word_boundaries(self) -> str:
        """graph/phones/word_boundary.int."""
        rows = [f"{_SILENCE_ID} nonword"]
        rows += [f"{self.id(phone, position)} {kind}" for phone in self.base for position, kind in POSITIONS.items()]
        return "\n".join(rows) + "\n"


def word_ids(vocabulary: Sequence[str]) -> dict[str, int]:
    """Numbers of words as in graph/words.txt: nothing is 0, special symbols stand last."""
    return {word: number for number, word in enumerate(["<eps>", *vocabulary, UNKNOWN_WORD, "#0", "<s>", "</s>"])}


def lexicon_transducer(phones: Phones, hmms: Hmms, words: Mapping[str, int], lexicon: Lexicon) -> Fst:
    """Transition ids in, words out: every pronunciation from and to one loop state, with silence allowed between.

    A phone is an arc with its leave id into a state that loops on its stay id. That the leave id comes *first* is
    what Kaldi calls reorder, and word alignment relies on it. Words are written on their first arc.
    """
    graph = Fst()
    start, loop, word_end = graph.add_state(), graph.add_state(), graph.add_state()
    graph.final_costs[loop] = 0.0

    def phone_arc(source: int, phone: int, word: int, cost: float) -> int:
        target = graph.add_state()
        stay = hmms.stay[phone - 1]
        graph.add_arc(source, Arc(hmms.leave_id(phone), word, cost - log(1 - stay), target))
        graph.add_arc(target, Arc(hmms.stay_id(phone), 0, -log(stay), target))
        return target

    def silence(source: int, probability: float) -> None:
        after = phone_arc(source, _SILENCE_ID, 0, -log(probability))
        graph.add_arc(after, Arc(0, 0, 0.0, loop))
        graph.add_arc(source, Arc(0, 0, -log(1 - probability), loop))

    silence(start, _SILENCE_FIRST)
    silence(word_end, _SILENCE_BETWEEN)
    for word, pronunciations in sorted(lexicon.items()):
        for probability, pronunciation in pronunciations:
            state, label, cost = loop, words[word], -log(probability)
            for phone, position in zip(pronunciation, _positions(len(pronunciation)), strict=True):
                state = phone_arc(state, phones.id(phone, position), label, cost)
                label, cost = 0, 0.0
            graph.add_arc(state, Arc(0, 0, 0.0, word_end))
    # The unknown word: two phones or more, any. Not in G, so only a grammar given at run time can print it.
    middle = graph.add_state()
    for phone in phones.base:
        first = phone_arc(loop, phones.id(phone, "B"), words[UNKNOWN_WORD], _UNKNOWN_ENTER)
        inner = phone_arc(middle, phones.id(phone, "I"), 0, _UNKNOWN_PHONE)
        last = phone_arc(middle, phones.id(phone, "E"), 0, _UNKNOWN_PHONE)
        for source, target in ((first, middle), (inner, middle), (last, word_end)):
            graph.add_arc(source, Arc(0, 0, 0.0, target))
    return graph


def _positions(length: int) -> str:
    return "S" if length == 1 else "B" + "I" * (length - 2) + "E"


def bigram_acceptor(sentences: Sequence[Sequence[str]], words: Mapping[str, int], vocabulary: Sequence[str]) -> Fst:
    """Back-off bigrams with absolute discounting: a state for every last word and one that has forgotten it."""
    following: dict[str, Counter[str]] = defaultdict(Counter)
    unigrams = dict.fromkeys([*vocabulary, "</s>"], _UNSEEN_COUNT)
    for sentence in sentences:
        for word, after in zip(["<s>", *sentence], [*sentence, "</s>"], strict=True):
            following[word][after] += 1
            unigrams[after] += 1
    total = sum(unigrams.values())
    graph = Fst()
    states = {"<s>": graph.add_state()}
    forgotten = graph.add_state()
    states |= {word: graph.add_state() for word in vocabulary}

    def step(source: int, word: str, probability: float) -> None:
        if word == "</s>":
            graph.final_costs[source] = -log(probability)
        else:
            graph.add_arc(source, Arc(words[word], words[word], -log(probability), states[word]))

    for word, count in unigrams.items():
        step(forgotten, word, count / total)
    for word, state in states.items():
        seen = following[word]
        count_all = sum(seen.values())
        for after, count in seen.items():
            step(state, after, (count - _DISCOUNT) / count_all)
        # What the discount freed is spread over the words never seen after this one.
        freed = _DISCOUNT * len(seen) / count_all if seen else 1.0
        unseen = 1.0 - sum(unigrams[after] for after in seen) / total
        graph.add_arc(state, Arc(0, 0, -log(freed / unseen), forgotten))
    return graph
