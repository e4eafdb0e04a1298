"""Word lists and how tokens are matched against them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call import lexicon
from cc_voice.call.lexicon import announces_wait, digits_in, is_backchannel, is_filler, normalise
from cc_voice.config.languages import primary


@pytest.mark.parametrize("lists", [lexicon.BACKCHANNELS, lexicon.FILLERS, lexicon.WAIT_PHRASES])
def test_english_and_spanish_lists_have_at_most_30_entries(lists: dict[str, frozenset[str] | tuple[str, ...]]) -> None:
    assert set(lists) == {"en", "es"}
    for entries in lists.values():
        assert 0 < len(entries) <= 30
        assert len(set(entries)) == len(entries)


@pytest.mark.parametrize("lists", [lexicon.BACKCHANNELS, lexicon.FILLERS, lexicon.WAIT_PHRASES])
def test_every_entry_is_spelt_as_tokens_are(lists: dict[str, frozenset[str] | tuple[str, ...]]) -> None:
    """An entry that `normalise` would change could never match."""
    for entries in lists.values():
        for entry in entries:
            assert [normalise(token) for token in entry.split()] == entry.split()


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("Okay,", "okay"),
        ("¿Sí?", "sí"),
        ("si\u0301", "sí"),
        ("H\u0331", "\u1e96"),
        ("I’ll", "i'll"),
        ("uh-huh.", "uh-huh"),
        ("…", ""),
        ("", ""),
        ("4111,", "4111"),
        ("नमस्ते।", "नमस्ते"),
        ("नहीं", "नहीं"),
        ("„Grüße“", "grüße"),
    ],
)
def test_normalise(token: str, word: str) -> None:
    assert normalise(token) == word


@given(st.text(max_size=12))
def test_normalising_twice_is_once(token: str) -> None:
    assert normalise(normalise(token)) == normalise(token)


@pytest.mark.parametrize(("tag", "subtag"), [("es-MX", "es"), ("EN_us", "en"), ("zh-Hans-CN", "zh"), ("yue", "yue"), ("", "")])
def test_primary_subtag(tag: str, subtag: str) -> None:
    assert primary(tag) == subtag


def test_lists_are_matched_by_language() -> None:
    assert is_backchannel("yeah", "en-AU")
    assert is_backchannel("vale", "es-MX")
    assert not is_backchannel("vale", "en")
    assert not is_backchannel("yeah", "de")
    assert is_filler("um", "en-US")
    assert not is_filler("okay", "en")
    assert not is_filler("um", "de")


@pytest.mark.parametrize(
    ("words", "language", "announced"),
    [
        ("please hold on for me", "en", True),
        ("i'll check that", "en", True),
        ("household on fire", "en", False),
        ("a momentary lapse", "en", False),
        ("wait", "en", False),
        ("déjeme ver un segundo", "es-US", True),
        ("dejeme VER un segundo", "es", True),
        ("espe\u0301reme", "es", True),
        ("", "en", False),
        ("one moment", "de", None),
    ],
)
def test_a_wait_phrase_is_whole_words(words: str, language: str, announced: bool | None) -> None:
    assert announces_wait(words.split(), language) is announced


@pytest.mark.parametrize(
    ("word", "language", "digits"),
    [
        ("four", "en", 1),
        ("oh", "en", 1),
        ("4111", "en", 4),
        ("4111-1111", "en", 8),
        ("1,234.50", "en", 6),
        ("cuatro", "es", 1),
        ("dieciséis", "es", 1),
        ("einundvierzig", "de", 1),
        ("quatre-vingt-dix", "fr", 1),
        ("cuatro", "en", 0),
        ("card", "en", 0),
        ("", "en", 0),
        ("4th", "en", 0),
        ("٤١", "ar", 2),
    ],
)
def test_digits_of_a_word(word: str, language: str, digits: int) -> None:
    assert digits_in(word, language) == digits
