"""The sentiment lexicon: what utterances score, and what its files may hold."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.tokeniser import words
from cc_voice.media.lexicons import shipped_entries, site_lexicon
from cc_voice.quality.sentiment.lexicon import LARGEST, MODEL, Lexicon, LexiconEntry, LexiconError, read_entries

OURS = Lexicon(shipped_entries())


@pytest.mark.parametrize(
    ("text", "score", "label"),
    [
        ("Thank you.", 2, "pos"),
        ("thank you very much", 3, "pos"),
        ("Thank you for calling, have a great day!", 0, "neu"),
        ("no thank you", 0, "neu"),
        ("this is unacceptable", -4, "neg"),
        ("It's UNACCEPTABLE and ridiculous", -5, "neg"),
        ("I'm happy", 3, "pos"),
        ("i am not really that happy", -2.1, "neg"),
        ("I don't love it but it's not great", None, None),
        ("it isn't helpful", -2.1, "neg"),
        ("it isnt helpful", -2.1, "neg"),
        ("not that i am so very happy", None, None),
        ("that's great but you charged twice", -1, "mixed"),
        ("my account number is five", 0, "neu"),
        ("[CARD_NUMBER] is my card number", 0, "neu"),
    ],
)
def test_what_an_utterance_scores(text: str, score: float | None, label: str | None) -> None:
    found = OURS.sentiment(text)
    assert found is not None
    assert score is None or found.score == pytest.approx(score)
    assert label is None or found.label == label


def test_too_short_to_say() -> None:
    assert OURS.sentiment("") is None
    assert OURS.sentiment("main street") is None
    assert OURS.sentiment("[CARD_NUMBER] [CVV] street name") is None
    assert OURS.sentiment("thanks") is not None


def test_both_in_one_utterance_are_mixed() -> None:
    found = OURS.sentiment("that is wonderful but this is still unacceptable")
    assert found is not None
    assert (found.score, found.label) == (-1, "mixed")


def test_no_phrase_crosses_a_chip_and_a_chip_is_no_word() -> None:
    own = Lexicon([LexiconEntry("card number", -3), LexiconEntry("very good", 4), LexiconEntry("not", -1)])
    for text in ("my [CARD_NUMBER] is here", "it is very [NAME] good"):
        found = own.sentiment(text)
        assert found is not None
        assert found.score == 0


def test_longer_phrases_come_first_wherever_they_begin() -> None:
    own = Lexicon([LexiconEntry("a b", 1), LexiconEntry("b c d", -2), LexiconEntry("a", 5)])
    found = own.sentiment("a b c d")
    assert found is not None
    assert found.score == 3


@given(st.lists(st.sampled_from([entry.phrase for entry in shipped_entries()] + ["not", "the", "bill", "[CVV]"]), max_size=12))
def test_scores_are_cut_and_labels_follow_them(parts: list[str]) -> None:
    found = OURS.sentiment(" ".join(parts))
    if found is not None:
        assert -LARGEST <= found.score <= LARGEST
        assert found.label != "pos" or found.score >= 1
        assert found.label != "neg" or found.score <= -1


def test_ours_are_few_and_no_two_are_the_same_words() -> None:
    folded = [tuple(words(entry.phrase)) for entry in shipped_entries()]
    assert len(folded) == len(set(folded)) <= 300


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ('[{phrase = "x", score = 6}]', "scores 6"),
        ('[{phrase = "x", score = nan}]', "scores nan"),
        ('[{phrase = "...", score = 1}]', "0 words"),
        ('[{phrase = "x", score = 1, colour = "red"}]', "colour"),
        ('[{phrase = "x", score = 1, party = "agent"}]', "party"),
        ('[{phrase = "x"}]', "score"),
        ("[", "site.toml"),
    ],
)
def test_what_a_file_may_not_hold(entries: str, told: str) -> None:
    with pytest.raises(LexiconError, match=told):
        read_entries(f'format = 1\nlanguage = "en"\nentries = {entries}', "site.toml")
    with pytest.raises(LexiconError, match="there is a model of"):
        read_entries('format = 1\nlanguage = "de"\nentries = []', "site.toml")


def test_words_of_a_site_come_over_ours_and_are_named(tmp_path: Path) -> None:
    assert site_lexicon(tmp_path).model == MODEL
    folder = tmp_path / "sentiment"
    folder.mkdir()
    own = '{ phrase = "Router keeps dropping", score = -3 }, { phrase = "brilliant", score = 0 }'
    (folder / "site.toml").write_text(f'format = 1\nlanguage = "en"\nentries = [{own}]')
    mine = site_lexicon(tmp_path)
    assert mine.model.startswith(f"{MODEL}+")
    assert mine.model == site_lexicon(tmp_path).model
    for text, score in (("my router keeps dropping", -3), ("oh brilliant", 0), ("thanks", 2)):
        found = mine.sentiment(text)
        assert found is not None
        assert found.score == score


def test_a_file_that_cannot_be_used_costs_its_own_words_only(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment"
    folder.mkdir()
    (folder / "a.toml").write_text("entries = [")
    (folder / "b.toml").write_bytes(b"\xff\xfe")
    (folder / "c.toml").write_text('format = 1\nlanguage = "en"\nentries = [{ phrase = "zonk", score = -2 }]')
    found = site_lexicon(tmp_path).sentiment("zonk")
    assert found is not None
    assert found.score == -2
