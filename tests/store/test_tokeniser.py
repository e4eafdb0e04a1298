"""The tokeniser in SQL and in Python: equal for every character and every text, and what it does to some of them."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call import tokeniser
from cc_voice.store.migration import tokeniser_macros
from tests.stored_calls import Connection, new_store


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    with new_store() as store:
        yield store


def in_sql(con: Connection, texts: list[str]) -> list[list[str]]:
    return [row[0] for row in con.execute("select search_words(said) from (select unnest(?::text[]) as said)", [texts]).fetchall()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I'd like a REFUND, please!", ["i", "d", "like", "a", "refund", "please"]),
        ("Café où Łódź Straße", ["cafe", "ou", "lodz", "strasse"]),
        ("cafe\u0301", ["cafe"]),
        ("退款 to my 卡", ["退", "款", "to", "my", "卡"]),
        ("が", ["が"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ёлка МОЙ", ["елка", "мои"]),
        ("DE89 3704-0044", ["de89", "3704", "0044"]),
        ("ΛΟΓΑΡΙΑΣΜΌΣ λογαριασμός", ["λογαριασμοσ", "λογαριασμοσ"]),
        ("ma sœur Æble", ["ma", "soeur", "aeble"]),
        ("ｶﾞｿﾘﾝ", ["ガ", "ソ", "リ", "ン"]),
        ("ＡＢＣ１２３ ① ½ ㎏ ﬁn", ["abc123", "1", "1", "2", "kg", "fin"]),
        ("كــتــاب ٠١٢", ["كتاب", "012"]),
        ("مُحَمَّد", ["محمد"]),
        ("soft\u00adhyphen zero\u200bwidth \u202atext\u202c", ["softhyphen", "zerowidth", "text"]),
        ("l’eau об\u02bcєкт l\u00b4avion", ["l", "eau", "об", "єкт", "l", "avion"]),
        ("İSTANBUL ısı", ["istanbul", "isi"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("2ème", ["2eme"]),
        ("it's [CARD_NUMBER] thanks", ["it", "s", "0redacted0", "thanks"]),
        ("[CVV][EXPIRY]ünd卡[CODE]", ["0redacted0", "0redacted0", "und", "卡", "0redacted0"]),
        ("[card] [CARD NUMBER] [] [9]", ["card", "card", "number", "9"]),
        ("...", []),
        ("", []),
    ],
)
def test_a_text_as_words(con: Connection, text: str, words: list[str]) -> None:
    assert tokeniser.words(text) == words
    assert in_sql(con, [text]) == [words]


def test_every_character_is_the_same_word_in_both(con: Connection) -> None:
    """Alone and inside a word; of the large blocks that Unicode gives one rule (Han, Hangul, planes without letters) a sample."""
    blocks = (range(1, 0x3400), range(0xA000, 0xAC00), range(0xD7A4, 0xD800), range(0xE000, 0x17000), range(0x1AFF0, 0x20000))
    letters = [chr(number) for block in blocks for number in block]
    letters += [chr(number) for number in random.Random(1).sample([*range(0x3400, 0xD7A4), *range(0x17000, 0x110000)], 2_000)]
    texts = [text for letter in letters for text in (letter, f"क{letter}ह")]
    assert in_sql(con, texts) == list(map(tokeniser.words, texts))


LETTERS = st.one_of(
    st.sampled_from(["[CARD_NUMBER]", "[A_]", "[", "]", "A"]),
    st.characters(codec="utf-8"),
    st.characters(codec="utf-8", categories=["L", "M", "N"]),
    st.sampled_from("abzAZ09 '-.ßßσΣςéœÆİıłＡ１ｶﾞ한글ᄒ\u11ab漢字ーが\u3099ที่ខ្មែរمـ٣é\u0301\u200d½ﷺ㍿ﬃ"),
)
TEXTS = st.lists(LETTERS, max_size=30).map("".join).filter(lambda text: "\0" not in text)


@given(st.lists(TEXTS, min_size=40, max_size=40))
@settings(max_examples=250, deadline=None)
def test_sql_and_python_agree_on_every_text(con: Connection, texts: list[str]) -> None:
    assert in_sql(con, texts) == list(map(tokeniser.words, texts))


@given(TEXTS)
@settings(max_examples=500)
def test_a_span_is_where_its_word_stands(text: str) -> None:
    spans, words = tokeniser.spans(text), tokeniser.words(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert len(spans) in (0, len(words))
    if all(before[1] <= after[0] for before, after in pairwise(spans)):  # else a character stands for several words
        assert not spans or [tokeniser.words(text[start:end]) for start, end in spans] == [[word] for word in words]


def test_a_copy_gets_the_macros_of_the_store(con: Connection) -> None:
    import duckdb

    with duckdb.connect() as copy:
        copy.execute(tokeniser_macros())
        texts = ["Café ＡＢＣ ½", "ｶﾞｿﾘﾝ", "don't", "[CARD_NUMBER]"]
        assert in_sql(copy, texts) == in_sql(con, texts)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("I'd like 3,000 well-known mm-hm", 5),
        ("quisiera cancelar mi contrato", 4),
        ("안녕하세요 저는 고객입니다", 3),
        ("請求書についてお聞きしたい", 13),
        ("iPhoneとPixelを", 4),
        ("ｶﾞｿﾘﾝ", 4),
        ("สวัสดี", 4),
        ("ခွင့်", 2),
        ("– … ?", 0),
        ("", 0),
        ("été, n’est-ce pas ?", 3),
    ],
)
def test_units_are_words_or_characters(text: str, units: int) -> None:
    assert tokeniser.units(text) == units
