"""The decoder's graph: phone numbers, the lexicon as a transducer, the bigrams – and the committed ones."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import exp, log
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.mini import graph, kaldi
from models.mini.build import LANGUAGES
from models.mini.lexicon import Lexicon
from models.mini.phrases import Grammar
from tests.models.reading import NOTHING, ReadFst, is_sorted, read_fst

pytestmark = pytest.mark.build

MODELS = Path(graph.__file__).parent
PHONES = graph.Phones(["AH", "B", "S"])
STAY = {"SIL": 0.8, "AH": 0.5, "B": 0.25, "S": 0.75}
HMMS = PHONES.hmms(STAY)
VOCABULARY = ["a", "bus", "sub"]
WORDS = graph.word_ids(VOCABULARY)
LEXICON: Lexicon = {
    "a": [(1.0, ["AH"])],
    "bus": [(1.0, ["B", "AH", "S"]), (0.25, ["B", "S"])],
    "sub": [(1.0, ["S", "AH", "B"])],
}


def transducer() -> ReadFst:
    return read_fst(kaldi.fst(graph.lexicon_transducer(PHONES, HMMS, WORDS, LEXICON), "output"))


def acceptor(sentences: Sequence[Sequence[str]]) -> ReadFst:
    return read_fst(kaldi.fst(graph.bigram_acceptor(sentences, WORDS, VOCABULARY), "input"))


def frames(phones: Sequence[tuple[int, int]]) -> list[int]:
    """Transition ids of (phone id, frames): the way out first, as Kaldi reorders it, then the stays."""
    return [label for phone, count in phones for label in (2 * phone, *[2 * phone - 1] * (count - 1))]


def spelled(pronunciation: Sequence[str]) -> list[int]:
    """Phone ids of a word of two phones or more."""
    positions = ["B", *"I" * (len(pronunciation) - 2), "E"]
    return [PHONES.id(phone, position) for phone, position in zip(pronunciation, positions, strict=True)]


def test_phones_are_numbered_as_the_readme_says() -> None:
    ids = [PHONES.id(phone, position) for phone in PHONES.base for position in graph.POSITIONS]
    assert ids == list(range(2, 14))
    assert [PHONES.pdf(phone) for phone in ("SIL", *PHONES.base)] == [0, 1, 2, 3]
    assert PHONES.pdf_count == 4
    assert HMMS.pdfs == (0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
    assert HMMS.stay == (0.8, *[0.5] * 4, *[0.25] * 4, *[0.75] * 4)


def test_both_tables_name_every_phone_once() -> None:
    table = [line.rsplit(" ", 1) for line in PHONES.table().splitlines()]
    assert [int(number) for _, number in table] == list(range(14))
    assert table[2:6] == [["AH_B", "2"], ["AH_I", "3"], ["AH_E", "4"], ["AH_S", "5"]]
    kinds = [line.split() for line in PHONES.word_boundaries().splitlines()]
    assert kinds[:5] == [["1", "nonword"], ["2", "begin"], ["3", "internal"], ["4", "end"], ["5", "singleton"]]
    assert [int(number) for number, _ in kinds] == list(range(1, 14))


def test_words_are_numbered_from_nothing_to_the_special_symbols() -> None:
    assert WORDS == {"<eps>": 0, "a": 1, "bus": 2, "sub": 3, "[unk]": 4, "#0": 5, "<s>": 6, "</s>": 7}


@given(st.lists(st.tuples(st.sampled_from(VOCABULARY[1:]), st.integers(1, 4)), min_size=1, max_size=3), st.booleans())
@settings(deadline=None)
def test_what_is_spelled_is_written(said: list[tuple[str, int]], pauses: bool) -> None:
    labels = frames([(1, 5)] if pauses else [])
    for word, count in said:
        labels += frames([(phone, count) for phone in spelled(LEXICON[word][0][1])] + ([(1, 2)] if pauses else []))
    found = transducer().cheapest(labels)
    assert found is not None
    assert found[1] == [WORDS[word] for word, _ in said]


def test_a_path_costs_what_its_probabilities_say() -> None:
    """The unlikely way to say "bus": no silence before (½), ¼ as likely, B for 1 frame, S for 3, no silence after (0.7)."""
    found = transducer().cheapest(frames([(PHONES.id("B", "B"), 1), (PHONES.id("S", "E"), 3)]))
    assert found is not None
    assert exp(-found[0]) == pytest.approx(0.5 * 0.25 * (1 - 0.25) * (1 - 0.75) * 0.75**2 * 0.7, rel=1e-5)


def test_a_word_does_not_stop_in_its_middle() -> None:
    assert transducer().cheapest(frames([(PHONES.id("B", "B"), 3), (PHONES.id("AH", "I"), 3)])) is None
    assert transducer().cheapest(frames([(PHONES.id("AH", "I"), 3)])) is None


def test_unknown_words_need_two_phones_and_cost_more() -> None:
    unknown = transducer().cheapest(frames([(PHONES.id("S", "B"), 1), (PHONES.id("S", "E"), 1)]))
    known = transducer().cheapest(frames([(PHONES.id("B", "B"), 1), (PHONES.id("S", "E"), 1)]))
    assert unknown is not None
    assert known is not None
    assert unknown[1] == [WORDS["[unk]"]]
    assert unknown[0] > known[0] + 3
    assert transducer().cheapest(frames([(PHONES.id("S", "S"), 2)])) is None


def followers(bigrams: ReadFst, state: int) -> dict[int, float]:
    """Probability of every next word, the end as −1, of one state: seen ones, and the others by way of the back-off."""
    seen = {arc.input: exp(-arc.cost) for arc in bigrams.arcs[state] if arc.input != NOTHING}
    if bigrams.final_costs[state] != float("inf"):
        seen[-1] = exp(-bigrams.final_costs[state])
    for arc in bigrams.arcs[state]:
        if arc.input == NOTHING:
            seen = {word: exp(-arc.cost) * chance for word, chance in followers(bigrams, arc.target).items()} | seen
    return seen


# "sub" is never said: with every word seen after a word, nothing is left to back off to.
SENTENCES = st.lists(st.lists(st.sampled_from(VOCABULARY[:2]), min_size=1, max_size=4), max_size=6)


@given(SENTENCES)
def test_what_follows_a_word_sums_to_one(sentences: list[list[str]]) -> None:
    bigrams = acceptor(sentences)
    for state in range(len(bigrams.arcs)):
        chances = followers(bigrams, state)
        assert set(chances) == {-1, 1, 2, 3}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-5)


@given(SENTENCES)
def test_bigrams_write_what_they_read_and_read_one_way(sentences: list[list[str]]) -> None:
    bigrams = acceptor(sentences)
    assert all(arc.input == arc.output for _, arc in bigrams.every_arc())
    assert all(len({arc.input for arc in arcs}) == len(arcs) for arcs in bigrams.arcs)


def test_seen_pairs_are_likelier_than_unseen_ones() -> None:
    bigrams = acceptor([["a", "bus"]] * 5)
    seen, unseen = (bigrams.cheapest([WORDS[word] for word in pair]) for pair in (["a", "bus"], ["bus", "a"]))
    assert seen is not None
    assert unseen is not None
    assert seen[0] + log(20) < unseen[0]
    assert seen[1] == [1, 2]


@pytest.fixture(scope="module", params=[("en", "model"), ("es", "model-es")], ids=["en", "es"])
def which(request: pytest.FixtureRequest) -> tuple[Grammar, Path]:
    """The grammar and graph folder of one committed model."""
    tag, folder = request.param
    return LANGUAGES[tag].grammar, MODELS / folder / "graph"


@pytest.fixture(scope="module")
def grammar(which: tuple[Grammar, Path]) -> Grammar:
    return which[0]


@pytest.fixture(scope="module")
def committed(which: tuple[Grammar, Path]) -> Mapping[str, ReadFst]:
    return {name: read_fst((which[1] / f"{name}.fst").read_bytes()) for name in ("HCLr", "Gr")}


@pytest.fixture(scope="module")
def words(which: tuple[Grammar, Path]) -> Mapping[str, int]:
    rows = [line.split() for line in (which[1] / "words.txt").read_text().splitlines()]
    return {word: int(number) for word, number in rows}


def test_the_committed_words_are_those_of_the_grammar(words: Mapping[str, int], grammar: Grammar) -> None:
    assert words == graph.word_ids(grammar.vocabulary())


def test_the_committed_pair_can_be_composed(committed: Mapping[str, ReadFst], words: Mapping[str, int], grammar: Grammar) -> None:
    lexicon, bigrams = committed["HCLr"], committed["Gr"]
    assert is_sorted(lexicon, "output")
    assert is_sorted(bigrams, "input")
    spoken = {words[word] for word in grammar.vocabulary()}
    assert {arc.input for _, arc in bigrams.every_arc()} == {NOTHING, *spoken}
    assert {arc.output for _, arc in lexicon.every_arc()} == {NOTHING, *spoken, words[graph.UNKNOWN_WORD]}


def test_the_committed_lexicon_uses_every_transition_of_silence_and_none_beyond_the_phones(
    committed: Mapping[str, ReadFst], which: tuple[Grammar, Path]
) -> None:
    last = len((which[1] / "phones" / "word_boundary.int").read_text().splitlines())
    used = {arc.input for _, arc in committed["HCLr"].every_arc()}
    assert {1, 2} <= used
    assert used <= set(range(2 * last + 1))


@pytest.mark.parametrize("name", ["HCLr", "Gr"])
def test_every_committed_state_leads_to_an_end_and_no_loop_is_free(committed: Mapping[str, ReadFst], name: str) -> None:
    fst = committed[name]
    useful = {state for state, cost in enumerate(fst.final_costs) if cost != float("inf")}
    while more := {state for state, arc in fst.every_arc() if arc.target in useful} - useful:
        useful |= more
    assert useful == set(range(len(fst.arcs)))
    silent = {(state, arc.target) for state, arc in fst.every_arc() if arc.input == NOTHING}
    reach = set(silent)
    while more := {(a, d) for (a, b), (c, d) in product(reach, silent) if b == c} - reach:
        reach |= more
    assert all(a != b for a, b in reach)


def test_every_phrase_of_the_grammar_is_accepted_and_likelier_than_salad(
    committed: Mapping[str, ReadFst], words: Mapping[str, int], grammar: Grammar
) -> None:
    def cost_per_word(text: str) -> float:
        labels = [words[word] for word in text.split()]
        found = committed["Gr"].cheapest(labels)
        assert found is not None, text
        assert found[1] == labels
        return found[0] / len(labels)

    phrase = [cost_per_word(text) for text in grammar.sentences(len(grammar.templates) * 5, seed=99)]
    salad = [cost_per_word(text) for text in grammar.word_salad(100, seed=99)]
    assert max(phrase) < 6
    assert sum(salad) / len(salad) > 3 * sum(phrase) / len(phrase)
