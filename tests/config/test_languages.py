"""Language tags: one spelling for each, and nothing taken for a language that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.config.languages import tag


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("en", "en"),
        ("EN", "en"),
        (" en_us ", "en-US"),
        ("pt-br", "pt-BR"),
        ("es-419", "es-419"),
        ("ZH_hant_tw", "zh-Hant-TW"),
        ("sr-latn", "sr-Latn"),
        ("cmn", "cmn"),
        ("tl", "fil"),
        ("tl-PH", "fil-PH"),
        ("yue-hk", "yue-HK"),
    ],
)
def test_a_tag_has_one_spelling(text: str, spelling: str) -> None:
    assert tag(text) == spelling


@pytest.mark.parametrize(
    "text", ["", "klingon", "xx", "e", "english", "en-", "en--US", "en-USA", "en US", "en-US-x", "ën", "e\u0301n", "12"]
)
def test_what_is_no_tag_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no language tag; write for example en"):
        tag(text)


@given(st.text())
def test_a_spelling_is_spelt_the_same_again(text: str) -> None:
    try:
        spelling = tag(text)
    except ValueError:
        return
    assert tag(spelling) == spelling
    assert tag(spelling.lower().replace("-", "_")) == spelling
